/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "pkg/api/field.h"

static struct api_endpoint endpoint(struct decoder *d, const struct field *item)
{
	struct api_endpoint ep = { .node = field_string(d, item, "nodeName") };
	struct field conditions = field_object(d, item, "conditions");
	bool ready = field_bool(d, &conditions, "ready", true);
	bool serving = field_bool(d, &conditions, "serving", false);

	ep.usable = ready || serving;
	return ep;
}

int api_endpoint_slice_decode(
    struct api_endpoint_slice *s, const struct json *object, struct arena *a, struct err *e)
{
	struct decoder d = { .arena = a, .e = e };
	struct field root = field_root(object, "");
	struct api_endpoint_slice got = { .meta = field_meta(&d, &root) };
	struct field list = field_array(&d, &root, "endpoints");
	const char *type = field_string(&d, &root, "addressType");
	size_t n = json_count(list.json);
	struct api_endpoint *at = field_room(&d, n, sizeof(*at));
	const char *service = api_map_get(&got.meta.labels, "kubernetes.io/service-name");

	got.service = service ? service : "";
	got.family = !strcmp(type, "IPv4") ? ADDR_IPV4 : !strcmp(type, "IPv6") ? ADDR_IPV6 : ADDR_NONE;
	for (size_t i = 0; at && i < n && !d.bad; i++) {
		struct field item = field_item(&list, i);

		if (field_absent(&item) || !field_check(&d, &item, JSON_OBJECT))
			field_refuse(&d, &item, json_type_name(JSON_OBJECT));
		at[i] = endpoint(&d, &item);
		got.endpoints_n = i + 1;
	}
	got.endpoints = at;
	if (decoder_finish(&d) < 0)
		return -1;
	*s = got;
	return 0;
}
