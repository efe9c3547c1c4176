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
	el->slices = (struct tree)TREE_INIT(slice_compare);
	el->nodes = (struct tree)TREE_INIT(node_compare);
	el->ranks = ranks_new(e);
	if (!el->ranks) {
		free(el);
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
	free(el->free_ids);
	free(el->roll);
	arena_release(&el->before_arena);
	arena_release(&el->now_arena);
	free(el);
}

void election_freep(struct election **el)
{
	election_free(*el);
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

static bool same_addresses(const struct election_result *a, const struct election_result *b)
{
	if (a->addresses_n != b->addresses_n)
		return false;
	for (size_t i = 0; i < a->addresses_n; i++)
		if (!addr_equal(&a->addresses[i], &b->addresses[i]))
			return false;
	return true;
}

static bool same_interfaces(const struct election_result *a, const struct election_result *b)
{
	if (a->interfaces_n != b->interfaces_n)
		return false;
	for (size_t i = 0; i < a->interfaces_n; i++)
		if (strcmp(a->interfaces[i], b->interfaces[i]) != 0)
			return false;
	return true;
}

/* What is kept of a result, in memory of its own. */
static int keep(
    struct election_result *to, const struct election_result *from, struct arena *a, struct err *e)
{
	struct addr *addresses = arena_alloc(a, from->addresses_n * sizeof(*addresses));
	const char **interfaces = arena_alloc(a, from->interfaces_n * sizeof(*interfaces));

	*to = (struct election_result){
		.code = from->code, /* a constant */
		.message = arena_copy(a, from->message),
		.winner = arena_copy(a, from->winner),
		.pool = arena_copy(a, from->pool),
		.addresses = addresses,
		.addresses_n = from->addresses_n,
		.interfaces = interfaces,
		.interfaces_n = from->interfaces_n,
		.candidates_n = from->candidates_n,
	};
	if (a->bad)
		return err_memory(e);
	if (from->addresses_n)
		memcpy(addresses, from->addresses, from->addresses_n * sizeof(*addresses));
	for (size_t i = 0; i < from->interfaces_n; i++)
		interfaces[i] = arena_copy(a, from->interfaces[i]);
	return a->bad ? err_memory(e) : 0;
}

/* The outcome that there was becomes `before` of this call. */
static void retire(struct election *el, struct service *s)
{
	arena_release(&el->before_arena);
	el->before = s->last;
	el->before_arena = s->last_arena;
	s->last_arena = (struct arena)ARENA_INIT;
	s->told = false;
}

/* 1 when the outcome is another one. */
static int compare(struct election *el, struct service *s, const struct election_result *now,
    uint64_t d, struct election_outcome *out, struct err *e)
{
	struct arena kept_arena = ARENA_INIT;
	struct election_result kept;
	bool had = s->told;

	out->decided = !had || strcmp(s->last.code, now->code) != 0 ||
		       !same_text(s->last.winner, now->winner) || !same_addresses(&s->last, now) ||
		       (!now->winner && d != s->last_digest);
	if (!out->decided && d == s->last_digest && !strcmp(s->last.pool, now->pool) &&
	    same_interfaces(&s->last, now))
		return 0;
	if (keep(&kept, now, &kept_arena, e) < 0) {
		arena_release(&kept_arena);
		return -1;
	}
	retire(el, s);
	s->last = kept;
	s->last_arena = kept_arena;
	s->last_digest = d;
	s->told = true;
	out->before = had ? &el->before : NULL;
	out->now = now;
	return 1;
}

static int next(struct election *el, const struct config *c, struct service *s,
    struct election_result *now, struct election_outcome *out, struct err *e)
{
	bool had = s->told;
	uint64_t digest;

	out->namespace = arena_copy(&el->now_arena, s->namespace);
	out->name = arena_copy(&el->now_arena, s->name);
	out->uid = s->known ? s->observed.meta.uid : "";
	if (el->now_arena.bad)
		return err_memory(e);
	if (s->known)
		return elect_service(el, c, s, now, &digest, &el->now_arena, e) < 0
			   ? -1
			   : compare(el, s, now, digest, out, e);
	rank_put(el->ranks, s->rank);
	s->rank = NULL;
	if (!had)
		return 0;
	retire(el, s);
	out->before = &el->before;
	out->deleted = s->deleted;
	out->decided = true;
	return 1;
}

int election_next(
    struct election *el, const struct config *c, struct election_outcome *out, struct err *e)
{
	struct tree_node *n;

	while ((n = tree_first(&el->dirty))) {
		struct service *s = TREE_ITEM(n, struct service, in_dirty);
		int rc;

		arena_release(&el->now_arena);
		*out = (struct election_outcome){ 0 };
		rc = next(el, c, s, &el->now, out, e);
		if (rc < 0)
			return -1; /* it stays to be elected */
		tree_remove(&el->dirty, &s->in_dirty);
		s->dirty = false;
		service_drop_if_empty(el, s);
		if (rc > 0)
			return 1;
	}
	return 0;
}
