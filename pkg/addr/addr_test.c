/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/addr/addr.h"

#include "tests/addr.h"

static struct range range(const char *text)
{
	struct err e = ERR_INIT;
	struct range r = { 0 };

	if (range_parse(&r, text, &e) < 0)
		fail_msg("%s", e.text);
	return r;
}

/* A small generator, so that a failure can be had again (xorshift). */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void text_is_canonical(void **state)
{
	static const char *const pairs[][2] = {
		{ "192.0.2.10", "192.0.2.10" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::FFFF:c000:0201", "192.0.2.1" },
		{ "2001:DB8:0:0:0:0:0:10", "2001:db8::10" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" }, /* one zero isn't shortened */
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },          /* the longest run */
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },    /* the first of equals */
		{ "::", "::" },
		{ "::1", "::1" },
		{ "1::", "1::" },
		{ "0:0:1::", "0:0:1::" },
		{ "::192.0.2.1", "::c000:201" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct addr a = address(pairs[i][0]);
		char text[ADDR_TEXT_LEN];

		assert_string_equal(addr_format(&a, text), pairs[i][1]);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = { "", " 192.0.2.1", "192.0.2.1 ", "192.0.2", "192.0.2.256",
		"192.0.02.1", "192.0.2.1.1", "fe80::1%eth0", "1:2:3:4:5:6:7", "1::2::3", ":",
		"12345::", "192.0.2.1/32", "0x1.2.3.4", "localhost" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct addr a = { .family = 99 };
		struct err e = ERR_INIT;

		assert_int_equal(addr_parse(&a, bad[i], &e), -1);
		assert_int_equal(e.kind, ERR_PROTOCOL);
		assert_non_null(strstr(e.text, "192.0.2.10"));
		assert_int_equal(a.family, 99); /* written on success only */
	}
}

static void what_no_host_can_have_is_told(void **state)
{
	static const struct {
		const char *text, *is;
	} are[] = { { "0.0.0.0", "unspecified" }, { "::", "unspecified" },
		{ "127.0.0.1", "a loopback address" }, { "127.255.255.255", "a loopback address" },
		{ "::1", "a loopback address" }, { "::ffff:127.0.0.1", "a loopback address" },
		{ "255.255.255.255", "the broadcast address" }, { "224.0.0.0", "a multicast group" },
		{ "239.255.255.255", "a multicast group" }, { "ff02::1", "a multicast group" },
		{ "192.0.2.10", NULL }, { "223.255.255.255", NULL }, { "240.0.0.1", NULL },
		{ "126.0.0.1", NULL }, { "128.0.0.1", NULL }, { "169.254.0.1", NULL }, { "::2", NULL },
		{ "100::", NULL }, { "2001:db8::ffff", NULL }, { "fe80::1", NULL } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(are); i++) {
		struct addr a = address(are[i].text);
		const char *is = addr_is_no_hosts(&a);

		assert_string_equal(is ? is : "", are[i].is ? are[i].is : "");
	}
}

static void order_is_ipv4_first_then_value(void **state)
{
	static const char *const rising[] = { "0.0.0.0", "192.0.2.9", "192.0.2.10", "255.255.255.255",
		"::", "::1", "2001:db8::" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rising); i++) {
		for (size_t j = 0; j < ARRAY_LEN(rising); j++) {
			struct addr a = address(rising[i]), b = address(rising[j]);
			int order = addr_compare(&a, &b);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
			assert_int_equal(addr_equal(&a, &b), i == j);
		}
	}
}

static void next_carries_and_stops_at_the_end(void **state)
{
	struct addr a = address("192.0.2.255"), want = address("192.0.3.0");
	struct addr end = address("255.255.255.255"),
		    end6 = address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	struct addr zero = address("0.0.0.0"), zero6 = address("::"), one = address("2001:db8:0:1::");
	struct addr before = address("2001:db8::ffff:ffff:ffff:ffff");

	(void)state;
	assert_true(addr_next(&a) && addr_equal(&a, &want));
	assert_true(addr_prev(&one) && addr_equal(&one, &before));
	a = end;
	assert_false(addr_next(&a));
	assert_true(addr_equal(&a, &end));
	a = end6;
	assert_false(addr_next(&a));
	assert_true(addr_equal(&a, &end6));
	a = zero;
	assert_false(addr_prev(&a));
	assert_true(addr_equal(&a, &zero));
	a = zero6;
	assert_false(addr_prev(&a));
	assert_true(addr_equal(&a, &zero6));
}

static void kernel_forms_and_back(void **state)
{
	struct addr a = address("192.0.2.1"), b = address("2001:db8::1"), back;
	struct in_addr in = addr_to_in(&a);
	struct in6_addr in6 = addr_to_in6(&b);

	(void)state;
	assert_int_equal(in.s_addr, htonl(0xc0000201));
	back = addr_from_in(in);
	assert_true(addr_equal(&a, &back));
	back = addr_from_in6(&in6);
	assert_true(addr_equal(&b, &back));
	in6 = addr_to_mapped(&a);
	assert_memory_equal(&in6, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", sizeof(in6));
	back = addr_from_mapped(&in6);
	assert_true(addr_equal(&a, &back));
	in6 = addr_to_mapped(&b);
	back = addr_from_mapped(&in6);
	assert_true(addr_equal(&b, &back));
	assert_int_equal(addr_len(&a), 4);
	assert_int_equal(addr_len(&b), 16);
	assert_string_equal(addr_family_name(a.family), "IPv4");
	assert_string_equal(addr_family_name(b.family), "IPv6");
}

static void prefix_masks_its_host_bits(void **state)
{
	static const char *const pairs[][2] = {
		{ "192.0.2.77/24", "192.0.2.0/24" },
		{ "192.0.2.77/27", "192.0.2.64/27" },
		{ "192.0.2.77/32", "192.0.2.77/32" },
		{ "192.0.2.77/0", "0.0.0.0/0" },
		{ "2001:db8::ffff/64", "2001:db8::/64" },
		{ "2001:db8::ffff/127", "2001:db8::fffe/127" },
		{ "::ffff:192.0.2.77/120", "192.0.2.0/24" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct err e = ERR_INIT;
		struct prefix p;
		char text[PREFIX_TEXT_LEN];

		assert_int_equal(prefix_parse(&p, pairs[i][0], &e), 0);
		assert_string_equal(prefix_format(&p, text), pairs[i][1]);
	}
}

static void what_is_no_prefix_is_refused(void **state)
{
	static const char *const bad[] = { "", "192.0.2.0", "192.0.2.0/", "192.0.2.0/33",
		"192.0.2.0/-1", "192.0.2.0/+4", "192.0.2.0/024", "192.0.2.0/24/8", "192.0.2.0/ 24",
		"2001:db8::/129", "/24", "pool/24", "::ffff:192.0.2.0/95",
		"192.0.2.0/99999999999999999999",
		"1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/64" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = ERR_INIT;
		struct prefix p = { .len = 99 };

		assert_int_equal(prefix_parse(&p, bad[i], &e), -1);
		assert_int_equal(e.kind, ERR_PROTOCOL);
		assert_int_equal(p.len, 99);
	}
}

static void prefix_contains_its_own(void **state)
{
	struct err e = ERR_INIT;
	struct prefix p;
	struct addr a;

	(void)state;
	assert_int_equal(prefix_parse(&p, "192.0.2.64/26", &e), 0);
	assert_true((a = address("192.0.2.64"), prefix_contains(&p, &a)));
	assert_true((a = address("192.0.2.127"), prefix_contains(&p, &a)));
	assert_false((a = address("192.0.2.63"), prefix_contains(&p, &a)));
	assert_false((a = address("192.0.2.128"), prefix_contains(&p, &a)));
	assert_int_equal(prefix_parse(&p, "0.0.0.0/0", &e), 0);
	assert_false((a = address("::"), prefix_contains(&p, &a))); /* another family */
}

static void range_reads_both_spellings(void **state)
{
	static const char *const pairs[][2] = {
		{ "192.0.2.0/24", "192.0.2.0-192.0.2.255" },
		{ "192.0.2.77/24", "192.0.2.0-192.0.2.255" },
		{ "192.0.2.10-192.0.2.20", "192.0.2.10-192.0.2.20" },
		{ " 192.0.2.10 \t-  192.0.2.20 ", "192.0.2.10-192.0.2.20" },
		{ "192.0.2.10\n-192.0.2.20\r\n", "192.0.2.10-192.0.2.20" },
		{ "192.0.2.10-192.0.2.10", "192.0.2.10-192.0.2.10" },
		{ "2001:db8::10/124", "2001:db8::10-2001:db8::1f" },
		{ "2001:DB8::1 - 2001:db8::ff", "2001:db8::1-2001:db8::ff" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct range r = range(pairs[i][0]);
		char text[RANGE_TEXT_LEN];

		assert_string_equal(range_format(&r, text), pairs[i][1]);
	}
}

static void what_is_no_range_says_what_would_be(void **state)
{
	static const char *const pairs[][2] = {
		{ "192.0.2.10", "write it as 192.0.2.10/32" },
		{ "2001:db8::1", "write it as 2001:db8::1/128" },
		{ "192.0.2.20-192.0.2.10", "its start 192.0.2.20 is after its end 192.0.2.10" },
		{ "192.0.2.1-2001:db8::1", "both ends must be of one family" },
		{ "192.0.2.1-", "is not a range" },
		{ "-", "is not a range" },
		{ "192.0.2.1-20", "\"20\" is not an address" },
		{ "192.0.2.0/24-192.0.3.0/24", "is not a range" },
		{ "addresses", "neither a prefix such as" },
		{ "192.0.2.0/40", "from 0 to 32" },
		{ "192.0.2.0/-1", "from 0 to 32, have \"-1\"" },
		{ "::ffff:192.0.2.1", "write it as 192.0.2.1/32" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct err e = ERR_INIT;
		struct range r = { .first.family = 99 };

		assert_int_equal(range_parse(&r, pairs[i][0], &e), -1);
		assert_int_equal(r.first.family, 99);
		assert_int_equal(e.kind, ERR_PROTOCOL);
		if (!strstr(e.text, pairs[i][1]))
			fail_msg("%s: %s", pairs[i][0], e.text);
	}
}

static void range_size_is_capped(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
	} cases[] = {
		{ "192.0.2.10-192.0.2.10", 1 },
		{ "192.0.2.0/24", 256 },
		{ "192.0.1.250-192.0.2.5", 12 },
		{ "0.0.0.0/0", UINT64_C(1) << 32 },
		{ "2001:db8::/66", UINT64_C(1) << 62 },
		{ "2001:db8::-2001:db8::7fff:ffff:ffff:fffd", INT64_MAX - 1 },
		{ "2001:db8::/65", INT64_MAX },
		{ "2001:db8::/64", INT64_MAX },
		{ "::/0", INT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct range r = range(cases[i].text);

		assert_true(range_size(&r) == cases[i].size);
	}
}

static void ranges_overlap_if_they_share_one(void **state)
{
	struct range a = range("192.0.2.10-192.0.2.20"), b = range("192.0.2.20-192.0.2.30");
	struct range c = range("192.0.2.21-192.0.2.30"), d = range("2001:db8::/64"),
		     e = range("0.0.0.0/0");
	struct addr in = address("192.0.2.20"), out = address("192.0.2.21"),
		    other = address("2001:db8::1");

	(void)state;
	assert_true(range_overlaps(&a, &b) && range_overlaps(&b, &a));
	assert_false(range_overlaps(&a, &c) || range_overlaps(&c, &a));
	assert_false(range_overlaps(&d, &e) || range_overlaps(&e, &d));
	assert_true(range_overlaps(&e, &a) && range_overlaps(&a, &e));
	assert_true(range_contains(&a, &in));
	assert_false(
	    range_contains(&a, &out) || range_contains(&a, &other) || range_contains(&e, &other));
}

struct cover {
	struct addr expect; /* where the next prefix must begin */
	bool ended;
	size_t n;
	char text[1024];
};

static bool cover(const struct prefix *p, void *arg)
{
	struct cover *c = arg;
	struct range r = prefix_range(p);
	char text[PREFIX_TEXT_LEN];

	assert_false(c->ended);
	assert_true(addr_equal(&r.first, &c->expect));
	c->expect = r.last;
	c->ended = !addr_next(&c->expect);
	c->n++;
	if (strlen(c->text) + 60 < sizeof(c->text)) {
		strcat(c->text, prefix_format(p, text));
		strcat(c->text, " ");
	}
	return true;
}

static void range_is_covered_exactly(const struct range *r, struct cover *c)
{
	struct addr last;

	*c = (struct cover){ .expect = r->first };
	range_prefixes(r, cover, c);
	last = c->expect; /* one past the end, unless the family ended there */
	assert_true(c->ended || addr_prev(&last));
	assert_true(addr_equal(&last, &r->last));
}

static void prefixes_of_a_range(void **state)
{
	static const char *const pairs[][2] = {
		{ "192.0.2.0/24", "192.0.2.0/24 " },
		{ "0.0.0.0/0", "0.0.0.0/0 " },
		{ "::/0", "::/0 " },
		{ "192.0.2.10-192.0.2.20", "192.0.2.10/31 192.0.2.12/30 192.0.2.16/30 192.0.2.20/32 " },
		{ "255.255.255.254-255.255.255.255", "255.255.255.254/31 " },
		{ "2001:db8::1-2001:db8::4", "2001:db8::1/128 2001:db8::2/127 2001:db8::4/128 " },
	};
	struct range worst = range("::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe");
	struct cover c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct range r = range(pairs[i][0]);

		range_is_covered_exactly(&r, &c);
		assert_string_equal(c.text, pairs[i][1]);
	}
	range_is_covered_exactly(&worst, &c);
	assert_int_equal(c.n, 254);
}

static bool first_only(const struct prefix *p, void *arg)
{
	size_t *n = arg;

	(void)p;
	++*n;
	return false;
}

static void prefixes_stop_when_told(void **state)
{
	struct range r = range("192.0.2.1-192.0.2.200");
	size_t n = 0;

	(void)state;
	range_prefixes(&r, first_only, &n);
	assert_int_equal(n, 1);
}

/* Any range reads the same after it was written, and is covered exactly by its prefixes. */
static void any_range_round_trips(void **state)
{
	uint32_t seed = 20260717;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct range r = { 0 }, again;
		char text[RANGE_TEXT_LEN];
		struct err e = ERR_INIT;
		struct cover c;

		r.first.family = i % 2 ? ADDR_IPV4 : ADDR_IPV6;
		for (size_t b = 0; b < addr_len(&r.first); b++)
			r.first.bytes[b] = (uint8_t)(next_random(&seed) >> 13);
		if (r.first.family == ADDR_IPV6)
			r.first.bytes[0] |= 0x20; /* away from the IPv4-mapped ones */
		r.last = r.first;
		for (size_t b = addr_len(&r.first) - 1 - next_random(&seed) % 4; b < addr_len(&r.first);
		     b++)
			r.last.bytes[b] = (uint8_t)(next_random(&seed) >> 13);
		if (addr_compare(&r.first, &r.last) > 0) {
			struct addr swap = r.first;

			r.first = r.last;
			r.last = swap;
		}
		assert_int_equal(range_parse(&again, range_format(&r, text), &e), 0);
		assert_true(addr_equal(&r.first, &again.first) && addr_equal(&r.last, &again.last));
		range_is_covered_exactly(&r, &c);
		assert_true(range_contains(&r, &r.first) && range_contains(&r, &r.last));
	}
}

static void mac_text_and_back(void **state)
{
	struct err e = ERR_INIT;
	struct mac m, other;
	char text[MAC_TEXT_LEN];

	(void)state;
	assert_int_equal(mac_parse(&m, "02:AB:cd:00:00:1f", &e), 0);
	assert_string_equal(mac_format(&m, text), "02:ab:cd:00:00:1f");
	assert_int_equal(mac_parse(&other, text, &e), 0);
	assert_true(mac_equal(&m, &other));
	other.bytes[5]++;
	assert_false(mac_equal(&m, &other));
}

static void what_is_no_mac_is_refused(void **state)
{
	static const char *const bad[] = { "", "02:00:00:00:00", "02:00:00:00:00:0",
		"02:00:00:00:00:001", "02:00:00:00:00:0g", "02-00-00-00-00-01", "020000000001",
		"02:00:00:00:00:01:", "2:0:0:0:0:1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = ERR_INIT;
		struct mac m = { { 9 } };

		assert_int_equal(mac_parse(&m, bad[i], &e), -1);
		assert_int_equal(e.kind, ERR_PROTOCOL);
		assert_int_equal(m.bytes[0], 9);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_canonical),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(what_no_host_can_have_is_told),
		cmocka_unit_test(order_is_ipv4_first_then_value),
		cmocka_unit_test(next_carries_and_stops_at_the_end),
		cmocka_unit_test(kernel_forms_and_back),
		cmocka_unit_test(prefix_masks_its_host_bits),
		cmocka_unit_test(what_is_no_prefix_is_refused),
		cmocka_unit_test(prefix_contains_its_own),
		cmocka_unit_test(range_reads_both_spellings),
		cmocka_unit_test(what_is_no_range_says_what_would_be),
		cmocka_unit_test(range_size_is_capped),
		cmocka_unit_test(ranges_overlap_if_they_share_one),
		cmocka_unit_test(prefixes_of_a_range),
		cmocka_unit_test(prefixes_stop_when_told),
		cmocka_unit_test(any_range_round_trips),
		cmocka_unit_test(mac_text_and_back),
		cmocka_unit_test(what_is_no_mac_is_refused),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
