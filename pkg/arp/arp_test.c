/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/arp/arp.h"

#include "tests/unit.h"

static const struct mac mac_a = { { 2, 0, 0, 0, 0, 1 } };

/* clang-format off */
/* who-has 192.0.2.10 tell 192.0.2.1, from 02:00:00:00:00:01, padded as it comes off a wire */
static const uint8_t request[60] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6,
	0, 1, 8, 0, 6, 4, 0, 1,
	2, 0, 0, 0, 0, 1, 192, 0, 2, 1,
	0, 0, 0, 0, 0, 0, 192, 0, 2, 10,
};
/* clang-format on */

static struct in_addr ip(uint32_t host_order)
{
	return (struct in_addr){ htonl(host_order) };
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t n = 0; n < ARP_FRAME_LEN; n++) {
		uint8_t *exact = malloc(n + 1);
		struct arp_frame f = { .packet.op = 99 };
		struct err e = ERR_INIT;

		memcpy(exact, request, n);
		assert_true(arp_frame_decode(&f, exact, n, &e) < 0 && e.kind == ERR_PROTOCOL);
		assert_true(strstr(e.text, "too short") || strstr(e.text, "shorter"));
		assert_int_equal(f.packet.op, 99); /* an output is written only on success */
		free(exact);
	}
}

static void every_byte_of_the_types_matters(void **state)
{
	(void)state;
	for (size_t i = 12; i < 22; i++) {
		uint8_t bent[sizeof(request)];
		struct arp_frame f;
		struct err e = ERR_INIT;

		memcpy(bent, request, sizeof(bent));
		bent[i] ^= 0x40;
		assert_true(arp_frame_decode(&f, bent, sizeof(bent), &e) < 0 && e.kind == ERR_PROTOCOL);
		assert_true(e.text[0] && !strstr(e.text, "short"));
	}
}

static void foreign_operations_are_named(void **state)
{
	(void)state;
	uint8_t bent[sizeof(request)];
	struct arp_packet p;
	struct err e = ERR_INIT;

	memcpy(bent, request, sizeof(bent));
	for (unsigned op = 0; op < 30; op++) {
		bent[21] = (uint8_t)op;
		if (op == 1 || op == 2)
			continue;
		assert_int_equal(arp_decode(&p, bent + 14, ARP_PACKET_LEN, &e), -1);
	}
	assert_string_equal(e.text, "ARP operation 29, want 1 (request) or 2 (reply)");
}

static void decode_then_encode_is_identity(void **state)
{
	(void)state;
	struct arp_frame f;
	struct err e = ERR_INIT;
	uint8_t out[ARP_FRAME_LEN], packet[ARP_PACKET_LEN];

	assert_int_equal(arp_frame_decode(&f, request, sizeof(request), &e), 0);
	assert_int_equal(f.packet.op, ARP_REQUEST);
	assert_int_equal(ntohl(f.packet.sender_ip.s_addr), 0xc0000201);
	assert_int_equal(ntohl(f.packet.target_ip.s_addr), 0xc000020a);
	assert_memory_equal(&f.from, &mac_a, MAC_LEN);
	arp_frame_encode(&f, out);
	assert_memory_equal(out, request, sizeof(out));
	arp_encode(&f.packet, packet);
	assert_memory_equal(packet, request + 14, sizeof(packet));
}

static void request_is_the_captured_one(void **state)
{
	(void)state;
	struct arp_frame f = arp_request(&mac_a, ip(0xc0000201), ip(0xc000020a));
	uint8_t out[ARP_FRAME_LEN];

	arp_frame_encode(&f, out);
	assert_memory_equal(out, request, sizeof(out));
}

static void reply_goes_to_whoever_asked(void **state)
{
	(void)state;
	/* clang-format off */
	static const uint8_t want[] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 6,
		0, 1, 8, 0, 6, 4, 0, 2,
		2, 0, 0, 0, 0, 9, 192, 0, 2, 10,
		2, 0, 0, 0, 0, 1, 192, 0, 2, 1,
	};
	/* clang-format on */
	const struct mac mine = { { 2, 0, 0, 0, 0, 9 } };
	struct arp_frame asked, answer;
	struct err e = ERR_INIT;
	uint8_t out[ARP_FRAME_LEN];

	assert_int_equal(arp_frame_decode(&asked, request, sizeof(request), &e), 0);
	answer = arp_reply(&asked.packet, &mine);
	arp_frame_encode(&answer, out);
	assert_memory_equal(out, want, sizeof(want));
}

static void gratuitous_is_as_metallb_sends_it(void **state)
{
	(void)state;
	/* clang-format off */
	static const uint8_t want[] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6,
		0, 1, 8, 0, 6, 4, 0, 2,
		2, 0, 0, 0, 0, 1, 192, 0, 2, 10,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 192, 0, 2, 10,
	};
	/* clang-format on */
	struct arp_frame f = arp_gratuitous(ARP_REPLY, &mac_a, ip(0xc000020a));
	uint8_t out[ARP_FRAME_LEN];

	arp_frame_encode(&f, out);
	assert_memory_equal(out, want, sizeof(want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_byte_of_the_types_matters),
		cmocka_unit_test(foreign_operations_are_named),
		cmocka_unit_test(decode_then_encode_is_identity),
		cmocka_unit_test(request_is_the_captured_one),
		cmocka_unit_test(reply_goes_to_whoever_asked),
		cmocka_unit_test(gratuitous_is_as_metallb_sends_it),
	};

	return cmocka_run_group_tests_name("arp", tests, NULL, NULL);
}
