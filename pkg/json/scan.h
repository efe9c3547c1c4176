/* SPDX-License-Identifier: Apache-2.0 */
/* scan: the text of strings, eight bytes at once; inside pkg/json only. */
#ifndef LB_JSON_SCAN_H
#define LB_JSON_SCAN_H

#include <endian.h>
#include <string.h>

#include "pkg/base/base.h"

/* The bytes that are plain at the start of the eight: neither a control character, a quote, a backslash
 * nor beyond ASCII. */
static inline unsigned scan_plain(const char *eight)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
	uint64_t bytes, quotes, slashes, special;

	memcpy(&bytes, eight, sizeof(bytes));
	bytes = le64toh(bytes);
	quotes = bytes ^ (ones * '"');
	slashes = bytes ^ (ones * '\\');
	/* A borrow may make bytes look special, but only after one that is. */
	special = ((bytes - ones * 0x20) | (quotes - ones) | (slashes - ones) | bytes) & tops;
	return special ? (unsigned)__builtin_ctzll(special) / 8 : 8;
}

#endif
