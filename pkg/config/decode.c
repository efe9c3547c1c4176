/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/config/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { VALUE_SHOWN = 60 }; /* bytes of a value in a message */

void version_free(struct version *v)
{
	struct arena arena;

	if (!v)
		return;
	arena = v->arena; /* v itself lies in it */
	arena_release(&arena);
}

int range_node_compare(const struct tree_node *a, const struct tree_node *b)
{
	const struct range *l = &TREE_ITEM(a, const struct range_node, node)->range;
	const struct range *r = &TREE_ITEM(b, const struct range_node, node)->range;

	if (range_overlaps(l, r))
		return 0;
	return addr_compare(&l->first, &r->first);
}

/* How many bytes the character at s takes, 0 if it is no UTF-8 or a control character. */
static size_t character(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;

	if (n == 0 || s[0] > 0xf4 || s[0] < ' ' || s[0] == 0x7f)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* Makes text fit to be shown: what no terminal and no JSON should get becomes "?". */
static void clean(char *text)
{
	while (*text) {
		size_t n = character((unsigned char *)text);

		if (n == 0)
			*text++ = '?';
		else
			text += n;
	}
}

struct path path_key(const struct path *up, const char *key)
{
	struct path p;

	snprintf(p.text, sizeof(p.text), "%.150s%s%.40s", up->text, up->text[0] ? "." : "", key);
	clean(p.text);
	return p;
}

struct path path_item(const struct path *up, size_t i)
{
	struct path p;

	snprintf(p.text, sizeof(p.text), "%.170s[%zu]", up->text, i);
	return p;
}

static void add_fault(struct decoder *d, const char *path, const char *text, bool harmless)
{
	struct faults *f = d->faults;
	char *message;

	d->bad = d->bad || !harmless;
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->at[i].path, path) && !strcmp(f->at[i].message, text))
			return; /* told already */
	if (f->n == FAULTS_MAX) {
		f->more++;
		return;
	}
	message = arena_copy(&f->arena, text);
	path = arena_copy(&f->arena, path);
	if (!message || !path)
		return;
	clean(message);
	f->at[f->n++] = (struct fault){ path, message, d->entry, harmless };
}

void refuse(struct decoder *d, const struct path *at, const char *fmt, ...)
{
	char text[480];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_fault(d, at->text, text, false);
}

void refuse_value(struct decoder *d, const struct path *at, const char *want, const struct json *have)
{
	enum json_type type = json_type(have);
	struct buf shown = BUF_INIT;

	if (type == JSON_ARRAY || type == JSON_OBJECT || type == JSON_NULL)
		buf_puts(&shown, have ? json_type_name(type) : "nothing");
	else
		json_write(have, &shown);
	refuse(d, at, "want %s, have %.*s", want, VALUE_SHOWN, shown.data ? shown.data : "?");
	buf_release(&shown);
}

const struct json *get_typed(struct decoder *d, const struct json *object, const struct path *up,
    const char *key, enum json_type type)
{
	const struct json *j = json_get(object, key);
	struct path at;

	if (!j || json_type(j) == type)
		return j;
	at = path_key(up, key);
	refuse_value(d, &at, json_type_name(type), j);
	return NULL;
}

bool get_bool(
    struct decoder *d, const struct json *object, const struct path *up, const char *key, bool absent)
{
	bool value = absent;

	if (json_bool(get_typed(d, object, up, key, JSON_BOOL), &value))
		return value;
	return absent;
}

/* The arena's copy of a string without NULs inside, or NULL.  In the ConfigMap's YAML a number is
 * text too, as for MetalLB; in a resource the API server would refuse it. */
static const char *text_of(struct decoder *d, const struct json *j, const struct path *at)
{
	struct buf number = BUF_INIT;
	const char *s = json_string(j);

	if (!d->lenient && (json_type(j) == JSON_INT || json_type(j) == JSON_DOUBLE)) {
		json_write(j, &number);
		s = arena_copy(d->arena, number.data);
		buf_release(&number);
		return s;
	}
	if (!s) {
		refuse_value(d, at, json_type_name(JSON_STRING), j);
		return NULL;
	}
	if (strlen(s) != json_string_len(j)) {
		refuse(d, at, "want text without NUL characters");
		return NULL;
	}
	return arena_copy(d->arena, s);
}

const char *get_string(
    struct decoder *d, const struct json *object, const struct path *up, const char *key)
{
	const struct json *j = json_get(object, key);
	struct path at = path_key(up, key);

	return j ? text_of(d, j, &at) : NULL;
}

struct name_node {
	struct tree_node node;
	const char *name;
	size_t index;
};

static int name_compare(const struct tree_node *a, const struct tree_node *b)
{
	return strcmp(TREE_ITEM(a, const struct name_node, node)->name,
	    TREE_ITEM(b, const struct name_node, node)->name);
}

struct config_names get_names(
    struct decoder *d, const struct json *object, const struct path *up, const char *key)
{
	const struct json *list = get_typed(d, object, up, key, JSON_ARRAY);
	size_t n = json_count(list), kept = 0;
	const char **at = n ? arena_alloc(d->arena, n * sizeof(*at)) : NULL;
	struct name_node *nodes = n ? arena_alloc(d->arena, n * sizeof(*nodes)) : NULL;
	struct path where = path_key(up, key);
	struct tree seen = TREE_INIT(name_compare);

	for (size_t i = 0; at && nodes && i < n; i++) {
		struct path item = path_item(&where, i);
		const char *name = text_of(d, json_item(list, i), &item);
		const struct name_node *twin;

		if (!name)
			continue;
		nodes[i] = (struct name_node){ .name = name, .index = i };
		twin = TREE_ITEM(tree_add(&seen, &nodes[i].node), struct name_node, node);
		if (!*name)
			refuse(d, &item, "want a name, have \"\"");
		else if (twin)
			refuse(d, &item, "\"%.60s\" is there already, as %s[%zu]; remove one", name,
			    key, twin->index);
		else
			at[kept++] = name;
	}
	return (struct config_names){ at, kept };
}

static bool same_values(const struct api_requirement *a, const struct api_requirement *b)
{
	for (size_t i = 0; i < a->values_n; i++) {
		bool found = false;

		for (size_t k = 0; k < b->values_n && !found; k++)
			found = !strcmp(a->values[i], b->values[k]);
		if (!found)
			return false;
	}
	return a->values_n == b->values_n;
}

static bool same_requirement(const struct api_requirement *a, const struct api_requirement *b)
{
	return !strcmp(a->key, b->key) && a->op == b->op && same_values(a, b);
}

static bool same_selector(const struct api_selector *a, const struct api_selector *b)
{
	for (size_t i = 0; i < a->n; i++) {
		bool found = false;

		for (size_t k = 0; k < b->n && !found; k++)
			found = same_requirement(&a->at[i], &b->at[k]);
		if (!found)
			return false;
	}
	return a->n == b->n;
}

/* A value twice, or an expression twice, is a slip of whoever wrote it. */
static void refuse_twins(struct decoder *d, const struct api_selector *s, const struct path *at)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct api_requirement *r = &s->at[i];

		for (size_t k = 0; k < r->values_n; k++)
			for (size_t l = 0; l < k; l++)
				if (!strcmp(r->values[k], r->values[l]))
					refuse(d, at,
					    "\"%.60s\" stands twice among the values of %.60s; remove "
					    "one",
					    r->values[k], r->key);
		for (size_t k = 0; k < i; k++)
			if (same_requirement(r, &s->at[k]))
				refuse(d, at, "the expression about %.60s stands twice; remove one",
				    r->key);
	}
}

bool get_selector(
    struct decoder *d, const struct json *selector, const struct path *at, struct api_selector *out)
{
	struct err e = ERR_INIT;
	struct path inner;
	char *colon;

	if (json_type(selector) != JSON_OBJECT) {
		refuse_value(d, at, "a label selector ({} for everything)", selector);
		return false;
	}
	if (api_selector_decode(out, selector, at->text, d->arena, &e) == 0) {
		refuse_twins(d, out, at);
		return true;
	}
	/* Its message begins with the exact place. */
	colon = strstr(e.text, ": ");
	if (colon && (size_t)(colon - e.text) < sizeof(inner.text) &&
	    !strncmp(e.text, at->text, strlen(at->text))) {
		snprintf(inner.text, sizeof(inner.text), "%.*s", (int)(colon - e.text), e.text);
		refuse(d, &inner, "%s", colon + 2);
	} else {
		refuse(d, at, "%s", e.text);
	}
	return false;
}

struct config_selectors get_selectors(
    struct decoder *d, const struct json *object, const struct path *up, const char *key)
{
	const struct json *list = get_typed(d, object, up, key, JSON_ARRAY);
	size_t n = json_count(list), good = 0;
	struct api_selector *at = n ? arena_alloc(d->arena, n * sizeof(*at)) : NULL;
	struct path where = path_key(up, key);

	for (size_t i = 0; at && i < n; i++) {
		struct path item = path_item(&where, i);
		size_t twin = 0;

		if (!get_selector(d, json_item(list, i), &item, &at[good]))
			continue;
		while (twin < good && !same_selector(&at[good], &at[twin]))
			twin++;
		if (twin < good)
			refuse(d, &item, "says the same as another of %s; remove one", key);
		good++;
	}
	return (struct config_selectors){ at, good };
}

static bool is_everything(const struct range *r)
{
	struct addr before = r->first, after = r->last;

	return !addr_prev(&before) && !addr_next(&after);
}

/* One of spec.addresses; into v when it is good. */
static void get_range(struct decoder *d, const struct json *item, const struct path *at,
    struct version *v, struct tree *seen)
{
	struct config_pool *p = &v->pool;
	const char *text = text_of(d, item, at);
	struct range_node *n = &v->nodes[p->ranges_n], *twin;
	struct err e = ERR_INIT;
	struct range r;

	if (!text)
		return;
	if (range_parse(&r, text, &e) < 0) {
		refuse(d, at, "%s", e.text);
		return;
	}
	if (is_everything(&r)) {
		refuse(d, at, "\"%s\" is every %s address; write only those that may be given away",
		    text, addr_family_name(r.first.family));
		return;
	}
	*n = (struct range_node){ .range = r, .version = v, .index = p->ranges_n };
	twin = TREE_ITEM(tree_add(seen, &n->node), struct range_node, node);
	if (twin) {
		refuse(d, at, "\"%s\" overlaps \"%s\" of the same pool; no address may be there twice",
		    text, v->texts[twin->index]);
		return;
	}
	((struct range *)(uintptr_t)p->ranges)[p->ranges_n] = r;
	((const char **)(uintptr_t)v->texts)[p->ranges_n++] = text;
}

void get_addresses(
    struct decoder *d, const struct json *object, const struct path *up, struct version *v)
{
	const struct json *list = get_typed(d, object, up, "addresses", JSON_ARRAY);
	struct path at = path_key(up, "addresses");
	struct tree seen = TREE_INIT(range_node_compare);
	size_t n = json_count(list);

	if (!n) {
		if (list || !json_get(object, "addresses"))
			refuse(d, &at,
			    "the pool has no addresses; list prefixes such as 192.0.2.0/24 or ranges "
			    "such as "
			    "192.0.2.10-192.0.2.20");
		return;
	}
	v->pool.ranges = arena_alloc(d->arena, n * sizeof(*v->pool.ranges));
	v->texts = arena_alloc(d->arena, n * sizeof(*v->texts));
	v->nodes = arena_alloc(d->arena, n * sizeof(*v->nodes));
	for (size_t i = 0; !d->arena->bad && i < n; i++) {
		struct path item = path_item(&at, i);

		get_range(d, json_item(list, i), &item, v, &seen);
	}
}

void get_protocol(
    struct decoder *d, const struct json *object, const struct path *up, struct version *v)
{
	const struct json *j = json_get(object, "protocol");
	const char *protocol = json_string(j);
	struct path at = path_key(up, "protocol");
	const char **name;

	if (!protocol || (strcmp(protocol, "layer2") != 0 && strcmp(protocol, "bgp") != 0)) {
		refuse_value(d, &at, "layer2 or bgp", j);
		return;
	}
	if (!strcmp(protocol, "bgp"))
		return;
	name = arena_alloc(d->arena, sizeof(*name));
	if (!name)
		return;
	*name = v->pool.name;
	v->has_l2 = true;
	v->l2.name = v->pool.name;
	v->l2.pools = (struct config_names){ name, 1 };
}

static void refuse_key(struct decoder *d, const struct path *at, const char *known)
{
	char text[480];

	snprintf(text, sizeof(text), "no such key; the keys here are %s", known);
	add_fault(d, at->text, text, d->lenient);
}

void check_keys(
    struct decoder *d, const struct json *object, const struct path *up, const char *const *known)
{
	struct json_iter it = { 0 };

	while (json_each(object, &it)) {
		struct buf list = BUF_INIT;
		struct path at = path_key(up, it.key);
		bool found = false;

		for (size_t i = 0; known[i]; i++) {
			found = found || !strcmp(known[i], it.key);
			buf_printf(&list, "%s%s", i ? ", " : "", known[i]);
		}
		if (!found)
			refuse_key(d, &at, list.data ? list.data : "");
		buf_release(&list);
	}
}
