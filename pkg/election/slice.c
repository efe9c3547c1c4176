/* SPDX-License-Identifier: Apache-2.0 */
/* EndpointSlices, as far as an election cares: is there a usable endpoint, and on which nodes. */
#include <string.h>

#include "pkg/election/world.h"

int slice_compare(const struct tree_node *x, const struct tree_node *y)
{
	const struct slice *a = TREE_ITEM(x, struct slice, in_slices);
	const struct slice *b = TREE_ITEM(y, struct slice, in_slices);
	int c = strcmp(a->namespace, b->namespace);

	return c ? c : strcmp(a->name, b->name);
}

static struct slice *find(struct election *el, const char *namespace, const char *name)
{
	struct slice probe = { .namespace = (char *)(uintptr_t) namespace,
		.name = (char *)(uintptr_t)name };

	return TREE_ITEM(tree_find(&el->slices, &probe.in_slices), struct slice, in_slices);
}

void slice_free(struct election *el, struct slice *s)
{
	tree_remove(&el->slices, &s->in_slices);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	arena_release(&s->arena);
	free(s);
}

bool slice_is_of(const struct slice *s, uint8_t family)
{
	return s->family == ADDR_NONE || s->family == family;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Copies what counts into the slice's own arena. */
static int fill(struct slice *s, const struct api_endpoint_slice *from)
{
	size_t n = 0;

	s->namespace = arena_copy(&s->arena, from->meta.namespace);
	s->name = arena_copy(&s->arena, from->meta.name);
	s->family = from->family;
	s->nodes = arena_alloc(&s->arena, from->endpoints_n * sizeof(*s->nodes));
	if (s->arena.bad)
		return -1;
	for (size_t i = 0; i < from->endpoints_n; i++) {
		s->usable |= from->endpoints[i].usable;
		if (from->endpoints[i].usable && from->endpoints[i].node[0])
			s->nodes[n++] = from->endpoints[i].node; /* theirs, for now */
	}
	qsort(s->nodes, n, sizeof(*s->nodes), by_text);
	for (size_t i = 0; i < n; i++)
		if (s->nodes_n == 0 || strcmp(s->nodes[s->nodes_n - 1], s->nodes[i]) != 0)
			s->nodes[s->nodes_n++] = arena_copy(&s->arena, s->nodes[i]);
	return s->arena.bad ? -1 : 0;
}

static bool same(const struct slice *a, const struct slice *b)
{
	if (a->usable != b->usable || a->family != b->family || a->nodes_n != b->nodes_n)
		return false;
	for (size_t i = 0; i < a->nodes_n; i++)
		if (strcmp(a->nodes[i], b->nodes[i]) != 0)
			return false;
	return true;
}

static void drop(struct election *el, struct slice *old)
{
	struct service *s = old->service;

	slice_free(el, old);
	if (s->known)
		service_touch(el, s);
	service_drop_if_empty(el, s);
}

/* Replaces the slice of this name, if there was one. */
static int put(struct election *el, const struct api_endpoint_slice *got, struct err *e)
{
	struct slice *old = find(el, got->meta.namespace, got->meta.name);
	struct service *service;
	struct slice *s;

	if (!got->service[0]) {
		if (old)
			drop(el, old);
		return 0;
	}
	s = calloc(1, sizeof(*s));
	if (!s || fill(s, got) < 0) {
		if (s)
			arena_release(&s->arena);
		free(s);
		return err_memory(e);
	}
	if (old && same(old, s) && !strcmp(old->service->name, got->service)) {
		arena_release(&s->arena);
		free(s);
		return 0;
	}
	service = service_get(el, got->meta.namespace, got->service, e);
	if (!service) {
		arena_release(&s->arena);
		free(s);
		return -1;
	}
	s->service = service;
	s->next = service->slices;
	s->link = &service->slices;
	if (s->next)
		s->next->link = &s->next;
	service->slices = s;
	if (old)
		drop(el, old);
	tree_add(&el->slices, &s->in_slices);
	if (service->known)
		service_touch(el, service);
	return 0;
}

int slice_put(struct election *el, const struct json *object, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct api_endpoint_slice got;
	int rc = api_endpoint_slice_decode(&got, object, &a, e);

	if (rc == 0)
		rc = put(el, &got, e);
	arena_release(&a);
	return rc;
}

int slice_remove(struct election *el, const struct json *object, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct api_meta meta;
	int rc = api_meta_decode(&meta, object, &a, e);
	struct slice *old = rc == 0 ? find(el, meta.namespace, meta.name) : NULL;

	if (old)
		drop(el, old);
	arena_release(&a);
	return rc;
}
