/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/arena/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_BLOCK = 496, MOST_BLOCK = 64 << 10, JOIN_MOST = 8 };

struct arena_block {
	struct arena_block *next;
	size_t cap;
	size_t used;
	alignas(max_align_t) char bytes[];
};

void arena_release(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;

		a->blocks = b->next;
		free(b);
	}
	*a = (struct arena)ARENA_INIT;
}

void arena_reset(struct arena *a)
{
	struct arena_block *keep = a->blocks; /* the newest, which is the largest */

	if (keep) {
		a->blocks = keep->next;
		keep->next = NULL;
		keep->used = 0;
	}
	arena_release(a);
	a->blocks = keep;
}

static struct arena_block *grow(struct arena *a, size_t n)
{
	size_t cap = a->blocks ? a->blocks->cap * 2 : FIRST_BLOCK;
	struct arena_block *b;

	if (cap > MOST_BLOCK)
		cap = MOST_BLOCK;
	if (cap < n)
		cap = n;
	b = n > SIZE_MAX / 2 ? NULL : malloc(sizeof(*b) + cap);
	if (!b) {
		a->bad = true;
		return NULL;
	}
	b->next = a->blocks;
	b->cap = cap;
	b->used = 0;
	a->blocks = b;
	return b;
}

/* n bytes at a multiple of `align`, which is a power of two. */
static void *take(struct arena *a, size_t n, size_t align)
{
	struct arena_block *b = a->blocks;
	size_t at = b ? (b->used + align - 1) & ~(align - 1) : 0;

	if (a->bad)
		return NULL;
	if (!b || at > b->cap || n > b->cap - at) {
		b = grow(a, n);
		at = 0;
	}
	if (!b)
		return NULL;
	b->used = at + n;
	a->used += n;
	return b->bytes + at;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p = take(a, n, alignof(max_align_t));

	return p ? memset(p, 0, n) : NULL;
}

char *arena_copy(struct arena *a, const char *text)
{
	return text ? arena_copy_n(a, text, strlen(text)) : NULL;
}

char *arena_copy_n(struct arena *a, const char *text, size_t n)
{
	char *p = take(a, n + 1, 1);

	if (!p)
		return NULL;
	memcpy(p, text, n);
	p[n] = 0;
	return p;
}

char *arena_join(struct arena *a, const char *first, ...)
{
	const char *parts[JOIN_MOST];
	size_t lens[JOIN_MOST], n = 0, len = 0;
	va_list ap;
	char *p, *to;

	va_start(ap, first);
	for (const char *s = first; s && n < JOIN_MOST; s = va_arg(ap, const char *)) {
		parts[n] = s;
		lens[n] = strlen(s);
		len += lens[n++];
	}
	va_end(ap);
	p = to = take(a, len + 1, 1);
	if (!p)
		return NULL;
	for (size_t i = 0; i < n; to += lens[i++])
		memcpy(to, parts[i], lens[i]);
	*to = 0;
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	struct arena_block *b = a->blocks;
	size_t room = b && !a->bad ? b->cap - b->used : 0;
	char *here = room ? b->bytes + b->used : NULL, *p;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(here, room, fmt, ap);
	va_end(ap);
	p = n < 0 ? NULL : take(a, (size_t)n + 1, 1);
	if (!p || p == here) /* it fitted, and is there */
		return p;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}
