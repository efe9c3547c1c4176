/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/bfd/bfd.h"

#include "tests/unit.h"

/* clang-format off */
/* RFC 5880 4.1, by hand: version 1, diagnostic 3; Down, Poll; Detect Mult 3; 24 bytes. */
static const uint8_t plain[BFD_HEADER_LEN] = {
	0x23, 0x60, 3, 24,
	0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0,
	0x00, 0x0f, 0x42, 0x40, /* 1,000,000 */
	0x00, 0x01, 0x86, 0xa0, /* 100,000 */
	0, 0, 0, 0,
};
/* The same, Up, with Meticulous Keyed SHA1 (4.4): type 5, 28 bytes, key 1, sequence 7.  The digest
 * is that of sha1sum(1) over the packet with "s3cret" and 14 zeros in its place. */
static const uint8_t signed_up[BFD_PACKET_MAX] = {
	0x20, 0xc4, 3, 52,
	0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	0x00, 0x01, 0x86, 0xa0, 0x00, 0x01, 0x86, 0xa0, 0, 0, 0, 0,
	5, 28, 1, 0, 0, 0, 0, 7,
	0x03, 0x29, 0x7e, 0x36, 0xdb, 0x53, 0x2c, 0x6d, 0x91, 0x16,
	0xc9, 0x27, 0x29, 0xa9, 0x9d, 0xc9, 0x2f, 0xb9, 0x7a, 0x82,
};
/* clang-format on */

static struct bfd_key key_of(const char *secret)
{
	struct bfd_key k;
	struct err e = ERR_INIT;

	assert_int_equal(bfd_key_make(&k, secret, strlen(secret), &e), 0);
	return k;
}

static void fields_are_where_the_rfc_has_them(void **state)
{
	(void)state;
	struct bfd_packet p;
	struct err e = ERR_INIT;
	uint8_t out[BFD_PACKET_MAX];

	assert_int_equal(bfd_decode(&p, plain, sizeof(plain), NULL, &e), 0);
	assert_int_equal(p.diag, BFD_DIAG_NEIGHBOR_DOWN);
	assert_int_equal(p.state, BFD_DOWN);
	assert_true(p.poll && !p.final && !p.demand && !p.control_plane_independent);
	assert_int_equal(p.multiplier, 3);
	assert_int_equal(p.my_discriminator, 0x11223344);
	assert_int_equal(p.your_discriminator, 0);
	assert_int_equal(p.desired_min_tx_us, 1000000);
	assert_int_equal(p.required_min_rx_us, 100000);
	assert_int_equal(p.required_min_echo_rx_us, 0);
	assert_int_equal(bfd_encode(&p, NULL, out), sizeof(plain));
	assert_memory_equal(out, plain, sizeof(plain));
}

static void a_signed_packet_is_the_literal_one(void **state)
{
	(void)state;
	struct bfd_key key = key_of("s3cret");
	struct bfd_packet p;
	struct err e = ERR_INIT;
	uint8_t out[BFD_PACKET_MAX];

	assert_int_equal(bfd_decode(&p, signed_up, sizeof(signed_up), &key, &e), 0);
	assert_int_equal(p.state, BFD_UP);
	assert_int_equal(p.sequence, 7);
	assert_int_equal(bfd_encode(&p, &key, out), sizeof(signed_up));
	assert_memory_equal(out, signed_up, sizeof(signed_up));
}

static void every_bit_of_a_signed_packet_matters(void **state)
{
	(void)state;
	struct bfd_key key = key_of("s3cret");

	for (size_t bit = 0; bit < 8 * sizeof(signed_up); bit++) {
		uint8_t bent[sizeof(signed_up)];
		struct bfd_packet p = { .multiplier = 99 };
		struct err e = ERR_INIT;

		memcpy(bent, signed_up, sizeof(bent));
		bent[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(bfd_decode(&p, bent, sizeof(bent), &key, &e), -1);
		assert_int_equal(e.kind, ERR_PROTOCOL);
		assert_int_equal(p.multiplier, 99); /* an output is written only on success */
	}
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	struct bfd_key key = key_of("s3cret");

	for (size_t n = 0; n < sizeof(signed_up); n++) {
		uint8_t *exact = malloc(n + 1);
		struct bfd_packet p;
		struct err e = ERR_INIT;

		memcpy(exact, signed_up, n);
		assert_int_equal(bfd_decode(&p, exact, n, &key, &e), -1);
		assert_int_equal(e.kind, ERR_PROTOCOL);
		free(exact);
	}
}

static const char *refusal(const uint8_t *packet, size_t len, const struct bfd_key *key)
{
	static struct err e;
	struct bfd_packet p;

	e = (struct err)ERR_INIT;
	assert_int_equal(bfd_decode(&p, packet, len, key, &e), -1);
	assert_int_equal(e.kind, ERR_PROTOCOL);
	return e.text;
}

/* plain, with the byte `at` replaced */
static const char *bent_refusal(size_t at, uint8_t value)
{
	uint8_t bent[sizeof(plain)];

	memcpy(bent, plain, sizeof(bent));
	bent[at] = value;
	return refusal(bent, sizeof(bent), NULL);
}

static void what_the_rfc_discards_is_named(void **state)
{
	(void)state;
	uint8_t no_discriminator[sizeof(plain)];

	memcpy(no_discriminator, plain, sizeof(plain));
	memset(no_discriminator + 4, 0, 4);
	assert_string_equal(bent_refusal(0, 0x03), "BFD of version 0, want 1");
	assert_string_equal(bent_refusal(0, 0x43), "BFD of version 2, want 1");
	assert_string_equal(bent_refusal(1, 0x61), "the Multipoint bit is set");
	assert_string_equal(bent_refusal(2, 0), "Detect Mult is 0");
	assert_string_equal(bent_refusal(3, 23),
	    "BFD packet of 24 bytes with the length 23, want at least 24 and no more than there are");
	assert_string_equal(bent_refusal(3, 25),
	    "BFD packet of 24 bytes with the length 25, want at least 24 and no more than there are");
	assert_string_equal(bent_refusal(1, 0xc0), "Your Discriminator is 0 in state Up");
	assert_string_equal(bent_refusal(1, 0x80), "Your Discriminator is 0 in state Init");
	assert_string_equal(refusal(no_discriminator, sizeof(plain), NULL), "My Discriminator is 0");
}

static void secrets_must_be_the_same(void **state)
{
	(void)state;
	struct bfd_key ours = key_of("s3cret"), theirs = key_of("s3cres");

	assert_string_equal(refusal(signed_up, sizeof(signed_up), &theirs),
	    "it was signed with another secret, or altered");
	assert_string_equal(
	    refusal(signed_up, sizeof(signed_up), NULL), "it is authenticated, and we have no secret");
	assert_string_equal(
	    refusal(plain, sizeof(plain), &ours), "it is not authenticated, and we have a secret");
}

static void a_long_secret_is_hashed_and_none_is_refused(void **state)
{
	(void)state;
	/* 22 characters, as MetalLB's controller makes them; the key as sha1sum(1) has it */
	struct bfd_key k = key_of("AAECAwQFBgcICQoLDA0ODw");
	static const uint8_t want[BFD_KEY_LEN] = { 0xd8, 0x6c, 0xa2, 0x3f, 0x85, 0x0c, 0xdd, 0x51, 0xec,
		0xc1, 0xc2, 0x5b, 0xcf, 0x8d, 0x14, 0xfd, 0x5e, 0x81, 0x6e, 0xf7 };
	struct bfd_key twenty = key_of("abcdefghijklmnopqrst");
	struct err e = ERR_INIT;

	assert_memory_equal(k.bytes, want, sizeof(want));
	assert_memory_equal(twenty.bytes, "abcdefghijklmnopqrst", BFD_KEY_LEN);
	assert_int_equal(bfd_key_make(&k, "", 0, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
}

static void bytes_after_the_packet_are_ignored(void **state)
{
	(void)state;
	uint8_t padded[60] = { 0 };
	struct bfd_packet p;
	struct err e = ERR_INIT;

	memcpy(padded, plain, sizeof(plain));
	assert_int_equal(bfd_decode(&p, padded, sizeof(padded), NULL, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_where_the_rfc_has_them),
		cmocka_unit_test(a_signed_packet_is_the_literal_one),
		cmocka_unit_test(every_bit_of_a_signed_packet_matters),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(what_the_rfc_discards_is_named),
		cmocka_unit_test(secrets_must_be_the_same),
		cmocka_unit_test(a_long_secret_is_hashed_and_none_is_refused),
		cmocka_unit_test(bytes_after_the_packet_are_ignored),
	};

	return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
