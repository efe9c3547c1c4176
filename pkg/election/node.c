/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes and Members.  A change of them concerns every Service, so only a change that can matter
 * counts: a Node's heartbeat does not. */
#include <string.h>

#include "pkg/election/world.h"

int node_compare(const struct tree_node *a, const struct tree_node *b)
{
	return strcmp(
	    TREE_ITEM(a, struct node, in_nodes)->name, TREE_ITEM(b, struct node, in_nodes)->name);
}

static struct node *find(const struct election *el, const char *name)
{
	struct node probe = { .name = (char *)(uintptr_t)name };

	return TREE_ITEM(tree_find(&el->nodes, &probe.in_nodes), struct node, in_nodes);
}

bool election_has_node(const struct election *el, const char *name)
{
	const struct node *n = find(el, name);

	return n && n->known;
}

void node_free(struct election *el, struct node *n)
{
	tree_remove(&el->nodes, &n->in_nodes);
	el->roll_stale = true;
	arena_release(&n->arena);
	free(n->name);
	free(n->reason);
	free(n);
}

static void drop_if_empty(struct election *el, struct node *n)
{
	if (n->known || n->member)
		return;
	ranks_forget(el->ranks, n->id);
	el->free_ids[el->free_ids_n++] = n->id; /* get() made room */
	node_free(el, n);
}

/* A number for a new node, and room to give it back. */
static int take_id(struct election *el, unsigned *id)
{
	size_t need = el->nodes.n + 1;

	if (need > el->free_ids_cap) {
		size_t cap = need * 2;
		unsigned *more = realloc(el->free_ids, cap * sizeof(*more));

		if (!more)
			return -1;
		el->free_ids = more;
		el->free_ids_cap = cap;
	}
	*id = el->free_ids_n ? el->free_ids[--el->free_ids_n] : el->next_id++;
	return 0;
}

static struct node *get(struct election *el, const char *name, struct err *e)
{
	struct node *n = find(el, name);

	if (n)
		return n;
	n = calloc(1, sizeof(*n));
	if (n)
		n->name = strdup(name);
	if (!n || !n->name || take_id(el, &n->id) < 0) {
		if (n)
			free(n->name);
		free(n);
		err_memory(e);
		return NULL;
	}
	for (size_t i = 0; i < el->options.down_n; i++)
		n->down |= !strcmp(el->options.down[i], name);
	n->hash = hash_text(HASH_BEGIN, name);
	tree_add(&el->nodes, &n->in_nodes);
	el->roll_stale = true;
	return n;
}

static bool same_labels(const struct api_map *a, const struct api_map *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->at[i].key, b->at[i].key) != 0 ||
		    strcmp(a->at[i].value, b->at[i].value) != 0)
			return false;
	return true;
}

static bool matters(const struct election *el, const struct node *n, const struct api_node *got)
{
	return !n->known || (!el->members_seen && n->observed.ready != got->ready) ||
	       n->observed.network_unavailable != got->network_unavailable ||
	       !same_labels(&n->observed.meta.labels, &got->meta.labels);
}

int node_put(struct election *el, const struct json *object, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct api_node got;
	struct node *n;

	if (api_node_decode(&got, object, &a, e) < 0) {
		arena_release(&a);
		return -1;
	}
	n = get(el, got.meta.name, e);
	if (!n) {
		arena_release(&a);
		return -1;
	}
	if (matters(el, n, &got))
		service_touch_all(el);
	arena_release(&n->arena);
	n->arena = a;
	n->observed = got;
	n->known = true;
	return 0;
}

int node_remove(struct election *el, const struct json *object, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct api_meta meta;
	int rc = api_meta_decode(&meta, object, &a, e);
	struct node *n = rc == 0 ? find(el, meta.name) : NULL;

	if (n && n->known) {
		arena_release(&n->arena);
		n->observed = (struct api_node){ 0 };
		n->known = false;
		drop_if_empty(el, n);
		service_touch_all(el);
	}
	arena_release(&a);
	return rc;
}

/* From now on Members tell who is alive. */
static void see_members(struct election *el)
{
	if (el->members_seen)
		return;
	el->members_seen = true;
	service_touch_all(el);
}

int member_put(struct election *el, const struct json *object, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct api_member got;
	struct node *n = NULL;
	char *reason = NULL;
	int rc = api_member_decode(&got, object, &a, e);

	if (rc == 0) {
		n = get(el, got.meta.name, e);
		reason = strdup(got.reason);
		if (!n || !reason)
			rc = err_memory(e);
	}
	arena_release(&a);
	if (rc < 0) {
		free(reason);
		return rc;
	}
	see_members(el);
	if (!n->member || n->alive != got.alive || (!got.alive && strcmp(n->reason, reason) != 0))
		service_touch_all(el);
	free(n->reason);
	n->reason = reason;
	n->alive = got.alive;
	n->member = true;
	return 0;
}

int member_remove(struct election *el, const struct json *object, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct api_meta meta;
	int rc = api_meta_decode(&meta, object, &a, e);
	struct node *n = rc == 0 ? find(el, meta.name) : NULL;

	if (rc == 0)
		see_members(el);
	if (n && n->member) {
		n->member = false;
		n->alive = false;
		drop_if_empty(el, n);
		service_touch_all(el);
	}
	arena_release(&a);
	return rc;
}
