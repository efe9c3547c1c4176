/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "pkg/addr/addr.h"

static int digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

int mac_parse(struct mac *m, const char *text, struct err *e)
{
	bool good = strlen(text) == MAC_TEXT_LEN - 1;
	struct mac got;

	for (size_t i = 0; good && i < MAC_LEN; i++) {
		int high = digit(text[3 * i]), low = digit(text[3 * i + 1]);

		good = high >= 0 && low >= 0 && text[3 * i + 2] == (i + 1 < MAC_LEN ? ':' : '\0');
		if (good)
			got.bytes[i] = (uint8_t)(high << 4 | low);
	}
	if (!good)
		return err_set(e, ERR_PROTOCOL,
		    "\"%.64s\" is not a MAC address: want six pairs of hexadecimal digits with colons, "
		    "such as 02:00:00:00:00:01",
		    text);
	*m = got;
	return 0;
}

const char *mac_format(const struct mac *m, char out[static MAC_TEXT_LEN])
{
	const uint8_t *b = m->bytes;

	snprintf(
	    out, MAC_TEXT_LEN, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
	return out;
}

bool mac_equal(const struct mac *a, const struct mac *b)
{
	return !memcmp(a->bytes, b->bytes, MAC_LEN);
}

int mac_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct mac));
}
