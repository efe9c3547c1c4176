/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a reflector, its clock, and what it told. */
#ifndef LB_KUBE_REFLECTOR_HARNESS_H
#define LB_KUBE_REFLECTOR_HARNESS_H

#include "pkg/kube/reflector.h"

#include "tests/unit.h"

#define POOL(name, version) POOL_UID(name, version, "u-" name)
#define POOL_UID(name, version, uid)                                                            \
	"{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"IPAddressPool\",\"metadata\":{"      \
	"\"name\":\"" name "\",\"namespace\":\"metallb-system\",\"resourceVersion\":\"" version \
	"\",\"uid\":\"" uid "\"}}"
#define ITEM(name, version)                                                      \
	"{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"metallb-system\"," \
	"\"resourceVersion\":\"" version "\",\"uid\":\"u-" name "\"}}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(version)                                                                      \
	EVENT("BOOKMARK", "{\"kind\":\"IPAddressPool\",\"apiVersion\":\"metallb.io/v1beta1\"," \
			  "\"metadata\":{\"resourceVersion\":\"" version "\"}}")
#define INITIAL_END(version)                                                                    \
	EVENT("BOOKMARK", "{\"kind\":\"IPAddressPool\",\"apiVersion\":\"metallb.io/v1beta1\","  \
			  "\"metadata\":{\"resourceVersion\":\"" version "\",\"annotations\":{" \
			  "\"k8s.io/initial-events-end\":\"true\"}}}")
#define STATUS(code, reason, message)                                                        \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\"," \
	"\"message\":\"" message "\",\"reason\":\"" reason "\",\"code\":" #code "}"
#define LIST(version, more, items)                                                             \
	"{\"kind\":\"IPAddressPoolList\",\"apiVersion\":\"metallb.io/v1beta1\",\"metadata\":{" \
	"\"resourceVersion\":\"" version "\",\"continue\":\"" more "\"},\"items\":[" items "]}"

static const struct api_kind pools = { .kind = "IPAddressPool",
	.group = "metallb.io",
	.version = "v1beta1",
	.plural = "ipaddresspools",
	.namespaced = true,
	.configuration = true };
static const struct api_kind services = {
	.kind = "Service", .group = "", .version = "v1", .plural = "services", .namespaced = true
};

/* A reflector, its clock, and what it told so far: "ADDED a 1, BOOKMARK, ..." */
struct run {
	struct reflector *r;
	uint64_t now;
	struct buf told;
	struct buf text; /* the records themselves */
	struct buf path; /* of the last request */
};

static inline void run_start(struct run *s, const struct api_kind *k, bool full)
{
	struct err e = ERR_INIT;
	struct reflector_options o = {
		.kind = k, .namespace = "metallb-system", .full = full, .seed = 7
	};

	*s = (struct run){ .r = reflector_new(&o, &e), .now = 1000 };
	assert_non_null(s->r);
}

static inline void run_end(struct run *s)
{
	reflector_free(s->r);
	buf_release(&s->told);
	buf_release(&s->text);
	buf_release(&s->path);
}

static inline void drain(struct run *s)
{
	struct buf record = BUF_INIT;

	while (reflector_next(s->r, &record, s->now)) {
		struct err e = ERR_INIT;
		struct json *j = json_parse(record.data, record.len, &e);
		const struct json *m = json_at(j, "object", "metadata", NULL);
		const char *type = json_string(json_get(j, "type"));
		const char *name = json_string(json_get(m, "name"));
		const char *version = json_string(json_get(m, "resourceVersion"));

		assert_non_null(j);
		assert_int_equal(record.data[record.len - 1], '\n');
		buf_printf(&s->told, "%s%s", s->told.len ? ", " : "", type);
		if (name)
			buf_printf(&s->told, " %s %s", name, version ? version : "-");
		buf_add(&s->text, record.data, record.len);
		json_free(j);
	}
	buf_release(&record);
}

static inline void start(struct run *s)
{
	assert_int_equal(reflector_action(s->r, s->now), REFLECTOR_START);
	buf_reset(&s->path);
	reflector_path(s->r, &s->path, s->now);
	assert_int_equal(reflector_action(s->r, s->now), REFLECTOR_WAIT);
}

static inline void input(struct run *s, const char *body)
{
	reflector_input(s->r, body, strlen(body), s->now);
	drain(s);
}

static inline void end(struct run *s)
{
	reflector_end(s->r, NULL);
	drain(s);
}

/* One whole answer to one request. */
static inline void answer(struct run *s, int status, const char *body)
{
	start(s);
	reflector_head(s->r, status, 0, s->now);
	input(s, body);
	end(s);
}

/* Moves the clock until there is something to do; how long that took. */
static inline uint64_t wait_for(struct run *s, enum reflector_action what)
{
	uint64_t from = s->now;

	while (reflector_action(s->r, s->now) == REFLECTOR_WAIT) {
		uint64_t at = reflector_deadline(s->r);

		assert_true(at > s->now && at != UINT64_MAX);
		s->now = at;
	}
	if (what == REFLECTOR_START)
		assert_int_equal(reflector_action(s->r, s->now), REFLECTOR_START);
	return s->now - from;
}

static inline void told(struct run *s, const char *what)
{
	assert_string_equal(s->told.len ? s->told.data : "", what);
	buf_reset(&s->told);
}

static inline bool asked(const struct run *s, const char *part)
{
	return strstr(s->path.data, part);
}

/* Listed by streaming, with a and b at version 10, and watching on. */
static inline void run_synced(struct run *s)
{
	run_start(s, &pools, false);
	start(s);
	reflector_head(s->r, 200, 0, s->now);
	input(s, EVENT("ADDED", POOL("a", "3")) EVENT("ADDED", POOL("b", "5")) INITIAL_END("10"));
	told(s, "ADDED a 3, ADDED b 5, BOOKMARK");
	assert_true(reflector_synced(s->r));
}

#endif
