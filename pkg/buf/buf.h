/* SPDX-License-Identifier: Apache-2.0 */
/* buf: bytes that grow, always followed by a NUL that is not counted.
 *
 * Growing fails sticky: after the first allocation that fails, `bad` stays set and
 * every later call does nothing, so a text is built in a row of calls and checked once.
 * BUF_INIT is empty and needs no release until something was added. */
#ifndef LB_BUF_H
#define LB_BUF_H

#include "pkg/base/base.h"

struct buf {
	char *data; /* NULL while empty and never grown; else data[len] == 0 */
	size_t len;
	size_t cap;
	bool bad;
};

#define BUF_INIT  \
	{         \
		0 \
	}

void buf_release(struct buf *b); /* frees; the buf is as after BUF_INIT */
void buf_reset(struct buf *b);   /* empties, keeps the memory, clears bad */

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_puts(struct buf *b, const char *text);
static inline void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);

/* Room for at least n bytes more at data + len, or NULL.  The caller writes there and adds to len. */
static inline char *buf_room(struct buf *b, size_t n);

/* From there on, control characters become blanks: those of ASCII, and U+0080 to U+009F in UTF-8,
 * with which a terminal can be made to obey too. */
void buf_plain(struct buf *b, size_t from);

/* Drops the first n bytes. */
void buf_shift(struct buf *b, size_t n);

/* buf_room() when there is none yet. */
char *buf_grow(struct buf *b, size_t n);

static inline char *buf_room(struct buf *b, size_t n)
{
	return b->cap - b->len > n && !b->bad ? b->data + b->len : buf_grow(b, n);
}

static inline void buf_putc(struct buf *b, char c)
{
	char *to = buf_room(b, 1);

	if (!to)
		return;
	to[0] = c;
	to[1] = 0;
	b->len++;
}

#endif
