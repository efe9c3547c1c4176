/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cmd/allocate.h"
#include "pkg/tree/tree.h"

struct one {
	struct tree_node node;
	char *name;
	bool known;
	int64_t numbers[4]; /* of record_pool_status_keys */
};

struct pool_statuses {
	struct tree all;
	bool bad; /* out of memory */
};

static int compare(const struct tree_node *a, const struct tree_node *b)
{
	return strcmp(
	    TREE_ITEM(a, const struct one, node)->name, TREE_ITEM(b, const struct one, node)->name);
}

struct pool_statuses *pool_statuses_new(struct err *e)
{
	struct pool_statuses *p = calloc(1, sizeof(*p));

	if (p)
		p->all = (struct tree)TREE_INIT(compare);
	else
		err_memory(e);
	return p;
}

static void drop(struct pool_statuses *p, struct one *o)
{
	tree_remove(&p->all, &o->node);
	free(o->name);
	free(o);
}

void pool_statuses_free(struct pool_statuses *p)
{
	while (p && p->all.root)
		drop(p, TREE_ITEM(p->all.root, struct one, node));
	free(p);
}

static struct one *find(const struct pool_statuses *p, const char *name)
{
	struct one probe = { .name = (char *)(uintptr_t)name };

	return TREE_ITEM(tree_find(&p->all, &probe.node), struct one, node);
}

static struct one *of(struct pool_statuses *p, const char *name)
{
	struct one *o = find(p, name);

	if (o)
		return o;
	o = calloc(1, sizeof(*o));
	if (o)
		o->name = strdup(name);
	if (!o || !o->name) {
		free(o);
		p->bad = true;
		return NULL;
	}
	tree_add(&p->all, &o->node);
	return o;
}

void pool_statuses_seen(struct pool_statuses *p, const struct json *object)
{
	const char *name = json_string(json_at(object, "metadata", "name", NULL));
	const struct json *status = json_get(object, "status");
	struct one *o = name ? of(p, name) : NULL;

	if (!o)
		return;
	o->known = true;
	for (size_t i = 0; i < ARRAY_LEN(o->numbers); i++)
		o->known =
		    json_int(json_get(status, record_pool_status_keys[i]), &o->numbers[i]) && o->known;
}

void pool_statuses_gone(struct pool_statuses *p, const struct json *object)
{
	const char *name = json_string(json_at(object, "metadata", "name", NULL));
	struct one *o = name ? find(p, name) : NULL;

	if (o)
		drop(p, o);
}

int pool_statuses_tell(struct pool_statuses *p, const struct ipam *m, const struct config *c,
    void (*add)(void *arg, const struct record_pool_status *s), void *arg, struct err *e)
{
	for (size_t i = 0; i < c->pools_n; i++) {
		const struct config_pool *pool = &c->pools[i];
		bool resource = !strcmp(pool->source_kind, "IPAddressPool");
		struct one *o = resource ? of(p, pool->name) : NULL;
		struct ipam_books four, six;

		if (!o || !ipam_books(m, pool->name, ADDR_IPV4, &four) ||
		    !ipam_books(m, pool->name, ADDR_IPV6, &six))
			continue;
		const int64_t now[] = { (int64_t)four.assigned, (int64_t)six.assigned,
			(int64_t)four.available, (int64_t)six.available };

		if (o->known && !memcmp(o->numbers, now, sizeof(now)))
			continue;
		o->known = true;
		memcpy(o->numbers, now, sizeof(now));
		add(arg, &(struct record_pool_status){
			     .namespace = pool->source_namespace,
			     .name = pool->name,
			     .assigned = { now[0], now[1] },
			     .available = { now[2], now[3] },
			 });
	}
	return p->bad ? err_memory(e) : 0;
}
