/* SPDX-License-Identifier: Apache-2.0 */
/* The other nodes of the cluster: at which MACs they are, and when a speaker comes back.
 *
 * A Node names its addresses; the kernel's neighbour table knows their MACs, since nodes talk to each
 * other all the time.  It is looked up whenever Nodes change, when one that was not found is alive,
 * when a host that is none of them claims an address, and every ten seconds. */
#include <string.h>

#include "cmd/announce.h"
#include "pkg/log/log.h"

enum {
	LOOK_MS = 10000,
	STRANGER_MS = 1000, /* between looks for strangers */
	MACS = 8,           /* of one node; the first ones make room */
};

struct peer {
	char *name;
	struct addr *ips;
	size_t ips_n;
	struct mac macs[MACS];
	size_t macs_n;
	bool speaker_died;
};

struct announce_peers {
	struct announce *a;
	struct peer *at;
	size_t n;
	struct loop_timer *timer;
	uint64_t no_look_until; /* for strangers */
};

static struct peer *find(struct announce_peers *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->at[i].name, name))
			return &p->at[i];
	return NULL;
}

static void know(struct peer *p, const struct mac *m)
{
	for (size_t i = 0; i < p->macs_n; i++)
		if (mac_equal(&p->macs[i], m))
			return;
	if (p->macs_n == MACS)
		memmove(p->macs, p->macs + 1, --p->macs_n * sizeof(p->macs[0]));
	p->macs[p->macs_n++] = *m;
}

static void match(struct announce_peers *p, const struct netlink_neighbour *who)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < p->at[i].ips_n; k++)
			if (addr_equal(&p->at[i].ips[k], &who->addr))
				know(&p->at[i], &who->mac);
}

static int tell_port(struct announce_peers *p, struct err *e)
{
	CLEANUP(freep) struct mac *all = malloc(p->n * sizeof(p->at->macs) + 1);
	size_t n = 0;

	if (!all)
		return err_memory(e);
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < p->at[i].macs_n; k++)
			all[n++] = p->at[i].macs[k];
	return l2_port_set_peers(p->a->port, all, n, e);
}

static void look(void *arg)
{
	struct announce_peers *p = arg;
	CLEANUP(freep) struct netlink_neighbour *all = NULL;
	struct err e = ERR_INIT;
	size_t n = 0;

	loop_timer_set(p->timer, LOOK_MS);
	if (netlink_neighbours(&all, &n, &e) < 0) {
		log_debug("l2", "%s", e.text);
		return;
	}
	for (size_t i = 0; i < n; i++)
		match(p, &all[i]);
	if (tell_port(p, &e) < 0)
		stage_fail(p->a->stage, &e);
}

struct announce_peers *announce_peers_new(struct announce *a, struct err *e)
{
	struct announce_peers *p = calloc(1, sizeof(*p));

	if (!p) {
		err_memory(e);
		return NULL;
	}
	p->a = a;
	p->timer = loop_timer_add(stage_loop(a->stage), look, p, e);
	if (!p->timer) {
		free(p);
		return NULL;
	}
	return p;
}

static void release(struct peer *p)
{
	free(p->name);
	free(p->ips);
}

void announce_peers_free(struct announce_peers *p)
{
	if (!p)
		return;
	loop_timer_remove(p->timer);
	for (size_t i = 0; i < p->n; i++)
		release(&p->at[i]);
	free(p->at);
	free(p);
}

static struct peer *get(struct announce_peers *p, const char *name)
{
	struct peer *have = find(p, name), *grown;

	if (have)
		return have;
	grown = reallocarray(p->at, p->n + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	p->at = grown;
	grown[p->n] = (struct peer){ .name = strdup(name) };
	return grown[p->n].name ? &grown[p->n++] : NULL;
}

void announce_peers_node(struct announce_peers *p, const char *name, const struct json *node, bool gone)
{
	const struct json *list = json_at(node, "status", "addresses", NULL);
	struct peer *peer = strcmp(name, p->a->node) != 0 ? get(p, name) : NULL;
	struct addr *ips = calloc(json_count(list) + 1, sizeof(*ips));
	size_t n = 0;

	if (!peer || !ips) {
		free(ips);
		return;
	}
	if (gone) {
		free(ips);
		release(peer);
		*peer = p->at[--p->n];
		loop_timer_set(p->timer, 0);
		return;
	}
	for (size_t i = 0; i < json_count(list); i++) {
		const char *ip = json_string(json_get(json_item(list, i), "address"));
		struct err e = ERR_INIT; /* a host name is no address */

		n += ip && addr_parse(&ips[n], ip, &e) == 0;
	}
	if (peer->ips && n == peer->ips_n && !memcmp(ips, peer->ips, n * sizeof(*ips))) {
		free(ips);
		return;
	}
	free(peer->ips);
	peer->ips = ips;
	peer->ips_n = n;
	loop_timer_set(p->timer, 0);
}

/* A speaker that was away may have announced the same as this one, out of its hearing: whoever heard
 * it shall hear this one again. */
void announce_peers_member(struct announce_peers *p, const char *name, bool alive)
{
	struct peer *peer = strcmp(name, p->a->node) != 0 ? get(p, name) : NULL;

	if (!peer)
		return;
	if (alive && peer->speaker_died)
		l2_port_tell_again(p->a->port);
	if (alive && !peer->macs_n)
		loop_timer_set(p->timer, 0); /* members have spoken, so the kernel knows where it is */
	peer->speaker_died = !alive;
}

void announce_peers_stranger(struct announce_peers *p)
{
	uint64_t now = loop_now_ms(stage_loop(p->a->stage));

	if (!p->n || now < p->no_look_until)
		return;
	p->no_look_until = now + STRANGER_MS;
	look(p);
}

const char *announce_peers_name(const struct announce_peers *p, const struct mac *m)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < p->at[i].macs_n; k++)
			if (mac_equal(&p->at[i].macs[k], m))
				return p->at[i].name;
	return NULL;
}
