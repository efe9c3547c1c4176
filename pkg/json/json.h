/* SPDX-License-Identifier: Apache-2.0 */
/* json: the border to json-c.  No other folder sees its types.
 *
 * A tree (`struct json *`) has one owner, who calls json_free(); whatever the reading
 * functions return is borrowed from the tree.  Reading never fails: a missing key, a
 * NULL parent and a value of another type all read as NULL or false, so a path of
 * lookups needs one check at its end.  What must be told apart is told by json_type().
 *
 * Parsing accepts RFC 8259 exactly: UTF-8 only, one value, at most JSON_DEPTH levels. */
#ifndef LB_JSON_H
#define LB_JSON_H

#include "pkg/arena/arena.h"
#include "pkg/buf/buf.h"
#include "pkg/err/err.h"

enum { JSON_DEPTH = 64 };

struct json;

enum json_type { JSON_NULL, JSON_BOOL, JSON_INT, JSON_DOUBLE, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* One value of `len` bytes, blanks around it allowed.  NULL with *e of ERR_PROTOCOL (with the
 * offset of the byte that was wrong) or of ERR_SYSTEM. */
struct json *json_parse(const char *text, size_t len, struct err *e) MUST_CHECK;
/* The same without json-c, for reading only, from memory of the arena; with NULL it says nothing but
 * that json_parse() must be asked.  What it takes json_parse() takes, and reads as the same. */
const struct json *json_view(const char *text, size_t len, struct arena *a);
void json_free(struct json *j); /* NULL is fine */
void json_freep(struct json **j);

/* NULL reads as JSON_NULL. */
enum json_type json_type(const struct json *j);
const char *json_type_name(enum json_type type); /* "a string", for messages */

const struct json *json_get(const struct json *object, const char *key);
/* json_at(j, "metadata", "name", NULL): down a path of keys. */
const struct json *json_at(const struct json *j, ...) SENTINEL;
const char *json_string(
    const struct json *j); /* NULL unless a string; may hold NULs, see json_string_len */
size_t json_string_len(const struct json *j);
bool json_bool(const struct json *j, bool *out);
bool json_int(const struct json *j, int64_t *out); /* also a double without a fraction */
size_t json_count(const struct json *j);           /* of an array or object, else 0 */
const struct json *json_item(const struct json *array, size_t i);

/* struct json_iter it = { 0 }; while (json_each(object, &it)) ... it.key, it.value */
struct json_iter {
	const char *key;
	const struct json *value;
	const void *state;
};
bool json_each(const struct json *object, struct json_iter *it);

bool json_equal(const struct json *a, const struct json *b);

/* Building.  A child that is added is owned by its parent from then on, also when the call
 * fails.  NULL is JSON null.  json_new_* return NULL when out of memory. */
struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_string(const char *s, size_t len);
struct json *json_new_int(int64_t v);
struct json *json_new_bool(bool v);
struct json *json_new_double(double v, const char *text); /* text: how it was written, or NULL */
int json_set(struct json *object, const char *key, struct json *child); /* 0, or -1: out of memory */
int json_append(struct json *array, struct json *child);
void json_remove(struct json *object, const char *key);
struct json *json_edit(struct json *object, const char *key); /* borrowed, to change in place */
struct json *json_copy(const struct json *j);

/* RFC 7396: patch is laid over target, in place; null removes. */
int json_merge(struct json *target, const struct json *patch);

/* Compact text, keys in the order of the tree, "/" not escaped. */
void json_write(const struct json *j, struct buf *out);

/* Writing without a tree.  Commas and quotes are the writer's business:
 *	struct json_writer w = json_writer(&buf);
 *	json_begin(&w, '{'); json_key(&w, "type"); json_put(&w, "APPLY"); ... json_end(&w, '}'); */
struct json_writer {
	struct buf *out;
	bool comma;
};
struct json_writer json_writer(struct buf *out);
void json_begin(struct json_writer *w, char bracket); /* '{' or '[' */
void json_end(struct json_writer *w, char bracket);   /* '}' or ']' */
/* Its key is a literal without anything to escape; any other goes to json_key_of(). */
#define json_key(w, key) json_literal((w), "\"" key "\":")
void json_key_of(struct json_writer *w, const char *key);
/* NULL is null; what is no UTF-8, as a text cut inside of a character, becomes U+FFFD. */
void json_put(struct json_writer *w, const char *string);
void json_put_int(struct json_writer *w, int64_t v);
void json_put_bool(struct json_writer *w, bool v);
void json_put_null(struct json_writer *w);
void json_put_tree(struct json_writer *w, const struct json *j);
/* key and string in one, the common case */
#define json_field(w, key, string) (json_key(w, key), json_put(w, string))
/* JSON text as it is: a value, members, a key with its colon, an object whose end is to come */
#define json_literal(w, text) json_raw((w), text, sizeof(text) - 1)
void json_raw(struct json_writer *w, const char *text, size_t n);

#endif
