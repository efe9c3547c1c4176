/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/wire/wire.h"

#include <string.h>

struct wire_reader wire_reader(const void *buf, size_t len)
{
	return (struct wire_reader){ .buf = buf, .len = len };
}

/* The next n bytes, or NULL; the only place a reader advances. */
static const uint8_t *take(struct wire_reader *r, size_t n)
{
	const uint8_t *p;

	if (r->bad || n > r->len - r->at) {
		r->bad = true;
		return NULL;
	}
	p = r->buf + r->at;
	r->at += n;
	return p;
}

uint8_t wire_get_u8(struct wire_reader *r)
{
	const uint8_t *p = take(r, 1);

	return p ? p[0] : 0;
}

uint16_t wire_get_u16(struct wire_reader *r)
{
	const uint8_t *p = take(r, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

uint32_t wire_get_u32(struct wire_reader *r)
{
	const uint8_t *p = take(r, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

void wire_get_bytes(struct wire_reader *r, void *to, size_t n)
{
	const uint8_t *p = take(r, n);

	if (p)
		memcpy(to, p, n);
	else
		memset(to, 0, n);
}

void wire_skip(struct wire_reader *r, size_t n)
{
	take(r, n);
}

struct wire_reader wire_get_sub(struct wire_reader *r, size_t n)
{
	const uint8_t *p = take(r, n);

	return (struct wire_reader){ .buf = p, .len = p ? n : 0, .bad = !p };
}

bool wire_more(const struct wire_reader *r)
{
	return !r->bad && r->at < r->len;
}

bool wire_finish(const struct wire_reader *r)
{
	return !r->bad && r->at == r->len;
}

struct wire_writer wire_writer(void *buf, size_t cap)
{
	return (struct wire_writer){ .buf = buf, .cap = cap };
}

/* Room for n bytes, or NULL; the only place a writer advances. */
static uint8_t *room(struct wire_writer *w, size_t n)
{
	uint8_t *p;

	if (w->bad || n > w->cap - w->len) {
		w->bad = true;
		return NULL;
	}
	p = w->buf + w->len;
	w->len += n;
	return p;
}

static void store_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void wire_put_u8(struct wire_writer *w, uint8_t v)
{
	uint8_t *p = room(w, 1);

	if (p)
		p[0] = v;
}

void wire_put_u16(struct wire_writer *w, uint16_t v)
{
	uint8_t *p = room(w, 2);

	if (p)
		store_u16(p, v);
}

void wire_put_u32(struct wire_writer *w, uint32_t v)
{
	uint8_t *p = room(w, 4);

	if (p) {
		store_u16(p, (uint16_t)(v >> 16));
		store_u16(p + 2, (uint16_t)v);
	}
}

void wire_put_bytes(struct wire_writer *w, const void *from, size_t n)
{
	uint8_t *p = room(w, n);

	if (p && n)
		memcpy(p, from, n);
}

size_t wire_open_u8(struct wire_writer *w)
{
	wire_put_u8(w, 0);
	return w->len;
}

void wire_close_u8(struct wire_writer *w, size_t mark)
{
	size_t n = w->len - mark;

	if (w->bad)
		return;
	if (n > UINT8_MAX)
		w->bad = true;
	else
		w->buf[mark - 1] = (uint8_t)n;
}

size_t wire_open_u16(struct wire_writer *w)
{
	wire_put_u16(w, 0);
	return w->len;
}

void wire_close_u16(struct wire_writer *w, size_t mark)
{
	size_t n = w->len - mark;

	if (w->bad)
		return;
	if (n > UINT16_MAX)
		w->bad = true;
	else
		store_u16(w->buf + mark - 2, (uint16_t)n);
}
