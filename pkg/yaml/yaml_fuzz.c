/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever parses is written as JSON that parses again to the same text, within the bounds. */
#include <assert.h>
#include <string.h>

#include "pkg/yaml/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t depth_of(const struct json *j)
{
	struct json_iter it = { 0 };
	size_t deepest = 0;

	for (size_t i = 0; json_type(j) == JSON_ARRAY && i < json_count(j); i++) {
		size_t d = depth_of(json_item(j, i));

		deepest = d > deepest ? d : deepest;
	}
	while (json_type(j) == JSON_OBJECT && json_each(j, &it)) {
		size_t d = depth_of(it.value);

		deepest = d > deepest ? d : deepest;
	}
	return deepest + 1;
}

static void check(const struct json *doc)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT;
	CLEANUP(buf_release) struct buf again = BUF_INIT;
	CLEANUP(json_freep) struct json *back = NULL;
	struct err e = ERR_INIT;

	assert(depth_of(doc) <= YAML_DEPTH_MAX);
	json_write(doc, &text);
	if (!doc)
		return;
	back = json_parse(text.data, text.len, &e);
	assert(back);
	json_write(back, &again);
	assert(again.len == text.len && !memcmp(again.data, text.data, text.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	CLEANUP(yaml_closep) struct yaml_reader *r = yaml_open((const char *)data, size, &e);
	int status;

	assert(r);
	do {
		CLEANUP(json_freep) struct json *doc = NULL;

		status = yaml_next(r, &doc, NULL, &e);
		if (status > 0)
			check(doc);
	} while (status > 0);
	assert(status == 0 || (e.kind == ERR_PROTOCOL && e.text[0]));
	return 0;
}
