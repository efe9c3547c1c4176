/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/member/lan_test.h"

static struct lan l;

/* n0..n2, all up. */
static void three(const struct bfd_key *key)
{
	lan_open(&l, 3, 5);
	l.key = key;
	for (size_t i = 0; i < 3; i++)
		lan_start(&l, i);
	lan_run(&l, l.now + SECOND, NULL, NULL);
	for (size_t i = 0; i < 9; i++)
		assert_true(l.node[i / 3].alive[i % 3]);
	for (size_t i = 0; i < 3; i++)
		l.node[i].downs = 0;
}

static void the_interval_grows_with_the_cluster(void **state)
{
	(void)state;
	assert_int_equal(member_interval_us(0), 100 * MS);
	assert_int_equal(member_interval_us(3), 100 * MS);
	assert_int_equal(member_interval_us(33), 100 * MS);
	assert_int_equal(member_interval_us(34), 104 * MS);
	assert_int_equal(member_interval_us(100), 310 * MS);
	assert_int_equal(member_interval_us(1000), 3122 * MS);
}

static struct members *alone(const char *node)
{
	struct member_options o = { .node = node, .multiplier = 3, .seed = 1 };
	struct err e = ERR_INIT;
	struct members *m = member_new(&o, 1000, &e);

	assert_non_null(m);
	return m;
}

static void add(struct members *m, const char *name, const char *ip, uint64_t now)
{
	struct err e = ERR_INIT;
	struct addr a = { 0 };

	if (ip)
		assert_int_equal(addr_parse(&a, ip, &e), 0);
	assert_int_equal(member_node(m, name, &a, ip != NULL, now, &e), 0);
}

/* "n1 never up", all that there is */
static const char *told(struct members *m)
{
	static char text[512];
	struct member_event ev;
	size_t n = 0;

	text[0] = 0;
	while (member_next(m, &ev))
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s %s", n ? ", " : "",
		    ev.alive ? "+" : "-", ev.name, ev.gone ? "gone" : member_reason_text(ev.reason));
	return text;
}

static void a_speaker_joins_when_it_is_told_and_the_others_had_their_time(void **state)
{
	(void)state;
	struct members *m = alone("n0");
	struct bfd_datagram d;

	assert_string_equal(told(m), "-n0 joining");
	add(m, "n0", "192.0.2.1", 2000);
	add(m, "n1", "192.0.2.2", 2000);
	add(m, "n2", NULL, 2000);
	assert_false(member_output(m, &d, 2000));
	assert_true(member_deadline(m) == UINT64_MAX);
	member_open(m, 3000);
	assert_true(member_output(m, &d, 3000)); /* to n1 */
	assert_false(member_output(m, &d, 3000));
	assert_string_equal(told(m), "-n2 no address");
	for (uint64_t now = 3000; now < 303000; now += 10000)
		member_tick(m, now);
	assert_string_equal(told(m), "");
	member_tick(m, 303000);
	assert_string_equal(told(m), "-n1 never up, +n0 this node");
	member_node_gone(m, "n1", 310000);
	assert_string_equal(told(m), "-n1 gone");
	add(m, "n2", "192.0.2.2", 320000); /* the address of one that has just gone */
	assert_true(member_output(m, &d, 320000));
	assert_string_equal(told(m), "-n2 never up");
	member_free(m);
}

static void what_was_not_told_is_not_taken_back(void **state)
{
	(void)state;
	struct members *m = alone("n0");
	struct member_event ev;

	assert_true(member_next(m, &ev) && ev.first);
	add(m, "n0", "192.0.2.1", 2000);
	add(m, "n1", "192.0.2.2", 2000);
	member_node_gone(m, "n1", 2000); /* before we have joined, so that nothing was told of it */
	assert_false(member_next(m, &ev));
	member_open(m, 3000);
	assert_true(member_next(m, &ev) && !ev.first && ev.alive); /* this node */
	for (int life = 0; life < 2; life++) {
		add(m, "n1", "192.0.2.2", 4000);
		assert_true(member_next(m, &ev) && ev.first && !ev.alive);
		member_node_gone(m, "n1", 5000);
		assert_true(member_next(m, &ev) && !ev.first && ev.gone);
		assert_false(member_next(m, &ev));
	}
	member_free(m);
}

static void two_nodes_of_one_address_have_one_session(void **state)
{
	(void)state;
	struct members *m = alone("n0");
	struct bfd_datagram d;
	int sent = 0;

	told(m);
	add(m, "n0", "192.0.2.1", 2000);
	member_open(m, 2000);
	assert_string_equal(told(m), "+n0 this node"); /* nobody to wait for */
	add(m, "n1", "192.0.2.2", 2000);
	add(m, "n2", "192.0.2.2", 2000);
	add(m, "n3", "192.0.2.1", 2000); /* ours */
	assert_string_equal(told(m), "-n1 never up, -n2 no address, -n3 no address");
	while (member_output(m, &d, 2000))
		sent++;
	assert_int_equal(sent, 1);
	member_free(m);
}

static void a_node_that_is_made_again_at_once_has_a_new_session(void **state)
{
	(void)state;
	struct members *m = alone("n0");
	struct bfd_packet p;
	struct bfd_datagram d;
	struct err e = ERR_INIT;

	add(m, "n0", "192.0.2.1", 2000);
	member_open(m, 2000);
	add(m, "n1", "192.0.2.2", 2000);
	while (member_output(m, &d, 2000))
		;
	member_node_gone(m, "n1", 3000);
	add(m, "n1", "192.0.2.2", 3000);
	assert_true(member_output(m, &d, 3000));
	assert_int_equal(bfd_decode(&p, d.bytes, d.len, NULL, &e), 0);
	assert_int_equal(p.state, BFD_DOWN);
	member_free(m);
}

static void addresses_that_move_from_node_to_node_are_followed(void **state)
{
	(void)state;
	struct members *m = alone("n0");

	add(m, "n0", "192.0.2.1", 2000);
	member_open(m, 2000);
	add(m, "n1", "192.0.2.2", 2000);
	add(m, "n2", "192.0.2.3", 2000);
	told(m);
	add(m, "n1", "192.0.2.3", 3000); /* which n2 has as yet */
	assert_string_equal(told(m), "-n1 no address");
	add(m, "n2", "192.0.2.2", 3000);
	assert_string_equal(told(m), "-n1 never up");
	member_free(m);
}

static void goodbye_is_heard_at_once_with_its_reason(void **state)
{
	(void)state;
	three(NULL);
	lan_leave(&l, 1);
	lan_run(&l, l.now + 5 * MS, NULL, NULL);
	assert_false(l.node[0].alive[1] || l.node[2].alive[1]);
	assert_int_equal(l.node[0].last_reason, MEMBER_ADMIN_DOWN);
	assert_int_equal(l.node[0].last_diag, BFD_DIAG_ADMIN_DOWN);
	lan_close(&l);
}

static void a_one_way_path_is_down_for_both(void **state)
{
	(void)state;
	three(NULL);
	l.cut[1][0] = true;
	lan_run(&l, l.now + 310 * MS, NULL, NULL);
	assert_false(l.node[0].alive[1] || l.node[1].alive[0]);
	assert_int_equal(l.node[0].last_reason, MEMBER_EXPIRED);
	assert_int_equal(l.node[1].last_reason, MEMBER_PATH_DOWN);
	lan_close(&l);
}

static void when_a_link_comes_up_the_others_are_found_at_once(void **state)
{
	(void)state;
	three(NULL);
	for (size_t i = 0; i < 3; i += 2)
		l.cut[1][i] = l.cut[i][1] = true;
	lan_run(&l, l.now + 2 * SECOND, NULL, NULL);
	assert_false(l.node[0].alive[1] || l.node[1].alive[0]);
	memset(l.cut, 0, sizeof(l.cut));
	member_rouse(l.node[1].m);
	lan_pump(&l, 1);
	lan_run(&l, l.now + 10 * MS, NULL, NULL);
	for (size_t i = 0; i < 9; i++)
		assert_true(l.node[i / 3].alive[i % 3]);
	lan_close(&l);
}

static bool all_see_all(void)
{
	for (size_t i = 0; i < l.n * l.n; i++)
		if (!l.node[i / l.n].alive[i % l.n])
			return false;
	return true;
}

/* One packet that gets through makes both its ends speak to all others, and those to all of theirs. */
static void parts_that_meet_find_each_other_as_soon_as_two_of_them_do(void **state)
{
	(void)state;
	enum { NODES = 10, TIMES = 20 };
	uint64_t sum = 0, most = 0;

	for (uint64_t seed = 1; seed <= TIMES; seed++) {
		uint64_t healed;

		lan_open(&l, NODES, seed);
		for (size_t i = 0; i < NODES; i++)
			lan_start(&l, i);
		lan_run(&l, l.now + SECOND, NULL, NULL);
		assert_true(all_see_all());
		for (size_t i = 0; i < NODES * NODES; i++)
			l.cut[i / NODES][i % NODES] = i / NODES % 2 != i % NODES % 2;
		lan_run(&l, l.now + 10 * SECOND + lan_upto(&l, SECOND), NULL, NULL);
		memset(l.cut, 0, sizeof(l.cut));
		for (healed = l.now; !all_see_all();)
			lan_run(&l, l.now + MS, NULL, NULL);
		sum += l.now - healed;
		most = l.now - healed > most ? l.now - healed : most;
		lan_close(&l);
	}
	print_message("# two parts of %d nodes meet after %llu ms on average, %llu at most\n",
	    NODES / 2, (unsigned long long)sum / TIMES / MS, (unsigned long long)most / MS);
	assert_in_range(sum / TIMES, 0, 300 * MS); /* 452 if it were each two for themselves */
}

static void after_a_stall_it_is_dead_until_it_is_heard(void **state)
{
	(void)state;
	three(NULL);
	lan_pause(&l, 1, true);
	lan_run(&l, l.now + 2 * SECOND, NULL, NULL);
	assert_false(l.node[0].alive[1]);
	assert_true(l.node[1].alive[1]);  /* as it last knew */
	l.cut[1][0] = l.cut[1][2] = true; /* so that it can't be heard yet */
	lan_resume(&l, 1);
	assert_false(l.node[1].alive[1]);
	assert_int_equal(l.node[1].last_reason, MEMBER_STALLED);
	l.cut[1][0] = l.cut[1][2] = false;
	lan_run(&l, l.now + 1200 * MS, NULL, NULL);
	for (size_t i = 0; i < 9; i++)
		assert_true(l.node[i / 3].alive[i % 3]);
	lan_close(&l);
}

/* What answers for its addresses does not run: the others needn't wait for their timers. */
static void when_the_rest_of_the_speaker_stalls_the_others_take_over_at_once(void **state)
{
	struct members *m;

	(void)state;
	three(NULL);
	m = l.node[1].m;
	assert_in_range(member_alive_until_us(m), l.now + 200 * MS, l.now + 300 * MS);
	member_stall(m, SECOND, l.now);
	lan_pump(&l, 1);
	assert_false(l.node[1].alive[1]);
	assert_int_equal(l.node[1].last_reason, MEMBER_STALLED);
	assert_int_equal(member_alive_until_us(m), 0);
	lan_run(&l, l.now + 5 * MS, NULL, NULL);
	assert_false(l.node[0].alive[1]);
	assert_int_equal(l.node[0].last_reason, MEMBER_ADMIN_DOWN);
	assert_int_equal(l.node[0].last_diag, BFD_DIAG_CONCATENATED);
	lan_run(&l, l.now + 5 * SECOND, NULL, NULL);
	assert_false(l.node[2].alive[1]);
	assert_false(l.node[1].alive[1]);

	member_open(m, l.now);
	lan_pump(&l, 1);
	lan_run(&l, l.now + 1200 * MS, NULL, NULL);
	for (size_t i = 0; i < 9; i++)
		assert_true(l.node[i / 3].alive[i % 3]);
	assert_in_range(member_alive_until_us(m), l.now + 200 * MS, l.now + 300 * MS);
	lan_close(&l);
}

/* --- hostile packets ------------------------------------------------------------------------ */

static const struct bfd_key key = { .id = 1, .bytes = "secret" };

static bool inject(size_t to, size_t from, const uint8_t *bytes, size_t len)
{
	struct bfd_datagram d = { .peer = lan_address(from), .len = (uint16_t)len };
	struct err e = ERR_INIT;
	bool taken;

	memcpy(d.bytes, bytes, len);
	taken = member_input(l.node[to].m, &d, l.now, &e);
	lan_pump(&l, to);
	return taken;
}

static void assert_unmoved(void)
{
	lan_run(&l, l.now + 400 * MS, NULL, NULL);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(l.node[i].downs, 0);
		for (size_t k = 0; k < 3; k++)
			assert_true(l.node[i].alive[k]);
	}
}

/* All that was sent in the last second, to all, whole and in parts. */
static void replays_truncations_and_strangers_change_nothing(void **state)
{
	(void)state;
	static struct lan_event seen[512];
	size_t n = 0;

	three(&key);
	for (uint64_t end = l.now + SECOND; l.now < end && n < ARRAY_LEN(seen);) {
		for (size_t i = 0; i < l.heap_n && n < ARRAY_LEN(seen); i++)
			if (l.heap[i].is_packet)
				seen[n++] = l.heap[i];
		lan_run(&l, l.now + 1 * MS, NULL, NULL);
	}
	assert_in_range(n, 50, 512);
	lan_run(&l, l.now + 10 * MS, NULL, NULL); /* each has arrived, and is read */
	for (size_t i = 0; i < 3; i++)
		lan_wake(&l, i);
	for (size_t i = 0; i < n; i++) {
		const struct bfd_datagram *d = &seen[i].packet;

		for (size_t to = 0; to < 3; to++)
			for (size_t from = 0; from < 4; from++)
				assert_false(inject(to, from, d->bytes, d->len));
		for (size_t len = 0; len < d->len; len++)
			assert_false(inject(seen[i].node, lan_index(&d->peer), d->bytes, len));
	}
	assert_unmoved();
	lan_close(&l);
}

static void forgeries_change_nothing_and_a_flood_of_them_is_not_answered(void **state)
{
	(void)state;
	uint64_t sent;

	three(&key);
	sent = l.node[0].sent;
	for (int i = 0; i < 20000; i++) {
		struct bfd_packet p = { .state = (enum bfd_state)(i & 3),
			.poll = true,
			.multiplier = 3,
			.my_discriminator = (uint32_t)lan_roll(&l) | 1,
			.your_discriminator = (uint32_t)lan_roll(&l) | 1,
			.sequence = (uint32_t)lan_roll(&l) };
		struct bfd_key other = key;
		uint8_t bytes[BFD_PACKET_MAX];
		size_t len;

		other.bytes[0]++;
		len = bfd_encode(&p, i & 4 ? &other : NULL, bytes);
		assert_false(inject(0, 1 + i % 200, bytes, len));
	}
	assert_int_equal(l.node[0].sent, sent);
	assert_unmoved();
	lan_close(&l);
}

/* A peer with the secret, that lies: it hurts itself alone. */
static void a_peer_that_lies_about_its_intervals_hurts_itself_alone(void **state)
{
	(void)state;
	static const uint32_t lies[] = { 0, 1, 4000000000 };

	for (size_t i = 0; i < ARRAY_LEN(lies); i++)
		for (int mult = 1; mult < 256; mult += 254) {
			uint8_t bytes[BFD_PACKET_MAX];
			struct bfd_packet p = { .state = BFD_DOWN,
				.multiplier = (uint8_t)mult,
				.my_discriminator = 77,
				.desired_min_tx_us = lies[i],
				.required_min_rx_us = lies[i] };
			uint64_t sent;

			three(NULL);
			lan_kill(&l, 1);
			assert_true(inject(0, 1, bytes, bfd_encode(&p, NULL, bytes)));
			sent = l.node[0].sent;
			lan_run(&l, l.now + SECOND, NULL, NULL);
			assert_in_range(l.node[0].sent - sent, 0, 20); /* most of them to n2 */
			assert_true(l.node[0].alive[0] && l.node[0].alive[2]);
			assert_int_equal(l.node[2].downs, 1);
			lan_run(&l, l.now + BFD_DETECTION_MAX_US, NULL, NULL);
			assert_false(l.node[0].alive[1]);
			lan_close(&l);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_interval_grows_with_the_cluster),
		cmocka_unit_test(a_speaker_joins_when_it_is_told_and_the_others_had_their_time),
		cmocka_unit_test(what_was_not_told_is_not_taken_back),
		cmocka_unit_test(two_nodes_of_one_address_have_one_session),
		cmocka_unit_test(a_node_that_is_made_again_at_once_has_a_new_session),
		cmocka_unit_test(addresses_that_move_from_node_to_node_are_followed),
		cmocka_unit_test(goodbye_is_heard_at_once_with_its_reason),
		cmocka_unit_test(a_one_way_path_is_down_for_both),
		cmocka_unit_test(when_a_link_comes_up_the_others_are_found_at_once),
		cmocka_unit_test(parts_that_meet_find_each_other_as_soon_as_two_of_them_do),
		cmocka_unit_test(after_a_stall_it_is_dead_until_it_is_heard),
		cmocka_unit_test(when_the_rest_of_the_speaker_stalls_the_others_take_over_at_once),
		cmocka_unit_test(replays_truncations_and_strangers_change_nothing),
		cmocka_unit_test(forgeries_change_nothing_and_a_flood_of_them_is_not_answered),
		cmocka_unit_test(a_peer_that_lies_about_its_intervals_hurts_itself_alone),
	};

	return cmocka_run_group_tests_name("member", tests, NULL, NULL);
}
