/* SPDX-License-Identifier: Apache-2.0 */
/* What lbctl arping --watch prints. */
#include <stdio.h>
#include <string.h>

#include "cmd/arping.h"
#include "cmd/cmd.h"
#include "pkg/json/json.h"

enum { US = 1000 };

static uint64_t whole_ms(uint64_t us)
{
	return (us + US / 2) / US;
}

static bool is_nobody(const struct mac *m)
{
	return mac_equal(m, &(struct mac){ 0 });
}

static void put_gap(struct buf *out, uint64_t gap_us)
{
	if (gap_us)
		buf_printf(out, ", gap %llu ms", (unsigned long long)whole_ms(gap_us));
	else
		buf_puts(out, ", no gap");
}

static void put_text(const struct arping_show *s, const struct probe_news *n, struct buf *out)
{
	static const char *const words[] = {
		[PROBE_FOUND] = "is at ",
		[PROBE_MOVED] = "moved to ",
		[PROBE_SILENT] = "is silent",
		[PROBE_BACK] = "is back at ",
		[PROBE_JOINED] = "CONFLICT: is also at ",
		[PROBE_LEFT] = "is no longer at ",
		[PROBE_ANNOUNCED] = "is announced by ",
	};
	char ip[ADDR_TEXT_LEN], when[WALL_TEXT_LEN];

	buf_printf(out, "%s %s %s", wall_clock(wall_ms(n->at_us), when),
	    addr_format(&probe_target(s->probe, n->target)->ip, ip), words[n->what]);
	if (n->what == PROBE_SILENT && !is_nobody(&n->mac))
		buf_puts(out, ", was at ");
	if (!is_nobody(&n->mac))
		arping_put_owner(s, &n->mac, out);
	if (n->what == PROBE_MOVED) {
		buf_puts(out, " from ");
		arping_put_owner(s, &n->before, out);
	}
	if (n->what == PROBE_MOVED || n->what == PROBE_BACK)
		put_gap(out, n->gap_us);
}

static void put_json_owner(const struct arping_show *s, struct json_writer *w, const char *mac_key,
    const char *node_key, const struct mac *m)
{
	char mac[MAC_TEXT_LEN];

	json_key_of(w, mac_key);
	json_put(w, is_nobody(m) ? NULL : mac_format(m, mac));
	json_key_of(w, node_key);
	json_put(w, is_nobody(m) ? NULL : arping_nodes_name(s->nodes, m));
}

static void put_json(const struct arping_show *s, const struct probe_news *n, struct buf *out)
{
	static const char *const types[] = {
		[PROBE_FOUND] = "found",
		[PROBE_MOVED] = "moved",
		[PROBE_SILENT] = "silent",
		[PROBE_BACK] = "back",
		[PROBE_JOINED] = "conflict",
		[PROBE_LEFT] = "left",
		[PROBE_ANNOUNCED] = "announced",
	};
	const struct probe_target *t = probe_target(s->probe, n->target);
	struct json_writer w = json_writer(out);
	char ip[ADDR_TEXT_LEN], when[WALL_TEXT_LEN];

	json_begin(&w, '{');
	json_field(&w, "type", types[n->what]);
	json_field(&w, "time", wall_text(wall_ms(n->at_us), when));
	json_field(&w, "address", addr_format(&t->ip, ip));
	put_json_owner(s, &w, "mac", "node", &n->mac);
	json_field(&w, "interface", arping_link_name(s, t));
	if (n->what == PROBE_MOVED)
		put_json_owner(s, &w, "from_mac", "from_node", &n->before);
	if (n->what == PROBE_MOVED || n->what == PROBE_BACK) {
		json_key(&w, "gap_ms");
		json_put_int(&w, (int64_t)whole_ms(n->gap_us));
	}
	json_end(&w, '}');
}

/* Of a single address an answer is expected, of a range none; of a pool, where another host than
 * this one shall give it. */
static bool is_expected(const struct arping_show *s, size_t target)
{
	const struct arping_held *h =
	    s->pool ? arping_pool_find(s->pool, &probe_target(s->probe, target)->ip) : NULL;

	return !s->sweep || (h && h->elected && !arping_nodes_is_here(s->nodes, h->elected));
}

void arping_show_news(const struct arping_show *s, const struct probe_news *n)
{
	struct buf out = BUF_INIT;

	if (s->quiet || (n->what == PROBE_SILENT && is_nobody(&n->mac) && !is_expected(s, n->target)))
		return;
	if (s->json)
		put_json(s, n, &out);
	else
		put_text(s, n, &out);
	buf_putc(&out, '\n');
	arping_write_out(&out);
}

struct sum {
	uint64_t moves, lost, longest_gap_us;
	size_t answering, conflicts;
};

static struct sum sum_of(const struct arping_show *s)
{
	struct sum all = { 0 };

	for (size_t i = 0; i < probe_targets(s->probe); i++) {
		struct probe_watched one = probe_watch_target(s->watched, i);

		if (!one.found && !is_expected(s, i))
			continue; /* nobody's */
		all.moves += one.moves;
		all.lost += one.lost;
		all.answering += one.owners > 0;
		all.conflicts += one.owners > 1;
		if (one.longest_gap_us > all.longest_gap_us)
			all.longest_gap_us = one.longest_gap_us;
	}
	return all;
}

static void summary_json(const struct arping_show *s, const struct sum *all)
{
	const struct arping_count counts[] = {
		{ "addresses", probe_targets(s->probe) },
		{ "answered", all->answering },
		{ "conflicts", all->conflicts },
		{ "probes", probe_totals(s->probe).probes },
		{ "lost", all->lost },
		{ "moves", all->moves },
		{ "longest_gap_ms", whole_ms(all->longest_gap_us) },
	};

	arping_write_summary(counts, ARRAY_LEN(counts));
}

void arping_news_summary(const struct arping_show *s)
{
	struct sum all = sum_of(s);
	uint64_t probes = probe_totals(s->probe).probes;

	if (s->json) {
		summary_json(s, &all);
		return;
	}
	printf("Sent %llu probe%s, %llu unanswered, %llu move%s, longest gap %llu ms\n",
	    (unsigned long long)probes, probes == 1 ? "" : "s", (unsigned long long)all.lost,
	    (unsigned long long)all.moves, all.moves == 1 ? "" : "s",
	    (unsigned long long)whole_ms(all.longest_gap_us));
}

/* As it is in the end: of single addresses each must answer, of a range one, and a pool must be as
 * its table says without --watch. */
int arping_news_judge(const struct arping_show *s, struct err *e)
{
	struct sum all = sum_of(s);
	char ip[ADDR_TEXT_LEN];

	if (s->pool)
		return arping_table_judge(s, e);
	if (all.conflicts)
		return err_set(e, ERR_CONFLICT, "%s", "");
	if (s->sweep)
		return all.answering ? 0 : err_set(e, ERR_NOT_FOUND, "nobody answers");
	for (size_t i = 0; i < probe_targets(s->probe); i++)
		if (!probe_watch_target(s->watched, i).owners)
			return err_set(e, ERR_NOT_FOUND, "nobody answers for %s",
			    addr_format(&probe_target(s->probe, i)->ip, ip));
	return 0;
}
