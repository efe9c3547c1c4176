/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "pkg/api/field.h"

static const char exclude[] = "node.kubernetes.io/exclude-from-external-load-balancers";

static void conditions(struct decoder *d, const struct field *status, struct api_node *n)
{
	struct field list = field_array(d, status, "conditions");

	for (size_t i = 0; i < json_count(list.json) && !d->bad; i++) {
		struct field item = field_item(&list, i);
		const char *type;
		bool is;

		if (!field_check(d, &item, JSON_OBJECT))
			continue;
		type = field_string(d, &item, "type");
		is = !strcmp(field_string(d, &item, "status"), "True");
		if (!strcmp(type, "Ready"))
			n->ready = is;
		else if (!strcmp(type, "NetworkUnavailable"))
			n->network_unavailable = is;
	}
}

static void addresses(struct decoder *d, const struct field *status, struct api_node *n)
{
	struct field list = field_array(d, status, "addresses");
	size_t count = json_count(list.json);
	struct addr *at = field_room(d, count, sizeof(*at));

	for (size_t i = 0; at && i < count && !d->bad; i++) {
		struct field item = field_item(&list, i);
		struct err ignored = ERR_INIT; /* the API takes any text here */
		const char *type, *text;

		if (!field_check(d, &item, JSON_OBJECT))
			continue;
		type = field_string(d, &item, "type");
		text = field_string(d, &item, "address");
		if (!strcmp(type, "InternalIP") &&
		    addr_parse(&at[n->internal_ips_n], text, &ignored) == 0)
			n->internal_ips_n++;
	}
	n->internal_ips = at;
}

int api_node_decode(struct api_node *n, const struct json *object, struct arena *a, struct err *e)
{
	struct decoder d = { .arena = a, .e = e };
	struct field root = field_root(object, "");
	struct api_node got = { .meta = field_meta(&d, &root) };
	struct field status = field_object(&d, &root, "status");

	got.excluded = api_map_get(&got.meta.labels, exclude) != NULL;
	conditions(&d, &status, &got);
	addresses(&d, &status, &got);
	if (decoder_finish(&d) < 0)
		return -1;
	*n = got;
	return 0;
}
