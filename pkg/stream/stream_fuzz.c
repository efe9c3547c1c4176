/* SPDX-License-Identifier: Apache-2.0 */
/* However the bytes are cut into reads, the same records come out; a record that is given out
 * as good is either parsed, or begins like one. */
#include <assert.h>
#include <string.h>

#include "pkg/stream/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct stream_reader *r, const uint8_t *data, size_t n)
{
	while (n) {
		size_t room;
		char *to = stream_reader_room(r, &room);
		size_t part = n < room ? n : room;

		assert(to);
		memcpy(to, data, part);
		stream_reader_fed(r, part);
		data += part;
		n -= part;
	}
}

static void drain(struct stream_reader *r, struct buf *out)
{
	struct record rec;

	while (stream_reader_next(r, &rec)) {
		buf_printf(out, "%llu %d ", (unsigned long long)rec.line, rec.type);
		if (rec.type == RECORD_BAD) {
			assert(rec.bad);
			continue;
		}
		assert(rec.len && rec.text[rec.len - 1] == '\n');
		assert(rec.parsed || !memcmp(rec.text, "{\"type\":\"", 9));
		buf_add(out, rec.kind, rec.kind_len);
		buf_putc(out, ' ');
		buf_add(out, rec.group, rec.group_len);
		buf_add(out, rec.text, rec.len);
	}
}

/* A step of 0 gives all at once. */
static void read_all(const uint8_t *data, size_t size, size_t step, struct buf *out)
{
	struct err e = ERR_INIT;
	struct stream_reader *r = stream_reader_new(&e);

	for (size_t at = 0; at < size; at += step ? step : size) {
		size_t n = step && step < size - at ? step : size - at;

		feed(r, data + at, n);
		drain(r, out);
	}
	stream_reader_end(r);
	drain(r, out);
	stream_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT, cut = BUF_INIT;

	read_all(data, size, 0, &whole);
	read_all(data, size, 1 + size % 7, &cut);
	assert(whole.len == cut.len && (!whole.len || !memcmp(whole.data, cut.data, whole.len)));
	buf_release(&whole);
	buf_release(&cut);
	return 0;
}
