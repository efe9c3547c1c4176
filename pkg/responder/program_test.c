/* SPDX-License-Identifier: Apache-2.0 */
/* Each frame by itself: what is answered, with which bytes, and what is left alone. */
#include "pkg/responder/program_test.h"

static int set_up(void **state)
{
	*state = bench_new(&node);
	return 0;
}

static int tear_down(void **state)
{
	bench_free(*state);
	return 0;
}

static void assert_answer(
    const struct bench *b, const uint8_t *frame, size_t len, const uint8_t *want, size_t want_len)
{
	struct outcome o = offer(b, frame, len);

	assert_int_equal(o.result, REDIRECTED);
	assert_int_equal(o.len, want_len);
	assert_memory_equal(o.bytes, want, want_len);
}

static void assert_left(const struct bench *b, const uint8_t *frame, size_t len, const char *what)
{
	if (offer(b, frame, len).result != PROGRAM_PASS)
		fail_msg("answered: %s", what);
}

/* A byte that differs from the plain question. */
struct bend {
	size_t at;
	uint8_t to;
	const char *what;
};

static void request_is_answered_as_the_process_would(void **state)
{
	struct arp_frame asked, answer;
	struct err e = ERR_INIT;
	uint8_t want[ARP_FRAME_LEN];

	assert_int_equal(arp_frame_decode(&asked, request, sizeof(request), &e), 0);
	answer = arp_reply(&asked.packet, &node);
	arp_frame_encode(&answer, want);
	assert_memory_equal(want, reply, sizeof(reply));
	assert_answer(*state, request, sizeof(request), reply, sizeof(reply));
}

static void unicast_request_is_answered(void **state)
{
	uint8_t frame[sizeof(request)];

	memcpy(frame, request, sizeof(frame));
	memcpy(frame, &node, MAC_LEN);
	memcpy(frame + 32, &node, MAC_LEN); /* as arping and Linux do when they know it */
	assert_answer(*state, frame, sizeof(frame), reply, sizeof(reply));
}

static void padding_does_not_go_back(void **state)
{
	static const size_t sizes[] = { 43, 46, 60, 64, 1514 };
	uint8_t frame[1514];

	memset(frame, 0xa5, sizeof(frame));
	memcpy(frame, request, sizeof(request));
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		assert_answer(*state, frame, sizes[i], reply, sizeof(reply));
}

static void solicitation_is_answered_as_the_process_would(void **state)
{
	struct ndp_frame asked, answer;
	struct err e = ERR_INIT;
	uint8_t want[NDP_FRAME_MAX];

	assert_int_equal(ndp_frame_decode(&asked, solicitation, sizeof(solicitation), &e), 0);
	answer = ndp_answer(&asked, &node);
	assert_int_equal(ndp_frame_encode(&answer, want), sizeof(advertisement));
	assert_memory_equal(want, advertisement, sizeof(advertisement));
	assert_answer(*state, solicitation, sizeof(solicitation), advertisement, sizeof(advertisement));
}

/* Neighbor Unreachability Detection asks the one host. */
static void unicast_solicitation_is_answered(void **state)
{
	uint8_t frame[sizeof(solicitation)];

	memcpy(frame, solicitation, sizeof(frame));
	memcpy(frame, &node, MAC_LEN);
	memcpy(frame + 38, solicitation + 62, 16);
	set_checksum(frame, sizeof(frame));
	assert_answer(*state, frame, sizeof(frame), advertisement, sizeof(advertisement));
}

static void what_receivers_must_ignore_is_0_in_the_answer(void **state)
{
	static const struct bend bends[] = {
		{ 14, 0x6f, "traffic class" },
		{ 15, 0xff, "traffic class and flow label" },
		{ 17, 0x5a, "flow label" },
		{ 58, 0xff, "reserved" },
		{ 61, 0x01, "reserved" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bends); i++) {
		uint8_t frame[sizeof(solicitation)];

		memcpy(frame, solicitation, sizeof(frame));
		frame[bends[i].at] = bends[i].to;
		set_checksum(frame, sizeof(frame));
		assert_answer(*state, frame, sizeof(frame), advertisement, sizeof(advertisement));
	}
}

/* Both are the sum 0 of ones' complement; 0xffff doesn't mean that there is none, as in UDP. */
static void checksums_at_their_ends_are_as_the_process_would(void **state)
{
	uint8_t frame[sizeof(solicitation)], want[NDP_FRAME_MAX];
	struct ndp_frame asked, answer;
	struct err e = ERR_INIT;
	int found = 0;

	memcpy(frame, solicitation, sizeof(frame));
	for (unsigned i = 0; i < 65536; i++) {
		memcpy(frame + 36, &(uint16_t){ htons((uint16_t)i) }, 2);
		set_checksum(frame, sizeof(frame));
		assert_int_equal(ndp_frame_decode(&asked, frame, sizeof(frame), &e), 0);
		answer = ndp_answer(&asked, &node);
		ndp_frame_encode(&answer, want);
		if ((want[56] || want[57]) && (frame[56] || frame[57]))
			continue;
		found++;
		assert_answer(*state, frame, sizeof(frame), want, sizeof(advertisement));
		if (!frame[56] && !frame[57]) {
			frame[56] = frame[57] = 0xff;
			assert_int_equal(ndp_frame_decode(&asked, frame, sizeof(frame), &e), 0);
			assert_answer(*state, frame, sizeof(frame), want, sizeof(advertisement));
		}
	}
	assert_int_equal(found, 2);
}

static void addresses_are_answered_only_where_they_are_added(void **state)
{
	struct bench *b = *state;
	struct responder_key v4 = key_of("::ffff:192.0.2.10", LINK), v6 = key_of("2001:db8::10", LINK);

	assert_int_equal(bpf_map_drop(b->link.answers, &v4), 0);
	assert_left(b, request, sizeof(request), "a dropped IPv4 address");
	assert_int_equal(bpf_map_drop(b->link.answers, &v6), 0);
	assert_left(b, solicitation, sizeof(solicitation), "a dropped IPv6 address");
	bench_add(b, "::ffff:192.0.2.10", PEER);
	bench_add(b, "2001:db8::10", PEER);
	bench_add(b, "::192.0.2.10", LINK);
	bench_add(b, "::ffff:10.2.0.192", LINK);
	assert_left(b, request, sizeof(request), "an IPv4 address of another link");
	assert_left(b, solicitation, sizeof(solicitation), "an IPv6 address of another link");
	bench_add(b, "::ffff:192.0.2.10", LINK);
	bench_add(b, "2001:db8::10", LINK);
	assert_answer(b, request, sizeof(request), reply, sizeof(reply));
	assert_answer(b, solicitation, sizeof(solicitation), advertisement, sizeof(advertisement));
}

static void answers_end_with_the_deadline(void **state)
{
	struct bench *b = *state;
	const uint64_t past[] = { 0, 1, now_ns() - 1, now_ns() };

	for (size_t i = 0; i < ARRAY_LEN(past); i++) {
		bench_until(b, past[i]);
		assert_left(b, request, sizeof(request), "after the deadline");
		assert_left(b, solicitation, sizeof(solicitation), "after the deadline");
	}
	bench_until(b, UINT64_MAX);
	assert_answer(b, request, sizeof(request), reply, sizeof(reply));
	assert_answer(b, solicitation, sizeof(solicitation), advertisement, sizeof(advertisement));
}

static void own_frames_are_left_alone(void **state)
{
	struct bench *b = *state;
	struct responder_mac key = { { 2, 0, 0, 0, 0, 0x64 } };
	const uint8_t yes = 1;

	assert_int_equal(bpf_map_set(b->link.own, &key, &yes), 0);
	assert_left(b, request, sizeof(request), "our own request");
	assert_left(b, solicitation, sizeof(solicitation), "our own solicitation");
	assert_int_equal(bpf_map_drop(b->link.own, &key), 0);
	assert_answer(b, request, sizeof(request), reply, sizeof(reply));
	assert_answer(b, solicitation, sizeof(solicitation), advertisement, sizeof(advertisement));
}

static void every_truncation_is_left_alone(void **state)
{
	for (size_t n = shortest(request); n < sizeof(request); n++)
		assert_left(*state, request, n, "a short request");
	for (size_t n = shortest(solicitation); n < sizeof(solicitation); n++)
		assert_left(*state, solicitation, n, "a short solicitation");
}

/* By the other link's MAC, or by the one that the link had before. */
static void another_hosts_mac_is_left_alone(void **state)
{
	static const struct mac before = { { 2, 0, 0, 0, 0, 10 } };
	struct bench *other = bench_new(&before);
	uint8_t frame[sizeof(request)], frame6[sizeof(solicitation)];

	memcpy(frame, request, sizeof(frame));
	memcpy(frame6, solicitation, sizeof(frame6));
	for (int i = 0; i < MAC_LEN; i++) {
		memcpy(frame, &node, MAC_LEN);
		frame[i] ^= 0x10;
		memcpy(frame6, frame, MAC_LEN);
		assert_left(*state, frame, sizeof(frame), "a request to another host");
		assert_left(*state, frame6, sizeof(frame6), "a solicitation to another host");
	}
	memcpy(frame, &node, MAC_LEN);
	memcpy(frame6, &node, MAC_LEN);
	assert_left(other, frame, sizeof(frame), "a request to the MAC of now");
	assert_left(other, frame6, sizeof(frame6), "a solicitation to the MAC of now");
	memcpy(frame, &before, MAC_LEN);
	memcpy(frame6, &before, MAC_LEN);
	assert_left(other, frame, sizeof(frame), "a request to the MAC of before");
	assert_left(other, frame6, sizeof(frame6), "a solicitation to the MAC of before");
	bench_free(other);
}

static void requests_that_are_bent_are_left_alone(void **state)
{
	static const struct bend bends[] = {
		{ 0, 0x01, "to a group" },
		{ 5, 0x00, "to another group" },
		{ 12, 0x86, "EtherType" },
		{ 13, 0x35, "RARP's EtherType" },
		{ 14, 1, "hardware type 0x101" },
		{ 15, 6, "hardware type 6" },
		{ 16, 0x86, "protocol type" },
		{ 17, 1, "protocol type" },
		{ 18, 8, "hardware addresses of 8 bytes" },
		{ 19, 16, "protocol addresses of 16 bytes" },
		{ 20, 1, "operation 0x101" },
		{ 21, 0, "operation 0" },
		{ 21, 2, "a reply" },
		{ 21, 3, "a reverse request" },
		{ 41, 11, "for another address" },
		{ 38, 193, "for another network" },
		{ 31, 10, "by the address itself" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bends); i++) {
		uint8_t frame[sizeof(request)];

		memcpy(frame, request, sizeof(frame));
		frame[bends[i].at] = bends[i].to;
		assert_left(*state, frame, sizeof(frame), bends[i].what);
	}
}

static void senders_that_do_not_fit_are_left_alone(void **state)
{
	uint8_t frame[sizeof(request)], frame6[sizeof(solicitation)];

	for (size_t i = 0; i < MAC_LEN; i++) {
		memcpy(frame, request, sizeof(frame));
		memcpy(frame6, solicitation, sizeof(frame6));
		frame[6 + i] ^= 4;
		frame6[6 + i] ^= 4;
		assert_left(*state, frame, sizeof(frame), "the frame's sender is another");
		assert_left(*state, frame6, sizeof(frame6), "the frame's sender is another");
		frame[6 + i] ^= 4;
		frame6[6 + i] ^= 4;
		frame[22 + i] ^= 4;
		frame6[80 + i] ^= 4;
		set_checksum(frame6, sizeof(frame6));
		assert_left(*state, frame, sizeof(frame), "the packet's sender is another");
		assert_left(*state, frame6, sizeof(frame6), "the option's MAC is another");
	}
	memcpy(frame, request, sizeof(frame));
	memcpy(frame6, solicitation, sizeof(frame6));
	frame[6] = frame[22] = frame6[6] = frame6[80] = 3;
	set_checksum(frame6, sizeof(frame6));
	assert_left(*state, frame, sizeof(frame), "the sender is a group");
	assert_left(*state, frame6, sizeof(frame6), "the sender is a group");
}

static void probes_and_claims_are_left_alone(void **state)
{
	uint8_t frame[sizeof(request)];

	bench_add(*state, "::ffff:192.0.2.11", LINK);
	memcpy(frame, request, sizeof(frame));
	memset(frame + 28, 0, 4);
	assert_left(*state, frame, sizeof(frame), "a probe");
	memcpy(frame + 28, frame + 38, 4);
	assert_left(*state, frame, sizeof(frame), "gratuitous");
	frame[31] = 11;
	assert_left(*state, frame, sizeof(frame), "a claim of another address of ours");
	frame[31] = 12;
	assert_int_equal(offer(*state, frame, sizeof(frame)).result, REDIRECTED);
	bench_add(*state, "::ffff:192.0.2.12", PEER); /* it may be the client's, on that link */
	assert_int_equal(offer(*state, frame, sizeof(frame)).result, REDIRECTED);
}

static void solicitations_that_are_bent_are_left_alone(void **state)
{
	static const struct bend bends[] = {
		{ 12, 0x08, "EtherType" },
		{ 14, 0x40, "IP version 4" },
		{ 14, 0x70, "IP version 7" },
		{ 18, 1, "payload of 288 bytes" },
		{ 19, 24, "payload of 24 bytes" },
		{ 19, 40, "payload of 40 bytes" },
		{ 20, 0, "hop-by-hop options" },
		{ 20, 17, "UDP" },
		{ 21, 254, "from another network" },
		{ 22, 0xff, "from a group" },
		{ 54, 133, "a router solicitation" },
		{ 54, 136, "an advertisement" },
		{ 55, 1, "code 1" },
		{ 62, 0x21, "for another network" },
		{ 77, 0x11, "for another address" },
		{ 78, 2, "the target's MAC" },
		{ 78, 14, "a nonce" },
		{ 79, 0, "an option of length 0" },
		{ 79, 2, "an option that is too long" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bends); i++) {
		uint8_t frame[sizeof(solicitation)];

		memcpy(frame, solicitation, sizeof(frame));
		frame[bends[i].at] = bends[i].to;
		set_checksum(frame, sizeof(frame));
		assert_left(*state, frame, sizeof(frame), bends[i].what);
	}
}

static void every_bit_of_the_checksum_matters(void **state)
{
	uint8_t frame[sizeof(solicitation)];

	memcpy(frame, solicitation, sizeof(frame));
	for (size_t bit = 0; bit < 16; bit++) {
		frame[56 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_left(*state, frame, sizeof(frame), "a wrong checksum");
		frame[56 + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void other_lengths_of_a_solicitation_are_left_alone(void **state)
{
	static const uint8_t nonce[8] = { 14, 1, 1, 2, 3, 4, 5, 6 };
	uint8_t frame[sizeof(solicitation) + 8] = { 0 };

	memcpy(frame, solicitation, sizeof(solicitation));
	assert_left(*state, frame, sizeof(solicitation) + 1, "one byte of padding");
	memcpy(frame + sizeof(solicitation), nonce, sizeof(nonce));
	frame[19] = 40;
	set_checksum(frame, sizeof(frame));
	assert_left(*state, frame, sizeof(frame), "a nonce");
	memcpy(frame, solicitation, sizeof(solicitation));
	frame[19] = 24;
	set_checksum(frame, 78);
	assert_left(*state, frame, 78, "no MAC");
}

static void duplicate_address_detection_is_left_alone(void **state)
{
	uint8_t frame[sizeof(solicitation)];

	memcpy(frame, solicitation, sizeof(frame));
	memset(frame + 22, 0, 16);
	set_checksum(frame, sizeof(frame));
	assert_left(*state, frame, sizeof(frame), "from ::");
	frame[37] = 1;
	set_checksum(frame, sizeof(frame));
	assert_left(*state, frame, sizeof(frame), "from ::1");
	memset(frame + 78, 0, 8);
	frame[78] = 14;
	frame[79] = 1;
	frame[37] = 0;
	set_checksum(frame, sizeof(frame));
	assert_left(*state, frame, sizeof(frame), "from :: with a nonce");
}

static void ipv4_addresses_are_not_answered_to_ndp(void **state)
{
	static const char *const targets[] = { "::ffff:192.0.2.10", "::192.0.2.10", "::10", "::" };
	uint8_t frame[sizeof(solicitation)];

	memcpy(frame, solicitation, sizeof(frame));
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		bench_add(*state, targets[i], LINK);
		inet_pton(AF_INET6, targets[i], frame + 62);
		set_checksum(frame, sizeof(frame));
		assert_left(*state, frame, sizeof(frame), targets[i]);
	}
}

static void tagged_frames_are_left_alone(void **state)
{
	static const uint8_t tag[4] = { 0x81, 0, 0, 5 };
	uint8_t frame[sizeof(solicitation) + 4];

	memcpy(frame, request, 12);
	memcpy(frame + 12, tag, 4);
	memcpy(frame + 16, request + 12, sizeof(request) - 12);
	assert_left(*state, frame, sizeof(request) + 4, "a request in a VLAN");
	memcpy(frame, solicitation, 12);
	memcpy(frame + 16, solicitation + 12, sizeof(solicitation) - 12);
	assert_left(*state, frame, sizeof(solicitation) + 4, "a solicitation in a VLAN");
}

static void answers_are_counted(void **state)
{
	const struct bench *b = *state;
	struct responder_key v4 = key_of("::ffff:192.0.2.10", LINK), v6 = key_of("2001:db8::10", LINK);
	struct bench_page page;
	const uint32_t first = 0;
	uint64_t n;

	for (int i = 0; i < 3; i++)
		assert_int_equal(offer(b, request, sizeof(request)).result, REDIRECTED);
	assert_int_equal(offer(b, solicitation, sizeof(solicitation)).result, REDIRECTED);
	assert_left(b, request, sizeof(request) - 1, "a short one");
	assert_int_equal(bpf_map_get(b->link.answers, &v4, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(bpf_map_get(b->link.answers, &v6, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(bpf_map_get(b->link.page, &first, &page), 0);
	assert_int_equal(page.answered, 4);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(request_is_answered_as_the_process_would),
		TEST(unicast_request_is_answered),
		TEST(padding_does_not_go_back),
		TEST(solicitation_is_answered_as_the_process_would),
		TEST(unicast_solicitation_is_answered),
		TEST(what_receivers_must_ignore_is_0_in_the_answer),
		TEST(checksums_at_their_ends_are_as_the_process_would),
		TEST(addresses_are_answered_only_where_they_are_added),
		TEST(answers_end_with_the_deadline),
		TEST(own_frames_are_left_alone),
		TEST(every_truncation_is_left_alone),
		TEST(another_hosts_mac_is_left_alone),
		TEST(requests_that_are_bent_are_left_alone),
		TEST(senders_that_do_not_fit_are_left_alone),
		TEST(probes_and_claims_are_left_alone),
		TEST(solicitations_that_are_bent_are_left_alone),
		TEST(every_bit_of_the_checksum_matters),
		TEST(other_lengths_of_a_solicitation_are_left_alone),
		TEST(duplicate_address_detection_is_left_alone),
		TEST(ipv4_addresses_are_not_answered_to_ndp),
		TEST(tagged_frames_are_left_alone),
		TEST(answers_are_counted),
	};

	return cmocka_run_group_tests_name("responder program", tests, enter_namespace, NULL);
}
