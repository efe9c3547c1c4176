/* SPDX-License-Identifier: Apache-2.0 */
/* field: one value of an object and where it stands, so that a message can name it.
 *
 * The decoder fails sticky: the first value that is wrong writes *e and sets `bad`; every
 * later read gives the default.  So a decoder is a straight list of fields with one check,
 * decoder_finish(), at the end.  A field borrows its parent, which must be alive to name it.
 * JSON null is the same as absent, as in the API. */
#ifndef LB_API_FIELD_H
#define LB_API_FIELD_H

#include "pkg/api/api.h"

struct decoder {
	struct arena *arena;
	struct err *e;
	bool bad;
};
int decoder_finish(struct decoder *d) MUST_CHECK;

enum field_step { FIELD_ROOT, FIELD_KEY, FIELD_ENTRY, FIELD_ITEM };
struct field {
	const struct json *json; /* NULL when absent, and after a failure */
	const struct field *up;
	const char *key; /* of FIELD_ROOT: the path to it */
	size_t index;
	enum field_step step;
};

struct field field_root(const struct json *j, const char *where);
struct field field_get(const struct field *up, const char *key); /* of any type */
struct field field_item(const struct field *array, size_t i);
bool field_absent(const struct field *f);

/* "PATH: want WANT, have VALUE", unless something was wrong already. */
void field_refuse(struct decoder *d, const struct field *f, const char *want);
/* "PATH: the key is wrong; want WANT" */
void field_refuse_key(struct decoder *d, const struct field *f, const char *want);
/* "PATH: no such field; want KNOWN" */
void field_unknown(struct decoder *d, const struct field *f, const char *known);

/* Absent, or of the type; anything else is refused and reads as absent. */
struct field field_object(struct decoder *d, const struct field *up, const char *key);
struct field field_array(struct decoder *d, const struct field *up, const char *key);
bool field_check(struct decoder *d, const struct field *f, enum json_type type);

/* RFC 3339, in milliseconds since 1970; *ms is set only when it is such a time. */
bool time_parse(const char *text, int64_t *ms);

/* The text is the arena's; NULL when absent. */
const char *field_text(struct decoder *d, const struct field *f);
/* As field_text, of a key, "" when absent. */
const char *field_string(struct decoder *d, const struct field *up, const char *key);
bool field_bool(struct decoder *d, const struct field *up, const char *key, bool absent);
int64_t field_int(struct decoder *d, const struct field *f, int64_t least, int64_t most);

/* The index of the string in names[], `absent` when it is absent or empty. */
unsigned field_one_of(
    struct decoder *d, const struct field *f, const char *const *names, unsigned n, unsigned absent);

/* An object of strings, sorted.  keep NULL: all keys; else those with one of these beginnings. */
struct api_map field_map(
    struct decoder *d, const struct field *up, const char *key, const char *const *keep);

/* Room for n of a type, NULL for none and when out of memory (which decoder_finish tells). */
void *field_room(struct decoder *d, size_t n, size_t size);

struct api_meta field_meta(struct decoder *d, const struct field *root);

#endif
