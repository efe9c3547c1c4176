/* SPDX-License-Identifier: Apache-2.0 */
/* l2: makes addresses known on the local network: who has 192.0.2.10?  This host.
 *
 * The engine (struct l2) owns no socket and no clock.  It is told the links of this host, the
 * announcements that come, change and go, the frames that arrive and the time; it tells which
 * frames to send and what happened.  An address of several announcements is answered as long as
 * one of them is there, on every link that one of them allows.
 *
 * Unasked frames (gratuitous ARP, unsolicited Neighbor Advertisements) are sent where they are news:
 * on every link when an address is taken over, and on one link when that comes up or changes its
 * MAC.  A burst is five rounds, 1.1 s apart (receivers limit themselves to one a second).  A round of
 * ARP is one request and one reply, since some hosts heed only the one and some only the other; a
 * round of NDP is one advertisement to all nodes.  Then each address is told again once in
 * `refresh_ms`, so that no switch forgets.  All of that is paced, link by link.
 *
 * A withdrawn announcement, or what one has dropped, goes on being answered, silently otherwise, for a
 * moment of grace, so that nobody is left without an answer while another host takes over.  The
 * successor's first frame ends it.  When that was heard just before the withdrawal, 20 ms are left of
 * the grace: it may have been the last frame of a predecessor, which comes back.  What is announced
 * again meanwhile was never gone, and is no news: what is left of its burst goes on.
 *
 * An address that is new to the cluster is probed before its first use (RFC 5227 section 2.1.1, RFC
 * 4862 section 5.4): three questions, paced like what is announced, and a third of `probe_ms` after
 * each, on a link that stays as it is meanwhile; without one it waits.  If any host but a peer or an
 * ignored one has it there, or asks the same, it is not used, and probed again once a minute.
 *
 * A frame of another host that claims an announced address is a conflict, told at once (of more than
 * a hundred at a time, twenty a second), and then once a minute of each of up to four claimants as
 * long as it goes on; the defence is that of RFC 5227 section 2.4 (b), but the address is never given
 * up.  A peer (another node of the cluster) may claim it for two seconds, as happens while an election
 * is on its way; after that it is a conflict too, as it is when several claim it in turn.
 *
 * An address costs two hash lookups and log2(links) steps a frame, whatever their number, and no
 * allocation.
 *
 * struct l2_port (port.c) binds the engine to the kernel and the loop. */
#ifndef LB_L2_H
#define LB_L2_H

#include "pkg/arp/arp.h"
#include "pkg/buf/buf.h"
#include "pkg/loop/loop.h"
#include "pkg/ndp/ndp.h"
#include "pkg/netlink/netlink.h"

enum {
	L2_BURST_ROUNDS = 5,
	L2_BURST_INTERVAL_MS = 1100,
};

struct l2_names { /* borrowed */
	const char *const *at;
	size_t n;
};

enum l2_defend {
	L2_DEFEND_ONCE,   /* announce it once, when there was no conflict in the last 10 s */
	L2_DEFEND_ALWAYS, /* after each claim, as the pace allows */
	L2_DEFEND_NEVER,
};

struct l2_options {
	struct l2_names only;   /* patterns (fnmatch) of links to use; none: all that can */
	struct l2_names except; /* regular expressions, as Go's: links to leave alone */
	uint32_t grace_ms;
	uint32_t refresh_ms; /* 0: never; 24 days at most */
	uint32_t rate;       /* unasked frames a second on one link; 0: as many as there are */
	uint32_t probe_ms;   /* 0: no probing */
	enum l2_defend defend;
	const struct mac *ignore; /* whose claims don't count: routers with proxy ARP */
	size_t ignore_n;
};

struct l2_announcement {
	const char *key; /* who wants it: "namespace/name" of the Service */
	const char *uid; /* the Service's, given back with the events; NULL when unknown */
	const struct addr *addresses;
	size_t addresses_n;
	struct l2_names interfaces; /* names of links; none: all */
	const bool *is_new; /* of each address: no node of the cluster had it before, and L2_FREE
			      was not told of it; NULL: none is */
};

struct l2;
/* Copies the patterns.  ERR_USAGE names the regular expression that is none. */
struct l2 *l2_new(const struct l2_options *o, struct err *e) MUST_CHECK;
void l2_free(struct l2 *l);                                       /* NULL is fine */
int l2_pattern_check(const char *text, struct err *e) MUST_CHECK; /* is it one of l2_options.except? */

/* The links as they are now, by ifindex ascending, as netlink_world has them.  One that can't be
 * taken in for want of memory is as if it weren't there, until the next call. */
int l2_set_links(
    struct l2 *l, const struct netlink_link *at, size_t n, uint64_t now_ms, struct err *e) MUST_CHECK;

/* The MACs of the other nodes of the cluster. */
int l2_set_peers(struct l2 *l, const struct mac *at, size_t n, struct err *e) MUST_CHECK;

/* Whether a claim of a host that is none of them is to be told, since this was asked last.  If the host
 * is one of them after all, it is as good as known when l2_set_peers() says so before it is told. */
bool l2_met_stranger(struct l2 *l);

/* Whether an announcement that names those interfaces (or none) is made on a link, or the first
 * reason against it.  For IPv6 addresses it must also netlink_link_carries_ipv6(). */
enum l2_fit {
	L2_LINK_FITS,
	L2_LINK_WITHOUT_ARP, /* loopback, not Ethernet, no broadcast, NOARP; so none of NDP either */
	L2_LINK_ENSLAVED,    /* a port of a bridge or bond, or in a VRF: its master speaks */
	L2_LINK_NOT_NAMED,   /* the announcement names others */
	L2_LINK_NOT_SELECTED,
	L2_LINK_EXCLUDED,
	L2_LINK_DOWN,
	L2_LINK_WITHOUT_CARRIER,
};
enum l2_fit l2_link_fit(
    const struct l2 *l, const struct netlink_link *k, const struct l2_names *interfaces);

/* A new announcement, or the same again (nothing happens), or changed.  Everything is copied.
 * On failure the engine is as before. */
int l2_announce(
    struct l2 *l, const struct l2_announcement *a, uint64_t now_ms, struct err *e) MUST_CHECK;
void l2_withdraw(struct l2 *l, const char *key, uint64_t now_ms); /* unknown keys are fine */
void l2_withdraw_all(struct l2 *l, uint64_t now_ms);
/* Others have taken over all of it, unheard by us: it ends at once, without a grace, and what is
 * announced again is a takeover. */
void l2_lose_all(struct l2 *l, uint64_t now_ms);
/* As if everything were taken over just now: for when another node comes back that may have announced
 * the same in the meantime, out of our hearing. */
void l2_tell_again(struct l2 *l, uint64_t now_ms);
bool l2_is_idle(const struct l2 *l); /* nothing announced, and nothing in its grace */

/* What became of a frame. */
enum l2_outcome {
	L2_ANSWERED,
	L2_NOT_A_REQUEST,
	L2_NOT_ANNOUNCED, /* the address isn't ours */
	L2_NOT_HERE,      /* it is, but not on that link */
	L2_NOT_TO_US,     /* sent to another MAC than the link's or the broadcast */
	L2_OWN_FRAME,
	L2_BAD_SENDER, /* a group address asks: an answer would go to many */
	L2_SUCCESSOR,  /* another host has taken over an address in its grace */
	L2_PEER_CLAIM, /* a node of the cluster claims an address that we announce; for now */
	L2_FOREIGN_CLAIM,
	L2_IGNORED_CLAIM,
	L2_TAKEN, /* another host has an address that is being probed there */
	L2_LATE,  /* see l2_set_late() */
	L2_OUTCOMES,
};
const char *l2_outcome_text(enum l2_outcome o); /* "not announced" */

/* Whether the frames to come have waited while this process did not run.  They are heard, but not
 * answered: another node may have taken over meanwhile, and who asked has asked again.  So the claim
 * of a peer is no conflict. */
void l2_set_late(struct l2 *l, bool late);

/* A frame that arrived; with L2_ANSWERED *reply is to be sent.  l2_deadline() may be nearer then. */
enum l2_outcome l2_receive_arp(
    struct l2 *l, const struct arp_message *m, uint64_t now_ms, struct arp_message *reply);
enum l2_outcome l2_receive_ndp(
    struct l2 *l, const struct ndp_message *m, uint64_t now_ms, struct ndp_message *reply);

/* Moves the time on.  Call it at l2_deadline() (UINT64_MAX: no need), then take the frames. */
void l2_tick(struct l2 *l, uint64_t now_ms);
uint64_t l2_deadline(const struct l2 *l);

/* The next frame that is due to be sent unasked; false when there is none. */
struct l2_frame {
	int ifindex;
	bool ipv6;
	union {
		struct arp_frame arp;
		struct ndp_frame ndp;
	};
};
bool l2_next_frame(struct l2 *l, struct l2_frame *out);

/* The addresses that somebody may ask for or claim, at most `max`; returns how many there are.  The
 * generation changes when the answer does. */
size_t l2_addresses(const struct l2 *l, struct addr *out, size_t max);
uint64_t l2_generation(const struct l2 *l);
/* The same of those that are announced now, on some link. */
size_t l2_announced(const struct l2 *l, struct addr *out, size_t max);
/* The same of the multicast groups in which IPv6 addresses are asked for, some twice: also of those
 * that are probed, whom others may want as well. */
size_t l2_groups(const struct l2 *l, struct ndp_group *out, size_t max);
uint64_t l2_groups_generation(const struct l2 *l);

/* The lowest ifindex of the links on which the address is answered, or 0. */
int l2_first_link(const struct l2 *l, const struct addr *a);

/* Where addresses are answered, for what answers in the stead of this process: the places that have
 * gone since it was asked last, and those that have come.  A place that is lost, for want of memory,
 * has gone and is not told. */
struct l2_place {
	struct addr address;
	int ifindex;
};
bool l2_next_gone(struct l2 *l, struct l2_place *out); /* false when there is none */
bool l2_next_place(struct l2 *l, struct l2_place *out);
bool l2_places_lost(const struct l2 *l);

/* How often that has answered: at a place that was told, and on a link. */
struct l2_elsewhere {
	uint64_t (*answered)(void *arg, const struct addr *ip, int ifindex);
	uint64_t (*answered_on)(void *arg, int ifindex);
	void *arg;
};
/* It ends: what it has answered is counted here, and all places are told anew to the next. */
void l2_end_elsewhere(struct l2 *l, const struct l2_elsewhere *x);

/* Whether an address is being probed: any frame of a host that has it counts. */
bool l2_is_probing(const struct l2 *l);

enum l2_happened {
	L2_ANNOUNCING, /* these addresses are answered from now on, no others of it */
	L2_NO_LINK,    /* none is: no link can, or none of those that it names */
	L2_FREE,       /* an address was probed, and nobody has it: it is announced */
	L2_IN_USE,     /* an address was probed, and another host has it: it is not announced */
	L2_CONFLICT,   /* another host claims an address that is announced */
	L2_ENDED,      /* withdrawn, and these are answered no more; told only of what was announced */
};
enum l2_why { L2_AT_ONCE, L2_AFTER_GRACE, L2_AFTER_SUCCESSOR };

/* Each is told when it becomes true, not again while it stays so.  Borrowed until the next call
 * of any function of the engine. */
struct l2_event {
	enum l2_happened what;
	const char *key;
	const char *uid;
	const struct addr
	    *addresses; /* of the announcement, see above; L2_FREE to L2_CONFLICT: the one */
	size_t addresses_n;
	struct l2_names interfaces; /* as the announcement has them */
	bool gained;                /* L2_ANNOUNCING: some were not announced till now */
	enum l2_why why;            /* of L2_ENDED */
	struct mac by;              /* L2_AFTER_SUCCESSOR, L2_IN_USE, L2_CONFLICT: the other host */
	int ifindex;                /* L2_IN_USE, L2_CONFLICT: where it was heard */
	uint64_t claims;            /* L2_CONFLICT: of that host, since that was told last */
	bool by_peer;               /* L2_CONFLICT: it is a node of the cluster */
};
bool l2_next_event(struct l2 *l, struct l2_event *ev); /* false when there is none */

/* What was counted, in the text format of Prometheus, with MetalLB's names where it has one: by address
 * and interface, and by interface what became of the frames that arrived.  x: what answers in the
 * stead of this process, or NULL.  `node`: for the label. */
void l2_metrics(const struct l2 *l, const struct l2_elsewhere *x, const char *node, struct buf *out);

/* The engine on the links of this host. */
struct l2_port;
struct l2_port_options {
	struct l2_options engine;
	bool bind;                  /* put each address on an interface, too, while it is answered: */
	const char *bind_interface; /* on this one; NULL: the first that it is answered on */
};
struct l2_port_events {
	void (*happened)(void *arg, const struct l2_event *ev);
	void (*quiet)(void *arg, bool links_changed); /* after those of one moment */
	void (*expired)(void *arg);                   /* see l2_port_speak_until(), which it may call */
	void (*stranger)(void *arg);                  /* see l2_met_stranger() */
	void (*failed)(void *arg, const struct err *e); /* it can't go on */
	void *arg;
};
/* The strings of the options are borrowed until l2_port_free().  ERR_PERMISSION names the
 * capability that is missing. */
struct l2_port *l2_port_new(struct loop *loop, const struct l2_port_options *o,
    const struct l2_port_events *ev, struct err *e) MUST_CHECK;
/* Answers no more, and takes back at once the addresses that it put on interfaces. */
void l2_port_free(struct l2_port *p);

/* As the engine's.  They take effect at the end of the round of the loop, or at l2_port_flush(). */
int l2_port_announce(struct l2_port *p, const struct l2_announcement *a, struct err *e) MUST_CHECK;
void l2_port_withdraw(struct l2_port *p, const char *key);
void l2_port_withdraw_all(struct l2_port *p);
void l2_port_lose_all(struct l2_port *p);
void l2_port_tell_again(struct l2_port *p);
int l2_port_set_peers(struct l2_port *p, const struct mac *at, size_t n, struct err *e) MUST_CHECK;
void l2_port_flush(struct l2_port *p);
bool l2_port_is_idle(const struct l2_port *p);

/* Answers and sends until then, by the loop's clock (at first: UINT64_MAX).  Then it asks for more by
 * `expired`, once, and is silent until it has: others may have taken over.  What was announced all
 * the same is told again then. */
void l2_port_speak_until(struct l2_port *p, uint64_t until_ms);
bool l2_port_is_silent(const struct l2_port *p);

/* l2_metrics() of all that was answered. */
void l2_port_metrics(const struct l2_port *p, const char *node, struct buf *out);

const struct l2 *l2_port_engine(const struct l2_port *p);
const struct netlink_world *l2_port_world(const struct l2_port *p);

#endif
