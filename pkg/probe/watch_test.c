/* SPDX-License-Identifier: Apache-2.0 */
/* A script a test: "p" a probe every 100 ms, a letter an answer of that host 1 ms later, "+" and a
 * letter a claim of it, "." the end 100 ms after the last probe, "!" the end at once; what comes out,
 * as text. */
#include "pkg/probe/probe.h"

#include <string.h>

#include "pkg/buf/buf.h"
#include "tests/unit.h"

enum { MS = 1000, INTERVAL = 100 * MS };

static struct mac mac_of(char host)
{
	return (struct mac){ { 2, 0, 0, 0, 0, (uint8_t)host } };
}

static void take(struct probe_watch *w, struct buf *out)
{
	static const char *const words[] = { "found", "moved", "silent", "back", "joined", "left",
		"announced" };
	struct probe_news n;

	while (probe_watch_next(w, &n)) {
		assert_int_equal(n.target, 0);
		buf_printf(out, "%s%s", out->len ? "; " : "", words[n.what]);
		if (n.mac.bytes[5])
			buf_printf(out, " %c", n.mac.bytes[5]);
		if (n.before.bytes[5] && n.what == PROBE_MOVED)
			buf_printf(out, " from %c", n.before.bytes[5]);
		buf_printf(out, " at %llu", (unsigned long long)(n.at_us / MS));
		if (n.gap_us)
			buf_printf(out, " gap %llu", (unsigned long long)(n.gap_us / MS));
	}
}

static struct probe_watched run(const char *script, struct buf *out)
{
	struct err e = ERR_INIT;
	struct probe_watch *w = probe_watch_new(1, INTERVAL, &e);
	struct probe_watched sum;
	uint64_t sent = 0, now = 0;
	uint32_t number = 0;

	for (const char *c = script; *c; c++) {
		struct probe_event ev = { .what = PROBE_REPLY };

		if (*c == ' ')
			continue;
		if (*c == 'p') {
			now = sent;
			sent += INTERVAL;
			ev.what = PROBE_SEND;
			number++;
		} else if (*c == '.' || *c == '!') {
			now = *c == '.' ? sent : now;
			ev.what = PROBE_DONE;
		} else {
			now += 1 * MS;
		}
		if (*c == '+') {
			ev.what = PROBE_CLAIM;
			c++;
		}
		ev.mac = mac_of(*c);
		ev.number = number;
		ev.at_us = now;
		assert_int_equal(probe_watch_event(w, &ev, &e), 0);
		take(w, out);
	}
	sum = probe_watch_target(w, 0);
	probe_watch_free(w);
	return sum;
}

static void check(const char *script, const char *want)
{
	struct buf out = BUF_INIT;

	buf_puts(&out, "");
	run(script, &out);
	assert_string_equal(out.data ? out.data : "", want);
	buf_release(&out);
}

static void an_owner_that_stays_is_told_once(void **state)
{
	(void)state;
	check("pa pa pa pa", "found a at 1");
}

static void one_lost_probe_is_no_change_and_two_are(void **state)
{
	(void)state;
	check("pa p pa pa", "found a at 1");
	check("pa p p pa", "found a at 1; silent a at 100; back a at 301 gap 201");
	check("pa p p p p pa", "found a at 1; silent a at 100; back a at 501 gap 401");
}

static void a_move_tells_its_gap(void **state)
{
	(void)state;
	check("pa p pb pb", "found a at 1; moved b from a at 201 gap 101");
	check("pa p p p pb", "found a at 1; silent a at 100; moved b from a at 401 gap 301");
}

static void a_move_without_a_lost_probe_has_no_gap(void **state)
{
	(void)state;
	check("pa pb pb pb", "found a at 1; moved b from a at 101");
	check("pa pb pa pa", "found a at 1; moved b from a at 101; moved a from b at 201");
}

static void two_owners_are_a_conflict_until_one_is_silent_twice(void **state)
{
	(void)state;
	check("pa pab pab pba pab", "found a at 1; joined b at 102");
	check("pa pab pa pab pb pab", "found a at 1; joined b at 102");
	check("pa pab pab pa pa pa", "found a at 1; joined b at 102; left b at 400");
	check("pa pab pab pb pb pb", "found a at 1; joined b at 102; left a at 400");
	check("pa p pba pa pa p",
	    "found a at 1; moved b from a at 201 gap 101; joined a at 202; left b at 400");
}

static void more_owners_than_are_looked_at_are_no_silence(void **state)
{
	(void)state;
	check("pabcd pefghabcd pefgh pefgh pefgh",
	    "found a at 1; joined b at 4; joined c at 4; joined d at 4; "
	    "left d at 300; left c at 300; left b at 300");
}

static void silence_from_the_beginning_is_told_and_has_no_gap(void **state)
{
	(void)state;
	check("p p p p", "silent at 0");
	check("p p p pb", "silent at 0; found b at 301");
}

static void a_claim_of_another_is_told_once(void **state)
{
	(void)state;
	check("pa p +b+b+b pb +b", "found a at 1; announced b at 101; moved b from a at 201 gap 101");
	check("pa +a pa", "found a at 1");
	check("pa +b pa +b", "found a at 1; announced b at 2");
	check("pab pab +b+a pab +b", "found a at 1; joined b at 2");
	check("pab pa pa p +b", "found a at 1; joined b at 2; left b at 200; announced b at 301");
}

static void a_late_answer_is_nothing_new(void **state)
{
	(void)state;
	check("pa p pa pa pa", "found a at 1"); /* each to the probe before */
}

static void the_last_probe_counts(void **state)
{
	(void)state;
	check("pab.", "found a at 1; joined b at 2");
	check("pab!", "found a at 1; joined b at 2"); /* that is sure already */
	check("p p.", "silent at 0");
	check("pa p p.", "found a at 1; silent a at 100");
	check("pa pb.", "found a at 1; moved b from a at 101");
	check("pa pab pa pa.", "found a at 1; joined b at 102; left b at 300");
}

static void a_probe_that_is_cut_off_shows_nothing(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;

	check("p p!", "");
	check("pa p p!", "found a at 1");
	check("pa pb!", "found a at 1"); /* a, too, might have answered */
	check("pa pab pa pa!", "found a at 1; joined b at 102");
	assert_int_equal(run("p p!", &out).lost, 1);
	assert_int_equal(run("p p.", &out).lost, 2);
	assert_int_equal(run("pa p.", &out).lost, 1);
	assert_int_equal(run("pa pa.", &out).lost, 0);
	buf_release(&out);
}

static void a_gap_that_is_open_lasts_until_the_end(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;

	assert_int_equal(run("pa p p p.", &out).longest_gap_us, 300 * MS);
	assert_int_equal(run("pa p p p!", &out).longest_gap_us, 200 * MS);
	assert_int_equal(run("pa p p p p pa pa p p.", &out).longest_gap_us, 401 * MS);
	assert_int_equal(run("pa p.", &out).longest_gap_us, 0); /* one lost probe is none */
	assert_int_equal(run("p p p.", &out).longest_gap_us, 0);
	buf_release(&out);
}

static void a_move_with_both_there_for_a_while_is_one(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;

	assert_int_equal(run("pa pab pab pb pb pb.", &out).moves, 1);
	assert_int_equal(run("pa pab pab pa pa pa.", &out).moves, 0);
	assert_int_equal(run("pa pab pb pb pab pa pa.", &out).moves, 2);
	assert_int_equal(run("pa pab pab p p p pb pb pb.", &out).moves, 1);
	assert_int_equal(run("pa p pb pb pb pb.", &out).moves, 1);
	assert_int_equal(run("p p pa pa pa.", &out).moves, 0);
	buf_release(&out);
}

static void sums_are_kept(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	struct probe_watched sum = run("pa p pb p p p pb pc p p p", &out);

	assert_int_equal(sum.moves, 2);
	assert_int_equal(sum.lost, 6);
	assert_int_equal(sum.longest_gap_us, 301 * MS);
	assert_int_equal(sum.owners, 0);
	assert_true(sum.found);
	buf_release(&out);
	assert_false(run("p p p", &out).found);
	buf_release(&out);
	sum = run("pa pab pab", &out);
	assert_int_equal(sum.owners, 2);
	buf_release(&out);
}

static void a_flood_of_owners_and_claims_is_bounded(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct probe_watch *w = probe_watch_new(1, INTERVAL, &e);
	struct probe_event ev = { 0 };
	struct probe_news n;
	size_t told = 0;

	for (uint32_t i = 0; i < 100000; i++) {
		ev.what = i % 1000 == 0 ? PROBE_SEND : i % 2 ? PROBE_REPLY : PROBE_CLAIM;
		ev.mac = (struct mac){ { 2, 1, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } };
		ev.at_us += 10;
		assert_int_equal(probe_watch_event(w, &ev, &e), 0);
		while (probe_watch_next(w, &n))
			told++;
	}
	assert_true(told <= 100 * 12);
	probe_watch_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_owner_that_stays_is_told_once),
		cmocka_unit_test(one_lost_probe_is_no_change_and_two_are),
		cmocka_unit_test(a_move_tells_its_gap),
		cmocka_unit_test(a_move_without_a_lost_probe_has_no_gap),
		cmocka_unit_test(two_owners_are_a_conflict_until_one_is_silent_twice),
		cmocka_unit_test(more_owners_than_are_looked_at_are_no_silence),
		cmocka_unit_test(silence_from_the_beginning_is_told_and_has_no_gap),
		cmocka_unit_test(a_claim_of_another_is_told_once),
		cmocka_unit_test(a_late_answer_is_nothing_new),
		cmocka_unit_test(the_last_probe_counts),
		cmocka_unit_test(a_probe_that_is_cut_off_shows_nothing),
		cmocka_unit_test(a_gap_that_is_open_lasts_until_the_end),
		cmocka_unit_test(a_move_with_both_there_for_a_while_is_one),
		cmocka_unit_test(sums_are_kept),
		cmocka_unit_test(a_flood_of_owners_and_claims_is_bounded),
	};

	return cmocka_run_group_tests_name("probe: watch", tests, NULL, NULL);
}
