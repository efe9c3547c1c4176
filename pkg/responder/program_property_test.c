/* SPDX-License-Identifier: Apache-2.0 */
/* Bent frames, many: a program answers exactly what the decoder of the process accepts and the rules of
 * the responder allow, with the bytes that the process would send. */
#include <dirent.h>
#include <linux/if_packet.h>

#include "pkg/responder/program_test.h"

enum { ROUNDS = 30000 };

static const struct mac own = { { 2, 0, 0, 0, 0, 0x66 } };

static int set_up(void **state)
{
	struct responder_mac key = { { 2, 0, 0, 0, 0, 0x66 } };
	struct bench *b = bench_new(&node);
	const uint8_t yes = 1;

	bench_add(b, "::ffff:192.0.2.11", LINK);
	bench_add(b, "2001:db8::11", LINK);
	bench_add(b, "2001:db8::12", PEER);
	assert_int_equal(bpf_map_set(b->link.own, &key, &yes), 0);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	bench_free(*state);
	return 0;
}

static bool may_answer(const struct mac *from, const struct mac *sender)
{
	return mac_equal(from, sender) && !(from->bytes[0] & 1) && !mac_equal(from, &own);
}

static bool is_ours(struct in_addr ip)
{
	return ip.s_addr == htonl(0xc000020a) || ip.s_addr == htonl(0xc000020b);
}

/* What must come back; 0: nothing. */
static size_t answer_to_arp(const uint8_t *frame, size_t len, uint8_t *out)
{
	struct arp_frame f, answer;
	struct err e = ERR_INIT;

	if (arp_frame_decode(&f, frame, len, &e) < 0 || f.packet.op != ARP_REQUEST)
		return 0;
	if (!mac_equal(&f.to, &node) && !mac_equal(&f.to, &arp_broadcast))
		return 0;
	if (!may_answer(&f.from, &f.packet.sender_mac) || !is_ours(f.packet.target_ip))
		return 0;
	if (!f.packet.sender_ip.s_addr || is_ours(f.packet.sender_ip))
		return 0;
	answer = arp_reply(&f.packet, &node);
	return arp_frame_encode(&answer, out);
}

static bool is_ours_ipv6(const struct in6_addr *ip)
{
	static const uint8_t rest[15] = { 0x20, 1, 0x0d, 0xb8 };

	return !memcmp(ip, rest, sizeof(rest)) && (ip->s6_addr[15] == 0x10 || ip->s6_addr[15] == 0x11);
}

static size_t answer_to_ndp(const uint8_t *frame, size_t len, uint8_t *out)
{
	static const uint8_t none[8] = { 0 };
	struct ndp_frame f, answer;
	struct err e = ERR_INIT;

	if (ndp_frame_decode(&f, frame, len, &e) < 0 || f.type != NDP_SOLICITATION)
		return 0;
	if (len != sizeof(solicitation) || frame[19] != 32 || !f.has_mac)
		return 0;
	if (!mac_equal(&f.to, &node) && !(f.to.bytes[0] & 1))
		return 0;
	if (!may_answer(&f.from, &f.mac) || !is_ours_ipv6(&f.target) || !memcmp(&f.source, none, 8))
		return 0;
	answer = ndp_answer(&f, &node);
	return ndp_frame_encode(&answer, out);
}

/* Whether it was answered. */
static bool assert_right(const struct bench *b, const uint8_t *frame, size_t len)
{
	uint8_t want[NDP_FRAME_MAX];
	size_t n = answer_to_arp(frame, len, want);
	struct outcome o;

	if (!n)
		n = answer_to_ndp(frame, len, want);
	if (len < 14 || len < shortest(frame))
		return false;
	o = offer(b, frame, len);
	assert_int_equal(o.result, n ? REDIRECTED : PROGRAM_PASS);
	if (n) {
		assert_int_equal(o.len, n);
		assert_memory_equal(o.bytes, want, n);
	}
	return n != 0;
}

static void put_mac(uint8_t *frame, size_t also, const struct mac *m)
{
	memcpy(frame + 6, m, MAC_LEN);
	memcpy(frame + also, m, MAC_LEN);
}

/* In one place, or of both MACs of the sender at once; `sender` is where the second is. */
static void bend(uint8_t *frame, size_t *len, size_t sender, uint64_t *seed)
{
	uint64_t r = splitmix64(seed);
	size_t at = (r >> 8) % *len, bit = (r >> 32) % 48;

	switch (r % 12) {
	case 0:
		frame[at] = (uint8_t)(r >> 40);
		break;
	case 1:
		*len -= (r >> 8) % (*len / 2);
		break;
	case 2:
		*len += (r >> 8) % 20;
		break;
	case 3:
		memcpy(frame, &node, MAC_LEN);
		break;
	case 4:
		memset(frame, 0xff, MAC_LEN);
		break;
	case 5:
		put_mac(frame, sender, r & 256 ? &own : &node);
		break;
	case 6:
	case 7:
		frame[6 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		frame[sender + bit / 8] ^= (uint8_t)(1 << bit % 8);
		break;
	default:
		frame[at] ^= (uint8_t)(1 << (r >> 40) % 8);
	}
}

static void check_bent(const struct bench *b, const uint8_t *good, size_t good_len, size_t sender)
{
	uint64_t seed = 1;
	int answered = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint8_t frame[FRAME_ROOM] = { 0 };
		size_t len = good_len;

		memcpy(frame, good, good_len);
		for (uint64_t n = splitmix64(&seed) % 3 + 1; n > 0; n--)
			bend(frame, &len, sender, &seed);
		if (good_len == sizeof(solicitation) && len >= 58 && splitmix64(&seed) % 8)
			set_checksum(frame, splitmix64(&seed) % 2 ? len : good_len);
		answered += assert_right(b, frame, len);
	}
	print_message("# %d of %d answered\n", answered, ROUNDS);
	assert_in_range(answered, ROUNDS / 20, ROUNDS / 2);
}

static void bent_requests_are_answered_only_if_right(void **state)
{
	check_bent(*state, request, sizeof(request), 22);
}

static void bent_solicitations_are_answered_only_if_right(void **state)
{
	check_bent(*state, solicitation, sizeof(solicitation), 80);
}

static void bytes_of_no_protocol_are_left_alone(void **state)
{
	uint8_t frame[128];
	uint64_t seed = 2;

	for (int round = 0; round < ROUNDS / 10; round++) {
		for (size_t i = 0; i < sizeof(frame); i++)
			frame[i] = (uint8_t)splitmix64(&seed);
		memcpy(frame, round & 1 ? &node : &arp_broadcast, MAC_LEN);
		memcpy(frame + 12, (round & 2 ? request : solicitation) + 12, 2);
		assert_right(*state, frame, splitmix64(&seed) % sizeof(frame));
	}
}

static size_t read_file(const char *dir, const char *name, uint8_t out[static FRAME_ROOM])
{
	char path[600];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	n = fread(out, 1, FRAME_ROOM, f);
	fclose(f);
	return n;
}

/* How many of the files were answered. */
static int replay(const struct bench *b, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int files = 0, answered = 0;

	assert_non_null(d);
	while ((entry = readdir(d))) {
		uint8_t frame[FRAME_ROOM];

		if (entry->d_name[0] == '.')
			continue;
		answered += assert_right(b, frame, read_file(dir, entry->d_name, frame));
		files++;
	}
	closedir(d);
	assert_true(files > 5);
	return answered;
}

static void corpora_are_answered_only_if_right(void **state)
{
	assert_true(replay(*state, "tests/corpus/arp") >= 2);
	assert_true(replay(*state, "tests/corpus/ndp") >= 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bent_requests_are_answered_only_if_right),
		TEST(bent_solicitations_are_answered_only_if_right),
		TEST(bytes_of_no_protocol_are_left_alone),
		TEST(corpora_are_answered_only_if_right),
	};

	return cmocka_run_group_tests_name("responder property", tests, enter_namespace, NULL);
}
