/* SPDX-License-Identifier: Apache-2.0 */
/* base: the few macros every other file may assume.  Nothing here has state. */
#ifndef LB_BASE_H
#define LB_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define MUST_CHECK __attribute__((warn_unused_result))
#define SENTINEL __attribute__((sentinel))

/* Release an owned local when it leaves scope: CLEANUP(pool_freep) struct pool *p = NULL; */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Hand an owned local to the caller: `return TAKE(p);` leaves p NULL, so CLEANUP does nothing. */
#define TAKE(p)                       \
	({                            \
		__typeof__(p) t_ = p; \
		(p) = NULL;           \
		t_;                   \
	})

static inline void freep(void *p)
{
	free(*(void **)p);
}

#endif
