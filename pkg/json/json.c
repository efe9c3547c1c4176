/* SPDX-License-Identifier: Apache-2.0 */
/* `struct json` is json-c's json_object; it has no definition of its own. */
#include "pkg/json/view.h"

/* json-c has types of these two names. */
#define json_type json_c_type
#define json_bool json_c_bool
#include <json.h>
#undef json_type
#undef json_bool

#include <stdarg.h>
#include <string.h>

static json_object *theirs(const struct json *j)
{
	return (json_object *)(uintptr_t)j;
}

static struct json *ours(json_object *o)
{
	return (struct json *)o;
}

/* json-c also reads 'single quotes', NaN and Infinity.  Where one stands outside a string, or
 * len.  Such text is rare enough that looking for it costs next to nothing. */
static size_t not_json_at(const char *text, size_t len)
{
	bool string = false;

	if (!memchr(text, '\'', len) && !memmem(text, len, "NaN", 3) &&
	    !memmem(text, len, "Infinity", 8))
		return len;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			string = !string;
		else if (string && text[i] == '\\')
			i++;
		else if (!string && strchr("'NI", text[i]) && text[i])
			return i;
	}
	return len;
}

static struct json *refuse(json_object *o, struct err *e, const char *why, size_t at)
{
	json_object_put(o);
	err_set(e, ERR_PROTOCOL, "not JSON: %s at byte %zu", why, at + 1);
	return NULL;
}

struct json *json_parse(const char *text, size_t len, struct err *e)
{
	struct json_tokener *t;
	enum json_tokener_error why;
	json_object *o;
	size_t end;

	if (len > INT32_MAX) {
		err_set(e, ERR_PROTOCOL, "not JSON: longer than 2 GiB");
		return NULL;
	}
	while (len && strchr(" \t\r\n", text[len - 1]) && text[len - 1])
		len--;
	t = json_tokener_new_ex(JSON_DEPTH);
	if (!t) {
		err_memory(e);
		return NULL;
	}
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, text, (int)len);
	why = json_tokener_get_error(t);
	/* A number at the end waits for more digits; a NUL tells that there are none. */
	if (why == json_tokener_continue && len) {
		o = json_tokener_parse_ex(t, "", 1);
		why = json_tokener_get_error(t);
		end = len;
	} else {
		end = json_tokener_get_parse_end(t);
	}
	json_tokener_free(t);
	if (why == json_tokener_continue || !len)
		return refuse(o, e, "ends too early", len);
	if (why != json_tokener_success)
		return refuse(o, e, json_tokener_error_desc(why), end);
	if (end < len)
		return refuse(o, e, "something follows the value", end);
	if (!o) /* a lone null: no document that anybody sends */
		return refuse(o, e, "a lone null", 0);
	if (not_json_at(text, len) < len)
		return refuse(o, e, "unexpected character", not_json_at(text, len));
	return ours(o);
}

void json_free(struct json *j)
{
	if (!view_of(j))
		json_object_put(theirs(j));
}

void json_freep(struct json **j)
{
	json_free(*j);
}

enum json_type json_type(const struct json *j)
{
	const struct view *view = view_of(j);

	if (view)
		return view->type;
	switch (json_object_get_type(theirs(j))) {
	case json_type_boolean:
		return JSON_BOOL;
	case json_type_int:
		return JSON_INT;
	case json_type_double:
		return JSON_DOUBLE;
	case json_type_string:
		return JSON_STRING;
	case json_type_array:
		return JSON_ARRAY;
	case json_type_object:
		return JSON_OBJECT;
	default:
		return JSON_NULL;
	}
}

const char *json_type_name(enum json_type type)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",
		[JSON_BOOL] = "a boolean",
		[JSON_INT] = "an integer",
		[JSON_DOUBLE] = "a number",
		[JSON_STRING] = "a string",
		[JSON_ARRAY] = "a list",
		[JSON_OBJECT] = "an object",
	};

	return names[type];
}

const struct json *json_get(const struct json *object, const char *key)
{
	const struct view *view = view_of(object);
	json_object *v;

	if (view)
		return view_get(view, key);
	if (json_type(object) != JSON_OBJECT || !json_object_object_get_ex(theirs(object), key, &v))
		return NULL;
	return ours(v);
}

const struct json *json_at(const struct json *j, ...)
{
	const char *key;
	va_list ap;

	va_start(ap, j);
	while (j && (key = va_arg(ap, const char *)))
		j = json_get(j, key);
	va_end(ap);
	return j;
}

const char *json_string(const struct json *j)
{
	const struct view *view = view_of(j);

	if (view)
		return view->type == JSON_STRING ? view->string : NULL;
	return json_type(j) == JSON_STRING ? json_object_get_string(theirs(j)) : NULL;
}

size_t json_string_len(const struct json *j)
{
	const struct view *view = view_of(j);

	if (view)
		return view->type == JSON_STRING ? view->n : 0;
	return json_type(j) == JSON_STRING ? (size_t)json_object_get_string_len(theirs(j)) : 0;
}

bool json_bool(const struct json *j, bool *out)
{
	const struct view *view = view_of(j);

	if (json_type(j) != JSON_BOOL)
		return false;
	*out = view ? view->truth : json_object_get_boolean(theirs(j));
	return true;
}

bool json_int(const struct json *j, int64_t *out)
{
	const struct view *view = view_of(j);
	double d;

	if (json_type(j) == JSON_INT) {
		*out = view ? view->number : json_object_get_int64(theirs(j));
		return true;
	}
	if (json_type(j) != JSON_DOUBLE)
		return false;
	d = json_object_get_double(theirs(j));
	if (!(d >= -9007199254740992.0 && d <= 9007199254740992.0) || d != (double)(int64_t)d)
		return false;
	*out = (int64_t)d;
	return true;
}

size_t json_count(const struct json *j)
{
	const struct view *view = view_of(j);

	if (view)
		return view->type == JSON_ARRAY || view->type == JSON_OBJECT ? view->n : 0;
	switch (json_type(j)) {
	case JSON_ARRAY:
		return json_object_array_length(theirs(j));
	case JSON_OBJECT:
		return (size_t)json_object_object_length(theirs(j));
	default:
		return 0;
	}
}

const struct json *json_item(const struct json *array, size_t i)
{
	const struct view *view = view_of(array);

	if (view)
		return view->type == JSON_ARRAY && i < view->n ? view->items[i] : NULL;
	return json_type(array) == JSON_ARRAY ? ours(json_object_array_get_idx(theirs(array), i))
					      : NULL;
}

bool json_each(const struct json *object, struct json_iter *it)
{
	const struct view *view = view_of(object);
	struct lh_entry *entry;

	if (json_type(object) != JSON_OBJECT)
		return false;
	if (view) {
		const struct view_member *m = it->state;

		m = m ? m->next : view->members;
		if (m)
			*it = (struct json_iter){ m->key, m->value, m };
		return m != NULL;
	}
	if (it->state)
		entry = lh_entry_next((struct lh_entry *)(uintptr_t)it->state);
	else
		entry = lh_table_head(json_object_get_object(theirs(object)));
	if (!entry)
		return false;
	it->state = entry;
	it->key = lh_entry_k(entry);
	it->value = lh_entry_v(entry);
	return true;
}

bool json_equal(const struct json *a, const struct json *b)
{
	if (view_of(a) || view_of(b))
		return view_equal(a, b);
	return json_object_equal(theirs(a), theirs(b));
}

struct json *json_new_object(void)
{
	return ours(json_object_new_object());
}

struct json *json_new_array(void)
{
	return ours(json_object_new_array());
}

struct json *json_new_string(const char *s, size_t len)
{
	return len > INT32_MAX ? NULL : ours(json_object_new_string_len(s, (int)len));
}

struct json *json_new_int(int64_t v)
{
	return ours(json_object_new_int64(v));
}

struct json *json_new_bool(bool v)
{
	return ours(json_object_new_boolean(v));
}

struct json *json_new_double(double v, const char *text)
{
	return ours(text ? json_object_new_double_s(v, text) : json_object_new_double(v));
}

int json_set(struct json *object, const char *key, struct json *child)
{
	if (json_object_object_add(theirs(object), key, theirs(child)) == 0)
		return 0;
	json_free(child);
	return -1;
}

int json_append(struct json *array, struct json *child)
{
	if (json_object_array_add(theirs(array), theirs(child)) == 0)
		return 0;
	json_free(child);
	return -1;
}

void json_remove(struct json *object, const char *key)
{
	if (json_type(object) == JSON_OBJECT)
		json_object_object_del(theirs(object), key);
}

struct json *json_edit(struct json *object, const char *key)
{
	return ours(theirs(json_get(object, key)));
}

struct json *json_copy(const struct json *j)
{
	json_object *copy = NULL;

	if (view_of(j))
		return view_copy(j);
	return json_object_deep_copy(theirs(j), &copy, NULL) == 0 ? ours(copy) : NULL;
}

int json_merge(struct json *target, const struct json *patch)
{
	struct json_iter it = { 0 };

	while (json_each(patch, &it)) {
		struct json *at = json_edit(target, it.key);
		struct json *fresh;

		if (!it.value) {
			json_remove(target, it.key);
			continue;
		}
		if (json_type(it.value) == JSON_OBJECT && json_type(at) == JSON_OBJECT) {
			if (json_merge(at, it.value) < 0)
				return -1;
			continue;
		}
		/* An object laid over something else starts empty, so that its nulls vanish. */
		fresh = json_type(it.value) == JSON_OBJECT ? json_new_object() : json_copy(it.value);
		if (!fresh || json_set(target, it.key, fresh) < 0)
			return -1;
		if (json_type(it.value) == JSON_OBJECT && json_merge(fresh, it.value) < 0)
			return -1;
	}
	return 0;
}

void json_write(const struct json *j, struct buf *out)
{
	struct json_writer w = json_writer(out);
	const char *text;
	size_t n;

	if (view_of(j)) {
		view_write(j, &w);
		return;
	}
	text = json_object_to_json_string_length(
	    theirs(j), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n);

	if (text)
		buf_add(out, text, n);
	else
		out->bad = true;
}
