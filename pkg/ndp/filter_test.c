/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/ndp/ndp.h"
#include "tests/bpf.h"

static const struct mac mac = { { 2, 0, 0, 0, 0, 1 } };

static struct in6_addr ip(uint32_t prefix, uint32_t low)
{
	struct in6_addr a = { .s6_addr = { 0x20, 1, 0x0d, 0xb8 } };

	prefix = htonl(prefix);
	low = htonl(low);
	memcpy(&a.s6_addr[4], &prefix, 4);
	memcpy(&a.s6_addr[12], &low, 4);
	return a;
}

static struct packet_filter make(const struct in6_addr *set, size_t n, unsigned match, size_t max)
{
	struct packet_filter f;
	struct err e = ERR_INIT;

	assert_int_equal(ndp_filter_make(&f, set, n, match, max, &e), 0);
	assert_kernel_would_take(&f, max);
	return f;
}

static bool passes_frame(const struct packet_filter *f, const struct ndp_frame *frame, uint8_t type)
{
	uint8_t bytes[NDP_FRAME_MAX];
	size_t len = ndp_frame_encode(frame, bytes);
	uint32_t result = run(f, bytes, len, type).result;

	assert_true(result == 0 || result >= len);
	return result != 0;
}

static bool passes(const struct packet_filter *f, struct in6_addr target)
{
	struct in6_addr source = ip(0, 1);
	struct ndp_frame frame = ndp_solicit(&mac, &source, &target);

	return passes_frame(f, &frame, PACKET_MULTICAST);
}

static void one_network_passes_exactly_its_set(void **state)
{
	struct in6_addr set[300];
	struct packet_filter f;

	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(set); i++)
		set[i] = ip(7, 0x1000 + i * (1 + i % 3));
	f = make(set, ARRAY_LEN(set), NDP_MATCH_ASKED, PACKET_FILTER_MAX);
	assert_true(f.exact);
	for (uint32_t low = 0xff0; low < 0x1400; low++) {
		bool in = false;

		for (uint32_t i = 0; i < ARRAY_LEN(set); i++)
			in |= low == 0x1000 + i * (1 + i % 3);
		assert_int_equal(passes(&f, ip(7, low)), in);
		assert_false(passes(&f, ip(8, low)));
	}
	packet_filter_release(&f);
}

static void a_few_networks_are_told_apart_and_many_are_not(void **state)
{
	struct in6_addr set[20];
	struct packet_filter f;

	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(set); i++)
		set[i] = ip(i, i);
	f = make(set, 16, NDP_MATCH_ASKED, PACKET_FILTER_MAX);
	assert_false(f.exact);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(passes(&f, set[i]), i < 16);
	assert_false(passes(&f, ip(16, 3)));
	packet_filter_release(&f);
	f = make(set, 20, NDP_MATCH_ASKED, PACKET_FILTER_MAX);
	for (uint32_t i = 0; i < 20; i++)
		assert_true(passes(&f, set[i]));
	assert_true(passes(&f, ip(99, 3)));
	assert_false(passes(&f, ip(99, 20)));
	packet_filter_release(&f);
	f = make(set, 16, NDP_MATCH_ASKED, 100); /* no room for prefixes */
	for (uint32_t i = 0; i < 16; i++)
		assert_true(passes(&f, set[i]));
	packet_filter_release(&f);
}

static void scattered_sets_are_widened_never_cut(void **state)
{
	enum { N = 6000 };
	struct in6_addr *set = malloc(N * sizeof(*set));
	struct packet_filter f;
	static const size_t rooms[] = { 64, 65, 90, 128, 512, PACKET_FILTER_MAX };

	(void)state;
	for (uint32_t i = 0; i < N; i++)
		set[i] = ip(0, i * 2654435761U);
	for (size_t r = 0; r < ARRAY_LEN(rooms); r++) {
		f = make(set, N, NDP_MATCH_ASKED | NDP_MATCH_CLAIMS, rooms[r]);
		assert_false(f.exact);
		for (uint32_t i = 0; i < N; i += 7)
			assert_true(passes(&f, set[i]));
		packet_filter_release(&f);
	}
	free(set);
}

static void only_ndp_of_this_link_passes(void **state)
{
	struct in6_addr target = ip(0, 0x10), source = ip(0, 1);
	struct ndp_frame asks = ndp_solicit(&mac, &source, &target);
	struct ndp_frame claims = ndp_unsolicited(&mac, &target);
	struct packet_filter f = make(&target, 1, NDP_MATCH_ASKED, PACKET_FILTER_MAX);
	uint8_t bytes[NDP_FRAME_MAX];
	size_t len = ndp_frame_encode(&asks, bytes);

	(void)state;
	assert_true(passes_frame(&f, &asks, PACKET_HOST));
	assert_false(passes_frame(&f, &asks, PACKET_OTHERHOST));
	assert_false(passes_frame(&f, &asks, PACKET_OUTGOING));
	assert_false(passes_frame(&f, &claims, PACKET_MULTICAST));
	for (size_t n = 0; n < 78; n++)
		assert_int_equal(run(&f, bytes, n, PACKET_MULTICAST).result, 0);
	for (size_t at = 12; at < 56; at++) {
		if ((at >= 14 && at < 20) || (at >= 22 && at < 54))
			continue;
		bytes[at] ^= 1;
		assert_int_equal(run(&f, bytes, len, PACKET_MULTICAST).result, 0);
		bytes[at] ^= 1;
	}
	packet_filter_release(&f);
	f = make(&target, 1, NDP_MATCH_CLAIMS, PACKET_FILTER_MAX);
	assert_false(passes_frame(&f, &asks, PACKET_HOST));
	assert_true(passes_frame(&f, &claims, PACKET_MULTICAST));
	packet_filter_release(&f);
	f = make(&target, 1, NDP_MATCH_ASKED | NDP_MATCH_CLAIMS, PACKET_FILTER_MAX);
	assert_true(
	    passes_frame(&f, &asks, PACKET_HOST) && passes_frame(&f, &claims, PACKET_MULTICAST));
	packet_filter_release(&f);
	f = make(NULL, 0, NDP_MATCH_ASKED, PACKET_FILTER_MAX);
	assert_false(passes_frame(&f, &asks, PACKET_HOST));
	packet_filter_release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_network_passes_exactly_its_set),
		cmocka_unit_test(a_few_networks_are_told_apart_and_many_are_not),
		cmocka_unit_test(scattered_sets_are_widened_never_cut),
		cmocka_unit_test(only_ndp_of_this_link_passes),
	};

	return cmocka_run_group_tests_name("ndp filter", tests, NULL, NULL);
}
