/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pkg/manifest/world.h"

static int file_compare(const struct tree_node *a, const struct tree_node *b)
{
	return strcmp(
	    TREE_ITEM(a, const struct file, node)->path, TREE_ITEM(b, const struct file, node)->path);
}

static int object_compare(const struct tree_node *a, const struct tree_node *b)
{
	return manifest_key_compare(&TREE_ITEM(a, const struct object, node)->key,
	    &TREE_ITEM(b, const struct object, node)->key);
}

static int marked_compare(const struct tree_node *a, const struct tree_node *b)
{
	return manifest_key_compare(&TREE_ITEM(a, const struct object, marked)->key,
	    &TREE_ITEM(b, const struct object, marked)->key);
}

struct manifest *manifest_new(const struct manifest_options *o, struct err *e)
{
	struct manifest *m = calloc(1, sizeof(*m));

	if (m)
		m->dir = strdup(o->dir);
	if (!m || !m->dir) {
		free(m);
		err_memory(e);
		return NULL;
	}
	m->full = o->full;
	m->files = (struct tree)TREE_INIT(file_compare);
	m->objects = (struct tree)TREE_INIT(object_compare);
	m->gone = (struct tree)TREE_INIT(marked_compare);
	m->changed = (struct tree)TREE_INIT(marked_compare);
	m->complaints_end = &m->complaints;
	return m;
}

/* What cannot be told for lack of memory is not told. */
static void complain(struct manifest *m, const char *path, const char *fmt, ...) PRINTF(3, 4);
static void complain(struct manifest *m, const char *path, const char *fmt, ...)
{
	struct complaint *c = calloc(1, sizeof(*c));
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (!c || vasprintf(&text, fmt, ap) < 0 ||
	    asprintf(&c->text, "%s/%s: %s", m->dir, path, text) < 0) {
		free(c);
		c = NULL;
	}
	va_end(ap);
	free(text);
	if (!c)
		return;
	*m->complaints_end = c;
	m->complaints_end = &c->next;
}

void manifest_complain(struct manifest *m, const char *path, const char *text)
{
	complain(m, path, "%s", text);
}

void manifest_object_free(struct object *o)
{
	if (!o)
		return;
	json_free(o->told);
	free(o->key.namespace);
	free(o->key.name);
	free(o);
}

/* To be looked at by manifest_next(). */
static void mark(struct manifest *m, struct object *o)
{
	if (o->in)
		tree_remove(o->in, &o->marked);
	o->in = o->defs ? &m->changed : &m->gone;
	tree_add(o->in, &o->marked);
}

/* The object of that key, made if need be; takes the key's strings. */
static struct object *object_of(struct manifest *m, struct manifest_key *key)
{
	struct object probe = { .key = *key };
	struct object *o = TREE_ITEM(tree_find(&m->objects, &probe.node), struct object, node);

	if (o)
		return o;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->key = *key;
	key->namespace = key->name = NULL;
	tree_add(&m->objects, &o->node);
	return o;
}

static bool is_overlay(const struct def *d)
{
	return !strncmp(d->file->path, OVERLAYS, strlen(OVERLAYS)) &&
	       !manifest_stands_alone(d->object->key.kind->kind, d->object->key.kind->group);
}

static void link_def(struct manifest *m, struct def *d)
{
	struct def **at = &d->object->defs;

	if (is_overlay(d)) {
		d->object->overlay = d;
		mark(m, d->object);
		return;
	}
	for (; *at; at = &(*at)->next) {
		int order = strcmp(d->file->path, (*at)->file->path);

		if (order < 0 || (order == 0 && d->nth < (*at)->nth))
			break;
	}
	d->next = *at;
	*at = d;
	mark(m, d->object);
}

static void unlink_def(struct manifest *m, struct def *d)
{
	struct def **at = &d->object->defs;

	if (d->object->overlay == d)
		d->object->overlay = NULL;
	while (*at && *at != d)
		at = &(*at)->next;
	if (*at)
		*at = d->next;
	mark(m, d->object);
}

static void file_drop_defs(struct manifest *m, struct file *f)
{
	for (size_t i = 0; i < f->defs_n; i++) {
		unlink_def(m, f->defs[i]);
		json_free(f->defs[i]->tree);
		free(f->defs[i]);
	}
	free(f->defs);
	f->defs = NULL;
	f->defs_n = 0;
}

static void file_free(struct manifest *m, struct file *f)
{
	file_drop_defs(m, f);
	tree_remove(&m->files, &f->node);
	free(f->path);
	free(f);
}

static struct file *file_of(struct manifest *m, const char *path)
{
	struct file probe = { .path = (char *)(uintptr_t)path };
	struct file *f = TREE_ITEM(tree_find(&m->files, &probe.node), struct file, node);

	if (f)
		return f;
	f = calloc(1, sizeof(*f));
	if (f)
		f->path = strdup(path);
	if (!f || !f->path) {
		free(f);
		return NULL;
	}
	tree_add(&m->files, &f->node);
	return f;
}

/* Adds to the file what it had before and the new text doesn't have. */
static bool keep_missing(const struct file *old, struct manifest_defs *defs)
{
	for (size_t i = 0; i < old->defs_n; i++) {
		const struct object *o = old->defs[i]->object;
		struct manifest_def *more, copy = { .key.kind = o->key.kind };
		bool there = false;

		for (size_t j = 0; j < defs->n && !there; j++)
			there = !manifest_key_compare(&defs->at[j].key, &o->key);
		if (there)
			continue;
		more = realloc(defs->at, (defs->n + 1) * sizeof(*more));
		if (!more)
			return false;
		defs->at = more;
		defs->cap = defs->n + 1;
		copy.key.namespace = strdup(o->key.namespace);
		copy.key.name = strdup(o->key.name);
		copy.object = json_copy(old->defs[i]->tree);
		defs->at[defs->n++] = copy;
		if (!copy.key.namespace || !copy.key.name || !copy.object)
			return false;
	}
	return true;
}

static bool file_add_def(struct manifest *m, struct file *f, struct manifest_def *from)
{
	struct def *d = calloc(1, sizeof(*d));

	if (d)
		d->object = object_of(m, &from->key);
	if (!d || !d->object) {
		free(d);
		return false;
	}
	d->file = f;
	d->nth = f->defs_n;
	d->tree = TAKE(from->object);
	f->defs[f->defs_n++] = d;
	link_def(m, d);
	return true;
}

/* ".lbctl/KIND/NAMESPACE/NAME.json" must hold that object and nothing else. */
static bool check_overlay(struct manifest *m, const char *path, const struct manifest_defs *defs)
{
	char want[1024] = "";

	if (strncmp(path, OVERLAYS, strlen(OVERLAYS)) != 0)
		return true;
	if (defs->n == 1) {
		const struct manifest_key *k = &defs->at[0].key;

		snprintf(want, sizeof(want), OVERLAYS "%s/%s/%s.json", k->kind->kind,
		    k->namespace[0] ? k->namespace : "_", k->name);
	}
	if (!strcmp(path, want))
		return true;
	complain(m, path, "ignored: a file here holds the one object that its path names");
	return false;
}

struct refusals {
	struct manifest *m;
	const char *path;
	size_t n;
};

static void on_refused(void *arg, const struct err *e)
{
	struct refusals *r = arg;

	r->n++;
	complain(r->m, r->path, "%s", e->text);
}

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);

	return n >= k && !strcmp(text + n - k, end);
}

void manifest_file(struct manifest *m, const char *path, const char *text, size_t len)
{
	CLEANUP(manifest_defs_release) struct manifest_defs defs = { 0 };
	struct refusals r = { .m = m, .path = path };
	struct manifest_parse p = { .text = text,
		.len = len,
		.json = ends_in(path, ".json"),
		.full = m->full,
		.refused = on_refused,
		.arg = &r };
	struct file *f = file_of(m, path);
	struct def **room;
	struct err e = ERR_INIT;

	if (!f) {
		complain(m, path, "out of memory");
		return;
	}
	if (manifest_parse(&p, &defs, &e) < 0) {
		complain(m, path, "%s%s", e.text, f->defs_n ? "; the objects that it had stay" : "");
		return;
	}
	if (!check_overlay(m, path, &defs))
		return;
	if (r.n && !keep_missing(f, &defs)) {
		complain(m, path, "out of memory");
		return;
	}
	room = calloc(defs.n ? defs.n : 1, sizeof(struct def *));
	if (!room) {
		complain(m, path, "out of memory");
		return;
	}
	file_drop_defs(m, f);
	f->defs = room;
	for (size_t i = 0; i < defs.n; i++)
		if (!file_add_def(m, f, &defs.at[i]))
			complain(m, path, "out of memory");
}

void manifest_gone(struct manifest *m, const char *path)
{
	size_t n = strlen(path);
	struct file probe = { .path = (char *)(uintptr_t)path };
	struct file *f = TREE_ITEM(tree_at_least(&m->files, &probe.node), struct file, node);

	/* The file, then whatever is under it as a folder; names such as "web-2.yaml" sort between
	 * "web" and "web/". */
	while (f && !strncmp(f->path, path, n)) {
		struct file *next = TREE_ITEM(tree_after(&m->files, &f->node), struct file, node);

		if (!n || f->path[n] == '\0' || f->path[n] == '/')
			file_free(m, f);
		f = next;
	}
}

void manifest_free(struct manifest *m)
{
	struct manifest_event ev;
	struct file *f;
	struct object *o;

	if (!m)
		return;
	while ((f = TREE_ITEM(tree_first(&m->files), struct file, node)))
		file_free(m, f);
	while (m->complaints)
		manifest_next(m, &ev);
	json_free(m->out);
	free(m->out_text);
	manifest_object_free(m->dead);
	while ((o = TREE_ITEM(tree_first(&m->objects), struct object, node))) {
		tree_remove(&m->objects, &o->node);
		manifest_object_free(o);
	}
	free(m->dir);
	free(m);
}

void manifest_freep(struct manifest **m)
{
	manifest_free(*m);
}

bool manifest_is_name(const char *name)
{
	if (name[0] == '.' || ends_in(name, "~") || !strcmp(name, "kustomization.yaml") ||
	    !strcmp(name, "kustomization.yml"))
		return false;
	return ends_in(name, ".yaml") || ends_in(name, ".yml") || ends_in(name, ".json");
}

bool manifest_stands_alone(const char *kind, const char *group)
{
	return !strcmp(kind, "Event") && !group[0];
}
