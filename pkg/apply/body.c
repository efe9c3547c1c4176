/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/apply/body.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pkg/apply/apply.h"

struct json *body_of(const struct json *object)
{
	CLEANUP(json_freep) struct json *out = json_new_object();
	struct json_iter it = { 0 };

	if (!out)
		return NULL;
	while (json_each(object, &it)) {
		struct json *v;

		if (!it.value)
			continue;
		v = json_type(it.value) == JSON_OBJECT ? body_of(it.value) : json_copy(it.value);
		if (!v || json_set(out, it.key, v) < 0)
			return NULL;
	}
	return TAKE(out);
}

struct json *body_leftovers(const struct json *object, const struct json *now)
{
	const struct json *have = json_at(now, "metadata", "annotations", NULL);
	CLEANUP(json_freep) struct json *annotations = json_new_object();
	CLEANUP(json_freep) struct json *metadata = json_new_object();
	CLEANUP(json_freep) struct json *patch = json_new_object();
	struct json_iter it = { 0 };

	if (!annotations || !metadata || !patch)
		return NULL;
	while (json_each(json_at(object, "metadata", "annotations", NULL), &it))
		if (!it.value && json_get(have, it.key) && json_set(annotations, it.key, NULL) < 0)
			return NULL;
	if (!json_count(annotations) || json_set(metadata, "annotations", TAKE(annotations)) < 0 ||
	    json_set(patch, "metadata", TAKE(metadata)) < 0)
		return NULL;
	return TAKE(patch);
}

static bool is_nothing(const struct json *j)
{
	enum json_type type = json_type(j);

	return type == JSON_NULL || ((type == JSON_ARRAY || type == JSON_OBJECT) && !json_count(j));
}

bool body_covers(const struct json *object, const struct json *now)
{
	struct json_iter it = { 0 };
	bool same = true;

	if (is_nothing(object))
		return is_nothing(now);
	if (json_type(object) == JSON_OBJECT) {
		while (same && json_each(object, &it))
			same = body_covers(it.value, json_get(now, it.key));
		return same;
	}
	if (json_type(object) != JSON_ARRAY)
		return json_equal(object, now);
	if (json_count(object) != json_count(now))
		return false;
	for (size_t i = 0; same && i < json_count(object); i++)
		same = body_covers(json_item(object, i), json_item(now, i));
	return same;
}

static int set_time(struct json *object, const char *key, int64_t seconds)
{
	time_t t = (time_t)seconds;
	char text[32];
	struct tm tm;

	gmtime_r(&t, &tm);
	return json_set(object, key,
	    json_new_string(text, strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm)));
}

int body_event(struct json *event, int64_t first, int64_t last, uint32_t count)
{
	if (set_time(event, "firstTimestamp", first) < 0 || set_time(event, "lastTimestamp", last) < 0)
		return -1;
	return json_set(event, "count", json_new_int(count));
}

uint64_t body_version(const struct json *object)
{
	const char *text = json_string(json_at(object, "metadata", "resourceVersion", NULL));

	return text ? strtoull(text, NULL, 10) : 0;
}

void apply_describe(const struct json *body, struct buf *out)
{
	const struct json *ingress = json_at(body, "status", "loadBalancer", "ingress", NULL);
	const char *reason = json_string(json_get(body, "reason"));
	int64_t count = 1;

	if (reason) {
		buf_printf(out, "the event %s", reason);
		if (json_int(json_get(body, "count"), &count) && count > 1)
			buf_printf(out, ", which happened %lld times", (long long)count);
		return;
	}
	if (!json_at(body, "status", NULL)) {
		buf_puts(out, "its annotations");
		return;
	}
	if (!json_at(body, "status", "loadBalancer", NULL)) {
		buf_puts(out, "its status");
		return;
	}
	buf_puts(out, json_count(ingress) ? "its address " : "that it has no address");
	for (size_t i = 0; i < json_count(ingress); i++) {
		const char *ip = json_string(json_get(json_item(ingress, i), "ip"));

		buf_printf(out, "%s%s", i ? ", " : "", ip ? ip : "");
	}
}
