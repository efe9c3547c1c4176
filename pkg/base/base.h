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

/* FNV-1a, 64 bits: the same in every run and on every machine.  Begin with FNV_BEGIN. */
#define FNV_BEGIN UINT64_C(0xcbf29ce484222325)

static inline uint64_t fnv(uint64_t h, const void *bytes, size_t n)
{
	const unsigned char *b = bytes;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* Of several things one after the other: each has its end. */
static inline uint64_t fnv_end(uint64_t h)
{
	return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

/* SplitMix64: small, and good enough for jitter and for bits that nobody has seen yet. */
static inline uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

#endif
