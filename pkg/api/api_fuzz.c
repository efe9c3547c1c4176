/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON through every decoder: each says yes, or no with a text that names a field; and what
 * it said is the same the second time. */
#include <assert.h>
#include <string.h>

#include "pkg/api/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

union any {
	struct api_service service;
	struct api_node node;
	struct api_endpoint_slice slice;
	struct api_namespace namespace;
	struct api_member member;
	struct api_selector selector;
};

enum { DECODERS = 6 };

static int decode(int which, union any *out, const struct json *j, struct arena *a, struct err *e)
{
	switch (which) {
	case 0:
		return api_service_decode(&out->service, j, a, e);
	case 1:
		return api_node_decode(&out->node, j, a, e);
	case 2:
		return api_endpoint_slice_decode(&out->slice, j, a, e);
	case 3:
		return api_namespace_decode(&out->namespace, j, a, e);
	case 4:
		return api_member_decode(&out->member, j, a, e);
	default:
		return api_selector_decode(&out->selector, j, "selector", a, e);
	}
}

static void check_map(const struct api_map *m)
{
	for (size_t i = 0; i < m->n; i++) {
		assert(i == 0 || strcmp(m->at[i - 1].key, m->at[i].key) < 0);
		assert(api_map_get(m, m->at[i].key) == m->at[i].value);
	}
}

static void check(int which, const union any *got)
{
	struct api_map none = { 0 };

	if (which < 5) { /* all of these begin with their metadata */
		const struct api_meta *m = &got->namespace.meta;

		assert(m->name[0] && strlen(m->name) <= 253);
		check_map(&m->labels);
		check_map(&m->annotations);
	}
	if (which == 0) {
		assert(got->service.cluster_ips_n <= 2);
		for (size_t i = 0; i < got->service.ports_n; i++)
			assert(got->service.ports[i].port > 0);
	}
	if (which == 5)
		(void)api_selector_matches(&got->selector, &none);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct json *j = json_parse((const char *)data, size, &e);

	for (int i = 0; j && i < DECODERS; i++) {
		struct arena a = ARENA_INIT, b = ARENA_INIT;
		struct err first = ERR_INIT, second = ERR_INIT;
		union any got, again;
		int rc = decode(i, &got, j, &a, &first);

		assert(decode(i, &again, j, &b, &second) == rc);
		assert(!strcmp(first.text, second.text));
		assert((rc == 0) == !first.text[0]);
		if (rc == 0)
			check(i, &got);
		else
			assert(strstr(first.text, ": ") && strstr(first.text, "want "));
		arena_release(&a);
		arena_release(&b);
	}
	json_free(j);
	return 0;
}
