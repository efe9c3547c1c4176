/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked and answered by NDP. */
#include "pkg/probe/probe_test.h"

static struct probe_message ndp_message(struct ndp_frame f)
{
	return (struct probe_message){ .ifindex = IFINDEX, .family = ADDR_IPV6, .ndp = f };
}

static struct ndp_frame solicitation(const struct mac *from, struct addr source, uint8_t target)
{
	struct addr t = ip6(target);
	struct in6_addr s6 = addr_to_in6(&source), t6 = addr_to_in6(&t);

	return ndp_solicit(from, &s6, &t6);
}

static struct ndp_frame advertisement(const struct mac *from, uint8_t target)
{
	struct addr t = ip6(target);
	struct in6_addr t6 = addr_to_in6(&t);

	return ndp_unsolicited(from, &t6);
}

/* as they are on the wire: a struct has bytes that are nobody's */
static void assert_frame(const struct ndp_frame *have, const struct ndp_frame *want)
{
	uint8_t a[NDP_FRAME_MAX], b[NDP_FRAME_MAX];
	size_t n = ndp_frame_encode(have, a);

	assert_int_equal(n, ndp_frame_encode(want, b));
	assert_memory_equal(a, b, n);
}

static const struct addr nobody6 = { .family = ADDR_IPV6 };

static void ipv6_is_asked_for_in_its_solicited_node_group(void **state)
{
	(void)state;
	struct net *n = start6(&asking, 10, 10);
	const struct ndp_frame want = solicitation(&ours, ip6(100), 10);

	host(n, 10, 1, 512);
	host(n, 10, 2, 700);
	run_until(n, 100 * S);
	assert_int_equal(n->sent_n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_frame(&n->sent[i].m.ndp, &want);
	assert_int_equal(n->told_n, 6);
	assert_int_equal(n->told[0].what, PROBE_REPLY);
	assert_int_equal(n->told[0].rtt_us, 512);
	assert_true(n->told[0].unicast);
	assert_int_equal(probe_totals(n->p).answered, 1);
	assert_int_equal(probe_totals(n->p).conflicting, 1);
	end(n);
}

static void only_advertisements_in_answer_to_us_are_replies(void **state)
{
	(void)state;
	const struct mac other = mac(9);
	struct net *n = start6(&asking, 10, 10);
	const struct ndp_frame question = solicitation(&ours, ip6(100), 10);
	const struct ndp_frame to_another = solicitation(&other, ip6(55), 10);
	struct probe_message m;

	take_events(n);
	m = ndp_message(ndp_answer(&to_another, &other));
	input(n, &m);
	m = ndp_message(advertisement(&other, 10));
	input(n, &m);
	m = ndp_message(solicitation(&other, nobody6, 10));
	input(n, &m);
	m = ndp_message(ndp_answer(&question, &other)); /* on another link */
	m.ifindex = IFINDEX + 1;
	input(n, &m);
	m = ndp_message(ndp_answer(&question, &ours)); /* our own */
	input(n, &m);
	assert_int_equal(n->told_n, 0);
	m = ndp_message(ndp_answer(&question, &other));
	m.ndp.has_mac = false; /* to a unicast question it may be left out */
	m.ndp.from = other;
	input(n, &m);
	assert_int_equal(n->told_n, 1);
	assert_true(mac_equal(&n->told[0].mac, &other));
	end(n);
}

static void free_ipv6_address_is_probed_from_nobody(void **state)
{
	(void)state;
	struct net *n = start6(&probing, 10, 10);
	const struct ndp_frame want = solicitation(&ours, nobody6, 10);

	run_until(n, 100 * S);
	assert_int_equal(n->sent_n, 3);
	assert_frame(&n->sent[2].m.ndp, &want);
	assert_false(want.has_mac);
	assert_int_equal(probe_totals(n->p).answered, 0);
	end(n);
}

static void ipv6_address_is_taken_by_an_answer_a_claim_and_another_probe(void **state)
{
	(void)state;
	const struct mac other = mac(9);
	const struct ndp_frame probe = solicitation(&ours, nobody6, 10);
	const struct ndp_frame frames[] = {
		ndp_answer(&probe, &other), advertisement(&other, 10),
		solicitation(&other, nobody6, 10),
		/* and not by */
		solicitation(&other, ip6(55), 10), /* who looks for the owner, too */
		solicitation(&other, nobody6, 11), advertisement(&other, 11),
		solicitation(&ours, nobody6, 10), /* our own, which came back */
	};

	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		struct net *n = start6(&probing, 10, 10);
		struct probe_message m = ndp_message(frames[i]);

		take_events(n);
		n->now += 10 * MS;
		input(n, &m);
		assert_int_equal(n->told_n, i < 3);
		assert_int_equal(probe_totals(n->p).answered, i < 3);
		if (i < 3)
			assert_int_equal(n->told[0].what, i < 2 ? PROBE_REPLY : PROBE_CLAIM);
		end(n);
	}
}

static void announcing_ipv6_is_one_advertisement_to_all_nodes_a_round(void **state)
{
	(void)state;
	struct probe_options o = { .mode = PROBE_ANNOUNCE,
		.count = 2,
		.rate = 1000,
		.interval_us = 1100 * MS,
		.wait_us = 100 * MS };
	struct net *n = start6(&o, 10, 11);
	const struct ndp_frame want = advertisement(&ours, 10);
	const struct mac other = mac(9);
	struct probe_message m = ndp_message(advertisement(&other, 11));

	take_events(n);
	input(n, &m);
	assert_int_equal(n->told_n, 1);
	assert_int_equal(n->told[0].what, PROBE_CLAIM);
	run_until(n, 100 * S);
	assert_int_equal(n->sent_n, 4);
	assert_frame(&n->sent[0].m.ndp, &want);
	end(n);
}

static void both_families_are_one_sweep(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct net *n = calloc(1, sizeof(*n));
	struct probe_link four = link0, six = link0;
	struct range r4 = range(1, 3), r6 = { ip6(1), ip6(3) };
	struct addr found = ip6(2);

	four.source = ip4(100);
	six.source = ip6(100);
	n->p = probe_new(&sweeping, &e);
	assert_int_equal(probe_add(n->p, &six, &r6, &e), 0);
	assert_int_equal(probe_add(n->p, &four, &r4, &e), 0);
	assert_int_equal(probe_start(n->p, 0, &e), 0);
	host(n, 2, 2, 300);
	run_until(n, 100 * S);
	assert_int_equal(probe_targets(n->p), 6);
	assert_int_equal(probe_totals(n->p).answered, 2);
	assert_int_equal(probe_find(n->p, &found)->macs, 1);
	end(n);
}

static void too_many_ipv6_addresses_are_refused_with_how_many_would_do(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct probe *p = probe_new(&sweeping, &e);
	struct range r;

	assert_int_equal(range_parse(&r, "2001:db8::/64", &e), 0);
	assert_int_equal(probe_add(p, &link0, &r, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_string_equal(e.text, "2001:db8::-2001:db8::ffff:ffff:ffff:ffff: more than 1048576 "
				    "addresses at once; want fewer, a /12 or a /108 at most");
	assert_int_equal(range_parse(&r, "2001:db8::/108", &e), 0);
	assert_int_equal(probe_add(p, &link0, &r, &e), 0);
	assert_int_equal(range_parse(&r, "2001:db8::1:0:0/127", &e), 0);
	assert_int_equal(probe_add(p, &link0, &r, &e), -1);
	assert_non_null(strstr(e.text, "at once, with those before it; want fewer"));
	probe_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv6_is_asked_for_in_its_solicited_node_group),
		cmocka_unit_test(only_advertisements_in_answer_to_us_are_replies),
		cmocka_unit_test(free_ipv6_address_is_probed_from_nobody),
		cmocka_unit_test(ipv6_address_is_taken_by_an_answer_a_claim_and_another_probe),
		cmocka_unit_test(announcing_ipv6_is_one_advertisement_to_all_nodes_a_round),
		cmocka_unit_test(both_families_are_one_sweep),
		cmocka_unit_test(too_many_ipv6_addresses_are_refused_with_how_many_would_do),
	};

	return cmocka_run_group_tests_name("probe: NDP", tests, NULL, NULL);
}
