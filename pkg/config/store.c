/* SPDX-License-Identifier: Apache-2.0 */
/* An object has slots: one for a resource, one a pool for the ConfigMap.  A slot holds the
 * version that is in force and perhaps a newer one that is good in itself.  Putting an object
 * only fills the slots; what comes into force is settled when the configuration is asked for
 * (settle.c), over all objects at once. */
#include "pkg/config/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char group[] = "metallb.io";

static const struct source {
	const char *kind;
	const char *group;
	struct version *(*decode)(
	    const struct json *object, const struct api_meta *meta, struct faults *f);
} sources[] = {
	{ "IPAddressPool", group, decode_ip_address_pool },
	{ "AddressPool", group, decode_address_pool },
	{ "L2Advertisement", group, decode_l2_advertisement },
	{ "ConfigMap", "", NULL },
};

static int object_compare(const struct tree_node *a, const struct tree_node *b)
{
	const struct object *l = TREE_ITEM(a, const struct object, node);
	const struct object *r = TREE_ITEM(b, const struct object, node);
	int c = strcmp(l->kind, r->kind);

	c = c ? c : strcmp(l->namespace, r->namespace);
	return c ? c : strcmp(l->name, r->name);
}

struct config_store *config_store_new(const char *namespace, struct err *e)
{
	struct config_store *s = calloc(1, sizeof(*s));

	if (s)
		s->namespace = strdup(namespace);
	if (!s || !s->namespace) {
		free(s);
		err_memory(e);
		return NULL;
	}
	s->objects.compare = object_compare;
	s->changed = true;
	return s;
}

static void slot_free(struct slot *sl)
{
	version_free(sl->force);
	version_free(sl->next);
	free(sl->name);
	free(sl);
}

static void drop_faults(struct object *o)
{
	if (o->faults)
		arena_release(&o->faults->arena);
	free(o->faults);
	o->faults = NULL;
}

static void object_free(struct object *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->slots_n; i++)
		slot_free(o->slots[i]);
	drop_faults(o);
	free(o->slots);
	buf_release(&o->text);
	free(o->kind);
	free(o->namespace);
	free(o->name);
	free(o);
}

void config_store_free(struct config_store *s)
{
	struct tree_node *n;

	if (!s)
		return;
	while ((n = tree_first(&s->objects))) {
		tree_remove(&s->objects, n);
		object_free(TREE_ITEM(n, struct object, node));
	}
	store_free_config(s);
	free(s->retired);
	free(s->namespace);
	free(s);
}

void store_retire(struct config_store *s, struct version *v)
{
	struct version **more;

	if (!v)
		return;
	more = reallocarray(s->retired, s->retired_n + 1, sizeof(*more));
	if (!more) {
		s->bad = true; /* v leaks, and the store is of no more use */
		return;
	}
	s->retired = more;
	s->retired[s->retired_n++] = v;
}

static const struct source *source_find(const char *kind, const char *of)
{
	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		if (!strcmp(sources[i].kind, kind) && !strcmp(sources[i].group, of))
			return &sources[i];
	return NULL;
}

bool config_store_reads(const char *kind, const char *of)
{
	return source_find(kind, of) != NULL;
}

static const struct source *source_of(const struct json *object)
{
	const char *kind = json_string(json_get(object, "kind"));
	const char *version = json_string(json_get(object, "apiVersion"));
	size_t n = version && strchr(version, '/') ? (size_t)(strchr(version, '/') - version) : 0;
	char of[64];

	if (!kind || n >= sizeof(of))
		return NULL;
	snprintf(of, sizeof(of), "%.*s", (int)n, version ? version : "");
	return source_find(kind, of);
}

static struct slot *slot_find(const struct object *o, const char *name)
{
	for (size_t i = 0; i < o->slots_n; i++)
		if (!strcmp(o->slots[i]->name, name))
			return o->slots[i];
	return NULL;
}

/* The slot of the name, made if need be; NULL when out of memory. */
static struct slot *slot_of(struct object *o, const char *name)
{
	struct slot *sl = slot_find(o, name), **more;

	if (sl)
		return sl;
	more = reallocarray(o->slots, o->slots_n + 1, sizeof(*more));
	if (more)
		o->slots = more;
	sl = more ? calloc(1, sizeof(*sl)) : NULL;
	if (sl)
		sl->name = strdup(name);
	if (!sl || !sl->name) {
		free(sl);
		return NULL;
	}
	sl->object = o;
	o->slots[o->slots_n++] = sl;
	return sl;
}

/* The newest version of one slot; NULL: it is wrong. */
static void fill(
    struct config_store *s, struct object *o, const char *name, size_t entry, struct version *v)
{
	struct slot *sl = slot_of(o, name);

	if (!sl) {
		version_free(v);
		s->bad = true;
		return;
	}
	version_free(sl->next);
	sl->next = v;
	sl->entry = entry;
	sl->listed = true;
}

/* Slots that the newest version doesn't list go, unless that may be a slip. */
static void sweep(struct config_store *s, struct object *o)
{
	size_t kept = 0;

	for (size_t i = 0; i < o->slots_n; i++) {
		struct slot *sl = o->slots[i];

		if (sl->listed || (o->unsure && sl->force)) {
			if (!sl->listed) {
				version_free(sl->next);
				sl->next = NULL;
				sl->entry = NO_ENTRY;
			}
			o->slots[kept++] = sl;
			continue;
		}
		store_retire(s, sl->force);
		sl->force = NULL;
		slot_free(sl);
	}
	o->slots_n = kept;
}

/* What of the object matters here, as text to compare. */
static void describe(const struct json *object, const struct api_meta *m, struct buf *out)
{
	buf_printf(out, "%" PRId64 " ", m->created);
	json_write(json_at(object, "metadata", "labels", NULL), out);
	json_write(json_at(object, "metadata", "annotations", RESERVE_KEY, NULL), out);
	json_write(json_get(object, "spec"), out);
	json_write(json_at(object, "data", "config", NULL), out);
}

static struct object *object_of(struct config_store *s, const char *kind, const struct api_meta *m)
{
	struct object probe = {
		.kind = (char *)(uintptr_t)kind,
		.namespace = (char *)(uintptr_t)m->namespace,
		.name = (char *)(uintptr_t)m->name,
	};
	struct object *o = TREE_ITEM(tree_find(&s->objects, &probe.node), struct object, node);

	if (o)
		return o;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->kind = strdup(kind);
	o->namespace = strdup(m->namespace);
	o->name = strdup(m->name);
	if (!o->kind || !o->namespace || !o->name) {
		object_free(o);
		return NULL;
	}
	tree_add(&s->objects, &o->node);
	return o;
}

/* Its metadata can't be read: the last good version stays. */
static void spoil(struct config_store *s, struct object *o, const struct source *src, const char *wrong,
    struct decoder *d)
{
	const char *colon = strstr(wrong, ": ");
	struct path place = { "metadata" };

	if (colon)
		snprintf(place.text, sizeof(place.text), "%.*s", (int)(colon - wrong), wrong);
	refuse(d, &place, "%s", colon ? colon + 2 : wrong);
	o->unsure = !src->decode;
	if (src->decode)
		fill(s, o, "", NO_ENTRY, NULL);
}

/* wrong: what is wrong with its metadata, or NULL. */
static void decode(struct config_store *s, struct object *o, const struct source *src,
    const struct json *object, const struct api_meta *m, const char *wrong, struct faults *f)
{
	struct decoder d = { .arena = &f->arena, .faults = f, .entry = NO_ENTRY };
	struct configmap c;

	if (wrong) {
		spoil(s, o, src, wrong, &d);
		return;
	}
	if (strcmp(m->namespace, s->namespace) != 0) {
		refuse(&d, &(struct path){ "metadata.namespace" },
		    "is \"%.64s\", but the configuration is read from namespace %s only; move it there",
		    m->namespace, s->namespace);
		return;
	}
	if (src->decode) {
		fill(s, o, "", NO_ENTRY, src->decode(object, m, f));
		return;
	}
	if (decode_configmap(&c, object, m, f) < 0)
		s->bad = true;
	for (size_t i = 0; i < c.n; i++) {
		if (c.at[i].name)
			fill(s, o, c.at[i].name, i, c.at[i].version);
		else
			version_free(c.at[i].version);
	}
	o->unsure = c.unsure;
	free(c.at);
}

static void put(struct config_store *s, struct object *o, const struct source *src,
    const struct json *object, const struct api_meta *m, const char *wrong)
{
	struct faults *f = calloc(1, sizeof(*f));

	if (!f) {
		s->bad = true;
		return;
	}
	drop_faults(o);
	o->faults = f;
	o->created = m->created;
	o->unsure = false;
	for (size_t i = 0; i < o->slots_n; i++)
		o->slots[i]->listed = false;
	decode(s, o, src, object, m, wrong, f);
	s->bad = s->bad || f->arena.bad;
	sweep(s, o);
	if (!f->n)
		drop_faults(o);
	s->changed = true;
}

/* The ConfigMap is one of many in its cluster. */
static bool is_ours(const struct config_store *s, const struct source *src, const struct api_meta *m)
{
	return src->decode || (!strcmp(m->name, "config") && !strcmp(m->namespace, s->namespace));
}

/* Enough of it to know the object by, when the whole can't be read. */
static struct api_meta who(const struct json *object)
{
	const char *namespace = json_string(json_at(object, "metadata", "namespace", NULL));
	const char *name = json_string(json_at(object, "metadata", "name", NULL));

	return (struct api_meta){ .namespace = namespace ? namespace : "", .name = name ? name : "" };
}

bool config_store_put(struct config_store *s, const struct json *object)
{
	const struct source *src = source_of(object);
	struct arena scratch = ARENA_INIT;
	struct api_meta m = { 0 };
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	struct object *o = NULL;
	bool changed = false, wrong = src && api_meta_decode(&m, object, &scratch, &e) < 0;

	if (wrong && e.kind != ERR_PROTOCOL) { /* no memory: that is no fault of the object's */
		s->bad = true;
		arena_release(&scratch);
		return true;
	}
	if (wrong)
		m = who(object);
	if (src && is_ours(s, src, &m)) {
		o = object_of(s, src->kind, &m);
		describe(object, &m, &text);
		buf_puts(&text, wrong ? e.text : "");
		s->bad = s->bad || !o || text.bad;
	}
	if (o && text.data && (!o->text.data || strcmp(o->text.data, text.data) != 0)) {
		buf_release(&o->text);
		o->text = text;
		text = (struct buf)BUF_INIT;
		put(s, o, src, object, &m, wrong ? e.text : NULL);
		changed = true;
	}
	buf_release(&text);
	arena_release(&scratch);
	return changed;
}

bool config_store_remove(struct config_store *s, const struct json *object)
{
	const struct source *src = source_of(object);
	const struct api_meta m = who(object);
	struct object *o = NULL;

	if (src) {
		struct object probe = {
			.kind = (char *)(uintptr_t)src->kind,
			.namespace = (char *)(uintptr_t)m.namespace,
			.name = (char *)(uintptr_t)m.name,
		};

		o = TREE_ITEM(tree_find(&s->objects, &probe.node), struct object, node);
	}
	if (!o)
		return false;
	o->unsure = false;
	for (size_t i = 0; i < o->slots_n; i++)
		o->slots[i]->listed = false;
	sweep(s, o);
	tree_remove(&s->objects, &o->node);
	object_free(o);
	s->changed = true;
	return true;
}

const struct config *config_store_get(struct config_store *s, struct err *e)
{
	if (s->bad) {
		err_memory(e);
		return NULL;
	}
	if (s->changed && store_settle(s, e) < 0)
		return NULL;
	s->changed = false;
	return s->now;
}

const struct config_problem *config_store_problems(struct config_store *s, size_t *n)
{
	*n = s->problems_n;
	return s->problems;
}
