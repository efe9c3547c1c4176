/* SPDX-License-Identifier: Apache-2.0 */
/* Services as observed, and what is desired laid over them. */
#include <string.h>

#include "pkg/election/world.h"

static int compare(const struct service *a, const struct service *b)
{
	int c = strcmp(a->namespace, b->namespace);

	return c ? c : strcmp(a->name, b->name);
}

int service_compare(const struct tree_node *a, const struct tree_node *b)
{
	return compare(
	    TREE_ITEM(a, struct service, in_services), TREE_ITEM(b, struct service, in_services));
}

int dirty_compare(const struct tree_node *a, const struct tree_node *b)
{
	return compare(TREE_ITEM(a, struct service, in_dirty), TREE_ITEM(b, struct service, in_dirty));
}

int telling_compare(const struct tree_node *a, const struct tree_node *b)
{
	return compare(
	    TREE_ITEM(a, struct service, in_telling), TREE_ITEM(b, struct service, in_telling));
}

void service_tell(struct election *el, struct service *s)
{
	if (s->telling)
		return;
	s->telling = true;
	tree_add(&el->telling, &s->in_telling);
}

void service_touch(struct election *el, struct service *s)
{
	if (s->dirty)
		return;
	s->dirty = true;
	tree_add(&el->dirty, &s->in_dirty);
}

void service_touch_all(struct election *el)
{
	for (struct tree_node *n = tree_first(&el->services); n; n = tree_after(&el->services, n)) {
		struct service *s = TREE_ITEM(n, struct service, in_services);

		if (s->known)
			service_touch(el, s);
	}
}

static struct service *find(struct election *el, const char *namespace, const char *name)
{
	struct service probe = { .namespace = (char *)(uintptr_t) namespace,
		.name = (char *)(uintptr_t)name };

	return TREE_ITEM(tree_find(&el->services, &probe.in_services), struct service, in_services);
}

struct service *service_get(struct election *el, const char *namespace, const char *name, struct err *e)
{
	struct service *s = find(el, namespace, name);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (s) {
		s->namespace = strdup(namespace);
		s->name = strdup(name);
	}
	if (!s || !s->namespace || !s->name) {
		if (s) {
			free(s->namespace);
			free(s->name);
		}
		free(s);
		err_memory(e);
		return NULL;
	}
	tree_add(&el->services, &s->in_services);
	return s;
}

static void drop_overlay(struct service *s)
{
	arena_release(&s->overlay_arena);
	s->overlaid = false;
	s->ingress = NULL;
	s->ingress_n = 0;
}

static void forget(struct service *s)
{
	arena_release(&s->observed_arena);
	s->observed = (struct api_service){ 0 };
	s->known = false;
	drop_overlay(s);
}

void service_free(struct election *el, struct service *s)
{
	if (s->dirty)
		tree_remove(&el->dirty, &s->in_dirty);
	if (s->telling)
		tree_remove(&el->telling, &s->in_telling);
	for (size_t i = 0; i < s->claims_n; i++)
		claim_close(el, s->claims[i]);
	free(s->claims);
	tree_remove(&el->services, &s->in_services);
	forget(s);
	arena_release(&s->review_arena);
	arena_release(&s->last_arena);
	free(s->namespace);
	free(s->name);
	free(s);
}

void service_drop_if_empty(struct election *el, struct service *s)
{
	if (!s->known && !s->slices && !s->was_told)
		service_free(el, s);
}

static bool is_ours(const struct election *el, const struct api_service *s)
{
	const char *want = el->options.lb_class, *have = s->load_balancer_class;

	if (!s->load_balancer || !want != !have)
		return false;
	return !want || !strcmp(want, have);
}

static bool same_ingress(
    const struct api_ingress *a, size_t a_n, const struct api_ingress *b, size_t b_n)
{
	if (a_n != b_n)
		return false;
	for (size_t i = 0; i < a_n; i++)
		if (strcmp(a[i].ip, b[i].ip) != 0 || strcmp(a[i].hostname, b[i].hostname) != 0)
			return false;
	return true;
}

int service_put(struct election *el, const struct json *object, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct api_service got;
	struct service *s;
	bool ours, recreated;

	if (api_service_decode(&got, object, &a, e) < 0) {
		arena_release(&a);
		return -1;
	}
	ours = is_ours(el, &got);
	s = ours ? service_get(el, got.meta.namespace, got.meta.name, e)
		 : find(el, got.meta.namespace, got.meta.name);
	if (!s || !ours) {
		if (s) {
			forget(s);
			s->deleted = false;
			service_touch(el, s);
		}
		arena_release(&a);
		return ours ? -1 : 0;
	}
	recreated = s->known && strcmp(s->observed.meta.uid, got.meta.uid) != 0;
	if (s->overlaid &&
	    (recreated || same_ingress(s->ingress, s->ingress_n, got.ingress, got.ingress_n)))
		drop_overlay(s);
	arena_release(&s->observed_arena);
	s->observed_arena = a;
	s->observed = got;
	s->known = true;
	service_touch(el, s);
	return 0;
}

int service_remove(struct election *el, const struct json *object, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct api_meta meta;
	int rc = api_meta_decode(&meta, object, &a, e);
	struct service *s = rc == 0 ? find(el, meta.namespace, meta.name) : NULL;

	if (s && s->known) {
		forget(s);
		s->deleted = true;
		service_touch(el, s);
	}
	arena_release(&a);
	return rc;
}

int election_apply(struct election *el, const struct json *service, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct api_service got;
	struct service *s;

	if (json_type(json_at(service, "status", "loadBalancer", NULL)) == JSON_NULL)
		return 0;
	if (api_service_decode(&got, service, &a, e) < 0) {
		arena_release(&a);
		return -1;
	}
	s = find(el, got.meta.namespace, got.meta.name);
	if (!s || !s->known) {
		arena_release(&a);
		return 0;
	}
	drop_overlay(s);
	service_touch(el, s);
	if (same_ingress(got.ingress, got.ingress_n, s->observed.ingress, s->observed.ingress_n)) {
		arena_release(&a);
		return 0;
	}
	s->overlaid = true;
	s->overlay_arena = a;
	s->ingress = got.ingress;
	s->ingress_n = got.ingress_n;
	return 0;
}
