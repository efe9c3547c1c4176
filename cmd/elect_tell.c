/* SPDX-License-Identifier: Apache-2.0 */
/* What lbctl elect adds to the stream: a Service's Announcement for this node, with the addresses
 * that it won, and a Decision for each address, or one for all when they share the reason. */
#include <string.h>

#include "cmd/elect.h"
#include "pkg/record/record.h"

static bool is_ours(const struct elect *x, const struct election_address *a)
{
	return a->winner && !strcmp(a->winner, x->node);
}

/* Why a node, in particular, is not even a candidate: this one, or the one that announces it without
 * the what-if. */
static void put_refusal(struct buf *out, const struct elect *x, const struct election_address *a)
{
	const char *was = x->plain ? election_winner(x->plain, &a->addr) : x->node;

	for (size_t i = a->candidates_n; was && i < a->nodes_n; i++)
		if (!strcmp(a->nodes[i].name, was))
			buf_printf(out, "; %s may not: %s", was, a->nodes[i].message);
}

static void put_address(struct buf *out, const struct elect *x, const struct election_address *a)
{
	char text[ADDR_TEXT_LEN];

	if (!a->winner) {
		buf_puts(out, a->message);
		return;
	}
	buf_printf(out, "%s announces %s", a->winner, addr_format(&a->addr, text));
	if (a->candidates_n > 1)
		buf_printf(out, ", first of %zu candidates%s%s", a->candidates_n,
		    a->nodes[0].message[0] ? " by " : "", a->nodes[0].message);
	else
		buf_puts(out, ", the only candidate");
	put_refusal(out, x, a);
}

static enum record_verdict verdict_of(const char *code)
{
	static const char *const waiting[] = { "NoAddress", "NoEndpoints", "NoCandidate" };

	for (size_t i = 0; i < ARRAY_LEN(waiting); i++)
		if (!strcmp(code, waiting[i]))
			return VERDICT_WAITING;
	return VERDICT_REFUSED;
}

int elect_add(struct elect *x, struct buf *record, struct err *e)
{
	bool bad = record->bad;

	stage_add(x->stage, record);
	buf_release(record);
	return bad ? err_memory(e) : 0;
}

static struct record_decision decision(const struct election_outcome *o)
{
	return (struct record_decision){
		.subject_kind = "Service",
		.namespace = o->namespace,
		.name = o->name,
		.component = "elect",
	};
}

/* Of the Service as a whole. */
static int decide_service(struct elect *x, const struct election_outcome *o, struct err *e)
{
	CLEANUP(freep) struct addr *addresses = NULL;
	struct record_decision d = decision(o);
	struct buf out = BUF_INIT;

	if (o->now) {
		d.verdict = verdict_of(o->now->code);
		d.code = o->now->code;
		d.message = o->now->message;
		d.addresses_n = o->now->addresses_n;
		d.addresses = addresses = calloc(d.addresses_n + 1, sizeof(*addresses));
		if (!addresses)
			return err_memory(e);
		for (size_t i = 0; i < d.addresses_n; i++)
			addresses[i] = o->now->addresses[i].addr;
	} else {
		d.verdict = VERDICT_RELEASED;
		d.code = o->deleted ? "ServiceDeleted" : "NotLoadBalancer";
		d.message = o->deleted ? "the Service is deleted"
				       : "the Service is no load balancer, or one of another class";
	}
	record_decision(&out, &d);
	return elect_add(x, &out, e);
}

static int decide_address(
    struct elect *x, const struct election_outcome *o, const struct election_address *a, struct err *e)
{
	const char *was = x->plain ? election_winner(x->plain, &a->addr) : NULL;
	CLEANUP(buf_release) struct buf message = BUF_INIT;
	struct record_decision d = decision(o);
	struct buf out = BUF_INIT;
	bool stays = was && a->winner ? !strcmp(was, a->winner) : !was && !a->winner;

	if (x->plain && x->rows && !x->wide && stays)
		return 0;

	put_address(&message, x, a);
	if (message.bad)
		return err_memory(e);
	d.verdict = a->winner ? VERDICT_DONE : verdict_of(a->code);
	d.code = !a->winner ? a->code : is_ours(x, a) ? "Elected" : "NotElected";
	d.message = message.data;
	d.addresses = &a->addr;
	d.addresses_n = 1;
	d.considered = a->nodes;
	d.considered_n = a->nodes_n;
	d.before = x->plain ? (was ? was : "") : NULL;
	record_decision(&out, &d);
	return elect_add(x, &out, e);
}

/* This node's addresses of a result. */
struct mine {
	struct addr *at;
	size_t n;
	const struct election_address *first;
	bool news;
};

static int find_mine(
    const struct elect *x, const struct election_result *r, struct mine *m, struct err *e)
{
	m->at = calloc(r ? r->addresses_n + 1 : 1, sizeof(*m->at));
	if (!m->at)
		return err_memory(e);
	for (size_t i = 0; r && i < r->addresses_n; i++) {
		const struct election_address *a = &r->addresses[i];

		if (!is_ours(x, a))
			continue;
		if (!m->n)
			m->first = a;
		m->at[m->n++] = a->addr;
		m->news |= a->news != ELECTION_SAME;
	}
	return 0;
}

static bool same_addresses(const struct mine *a, const struct mine *b)
{
	for (size_t i = 0; i < a->n && a->n == b->n; i++)
		if (!addr_equal(&a->at[i], &b->at[i]))
			return false;
	return a->n == b->n;
}

/* Why this node announces these, or what became of those that it did. */
static void put_reason(
    struct buf *out, const struct elect *x, const struct election_outcome *o, bool is)
{
	const struct election_result *r = o->now;

	if (!r || r->code[0])
		buf_puts(out, r ? r->message
			      : o->deleted
				  ? "the Service is deleted"
				  : "the Service is no load balancer, or one of another class");
	for (size_t i = 0; r && !r->code[0] && i < r->addresses_n; i++) {
		if (is && !is_ours(x, &r->addresses[i]))
			continue;
		if (out->len)
			buf_puts(out, "; ");
		put_address(out, x, &r->addresses[i]);
	}
}

static int announce(struct elect *x, const struct election_outcome *o, const struct mine *was,
    const struct mine *is, struct err *e)
{
	const struct election_result *r = is->n ? o->now : o->before;
	const struct mine *m = is->n ? is : was;
	CLEANUP(buf_release) struct buf reason = BUF_INIT;
	struct buf out = BUF_INIT;

	if ((!was->n && !is->n) || (was->n && is->n && !is->news && same_addresses(was, is)))
		return 0;
	put_reason(&reason, x, o, is->n > 0);
	if (reason.bad)
		return err_memory(e);
	record_announcement(&out,
	    !is->n   ? "DELETED"
	    : was->n ? "MODIFIED"
		     : "ADDED",
	    &(struct record_announcement){
		.namespace = o->namespace,
		.name = o->name,
		.uid = o->uid,
		.node = x->node,
		.addresses = m->at,
		.addresses_n = m->n,
		.pool = r->pool,
		.interfaces = m->first->interfaces,
		.interfaces_n = m->first->interfaces_n,
		.reason = reason.data,
		.candidates = is->n ? m->first->nodes : NULL,
		.candidates_n = is->n ? m->first->candidates_n : 0,
	    });
	return elect_add(x, &out, e);
}

int elect_tell(struct elect *x, const struct election_outcome *o, struct err *e)
{
	struct mine was = { 0 }, is = { 0 };
	int rc = 0;

	if (!x->rows) {
		rc = find_mine(x, o->before, &was, e);
		if (rc == 0)
			rc = find_mine(x, o->now, &is, e);
		if (rc == 0)
			rc = announce(x, o, &was, &is, e);
		free(was.at);
		free(is.at);
	}
	if (rc == 0 && o->decided && !(x->plain && x->rows))
		rc = decide_service(x, o, e);
	for (size_t i = 0; rc == 0 && o->now && i < o->now->addresses_n; i++)
		if (o->now->addresses[i].news == ELECTION_DECIDED)
			rc = decide_address(x, o, &o->now->addresses[i], e);
	return rc;
}
