/* SPDX-License-Identifier: Apache-2.0 */
/* api_test: what the tests of the decoders share. */
#ifndef LB_API_TEST_H
#define LB_API_TEST_H

#include "pkg/api/api.h"
#include "tests/unit.h"

/* Single quotes stand for double ones. */
static inline struct json *parse(const char *text)
{
	struct err e = ERR_INIT;
	size_t n = strlen(text);
	char *copy = strdup(text);
	struct json *j;

	assert_non_null(copy);
	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	j = json_parse(copy, n, &e);
	free(copy);
	if (!j)
		fail_msg("%s: %s", text, e.text);
	return j;
}

/* Every decoder, by one shape, so that a table can name it. */
union api_any {
	struct api_service service;
	struct api_node node;
	struct api_endpoint_slice slice;
	struct api_namespace namespace;
	struct api_member member;
};

#define DECODER(name, field, type)                                                    \
	static inline int name(                                                       \
	    union api_any *out, const struct json *j, struct arena *a, struct err *e) \
	{                                                                             \
		return type(&out->field, j, a, e);                                    \
	}
DECODER(decode_service, service, api_service_decode)
DECODER(decode_node, node, api_node_decode)
DECODER(decode_slice, slice, api_endpoint_slice_decode)
DECODER(decode_namespace, namespace, api_namespace_decode)
DECODER(decode_member, member, api_member_decode)

typedef int decode_fn(union api_any *out, const struct json *j, struct arena *a, struct err *e);

/* The object is refused with exactly this text, and nothing is written. */
static inline void refused(decode_fn *decode, const char *object, const char *text)
{
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	union api_any out, before;
	struct json *j = parse(object);

	memset(&out, 0x5a, sizeof(out));
	before = out;
	if (decode(&out, j, &a, &e) == 0)
		fail_msg("accepted: %s", object);
	assert_string_equal(e.text, text);
	assert_int_equal(e.kind, ERR_PROTOCOL);
	assert_memory_equal(&out, &before, sizeof(out));
	json_free(j);
	arena_release(&a);
}

/* Decodes what must be good; the caller releases the arena. */
static inline void accepted(decode_fn *decode, const char *object, union api_any *out, struct arena *a)
{
	struct err e = ERR_INIT;
	struct json *j = parse(object);

	if (decode(out, j, a, &e) < 0)
		fail_msg("%s: %s", object, e.text);
	json_free(j); /* at once: the struct must not borrow from it */
}

#endif
