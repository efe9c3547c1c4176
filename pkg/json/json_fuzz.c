/* SPDX-License-Identifier: Apache-2.0 */
/* What json_view() takes json_parse() takes, and both read as the same, also written and copied. */
#include <assert.h>
#include <string.h>

#include "pkg/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = ARENA_INIT;
	const struct json *view = json_view((const char *)data, size, &arena);
	struct err e = ERR_INIT;
	struct json *parsed = json_parse((const char *)data, size, &e), *copy;
	struct buf one = BUF_INIT, two = BUF_INIT;

	assert(!view || parsed);
	if (view) {
		copy = json_copy(view);
		assert(copy && json_equal(copy, parsed) && json_equal(view, parsed) &&
		       json_equal(parsed, view));
		json_write(copy, &one);
		json_write(parsed, &two);
		assert(!one.bad && one.len == two.len && !memcmp(one.data, two.data, one.len));
		json_free(copy);
	}
	buf_release(&one);
	buf_release(&two);
	json_free(parsed);
	arena_release(&arena);
	return 0;
}
