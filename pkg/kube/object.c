/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/object.h"

#include <string.h>

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

static const char *text(const struct json *metadata, const char *key)
{
	const char *s = json_string(json_get(metadata, key));

	return s ? s : "";
}

int object_identity(struct known_object *out, const struct json *object, struct err *e)
{
	const struct json *metadata = json_get(object, "metadata");
	struct known_object o = {
		.namespace = text(metadata, "namespace"),
		.name = text(metadata, "name"),
		.uid = text(metadata, "uid"),
		.resource_version = text(metadata, "resourceVersion"),
	};

	if (!o.name[0])
		return err_set(e, ERR_PROTOCOL, "an object without metadata.name");
	*out = o;
	return 0;
}

/* Up to the first field after kind and apiVersion. */
static struct json_writer begin(struct buf *out, const char *type, const struct api_kind *k)
{
	struct json_writer w = json_writer(out);
	char version[128];

	api_version_text(k, version, sizeof(version));
	json_begin(&w, '{');
	json_field(&w, "type", type);
	json_key(&w, "object");
	json_begin(&w, '{');
	json_field(&w, "kind", k->kind);
	json_field(&w, "apiVersion", version);
	return w;
}

static void end(struct json_writer *w)
{
	json_end(w, '}');
	json_end(w, '}');
	buf_putc(w->out, '\n');
}

static void put_annotations(struct json_writer *w, const struct json *annotations)
{
	struct json_iter it = { 0 };

	json_key(w, "annotations");
	json_begin(w, '{');
	while (json_each(annotations, &it)) {
		if (!strcmp(it.key, LAST_APPLIED))
			continue;
		json_key_of(w, it.key);
		json_put_tree(w, it.value);
	}
	json_end(w, '}');
}

static void put_metadata(struct json_writer *w, const struct json *metadata)
{
	struct json_iter it = { 0 };

	json_key(w, "metadata");
	json_begin(w, '{');
	while (json_each(metadata, &it)) {
		if (!strcmp(it.key, "managedFields"))
			continue;
		if (!strcmp(it.key, "annotations") && json_get(it.value, LAST_APPLIED)) {
			if (json_count(it.value) > 1)
				put_annotations(w, it.value);
			continue;
		}
		json_key_of(w, it.key);
		json_put_tree(w, it.value);
	}
	json_end(w, '}');
}

void object_record(
    struct buf *out, const char *type, const struct api_kind *k, const struct json *object, bool full)
{
	struct json_writer w = begin(out, type, k);
	struct json_iter it = { 0 };

	while (json_each(object, &it)) {
		if (!strcmp(it.key, "kind") || !strcmp(it.key, "apiVersion"))
			continue;
		if (!full && !strcmp(it.key, "metadata")) {
			put_metadata(&w, it.value);
			continue;
		}
		json_key_of(&w, it.key);
		json_put_tree(&w, it.value);
	}
	end(&w);
}

void object_deleted(struct buf *out, const struct api_kind *k, const struct known_object *o)
{
	struct json_writer w = begin(out, "DELETED", k);

	json_key(&w, "metadata");
	json_begin(&w, '{');
	if (o->namespace[0])
		json_field(&w, "namespace", o->namespace);
	json_field(&w, "name", o->name);
	if (o->uid[0])
		json_field(&w, "uid", o->uid);
	if (o->resource_version[0])
		json_field(&w, "resourceVersion", o->resource_version);
	json_end(&w, '}');
	end(&w);
}
