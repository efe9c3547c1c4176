/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a cluster once: the pools, who holds their addresses, and which node shall answer. */
#include <string.h>

#include "cmd/arping.h"
#include "cmd/complaints.h"
#include "pkg/election/election.h"
#include "pkg/log/log.h"
#include "pkg/stream/stream.h"

enum { READ_WAIT_MS = 10000 };

struct reading {
	struct loop *loop;
	struct config_store *store;
	struct election *election;
	struct complaints *complaints;
	struct buf *nodes;
	bool ended;
	bool failed;
	struct err why;
};

static const struct {
	const char *kind;
	const char *group;
	bool elects;
	enum election_kind is; /* if so */
} facts[] = {
	{ "Node", "", true, ELECTION_NODE },
	{ "Member", RECORD_GROUP, true, ELECTION_MEMBER }, /* of a recording */
	{ "Service", "", true, ELECTION_SERVICE },
	{ "EndpointSlice", "discovery.k8s.io", true, ELECTION_ENDPOINT_SLICE },
	{ "ConfigMap", "", false, 0 },
	{ "IPAddressPool", "metallb.io", false, 0 },
	{ "AddressPool", "metallb.io", false, 0 },
	{ "L2Advertisement", "metallb.io", false, 0 },
};

static void fail(struct reading *r, const struct err *e)
{
	if (!r->failed)
		r->why = *e;
	r->failed = true;
	loop_stop(r->loop);
}

static void take_config(struct reading *r, enum record_type type, const struct json *object)
{
	if (type == RECORD_DELETED)
		(void)config_store_remove(r->store, object);
	else if (type != RECORD_APPLY)
		(void)config_store_put(r->store, object);
}

static int take_fact(struct reading *r, enum record_type type, enum election_kind is,
    const struct json *object, struct err *e)
{
	if (type == RECORD_DELETED)
		return election_remove(r->election, is, object, e);
	if (type == RECORD_APPLY)
		return is == ELECTION_SERVICE ? election_apply(r->election, object, e) : 0;
	return election_put(r->election, is, object, e);
}

static bool is_fact(enum record_type type)
{
	return type == RECORD_ADDED || type == RECORD_MODIFIED || type == RECORD_DELETED ||
	       type == RECORD_APPLY;
}

static int take_record(struct reading *r, const char *text, size_t len, struct err *e)
{
	CLEANUP(json_freep) struct json *record = json_parse(text, len, e);
	const struct json *object = json_get(record, "object");
	const char *kind = json_string(json_get(object, "kind"));
	const char *version = json_string(json_get(object, "apiVersion"));
	size_t i = 0, group_len = 0;

	if (!record)
		return -1;
	if (!kind || !version || !is_fact(record_type_of(record)))
		return 0;
	if (strchr(version, '/'))
		group_len = (size_t)(strchr(version, '/') - version);
	while (i < ARRAY_LEN(facts) &&
	       (strcmp(facts[i].kind, kind) != 0 || strlen(facts[i].group) != group_len ||
		   strncmp(facts[i].group, version, group_len) != 0))
		i++;
	if (i == ARRAY_LEN(facts))
		return 0;
	if (i == 0)
		buf_add(r->nodes, text, len);
	if (facts[i].elects)
		return take_fact(r, record_type_of(record), facts[i].is, object, e);
	take_config(r, record_type_of(record), object);
	return 0;
}

/* What is wrong with one object leaves the others. */
static void on_record(void *arg, const char *text, size_t len)
{
	struct reading *r = arg;
	struct err e = ERR_INIT;

	if (take_record(r, text, len, &e) == 0)
		return;
	if (e.kind == ERR_PROTOCOL)
		log_warn(NULL, "%s", e.text);
	else
		fail(r, &e);
}

static void on_ended(void *arg)
{
	struct reading *r = arg;

	r->ended = true;
	loop_stop(r->loop);
}

static void on_failed(void *arg, const struct err *e)
{
	fail(arg, e);
}

static void on_warned(void *arg, const char *text)
{
	(void)arg;
	log_warn(NULL, "%s", text);
}

static void on_timeout(void *arg)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_SYSTEM, "the cluster was not read within %d s", READ_WAIT_MS / 1000);
	fail(arg, &e);
}

static int read_source(struct reading *r, const struct source_options *given, struct err *e)
{
	const struct api_kind *kinds[ARRAY_LEN(facts) + 1] = { 0 };
	struct source_events ev = { on_record, on_ended, on_failed, on_warned, r };
	struct source_options o = *given;
	struct loop_timer *timer = NULL;
	struct source *source;
	int status = -1;

	o.once = true;
	for (size_t i = 0, n = 0; i < ARRAY_LEN(facts); i++)
		if (strcmp(facts[i].group, RECORD_GROUP) != 0)
			kinds[n++] = api_kind_find(facts[i].kind, facts[i].group);
	source = source_open(r->loop, &o, kinds, &ev, e);
	if (source)
		timer = loop_timer_add(r->loop, on_timeout, r, e);
	if (timer) {
		loop_timer_set(timer, READ_WAIT_MS);
		status = loop_run(r->loop, e);
	}
	if (status == 0 && r->failed) {
		*e = r->why;
		status = -1;
	}
	loop_timer_remove(timer);
	source_close(source);
	return status;
}

static int add_held(struct arping_pool *p, struct arping_held **held, size_t *cap,
    const struct election_outcome *o, const struct election_address *a, struct err *e)
{
	const char *code = o->now->code[0] ? o->now->code : a->code;
	struct arping_held *h;

	if (p->held_n == *cap) {
		size_t more = *cap ? 2 * *cap : 64;
		struct arping_held *grown = reallocarray(*held, more, sizeof(*grown));

		if (!grown)
			return err_memory(e);
		*held = grown;
		*cap = more;
	}
	h = &(*held)[p->held_n];
	*h = (struct arping_held){ .addr = a->addr,
		.service = arena_printf(&p->arena, "%s/%s", o->namespace, o->name),
		.elected = arena_copy(&p->arena, a->winner),
		.code = arena_copy(&p->arena, code) };
	if (p->arena.bad)
		return err_memory(e);
	p->held_n++;
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct arping_held *x = a, *y = b;

	return addr_compare(&x->addr, &y->addr);
}

/* Sorted, and Services that share an address in one. */
static int settle_held(struct arping_pool *p, const struct arping_held *held, struct err *e)
{
	struct arping_held *at = arena_alloc(&p->arena, p->held_n * sizeof(*at) + 1);
	size_t kept = 0;

	if (!at)
		return err_memory(e);
	if (p->held_n)
		memcpy(at, held, p->held_n * sizeof(*at));
	qsort(at, p->held_n, sizeof(*at), by_address);
	for (size_t i = 0; i < p->held_n; i++) {
		struct arping_held *last = kept ? &at[kept - 1] : NULL;

		if (!last || !addr_equal(&last->addr, &at[i].addr)) {
			at[kept++] = at[i];
			continue;
		}
		last->service = arena_printf(&p->arena, "%s,%s", last->service, at[i].service);
		if (!last->elected)
			last->elected = at[i].elected;
		if (!last->service)
			return err_memory(e);
	}
	p->held = at;
	p->held_n = kept;
	return 0;
}

static int read_held(struct arping_pool *p, struct reading *r, const struct config *c,
    const struct config_pool *pool, struct err *e)
{
	CLEANUP(freep) struct arping_held *held = NULL;
	struct election_outcome o;
	size_t cap = 0;
	int rc;

	while ((rc = election_next(r->election, c, &o, e)) == 1)
		for (size_t i = 0; o.now && i < o.now->addresses_n; i++) {
			const struct election_address *a = &o.now->addresses[i];

			if (config_pool_holds(pool, &a->addr) && add_held(p, &held, &cap, &o, a, e) < 0)
				return -1;
		}
	return rc < 0 ? -1 : settle_held(p, held, e);
}

static int no_such_pool(const struct config *c, const char *name, struct err *e)
{
	CLEANUP(buf_release) struct buf list = BUF_INIT;

	for (size_t i = 0; i < c->pools_n; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", c->pools[i].name);
	return err_set(e, ERR_NOT_FOUND, "no pool '%s'; there %s %s", name,
	    c->pools_n == 1 ? "is" : "are", list.data ? list.data : "none");
}

static int settle(struct arping_pool *p, struct reading *r, const char *name, struct err *e)
{
	const struct config *c = config_store_get(r->store, e);
	const struct config_pool *pool = c ? config_pool_find(c, name) : NULL;
	const struct config_problem *problems;
	struct range *ranges;
	size_t n = 0;

	if (!c)
		return -1;
	problems = config_store_problems(r->store, &n);
	complaints_config(r->complaints, problems, n);
	if (!pool)
		return no_such_pool(c, name, e);
	ranges = arena_alloc(&p->arena, pool->ranges_n * sizeof(*ranges));
	p->name = arena_printf(&p->arena, "%s", pool->name);
	if (!ranges || !p->name)
		return err_memory(e);
	memcpy(ranges, pool->ranges, pool->ranges_n * sizeof(*ranges));
	p->ranges = ranges;
	p->ranges_n = pool->ranges_n;
	return read_held(p, r, c, pool, e);
}

int arping_pool_read(struct arping_pool *p, const struct source_options *source, const char *lb_class,
    const char *name, struct err *e)
{
	struct election_options options = { .lb_class = lb_class };
	struct reading r = { .nodes = &p->nodes };
	int status = -1;

	r.loop = loop_new(e);
	r.store = r.loop ? config_store_new(source_namespace(source), e) : NULL;
	r.election = r.store ? election_new(&options, e) : NULL;
	r.complaints = r.election ? complaints_new(e) : NULL;
	if (r.complaints && read_source(&r, source, e) == 0)
		status = settle(p, &r, name, e);
	complaints_free(r.complaints);
	election_free(r.election);
	config_store_free(r.store);
	loop_free(r.loop);
	return status;
}

void arping_pool_release(struct arping_pool *p)
{
	buf_release(&p->nodes);
	arena_release(&p->arena);
}

const struct arping_held *arping_pool_find(const struct arping_pool *p, const struct addr *a)
{
	const struct arping_held key = { .addr = *a };

	return p->held_n ? bsearch(&key, p->held, p->held_n, sizeof(key), by_address) : NULL;
}
