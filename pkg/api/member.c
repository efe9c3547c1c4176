/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "pkg/api/field.h"

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
	got.reason = field_string(&d, &status, "reason");
	if (decoder_finish(&d) < 0)
		return -1;
	*m = got;
	return 0;
}
