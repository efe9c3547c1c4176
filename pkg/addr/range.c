/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "pkg/addr/addr.h"

static bool is_blank(char c)
{
	return c && strchr(" \t\n\v\f\r", c);
}

const char *addr_trim(const char *text, size_t *n)
{
	for (; *n && is_blank(*text); text++)
		--*n;
	while (*n && is_blank(text[*n - 1]))
		--*n;
	return text;
}

/* One end of "first-last", blanks around it dropped. */
static int parse_end(struct addr *a, const char *text, size_t n, struct err *e)
{
	char copy[ADDR_TEXT_LEN];

	text = addr_trim(text, &n);
	if (n >= sizeof(copy))
		return err_set(e, ERR_PROTOCOL, "\"%.*s...\" is too long for an address", 40, text);
	memcpy(copy, text, n);
	copy[n] = '\0';
	return addr_parse(a, copy, e);
}

static int parse_ends(struct range *r, const char *text, const char *dash, struct err *e)
{
	char first[ADDR_TEXT_LEN], last[ADDR_TEXT_LEN];
	struct err why = ERR_INIT;
	struct range got;

	if (parse_end(&got.first, text, (size_t)(dash - text), &why) < 0 ||
	    parse_end(&got.last, dash + 1, strlen(dash + 1), &why) < 0)
		return err_set(e, ERR_PROTOCOL, "\"%.96s\" is not a range: %s", text, why.text);
	if (got.first.family != got.last.family)
		return err_set(e, ERR_PROTOCOL,
		    "\"%.96s\" is not a range: %s is %s but %s is %s; both ends must be of one family",
		    text, addr_format(&got.first, first), addr_family_name(got.first.family),
		    addr_format(&got.last, last), addr_family_name(got.last.family));
	if (addr_compare(&got.first, &got.last) > 0)
		return err_set(e, ERR_PROTOCOL,
		    "\"%.96s\" is not a range: its start %s is after its end %s; swap them", text,
		    addr_format(&got.first, first), addr_format(&got.last, last));
	*r = got;
	return 0;
}

int range_parse(struct range *r, const char *text, struct err *e)
{
	const char *dash = strchr(text, '-'), *slash = strchr(text, '/');
	struct err ignored = ERR_INIT; /* only asks whether it is an address */
	char shown[ADDR_TEXT_LEN];
	struct prefix p;
	struct addr a;

	if (dash && !(slash && dash == slash + 1)) /* a length may be given a sign */
		return parse_ends(r, text, dash, e);
	if (!slash && addr_parse(&a, text, &ignored) == 0)
		return err_set(e, ERR_PROTOCOL,
		    "\"%.64s\" is one address where a range is wanted; write it as %s/%zu", text,
		    addr_format(&a, shown), 8 * addr_len(&a));
	if (!slash)
		return err_set(e, ERR_PROTOCOL,
		    "\"%.64s\" is neither a prefix such as 192.0.2.0/24 nor a range such as "
		    "192.0.2.10-192.0.2.20",
		    text);
	if (prefix_parse(&p, text, e) < 0)
		return -1;
	*r = prefix_range(&p);
	return 0;
}

const char *range_format(const struct range *r, char out[static RANGE_TEXT_LEN])
{
	char first[ADDR_TEXT_LEN], last[ADDR_TEXT_LEN];

	snprintf(
	    out, RANGE_TEXT_LEN, "%s-%s", addr_format(&r->first, first), addr_format(&r->last, last));
	return out;
}

bool range_contains(const struct range *r, const struct addr *a)
{
	return a->family == r->first.family && addr_compare(&r->first, a) <= 0 &&
	       addr_compare(a, &r->last) <= 0;
}

bool range_overlaps(const struct range *a, const struct range *b)
{
	return a->first.family == b->first.family && addr_compare(&a->first, &b->last) <= 0 &&
	       addr_compare(&b->first, &a->last) <= 0;
}

uint64_t range_size(const struct range *r)
{
	uint8_t diff[16] = { 0 }; /* last - first */
	uint64_t n = 0;
	int borrow = 0;

	for (size_t i = addr_len(&r->first); i-- > 0;) {
		int d = r->last.bytes[i] - r->first.bytes[i] - borrow;

		borrow = d < 0;
		diff[i] = (uint8_t)d;
	}
	for (size_t i = 0; i < addr_len(&r->first); i++) {
		if (n >> 55) /* the next byte would pass 2^63 - 1 */
			return INT64_MAX;
		n = n << 8 | diff[i];
	}
	return n < INT64_MAX ? n + 1 : INT64_MAX;
}

/* Whether bit i, counted from the first, is set. */
static bool bit(const struct addr *a, unsigned i)
{
	return a->bytes[i / 8] >> (7 - i % 8) & 1;
}

void range_prefixes(const struct range *r, bool (*each)(const struct prefix *p, void *arg), void *arg)
{
	struct prefix p = { .addr = r->first };
	struct range covered;

	do {
		p.len = (uint8_t)(8 * addr_len(&p.addr));
		covered = prefix_range(&p);
		/* Grow while it stays aligned and inside. */
		while (p.len > 0 && !bit(&p.addr, p.len - 1U)) {
			struct prefix wider = { .addr = p.addr, .len = (uint8_t)(p.len - 1) };
			struct range wide = prefix_range(&wider);

			if (addr_compare(&wide.last, &r->last) > 0)
				break;
			p = wider;
			covered = wide;
		}
		if (!each(&p, arg) || addr_equal(&covered.last, &r->last))
			return;
		p.addr = covered.last;
	} while (addr_next(&p.addr));
}
