/* SPDX-License-Identifier: Apache-2.0 */
/* member: which nodes have a live speaker, by a BFD session with each of them.
 *
 * The engine (struct members) owns no socket and no clock.  It is told the Nodes, the packets that
 * arrive and the time; it tells which packets to send and which node's speaker came or went.  The
 * port (struct member_port) runs it on UDP sockets.
 *
 * A speaker joins last: until member_open() no session exists, and its own node counts as dead;
 * from then on until the sessions are up, or have had their time, it is joining.  A speaker that
 * did not run for longer than its peers wait for it knows that they have given it up: it counts
 * itself dead at once, and joins again.  The same holds when it is told that the rest of the speaker
 * does not run (member_stall()).
 *
 * Times are microseconds of a clock that does not go backwards. */
#ifndef LB_MEMBER_H
#define LB_MEMBER_H

#include "pkg/api/api.h"
#include "pkg/bfd/bfd.h"
#include "pkg/loop/loop.h"

enum {
	MEMBER_PORT = 7946, /* the one that users of MetalLB have open already */
	MEMBER_MULTIPLIER = 3,
	MEMBER_INTERVAL_MS = 100,
	MEMBER_HELD_MIN_US = 200000, /* see member_alive_until_us() */
	MEMBER_PACKETS_MAX =
	    320, /* a second, of one node, without jitter; what the interval grows for */
	/* How fast the start of sequence numbers moves on: beyond all that a life has sent which began
	 * a tenth of a second ago or earlier (six packets to come up, and then 14 a second), and, for a
	 * year, less than half of all numbers ahead. */
	MEMBER_SEQUENCE_HZ = 64,
};

/* The interval of a cluster of so many nodes: 100 ms up to 33, then what keeps a node at
 * MEMBER_PACKETS_MAX, and what the jitter adds (packets leave after 75 to 100 % of the interval). */
uint32_t member_interval_us(size_t nodes);

enum member_reason {
	MEMBER_UP,         /* alive: the session is up */
	MEMBER_SELF,       /* alive: this node */
	MEMBER_JOINING,    /* this node, until it is heard */
	MEMBER_STALLED,    /* this node: its speaker did not run for too long */
	MEMBER_NO_ADDRESS, /* nothing to reach it at: no InternalIP of a family that we have, too */
	MEMBER_NEVER_UP,   /* its session has not been up */
	MEMBER_EXPIRED,    /* nothing was heard of it for the detection time */
	MEMBER_ADMIN_DOWN, /* it said goodbye */
	MEMBER_PATH_DOWN,  /* it is heard, but hears us not */
	MEMBER_RESTARTED,  /* it is heard, and begins anew */
};
const char *member_reason_text(enum member_reason reason); /* "detection time expired" */

struct member_options {
	const char *node;     /* ours; copied */
	uint32_t interval_us; /* 0: member_interval_us() */
	uint8_t multiplier;
	const struct bfd_key *key; /* NULL: no authentication; copied */
	/* Added to MEMBER_SEQUENCE_HZ times the time, it is where sequence numbers start: beyond
	 * those of this node's last life, if it is taken from a calendar clock. */
	uint32_t sequence;
	uint64_t seed; /* not to be guessed */
};

struct members;
struct members *member_new(const struct member_options *o, uint64_t now_us, struct err *e) MUST_CHECK;
void member_free(struct members *m); /* NULL is fine */

/* A Node as it is now, or that it is no more. */
int member_node(struct members *m, const char *name, const struct addr *ips, size_t n, uint64_t now_us,
    struct err *e) MUST_CHECK;
void member_node_gone(struct members *m, const char *name, uint64_t now_us);

/* The address of ours in that family, ADDR_NONE when our Node has none. */
struct addr member_local(const struct members *m, uint8_t family);

void member_open(
    struct members *m, uint64_t now_us); /* joins; after a stop or a stall, in a new life */
/* Says AdminDown to all, with that diagnostic, and nothing else until member_open(). */
void member_stop(struct members *m, enum bfd_diag diag);
/* The same, when what answers for this node's addresses has not run for that long: the node is dead. */
void member_stall(struct members *m, uint64_t silence_us, uint64_t now_us);

/* Until when our peers take us for alive, if we never run again, but at least MEMBER_HELD_MIN_US from
 * when we ran last; 0: we are not alive. */
uint64_t member_alive_until_us(const struct members *m);

/* The network of this host is not what it was, as when a link came up: who is not heard is spoken to at
 * once, rather than within the second that RFC 5880 gives sessions that are down. */
void member_rouse(struct members *m);

/* A datagram that arrived, d->age_ns ago, but not before the last member_tick(): that is what must
 * follow once all that has arrived was told.  False with *e: it was refused; it changed nothing. */
bool member_input(struct members *m, const struct bfd_datagram *d, uint64_t now_us, struct err *e);
void member_tick(struct members *m, uint64_t now_us);
/* When to call member_tick() next.  To be kept: later than the detection time is a stall. */
uint64_t member_deadline(const struct members *m);
/* The next datagram to send now; false when there is none. */
bool member_output(struct members *m, struct bfd_datagram *d, uint64_t now_us);

/* What changed, this node last; gone is told only of what was told.  Borrowed until the next call. */
struct member_event {
	const char *name;
	bool first; /* nothing was told of it before, or not since it was gone */
	bool gone;  /* the Node is no more; the rest is not set */
	bool alive;
	enum member_reason reason;
	struct addr address; /* ADDR_NONE: none */
	enum bfd_diag diag;  /* what the peer, or our own session, gave as the reason */
	uint64_t silence_us; /* MEMBER_EXPIRED: after how long; MEMBER_STALLED: for how long */
	uint64_t since_us;
};
bool member_next(struct members *m, struct member_event *ev);

/* The engine on this host. */
struct member_port;
struct member_port_options {
	struct member_options engine; /* sequence and seed are the port's to fill in */
	uint16_t port;
};
struct member_port_events {
	void (*changed)(void *arg, const struct member_event *ev);
	void (*failed)(void *arg, const struct err *e); /* it can't go on */
	void *arg;
};
/* Tells at once that this node is not a member yet. */
struct member_port *member_port_new(struct loop *loop, const struct member_port_options *o,
    const struct member_port_events *ev, struct err *e) MUST_CHECK;
void member_port_free(struct member_port *p); /* NULL is fine */

int member_port_node(struct member_port *p, const struct api_node *n, struct err *e) MUST_CHECK;
void member_port_node_gone(struct member_port *p, const char *name);
bool member_port_has_node(const struct member_port *p); /* our own Node is known */
/* Joins, once the address of our Node is one of this host: without it we would hear nobody, and take
 * all for dead.  ERR_CONFLICT: the port is taken. */
int member_port_open(struct member_port *p, struct err *e) MUST_CHECK;
bool member_port_is_open(const struct member_port *p); /* and not stopped or stalled since */
void member_port_stop(struct member_port *p, enum bfd_diag diag);
void member_port_stall(struct member_port *p, uint64_t silence_us);
uint64_t member_port_alive_until_ms(const struct member_port *p); /* by the loop's clock */

/* Makes this process one that is not kept waiting: real-time scheduling, or else a high
 * priority, and its memory locked, as far as permitted.  Fills `text` with what it got. */
void member_hurry(char *text, size_t size);

#endif
