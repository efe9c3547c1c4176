/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/buf/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->bad = false;
	if (b->data)
		b->data[0] = 0;
}

char *buf_grow(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 64;
	char *data;

	if (b->bad)
		return NULL;
	if (n > SIZE_MAX / 4 - b->len) {
		b->bad = true;
		return NULL;
	}
	while (cap - b->len <= n) /* one more for the NUL */
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data) {
		b->bad = true;
		return NULL;
	}
	b->data = data;
	b->cap = cap;
	data[b->len] = 0;
	return data + b->len;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
	char *to = buf_room(b, n);

	if (!to)
		return;
	if (n)
		memcpy(to, bytes, n);
	b->len += n;
	b->data[b->len] = 0;
}

void buf_puts(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char *to = buf_room(b, 0);
	va_list ap;
	int n;

	if (!to)
		return;
	va_start(ap, fmt);
	n = vsnprintf(to, b->cap - b->len, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n >= b->cap - b->len) {
		*to = 0; /* as it was, should there be no room */
		to = buf_room(b, (size_t)n);
		va_start(ap, fmt);
		if (to)
			n = vsnprintf(to, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	if (to && n >= 0)
		b->len += (size_t)n;
	else
		b->bad = true;
}

void buf_plain(struct buf *b, size_t from)
{
	for (size_t i = from; i < b->len; i++) {
		unsigned char c = (unsigned char)b->data[i];
		unsigned char next = (unsigned char)b->data[i + 1]; /* a NUL at the end */

		if (c == 0xc2 && next >= 0x80 && next < 0xa0)
			b->data[i] = b->data[i + 1] = ' ';
		else if (c < ' ' || c == 0x7f)
			b->data[i] = ' ';
	}
}

void buf_shift(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (!n)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len + 1);
}
