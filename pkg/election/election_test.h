/* SPDX-License-Identifier: Apache-2.0 */
/* election_test: a world to elect in, told in JSON, and its outcomes as text. */
#ifndef LB_ELECTION_TEST_H
#define LB_ELECTION_TEST_H

#include "pkg/election/election.h"
#include "tests/unit.h"

struct world {
	struct election *el;
	struct config_store *store;
	struct buf log; /* what the last settle() told */
};

static inline void world_open(struct world *w, const struct election_options *o)
{
	struct election_options none = { 0 };
	struct err e = ERR_INIT;

	*w = (struct world){ 0 };
	w->el = election_new(o ? o : &none, &e);
	w->store = config_store_new("lb", &e);
	assert_non_null(w->el);
	assert_non_null(w->store);
}

static inline void world_close(struct world *w)
{
	election_free(w->el);
	config_store_free(w->store);
	buf_release(&w->log);
}

/* Single quotes stand for double ones. */
static inline struct json *world_parse(const char *text)
{
	struct err e = ERR_INIT;
	size_t n = strlen(text);
	char *copy = strdup(text);
	struct json *j;

	assert_non_null(copy);
	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	j = json_parse(copy, n, &e);
	free(copy);
	if (!j)
		fail_msg("%s: %s", text, e.text);
	return j;
}

enum deed { PUT, REMOVE, APPLY };

static inline int world_try(struct world *w, enum deed deed, const char *text, struct err *e)
{
	static const char *const kinds[] = { "Service", "EndpointSlice", "Node", "Member" };
	struct json *j = world_parse(text);
	const char *kind = json_string(json_get(j, "kind"));
	int rc = 1;

	assert_non_null(kind);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(kind, kinds[i]))
			rc = deed == PUT      ? election_put(w->el, (enum election_kind)i, j, e)
			     : deed == REMOVE ? election_remove(w->el, (enum election_kind)i, j, e)
					      : election_apply(w->el, j, e);
	if (rc == 1) {
		if (deed == PUT)
			config_store_put(w->store, j);
		else
			config_store_remove(w->store, j);
		election_config_changed(w->el);
		rc = 0;
	}
	json_free(j);
	return rc;
}

PRINTF(3, 4) static inline void tell(struct world *w, enum deed deed, const char *fmt, ...)
{
	struct err e = ERR_INIT;
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	assert_in_range(vsnprintf(text, sizeof(text), fmt, ap), 1, sizeof(text) - 1);
	va_end(ap);
	if (world_try(w, deed, text, &e) < 0)
		fail_msg("%s: %s", text, e.text);
}

/* `more` is JSON that follows, "" or ",'spec':{...}". */
static inline void ad(struct world *w, const char *name, const char *spec)
{
	tell(w, PUT,
	    "{'kind':'L2Advertisement','apiVersion':'metallb.io/v1beta1',"
	    "'metadata':{'namespace':'lb','name':'%s'},'spec':{%s}}",
	    name, spec);
}

static inline void pool(struct world *w, const char *name, const char *addresses)
{
	tell(w, PUT,
	    "{'kind':'IPAddressPool','apiVersion':'metallb.io/v1beta1',"
	    "'metadata':{'namespace':'lb','name':'%s'},'spec':{'addresses':[%s]}}",
	    name, addresses);
}

/* Ready, with these labels ("'zone':'a'"). */
static inline void node(struct world *w, const char *name, const char *labels)
{
	tell(w, PUT,
	    "{'kind':'Node','metadata':{'name':'%s','labels':{%s}},"
	    "'status':{'conditions':[{'type':'Ready','status':'True'}]}}",
	    name, labels);
}

static inline void node_status(struct world *w, const char *name, const char *type, const char *status)
{
	tell(w, PUT,
	    "{'kind':'Node','metadata':{'name':'%s'},'status':{'conditions':["
	    "{'type':'%s','status':'%s'}%s]}}",
	    name, type, status, strcmp(type, "Ready") ? ",{'type':'Ready','status':'True'}" : "");
}

static inline void member(struct world *w, const char *name, bool alive, const char *reason)
{
	tell(w, PUT, "{'kind':'Member','metadata':{'name':'%s'},'status':{'alive':%s,'reason':'%s'}}",
	    name, alive ? "true" : "false", reason);
}

/* A load balancer with this ingress ("'192.0.2.10'" or ""); meta and spec are more JSON of these. */
static inline void service(
    struct world *w, const char *name, const char *ip, const char *meta, const char *spec)
{
	tell(w, PUT,
	    "{'kind':'Service','metadata':{'namespace':'default','name':'%s'%s},"
	    "'spec':{'type':'LoadBalancer'%s},'status':{'loadBalancer':{'ingress':[%s%s%s]}}}",
	    name, meta, spec, ip[0] ? "{'ip':'" : "", ip, ip[0] ? "'}" : "");
}

/* One slice of the Service, with usable endpoints on these nodes ("node-a node-b"). */
static inline void slice(struct world *w, const char *of, const char *nodes)
{
	char text[512] = "", copy[256];
	char *save = NULL;

	snprintf(copy, sizeof(copy), "%s", nodes);
	for (char *n = strtok_r(copy, " ", &save); n; n = strtok_r(NULL, " ", &save))
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s{'nodeName':'%s'}",
		    text[0] ? "," : "", n);
	tell(w, PUT,
	    "{'kind':'EndpointSlice','metadata':{'namespace':'default','name':'%s-1',"
	    "'labels':{'kubernetes.io/service-name':'%s'}},'endpoints':[%s]}",
	    of, of, text);
}

static inline void put_address(
    struct world *w, const struct election_outcome *o, const struct election_address *a)
{
	buf_printf(&w->log, "%s%s%s %s", w->log.len ? "\n" : "", a->news == ELECTION_QUIET ? "~" : "",
	    o->name, a->code);
	for (size_t i = 0; i < a->nodes_n; i++)
		if (i < a->candidates_n)
			buf_printf(&w->log, " %s", a->nodes[i].name);
		else
			buf_printf(&w->log, " -%s:%s", a->nodes[i].name, a->nodes[i].code);
	for (size_t i = 0; i < a->interfaces_n; i++)
		buf_printf(&w->log, " %s", a->interfaces[i]);
	assert_int_equal(a->winner != NULL, a->candidates_n > 0);
	if (a->winner)
		assert_string_equal(a->winner, a->nodes[0].name);
}

/* The outcomes, one an address and line: "web Elected c b a -x:NodeNotReady eth0", candidates in
 * their order, then the refused; a "~" before it when nothing was decided anew. */
static inline const char *settle(struct world *w)
{
	struct err e = ERR_INIT;
	const struct config *c = config_store_get(w->store, &e);
	struct election_outcome o;

	assert_non_null(c);
	buf_reset(&w->log);
	buf_puts(&w->log, "");
	while (election_next(w->el, c, &o, &e) == 1) {
		const struct election_result *r = o.now;

		if (!r || r->code[0])
			buf_printf(&w->log, "%s%s%s %s", w->log.len ? "\n" : "", o.decided ? "" : "~",
			    o.name,
			    r           ? r->code
			    : o.deleted ? "deleted"
					: "gone");
		for (size_t i = 0; r && i < r->addresses_n; i++)
			if (r->addresses[i].news != ELECTION_SAME)
				put_address(w, &o, &r->addresses[i]);
	}
	return w->log.data ? w->log.data : "";
}

/* Three Nodes, a pool, an advertisement for all, and a Service with an endpoint on each Node. */
static inline void world_open_usual(struct world *w, const struct election_options *o)
{
	world_open(w, o);
	pool(w, "p", "'192.0.2.0/24','2001:db8::/64'");
	ad(w, "all", "");
	node(w, "node-a", "'zone':'a'");
	node(w, "node-b", "'zone':'b'");
	node(w, "node-c", "'zone':'c'");
	slice(w, "web", "node-a node-b node-c");
	service(w, "web", "192.0.2.10", "", "");
}

#endif
