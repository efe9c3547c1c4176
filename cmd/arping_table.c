/* SPDX-License-Identifier: Apache-2.0 */
/* What lbctl arping --pool prints: what is assigned against who answers. */
#include <stdio.h>
#include <string.h>

#include "cmd/arping.h"
#include "pkg/json/json.h"

/* How an address is, worst last. */
enum state {
	FREE,
	OK,
	HERE,       /* the elected node is this host, which isn't asked by itself */
	NOT_WANTED, /* assigned, but no node shall announce it, and none does */
	UNASKED,
	SILENT,
	IN_USE,
	WRONG_NODE,
	FOREIGN,
	CONFLICT,
};

static const char *const texts[] = { "free", "ok", "ok, this host", "not announced", "not asked",
	"SILENT", "IN USE", "WRONG NODE", "FOREIGN", "CONFLICT" };
static const char *const words[] = { "Free", "OK", "ThisHost", "NotAnnounced", "NotAsked", "Silent",
	"InUse", "WrongNode", "Foreign", "Conflict" };

static const struct probe_answer *first_answer(
    const struct arping_show *s, const struct probe_target *t)
{
	return probe_answer(s->probe, t, NULL);
}

struct owners {
	size_t n;
	struct mac first;
};

/* Who answered; with --watch, who does in the end.  This host's own answer is known without asking. */
static struct owners owners_of(const struct arping_show *s, const struct probe_target *t)
{
	const struct probe_answer *a = first_answer(s, t);
	bool own = a && !a->replies;
	struct owners is = { .n = t->macs };

	if (a)
		is.first = a->mac;
	if (s->watched) {
		struct probe_watched now =
		    probe_watch_target(s->watched, (size_t)(t - probe_target(s->probe, 0)));

		is.n = now.owners + own;
		if (!own)
			is.first = now.owner;
	}
	return is;
}

static enum state state_of(
    const struct arping_show *s, const struct probe_target *t, const struct arping_held *h)
{
	struct owners is = owners_of(s, t);
	const char *node = is.n ? arping_nodes_name(s->nodes, &is.first) : NULL;

	if (is.n > 1)
		return CONFLICT;
	if (arping_is_unasked(t))
		return UNASKED;
	if (!h)
		return is.n ? IN_USE : FREE;
	if (!h->elected)
		return is.n ? (node ? WRONG_NODE : FOREIGN) : NOT_WANTED;
	if (!is.n)
		return arping_nodes_is_here(s->nodes, h->elected) ? HERE : SILENT;
	if (!node)
		return FOREIGN;
	return strcmp(node, h->elected) != 0 ? WRONG_NODE : OK;
}

/* One line of the table, or several addresses of nobody. */
struct row {
	char address[RANGE_TEXT_LEN];
	const char *service;
	const char *elected;
	const char *node;
	char mac[MAC_TEXT_LEN];
	char rtt[32];
	char state[64];
};

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

/* Why nobody shall announce it belongs to the state. */
static void set_state(struct row *r, enum state state, const struct arping_held *h)
{
	bool why = h && !h->elected && h->code[0];

	snprintf(
	    r->state, sizeof(r->state), "%s%s%s", texts[state], why ? ": " : "", why ? h->code : "");
}

static struct row row_of(const struct arping_show *s, const struct probe_target *t,
    const struct arping_held *h, const struct probe_answer *a)
{
	struct row r = { .mac = "-", .rtt = "-" };

	addr_format(&t->ip, r.address);
	r.service = or_dash(h ? h->service : NULL);
	r.elected = or_dash(h ? h->elected : NULL);
	r.node = a ? arping_nodes_name(s->nodes, &a->mac) : NULL;
	r.node = a && !r.node ? "unknown" : or_dash(r.node);
	if (a)
		mac_format(&a->mac, r.mac);
	if (a && a->replies)
		arping_rtt_text(a->rtt_us, r.rtt);
	set_state(&r, state_of(s, t, h), h);
	return r;
}

typedef void row_fn(const struct row *r, void *arg);

/* Neighbours that are free, or that nobody was asked for, become one row. */
static size_t free_run(const struct arping_show *s, size_t from)
{
	const bool unasked = arping_is_unasked(probe_target(s->probe, from));
	struct addr next = probe_target(s->probe, from)->ip;
	size_t i = from;

	for (; i < probe_targets(s->probe); i++) {
		const struct probe_target *t = probe_target(s->probe, i);

		if (!addr_equal(&t->ip, &next) || t->answers || arping_is_unasked(t) != unasked ||
		    arping_pool_find(s->pool, &t->ip))
			break;
		if (!addr_next(&next))
			return i + 1;
	}
	return i;
}

static void each_row(const struct arping_show *s, row_fn *fn, void *arg)
{
	for (size_t i = 0; i < probe_targets(s->probe);) {
		const struct probe_target *t = probe_target(s->probe, i);
		const struct arping_held *h = arping_pool_find(s->pool, &t->ip);
		const struct probe_answer *a = first_answer(s, t);
		struct row r = row_of(s, t, h, a);
		size_t end = free_run(s, i);

		if (end > i + 1) {
			struct range run = { t->ip, probe_target(s->probe, end - 1)->ip };

			range_format(&run, r.address);
		}
		fn(&r, arg);
		while (a && (a = probe_answer(s->probe, t, a))) {
			r = row_of(s, t, h, a);
			fn(&r, arg);
		}
		i = end > i ? end : i + 1;
	}
}

struct widths {
	int address, service, elected, node, rtt;
};

static void measure(const struct row *r, void *arg)
{
	struct widths *w = arg;

	arping_widen(&w->address, r->address);
	arping_widen(&w->service, r->service);
	arping_widen(&w->elected, r->elected);
	arping_widen(&w->node, r->node);
	arping_widen(&w->rtt, r->rtt);
}

static void print_row(const struct row *r, void *arg)
{
	const struct widths *w = arg;

	printf("%-*s  %-*s  %-*s  %-*s  %-17s  %-*s  %s\n", w->address, r->address, w->service,
	    r->service, w->elected, r->elected, w->node, r->node, r->mac, w->rtt, r->rtt, r->state);
}

static void put_answers(
    const struct arping_show *s, struct json_writer *w, const struct probe_target *t)
{
	char mac[MAC_TEXT_LEN];

	json_key(w, "answers");
	json_begin(w, '[');
	for (const struct probe_answer *a = NULL; (a = probe_answer(s->probe, t, a));) {
		json_begin(w, '{');
		json_field(w, "mac", mac_format(&a->mac, mac));
		json_key(w, "node");
		json_put(w, arping_nodes_name(s->nodes, &a->mac));
		if (a->replies) {
			json_key(w, "rtt_us");
			json_put_int(w, (int64_t)a->rtt_us);
		}
		json_end(w, '}');
	}
	json_end(w, ']');
}

/* Each address, also those that are free. */
static void print_json(const struct arping_show *s, const struct probe_target *t)
{
	const struct arping_held *h = arping_pool_find(s->pool, &t->ip);
	struct buf out = BUF_INIT;
	struct json_writer w = json_writer(&out);
	char ip[ADDR_TEXT_LEN];

	json_begin(&w, '{');
	json_field(&w, "type", "address");
	json_field(&w, "address", addr_format(&t->ip, ip));
	json_field(&w, "pool", s->pool->name);
	json_key(&w, "service");
	json_put(&w, h ? h->service : NULL);
	json_key(&w, "elected");
	json_put(&w, h ? h->elected : NULL);
	json_key(&w, "code");
	json_put(&w, h ? h->code : NULL);
	put_answers(s, &w, t);
	json_field(&w, "state", words[state_of(s, t, h)]);
	json_end(&w, '}');
	buf_putc(&out, '\n');
	arping_write_out(&out);
}

void arping_table(const struct arping_show *s)
{
	static const struct row head = { "ADDRESS", "SERVICE", "ELECTED", "ANSWERS", "MAC", "RTT",
		"STATE" };
	struct widths w = { 0 };

	for (size_t i = 0; s->json && i < probe_targets(s->probe); i++)
		print_json(s, probe_target(s->probe, i));
	if (s->json)
		return;
	measure(&head, &w);
	each_row(s, measure, &w);
	print_row(&head, &w);
	each_row(s, print_row, &w);
}

/* The worst of all addresses. */
int arping_table_judge(const struct arping_show *s, struct err *e)
{
	enum state worst = FREE;
	char ip[ADDR_TEXT_LEN];
	const struct addr *where = NULL;

	for (size_t i = 0; i < probe_targets(s->probe); i++) {
		const struct probe_target *t = probe_target(s->probe, i);
		enum state state = state_of(s, t, arping_pool_find(s->pool, &t->ip));

		if (state > worst) {
			worst = state;
			where = &t->ip;
		}
	}
	if (worst < UNASKED)
		return 0;
	if (worst == UNASKED)
		return err_set(e, ERR_NOT_FOUND, "it ended before all were asked for");
	return err_set(e, worst == SILENT ? ERR_NOT_FOUND : ERR_CONFLICT,
	    "not all is as it should be: %s is %s", addr_format(where, ip), texts[worst]);
}
