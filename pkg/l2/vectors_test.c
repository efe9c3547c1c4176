/* SPDX-License-Identifier: Apache-2.0 */
/* The conformance vectors of tests/vectors: frames in, the answer or silence out. */
#include "pkg/json/json.h"
#include "pkg/l2/l2_test.h"

static size_t from_hex(const char *text, uint8_t *out, size_t max)
{
	size_t n = strlen(text) / 2;

	assert_true(n <= max);
	for (size_t i = 0; i < n; i++) {
		unsigned byte;

		assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
	return n;
}

static struct json *read_vectors(const char *path)
{
	static char text[1 << 18];
	FILE *f = fopen(path, "r");
	struct err e = ERR_INIT;
	struct json *j;
	size_t n;

	if (!f)
		fail_msg("%s is not there: run this from the top of the tree", path);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	assert_true(n < sizeof(text));
	j = json_parse(text, n, &e);
	assert_non_null(j);
	return j;
}

/* The answer's length, or 0 with why there is none. */
static size_t answer(
    struct l2 *l, const uint8_t *bytes, size_t len, uint8_t *out, char *why, size_t size)
{
	struct arp_message arp = { .ifindex = ETH0 }, arp_reply;
	struct ndp_message ndp = { .ifindex = ETH0 }, ndp_reply;
	bool ipv6 = len >= 14 && bytes[12] == 0x86;
	enum l2_outcome o;
	struct err e = ERR_INIT;
	int got = ipv6 ? ndp_frame_decode(&ndp.frame, bytes, len, &e)
		       : arp_frame_decode(&arp.frame, bytes, len, &e);

	if (got < 0) {
		snprintf(why, size, "%s", e.text);
		return 0;
	}
	o = ipv6 ? l2_receive_ndp(l, &ndp, 0, &ndp_reply) : l2_receive_arp(l, &arp, 0, &arp_reply);
	snprintf(why, size, "%s", l2_outcome_text(o));
	if (o != L2_ANSWERED)
		return 0;
	if (ipv6)
		return ndp_frame_encode(&ndp_reply.frame, out);
	arp_frame_encode(&arp_reply.frame, out);
	return ARP_FRAME_LEN;
}

static void check_vector(struct l2 *l, const struct json *v)
{
	const char *name = json_string(json_get(v, "name"));
	const char *reply = json_string(json_get(v, "reply"));
	const char *want = json_string(json_get(v, "why"));
	uint8_t bytes[2048], *exact, out[NDP_FRAME_MAX], wanted[NDP_FRAME_MAX];
	size_t len = from_hex(json_string(json_get(v, "request")), bytes, sizeof(bytes)), n;
	char why[512];

	exact = malloc(len); /* so that a byte too many is seen */
	assert_non_null(exact);
	memcpy(exact, bytes, len);
	n = answer(l, exact, len, out, why, sizeof(why));
	free(exact);
	if (!reply) {
		/* the reasons of the decoder are its own words; the engine's are those of the vectors
		 */
		if (n || (strncmp(want, "not ", 4) == 0 && strcmp(why, want) != 0))
			fail_msg("%s: want silence (%s), have %s", name, want, why);
		return;
	}
	if (n != from_hex(reply, wanted, sizeof(wanted)) || memcmp(out, wanted, n) != 0)
		fail_msg("%s: want %s, have another answer or %s", name, reply, why);
}

static void check_file(const char *path, size_t least)
{
	struct json *j = read_vectors(path);
	const struct json *vectors = json_get(j, "vectors");
	struct netlink_link eth0 = link_up(ETH0, "eth0", 1);
	struct l2 *l = engine(&(struct l2_options){ .grace_ms = 1000 });

	set_links(l, &eth0, 1, 0);
	announce(l, "default/web", json_string(json_item(json_get(j, "addresses"), 0)), "", 0);
	assert_true(json_count(vectors) >= least);
	for (size_t i = 0; i < json_count(vectors); i++)
		check_vector(l, json_item(vectors, i));
	l2_free(l);
	json_free(j);
}

static void arp_is_as_the_vectors_have_it(void **state)
{
	(void)state;
	check_file("tests/vectors/arp.json", 50);
}

static void ndp_is_as_the_vectors_have_it(void **state)
{
	(void)state;
	check_file("tests/vectors/ndp.json", 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arp_is_as_the_vectors_have_it),
		cmocka_unit_test(ndp_is_as_the_vectors_have_it),
	};

	return cmocka_run_group_tests_name("l2 vectors", tests, NULL, NULL);
}
