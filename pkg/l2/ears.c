/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/l2/ears.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 100 }; /* for a queue that is full */

int ears_open(struct ears *x, struct err *e)
{
	*x = (struct ears){ .arp = -1, .ndp = -1, .lost_limit = { .burst = 1, .window_ms = 60000 } };
	x->arp = arp_open(0, e);
	x->ndp = x->arp < 0 ? -1 : ndp_open(0, e);
	if (x->ndp < 0 || packet_time(x->arp, e) < 0 || packet_time(x->ndp, e) < 0)
		return -1;
	x->groups = ndp_groups_new(e);
	return x->groups ? 0 : -1;
}

void ears_close(struct ears *x)
{
	ndp_groups_free(x->groups);
	if (x->arp >= 0)
		close(x->arp);
	if (x->ndp >= 0)
		close(x->ndp);
}

int ears_hear(struct ears *x, const struct addr *set, size_t n, struct err *e)
{
	CLEANUP(freep) struct in_addr *v4 = malloc(n * sizeof(*v4) + 1);
	CLEANUP(freep) struct in6_addr *v6 = malloc(n * sizeof(*v6) + 1);
	size_t v4_n = 0, v6_n = 0;
	bool arp_exact, ndp_exact;

	if (!v4 || !v6)
		return err_memory(e);
	for (size_t i = 0; i < n; i++)
		if (set[i].family == ADDR_IPV4)
			v4[v4_n++] = addr_to_in(&set[i]);
		else
			v6[v6_n++] = addr_to_in6(&set[i]);
	if (arp_hear(x->arp, v4, v4_n, ARP_MATCH_ASKED | ARP_MATCH_SENDER, &arp_exact, e) < 0 ||
	    ndp_hear(x->ndp, v6, v6_n, NDP_MATCH_ASKED | NDP_MATCH_CLAIMS, &ndp_exact, e) < 0)
		return -1;
	if (!arp_exact || !ndp_exact)
		log_debug("l2", "the kernel filters for %zu addresses let some neighbours through", n);
	return 0;
}

int ears_join(struct ears *x, const struct l2 *l, struct err *e)
{
	size_t n = l2_groups(l, NULL, 0);
	CLEANUP(freep) struct ndp_group *want = malloc(n * sizeof(*want) + 1);

	if (!want)
		return err_memory(e);
	return ndp_groups_sync(x->groups, x->ndp, want, l2_groups(l, want, n), e);
}

/* The link went down or away, of which netlink will tell, or it drops what it is given. */
static void lose(struct ears *x, const struct err *e, uint64_t now_ms)
{
	if (e->sys == ENOBUFS && log_allow(&x->lost_limit, now_ms))
		log_warn("l2", "%s: its queue is full, or a rule drops it", e->text);
	else
		log_debug("l2", "%s", e->text);
}

static size_t send_arp(struct ears *x, uint64_t now_ms)
{
	size_t done = 0;

	while (done < x->arp_n) {
		struct err e = ERR_INIT;
		int sent = arp_send(x->arp, x->arp_out + done, x->arp_n - done, &e);

		if (sent == 0)
			break;
		if (sent < 0)
			lose(x, &e, now_ms);
		done += sent < 0 ? 1 : (size_t)sent;
	}
	x->arp_n -= done;
	memmove(x->arp_out, x->arp_out + done, x->arp_n * sizeof(x->arp_out[0]));
	return x->arp_n;
}

static size_t send_ndp(struct ears *x, uint64_t now_ms)
{
	size_t done = 0;

	while (done < x->ndp_n) {
		struct err e = ERR_INIT;
		int sent = ndp_send(x->ndp, x->ndp_out + done, x->ndp_n - done, &e);

		if (sent == 0)
			break;
		if (sent < 0)
			lose(x, &e, now_ms);
		done += sent < 0 ? 1 : (size_t)sent;
	}
	x->ndp_n -= done;
	memmove(x->ndp_out, x->ndp_out + done, x->ndp_n * sizeof(x->ndp_out[0]));
	return x->ndp_n;
}

bool ears_send(struct ears *x, uint64_t now_ms)
{
	const bool any = x->arp_n + x->ndp_n;
	const size_t left = send_arp(x, now_ms), all_left = left + send_ndp(x, now_ms);

	if (all_left == 0) {
		x->full_since_ms = any ? 0 : x->full_since_ms;
		return true;
	}
	if (!x->full_since_ms)
		x->full_since_ms = now_ms;
	if (now_ms - x->full_since_ms < PATIENCE_MS)
		return false;
	if (log_allow(&x->lost_limit, now_ms))
		log_warn("l2",
		    "the queues for sending have been full for %d ms; what does not go is lost",
		    PATIENCE_MS);
	x->arp_n = x->ndp_n = 0;
	return true;
}

void ears_queue(struct ears *x, const struct l2_frame *f)
{
	if (f->ipv6)
		x->ndp_out[x->ndp_n++] = (struct ndp_message){ f->ifindex, f->ndp };
	else
		x->arp_out[x->arp_n++] = (struct arp_message){ f->ifindex, f->arp };
}

static void log_frame(const struct netlink_world *w, int ifindex, const struct mac *by, bool asks,
    const struct addr *target, enum l2_outcome o)
{
	const struct netlink_link *k = netlink_link_by_index(w, ifindex);
	char mac[MAC_TEXT_LEN], ip[ADDR_TEXT_LEN];

	log_debug("l2", "%s on %s, %s %s: %s", mac_format(by, mac), k ? k->name : "an unknown link",
	    asks ? "asks for" : "answers", addr_format(target, ip), l2_outcome_text(o));
}

void ears_log_arp(const struct netlink_world *w, const struct arp_message *m, enum l2_outcome o)
{
	struct addr target = addr_from_in(m->frame.packet.target_ip);

	log_frame(
	    w, m->ifindex, &m->frame.packet.sender_mac, m->frame.packet.op == ARP_REQUEST, &target, o);
}

void ears_log_ndp(const struct netlink_world *w, const struct ndp_message *m, enum l2_outcome o)
{
	struct addr target = addr_from_in6(&m->frame.target);

	log_frame(w, m->ifindex, &m->frame.from, m->frame.type == NDP_SOLICITATION, &target, o);
}
