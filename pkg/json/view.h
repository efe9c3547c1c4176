/* SPDX-License-Identifier: Apache-2.0 */
/* view: trees that are read once and thrown away, without json-c; inside pkg/json only.
 *
 * A stage parses each record of its kinds, and most of its time would go into making and freeing a
 * json-c object for every value.  A view lies in an arena: what is common in Kubernetes' objects is
 * parsed into it, and all else is left to json-c.  A pointer to a view has its lowest bit set. */
#ifndef LB_JSON_VIEW_H
#define LB_JSON_VIEW_H

#include <string.h>

#include "pkg/json/json.h"

struct view_member {
	struct view_member *next;
	const char *key;
	const struct json *value; /* tagged; NULL is null */
	uint32_t key_len;
};

struct view {
	enum json_type type; /* never JSON_NULL nor JSON_DOUBLE */
	uint32_t n;          /* of the string, members or items */
	union {
		bool truth;
		int64_t number;
		const char *string;
		const struct view_member *members;
		const struct json *const *items; /* tagged */
	};
};

static inline const struct view *view_of(const struct json *j) /* NULL: it is none */
{
	uintptr_t p = (uintptr_t)j;

	return p & 1 ? (const struct view *)(p - 1) : NULL;
}

const struct json *view_get(const struct view *v, const char *key);
bool view_equal(const struct json *a, const struct json *b); /* at least one is a view */
struct json *view_copy(const struct json *j);                /* of json-c */
void view_write(const struct json *j, struct json_writer *w);

#endif
