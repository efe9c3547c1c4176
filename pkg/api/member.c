/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <time.h>

#include "pkg/api/field.h"

/* "2024-01-01T00:00:00.123Z"; 0 when it is no such time, which nothing depends on. */
static int64_t milliseconds(const struct field *status)
{
	const char *text = json_string(json_get(status->json, "since")), *end;
	struct tm tm = { 0 };
	int64_t ms = 0;

	end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	if (!end)
		return 0;
	for (int i = 1, unit = 100; *end == '.' && end[i] >= '0' && end[i] <= '9'; i++, unit /= 10)
		ms += unit * (end[i] - '0');
	return (int64_t)timegm(&tm) * 1000 + ms;
}

int api_member_decode(struct api_member *m, const struct json *object, struct arena *a, struct err *e)
{
	struct decoder d = { .arena = a, .e = e };
	struct field root = field_root(object, "");
	struct api_member got = { .meta = field_meta(&d, &root) };
	struct field status = field_object(&d, &root, "status");
	struct field alive = field_get(&status, "alive");

	if (field_absent(&alive))
		field_refuse(&d, &alive, "a boolean");
	got.alive = field_bool(&d, &status, "alive", false);
	got.since_ms = milliseconds(&status);
	got.reason = field_string(&d, &status, "reason");
	if (decoder_finish(&d) < 0)
		return -1;
	*m = got;
	return 0;
}
