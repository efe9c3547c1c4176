/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the engine share. */
#ifndef LB_L2_ENGINE_H
#define LB_L2_ENGINE_H

#define HASH_NONFATAL_OOM 1
#include <regex.h>
#include <uthash.h>
#include <utlist.h>

#include "pkg/l2/l2.h"

struct vip;

struct link {
	int ifindex;
	char name[IF_NAMESIZE];
	struct mac mac;
	bool fits; /* can speak ARP, and the options allow it */
	bool seen; /* while the links are compared */
	UT_hash_handle hh;
};

/* How many of our links have that MAC: frames from it are our own. */
struct own_mac {
	struct mac mac;
	unsigned links;
	UT_hash_handle hh;
};

/* An announcement. */
struct owner {
	char *key, *uid;
	struct addr *addresses; /* without duplicates */
	struct vip **vips;      /* of the IPv4 ones; the first vips_n are attached */
	size_t addresses_n, vips_n, ipv4_n;
	char **interfaces;
	size_t interfaces_n;
	bool leaving; /* in its grace, until: */
	uint64_t until;
	enum l2_why why;
	struct mac successor;
	bool told, told_announcing; /* what was told of it last */
	bool tell_no_ipv6;
	bool changed; /* is in l2.changed */
	UT_hash_handle hh;
	struct owner *prev, *next; /* in l2.leaving, or l2.ended */
	struct owner *prev_changed, *next_changed;
};

/* One address, announced on one link, a few times. */
struct burst {
	struct vip *vip;
	int ifindex;
	unsigned rounds; /* left */
	bool half;       /* the request of this round is out, the reply isn't */
	bool waiting;    /* is in l2.waiting, until `at`; else in l2.due */
	uint64_t at;
	struct burst *prev, *next;
	struct burst *prev_of_vip, *next_of_vip;
};

/* An address that somebody may ask for. */
struct vip {
	struct in_addr ip;
	struct owner **owners;
	size_t owners_n, owners_cap;
	bool succeeded; /* another host has it: no answers for owners in their grace */
	struct burst *bursts;
	UT_hash_handle hh;
};

struct l2 {
	char **only;
	regex_t *except;
	size_t only_n, except_n;
	uint32_t grace_ms;
	uint64_t now, generation;
	struct link *links;       /* by ifindex */
	struct own_mac *own_macs; /* by MAC */
	struct owner *owners;     /* by key, leaving ones too */
	struct vip *vips;         /* by address */
	struct owner *leaving, *ended;
	struct owner *changed;
	bool succession;     /* an address in its grace was taken over: see who is done */
	struct owner *spent; /* told to the caller, who may still look */
	struct burst *due, *waiting;
};

/* May the link carry an answer for the vip?  `without` (may be NULL) doesn't count; owners in
 * their grace do if `grace`. */
bool vip_allowed(const struct vip *v, const struct link *k, const struct owner *without, bool grace);
bool owner_allows(const struct owner *o, const struct link *k);
void owner_changed(struct l2 *l, struct owner *o);
void owner_free(struct owner *o);
char **names_copy(const struct l2_names *n, struct err *e); /* NULL for none, or with *e */
void names_free(char **names, size_t n);

struct link *link_find(const struct l2 *l, int ifindex);
bool mac_is_own(const struct l2 *l, const struct mac *m);
void links_free(struct l2 *l);

/* Begins, or begins anew, the burst of the vip on the link.  Out of memory: there is none. */
void burst_start(struct l2 *l, struct vip *v, const struct link *k);
void bursts_stop(struct l2 *l, struct vip *v);
void bursts_wake(struct l2 *l); /* those whose time has come are due */

#endif
