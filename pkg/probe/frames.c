/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/probe/frames.h"

/* Whoever asks for an address from that address says that it has it. */
struct addr frames_source(enum probe_mode mode, const struct probe_link *l, const struct addr *ip)
{
	const bool nobody =
	    mode == PROBE_DUPLICATE || l->source.family != ip->family || addr_equal(&l->source, ip);

	return nobody ? (struct addr){ .family = ip->family } : l->source;
}

bool frames_come_in_pairs(enum probe_mode mode, const struct addr *ip)
{
	return mode == PROBE_ANNOUNCE && ip->family == ADDR_IPV4;
}

static struct arp_frame arp_question(
    enum probe_mode mode, const struct probe_link *l, struct in_addr ip, bool half)
{
	const struct addr to = addr_from_in(ip), source = frames_source(mode, l, &to);

	if (mode == PROBE_ANNOUNCE)
		return arp_gratuitous(half ? ARP_REPLY : ARP_REQUEST, &l->mac, ip);
	return arp_request(&l->mac, addr_to_in(&source), ip);
}

static struct ndp_frame ndp_question(
    enum probe_mode mode, const struct probe_link *l, const struct in6_addr *ip)
{
	const struct addr to = addr_from_in6(ip), source = frames_source(mode, l, &to);
	const struct in6_addr source6 = addr_to_in6(&source);

	return mode == PROBE_ANNOUNCE ? ndp_unsolicited(&l->mac, ip)
				      : ndp_solicit(&l->mac, &source6, ip);
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
	struct addr source;

	if (!h->answer || mode == PROBE_ANNOUNCE)
		return false;
	if (h->to.family == ADDR_IPV4 && !mac_equal(&h->to_mac, &l->mac))
		return false;
	source = frames_source(mode, l, &h->owned);
	return addr_kind(&source) == ADDR_UNSPECIFIED || addr_equal(&h->to, &source);
}
