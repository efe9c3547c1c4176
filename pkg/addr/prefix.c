/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "pkg/addr/addr.h"

/* Clears, or sets, the bits of a after the first `len`. */
static void fill_host(struct addr *a, unsigned len, bool ones)
{
	for (size_t i = 0; i < addr_len(a); i++) {
		unsigned kept = len > 8 * i ? len - 8 * (unsigned)i : 0; /* bits of this byte */
		uint8_t host = kept >= 8 ? 0 : (uint8_t)(0xff >> kept);

		a->bytes[i] = ones ? a->bytes[i] | host : a->bytes[i] & (uint8_t)~host;
	}
}

/* Decimal without sign or leading zeros, at most 128; or -1. */
static int parse_len(const char *text)
{
	int n = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		n = 10 * n + (*text - '0');
		if (n > 128)
			return -1;
	}
	return n;
}

int prefix_parse(struct prefix *p, const char *text, struct err *e)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : 0;
	char address[ADDR_TEXT_LEN];
	struct err why = ERR_INIT;
	struct prefix got;
	int len, max;

	if (!slash || n >= sizeof(address))
		return err_set(e, ERR_PROTOCOL,
		    "\"%.64s\" is not a prefix: want an address, a slash and a length, "
		    "such as 192.0.2.0/24",
		    text);
	memcpy(address, text, n);
	address[n] = '\0';
	if (addr_parse(&got.addr, address, &why) < 0)
		return err_set(e, ERR_PROTOCOL, "\"%.64s\" is not a prefix: %s", text, why.text);
	len = parse_len(slash + 1);
	max = 8 * (int)addr_len(&got.addr);
	if (got.addr.family == ADDR_IPV4 && strchr(address, ':')) { /* ::ffff:192.0.2.0/120 */
		if (len >= 0 && len < 96)
			return err_set(e, ERR_PROTOCOL,
			    "\"%.64s\" is not a prefix: an IPv4 address written as IPv6 wants a length "
			    "from 96 to 128",
			    text);
		len = len < 0 ? len : len - 96;
	}
	if (len < 0 || len > max)
		return err_set(e, ERR_PROTOCOL,
		    "\"%.64s\" is not a prefix: after the slash want a length from 0 to %d, have "
		    "\"%.32s\"",
		    text, max, slash + 1);
	got.len = (uint8_t)len;
	fill_host(&got.addr, got.len, false);
	*p = got;
	return 0;
}

const char *prefix_format(const struct prefix *p, char out[static PREFIX_TEXT_LEN])
{
	char address[ADDR_TEXT_LEN];

	snprintf(out, PREFIX_TEXT_LEN, "%s/%u", addr_format(&p->addr, address), p->len);
	return out;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	struct addr network = *a;

	fill_host(&network, p->len, false);
	return addr_equal(&network, &p->addr);
}

struct range prefix_range(const struct prefix *p)
{
	struct range r = { .first = p->addr, .last = p->addr };

	fill_host(&r.last, p->len, true);
	return r;
}
