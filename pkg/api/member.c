/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/api/field.h"

int api_member_decode(struct api_member *m, const struct json *object, struct arena *a, struct err *e)
{
	struct decoder d = { .arena = a, .e = e };
	struct field root = field_root(object, "");
	struct api_member got = { .meta = field_meta(&d, &root) };
	struct field status = field_object(&d, &root, "status");
	struct field alive = field_get(&status, "alive");
	const char *since = json_string(json_get(status.json, "since"));

	if (field_absent(&alive))
		field_refuse(&d, &alive, "a boolean");
	got.alive = field_bool(&d, &status, "alive", false);
	if (since && !time_parse(since, &got.since_ms))
		got.since_ms = 0; /* no time, which nothing depends on */
	got.reason = field_string(&d, &status, "reason");
	if (decoder_finish(&d) < 0)
		return -1;
	*m = got;
	return 0;
}
