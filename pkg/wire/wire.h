/* SPDX-License-Identifier: Apache-2.0 */
/* wire: read and write big-endian packets without ever leaving the buffer.
 *
 * Both cursors fail sticky.  After the first step that does not fit, every read
 * returns zero, every write does nothing, and `bad` stays set.  So a codec is a
 * straight list of fields with one check at the end:
 *
 *	struct wire_reader r = wire_reader(buf, len);
 *	m->op = wire_get_u16(&r);
 *	...
 *	if (!wire_finish(&r)) return err_set(...);
 *
 * Never use a value read as a length, an index or a loop bound before a check;
 * cut a child reader with wire_get_sub() instead, and it is bounded for you. */
#ifndef LB_WIRE_H
#define LB_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "pkg/base/base.h"

struct wire_reader {
	const uint8_t *buf;
	size_t len;
	size_t at;
	bool bad;
};

struct wire_writer {
	uint8_t *buf;
	size_t cap;
	size_t len;
	bool bad;
};

struct wire_reader wire_reader(const void *buf, size_t len);
uint8_t wire_get_u8(struct wire_reader *r);
uint16_t wire_get_u16(struct wire_reader *r);
uint32_t wire_get_u32(struct wire_reader *r);
void wire_get_bytes(struct wire_reader *r, void *to, size_t n); /* zeroes `to` on failure */
void wire_skip(struct wire_reader *r, size_t n);

/* The next n bytes as a reader of their own.  A child that does not fit is bad from birth. */
struct wire_reader wire_get_sub(struct wire_reader *r, size_t n);

bool wire_more(const struct wire_reader *r);              /* not bad, and bytes left: for `while` */
bool wire_finish(const struct wire_reader *r) MUST_CHECK; /* not bad, and nothing left over */

struct wire_writer wire_writer(void *buf, size_t cap);
void wire_put_u8(struct wire_writer *w, uint8_t v);
void wire_put_u16(struct wire_writer *w, uint16_t v);
void wire_put_u32(struct wire_writer *w, uint32_t v);
void wire_put_bytes(struct wire_writer *w, const void *from, size_t n);

/* A length before a body of unknown size:
 *	size_t m = wire_open_u16(&w);  ...body...  wire_close_u16(&w, m); */
size_t wire_open_u8(struct wire_writer *w);
void wire_close_u8(struct wire_writer *w, size_t mark);
size_t wire_open_u16(struct wire_writer *w);
void wire_close_u16(struct wire_writer *w, size_t mark);

#endif
