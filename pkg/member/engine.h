/* SPDX-License-Identifier: Apache-2.0 */
/* engine: what the files of this folder share. */
#ifndef LB_MEMBER_ENGINE_H
#define LB_MEMBER_ENGINE_H

#define HASH_NONFATAL_OOM 1 /* the peer stays out of the table, and the caller looks */
#include <uthash.h>

#include "pkg/member/member.h"

/* Another node, or our own. */
struct peer {
	char *name;
	struct addr ips[2]; /* the first IPv4 and the first IPv6 InternalIP, or ADDR_NONE */
	struct addr at;     /* where its session is, or ADDR_NONE: it has none */
	struct bfd_session session;
	bool was_up;
	bool alive;
	bool changed; /* to be told */
	bool told;    /* since it is known */
	bool shown;   /* by member_next() */
	bool gone;
	enum member_reason reason;
	enum bfd_diag diag;
	uint64_t silence_us;
	uint64_t since_us;
	UT_hash_handle by_name;
	UT_hash_handle by_address;
};

struct members {
	struct peer *by_name;
	struct peer *by_address; /* those that have a session */
	struct peer *self;
	size_t changed;
	struct bfd_key key;
	bool authenticated;
	bool open;
	bool joining; /* and not yet alive */
	bool stopped;
	uint32_t fixed_interval_us;
	uint32_t interval_us;
	uint32_t sequence;
	uint8_t multiplier;
	uint64_t seed;
	uint64_t jitter;
	uint64_t join_until_us;
	uint64_t woke_us;   /* when we were last called */
	uint64_t ticked_us; /* all that had arrived until then has been told */
	uint64_t roused_us; /* when all were last spoken to because one was heard */
};

/* member.c: who is alive. */
void peer_touch(struct members *m, struct peer *p); /* there is something to tell of it */
void peer_set(
    struct members *m, struct peer *p, bool alive, enum member_reason reason, uint64_t now_us);
void peer_judge(struct members *m, struct peer *p, uint64_t now_us); /* by its session */

/* peers.c: which Nodes there are, and where the session of each is. */
void peers_refresh(struct members *m, uint64_t now_us); /* after any change of what is known of them */
void peers_sweep(struct members *m);                    /* forgets those that are gone and told */
void peers_close(struct members *m);                    /* no peer has a session any more */

#endif
