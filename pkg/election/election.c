/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/election/election.h"

#include <string.h>

#include "pkg/election/world.h"

struct election *election_new(const struct election_options *o, struct err *e)
{
	struct election *el = calloc(1, sizeof(*el));

	if (!el) {
		err_memory(e);
		return NULL;
	}
	el->options = *o;
	el->services = (struct tree)TREE_INIT(service_compare);
	el->dirty = (struct tree)TREE_INIT(dirty_compare);
	el->telling = (struct tree)TREE_INIT(telling_compare);
	el->vips = (struct tree)TREE_INIT(vip_compare);
	el->dirty_vips = (struct tree)TREE_INIT(dirty_vip_compare);
	el->slices = (struct tree)TREE_INIT(slice_compare);
	el->nodes = (struct tree)TREE_INIT(node_compare);
	el->covers_stale = true;
	el->wake_ms = INT64_MAX;
	el->ranks = ranks_new(e);
	if (!el->ranks) {
		free(el);
		return NULL;
	}
	if (nodes_add(el, e) < 0) {
		election_free(el);
		return NULL;
	}
	return el;
}

void election_free(struct election *el)
{
	struct tree_node *n;

	if (!el)
		return;
	while ((n = tree_first(&el->slices)))
		slice_free(el, TREE_ITEM(n, struct slice, in_slices));
	while ((n = tree_first(&el->services)))
		service_free(el, TREE_ITEM(n, struct service, in_services));
	while ((n = tree_first(&el->nodes)))
		node_free(el, TREE_ITEM(n, struct node, in_nodes));
	ranks_free(el->ranks);
	covers_free(el);
	free(el->able);
	free(el->homes);
	free(el->candidates);
	free(el->scratch);
	free(el->by_id);
	free(el->roll);
	free(el->free_ids);
	arena_release(&el->before_arena);
	arena_release(&el->now_arena);
	free(el);
}

typedef int fact_fn(struct election *el, const struct json *object, struct err *e);

int election_put(struct election *el, enum election_kind kind, const struct json *object, struct err *e)
{
	static fact_fn *const put[] = {
		[ELECTION_SERVICE] = service_put,
		[ELECTION_ENDPOINT_SLICE] = slice_put,
		[ELECTION_NODE] = node_put,
		[ELECTION_MEMBER] = member_put,
	};

	return put[kind](el, object, e);
}

int election_remove(
    struct election *el, enum election_kind kind, const struct json *object, struct err *e)
{
	static fact_fn *const remove[] = {
		[ELECTION_SERVICE] = service_remove,
		[ELECTION_ENDPOINT_SLICE] = slice_remove,
		[ELECTION_NODE] = node_remove,
		[ELECTION_MEMBER] = member_remove,
	};

	return remove[kind](el, object, e);
}

void election_config_changed(struct election *el)
{
	el->covers_stale = true;
	service_touch_all(el);
}

uint64_t election_count(const struct election *el)
{
	return el->count;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_interfaces(const struct election_address *a, const struct election_address *b)
{
	if (a->interfaces_n != b->interfaces_n)
		return false;
	for (size_t i = 0; i < a->interfaces_n; i++)
		if (strcmp(a->interfaces[i], b->interfaces[i]) != 0)
			return false;
	return true;
}

static void keep_address(
    struct election_address *to, const struct election_address *from, struct arena *a)
{
	const char **interfaces = arena_alloc(a, from->interfaces_n * sizeof(*interfaces));

	*to = (struct election_address){
		.addr = from->addr,
		.code = from->code, /* a constant */
		.message = arena_copy(a, from->message),
		.winner = arena_copy(a, from->winner),
		.interfaces = interfaces,
		.interfaces_n = from->interfaces_n,
		.candidates_n = from->candidates_n,
	};
	for (size_t i = 0; interfaces && i < from->interfaces_n; i++)
		interfaces[i] = arena_copy(a, from->interfaces[i]);
}

/* What is kept of a result, in memory of its own. */
static int keep(
    struct election_result *to, const struct election_result *from, struct arena *a, struct err *e)
{
	struct election_address *at = arena_alloc(a, from->addresses_n * sizeof(*at));

	*to = (struct election_result){
		.code = from->code,
		.message = arena_copy(a, from->message),
		.pool = arena_copy(a, from->pool),
		.addresses = at,
		.addresses_n = from->addresses_n,
	};
	for (size_t i = 0; at && i < from->addresses_n; i++)
		keep_address(&at[i], &from->addresses[i], a);
	return a->bad ? err_memory(e) : 0;
}

static size_t find_address(const struct election_result *r, const struct addr *a)
{
	size_t i = 0;

	while (i < r->addresses_n && !addr_equal(&r->addresses[i].addr, a))
		i++;
	return i;
}

/* One of these addresses is not among those. */
static bool lacks(const struct election_result *these, const struct election_result *those)
{
	for (size_t i = 0; i < these->addresses_n; i++)
		if (find_address(those, &these->addresses[i].addr) == those->addresses_n)
			return true;
	return false;
}

/* Says of each address what is new of it.  True when something is. */
static bool compare(const struct service *s, struct election_result *now, const uint64_t *digests,
    struct election_outcome *out)
{
	const struct election_result *last = s->was_told ? &s->last : NULL;
	bool anew = !last || strcmp(last->code, now->code) != 0 || lacks(last, now);
	bool quiet = last && strcmp(last->pool, now->pool) != 0, news = anew || quiet;

	out->decided =
	    now->code[0] && (anew || strcmp(last->message, now->message) != 0 || lacks(now, last));
	news |= out->decided;
	for (size_t i = 0; i < now->addresses_n; i++) {
		struct election_address *is = (struct election_address *)(uintptr_t)&now->addresses[i];
		size_t k = anew ? 0 : find_address(last, &is->addr);
		const struct election_address *was =
		    anew || k == last->addresses_n ? NULL : &last->addresses[k];
		bool other = was && digests[i] != s->last_digests[k];

		if (now->code[0])
			continue;
		if (!was || strcmp(was->code, is->code) != 0 || !same_text(was->winner, is->winner) ||
		    (!is->winner && other))
			is->news = ELECTION_DECIDED;
		else if (quiet || other || !same_interfaces(was, is))
			is->news = ELECTION_QUIET;
		news |= is->news != ELECTION_SAME;
	}
	return news;
}

/* The outcome that there was becomes `before` of this call. */
static void retire(struct election *el, struct service *s)
{
	arena_release(&el->before_arena);
	el->before = s->last;
	el->before_arena = s->last_arena;
	s->last_arena = (struct arena)ARENA_INIT;
	s->was_told = false;
}

static int tell(struct election *el, const struct config *c, struct service *s,
    struct election_outcome *out, struct err *e)
{
	size_t n = s->addresses_n + 1;
	uint64_t *digests = arena_alloc(&el->now_arena, n * sizeof(*digests)), *kept;
	struct arena kept_arena = ARENA_INIT;
	struct election_result last;
	bool had = s->was_told;

	if (!digests)
		return err_memory(e);
	if (tell_service(el, c, s, &el->now, digests, &el->now_arena, e) < 0)
		return -1;
	if (!compare(s, &el->now, digests, out))
		return 0;
	kept = arena_alloc(&kept_arena, n * sizeof(*kept));
	if (!kept || keep(&last, &el->now, &kept_arena, e) < 0) {
		arena_release(&kept_arena);
		return err_memory(e);
	}
	memcpy(kept, digests, n * sizeof(*kept));
	retire(el, s);
	s->last = last;
	s->last_digests = kept;
	s->last_arena = kept_arena;
	s->was_told = true;
	out->before = had ? &el->before : NULL;
	out->now = &el->now;
	return 1;
}

static int next(struct election *el, const struct config *c, struct service *s,
    struct election_outcome *out, struct err *e)
{
	out->namespace = arena_copy(&el->now_arena, s->namespace);
	out->name = arena_copy(&el->now_arena, s->name);
	out->uid = s->known ? s->observed.meta.uid : "";
	if (el->now_arena.bad)
		return err_memory(e);
	if (s->known)
		return tell(el, c, s, out, e);
	if (!s->was_told)
		return 0;
	retire(el, s);
	out->before = &el->before;
	out->deleted = s->deleted;
	out->decided = true;
	return 1;
}

static int review(struct election *el, const struct config *c, struct err *e)
{
	struct tree_node *n;

	while ((n = tree_first(&el->dirty))) {
		struct service *s = TREE_ITEM(n, struct service, in_dirty);

		if (service_review(el, c, s, e) < 0)
			return -1; /* it stays to be reviewed */
		tree_remove(&el->dirty, &s->in_dirty);
		s->dirty = false;
	}
	return 0;
}

int election_next(
    struct election *el, const struct config *c, struct election_outcome *out, struct err *e)
{
	struct tree_node *n;

	if (nodes_refresh(el, c, e) < 0 || review(el, c, e) < 0 || vips_elect(el, e) < 0)
		return -1;
	while ((n = tree_first(&el->telling))) {
		struct service *s = TREE_ITEM(n, struct service, in_telling);
		int rc;

		arena_release(&el->now_arena);
		*out = (struct election_outcome){ 0 };
		rc = next(el, c, s, out, e);
		if (rc < 0)
			return -1; /* it stays to be told */
		tree_remove(&el->telling, &s->in_telling);
		s->telling = false;
		service_drop_if_empty(el, s);
		if (rc > 0)
			return 1;
	}
	return 0;
}
