/* SPDX-License-Identifier: Apache-2.0 */
/* Announcements: read as a whole before anything is done, so that a malformed one never makes more
 * known, or elsewhere, than its author meant. */
#include <string.h>

#include "cmd/announce.h"

struct announcement {
	const char *key; /* "namespace/name" */
	struct l2_announcement what;
	struct addr *addresses;
	const char **interfaces;
	bool *is_new;
};

static void release(struct announcement *n)
{
	free(n->addresses);
	free(n->interfaces);
	free(n->is_new);
}

/* Whether it is of that type, or not there at all. */
static bool is_a(const char *key, const char *field, const struct json *j, enum json_type want)
{
	enum json_type have = json_type(j);

	if (have == want || have == JSON_NULL)
		return true;
	log_warn(NULL, "Announcement %s: %s: want %s, have %s; ignoring the record", key, field,
	    json_type_name(want), json_type_name(have));
	return false;
}

static bool is_strings(const char *key, const char *field, const struct json *list)
{
	if (!is_a(key, field, list, JSON_ARRAY))
		return false;
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *item = json_item(list, i);

		if (json_type(item) == JSON_STRING)
			continue;
		log_warn(NULL, "Announcement %s: %s[%zu]: want a string, have %s; ignoring the record",
		    key, field, i, json_type_name(json_type(item)));
		return false;
	}
	return true;
}

static bool is_layer2(const struct json *protocols)
{
	for (size_t i = 0; i < json_count(protocols); i++)
		if (!strcmp(json_string(json_item(protocols, i)), "layer2"))
			return true;
	return json_count(protocols) == 0;
}

/* An address that can't be announced is left out. */
static void take_address(struct announce *a, struct announcement *n, const char *text)
{
	struct addr *ip = &n->addresses[n->what.addresses_n];
	struct err e = ERR_INIT;
	const char *is;

	if (addr_parse(ip, text, &e) < 0) {
		log_warn(NULL, "Announcement %s: spec.addresses: %s; ignoring it", n->key, e.text);
		return;
	}
	is = addr_is_no_hosts(ip);
	if (is) {
		log_warn(NULL,
		    "Announcement %s: spec.addresses: \"%s\" is %s, which no host can have: want a "
		    "unicast address such as 192.0.2.10 or 2001:db8::10; ignoring it",
		    n->key, text, is);
		return;
	}
	n->is_new[n->what.addresses_n++] = announce_new_has(&a->new, ip);
}

static int take(struct announce *a, struct announcement *n, const struct json *spec, struct err *e)
{
	const struct json *list = json_get(spec, "addresses"), *names = json_get(spec, "interfaces");
	size_t interfaces_n = json_count(names);

	n->addresses = calloc(json_count(list) + 1, sizeof(*n->addresses));
	n->interfaces = calloc(interfaces_n + 1, sizeof(*n->interfaces));
	n->is_new = calloc(json_count(list) + 1, sizeof(*n->is_new));
	if (!n->addresses || !n->interfaces || !n->is_new)
		return err_memory(e);
	for (size_t i = 0; i < json_count(list); i++)
		take_address(a, n, json_string(json_item(list, i)));
	for (size_t i = 0; i < interfaces_n; i++)
		n->interfaces[i] = json_string(json_item(names, i));
	n->what.key = n->key;
	n->what.addresses = n->addresses;
	n->what.is_new = n->is_new;
	n->what.interfaces = (struct l2_names){ n->interfaces, interfaces_n };
	return 0;
}

static void announce_it(struct announce *a, const char *key, const char *uid, const struct json *spec)
{
	CLEANUP(release) struct announcement n = { .key = key, .what.uid = uid };
	struct err e = ERR_INIT;

	if (take(a, &n, spec, &e) < 0) {
		stage_fail(a->stage, &e);
		return;
	}
	if (!n.what.addresses_n) {
		l2_port_withdraw(a->port, key);
		return;
	}
	if (l2_port_announce(a->port, &n.what, &e) < 0)
		stage_fail(a->stage, &e);
}

static void take_spec(struct announce *a, const char *key, const char *uid, const struct json *spec)
{
	const struct json *node = json_get(spec, "node"), *protocols = json_get(spec, "protocols");

	if (!is_a(key, "spec", spec, JSON_OBJECT) || !is_a(key, "spec.node", node, JSON_STRING))
		return;
	if (!json_string(node) || strcmp(json_string(node), a->node) != 0) {
		l2_port_withdraw(a->port, key);
		return;
	}
	if (!is_strings(key, "spec.protocols", protocols))
		return;
	if (!is_layer2(protocols))
		l2_port_withdraw(a->port, key);
	else if (is_strings(key, "spec.addresses", json_get(spec, "addresses")) &&
		 is_strings(key, "spec.interfaces", json_get(spec, "interfaces")))
		announce_it(a, key, uid, spec);
}

void announce_announcement(struct announce *a, const struct record *r, const struct json *object)
{
	const struct json *meta = json_get(object, "metadata");
	const struct json *namespace = json_get(meta, "namespace"), *uid = json_get(meta, "uid");
	const char *name = json_string(json_get(meta, "name"));
	char key[512];

	if (!name || !name[0]) {
		log_warn(NULL, "line %llu: an Announcement without metadata.name; ignoring it",
		    (unsigned long long)r->line);
		return;
	}
	snprintf(key, sizeof(key), "%.255s/%.253s",
	    json_string(namespace) ? json_string(namespace) : "", name);
	if (!is_a(key, "metadata.namespace", namespace, JSON_STRING))
		return;
	a->self_changed |= a->tells_addresses; /* a withdrawal is told after its grace */
	if (r->type == RECORD_DELETED)
		l2_port_withdraw(a->port, key);
	else if (is_a(key, "metadata.uid", uid, JSON_STRING))
		take_spec(a, key, json_string(uid), json_get(object, "spec"));
}
