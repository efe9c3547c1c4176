/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/addr/addr.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

static bool is_mapped(const uint8_t bytes[static 16])
{
	static const uint8_t start[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(bytes, start, sizeof(start));
}

int addr_parse(struct addr *a, const char *text, struct err *e)
{
	struct addr got = { 0 };

	if (inet_pton(AF_INET, text, got.bytes) == 1) {
		got.family = ADDR_IPV4;
	} else if (inet_pton(AF_INET6, text, got.bytes) == 1) {
		got.family = ADDR_IPV6;
	} else {
		return err_set(e, ERR_PROTOCOL,
		    "\"%.64s\" is not an address: want IPv4 such as 192.0.2.10, "
		    "or IPv6 such as 2001:db8::10",
		    text);
	}
	if (got.family == ADDR_IPV6 && is_mapped(got.bytes)) {
		got.family = ADDR_IPV4;
		memmove(got.bytes, got.bytes + 12, 4);
		memset(got.bytes + 4, 0, 12);
	}
	*a = got;
	return 0;
}

/* The longest run of zero words, the first of equals; runs of one don't count (RFC 5952 4.2). */
static void longest_zeros(const unsigned words[static 8], size_t *at, size_t *len)
{
	*at = 8;
	*len = 1;
	for (size_t i = 0; i < 8; i++) {
		size_t n = 0;

		while (i + n < 8 && words[i + n] == 0)
			n++;
		if (n > *len) {
			*at = i;
			*len = n;
		}
		i += n;
	}
}

/* Not inet_ntop(), which shows ::102:304 as ::1.2.3.4 where Go and Kubernetes don't. */
static void format_ipv6(const uint8_t bytes[static 16], char out[static ADDR_TEXT_LEN])
{
	unsigned words[8];
	size_t at, len, n = 0;

	for (size_t i = 0; i < 8; i++)
		words[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
	longest_zeros(words, &at, &len);
	out[0] = '\0';
	for (size_t i = 0; i < 8; i++) {
		if (i == at) {
			n += (size_t)snprintf(out + n, ADDR_TEXT_LEN - n, "::");
			i += len - 1;
			continue;
		}
		n += (size_t)snprintf(
		    out + n, ADDR_TEXT_LEN - n, "%s%x", i && i != at + len ? ":" : "", words[i]);
	}
}

static char *put_decimal(char *to, uint8_t v)
{
	if (v >= 100)
		*to++ = (char)('0' + v / 100);
	if (v >= 10)
		*to++ = (char)('0' + v / 10 % 10);
	*to++ = (char)('0' + v % 10);
	return to;
}

static void format_ipv4(const uint8_t bytes[static 4], char out[static ADDR_TEXT_LEN])
{
	for (size_t i = 0; i < 4; i++) {
		out = put_decimal(out, bytes[i]);
		*out++ = i < 3 ? '.' : '\0';
	}
}

const char *addr_format(const struct addr *a, char out[static ADDR_TEXT_LEN])
{
	if (a->family == ADDR_IPV4)
		format_ipv4(a->bytes, out);
	else if (a->family == ADDR_IPV6)
		format_ipv6(a->bytes, out);
	else
		snprintf(out, ADDR_TEXT_LEN, "none");
	return out;
}

struct addr addr_from_in(struct in_addr in)
{
	struct addr a = { .family = ADDR_IPV4 };

	memcpy(a.bytes, &in, sizeof(in));
	return a;
}

struct addr addr_from_in6(const struct in6_addr *in6)
{
	struct addr a = { .family = ADDR_IPV6 };

	memcpy(a.bytes, in6, sizeof(*in6));
	return a;
}

struct in_addr addr_to_in(const struct addr *a)
{
	struct in_addr in;

	memcpy(&in, a->bytes, sizeof(in));
	return in;
}

struct in6_addr addr_to_in6(const struct addr *a)
{
	struct in6_addr in6;

	memcpy(&in6, a->bytes, sizeof(in6));
	return in6;
}

struct in6_addr addr_map(struct in_addr in)
{
	struct in6_addr ip = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	memcpy(&ip.s6_addr[12], &in, sizeof(in));
	return ip;
}

struct in6_addr addr_to_mapped(const struct addr *a)
{
	return a->family == ADDR_IPV4 ? addr_map(addr_to_in(a)) : addr_to_in6(a);
}

struct in_addr addr_unmap(const struct in6_addr *ip)
{
	struct in_addr in;

	memcpy(&in, &ip->s6_addr[12], sizeof(in));
	return in;
}

struct addr addr_from_mapped(const struct in6_addr *ip)
{
	return IN6_IS_ADDR_V4MAPPED(ip) ? addr_from_in(addr_unmap(ip)) : addr_from_in6(ip);
}

size_t addr_len(const struct addr *a)
{
	return a->family == ADDR_IPV4 ? 4 : a->family == ADDR_IPV6 ? 16 : 0;
}

const char *addr_family_name(uint8_t family)
{
	return family == ADDR_IPV4 ? "IPv4" : family == ADDR_IPV6 ? "IPv6" : "none";
}

enum addr_kind addr_kind(const struct addr *a)
{
	const struct in6_addr ip = addr_to_in6(a);
	const uint8_t first = a->bytes[0];
	const bool ipv4 = a->family == ADDR_IPV4;

	if (IN6_IS_ADDR_UNSPECIFIED(&ip))
		return ADDR_UNSPECIFIED;
	if (ipv4 ? first == 127 : IN6_IS_ADDR_LOOPBACK(&ip))
		return ADDR_LOOPBACK;
	if (ipv4 && addr_to_in(a).s_addr == INADDR_BROADCAST)
		return ADDR_BROADCAST;
	return (ipv4 ? first >> 4 == 14 : first == 0xff) ? ADDR_MULTICAST : ADDR_UNICAST;
}

const char *addr_is_no_hosts(const struct addr *a)
{
	static const char *const words[] = {
		[ADDR_UNICAST] = NULL,
		[ADDR_UNSPECIFIED] = "unspecified",
		[ADDR_LOOPBACK] = "a loopback address",
		[ADDR_BROADCAST] = "the broadcast address",
		[ADDR_MULTICAST] = "a multicast group",
	};

	return words[addr_kind(a)];
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	for (size_t i = 0; i < sizeof(a->bytes); i += sizeof(uint64_t)) {
		uint64_t l, r;

		memcpy(&l, a->bytes + i, sizeof(l));
		memcpy(&r, b->bytes + i, sizeof(r));
		if (l != r)
			return be64toh(l) < be64toh(r) ? -1 : 1;
	}
	return 0;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_compare(a, b) == 0;
}

bool addr_next(struct addr *a)
{
	struct addr next = *a;

	for (size_t i = addr_len(a); i-- > 0;) {
		if (++next.bytes[i] != 0) {
			*a = next;
			return true;
		}
	}
	return false;
}

bool addr_prev(struct addr *a)
{
	struct addr prev = *a;

	for (size_t i = addr_len(a); i-- > 0;) {
		if (prev.bytes[i]-- != 0) {
			*a = prev;
			return true;
		}
	}
	return false;
}
