/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the engine share. */
#ifndef LB_L2_ENGINE_H
#define LB_L2_ENGINE_H

#include <regex.h>
#include <string.h>
#include <utlist.h>

#include "pkg/l2/l2.h"
#include "pkg/table/table.h"

struct vip;
struct place;

enum { UUID_LEN = 16, UUID_TEXT_LEN = 37 };

/* A burst in steps: the request and the reply of each round.  IPv6 has one frame a round. */
enum {
	STEP_FIRST = 0,
	STEP_SECOND = 2,
	STEP_LAST = 2 * L2_BURST_ROUNDS - 2, /* round */
	STEP_REFRESH = 2 * L2_BURST_ROUNDS,
	STEPS,
	STEP_NONE = STEPS, /* all is told */
};

struct link {
	int ifindex;
	char name[IF_NAMESIZE];
	struct mac mac;
	uint32_t seen;  /* the last l2.round that had it */
	uint32_t since; /* the first that had it as it is */
	bool fits;      /* can carry our frames, and the options allow it */
	bool ipv6;      /* also those of IPv6 */
	bool ready;     /* is in l2.ready: has something due, and may send */
	uint32_t ipv6_lost;
	uint64_t refreshed_at;
	uint64_t filled_at; /* when `tokens` was right: millionths of frames that may be sent */
	uint64_t tokens;
	struct place *queue[STEPS]; /* by time; the first step by newest takeover */
	size_t refresh_n;
	uint64_t outcomes[L2_OUTCOMES];
	uint64_t elsewhere;   /* of those answered: not by this process */
	struct place *newest; /* the last of those that came at one time to the first queue */
	struct link *prev, *next;
};

/* How many of our links have that MAC: frames from it are our own. */
struct own_mac {
	struct mac mac;
	unsigned links;
};

enum owner_state { OWNER_ACTIVE, OWNER_LEAVING, OWNER_ENDED };
enum told { TOLD_NOTHING, TOLD_ANNOUNCED, TOLD_IN_USE };

/* There may be a hundred thousand addresses and announcements, so owner, place and vip are small.
 *
 * An announcement. */
struct owner {
	struct owner *next; /* in one of l2.changed, l2.leaving, l2.relieved, l2.ended */
	uint32_t until;     /* of its grace: the low bits of the time */
	uint32_t vips_n;
	struct mac successor;
	uint8_t state : 2;
	uint8_t told_no_link : 1;
	uint8_t regrouped : 1; /* since it was told, some were dropped or taken back */
	uint8_t why : 2;
	uint8_t changed : 1;  /* is in l2.changed */
	uint8_t has_uuid : 1; /* its uid is kept in 16 bytes */
	uint8_t chooses_links : 1;
	uint8_t is_relieved : 1; /* is in l2.relieved */
	uint8_t is_rest : 1;     /* what one of its key dropped: in its grace, not found by the key */
	struct vip *vips[];      /* then what was told of each, then its texts, see owner_key() */
};

struct owner_list {
	struct owner *first, *last;
};

/* One address on one link, where it is announced or, in its grace, still answered.  Packed, so that
 * in a vip nothing is lost behind it. */
struct place {
	struct in6_addr ip;          /* IPv4 as ::ffff:192.0.2.10 */
	struct place *prev, *next;   /* in link.queue[step] */
	uint32_t requests, answered; /* begin again after 2^32, which Prometheus takes for a restart */
	uint32_t at;                 /* when its step is due: the low bits of the time */
	int ifindex;
	uint32_t gratuitous : 25;
	uint32_t step : 4;      /* not queued: where its burst goes on */
	uint32_t announced : 1; /* by an active owner */
	uint32_t queued : 1;
	uint32_t told : 1; /* by l2_next_place() */
} __attribute__((packed, aligned(4)));

struct places {
	size_t n;
	struct place *at[]; /* by ifindex */
};

/* An address that somebody may ask for. */
struct vip {
	struct place first; /* its `ip` is the address; its `ifindex` may be 0: no link */
	uint32_t owners_n : 30;
	uint32_t succeeded : 1; /* another host has it: no answers for owners in their grace */
	uint32_t blocked : 1;   /* is in l2.probings: being probed, or in use elsewhere */
	void *owners;           /* one alone stands there itself, more in an array, see slots_at() */
	struct places *others;  /* on further links; NULL: none */
};

/* What comes next of an address that is probed. */
enum {
	PROBE_FIRST, /* the first question */
	PROBE_LAST = 2,
	PROBE_END,    /* nobody has it */
	PROBE_LINK,   /* a link on which it can be asked for: waits for one */
	PROBE_FREE,   /* to tell that it is */
	PROBE_IN_USE, /* to tell that another host has it */
	PROBE_TAKEN,  /* the next probe: another host has it */
	PROBE_STEPS,
};

/* An address that is probed before its first use. */
struct probing {
	struct in6_addr ip;
	uint64_t at;    /* when its step is due */
	uint32_t began; /* the l2.round in which the first question went out */
	unsigned step;
	struct mac by; /* who has it, and where that was heard */
	int ifindex;
	struct probing *prev, *next; /* in l2.probes[step] */
};

enum { CLAIMANTS = 4 }; /* of an address on a link, that are remembered */

struct claimant {
	struct mac mac;
	bool told, untold; /* untold: it has to be told of, again perhaps */
	bool peer;         /* when that was judged */
	uint64_t told_at;
	uint64_t claims; /* since then */
};

/* Claims of one address by others, on one link; kept as long as there are both, whether it is
 * announced there at the moment or not. */
struct strife {
	struct in6_addr ip;
	struct mac by; /* the last */
	int ifindex;
	bool untold; /* is in l2.strife_news */
	bool peers;  /* have claimed it, too */
	uint64_t last_at, defended_at;
	uint64_t peers_first_at, peers_last_at; /* since it was undisputed */
	uint64_t conflicts;
	struct claimant claimants[CLAIMANTS]; /* the last one first; without peers in their time */
	size_t claimants_n;
	struct strife *prev, *next;
};

struct l2 {
	char **only;
	regex_t *except;
	size_t only_n, except_n;
	uint32_t grace_ms, refresh_ms, rate, round;
	uint64_t now, generation, groups_generation;
	bool late;             /* what is heard waited too long to be answered */
	struct table links;    /* by ifindex */
	struct table own_macs; /* by MAC */
	struct table owners;   /* by key, leaving ones too */
	struct table vips;     /* by address */
	struct table strifes;  /* by address and link */
	struct strife *strife_news;
	bool met_stranger;                   /* see l2_met_stranger() */
	uint64_t news_until;                 /* what was told of them has used up the pace */
	struct table probings;               /* by address */
	struct probing *probes[PROBE_STEPS]; /* the same, by time */
	struct probing *asking;              /* whose question has gone out on some of its links: */
	size_t asked_to;                     /* on those before that; NULL: none */
	struct mac *peers, *ignore;          /* sorted */
	size_t peers_n, ignore_n;
	enum l2_defend defend;
	uint32_t probe_ms;
	struct owner_list changed, ended;
	struct owner_list leaving;  /* in their grace, the first to end first */
	struct owner_list relieved; /* the same of those whose successor was heard before */
	struct owner *spent;        /* told to the caller, who may still look */
	bool succession;            /* an address in its grace was taken over: see who is done */
	struct link *ready;
	struct l2_place *gone; /* for l2_next_gone() */
	size_t gone_n, gone_size;
	size_t untold_n, untold_at; /* places not told; where to look next */
	bool places_lost;
	struct addr *told_addresses; /* of the last event */
	struct addr told_address;
	const char **told_interfaces;
	char told_uid[UUID_TEXT_LEN];
};

static inline bool ip_is_ipv6(const struct in6_addr *ip)
{
	return !IN6_IS_ADDR_V4MAPPED(ip);
}

static inline bool link_carries(const struct link *k, const struct in6_addr *ip)
{
	return k->fits && (k->ipv6 || !ip_is_ipv6(ip));
}

static inline const char *text_after(const char *text)
{
	return text + strlen(text) + 1;
}

/* A time within 24 days of now, from its low bits. */
static inline uint64_t whole_time(const struct l2 *l, uint32_t low)
{
	return l->now + (uint64_t)(int64_t)(int32_t)(low - (uint32_t)l->now);
}

/* A pointer list of n, kept in one pointer. */
static inline void *slots_at(void *const *slots, size_t n, size_t i)
{
	return n > 1 ? ((void **)*slots)[i] : *slots;
}
bool slots_add(void **slots, size_t n, size_t i, void *item) MUST_CHECK; /* false: no memory */
void slots_drop(void **slots, size_t n, size_t i);

static inline struct owner *vip_owner(const struct vip *v, size_t i)
{
	return slots_at(&v->owners, v->owners_n, i);
}

/* vip.c */
struct vip *vip_find(const struct l2 *l, const struct in6_addr *ip);
/* NULL when there is no memory. */
struct vip *vip_attach(struct l2 *l, const struct in6_addr *ip, struct owner *o);
void vip_detach(struct l2 *l, struct vip *v, const struct owner *o);
void vip_free(struct l2 *l, struct vip *v);
/* Another host says that it has the address, where all that we still do is bridge the gap: stop. */
void vip_succeed(struct l2 *l, struct vip *v, const struct mac *by);
bool vip_is_wanted(const struct vip *v); /* somebody announces it, or did a moment ago */
/* Sets where it is announced and answered now; bursts begin where that is news. */
void vip_update(struct l2 *l, struct vip *v);
void vip_update_on(struct l2 *l, struct vip *v, const struct link *k);
struct place *place_find(struct vip *v, int ifindex);
/* Its places, as table_next() gives items. */
struct place *vip_next_place(struct vip *v, size_t *i);
uint32_t vip_hash(const void *vip);

/* owner.c */
const char *owner_key(const struct owner *o);
uint8_t *owner_told(struct owner *o);                /* enum told of each vip */
const char *owner_interfaces(const struct owner *o); /* one after the other, up to an empty one */
const char *owner_uid(const struct owner *o, char room[static UUID_TEXT_LEN]);
struct owner *owners_pop(struct owner_list *list); /* the first; NULL when there is none */
bool owner_allows(const struct owner *o, const struct link *k);
void owner_changed(struct l2 *l, struct owner *o);
void owner_unchanged(struct l2 *l, struct owner *o);
void owner_detach(struct l2 *l, struct owner *o);  /* from its vips; its texts are still there */
void owner_discard(struct l2 *l, struct owner *o); /* has no vips: nothing ends */
uint32_t owner_hash(const void *owner);
char **names_copy(const struct l2_names *n, struct err *e); /* NULL for none, or with *e */
void names_free(char **names, size_t n);
void owners_tick(struct l2 *l); /* graces that are over */
uint64_t owners_deadline(const struct l2 *l);
void vip_owners_changed(struct l2 *l, const struct vip *v);

/* inherit.c: it takes over the addresses that others of its key have or still answer.  Those that have
 * none left then are discarded, but not `old`. */
void owner_inherit(struct l2 *l, struct owner *o, const struct owner *old);
void owner_drop(struct l2 *l, struct owner *o, size_t i); /* its vip i */

/* event.c */
bool owner_announces(const struct l2 *l, const struct owner *o, size_t i); /* its vip i, somewhere */
bool owner_is_announcing(const struct l2 *l, const struct owner *o);
void owner_note_announced(const struct l2 *l, struct owner *o); /* as if it had been told */

/* pattern.c */
int pattern_compile(regex_t *out, const char *text, struct err *e) MUST_CHECK;

/* uuid.c: as Kubernetes writes them, in 16 bytes.  False for any other text. */
bool uuid_pack(uint8_t out[static UUID_LEN], const char *text);
const char *uuid_text(const uint8_t uuid[static UUID_LEN], char out[static UUID_TEXT_LEN]);

/* places.c: one is new, or goes */
void places_added(struct l2 *l, struct place *p);
void places_gone(struct l2 *l, const struct place *p);

/* links.c */
struct link *link_find(const struct l2 *l, int ifindex);
bool mac_is_own(const struct l2 *l, const struct mac *m);
void links_free(struct l2 *l);
uint32_t link_hash(const void *link);
uint32_t own_mac_hash(const void *own);

/* burst.c */
void burst_start(struct l2 *l, struct place *p);  /* or begins it anew */
void burst_resume(struct l2 *l, struct place *p); /* goes on where it was stopped */
void burst_stop(struct l2 *l, struct place *p);
void bursts_wake(struct l2 *l); /* links that have something due are ready */
void link_unready(struct l2 *l, struct link *k);
uint64_t bursts_deadline(const struct l2 *l);
void burst_defend(struct l2 *l, struct place *p); /* one round, now */
/* When the pace allows one more frame on the link. */
uint64_t burst_pace(const struct l2 *l, const struct link *k);
/* Whether a question may go out there now, which then counts: a takeover's first frames come first. */
bool burst_lets_ask(const struct l2 *l, struct link *k);
void burst_soon(
    struct l2 *l, struct place *p); /* from the second round on, unless it goes on already */

/* probing.c.  Without memory an address is used unprobed. */
/* Of those of an announcement that are new and nobody else announces here; and what was being probed
 * before may be wanted on other links now, or be another node's by now. */
void probings_new(struct l2 *l, const struct l2_announcement *a);
void probings_changed(struct l2 *l, const struct l2_announcement *a);
struct probing *probing_find(const struct l2 *l, const struct in6_addr *ip); /* or NULL */
bool probing_is_on(const struct l2 *l, const struct vip *v); /* it doesn't only wait for a link */
void probing_stop(struct l2 *l, struct vip *v);
bool probing_taken(struct l2 *l, const struct vip *v, const struct mac *by, int ifindex);
void probings_tick(struct l2 *l);
uint64_t probings_deadline(const struct l2 *l);
bool probing_next_frame(struct l2 *l, struct l2_frame *out);
/* The links on which it is asked for, as table_next() gives items. */
struct link *probing_next_link(const struct l2 *l, const struct vip *v, size_t *i);
void probing_link_changed(struct l2 *l, const struct vip *v, const struct link *k);
uint32_t probing_hash(const void *probing);
bool probing_found_free(struct l2 *l, struct in6_addr *ip); /* the next, told now */
struct probing *probing_untold(struct l2 *l);               /* the next, told now; or NULL */

/* claims.c */
enum l2_outcome claim(struct l2 *l, struct place *p, const struct mac *by);
void claims_forget_address(struct l2 *l, const struct in6_addr *ip);
void claims_forget_link(struct l2 *l, int ifindex);
struct strife *strife_find(const struct l2 *l, const struct place *p); /* or NULL */
/* The next claimant, told now, and of what; NULL: none, or none yet. */
struct claimant *claim_untold(struct l2 *l, const struct strife **of);
uint64_t claims_deadline(const struct l2 *l);
bool mac_is_peer(const struct l2 *l, const struct mac *m);
bool mac_is_ignored(const struct l2 *l, const struct mac *m);
int macs_copy(struct mac **out, const struct mac *at, size_t n, struct err *e); /* sorted */
uint32_t strife_hash(const void *strife);

#endif
