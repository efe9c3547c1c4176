/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/probe/frames.h"

static struct in_addr source4(const struct probe_link *l)
{
	return l->source.family == ADDR_IPV4 ? addr_to_in(&l->source) : (struct in_addr){ 0 };
}

static struct in6_addr source6(const struct probe_link *l)
{
	return l->source.family == ADDR_IPV6 ? addr_to_in6(&l->source) : in6addr_any;
}

bool frames_come_in_pairs(enum probe_mode mode, const struct addr *ip)
{
	return mode == PROBE_ANNOUNCE && ip->family == ADDR_IPV4;
}

static struct arp_frame arp_question(
    enum probe_mode mode, const struct probe_link *l, struct in_addr ip, bool half)
{
	const struct in_addr nobody = { 0 };

	if (mode == PROBE_ANNOUNCE)
		return arp_gratuitous(half ? ARP_REPLY : ARP_REQUEST, &l->mac, ip);
	return arp_request(&l->mac, mode == PROBE_DUPLICATE ? nobody : source4(l), ip);
}

static struct ndp_frame ndp_question(
    enum probe_mode mode, const struct probe_link *l, const struct in6_addr *ip)
{
	struct in6_addr source = mode == PROBE_DUPLICATE ? in6addr_any : source6(l);

	return mode == PROBE_ANNOUNCE ? ndp_unsolicited(&l->mac, ip)
				      : ndp_solicit(&l->mac, &source, ip);
}

struct probe_message frames_question(
    enum probe_mode mode, const struct probe_link *l, const struct addr *ip, bool half)
{
	struct probe_message m = { .ifindex = l->ifindex, .family = ip->family };
	struct in6_addr ip6 = addr_to_in6(ip);

	if (m.family == ADDR_IPV4)
		m.arp = arp_question(mode, l, addr_to_in(ip), half);
	else
		m.ndp = ndp_question(mode, l, &ip6);
	return m;
}

static struct heard heard_arp(const struct arp_frame *f)
{
	const struct arp_packet *a = &f->packet;
	struct heard h = {
		.mac = a->sender_mac,
		.from = f->from,
		.answer = a->op == ARP_REPLY,
		.to = addr_from_in(a->target_ip),
		.to_mac = a->target_mac,
		.unicast = !mac_equal(&f->to, &arp_broadcast),
	};

	if (a->sender_ip.s_addr != 0)
		h.owned = addr_from_in(a->sender_ip);
	else if (a->op == ARP_REQUEST)
		h.wanted = addr_from_in(a->target_ip);
	return h;
}

static struct heard heard_ndp(const struct ndp_frame *f)
{
	struct heard h = {
		.mac = f->has_mac ? f->mac : f->from,
		.from = f->from,
		.answer = f->type == NDP_ADVERTISEMENT,
		.to = addr_from_in6(&f->destination),
		.unicast = !IN6_IS_ADDR_MULTICAST(&f->destination),
	};

	if (h.answer)
		h.owned = addr_from_in6(&f->target);
	else if (IN6_IS_ADDR_UNSPECIFIED(&f->source))
		h.wanted = addr_from_in6(&f->target);
	return h;
}

struct heard frames_heard(const struct probe_message *m)
{
	return m->family == ADDR_IPV4 ? heard_arp(&m->arp) : heard_ndp(&m->ndp);
}

/* Hosts differ in what they write as the target of an ARP answer to 0.0.0.0; the NDP answer to ::
 * goes to all nodes. */
bool frames_answers(const struct heard *h, const struct probe_link *l, enum probe_mode mode)
{
	struct in6_addr as6 = source6(l);
	bool nobody;

	if (!h->answer || mode == PROBE_ANNOUNCE)
		return false;
	nobody = mode == PROBE_DUPLICATE ||
		 (h->to.family == ADDR_IPV4 ? source4(l).s_addr == 0 : IN6_IS_ADDR_UNSPECIFIED(&as6));
	if (h->to.family == ADDR_IPV4 && !mac_equal(&h->to_mac, &l->mac))
		return false;
	return nobody || addr_equal(&h->to, &l->source);
}
