/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/l2/l2.h"

#include <string.h>

#include "pkg/l2/engine.h"

static int compile(struct l2 *l, const struct l2_names *patterns, struct err *e)
{
	l->except = patterns->n ? calloc(patterns->n, sizeof(*l->except)) : NULL;
	if (patterns->n && !l->except)
		return err_memory(e);
	for (size_t i = 0; i < patterns->n; i++) {
		if (!patterns->at[i][0]) /* excludes nothing */
			continue;
		if (pattern_compile(&l->except[l->except_n], patterns->at[i], e) < 0)
			return -1;
		l->except_n++;
	}
	return 0;
}

struct l2 *l2_new(const struct l2_options *o, struct err *e)
{
	struct l2 *l = calloc(1, sizeof(*l));

	if (!l) {
		err_memory(e);
		return NULL;
	}
	l->grace_ms = o->grace_ms;
	l->refresh_ms = o->refresh_ms;
	l->rate = o->rate;
	l->probe_ms = o->probe_ms;
	l->defend = o->defend;
	l->strifes.hash = strife_hash;
	l->links.hash = link_hash;
	l->own_macs.hash = own_mac_hash;
	l->owners.hash = owner_hash;
	l->vips.hash = vip_hash;
	l->probings.hash = probing_hash;
	l->only = names_copy(&o->only, e);
	l->only_n = l->only ? o->only.n : 0;
	l->ignore_n = o->ignore_n;
	if (l->only_n != o->only.n || macs_copy(&l->ignore, o->ignore, o->ignore_n, e) < 0 ||
	    compile(l, &o->except, e) < 0) {
		l2_free(l);
		return NULL;
	}
	return l;
}

void l2_free(struct l2 *l)
{
	struct owner *o;
	struct vip *v;

	if (!l)
		return;
	for (size_t i = 0; (v = table_next(&l->vips, &i)); i--)
		vip_free(l, v);
	for (size_t i = 0; (o = table_next(&l->owners, &i)); i--) {
		table_remove(&l->owners, o);
		free(o);
	}
	while ((o = owners_pop(&l->ended)))
		free(o);
	free(l->spent);
	free(l->told_addresses);
	free(l->told_interfaces);
	free(l->gone);
	links_free(l);
	table_release(&l->vips);
	table_release(&l->owners);
	table_release(&l->strifes);
	table_release(&l->probings);
	free(l->peers);
	free(l->ignore);
	names_free(l->only, l->only_n);
	for (size_t i = 0; i < l->except_n; i++)
		regfree(&l->except[i]);
	free(l->except);
	free(l);
}

/* What both protocols ask and say, in one form. */
struct heard {
	int ifindex;
	bool asks;
	bool probes; /* asks without having an address: whether this one is free */
	struct in6_addr asked;
	struct in6_addr claimed;
	bool claims;
	struct mac from;   /* of the frame */
	struct mac sender; /* whom `claimed` is bound to; who gets the answer */
	struct mac to;
	bool to_all; /* `to` is a broadcast or group address that is right for the question */
};

/* L2_NOT_A_REQUEST: the claim means nothing to us. */
static enum l2_outcome hear_claim(struct l2 *l, const struct heard *h)
{
	struct vip *v = h->claims ? vip_find(l, &h->claimed) : NULL;
	struct place *p = v ? place_find(v, h->ifindex) : NULL;

	if (!v || (!p && !v->blocked))
		return L2_NOT_A_REQUEST;
	if (mac_is_ignored(l, &h->sender))
		return L2_IGNORED_CLAIM;
	if (v->blocked)
		return probing_taken(l, v, &h->sender, h->ifindex) ? L2_TAKEN : L2_NOT_A_REQUEST;
	if (p->announced)
		return claim(l, p, &h->sender);
	vip_succeed(l, v, &h->sender);
	return L2_SUCCESSOR;
}

/* L2_ANSWERED: k is there. */
static enum l2_outcome hear_question(struct l2 *l, const struct heard *h, const struct link *k)
{
	struct vip *v = vip_find(l, &h->asked);
	struct place *p = v ? place_find(v, h->ifindex) : NULL;

	if (v && v->blocked && h->probes && !mac_is_ignored(l, &h->sender) &&
	    probing_taken(l, v, &h->sender, h->ifindex))
		return L2_TAKEN;
	if (!k || !p)
		return v && vip_is_wanted(v) ? L2_NOT_HERE : L2_NOT_ANNOUNCED;
	p->requests++;
	if (!h->to_all && !mac_equal(&h->to, &k->mac))
		return L2_NOT_TO_US;
	if (h->sender.bytes[0] & 1)
		return L2_BAD_SENDER;
	if (l->late)
		return L2_LATE;
	p->answered++;
	return L2_ANSWERED;
}

static enum l2_outcome judge(struct l2 *l, const struct heard *h, const struct link *k)
{
	enum l2_outcome claimed;

	if (mac_is_own(l, &h->from) || mac_is_own(l, &h->sender))
		return L2_OWN_FRAME;
	claimed = hear_claim(l, h);
	if (!h->asks ||
	    (claimed != L2_NOT_A_REQUEST && !memcmp(&h->asked, &h->claimed, sizeof(h->asked))))
		return claimed;
	return hear_question(l, h, k);
}

/* *on: the link it came by, or NULL. */
static enum l2_outcome hear(
    struct l2 *l, const struct heard *h, uint64_t now_ms, const struct link **on)
{
	struct link *k = link_find(l, h->ifindex);
	enum l2_outcome o;

	if (now_ms > l->now)
		l->now = now_ms;
	o = judge(l, h, k);
	if (k)
		k->outcomes[o]++;
	*on = k;
	return o;
}

void l2_set_late(struct l2 *l, bool late)
{
	l->late = late;
}

enum l2_outcome l2_receive_arp(
    struct l2 *l, const struct arp_message *m, uint64_t now_ms, struct arp_message *reply)
{
	const struct arp_packet *q = &m->frame.packet;
	const struct heard h = {
		.ifindex = m->ifindex,
		.asks = q->op == ARP_REQUEST,
		.probes = !q->sender_ip.s_addr,
		.claims = q->sender_ip.s_addr,
		.asked = addr_map(q->target_ip),
		.claimed = addr_map(q->sender_ip),
		.from = m->frame.from,
		.sender = q->sender_mac,
		.to = m->frame.to,
		.to_all = mac_equal(&m->frame.to, &arp_broadcast),
	};
	const struct link *k;
	enum l2_outcome o = hear(l, &h, now_ms, &k);

	if (o == L2_ANSWERED) {
		reply->ifindex = m->ifindex;
		reply->frame = arp_reply(q, &k->mac);
	}
	return o;
}

enum l2_outcome l2_receive_ndp(
    struct l2 *l, const struct ndp_message *m, uint64_t now_ms, struct ndp_message *reply)
{
	const struct ndp_frame *f = &m->frame;
	const struct heard h = {
		.ifindex = m->ifindex,
		.asks = f->type == NDP_SOLICITATION,
		.probes = IN6_IS_ADDR_UNSPECIFIED(&f->source),
		.asked = f->target,
		.claims = f->type == NDP_ADVERTISEMENT,
		.claimed = f->target,
		.from = f->from,
		.sender = f->has_mac ? f->mac : f->from,
		.to = f->to,
		.to_all = f->to.bytes[0] & 1,
	};
	const struct link *k;
	enum l2_outcome o = hear(l, &h, now_ms, &k);

	if (o == L2_ANSWERED) {
		reply->ifindex = m->ifindex;
		reply->frame = ndp_answer(f, &k->mac);
	}
	return o;
}

void l2_tick(struct l2 *l, uint64_t now_ms)
{
	l->now = now_ms;
	owners_tick(l);
	probings_tick(l);
	bursts_wake(l);
}

const char *l2_outcome_text(enum l2_outcome o)
{
	static const char *const text[] = {
		[L2_ANSWERED] = "answered",
		[L2_NOT_A_REQUEST] = "not a request",
		[L2_NOT_ANNOUNCED] = "not announced",
		[L2_NOT_HERE] = "not announced on this link",
		[L2_NOT_TO_US] = "sent to another host",
		[L2_OWN_FRAME] = "from this host",
		[L2_BAD_SENDER] = "the sender's MAC is a group address",
		[L2_SUCCESSOR] = "another host has taken over",
		[L2_PEER_CLAIM] = "another node claims it",
		[L2_FOREIGN_CLAIM] = "another host claims it",
		[L2_IGNORED_CLAIM] = "its claims are ignored",
		[L2_TAKEN] = "another host has it",
		[L2_LATE] = "asked too long ago",
	};

	return text[o];
}

size_t l2_addresses(const struct l2 *l, struct addr *out, size_t max)
{
	const struct vip *v;
	size_t n = 0;

	for (size_t i = 0; (v = table_next(&l->vips, &i));) {
		if (!vip_is_wanted(v))
			continue;
		if (n < max)
			out[n] = addr_from_mapped(&v->first.ip);
		n++;
	}
	return n;
}

static bool is_announced(struct vip *v)
{
	const struct place *p;

	for (size_t i = 0; (p = vip_next_place(v, &i));)
		if (p->announced)
			return true;
	return false;
}

size_t l2_announced(const struct l2 *l, struct addr *out, size_t max)
{
	struct vip *v;
	size_t n = 0;

	for (size_t i = 0; (v = table_next(&l->vips, &i));) {
		if (!is_announced(v))
			continue;
		if (n < max)
			out[n] = addr_from_mapped(&v->first.ip);
		n++;
	}
	return n;
}

size_t l2_groups(const struct l2 *l, struct ndp_group *out, size_t max)
{
	const struct place *p;
	const struct link *k;
	struct vip *v;
	size_t n = 0;

	for (size_t i = 0; (v = table_next(&l->vips, &i));) {
		if (!ip_is_ipv6(&v->first.ip))
			continue;
		for (size_t j = 0; (p = vip_next_place(v, &j)); n++)
			if (n < max)
				out[n] = (struct ndp_group){ p->ifindex, ndp_solicited_node(&p->ip),
					link_find(l, p->ifindex)->ipv6_lost };
		for (size_t j = 0; v->blocked && (k = probing_next_link(l, v, &j)); n++)
			if (n < max)
				out[n] = (struct ndp_group){ k->ifindex,
					ndp_solicited_node(&v->first.ip), k->ipv6_lost };
	}
	return n;
}

int l2_first_link(const struct l2 *l, const struct addr *a)
{
	struct in6_addr ip = addr_to_mapped(a);
	struct vip *v = vip_find(l, &ip);
	const struct place *p;
	int lowest = 0;

	for (size_t i = 0; v && (p = vip_next_place(v, &i));)
		if (!lowest || p->ifindex < lowest)
			lowest = p->ifindex;
	return lowest;
}

uint64_t l2_generation(const struct l2 *l)
{
	return l->generation;
}

uint64_t l2_groups_generation(const struct l2 *l)
{
	return l->groups_generation;
}

uint64_t l2_deadline(const struct l2 *l)
{
	uint64_t at = l->succession ? l->now : bursts_deadline(l);
	uint64_t news = claims_deadline(l);
	uint64_t probe = probings_deadline(l);
	uint64_t grace = owners_deadline(l);

	at = news < at ? news : at;
	at = probe < at ? probe : at;
	return grace < at ? grace : at;
}

bool l2_is_idle(const struct l2 *l)
{
	return l->owners.n == 0;
}
