/* SPDX-License-Identifier: Apache-2.0 */
/* arena: many small pieces of memory with one life.
 *
 * For what is decoded together and freed together: one configuration, one object.
 * Failing is sticky as in buf: after it every call returns NULL and `bad` is set. */
#ifndef LB_ARENA_H
#define LB_ARENA_H

#include "pkg/base/base.h"

struct arena_block;

struct arena {
	struct arena_block *blocks;
	size_t used; /* bytes handed out */
	bool bad;
};

#define ARENA_INIT \
	{          \
		0  \
	}

void arena_release(struct arena *a); /* frees all; the arena is as after ARENA_INIT */
void arena_reset(struct arena *a);   /* empties, keeps some memory for what comes, clears bad */

/* Zeroed, aligned for anything, valid until arena_release(). */
void *arena_alloc(struct arena *a, size_t n);
char *arena_copy(struct arena *a, const char *text);             /* NULL for NULL */
char *arena_copy_n(struct arena *a, const char *text, size_t n); /* adds the NUL */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
/* At most eight texts in a row, then NULL: for what is made by the thousand. */
char *arena_join(struct arena *a, const char *first, ...) SENTINEL;

#endif
