/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cmd/arping.h"
#include "pkg/json/json.h"

static const char *link_name(const struct arping_show *s, int ifindex)
{
	const struct netlink_link *l = netlink_link_by_index(s->world, ifindex);

	return l ? l->name : "?";
}

const char *arping_link_name(const struct arping_show *s, const struct probe_target *t)
{
	return link_name(s, probe_link_of(s->probe, t)->ifindex);
}

static bool is_own(const struct arping_show *s, const struct probe_target *t, const char **interface)
{
	const int ifindex = probe_link_of(s->probe, t)->ifindex;

	for (size_t i = 0; i < s->world->addresses_n; i++) {
		const struct netlink_address *a = &s->world->addresses[i];

		if (addr_equal(&a->addr, &t->ip) && (!a->link_local || a->ifindex == ifindex)) {
			*interface = link_name(s, a->ifindex);
			return true;
		}
	}
	return false;
}

const char *arping_rtt_text(uint64_t us, char out[static 32])
{
	snprintf(out, 32, "%llu.%03ums", (unsigned long long)(us / 1000), (unsigned)(us % 1000));
	return out;
}

void arping_put_owner(const struct arping_show *s, const struct mac *m, struct buf *out)
{
	const char *node = arping_nodes_name(s->nodes, m);
	char text[MAC_TEXT_LEN];

	buf_puts(out, mac_format(m, text));
	if (node)
		buf_printf(out, " (%s)", node);
}

void arping_write_out(struct buf *b)
{
	if (b->data)
		fwrite(b->data, 1, b->len, stdout);
	buf_release(b);
}

static void show_target(const struct arping_show *s, const struct probe_target *t)
{
	const struct probe_link *l = probe_link_of(s->probe, t);
	const struct addr source = probe_source(s->probe, t);
	char text[ADDR_TEXT_LEN], from[ADDR_TEXT_LEN], mac[MAC_TEXT_LEN];
	const char *own;

	addr_format(&t->ip, text);
	if (s->mode == PROBE_ANNOUNCE)
		printf("ARPING %s at %s %s\n", text, mac_format(&l->mac, mac), arping_link_name(s, t));
	else
		printf(
		    "ARPING %s from %s %s\n", text, addr_format(&source, from), arping_link_name(s, t));
	if (s->mode != PROBE_ANNOUNCE && is_own(s, t, &own))
		printf("%s is this host's own address, on %s; asking whether others have it, too\n",
		    text, own);
}

void arping_show_start(const struct arping_show *s)
{
	if (s->json || s->quiet || s->sweep || s->who)
		return;
	for (size_t i = 0; i < probe_targets(s->probe); i++)
		show_target(s, probe_target(s->probe, i));
}

/* The part of a line of JSON that tells who. */
static void put_json_answer(const struct arping_show *s, struct json_writer *w,
    const struct probe_target *t, const struct mac *m)
{
	char ip[ADDR_TEXT_LEN], mac[MAC_TEXT_LEN];
	const char *node = arping_nodes_name(s->nodes, m);

	json_field(w, "address", addr_format(&t->ip, ip));
	json_field(w, "mac", mac_format(m, mac));
	json_key(w, "node");
	json_put(w, node);
	json_field(w, "interface", arping_link_name(s, t));
}

static void show_event_json(const struct arping_show *s, const struct probe_event *ev)
{
	struct buf out = BUF_INIT;
	struct json_writer w = json_writer(&out);

	json_begin(&w, '{');
	json_field(&w, "type", ev->what == PROBE_REPLY ? "reply" : "claim");
	put_json_answer(s, &w, probe_target(s->probe, ev->target), &ev->mac);
	if (ev->what == PROBE_REPLY) {
		json_key(&w, "probe");
		json_put_int(&w, ev->number);
		json_key(&w, "rtt_us");
		json_put_int(&w, (int64_t)ev->rtt_us);
	}
	json_end(&w, '}');
	buf_putc(&out, '\n');
	arping_write_out(&out);
}

void arping_show_event(const struct arping_show *s, const struct probe_event *ev)
{
	const struct probe_target *t = probe_target(s->probe, ev->target);
	char ip[ADDR_TEXT_LEN], mac[MAC_TEXT_LEN], rtt[32];
	const char *node;

	if (s->quiet || (s->who && !s->json) || s->pool || (s->sweep && (!s->json || !ev->first)))
		return;
	if (s->json) {
		show_event_json(s, ev);
		return;
	}
	node = arping_nodes_name(s->nodes, &ev->mac);
	addr_format(&t->ip, ip);
	mac_format(&ev->mac, mac);
	if (ev->what == PROBE_REPLY)
		printf("%s reply from %s [%s] %s", ev->unicast ? "Unicast" : "Broadcast", ip, mac,
		    arping_rtt_text(ev->rtt_us, rtt));
	else
		printf("Claim of %s by [%s]", ip, mac);
	if (node)
		printf(" %s", node);
	putchar('\n');
}

struct widths {
	int ip, node;
};

void arping_widen(int *width, const char *text)
{
	int n = text ? (int)strlen(text) : 0;

	if (n > *width)
		*width = n;
}

/* At least that of the headings. */
static struct widths widths_of(const struct arping_show *s)
{
	struct widths w = { (int)strlen("255.255.255.255"), (int)strlen("NODE") };
	char ip[ADDR_TEXT_LEN];

	for (size_t i = 0; i < probe_targets(s->probe); i++) {
		const struct probe_target *t = probe_target(s->probe, i);

		if (t->answers)
			arping_widen(&w.ip, addr_format(&t->ip, ip));
		for (const struct probe_answer *a = NULL; (a = probe_answer(s->probe, t, a));)
			arping_widen(&w.node, arping_nodes_name(s->nodes, &a->mac));
	}
	return w;
}

static void show_table(const struct arping_show *s)
{
	struct widths w = widths_of(s);
	char ip[ADDR_TEXT_LEN], mac[MAC_TEXT_LEN], rtt[32];
	const char *own = "";

	if (!probe_totals(s->probe).answered)
		return;
	printf("%-*s  %-17s  %-*s  RTT\n", w.ip, "ADDRESS", "MAC", w.node, "NODE");
	for (size_t i = 0; i < probe_targets(s->probe); i++) {
		const struct probe_target *t = probe_target(s->probe, i);

		for (const struct probe_answer *a = NULL; (a = probe_answer(s->probe, t, a));) {
			const char *node = arping_nodes_name(s->nodes, &a->mac);

			printf("%-*s  %-17s  %-*s  %s%s\n", w.ip, addr_format(&t->ip, ip),
			    mac_format(&a->mac, mac), w.node, node ? node : "-",
			    a->replies ? arping_rtt_text(a->rtt_us, rtt) : "-",
			    t->macs > 1 && s->mode == PROBE_ASK ? "  CONFLICT"
			    : !a->replies && is_own(s, t, &own) ? "  this host"
								: "");
		}
	}
}

/* Those of which nothing is known, since it ended before their turn. */
static size_t count_unasked(const struct arping_show *s)
{
	size_t n = 0;

	for (size_t i = 0; i < probe_targets(s->probe); i++)
		n += arping_is_unasked(probe_target(s->probe, i));
	return n;
}

bool arping_is_unasked(const struct probe_target *t)
{
	return !t->probes && !t->macs;
}

/* "02:00:00:00:00:01 (node-a), 02:00:00:00:00:02 (node-b)" */
static void put_owners(const struct arping_show *s, const struct probe_target *t, struct buf *out)
{
	const char *comma = "";

	for (const struct probe_answer *a = NULL; (a = probe_answer(s->probe, t, a));) {
		buf_puts(out, comma);
		arping_put_owner(s, &a->mac, out);
		comma = ", ";
	}
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void show_conclusion(const struct arping_show *s, const struct probe_target *t)
{
	struct buf out = BUF_INIT;
	char ip[ADDR_TEXT_LEN];
	const char *own;

	addr_format(&t->ip, ip);
	if (s->mode == PROBE_ANNOUNCE && t->macs)
		buf_printf(&out, "%s is claimed by others, too: ", ip);
	else if (s->mode == PROBE_DUPLICATE && s->sweep)
		return; /* the table says it */
	else if (s->mode == PROBE_DUPLICATE && t->macs)
		buf_printf(&out, "%s is taken by ", ip);
	else if (s->mode == PROBE_DUPLICATE && is_own(s, t, &own))
		buf_printf(&out, "%s is this host's alone: nobody else answered\n", ip);
	else if (s->mode == PROBE_DUPLICATE && probe_totals(s->probe).cut_short)
		buf_printf(&out, "%s may be free: the %u probe%s so far got no answer\n", ip, t->probes,
		    plural(t->probes));
	else if (s->mode == PROBE_DUPLICATE)
		buf_printf(
		    &out, "%s is free: nobody answered %u probe%s\n", ip, t->probes, plural(t->probes));
	else if (s->mode == PROBE_ASK && t->macs > 1)
		buf_printf(&out, "%s has %u owners: ", ip, t->macs);
	else
		return;
	if (t->macs) {
		put_owners(s, t, &out);
		buf_putc(&out, '\n');
	}
	arping_write_out(&out);
}

static void show_counts(const struct arping_show *s, const struct probe_totals *all, size_t n)
{
	const bool probed = s->mode == PROBE_DUPLICATE;
	const size_t unasked = count_unasked(s);

	printf("%zu of %zu address%s %s, %zu %s", all->answered, n, n == 1 ? "" : "es",
	    probed ? "taken" : "answered", n - all->answered - unasked,
	    !probed          ? "silent"
	    : all->cut_short ? "silent so far"
			     : "free");
	if (unasked)
		printf(", %zu not asked", unasked);
	putchar('\n');
}

static void show_summary(const struct arping_show *s)
{
	struct probe_totals all = probe_totals(s->probe);
	size_t n = probe_targets(s->probe);

	if (s->pool)
		arping_table(s);
	else if (s->sweep)
		show_table(s);
	for (size_t i = 0; i < n; i++)
		show_conclusion(s, probe_target(s->probe, i));
	if (s->mode == PROBE_ANNOUNCE)
		printf("Sent %llu announcement%s%s\n", (unsigned long long)all.probes,
		    plural(all.probes),
		    n && probe_target(s->probe, 0)->ip.family == ADDR_IPV4
			? ", a request and a reply each"
			: "");
	else if (s->sweep)
		show_counts(s, &all, n);
	else
		printf("Sent %llu probe%s, received %llu %s\n", (unsigned long long)all.probes,
		    plural(all.probes), (unsigned long long)all.replies,
		    all.replies == 1 ? "reply" : "replies");
}

/* --who: "192.0.2.10 node-b 02:00:00:00:00:02", a line an owner. */
static void show_who(const struct arping_show *s)
{
	char ip[ADDR_TEXT_LEN], mac[MAC_TEXT_LEN];

	for (size_t i = 0; i < probe_targets(s->probe); i++) {
		const struct probe_target *t = probe_target(s->probe, i);

		addr_format(&t->ip, ip);
		if (!t->answers && !s->sweep)
			printf("%s %s -\n", ip, arping_is_unasked(t) ? "unasked" : "nobody");
		for (const struct probe_answer *a = NULL; (a = probe_answer(s->probe, t, a));) {
			const char *node = arping_nodes_name(s->nodes, &a->mac);

			printf("%s %s %s%s\n", ip, node ? node : "unknown", mac_format(&a->mac, mac),
			    t->macs > 1 ? " CONFLICT" : "");
		}
	}
}

/* What this host has itself was not asked, so no line has told it. */
static void show_own_json(const struct arping_show *s, const struct probe_target *t)
{
	for (const struct probe_answer *a = NULL; (a = probe_answer(s->probe, t, a));) {
		struct buf out = BUF_INIT;
		struct json_writer w = json_writer(&out);

		if (a->replies)
			continue;
		json_begin(&w, '{');
		json_field(&w, "type", "own");
		put_json_answer(s, &w, t, &a->mac);
		json_end(&w, '}');
		buf_putc(&out, '\n');
		arping_write_out(&out);
	}
}

void arping_write_summary(const struct arping_count *at, size_t n)
{
	struct buf out = BUF_INIT;
	struct json_writer w = json_writer(&out);

	json_begin(&w, '{');
	json_field(&w, "type", "summary");
	for (size_t i = 0; i < n; i++) {
		json_key_of(&w, at[i].key);
		json_put_int(&w, (int64_t)at[i].value);
	}
	json_end(&w, '}');
	buf_putc(&out, '\n');
	arping_write_out(&out);
}

static void show_summary_json(const struct arping_show *s)
{
	struct probe_totals all = probe_totals(s->probe);
	const size_t unasked = count_unasked(s);
	const struct arping_count counts[] = {
		{ "addresses", probe_targets(s->probe) },
		{ "answered", all.answered },
		{ "silent", probe_targets(s->probe) - all.answered - unasked },
		{ "unasked", unasked },
		{ "conflicts", all.conflicting },
		{ "probes", all.probes },
		{ "replies", all.replies },
	};

	for (size_t i = 0; i < probe_targets(s->probe); i++)
		show_own_json(s, probe_target(s->probe, i));
	arping_write_summary(counts, ARRAY_LEN(counts));
}

/* Nobody has objected: does that mean that all are free? */
static int judge_duplicate(const struct arping_show *s, struct err *e)
{
	if (!probe_totals(s->probe).cut_short)
		return 0;
	return err_set(e, ERR_NOT_FOUND, "it ended before the last probe was waited for");
}

/* Of single addresses each must answer, of a range one. */
static int judge(const struct arping_show *s, struct err *e)
{
	struct probe_totals all = probe_totals(s->probe);
	char ip[ADDR_TEXT_LEN];

	if (s->mode != PROBE_ASK && all.answered)
		return err_set(e, ERR_CONFLICT, "%s", "");
	if (s->mode != PROBE_ASK)
		return s->mode == PROBE_DUPLICATE ? judge_duplicate(s, e) : 0;
	if (all.conflicting)
		return err_set(e, ERR_CONFLICT, "%s", "");
	if (all.answered && (s->sweep || s->first))
		return 0;
	if (s->sweep)
		return err_set(e, ERR_NOT_FOUND, "nobody answered");
	for (size_t i = 0; i < probe_targets(s->probe); i++) {
		const struct probe_target *t = probe_target(s->probe, i);

		if (!t->macs)
			return err_set(e, ERR_NOT_FOUND, "nobody %s for %s on %s",
			    t->probes ? "answered" : "was asked", addr_format(&t->ip, ip),
			    arping_link_name(s, t));
	}
	return 0;
}

int arping_show_end(const struct arping_show *s, struct err *e)
{
	if (!s->quiet && s->watch)
		arping_news_summary(s);
	else if (!s->quiet && s->json) {
		if (s->pool)
			arping_table(s);
		show_summary_json(s);
	} else if (!s->quiet && s->who)
		show_who(s);
	else if (!s->quiet)
		show_summary(s);
	if ((s->watch     ? arping_news_judge(s, e)
		: s->pool ? arping_table_judge(s, e)
			  : judge(s, e)) == 0)
		return 0;
	if (s->quiet)
		e->text[0] = 0;
	return -1;
}
