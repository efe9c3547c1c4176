/* SPDX-License-Identifier: Apache-2.0 */
/* What reads as an address, prefix, range or MAC is written, read again, and must be the same. */
#include <assert.h>
#include <string.h>

#include "pkg/addr/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count(const struct prefix *p, void *arg)
{
	size_t *n = arg;

	assert(p->len <= 8 * addr_len(&p->addr));
	return ++*n < 1000;
}

static void range(const char *text)
{
	struct err e = ERR_INIT;
	char out[RANGE_TEXT_LEN];
	struct range r, again;
	size_t n = 0;

	if (range_parse(&r, text, &e) < 0)
		return;
	assert(addr_compare(&r.first, &r.last) <= 0 && range_size(&r) > 0);
	range_prefixes(&r, count, &n);
	assert(n >= 1 && n <= 254);
	/* A prefix such as ::/80 ends inside the IPv4-mapped addresses, which
	 * read as IPv4. */
	if (range_parse(&again, range_format(&r, out), &e) == 0 && again.first.family == r.first.family)
		assert(addr_equal(&r.first, &again.first) && addr_equal(&r.last, &again.last));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[256], out[PREFIX_TEXT_LEN];
	struct err e = ERR_INIT;
	struct addr a, a2;
	struct prefix p, p2;
	struct mac m, m2;

	if (size >= sizeof(text))
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (addr_parse(&a, text, &e) == 0) {
		assert(addr_parse(&a2, addr_format(&a, out), &e) == 0);
		assert(addr_equal(&a, &a2));
	}
	if (prefix_parse(&p, text, &e) == 0) {
		assert(prefix_parse(&p2, prefix_format(&p, out), &e) == 0);
		assert(p.len == p2.len && addr_equal(&p.addr, &p2.addr));
	}
	if (mac_parse(&m, text, &e) == 0) {
		assert(mac_parse(&m2, mac_format(&m, out), &e) == 0);
		assert(mac_equal(&m, &m2));
	}
	range(text);
	return 0;
}
