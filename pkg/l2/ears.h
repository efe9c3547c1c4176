/* SPDX-License-Identifier: Apache-2.0 */
/* ears: the sockets that hear and speak ARP and NDP on all links, their kernel filters, and the
 * multicast groups. */
#ifndef LB_L2_EARS_H
#define LB_L2_EARS_H

#include "pkg/l2/l2.h"
#include "pkg/log/log.h"

struct ears {
	int arp, ndp; /* -1: none */
	struct ndp_groups *groups;
	struct arp_message arp_out[PACKET_BATCH]; /* to be sent, in order */
	struct ndp_message ndp_out[PACKET_BATCH];
	size_t arp_n, ndp_n;
	uint64_t full_since_ms; /* the queue of a socket; 0: it isn't */
	struct log_limit lost_limit;
};

int ears_open(struct ears *x, struct err *e) MUST_CHECK;
void ears_close(struct ears *x);

/* The kernel filters for those addresses: requests for them, and frames that claim them. */
int ears_hear(struct ears *x, const struct addr *set, size_t n, struct err *e) MUST_CHECK;
/* The groups that the engine wants to be in. */
int ears_join(struct ears *x, const struct l2 *l, struct err *e) MUST_CHECK;

/* Sends what stands in arp_out and ndp_out; false when the kernel takes no more for now.  A link that
 * sends nothing fills the sockets' queues, which are all links', and must not make us deaf on the
 * others: what has to wait longer than a moment is lost, and so is what the link itself drops. */
bool ears_send(struct ears *x, uint64_t now_ms);
/* For --log debug:l2, a frame that was heard. */
void ears_log_arp(const struct netlink_world *w, const struct arp_message *m, enum l2_outcome o);
void ears_log_ndp(const struct netlink_world *w, const struct ndp_message *m, enum l2_outcome o);
/* Takes a frame for sending; there is room as long as neither array is full. */
void ears_queue(struct ears *x, const struct l2_frame *f);
/* Where the last of these goes; there is one. */
static inline int ears_last_link(const struct ears *x)
{
	return x->arp_n ? x->arp_out[x->arp_n - 1].ifindex : x->ndp_out[x->ndp_n - 1].ifindex;
}
static inline bool ears_have_room(const struct ears *x)
{
	return x->arp_n < PACKET_BATCH && x->ndp_n < PACKET_BATCH;
}

#endif
