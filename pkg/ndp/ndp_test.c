/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/ndp/ndp.h"

#include "tests/unit.h"

/* clang-format off */
/* 2001:db8::64 (02:00:00:00:00:64) asks for 2001:db8::10, as Linux does */
static const uint8_t solicitation[86] = {
	0x33, 0x33, 0xff, 0, 0, 0x10, 2, 0, 0, 0, 0, 0x64, 0x86, 0xdd,
	0x60, 0, 0, 0, 0, 32, 58, 255,
	0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x64,
	0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0x10,
	135, 0, 0x1b, 0x45, 0, 0, 0, 0,
	0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	1, 1, 2, 0, 0, 0, 0, 0x64,
};
/* duplicate address detection for the same address, with a nonce (RFC 7527) */
static const uint8_t detection[86] = {
	0x33, 0x33, 0xff, 0, 0, 0x10, 2, 0, 0, 0, 0, 0x64, 0x86, 0xdd,
	0x60, 0, 0, 0, 0, 32, 58, 255,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0x10,
	135, 0, 0x35, 0xba, 0, 0, 0, 0,
	0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	14, 1, 1, 2, 3, 4, 5, 6,
};
/* what 02:00:00:00:00:01 answers to the one, and to the other (then without Solicited) */
static const uint8_t answer[86] = {
	2, 0, 0, 0, 0, 0x64, 2, 0, 0, 0, 0, 1, 0x86, 0xdd,
	0x60, 0, 0, 0, 0, 32, 58, 255,
	0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x64,
	136, 0, 0x89, 0xf3, 0x60, 0, 0, 0,
	0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	2, 1, 2, 0, 0, 0, 0, 1,
};
static const uint8_t defence[86] = {
	0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0x86, 0xdd,
	0x60, 0, 0, 0, 0, 32, 58, 255,
	0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	136, 0, 0xf9, 0x0c, 0x20, 0, 0, 0,
	0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	2, 1, 2, 0, 0, 0, 0, 1,
};
/* clang-format on */

enum { HOPS = 21, SOURCE = 22, DESTINATION = 38, ICMP = 54, TARGET = 62, OPTION = 78 };

static const struct mac node = { { 2, 0, 0, 0, 0, 1 } }, client = { { 2, 0, 0, 0, 0, 0x64 } };

static struct ndp_frame decode(const uint8_t *bytes, size_t len)
{
	struct err e = ERR_INIT;
	struct ndp_frame f;

	if (ndp_frame_decode(&f, bytes, len, &e) < 0)
		fail_msg("%s", e.text);
	return f;
}

static void set_checksum(uint8_t *frame, size_t len)
{
	uint32_t s = (uint32_t)(len - ICMP) + 58;

	frame[ICMP + 2] = frame[ICMP + 3] = 0;
	for (size_t i = SOURCE; i < len; i += 2)
		s += (uint32_t)(frame[i] << 8 | frame[i + 1]);
	s = (s & 0xffff) + (s >> 16);
	s = ~((s & 0xffff) + (s >> 16));
	frame[ICMP + 2] = (uint8_t)(s >> 8);
	frame[ICMP + 3] = (uint8_t)s;
}

/* The frame with one byte changed is refused with those words. */
static void assert_refused(const uint8_t *good, size_t at, uint8_t value, bool correct, const char *why)
{
	struct ndp_frame f = { .type = 99 };
	struct err e = ERR_INIT;
	uint8_t bent[86];

	memcpy(bent, good, sizeof(bent));
	bent[at] = value;
	if (correct)
		set_checksum(bent, sizeof(bent));
	assert_true(ndp_frame_decode(&f, bent, sizeof(bent), &e) < 0 && e.kind == ERR_PROTOCOL);
	if (!strstr(e.text, why))
		fail_msg("\"%s\", want \"%s\"", e.text, why);
	assert_int_equal(f.type, 99); /* an output is written only on success */
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(solicitation); n++) {
		uint8_t *exact = malloc(n + 1);
		struct ndp_frame f;
		struct err e = ERR_INIT;

		memcpy(exact, solicitation, n);
		assert_true(ndp_frame_decode(&f, exact, n, &e) < 0 && e.kind == ERR_PROTOCOL);
		free(exact);
	}
}

static void a_shorter_packet_with_a_right_checksum_is_refused(void **state)
{
	(void)state;
	for (size_t n = ICMP; n < sizeof(solicitation); n++) {
		struct ndp_frame f;
		struct err e = ERR_INIT;
		uint8_t cut[86 + 1];
		bool whole = n == OPTION; /* without the option it is complete */

		memcpy(cut, solicitation, sizeof(solicitation));
		cut[n] = 0; /* an odd one is summed with a zero */
		cut[19] = (uint8_t)(n - ICMP);
		if (n % 2 == 0 && n >= ICMP + 4)
			set_checksum(cut, n);
		assert_int_equal(ndp_frame_decode(&f, cut, n, &e), whole ? 0 : -1);
	}
}

static void a_solicitation_is_read(void **state)
{
	struct ndp_frame f = decode(solicitation, sizeof(solicitation));

	(void)state;
	assert_int_equal(f.type, NDP_SOLICITATION);
	assert_true(f.has_mac && !f.has_nonce && mac_equal(&f.mac, &client));
	assert_memory_equal(&f.source, solicitation + SOURCE, 16);
	assert_memory_equal(&f.target, solicitation + TARGET, 16);
	f = decode(detection, sizeof(detection));
	assert_true(!f.has_mac && f.has_nonce && f.nonce[5] == 6);
}

static void what_is_not_from_this_link_is_refused(void **state)
{
	(void)state;
	assert_refused(solicitation, HOPS, 254, false, "hop limit 254");
	assert_refused(solicitation, ICMP + 2, 0x4f, false, "checksum");
	assert_refused(solicitation, TARGET + 15, 0x11, false, "checksum");
	assert_refused(solicitation, SOURCE, 0xff, true, "from a multicast");
	assert_refused(solicitation, TARGET, 0xff, true, "about a multicast");
	assert_refused(solicitation, ICMP, 133, true, "type 133");
	assert_refused(solicitation, ICMP + 1, 1, true, "code 1");
	assert_refused(solicitation, 14, 0x45, false, "version 4");
	assert_refused(solicitation, 20, 44, false, "next header 44");
	assert_refused(solicitation, 13, 0xdc, false, "EtherType");
}

static void options_are_bounded(void **state)
{
	uint8_t two[94];
	struct ndp_frame f;
	struct err e = ERR_INIT;

	(void)state;
	assert_refused(solicitation, OPTION + 1, 0, true, "option 1 of length 0");
	assert_refused(solicitation, OPTION + 1, 2, true, "option 1 of length 2");
	assert_refused(solicitation, OPTION + 1, 255, true, "option 1 of length 255");
	memcpy(two, solicitation, sizeof(solicitation));
	memcpy(two + 86, two + OPTION, 8);
	two[19] = 40;
	two[OPTION] = 99; /* unknown, then ours */
	set_checksum(two, sizeof(two));
	f = decode(two, sizeof(two));
	assert_true(f.has_mac && mac_equal(&f.mac, &client));
	two[OPTION] = 1;
	two[OPTION + 7] = 0x65; /* twice: the first counts */
	set_checksum(two, sizeof(two));
	f = decode(two, sizeof(two));
	assert_int_equal(f.mac.bytes[5], 0x65);
	two[OPTION + 1] = 2; /* an address of 14 bytes */
	set_checksum(two, sizeof(two));
	assert_true(ndp_frame_decode(&f, two, sizeof(two), &e) < 0 && strstr(e.text, "14 bytes"));
}

static void detection_that_names_a_mac_or_another_group_is_refused(void **state)
{
	(void)state;
	assert_refused(detection, OPTION, 1, true, "from :: with a link-layer");
	assert_refused(detection, DESTINATION + 12, 0, true, "not to a solicited-node group");
	assert_refused(defence, ICMP + 4, 0x60, true, "says it was solicited");
}

static void answers_are_an_owners(void **state)
{
	struct ndp_frame asked = decode(solicitation, sizeof(solicitation)), f;
	uint8_t out[NDP_FRAME_MAX];

	(void)state;
	f = ndp_answer(&asked, &node);
	assert_int_equal(ndp_frame_encode(&f, out), sizeof(answer));
	assert_memory_equal(out, answer, sizeof(answer));
	asked.has_mac = false; /* as a unicast NUD probe may be: back to the frame's sender */
	f = ndp_answer(&asked, &node);
	assert_memory_equal(&f.to, &client, MAC_LEN);
	asked = decode(detection, sizeof(detection));
	f = ndp_answer(&asked, &node);
	assert_int_equal(ndp_frame_encode(&f, out), sizeof(defence));
	assert_memory_equal(out, defence, sizeof(defence));
	f = ndp_unsolicited(&node, &asked.target);
	assert_int_equal(ndp_frame_encode(&f, out), sizeof(defence));
	assert_memory_equal(out, defence, sizeof(defence));
}

static void questions_are_as_captured(void **state)
{
	struct ndp_frame asked = decode(solicitation, sizeof(solicitation)), f;
	const struct in6_addr nobody = IN6ADDR_ANY_INIT;
	uint8_t out[NDP_FRAME_MAX];

	(void)state;
	f = ndp_solicit(&client, &asked.source, &asked.target);
	assert_int_equal(ndp_frame_encode(&f, out), sizeof(solicitation));
	assert_memory_equal(out, solicitation, sizeof(solicitation));
	f = ndp_solicit(&client, &nobody, &asked.target);
	f.has_nonce = true;
	memcpy(f.nonce, detection + OPTION + 2, NDP_NONCE_LEN);
	assert_int_equal(ndp_frame_encode(&f, out), sizeof(detection));
	assert_memory_equal(out, detection, sizeof(detection));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(a_shorter_packet_with_a_right_checksum_is_refused),
		cmocka_unit_test(a_solicitation_is_read),
		cmocka_unit_test(what_is_not_from_this_link_is_refused),
		cmocka_unit_test(options_are_bounded),
		cmocka_unit_test(detection_that_names_a_mac_or_another_group_is_refused),
		cmocka_unit_test(answers_are_an_owners),
		cmocka_unit_test(questions_are_as_captured),
	};

	return cmocka_run_group_tests_name("ndp", tests, NULL, NULL);
}
