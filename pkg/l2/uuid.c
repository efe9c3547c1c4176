/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/l2/engine.h"

static const char digits[] = "0123456789abcdef";

static bool has_dash(size_t byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

static int digit(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

bool uuid_pack(uint8_t out[static UUID_LEN], const char *text)
{
	for (size_t i = 0; i < UUID_LEN; i++) {
		int high, low;

		if (has_dash(i) && *text++ != '-')
			return false;
		high = digit(text[0]);
		low = high < 0 ? -1 : digit(text[1]);
		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return !*text;
}

const char *uuid_text(const uint8_t uuid[static UUID_LEN], char out[static UUID_TEXT_LEN])
{
	char *to = out;

	for (size_t i = 0; i < UUID_LEN; i++) {
		if (has_dash(i))
			*to++ = '-';
		*to++ = digits[uuid[i] >> 4];
		*to++ = digits[uuid[i] & 15];
	}
	*to = 0;
	return out;
}
