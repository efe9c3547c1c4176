/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of an API server.  The first byte says what is asked (a streamed list, pages, or
 * a watch) and how the rest is cut into reads.  Whatever comes: the cut makes no difference,
 * every record is whole, and for each object ADDED, MODIFIED and DELETED alternate as they must. */
#include <assert.h>
#include <string.h>

#include "pkg/kube/reflector.h"

static const struct api_kind kind = { .kind = "IPAddressPool",
	.group = "metallb.io",
	.version = "v1beta1",
	.plural = "ipaddresspools",
	.namespaced = true };

static const char list[] = "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"metadata\":{"
			   "\"name\":\"a\",\"uid\":\"1\",\"resourceVersion\":\"1\"}}]}";

static void drain(struct reflector *r, uint64_t now, struct buf *out)
{
	struct buf record = BUF_INIT;

	while (reflector_next(r, &record, now)) {
		assert(memchr(record.data, '\n', record.len) == record.data + record.len - 1);
		buf_add(out, record.data, record.len);
	}
	buf_release(&record);
}

static uint64_t ask(struct reflector *r, uint64_t now, int status)
{
	struct buf path = BUF_INIT;

	while (reflector_action(r, now) != REFLECTOR_START)
		now = reflector_deadline(r) > now ? reflector_deadline(r) : now + 1;
	reflector_path(r, &path, now);
	buf_release(&path);
	reflector_head(r, status, 0, now);
	return now;
}

static void run(unsigned what, size_t cut, const char *body, size_t len, struct buf *out)
{
	struct reflector_options o = { .kind = &kind, .namespace = "", .seed = 1 };
	struct err e = ERR_INIT;
	struct reflector *r = reflector_new(&o, &e);
	uint64_t now = 1;

	assert(r);
	now = ask(r, now, what ? 400 : 200);
	if (what) { /* the server can't stream: pages, */
		reflector_end(r, NULL);
		drain(r, now, out);
		now = ask(r, now, 200);
	}
	if (what > 1) { /* then a watch */
		reflector_input(r, list, sizeof(list) - 1, now);
		reflector_end(r, NULL);
		drain(r, now, out);
		now = ask(r, now, 200);
	}
	for (size_t at = 0; at < len; at += cut) {
		reflector_input(r, body + at, cut < len - at ? cut : len - at, now);
		drain(r, now, out);
	}
	reflector_end(r, NULL);
	drain(r, now, out);
	assert(reflector_action(r, now + REFLECTOR_SILENT_MS) != REFLECTOR_WAIT);
	reflector_free(r);
}

struct told {
	struct json *name;
	bool exists;
};

static void check_order(const struct buf *out)
{
	struct told all[64];
	size_t n = 0, i;
	struct err e = ERR_INIT;

	for (char *at = out->data, *nl; at && (nl = strchr(at, '\n')) && n < 64; at = nl + 1) {
		struct json *j = json_parse(at, (size_t)(nl - at), &e);
		const struct json *m = json_at(j, "object", "metadata", NULL);
		const char *type = json_string(json_get(j, "type")), *ns, *name;
		CLEANUP(buf_release) struct buf key = BUF_INIT;

		assert(j && type);
		if (!strcmp(type, "BOOKMARK")) {
			json_free(j);
			continue;
		}
		ns = json_string(json_get(m, "namespace"));
		name = json_string(json_get(m, "name"));
		buf_printf(&key, "%s/%s", ns ? ns : "", name);
		for (i = 0; i < n; i++)
			if (!strcmp(json_string(all[i].name), key.data))
				break;
		if (i == n)
			all[n++] = (struct told){ json_new_string(key.data, key.len), false };
		assert(all[i].exists == (strcmp(type, "ADDED") != 0));
		all[i].exists = strcmp(type, "DELETED") != 0;
		json_free(j);
	}
	while (n)
		json_free(all[--n].name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT, pieces = BUF_INIT;
	unsigned what;

	if (!size)
		return 0;
	what = data[0] % 3;
	run(what, size, (const char *)data + 1, size - 1, &whole);
	run(what, 1 + data[0] / 3, (const char *)data + 1, size - 1, &pieces);
	assert(whole.len == pieces.len && (!whole.len || !memcmp(whole.data, pieces.data, whole.len)));
	check_order(&whole);
	buf_release(&whole);
	buf_release(&pieces);
	return 0;
}
