/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/api/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	KEY_SHOWN = 70,   /* bytes of a key in a message */
	VALUE_SHOWN = 60, /* bytes of a value */
	PATH_SHOWN = 240,
};

int decoder_finish(struct decoder *d)
{
	if (!d->bad && d->arena->bad)
		return err_memory(d->e);
	return d->bad ? -1 : 0;
}

struct field field_root(const struct json *j, const char *where)
{
	return (struct field){ .json = j, .key = where, .step = FIELD_ROOT };
}

struct field field_get(const struct field *up, const char *key)
{
	return (
	    struct field){ .json = json_get(up->json, key), .up = up, .key = key, .step = FIELD_KEY };
}

struct field field_item(const struct field *array, size_t i)
{
	return (struct field){
		.json = json_item(array->json, i), .up = array, .index = i, .step = FIELD_ITEM
	};
}

bool field_absent(const struct field *f)
{
	return json_type(f->json) == JSON_NULL;
}

/* How much of text may be shown: at most n bytes, not ending inside a character. */
static size_t cut(const char *text, size_t n)
{
	size_t len = strnlen(text, n + 1);

	if (len <= n)
		return len;
	for (len = n; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
		len--;
	return len;
}

/* Puts s as JSON writes it, without its quotes, so that no control character gets out. */
static void put_plain(struct buf *b, const char *s)
{
	struct buf quoted = BUF_INIT;
	struct json_writer w = json_writer(&quoted);
	size_t n = cut(s, KEY_SHOWN);
	char shown[KEY_SHOWN + 1];

	memcpy(shown, s, n);
	shown[n] = 0;
	json_put(&w, shown);
	if (quoted.len >= 2)
		buf_add(b, quoted.data + 1, quoted.len - 2);
	if (s[n])
		buf_puts(b, "...");
	buf_release(&quoted);
}

static void put_path(struct buf *b, const struct field *f)
{
	if (f->up)
		put_path(b, f->up);
	switch (f->step) {
	case FIELD_ROOT:
		buf_puts(b, f->key);
		break;
	case FIELD_KEY:
		if (b->len)
			buf_putc(b, '.');
		put_plain(b, f->key);
		break;
	case FIELD_ENTRY:
		buf_putc(b, '[');
		put_plain(b, f->key);
		buf_putc(b, ']');
		break;
	case FIELD_ITEM:
		buf_printf(b, "[%zu]", f->index);
		break;
	}
}

/* within: what is in a list or an object too, if it is short. */
static void put_value(struct buf *b, const struct json *j, bool within)
{
	enum json_type type = json_type(j);
	struct buf text = BUF_INIT;

	if (type == JSON_NULL) {
		buf_puts(b, "nothing");
		return;
	}
	json_write(j, &text);
	if ((type == JSON_ARRAY || type == JSON_OBJECT) && (!within || text.len > VALUE_SHOWN)) {
		buf_puts(b, json_type_name(type));
	} else if (!text.bad && text.data) {
		size_t n = cut(text.data, VALUE_SHOWN);

		buf_add(b, text.data, n);
		if (text.data[n])
			buf_puts(b, type == JSON_STRING ? "...\"" : "...");
	}
	buf_release(&text);
}

/* "PATH: WHAT WANT, have VALUE" */
static void fail(struct decoder *d, const struct field *f, const char *what, const char *want,
    const struct buf *value)
{
	struct buf path = BUF_INIT, rest = BUF_INIT;
	const char *shown;

	d->bad = true;
	put_path(&path, f);
	buf_puts(&rest, what);
	buf_puts(&rest, want);
	if (value)
		buf_printf(&rest, ", have %s", value->data ? value->data : "");
	shown = path.len ? path.data : "the object";
	if (path.bad || rest.bad || (value && value->bad))
		err_memory(d->e);
	else
		err_set(d->e, ERR_PROTOCOL, "%.*s: %s", (int)cut(shown, PATH_SHOWN), shown, rest.data);
	buf_release(&path);
	buf_release(&rest);
}

static void refuse(struct decoder *d, const struct field *f, const char *want, bool within)
{
	struct buf value = BUF_INIT;

	if (d->bad)
		return;
	put_value(&value, f->json, within);
	fail(d, f, "want ", want, &value);
	buf_release(&value);
}

void field_refuse(struct decoder *d, const struct field *f, const char *want)
{
	refuse(d, f, want, true);
}

void field_refuse_key(struct decoder *d, const struct field *f, const char *want)
{
	if (!d->bad)
		fail(d, f, "the key is wrong; want ", want, NULL);
}

void field_unknown(struct decoder *d, const struct field *f, const char *known)
{
	if (!d->bad)
		fail(d, f, "no such field; want ", known, NULL);
}

bool field_check(struct decoder *d, const struct field *f, enum json_type type)
{
	if (d->bad || field_absent(f))
		return false;
	if (json_type(f->json) == type)
		return true;
	refuse(d, f, json_type_name(type), false);
	return false;
}

struct field field_object(struct decoder *d, const struct field *up, const char *key)
{
	struct field f = field_get(up, key);

	if (!field_check(d, &f, JSON_OBJECT))
		f.json = NULL;
	return f;
}

struct field field_array(struct decoder *d, const struct field *up, const char *key)
{
	struct field f = field_get(up, key);

	if (!field_check(d, &f, JSON_ARRAY))
		f.json = NULL;
	return f;
}

const char *field_text(struct decoder *d, const struct field *f)
{
	const char *s = field_check(d, f, JSON_STRING) ? json_string(f->json) : NULL;
	size_t n = s ? strlen(s) : 0;

	if (!s)
		return NULL;
	if (n != json_string_len(f->json)) {
		field_refuse(d, f, "a string without NUL characters");
		return NULL;
	}
	return arena_copy_n(d->arena, s, n);
}

const char *field_string(struct decoder *d, const struct field *up, const char *key)
{
	struct field f = field_get(up, key);
	const char *s = field_text(d, &f);

	return s ? s : "";
}

bool field_bool(struct decoder *d, const struct field *up, const char *key, bool absent)
{
	struct field f = field_get(up, key);
	bool v = absent;

	if (field_check(d, &f, JSON_BOOL) && !json_bool(f.json, &v))
		v = absent;
	return v;
}

int64_t field_int(struct decoder *d, const struct field *f, int64_t least, int64_t most)
{
	char want[80];
	int64_t v;

	if (d->bad)
		return least;
	if (json_int(f->json, &v) && v >= least && v <= most)
		return v;
	snprintf(want, sizeof(want), "an integer from %" PRId64 " to %" PRId64, least, most);
	field_refuse(d, f, want);
	return least;
}

unsigned field_one_of(
    struct decoder *d, const struct field *f, const char *const *names, unsigned n, unsigned absent)
{
	struct buf want = BUF_INIT;
	const char *s;

	if (d->bad || field_absent(f))
		return absent;
	s = json_string(f->json);
	if (s && json_string_len(f->json) == 0)
		return absent;
	for (unsigned i = 0; s && i < n; i++)
		if (!strcmp(s, names[i]) && json_string_len(f->json) == strlen(names[i]))
			return i;
	for (unsigned i = 0; i < n; i++) {
		buf_puts(&want, i == 0 ? "" : i + 1 < n ? ", " : " or ");
		buf_puts(&want, names[i]);
	}
	field_refuse(d, f, want.bad ? "another value" : want.data);
	buf_release(&want);
	return absent;
}

static bool begins_as_one(const char *key, const char *const *keep)
{
	for (; *keep; keep++)
		if (!strncmp(key, *keep, strlen(*keep)))
			return true;
	return false;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct api_pair *)a)->key, ((const struct api_pair *)b)->key);
}

struct api_map field_map(
    struct decoder *d, const struct field *up, const char *key, const char *const *keep)
{
	struct field f = field_object(d, up, key);
	struct json_iter it = { 0 };
	struct api_pair *at;
	size_t n = 0;

	if (!f.json)
		return (struct api_map){ 0 };
	while (json_each(f.json, &it))
		n += !keep || begins_as_one(it.key, keep);
	at = field_room(d, n, sizeof(*at));
	if (!at)
		return (struct api_map){ 0 };
	it = (struct json_iter){ 0 };
	n = 0;
	while (json_each(f.json, &it)) {
		struct field entry = { .json = it.value, .up = &f, .key = it.key, .step = FIELD_ENTRY };
		const char *value;

		if (keep && !begins_as_one(it.key, keep))
			continue;
		value = field_text(d, &entry);
		at[n].key = arena_copy(d->arena, it.key);
		at[n].value = value ? value : "";
		if (!at[n++].key)
			return (struct api_map){ 0 };
	}
	qsort(at, n, sizeof(*at), by_key);
	return (struct api_map){ at, n };
}

void *field_room(struct decoder *d, size_t n, size_t size)
{
	return n && !d->bad ? arena_alloc(d->arena, n * size) : NULL;
}
