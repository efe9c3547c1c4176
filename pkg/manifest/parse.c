/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/manifest/parse.h"

#include <stdio.h>
#include <string.h>

#include "pkg/yaml/yaml.h"

enum { LIST_DEPTH = 4 }; /* Lists inside of Lists */

struct walk {
	const struct manifest_parse *p;
	struct manifest_defs *out;
	size_t line; /* of the document */
};

static void def_release(struct manifest_def *d)
{
	free(d->key.namespace);
	free(d->key.name);
	json_free(d->object);
}

void manifest_defs_release(struct manifest_defs *d)
{
	for (size_t i = 0; i < d->n; i++)
		def_release(&d->at[i]);
	free(d->at);
	*d = (struct manifest_defs){ 0 };
}

int manifest_key_compare(const struct manifest_key *a, const struct manifest_key *b)
{
	int order = strcmp(a->kind->kind, b->kind->kind);

	if (!order)
		order = strcmp(a->kind->group, b->kind->group);
	if (!order)
		order = strcmp(a->namespace, b->namespace);
	return order ? order : strcmp(a->name, b->name);
}

bool manifest_is_object_name(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > 253 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool first = i == 0 || name[i - 1] == '.', last = i + 1 == n || name[i + 1] == '.';

		if (name[i] == '.' ? first : name[i] == '-' && (first || last))
			return false;
	}
	return name[n - 1] != '.';
}

/* The group of an apiVersion, cut off in place; false when it is none. */
static bool group_of(const char *api_version, char *group, size_t size)
{
	const char *slash = strchr(api_version, '/');
	size_t n = slash ? (size_t)(slash - api_version) : 0;

	if (!api_version[0] || n >= size || (slash && (!n || !slash[1])))
		return false;
	memcpy(group, api_version, n);
	group[n] = '\0';
	return true;
}

/* The same object with kind and apiVersion first, then all else in its own order. */
static struct json *ordered(const struct json *object)
{
	static const char *const first[] = { "kind", "apiVersion" };
	CLEANUP(json_freep) struct json *o = json_new_object();
	struct json_iter it = { 0 };

	if (!o)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(first); i++)
		if (json_set(o, first[i], json_copy(json_get(object, first[i]))) < 0)
			return NULL;
	while (json_each(object, &it)) {
		struct json *v;

		if (!strcmp(it.key, first[0]) || !strcmp(it.key, first[1]))
			continue;
		v = json_copy(it.value);
		if ((it.value && !v) || json_set(o, it.key, v) < 0)
			return NULL;
	}
	return TAKE(o);
}

static void strip(struct json *metadata)
{
	static const char last_applied[] = "kubectl.kubernetes.io/last-applied-configuration";
	struct json *annotations = json_edit(metadata, "annotations");

	json_remove(metadata, "managedFields");
	if (json_type(annotations) != JSON_OBJECT || !json_get(annotations, last_applied))
		return;
	json_remove(annotations, last_applied);
	if (!json_count(annotations))
		json_remove(metadata, "annotations");
}

/* Reads metadata.KEY into *out (a copy); `fallback` when it is absent. */
static int name_of(const struct json *object, const char *kind, const char *key, const char *fallback,
    char **out, struct err *e)
{
	const struct json *v = json_at(object, "metadata", key, NULL);
	const char *text = v ? json_string(v) : fallback;

	if (!v && !fallback)
		return err_set(e, ERR_PROTOCOL, "%s without metadata.%s", kind, key);
	if (!text)
		return err_set(e, ERR_PROTOCOL, "%s: metadata.%s: want a string, have %s", kind, key,
		    json_type_name(json_type(v)));
	if (json_string_len(v) != (v ? strlen(text) : 0) || !manifest_is_object_name(text))
		return err_set(e, ERR_PROTOCOL,
		    "%s: metadata.%s: '%.80s' is not a name; want lower-case letters, digits, '-' and "
		    "'.', beginning and ending in a letter or digit",
		    kind, key, text);
	*out = strdup(text);
	return *out ? 0 : err_memory(e);
}

static int take_names(
    struct manifest_def *d, const struct json *object, const struct api_kind *kind, struct err *e)
{
	d->key.kind = kind;
	if (name_of(object, kind->kind, "name", NULL, &d->key.name, e) < 0)
		return -1;
	if (kind->namespaced)
		return name_of(object, kind->kind, "namespace", "default", &d->key.namespace, e);
	if (json_at(object, "metadata", "namespace", NULL))
		return err_set(
		    e, ERR_PROTOCOL, "%s: metadata.namespace: a %s has none", kind->kind, kind->kind);
	d->key.namespace = strdup("");
	return d->key.namespace ? 0 : err_memory(e);
}

static int take_tree(struct manifest_def *d, const struct json *object, bool full, struct err *e)
{
	struct json *metadata;

	d->object = ordered(object);
	metadata = json_edit(d->object, "metadata");
	if (!metadata)
		return err_memory(e);
	if (!full)
		strip(metadata);
	if (d->key.namespace[0] && !json_get(metadata, "namespace") &&
	    json_set(
		metadata, "namespace", json_new_string(d->key.namespace, strlen(d->key.namespace))) < 0)
		return err_memory(e);
	return 0;
}

static int add_def(struct manifest_defs *out, struct manifest_def *d, struct err *e)
{
	if (out->n == out->cap) {
		size_t cap = out->cap ? out->cap * 2 : 4;
		struct manifest_def *more = realloc(out->at, cap * sizeof(*more));

		if (!more)
			return err_memory(e);
		out->at = more;
		out->cap = cap;
	}
	out->at[out->n++] = *d;
	return 0;
}

/* A kind that lbctl does not read is fine, but not one that is MetalLB's but for a slip. */
static int check_unread(const char *kind, const char *api_version, const char *group, struct err *e)
{
	static const char metallb[] = "metallb.io";
	static const char *const unread[] = { "BGPPeer", "BGPAdvertisement", "BFDProfile", "Community",
		"ConfigurationState", "ServiceL2Status", "ServiceBGPStatus" };

	if (strcmp(group, metallb) != 0) {
		if (!api_kind_find(kind, metallb))
			return 0;
		return err_set(e, ERR_PROTOCOL, "%s: apiVersion: want %s/v1beta1, have '%.80s'", kind,
		    metallb, api_version);
	}
	for (size_t i = 0; i < ARRAY_LEN(unread); i++)
		if (!strcmp(kind, unread[i]))
			return 0;
	return err_set(e, ERR_PROTOCOL,
	    "kind: %s has no '%.80s'; want IPAddressPool, AddressPool or L2Advertisement", metallb,
	    kind);
}

static int take_object(struct walk *w, const struct json *object, const char *kind_text,
    const char *api_version, struct err *e)
{
	struct manifest_def d = { 0 };
	const struct api_kind *kind;
	char group[254];

	if (!group_of(api_version, group, sizeof(group)))
		return err_set(e, ERR_PROTOCOL,
		    "%s: apiVersion: '%.80s' is not GROUP/VERSION or VERSION", kind_text, api_version);
	kind = api_kind_find(kind_text, group);
	if (!kind)
		return check_unread(kind_text, api_version, group, e);
	if (take_names(&d, object, kind, e) < 0 || take_tree(&d, object, w->p->full, e) < 0 ||
	    add_def(w->out, &d, e) < 0) {
		def_release(&d);
		return -1;
	}
	return 0;
}

/* An item of "ServiceList" need not say that it is a Service. */
static int inherit(struct json *item, const char *list_kind, const char *api_version, struct err *e)
{
	size_t n = strlen(list_kind) - strlen("List");

	if (json_type(item) != JSON_OBJECT || !n)
		return 0;
	if (!json_get(item, "kind") && json_set(item, "kind", json_new_string(list_kind, n)) < 0)
		return err_memory(e);
	if (!json_get(item, "apiVersion") &&
	    json_set(item, "apiVersion", json_new_string(api_version, strlen(api_version))) < 0)
		return err_memory(e);
	return 0;
}

static void take(struct walk *w, const struct json *object, const char *where, int depth);

static void refuse(struct walk *w, const char *where, const struct err *why)
{
	struct err e = *why;

	err_wrap(&e, "line %zu, column 1: %s", w->line, where[0] ? where : "document");
	w->p->refused(w->p->arg, &e);
}

static void take_items(struct walk *w, const struct json *list, const char *where, int depth)
{
	const struct json *items = json_get(list, "items");
	struct err e = ERR_INIT;

	for (size_t i = 0; i < json_count(items); i++) {
		CLEANUP(json_freep) struct json *item = json_copy(json_item(items, i));
		char at[120];

		snprintf(at, sizeof(at), "%.80s%sitems[%zu]", where, where[0] ? "." : "", i);
		if (inherit(item, json_string(json_get(list, "kind")),
			json_string(json_get(list, "apiVersion")), &e) < 0)
			refuse(w, at, &e);
		else
			take(w, item, at, depth + 1);
	}
}

static void take(struct walk *w, const struct json *object, const char *where, int depth)
{
	const char *kind = json_string(json_get(object, "kind"));
	const char *api_version = json_string(json_get(object, "apiVersion"));
	size_t n = kind ? strlen(kind) : 0;
	struct err e = ERR_INIT;

	if (json_type(object) != JSON_OBJECT)
		err_set(&e, ERR_PROTOCOL, "want an object with kind and apiVersion, have %s",
		    json_type_name(json_type(object)));
	else if (!n || !api_version)
		err_set(
		    &e, ERR_PROTOCOL, "no Kubernetes object: %s is missing", n ? "apiVersion" : "kind");
	else if (n >= 4 && !strcmp(kind + n - 4, "List") &&
		 json_type(json_get(object, "items")) == JSON_ARRAY && depth < LIST_DEPTH) {
		take_items(w, object, where, depth);
		return;
	} else if (take_object(w, object, kind, api_version, &e) == 0) {
		return;
	}
	refuse(w, where, &e);
}

static int parse_yaml(struct walk *w, struct err *e)
{
	CLEANUP(yaml_closep) struct yaml_reader *r = yaml_open(w->p->text, w->p->len, e);
	int status = r ? 1 : -1;

	while (status > 0) {
		CLEANUP(json_freep) struct json *doc = NULL;

		status = yaml_next(r, &doc, &w->line, e);
		if (status > 0 && doc)
			take(w, doc, "", 0);
	}
	return status;
}

/* json_parse() tells the byte; people count lines and columns. */
static void place_error(const struct walk *w, struct err *e)
{
	const char *at = strstr(e->text, " at byte ");
	size_t byte = at ? strtoul(at + strlen(" at byte "), NULL, 10) : 0, line = 1, column = 1;

	if (byte > w->p->len)
		byte = w->p->len;
	for (size_t i = 0; i + 1 < byte; i++) {
		bool newline = w->p->text[i] == '\n';

		line += newline;
		column = newline ? 1 : column + ((w->p->text[i] & 0xc0) != 0x80);
	}
	err_wrap(e, "line %zu, column %zu", line, column);
}

static int parse_json(struct walk *w, struct err *e)
{
	CLEANUP(json_freep) struct json *doc = json_parse(w->p->text, w->p->len, e);

	w->line = 1;
	if (doc) {
		take(w, doc, "", 0);
		return 0;
	}
	if (e->kind == ERR_PROTOCOL)
		place_error(w, e);
	return -1;
}

int manifest_parse(const struct manifest_parse *p, struct manifest_defs *out, struct err *e)
{
	CLEANUP(manifest_defs_release) struct manifest_defs got = { 0 };
	struct walk w = { .p = p, .out = &got };

	if ((p->json ? parse_json(&w, e) : parse_yaml(&w, e)) < 0)
		return -1;
	*out = got;
	got = (struct manifest_defs){ 0 };
	return 0;
}
