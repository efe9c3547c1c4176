/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cmd/arping.h"
#include "pkg/json/json.h"
#include "pkg/log/log.h"
#include "pkg/stream/stream.h"

enum { MS = 1000, NODE_TRIES = 2, NODE_WAIT_MS = 150, NODE_SETTLE_MS = 20 };

struct entry {
	struct addr ip;
	char *name;
	bool own; /* it is this host's */
};

struct arping_nodes {
	struct arping_nodes_options o;
	const struct api_kind *kinds[2]; /* Node, and the end */
	struct source *source;
	struct probe *probe;
	struct entry *entries;
	size_t n;
	bool settled;
};

bool arping_nodes_wanted(const struct arping_nodes_options *o)
{
	return o->needed || o->source.from || o->source.server.kubeconfig || o->source.server.context;
}

bool arping_nodes_settled(const struct arping_nodes *n)
{
	return n->settled;
}

struct probe *arping_nodes_probe(struct arping_nodes *n)
{
	return n->probe;
}

void arping_nodes_free(struct arping_nodes *n)
{
	if (!n)
		return;
	source_close(n->source);
	probe_free(n->probe);
	for (size_t i = 0; i < n->n; i++)
		free(n->entries[i].name);
	free(n->entries);
	free(n);
}

static void settle(struct arping_nodes *n)
{
	source_close(n->source);
	n->source = NULL;
	if (n->settled)
		return;
	n->settled = true;
	n->o.changed(n->o.arg);
}

void arping_nodes_give_up(struct arping_nodes *n)
{
	settle(n);
}

static bool is_own_mac(const struct arping_nodes *n, const struct mac *m)
{
	for (size_t i = 0; i < n->o.world->links_n; i++)
		if (n->o.world->links[i].ethernet && mac_equal(&n->o.world->links[i].mac, m))
			return true;
	return false;
}

/* Whether the entry is at that MAC; `alone`: and at no other, so that there is no doubt. */
static bool is_at(const struct arping_nodes *n, const struct entry *at, const struct mac *m, bool alone)
{
	const struct probe_target *t = n->probe ? probe_find(n->probe, &at->ip) : NULL;

	if (at->own)
		return is_own_mac(n, m);
	if (!t || (alone && t->macs > 1))
		return false;
	for (const struct probe_answer *a = NULL; (a = probe_answer(n->probe, t, a));)
		if (mac_equal(&a->mac, m))
			return true;
	return false;
}

const char *arping_nodes_name(const struct arping_nodes *n, const struct mac *m)
{
	for (int alone = 1; alone >= 0; alone--)
		for (size_t i = 0; i < n->n; i++)
			if (is_at(n, &n->entries[i], m, alone))
				return n->entries[i].name;
	return NULL;
}

bool arping_nodes_is_here(const struct arping_nodes *n, const char *name)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->entries[i].own && !strcmp(n->entries[i].name, name))
			return true;
	return false;
}

/* Names are a courtesy: what goes wrong with them is told only to who asked for them. */
static void complain(const struct arping_nodes *n, const char *text)
{
	if (arping_nodes_wanted(&n->o))
		log_warn(NULL, "no names of nodes: %s", text);
	else
		log_debug("nodes", "no names of nodes: %s", text);
}

static int add(struct arping_nodes *n, const struct addr *ip, const char *name, struct err *e)
{
	struct entry *grown = reallocarray(n->entries, n->n + 1, sizeof(*grown));

	if (!grown)
		return err_memory(e);
	n->entries = grown;
	grown[n->n] = (struct entry){ .ip = *ip, .name = strdup(name) };
	if (!grown[n->n].name)
		return err_memory(e);
	n->n++;
	return 0;
}

static void forget(struct arping_nodes *n, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < n->n; i++)
		if (strcmp(n->entries[i].name, name) != 0)
			n->entries[kept++] = n->entries[i];
		else
			free(n->entries[i].name);
	n->n = kept;
}

static int take_record(struct arping_nodes *n, const char *text, size_t len, struct err *e)
{
	CLEANUP(json_freep) struct json *record = json_parse(text, len, e);
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	const struct json *object = json_get(record, "object");
	const char *kind = json_string(json_get(object, "kind"));
	enum record_type type;
	struct api_node node;

	if (!record)
		return -1;
	type = record_type_of(record);
	if (!kind || strcmp(kind, "Node") != 0 ||
	    (type != RECORD_ADDED && type != RECORD_MODIFIED && type != RECORD_DELETED))
		return 0;
	if (api_node_decode(&node, object, &arena, e) < 0)
		return -1;
	forget(n, node.meta.name);
	for (size_t i = 0; type != RECORD_DELETED && i < node.internal_ips_n; i++)
		if (add(n, &node.internal_ips[i], node.meta.name, e) < 0)
			return -1;
	return 0;
}

static void on_record(void *arg, const char *text, size_t len)
{
	struct err e = ERR_INIT;

	if (take_record(arg, text, len, &e) < 0)
		complain(arg, e.text);
}

/* This host's own addresses need no asking. */
static void know_own(struct arping_nodes *n)
{
	for (size_t i = 0; i < n->o.world->addresses_n; i++) {
		const struct netlink_address *a = &n->o.world->addresses[i];

		for (size_t k = 0; k < n->n; k++)
			n->entries[k].own |= addr_equal(&n->entries[k].ip, &a->addr);
	}
}

/* The address to ask for nodes from: nobody's in ARP; in NDP the link's own, since asking from :: is
 * more than asking. */
static struct addr source_for(const struct arping_nodes *n, int ifindex, enum addr_family family)
{
	for (size_t i = 0; i < n->o.world->addresses_n && family == ADDR_IPV6; i++) {
		const struct netlink_address *a = &n->o.world->addresses[i];

		if (a->ifindex == ifindex && a->addr.family == family && a->link_local && !a->tentative)
			return a->addr;
	}
	return (struct addr){ 0 };
}

/* Where to ask for a node: where its route leads, if that is one of the links in use.  From another
 * address than the user's own question about it, so that the answers can be told apart. */
static bool link_for(const struct arping_nodes *n, const struct addr *ip, struct probe_link *l)
{
	struct err ignored = ERR_INIT; /* no route: the first will do */
	struct netlink_route r;

	*l = n->o.links[0];
	if (n->o.links_n > 1 && netlink_route(ip, &r, &ignored) == 0)
		for (size_t i = 0; i < n->o.links_n; i++)
			if (n->o.links[i].ifindex == r.ifindex)
				*l = n->o.links[i];
	l->source = source_for(n, l->ifindex, ip->family);
	return ip->family == ADDR_IPV4 || l->source.family;
}

static int ask(struct arping_nodes *n, struct err *e)
{
	const struct probe_options options = {
		.mode = PROBE_ASK,
		.count = NODE_TRIES,
		.rate = n->o.rate,
		.interval_us = NODE_WAIT_MS * MS,
		.wait_us = NODE_WAIT_MS * MS,
		.settle_us = NODE_SETTLE_MS * MS,
		.until_answered = true,
	};
	CLEANUP(probe_freep) struct probe *p = probe_new(&options, e);
	size_t asked = 0;

	if (!p)
		return -1;
	know_own(n);
	for (size_t i = 0; i < n->n; i++) {
		struct range r = { n->entries[i].ip, n->entries[i].ip };
		struct probe_link l;

		if (n->entries[i].own || !link_for(n, &r.first, &l))
			continue;
		if (probe_add(p, &l, &r, e) < 0)
			return -1;
		asked++;
	}
	if (asked == 0) {
		settle(n);
		return 0;
	}
	if (probe_start(p, loop_clock_us(), e) < 0)
		return -1;
	n->probe = TAKE(p);
	n->o.changed(n->o.arg);
	return 0;
}

static void on_ended(void *arg)
{
	struct arping_nodes *n = arg;
	struct err e = ERR_INIT;

	source_close(n->source);
	n->source = NULL;
	if (n->settled)
		return;
	if (n->n == 0)
		complain(n, "there is no Node with an InternalIP");
	if (ask(n, &e) < 0) {
		complain(n, e.text);
		settle(n);
	}
}

static void on_failed(void *arg, const struct err *e)
{
	complain(arg, e->text);
	settle(arg);
}

/* Whoever asked for names waits for an API server that may come back; others don't. */
static void on_warned(void *arg, const char *text)
{
	struct arping_nodes *n = arg;

	complain(n, text);
	if (!arping_nodes_wanted(&n->o))
		settle(n);
}

void arping_nodes_event(struct arping_nodes *n, const struct probe_event *ev)
{
	if (ev->what == PROBE_DONE)
		settle(n);
}

/* The Nodes are known; only where they are isn't. */
static void use_records(struct arping_nodes *n)
{
	const char *at = n->o.records->data, *end = at + n->o.records->len;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		on_record(n, at, newline ? (size_t)(newline - at) : (size_t)(end - at));
		at = newline ? newline + 1 : end;
	}
	on_ended(n);
}

struct arping_nodes *arping_nodes_new(
    struct loop *l, const struct arping_nodes_options *o, struct err *e)
{
	struct arping_nodes *n = calloc(1, sizeof(*n));
	struct source_events ev = { on_record, on_ended, on_failed, on_warned, n };
	struct err why = ERR_INIT;

	if (!n) {
		err_memory(e);
		return NULL;
	}
	n->o = *o;
	n->o.source.once = true;
	n->kinds[0] = api_kind_find("Node", "");
	if (o->off) {
		n->settled = true;
		return n;
	}
	if (o->records && o->records->len) {
		use_records(n);
		return n;
	}
	if (o->records) {
		n->settled = true;
		return n;
	}
	n->source = source_open(l, &n->o.source, n->kinds, &ev, &why);
	if (n->source)
		return n;
	if (arping_nodes_wanted(o)) {
		*e = why;
		free(n);
		return NULL;
	}
	complain(n, why.text);
	n->settled = true;
	return n;
}
