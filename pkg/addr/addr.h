/* SPDX-License-Identifier: Apache-2.0 */
/* addr: IPv4 and IPv6 addresses, prefixes, ranges and MAC addresses, as values and as text.
 *
 * Bytes are in network order.  Text out is canonical: dotted decimal for IPv4, RFC 5952
 * for IPv6.  Text in is what Kubernetes and MetalLB accept (no leading zeros, no zone).
 * An IPv4-mapped IPv6 address (::ffff:192.0.2.1) reads as the IPv4 address, as in Go. */
#ifndef LB_ADDR_H
#define LB_ADDR_H

#include <netinet/in.h>

#include "pkg/err/err.h"

enum {
	ADDR_TEXT_LEN = INET6_ADDRSTRLEN, /* fits any address and its NUL */
	PREFIX_TEXT_LEN = INET6_ADDRSTRLEN + 4,
	RANGE_TEXT_LEN = 2 * INET6_ADDRSTRLEN + 1,
	MAC_LEN = 6,
	MAC_TEXT_LEN = 18,
};

enum addr_family { ADDR_NONE = 0, ADDR_IPV4 = 4, ADDR_IPV6 = 6 };

struct addr {
	uint8_t family;    /* enum addr_family; ADDR_NONE: no address */
	uint8_t bytes[16]; /* IPv4 in the first four, the rest zero */
};

/* The address of `prefix` has its host bits cleared. */
struct prefix {
	struct addr addr;
	uint8_t len; /* bits */
};

/* first..last, both included, of one family, first <= last. */
struct range {
	struct addr first;
	struct addr last;
};

struct mac {
	uint8_t bytes[MAC_LEN];
};

int addr_parse(struct addr *a, const char *text, struct err *e) MUST_CHECK;
const char *addr_format(const struct addr *a, char out[static ADDR_TEXT_LEN]); /* returns out */
struct addr addr_from_in(struct in_addr in);
struct addr addr_from_in6(const struct in6_addr *in6);
struct in_addr addr_to_in(const struct addr *a); /* of an IPv4 address */
struct in6_addr addr_to_in6(const struct addr *a);
/* IPv4 as one of IPv6, ::ffff:192.0.2.10 (RFC 4291 section 2.5.5.2); IPv6 as it is. */
struct in6_addr addr_to_mapped(const struct addr *a);
struct addr addr_from_mapped(const struct in6_addr *ip);
struct in6_addr addr_map(struct in_addr in);
struct in_addr addr_unmap(const struct in6_addr *ip);
size_t addr_len(const struct addr *a);        /* 4, 16, or 0 for ADDR_NONE */
const char *addr_family_name(uint8_t family); /* "IPv4", "IPv6", as in Service.spec.ipFamilies */

enum addr_kind { ADDR_UNICAST, ADDR_UNSPECIFIED, ADDR_LOOPBACK, ADDR_BROADCAST, ADDR_MULTICAST };
enum addr_kind addr_kind(const struct addr *a);
/* What the address is that no host on a link can have: "unspecified", "a loopback address", "the
 * broadcast address", "a multicast group"; NULL: a host can. */
const char *addr_is_no_hosts(const struct addr *a);

/* IPv4 before IPv6, then by value: a total order, for sorting and searching. */
int addr_compare(const struct addr *a, const struct addr *b);
bool addr_equal(const struct addr *a, const struct addr *b);

/* The next or previous address by value; false, and *a untouched, at the end of the family. */
bool addr_next(struct addr *a);
bool addr_prev(struct addr *a);

/* "192.0.2.0/24"; host bits are masked off, as MetalLB does. */
int prefix_parse(struct prefix *p, const char *text, struct err *e) MUST_CHECK;
const char *prefix_format(const struct prefix *p, char out[static PREFIX_TEXT_LEN]);
bool prefix_contains(const struct prefix *p, const struct addr *a);
struct range prefix_range(const struct prefix *p);

/* The part of the first *n bytes that has no white space around it, as Go's strings.TrimSpace has it:
 * in a list or a range that does not count.  *n becomes its length. */
const char *addr_trim(const char *text, size_t *n);

/* A prefix or "first-last" (white space around its ends allowed), as in IPAddressPool.spec.addresses.
 * A lone address is refused with the remedy (write it as /32 or /128). */
int range_parse(struct range *r, const char *text, struct err *e) MUST_CHECK;
const char *range_format(const struct range *r, char out[static RANGE_TEXT_LEN]); /* "a-b" */
bool range_contains(const struct range *r, const struct addr *a);
bool range_overlaps(const struct range *a, const struct range *b);
/* How many addresses; INT64_MAX when there are more. */
uint64_t range_size(const struct range *r);
/* The smallest ascending list of prefixes that covers exactly r: calls each(), stops when it
 * returns false.  At most 254 of them. */
void range_prefixes(const struct range *r, bool (*each)(const struct prefix *p, void *arg), void *arg);

int mac_parse(struct mac *m, const char *text, struct err *e) MUST_CHECK; /* "02:00:00:00:00:01" */
const char *mac_format(const struct mac *m, char out[static MAC_TEXT_LEN]);
bool mac_equal(const struct mac *a, const struct mac *b);
int mac_compare(const void *a, const void *b); /* struct mac, for qsort() and bsearch() */

#endif
