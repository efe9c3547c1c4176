/* SPDX-License-Identifier: Apache-2.0 */
/* responder: answers ARP requests and Neighbor Solicitations inside the kernel, on the strength of a
 * process that has just answered some itself.
 *
 * An eBPF program at the ingress of a link answers the plain requests for the addresses that were
 * added, with the bytes that this process would send, so that a client has its answer as soon as from
 * the kernel's own ARP, and nobody is woken.  What it answers nobody else on this host sees, but those
 * who see everything (tcpdump).  All else is passed on: probes, claims, frames of this host, and
 * whatever is not quite as usual.
 *
 * It answers until a moment that the process sets anew each time that it has answered, so it is silent
 * soon after the process stands still; then the next request comes to the process's socket.  When the
 * process is killed, the kernel detaches the program first of all, link by link.
 *
 * Needs Linux 6.6 (the hook tcx), CAP_BPF and CAP_NET_ADMIN.  To attach or detach a program takes the
 * kernel 10 to 30 ms, in which this process waits. */
#ifndef LB_RESPONDER_H
#define LB_RESPONDER_H

#include <netinet/in.h>

#include "pkg/addr/addr.h"
#include "pkg/err/err.h"

enum {
	RESPONDER_ADDRESSES = 65536, /* at most, counted once a link */
	RESPONDER_LINKS = 4,         /* so that to end does not take long */
};

struct responder;
/* ERR_PERMISSION names the capabilities; ERR_SYSTEM: the kernel is older, or has no eBPF. */
struct responder *responder_new(struct err *e) MUST_CHECK;
void responder_free(struct responder *r); /* the program is gone when it returns; NULL is fine */

/* The MACs of this host, whose frames are left alone, instead of those of before. */
int responder_set_own(struct responder *r, const struct mac *at, size_t n, struct err *e) MUST_CHECK;

/* Answers on a link with that MAC, from now on; what was added for the link is kept.  Nothing happens
 * where that is so already. */
int responder_set_link(
    struct responder *r, int ifindex, const struct mac *mac, struct err *e) MUST_CHECK;
bool responder_has_link(const struct responder *r, int ifindex); /* it was set */
/* The links that were set, one after the other (*i: 0 at first); 0 when there are no more. */
int responder_next_link(const struct responder *r, size_t *i);
void responder_drop_link(struct responder *r, int ifindex); /* unknown ones are fine */

/* An address that may be answered on a link, and one that must not any more. */
int responder_add(struct responder *r, const struct addr *ip, int ifindex, struct err *e) MUST_CHECK;
int responder_drop(struct responder *r, const struct addr *ip, int ifindex, struct err *e) MUST_CHECK;

/* Until when, by CLOCK_MONOTONIC; 0: not now. */
void responder_answer_until(struct responder *r, uint64_t until_ms);

/* How often it has answered: since the address was added, since the link was set first. */
uint64_t responder_answered(const struct responder *r, const struct addr *ip, int ifindex);
uint64_t responder_answered_on(const struct responder *r, int ifindex);

#endif
