/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/arp/arp.h"
#include "tests/bpf.h"

static struct in_addr ip(uint32_t host_order)
{
	return (struct in_addr){ htonl(host_order) };
}

static struct packet_filter make(const struct in_addr *set, size_t n, unsigned match, size_t max)
{
	struct packet_filter f;
	struct err e = ERR_INIT;

	assert_int_equal(arp_filter_make(&f, set, n, match, max, &e), 0);
	assert_kernel_would_take(&f, max);
	return f;
}

static bool passes(const struct packet_filter *f, enum arp_op op, uint32_t sender, uint32_t target)
{
	const struct mac mac = { { 2, 0, 0, 0, 0, 1 } };
	struct arp_frame frame = arp_request(&mac, ip(sender), ip(target));
	uint8_t bytes[ARP_FRAME_LEN];
	uint32_t result;

	frame.packet.op = op;
	arp_frame_encode(&frame, bytes);
	result = run(f, bytes, sizeof(bytes), PACKET_BROADCAST).result;
	assert_true(result == 0 || result >= sizeof(bytes)); /* never cut short */
	return result != 0;
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 32);
}

static bool in_set(const struct in_addr *set, size_t n, uint32_t x)
{
	for (size_t i = 0; i < n; i++)
		if (ntohl(set[i].s_addr) == x)
			return true;
	return false;
}

/* Every member, both its neighbours, both ends of the address space, and strangers. */
static void assert_exactly(
    const struct packet_filter *f, const struct in_addr *set, size_t n, uint64_t *seed)
{
	assert_true(f->exact);
	for (size_t i = 0; i < n; i++) {
		uint32_t x = ntohl(set[i].s_addr);

		assert_true(passes(f, ARP_REQUEST, 0, x));
		assert_int_equal(passes(f, ARP_REQUEST, 0, x + 1), in_set(set, n, x + 1));
		assert_int_equal(passes(f, ARP_REQUEST, 0, x - 1), in_set(set, n, x - 1));
	}
	for (int i = 0; i < 200; i++) {
		uint32_t x = i == 0 ? 0 : i == 1 ? UINT32_MAX : next_random(seed);

		assert_int_equal(passes(f, ARP_REQUEST, x, x), in_set(set, n, x));
	}
}

static void random_sets_pass_exactly_themselves(void **state)
{
	(void)state;
	uint64_t seed = 1;

	for (int round = 0; round < 120; round++) {
		/* from dense (a few bits of room) to scattered over all addresses */
		uint32_t mask = UINT32_MAX >> (round % 30);
		size_t n = next_random(&seed) % (round < 100 ? 60 : 700) + 1;
		struct in_addr *set = malloc(n * sizeof(*set));
		struct packet_filter f;

		for (size_t i = 0; i < n; i++)
			set[i] = ip((0xc0000200 & ~mask) | (next_random(&seed) & mask));
		f = make(set, n, ARP_MATCH_ASKED, PACKET_FILTER_MAX);
		assert_exactly(&f, set, n, &seed);
		packet_filter_release(&f);
		free(set);
	}
}

static void edges_of_the_address_space_are_no_special_case(void **state)
{
	(void)state;
	static const uint32_t ends[] = { 0, UINT32_MAX, 0, 0x7fffffff, 0x80000000, 1, UINT32_MAX };
	struct in_addr set[ARRAY_LEN(ends)];
	uint64_t seed = 2;
	struct packet_filter f;

	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		set[i] = ip(ends[i]);
	f = make(set, ARRAY_LEN(ends), ARP_MATCH_ASKED, PACKET_FILTER_MAX);
	assert_exactly(&f, set, ARRAY_LEN(ends), &seed);
	packet_filter_release(&f);
}

static void empty_set_passes_nothing(void **state)
{
	(void)state;
	struct packet_filter f = make(NULL, 0, ARP_MATCH_ASKED, PACKET_FILTER_MAX);

	assert_int_equal(f.n, 1);
	assert_true(f.exact && !passes(&f, ARP_REQUEST, 0, 0xc0000201));
	packet_filter_release(&f);
}

static void a_pool_is_one_range(void **state)
{
	(void)state;
	struct in_addr set[4096];
	struct packet_filter f;

	for (size_t i = 0; i < ARRAY_LEN(set); i++)
		set[i] = ip(0xc6330000 + (uint32_t)(ARRAY_LEN(set) - i));
	f = make(set, ARRAY_LEN(set), ARP_MATCH_ASKED, PACKET_FILTER_MAX);
	assert_true(f.n <= 24);
	assert_true(!passes(&f, ARP_REQUEST, 0, 0xc6330000) && passes(&f, ARP_REQUEST, 0, 0xc6330001));
	assert_true(passes(&f, ARP_REQUEST, 0, 0xc6330800) && passes(&f, ARP_REQUEST, 0, 0xc6331000));
	assert_true(!passes(&f, ARP_REQUEST, 0, 0xc6331001));
	packet_filter_release(&f);
}

static void match_tells_asked_from_sender(void **state)
{
	(void)state;
	static const uint32_t IN = 0xc000020a, OUT = 0xc000020b;
	const struct in_addr set[] = { ip(IN), ip(IN + 2), ip(IN + 3) };
	struct packet_filter asked = make(set, 3, ARP_MATCH_ASKED, PACKET_FILTER_MAX);
	struct packet_filter sender = make(set, 3, ARP_MATCH_SENDER, PACKET_FILTER_MAX);
	struct packet_filter both = make(set, 3, ARP_MATCH_ASKED | ARP_MATCH_SENDER, PACKET_FILTER_MAX);

	assert_true(passes(&asked, ARP_REQUEST, OUT, IN) && !passes(&asked, ARP_REQUEST, IN, OUT));
	assert_true(!passes(&asked, ARP_REPLY, OUT, IN) && !passes(&asked, ARP_REPLY, IN, OUT));
	assert_true(!passes(&sender, ARP_REQUEST, OUT, IN) && passes(&sender, ARP_REQUEST, IN, OUT));
	assert_true(!passes(&sender, ARP_REPLY, OUT, IN) && passes(&sender, ARP_REPLY, IN, OUT));
	assert_true(passes(&both, ARP_REQUEST, OUT, IN) && passes(&both, ARP_REQUEST, IN, OUT));
	assert_true(!passes(&both, ARP_REPLY, OUT, IN) && passes(&both, ARP_REPLY, IN, OUT));
	assert_true(!passes(&both, ARP_REPLY, OUT, OUT) && !passes(&both, ARP_REQUEST, OUT, OUT));
	for (unsigned op = 3; op < 26; op++)
		assert_true(!passes(&both, (enum arp_op)op, IN, IN) &&
			    !passes(&sender, (enum arp_op)op, IN, IN));
	packet_filter_release(&asked);
	packet_filter_release(&sender);
	packet_filter_release(&both);
}

static void both_matches_hold_for_large_sets(void **state)
{
	(void)state;
	uint64_t seed = 4;
	struct in_addr set[900];
	struct packet_filter f;

	for (size_t i = 0; i < ARRAY_LEN(set); i++)
		set[i] = ip(next_random(&seed));
	f = make(set, ARRAY_LEN(set), ARP_MATCH_ASKED | ARP_MATCH_SENDER, PACKET_FILTER_MAX);
	assert_true(f.exact);
	for (size_t i = 0; i < ARRAY_LEN(set); i++) {
		uint32_t x = ntohl(set[i].s_addr);

		assert_true(passes(&f, ARP_REQUEST, 7, x) && passes(&f, ARP_REPLY, x, 7));
		assert_true(passes(&f, ARP_REQUEST, x, 7) && !passes(&f, ARP_REPLY, 7, x));
	}
	packet_filter_release(&f);
}

static void only_well_formed_arp_for_us_passes(void **state)
{
	(void)state;
	const struct in_addr set[] = { ip(0xc000020a) };
	const struct mac mac = { { 2, 0, 0, 0, 0, 1 } };
	struct packet_filter f = make(set, 1, ARP_MATCH_ASKED, PACKET_FILTER_MAX);
	struct arp_frame frame = arp_request(&mac, ip(0xc0000201), set[0]);
	uint8_t bytes[ARP_FRAME_LEN];

	arp_frame_encode(&frame, bytes);
	for (unsigned type = 0; type < 8; type++)
		assert_int_equal(run(&f, bytes, sizeof(bytes), (uint8_t)type).result != 0,
		    type == PACKET_HOST || type == PACKET_BROADCAST);
	for (size_t n = 0; n < sizeof(bytes); n++)
		assert_int_equal(run(&f, bytes, n, PACKET_HOST).result, 0);
	for (size_t i = 12; i < 22; i++) {
		bytes[i] ^= 0x40;
		assert_int_equal(run(&f, bytes, sizeof(bytes), PACKET_HOST).result, 0);
		bytes[i] ^= 0x40;
	}
	assert_int_not_equal(run(&f, bytes, sizeof(bytes), PACKET_HOST).result, 0);
	packet_filter_release(&f);
}

static void too_large_a_set_is_widened_never_cut(void **state)
{
	(void)state;
	static const size_t limits[] = { 64, 200, 1000, PACKET_FILTER_MAX };
	uint64_t seed = 5;
	struct in_addr set[5000];

	for (size_t i = 0; i < ARRAY_LEN(set); i++)
		set[i] = ip(0x0a000000 + next_random(&seed) % 0x01000000);
	for (size_t k = 0; k < ARRAY_LEN(limits); k++) {
		struct packet_filter f = make(set, ARRAY_LEN(set), ARP_MATCH_ASKED, limits[k]);
		size_t others = 0;

		assert_false(f.exact);
		for (size_t i = 0; i < ARRAY_LEN(set); i++)
			assert_true(passes(&f, ARP_REQUEST, 0, ntohl(set[i].s_addr)));
		for (int i = 0; i < 20000; i++)
			others +=
			    passes(&f, ARP_REQUEST, 0, 0x0a000000 + next_random(&seed) % 0x01000000);
		print_message(
		    "# %zu instructions: %.1f %% of the /8's strangers pass\n", f.n, others / 200.0);
		assert_true(k < 3 || others < 20000 / 5); /* with all the room, few strangers do */
		assert_true(
		    !passes(&f, ARP_REQUEST, 0, 0x09ffffff) && !passes(&f, ARP_REQUEST, 0, 0x0b000000));
		packet_filter_release(&f);
	}
}

static void equal_gaps_are_filled_only_as_needed(void **state)
{
	(void)state;
	struct in_addr set[4096]; /* every second address */
	struct packet_filter f;
	size_t strangers = 0;

	for (size_t i = 0; i < ARRAY_LEN(set); i++)
		set[i] = ip(0x0a000000 + 2 * (uint32_t)i);
	f = make(set, ARRAY_LEN(set), ARP_MATCH_ASKED, PACKET_FILTER_MAX);
	assert_false(f.exact);
	for (size_t i = 0; i < ARRAY_LEN(set); i++) {
		assert_true(passes(&f, ARP_REQUEST, 0, ntohl(set[i].s_addr)));
		strangers += passes(&f, ARP_REQUEST, 0, ntohl(set[i].s_addr) + 1);
	}
	assert_true(strangers < ARRAY_LEN(set) * 2 / 3);
	packet_filter_release(&f);
}

static void steps_grow_with_the_logarithm(void **state)
{
	(void)state;
	static const size_t sizes[] = { 1, 10, 100, 1000, 2500 };
	uint64_t seed = 6;
	struct in_addr set[2500];
	const struct mac mac = { { 2, 0, 0, 0, 0, 1 } };

	for (size_t i = 0; i < ARRAY_LEN(set); i++)
		set[i] = ip(next_random(&seed));
	for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
		struct packet_filter f = make(set, sizes[k], ARP_MATCH_ASKED, PACKET_FILTER_MAX);
		size_t most = 0;

		for (int i = 0; i < 3000; i++) {
			struct arp_frame frame = arp_request(&mac, ip(0), ip(next_random(&seed)));
			uint8_t bytes[ARP_FRAME_LEN];
			size_t steps;

			arp_frame_encode(&frame, bytes);
			steps = run(&f, bytes, sizeof(bytes), PACKET_BROADCAST).steps;
			most = steps > most ? steps : most;
		}
		print_message(
		    "# %zu addresses: %zu instructions, at most %zu steps\n", sizes[k], f.n, most);
		assert_true(f.exact && most <= 60);
		packet_filter_release(&f);
	}
}

/* So that every shape of tree comes up, near and far jumps at their limits among them. */
static void every_size_is_exact(void **state)
{
	(void)state;
	uint64_t seed = 7;
	struct in_addr set[640];

	for (size_t n = 1; n <= ARRAY_LEN(set); n++) {
		struct packet_filter f;

		set[n - 1] = ip(0x0a000000 + (uint32_t)n * 16);
		f = make(set, n, ARP_MATCH_ASKED | ARP_MATCH_SENDER, PACKET_FILTER_MAX);
		assert_true(f.exact);
		for (int i = 0; i < 40; i++) {
			uint32_t x = 0x0a000000 + next_random(&seed) % (uint32_t)(n * 16 + 32);
			bool in = x % 16 == 0 && x > 0x0a000000 && x <= 0x0a000000 + n * 16;

			assert_int_equal(passes(&f, ARP_REQUEST, 0, x), in);
			assert_int_equal(passes(&f, ARP_REPLY, x, 0), in);
			assert_true(
			    passes(&f, ARP_REQUEST, 0, ntohl(set[next_random(&seed) % n].s_addr)));
		}
		packet_filter_release(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sets_pass_exactly_themselves),
		cmocka_unit_test(edges_of_the_address_space_are_no_special_case),
		cmocka_unit_test(empty_set_passes_nothing),
		cmocka_unit_test(a_pool_is_one_range),
		cmocka_unit_test(match_tells_asked_from_sender),
		cmocka_unit_test(both_matches_hold_for_large_sets),
		cmocka_unit_test(only_well_formed_arp_for_us_passes),
		cmocka_unit_test(too_large_a_set_is_widened_never_cut),
		cmocka_unit_test(equal_gaps_are_filled_only_as_needed),
		cmocka_unit_test(every_size_is_exact),
		cmocka_unit_test(steps_grow_with_the_logarithm),
	};

	return cmocka_run_group_tests_name("arp filter", tests, NULL, NULL);
}
