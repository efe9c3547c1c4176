/* SPDX-License-Identifier: Apache-2.0 */
/* What comes into force.
 *
 * What is in force and not to be replaced goes first: it never conflicts within itself.  Then
 * the newer versions by age, each if it has room.  One that has none falls back to its version
 * in force; that may take the room of one that was let in, so it begins again with that version
 * among the first.  Each round refuses at least one more, so it ends. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pkg/config/store.h"

struct field {
	struct tree ranges;
	struct tree names;
};

static int name_compare(const struct tree_node *a, const struct tree_node *b)
{
	return strcmp(TREE_ITEM(a, const struct version, node)->pool.name,
	    TREE_ITEM(b, const struct version, node)->pool.name);
}

static void enter(struct field *f, struct version *v)
{
	if (!v->has_pool)
		return;
	tree_add(&f->names, &v->node);
	for (size_t i = 0; i < v->pool.ranges_n; i++)
		tree_add(&f->ranges, &v->nodes[i].node);
}

/* Whether sl->next has room; if not, who is in the way. */
static bool fits(const struct field *f, struct slot *sl)
{
	struct version *v = sl->next;

	if (!v->has_pool)
		return true;
	sl->overlap = NULL;
	sl->rival = TREE_ITEM(tree_find(&f->names, &v->node), const struct version, node);
	if (sl->rival)
		return false;
	for (size_t i = 0; i < v->pool.ranges_n; i++) {
		sl->overlap =
		    TREE_ITEM(tree_find(&f->ranges, &v->nodes[i].node), const struct range_node, node);
		if (sl->overlap) {
			sl->rival = sl->overlap->version;
			sl->index = i;
			return false;
		}
	}
	return true;
}

/* Oldest first; an unknown age is the youngest. */
static int by_age(const void *a, const void *b)
{
	const struct slot *l = *(struct slot *const *)a, *r = *(struct slot *const *)b;
	int64_t lt = l->object->created ? l->object->created : INT64_MAX;
	int64_t rt = r->object->created ? r->object->created : INT64_MAX;
	int c = lt < rt ? -1 : lt > rt;

	c = c ? c : strcmp(l->next->pool.name, r->next->pool.name);
	c = c ? c : strcmp(l->object->kind, r->object->kind);
	c = c ? c : strcmp(l->object->namespace, r->object->namespace);
	return c ? c : strcmp(l->object->name, r->object->name);
}

/* One round; false when another is needed. */
static bool settle_round(struct slot *const *slots, size_t n, struct slot **newer)
{
	struct field f = { TREE_INIT(range_node_compare), TREE_INIT(name_compare) };
	size_t newer_n = 0;
	bool done = true;

	for (size_t i = 0; i < n; i++) {
		if (slots[i]->next && !slots[i]->refused)
			newer[newer_n++] = slots[i];
		else if (slots[i]->force)
			enter(&f, slots[i]->force);
	}
	qsort(newer, newer_n, sizeof(*newer), by_age);
	for (size_t i = 0; i < newer_n; i++) {
		if (fits(&f, newer[i])) {
			enter(&f, newer[i]->next);
			continue;
		}
		newer[i]->refused = true;
		done = done && !newer[i]->force;
	}
	return done;
}

static struct object *object_after(const struct config_store *s, const struct object *o)
{
	return TREE_ITEM(
	    o ? tree_after(&s->objects, &o->node) : tree_first(&s->objects), struct object, node);
}

static void count(const struct config_store *s, struct slot **slots, size_t *n)
{
	*n = 0;
	for (struct object *o = object_after(s, NULL); o; o = object_after(s, o))
		for (size_t i = 0; i < o->slots_n; i++) {
			if (slots)
				slots[*n] = o->slots[i];
			++*n;
		}
}

static int by_pool_name(const void *a, const void *b)
{
	return strcmp(((const struct config_pool *)a)->name, ((const struct config_pool *)b)->name);
}

static int by_l2_name(const void *a, const void *b)
{
	return strcmp(((const struct config_l2 *)a)->name, ((const struct config_l2 *)b)->name);
}

static int by_first(const void *a, const void *b)
{
	return addr_compare(&((const struct config_range *)a)->range.first,
	    &((const struct config_range *)b)->range.first);
}

/* The lists of the configuration, from what is in force. */
static void build(struct config *c, struct slot *const *slots, size_t n)
{
	struct config_pool *pools = arena_alloc(&c->arena, n * sizeof(*pools) + 1);
	struct config_l2 *l2 = arena_alloc(&c->arena, n * sizeof(*l2) + 1);
	struct config_range *ranges;
	size_t ranges_n = 0;

	for (size_t i = 0; pools && l2 && i < n; i++) {
		const struct version *v = slots[i]->force;

		if (v && v->has_pool) {
			pools[c->pools_n++] = v->pool;
			ranges_n += v->pool.ranges_n;
		}
		if (v && v->has_l2)
			l2[c->l2_n++] = v->l2;
	}
	ranges = arena_alloc(&c->arena, ranges_n * sizeof(*ranges) + 1);
	if (!ranges)
		return;
	qsort(pools, c->pools_n, sizeof(*pools), by_pool_name);
	qsort(l2, c->l2_n, sizeof(*l2), by_l2_name);
	for (size_t i = 0; i < c->pools_n; i++)
		for (size_t k = 0; k < pools[i].ranges_n; k++)
			ranges[c->ranges_n++] = (struct config_range){ pools[i].ranges[k], &pools[i] };
	qsort(ranges, c->ranges_n, sizeof(*ranges), by_first);
	c->pools = pools;
	c->l2 = l2;
	c->ranges = ranges;
}

static bool is_pool_source(const struct object *o)
{
	return strcmp(o->kind, "L2Advertisement") != 0;
}

/* Whether the object holds something that no good version tells. */
static bool is_blank(const struct config_store *s, const struct object *o)
{
	if (!is_pool_source(o) || strcmp(o->namespace, s->namespace) != 0)
		return false;
	for (size_t i = 0; i < o->slots_n; i++)
		if (!o->slots[i]->force)
			return true;
	return o->unsure;
}

/* unlisted: only those that the newest version lacks. */
static bool any_in_force(const struct object *o, bool unlisted)
{
	for (size_t i = 0; i < o->slots_n; i++)
		if (o->slots[i]->force && !(unlisted && o->slots[i]->listed))
			return true;
	return false;
}

/* Whether what the fault spoils has a version in force all the same. */
static bool is_kept(const struct object *o, const struct fault *f)
{
	if (f->entry == NO_ENTRY)
		return strcmp(o->kind, "ConfigMap") != 0 ? any_in_force(o, false)
							 : o->unsure && any_in_force(o, true);
	for (size_t i = 0; i < o->slots_n; i++)
		if (o->slots[i]->entry == f->entry)
			return o->slots[i]->force != NULL;
	return false;
}

struct problems {
	struct arena *arena;
	struct config_problem *at; /* NULL while counting */
	size_t n;
};

static void tell(struct problems *p, const struct object *o, const struct config_problem *what)
{
	if (p->at)
		p->at[p->n] = (struct config_problem){
			.kind = arena_copy(p->arena, o->kind),
			.namespace = arena_copy(p->arena, o->namespace),
			.name = arena_copy(p->arena, o->name),
			.path = arena_copy(p->arena, what->path),
			.message = arena_copy(p->arena, what->message),
			.kept = what->kept,
			.harmless = what->harmless,
		};
	p->n++;
}

static void tell_refused(struct problems *p, const struct object *o, const struct slot *sl)
{
	const struct version *v = sl->next;
	const struct config_pool *other = &sl->rival->pool;
	bool resource = !sl->name[0];
	char path[240], message[480], rival[160];

	snprintf(rival, sizeof(rival), "%s %.60s/%.60s", other->source_kind, other->source_namespace,
	    other->source_name);
	if (sl->overlap) {
		snprintf(path, sizeof(path), "%s.addresses[%zu]", v->path, sl->index);
		snprintf(message, sizeof(message),
		    "\"%s\" overlaps \"%s\" of pool %.60s (%s), which was first; no address may be in "
		    "two "
		    "pools",
		    v->texts[sl->index], sl->rival->texts[sl->overlap->index], other->name, rival);
	} else {
		snprintf(path, sizeof(path), "%s%s", resource ? "metadata" : v->path, ".name");
		snprintf(message, sizeof(message), "a pool \"%.60s\" is there already (%s); rename one",
		    v->pool.name, rival);
	}
	tell(p, o,
	    &(struct config_problem){ .path = path, .message = message, .kept = sl->force != NULL });
}

static void tell_object(struct problems *p, const struct object *o)
{
	char more[80];

	for (size_t i = 0; o->faults && i < o->faults->n; i++) {
		const struct fault *f = &o->faults->at[i];

		tell(p, o,
		    &(struct config_problem){ .path = f->path,
			.message = f->message,
			.kept = !f->harmless && is_kept(o, f),
			.harmless = f->harmless });
	}
	if (o->faults && o->faults->more) {
		snprintf(more, sizeof(more), "%zu more errors", o->faults->more);
		tell(p, o, &(struct config_problem){ .path = "", .message = more });
	}
	for (size_t i = 0; i < o->slots_n; i++)
		if (o->slots[i]->next)
			tell_refused(p, o, o->slots[i]);
}

static void list_problems(struct config_store *s, struct config *c)
{
	struct problems p = { .arena = &c->arena };

	for (struct object *o = object_after(s, NULL); o; o = object_after(s, o))
		tell_object(&p, o);
	p.at = arena_alloc(p.arena, p.n * sizeof(*p.at) + 1);
	p.n = 0;
	for (struct object *o = object_after(s, NULL); p.at && o; o = object_after(s, o)) {
		tell_object(&p, o);
		c->incomplete = c->incomplete || is_blank(s, o);
	}
	s->problems = p.at;
	s->problems_n = p.at ? p.n : 0;
}

void store_free_config(struct config_store *s)
{
	struct config *c = s->now;

	s->now = NULL;
	s->problems = NULL;
	s->problems_n = 0;
	if (c)
		arena_release(&c->arena);
	free(c);
	for (size_t i = 0; i < s->retired_n; i++)
		version_free(s->retired[i]);
	s->retired_n = 0;
}

static int commit(struct config_store *s, struct slot *const *slots, size_t n, struct err *e)
{
	struct config *c = calloc(1, sizeof(*c));

	if (!c)
		return err_memory(e);
	for (size_t i = 0; i < n; i++) {
		if (!slots[i]->next || slots[i]->refused)
			continue;
		store_retire(s, slots[i]->force);
		slots[i]->force = slots[i]->next;
		slots[i]->next = NULL;
	}
	build(c, slots, n);
	list_problems(s, c);
	struct config_problem *problems = s->problems;
	size_t problems_n = s->problems_n;

	store_free_config(s);
	s->now = c;
	s->problems = problems;
	s->problems_n = problems_n;
	if (!c->arena.bad)
		return 0;
	s->bad = true;
	return err_memory(e);
}

int store_settle(struct config_store *s, struct err *e)
{
	struct slot **slots, **newer;
	size_t n;
	int r = -1;

	count(s, NULL, &n);
	slots = calloc(n + 1, sizeof(*slots));
	newer = calloc(n + 1, sizeof(*newer));
	if (slots && newer) {
		count(s, slots, &n);
		for (size_t i = 0; i < n; i++)
			slots[i]->refused = false;
		while (!settle_round(slots, n, newer))
			;
		r = commit(s, slots, n, e);
	} else {
		err_memory(e);
	}
	free(slots);
	free(newer);
	return r;
}
