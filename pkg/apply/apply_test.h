/* SPDX-License-Identifier: Apache-2.0 */
/* apply_test: what the tests of the engine share: a clock, wishes, answers. */
#ifndef LB_APPLY_TEST_H
#define LB_APPLY_TEST_H

#include "pkg/apply/apply.h"

#include "tests/unit.h"

static uint64_t clock_ms;

static inline struct apply_now now(void)
{
	return (struct apply_now){ .ms = clock_ms, .wall = 1700000000 + (int64_t)(clock_ms / 1000) };
}

static inline struct json *parse(const char *text)
{
	struct err e = ERR_INIT;
	struct json *j = json_parse(text, strlen(text), &e);

	if (!j)
		fail_msg("%s: %s", text, e.text);
	return j;
}

static inline struct apply *new_engine(uint32_t in_flight)
{
	struct err e = ERR_INIT;
	struct apply *a = apply_new(in_flight, &e);

	assert_non_null(a);
	clock_ms = 1000;
	return a;
}

/* An object as an APPLY or an observed record has it; ip NULL: no address. */
static inline struct json *service(const char *name, const char *ip, int version)
{
	char text[600], ingress[80] = "";

	if (ip)
		snprintf(ingress, sizeof(ingress), "{\"ip\":\"%s\"}", ip);
	snprintf(text, sizeof(text),
	    "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"namespace\":\"default\","
	    "\"name\":"
	    "\"%s\"%s,\"annotations\":{\"pool\":%s}},\"status\":{\"loadBalancer\":{\"ingress\":[%s]}}}",
	    name, version ? ",\"resourceVersion\":\"@\"" : "", ip ? "\"p\"" : "null", ingress);
	if (version) {
		char *at = strchr(text, '@'), rest[600], digits[16];

		snprintf(rest, sizeof(rest), "%s", at + 1);
		snprintf(digits, sizeof(digits), "%d", version);
		snprintf(at, sizeof(text) - (size_t)(at - text), "%s%s", digits, rest);
	}
	return parse(text);
}

static inline void want(struct apply *a, const char *name, const char *ip)
{
	CLEANUP(json_freep) struct json *j = service(name, ip, 0);
	struct err e = ERR_INIT;

	assert_int_equal(apply_want(a, j, now(), &e), 0);
}

static inline void want_event(struct apply *a, const char *name)
{
	CLEANUP(json_freep) struct json *j = NULL;
	struct err e = ERR_INIT;
	char text[300];

	snprintf(text, sizeof(text),
	    "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"namespace\":\"default\","
	    "\"name\":"
	    "\"%s\"},\"reason\":\"R\"}",
	    name);
	j = parse(text);
	assert_int_equal(apply_want(a, j, now(), &e), 0);
}

static inline void observed(struct apply *a, const char *name, const char *ip, int version)
{
	CLEANUP(json_freep) struct json *j = service(name, ip, version);

	apply_observed(a, false, j);
}

static inline void deleted(struct apply *a, const char *name)
{
	CLEANUP(json_freep) struct json *j = service(name, NULL, 0);

	apply_observed(a, true, j);
}

/* The next write starts now, and is NAME's with that address ("" for none). */
static inline uint64_t starts(struct apply *a, const char *name, const char *ip)
{
	struct apply_write w = { 0 };
	const char *have;

	if (!apply_next(a, now(), &w))
		fail_msg("nothing starts, want %s %s", name, ip);
	have = json_string(
	    json_get(json_item(json_at(w.body, "status", "loadBalancer", "ingress", NULL), 0), "ip"));
	assert_string_equal(w.name, name);
	if (strcmp(have ? have : "", ip) != 0)
		fail_msg("%s: writes %s, want %s", name, have ? have : "nothing", ip);
	return w.id;
}

static inline void nothing_starts(struct apply *a)
{
	struct apply_write w;

	assert_false(apply_next(a, now(), &w));
}

static inline void done(
    struct apply *a, uint64_t id, enum apply_outcome outcome, const char *ip, int version)
{
	CLEANUP(json_freep) struct json *j = version ? service("x", ip, version) : NULL;
	struct apply_result r = { .outcome = outcome, .object = j, .why = "why" };

	apply_done(a, id, &r, now());
}

static inline const char *reported(struct apply *a)
{
	static char text[200]; /* of the test only */
	struct apply_report r;

	if (!apply_report(a, &r))
		return "";
	snprintf(text, sizeof(text), "%s %s/%s %s", r.code, r.namespace, r.name, r.message);
	return text;
}

#endif
