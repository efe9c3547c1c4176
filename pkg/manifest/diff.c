/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "pkg/manifest/world.h"

/* What the object is now, with the version that it was told with. */
static struct json *make(const struct object *o)
{
	CLEANUP(json_freep) struct json *now = json_copy(o->defs->tree);
	const struct json *version = json_at(o->told, "metadata", "resourceVersion", NULL);

	if (!now || (o->overlay && json_merge(now, o->overlay->tree) < 0))
		return NULL;
	if (version && json_set(json_edit(now, "metadata"), "resourceVersion", json_copy(version)) < 0)
		return NULL;
	if (!version)
		json_remove(json_edit(now, "metadata"), "resourceVersion");
	return TAKE(now);
}

static bool set_version(struct manifest *m, struct json *object)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)++m->version);

	return json_set(json_edit(object, "metadata"), "resourceVersion",
		   json_new_string(text, (size_t)n)) == 0;
}

static void event_of(struct manifest_event *ev, enum manifest_type type, const struct object *o,
    const struct json *object)
{
	*ev = (struct manifest_event){ .type = type,
		.kind = o->key.kind,
		.namespace = o->key.namespace,
		.name = o->key.name,
		.object = object };
}

static bool warning(struct manifest *m, struct manifest_event *ev, char *text)
{
	m->out_text = text;
	*ev = (struct manifest_event){
		.type = MANIFEST_WARNING, .namespace = "", .name = "", .text = text
	};
	return true;
}

/* The definitions of an object that are not in force, one at a time. */
static bool say_double(struct manifest *m, struct object *o, struct manifest_event *ev)
{
	for (struct def *d = o->defs ? o->defs->next : NULL; d; d = d->next) {
		char *text = NULL;

		if (d->said)
			continue;
		d->said = true;
		if (asprintf(&text, "%s/%s: %s %s%s%s is defined in %s already; that one stays", m->dir,
			d->file->path, o->key.kind->kind, o->key.namespace,
			o->key.namespace[0] ? "/" : "", o->key.name, o->defs->file->path) >= 0)
			return warning(m, ev, text);
	}
	return false;
}

static bool tell_gone(struct manifest *m, struct object *o, struct manifest_event *ev)
{
	bool was = o->told != NULL;

	tree_remove(&m->gone, &o->marked);
	o->in = NULL;
	if (was) {
		m->out = TAKE(o->told);
		set_version(m, m->out);
		event_of(ev, MANIFEST_DELETED, o, m->out);
	}
	if (o->overlay)
		return was;
	tree_remove(&m->objects, &o->node);
	m->dead = o;
	return was;
}

static bool tell_changed(struct manifest *m, struct object *o, struct manifest_event *ev)
{
	struct json *now;
	bool is_new = !o->told;

	tree_remove(&m->changed, &o->marked);
	o->in = NULL;
	now = make(o);
	if (!now || json_equal(now, o->told)) {
		json_free(now);
		return false;
	}
	set_version(m, now);
	json_free(o->told);
	o->told = now;
	event_of(ev, is_new ? MANIFEST_ADDED : MANIFEST_MODIFIED, o, now);
	return true;
}

static void forget_event(struct manifest *m)
{
	json_free(TAKE(m->out));
	free(TAKE(m->out_text));
	manifest_object_free(TAKE(m->dead));
}

bool manifest_next(struct manifest *m, struct manifest_event *ev)
{
	struct complaint *c = m->complaints;
	struct object *o;

	forget_event(m);
	if (c) {
		char *text = c->text;

		m->complaints = c->next;
		if (!m->complaints)
			m->complaints_end = &m->complaints;
		free(c);
		return warning(m, ev, text);
	}
	while ((o = TREE_ITEM(tree_first(&m->gone), struct object, marked))) {
		manifest_object_free(TAKE(m->dead));
		if (tell_gone(m, o, ev))
			return true;
	}
	while ((o = TREE_ITEM(tree_first(&m->changed), struct object, marked)))
		if (say_double(m, o, ev) || tell_changed(m, o, ev))
			return true;
	return false;
}
