/* SPDX-License-Identifier: Apache-2.0 */
/* Composed by recursion, whose depth YAML_DEPTH_MAX bounds.
 *
 * An anchor keeps a copy of its tree and what that tree weighs, so that an alias is refused
 * before it is expanded: ten lines of aliases to aliases cost ten lines, not a billion nodes. */
#include "pkg/yaml/compose.h"

#include <stdio.h>
#include <string.h>

#include "pkg/yaml/scalar.h"

#define CORE "tag:yaml.org,2002:"

/* Counts a node, or as many as an alias stands for. */
static int weigh(
    struct yaml_reader *r, const struct node *n, unsigned depth, const yaml_mark_t *at, struct err *e)
{
	char why[80];

	if (depth + n->height - 1 > YAML_DEPTH_MAX) {
		snprintf(why, sizeof(why), "nested more than %d levels deep", YAML_DEPTH_MAX);
		return yaml_refuse(e, at, why);
	}
	if (n->nodes > YAML_NODES_MAX - r->nodes) {
		snprintf(
		    why, sizeof(why), "more than %d values with all aliases expanded", YAML_NODES_MAX);
		return yaml_refuse(e, at, why);
	}
	if (n->bytes > YAML_BYTES_MAX - r->bytes) {
		snprintf(why, sizeof(why), "more than %d MiB of text with all aliases expanded",
		    YAML_BYTES_MAX >> 20);
		return yaml_refuse(e, at, why);
	}
	r->nodes += n->nodes;
	r->bytes += n->bytes;
	return 0;
}

/* Opens anchor `name`; a name used again means the later node from there on. */
static int open_anchor(
    struct yaml_reader *r, const char *name, const yaml_mark_t *at, size_t *slot, struct err *e)
{
	struct anchor *a;

	if (r->anchors_n == YAML_ANCHORS_MAX)
		return yaml_refuse(e, at, "too many anchors in one document");
	if (!r->anchors) {
		r->anchors = calloc(YAML_ANCHORS_MAX, sizeof(*r->anchors));
		if (!r->anchors)
			return err_memory(e);
	}
	a = &r->anchors[r->anchors_n];
	*a = (struct anchor){ .name = strdup(name), .open = true };
	if (!a->name)
		return err_memory(e);
	*slot = r->anchors_n++;
	return 0;
}

/* The copy counts like any other node. */
static int close_anchor(
    struct yaml_reader *r, size_t slot, const struct node *n, const yaml_mark_t *at, struct err *e)
{
	struct anchor *a = &r->anchors[slot];

	if (weigh(r, n, 1, at, e) < 0)
		return -1;
	a->node = *n;
	a->node.tree = json_copy(n->tree);
	a->open = false;
	return n->tree && !a->node.tree ? err_memory(e) : 0;
}

static int compose_alias(
    struct yaml_reader *r, const yaml_event_t *ev, unsigned depth, struct node *out, struct err *e)
{
	const char *name = (const char *)ev->data.alias.anchor;
	const struct anchor *a = NULL;

	for (size_t i = r->anchors_n; i && !a; i--)
		if (!strcmp(r->anchors[i - 1].name, name))
			a = &r->anchors[i - 1];
	if (!a)
		return yaml_refuse(e, &ev->start_mark, "an alias to an anchor that is not there");
	if (a->open)
		return yaml_refuse(e, &ev->start_mark, "an alias inside of what it stands for");
	if (weigh(r, &a->node, depth, &ev->start_mark, e) < 0)
		return -1;
	*out = a->node;
	out->tree = json_copy(a->node.tree);
	return a->node.tree && !out->tree ? err_memory(e) : 0;
}

static int scalar_tag(const yaml_event_t *ev, enum scalar_tag *tag, struct err *e)
{
	static const char *const tags[] = {
		[SCALAR_INT] = CORE "int",
		[SCALAR_FLOAT] = CORE "float",
		[SCALAR_BOOL] = CORE "bool",
		[SCALAR_NULL] = CORE "null",
	};
	const char *have = (const char *)ev->data.scalar.tag;

	*tag = SCALAR_STRING;
	if (!have) {
		if (ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
			*tag = SCALAR_PLAIN;
		return 0;
	}
	if (!strcmp(have, CORE "binary"))
		return yaml_refuse(
		    e, &ev->start_mark, "!!binary is not read; write the base64 as a string");
	for (size_t i = SCALAR_INT; i < ARRAY_LEN(tags); i++)
		if (!strcmp(have, tags[i]))
			*tag = (enum scalar_tag)i;
	return 0;
}

static int compose_scalar(
    struct yaml_reader *r, const yaml_event_t *ev, unsigned depth, struct node *out, struct err *e)
{
	struct node n = { .nodes = 1, .bytes = ev->data.scalar.length, .height = 1 };
	enum scalar_tag tag;

	if (weigh(r, &n, depth, &ev->start_mark, e) < 0 || scalar_tag(ev, &tag, e) < 0)
		return -1;
	if (scalar_resolve(
		(const char *)ev->data.scalar.value, ev->data.scalar.length, tag, &n.tree, e) < 0)
		return e->kind == ERR_PROTOCOL ? err_wrap(e, "line %zu, column %zu",
						     ev->start_mark.line + 1, ev->start_mark.column + 1)
					       : -1;
	*out = n;
	return 0;
}

static void add_weight(struct node *to, const struct node *child)
{
	to->nodes += child->nodes;
	to->bytes += child->bytes;
	if (child->height + 1 > to->height)
		to->height = child->height + 1;
}

static int compose_sequence(struct yaml_reader *r, unsigned depth, struct node *n, struct err *e)
{
	for (;;) {
		struct node item = { 0 };
		yaml_event_t ev;
		bool end;

		if (yaml_event(r, &ev, e) < 0)
			return -1;
		end = ev.type == YAML_SEQUENCE_END_EVENT;
		if (!end && yaml_compose(r, &ev, depth + 1, &item, e) < 0) {
			yaml_event_delete(&ev);
			return -1;
		}
		yaml_event_delete(&ev);
		if (end)
			return 0;
		add_weight(n, &item);
		if (json_append(n->tree, item.tree) < 0)
			return err_memory(e);
	}
}

/* Lays one mapping's keys into another; those there already are replaced. */
static int copy_keys(struct json *into, const struct json *from, struct err *e)
{
	struct json_iter it = { 0 };

	while (json_each(from, &it)) {
		struct json *v = json_copy(it.value);

		if ((it.value && !v) || json_set(into, it.key, v) < 0)
			return err_memory(e);
	}
	return 0;
}

/* What "<<" merges goes under what the mapping says itself; of several, the first wins. */
static int merge(struct json **object, const struct json *merged, struct err *e)
{
	CLEANUP(json_freep) struct json *all = json_new_object();
	struct json *old = *object;

	if (!all)
		return err_memory(e);
	if (json_type(merged) == JSON_OBJECT && copy_keys(all, merged, e) < 0)
		return -1;
	for (size_t i = json_count(merged); json_type(merged) == JSON_ARRAY && i; i--)
		if (copy_keys(all, json_item(merged, i - 1), e) < 0)
			return -1;
	if (copy_keys(all, old, e) < 0)
		return -1;
	*object = TAKE(all);
	json_free(old);
	return 0;
}

static int check_merge(const struct json *v, const yaml_mark_t *at, struct err *e)
{
	bool good = json_type(v) == JSON_OBJECT || json_type(v) == JSON_ARRAY;

	for (size_t i = 0; json_type(v) == JSON_ARRAY && i < json_count(v); i++)
		good = good && json_type(json_item(v, i)) == JSON_OBJECT;
	return good ? 0 : yaml_refuse(e, at, "'<<' merges a mapping or a list of mappings");
}

static bool is_merge(const yaml_event_t *ev)
{
	const char *tag = ev->type == YAML_SCALAR_EVENT ? (const char *)ev->data.scalar.tag : NULL;

	if (ev->type != YAML_SCALAR_EVENT || strcmp((const char *)ev->data.scalar.value, "<<") != 0)
		return false;
	return tag ? !strcmp(tag, CORE "merge") : ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* The text of a key: a number or boolean becomes what JSON writes for it. */
static int key_text(const struct json *key, const yaml_mark_t *at, struct buf *out, struct err *e)
{
	enum json_type type = json_type(key);

	if (type == JSON_STRING) {
		buf_add(out, json_string(key), json_string_len(key));
		buf_puts(out, "");
		if (!out->bad && out->len && strlen(out->data) != out->len)
			return yaml_refuse(e, at, "a NUL in a key");
	} else if (type == JSON_NULL || type == JSON_ARRAY || type == JSON_OBJECT) {
		return yaml_refuse(e, at, "a key must be a string");
	} else {
		json_write(key, out);
	}
	return out->bad ? err_memory(e) : 0;
}

/* One key and its value into n->tree; a merge's value into *merged. */
static int compose_pair(struct yaml_reader *r, yaml_event_t *key_ev, unsigned depth, struct node *n,
    struct json *merged, struct err *e)
{
	CLEANUP(buf_release) struct buf key = BUF_INIT;
	struct node k = { 0 }, v = { 0 };
	bool merging = is_merge(key_ev);
	size_t before = json_count(n->tree);
	yaml_event_t ev;
	int status = yaml_compose(r, key_ev, depth + 1, &k, e);

	if (status == 0)
		status = key_text(k.tree, &key_ev->start_mark, &key, e);
	json_free(k.tree);
	if (status < 0 || yaml_event(r, &ev, e) < 0)
		return -1;
	status = yaml_compose(r, &ev, depth + 1, &v, e);
	if (status == 0 && merging)
		status = check_merge(v.tree, &ev.start_mark, e);
	yaml_event_delete(&ev);
	if (status < 0) {
		json_free(v.tree);
		return -1;
	}
	add_weight(n, &k);
	add_weight(n, &v);
	if (merging)
		return json_append(merged, v.tree) < 0 ? err_memory(e) : 0;
	if (json_set(n->tree, key.data ? key.data : "", v.tree) < 0)
		return err_memory(e);
	if (json_count(n->tree) != before)
		return 0;
	return err_set(e, ERR_PROTOCOL, "line %zu, column %zu: key '%.60s' is here twice",
	    key_ev->start_mark.line + 1, key_ev->start_mark.column + 1, key.data ? key.data : "");
}

static int compose_mapping(struct yaml_reader *r, unsigned depth, struct node *n, struct err *e)
{
	CLEANUP(json_freep) struct json *merged = json_new_array();

	if (!merged)
		return err_memory(e);
	for (;;) {
		yaml_event_t ev;
		bool end;
		int status = 0;

		if (yaml_event(r, &ev, e) < 0)
			return -1;
		end = ev.type == YAML_MAPPING_END_EVENT;
		if (!end)
			status = compose_pair(r, &ev, depth, n, merged, e);
		yaml_event_delete(&ev);
		if (status < 0)
			return -1;
		if (end)
			break;
	}
	/* "<<" twice is a key twice, except that nobody minds: the first one wins. */
	for (size_t i = 0; i < json_count(merged); i++)
		if (merge(&n->tree, json_item(merged, i), e) < 0)
			return -1;
	return 0;
}

static int compose_collection(
    struct yaml_reader *r, const yaml_event_t *ev, unsigned depth, struct node *out, struct err *e)
{
	bool mapping = ev->type == YAML_MAPPING_START_EVENT;
	struct node n = { .nodes = 1, .height = 1 };
	int status;

	if (weigh(r, &n, depth, &ev->start_mark, e) < 0)
		return -1;
	n.tree = mapping ? json_new_object() : json_new_array();
	if (!n.tree)
		return err_memory(e);
	status = mapping ? compose_mapping(r, depth, &n, e) : compose_sequence(r, depth, &n, e);
	if (status < 0) {
		json_free(n.tree);
		return -1;
	}
	*out = n;
	return 0;
}

static const char *anchor_of(const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return (const char *)ev->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return (const char *)ev->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return (const char *)ev->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

int yaml_compose(
    struct yaml_reader *r, yaml_event_t *ev, unsigned depth, struct node *out, struct err *e)
{
	const char *name = anchor_of(ev);
	struct node n = { 0 };
	size_t slot = 0;
	int status;

	if (name && open_anchor(r, name, &ev->start_mark, &slot, e) < 0)
		return -1;
	if (ev->type == YAML_ALIAS_EVENT)
		status = compose_alias(r, ev, depth, &n, e);
	else if (ev->type == YAML_SCALAR_EVENT)
		status = compose_scalar(r, ev, depth, &n, e);
	else
		status = compose_collection(r, ev, depth, &n, e);
	if (status == 0 && name)
		status = close_anchor(r, slot, &n, &ev->start_mark, e);
	if (status < 0) {
		json_free(n.tree);
		return -1;
	}
	*out = n;
	return 0;
}
