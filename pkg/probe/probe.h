/* SPDX-License-Identifier: Apache-2.0 */
/* probe: asks the network who has which address, by ARP and NDP, and collects all answers.
 *
 * A pure engine: frames that came and the time go in; frames to send and answers come out.
 * Times are microseconds of any clock that doesn't go back.  frames.c knows both protocols, the
 * schedule neither; wire.c alone asks the kernel.
 *
 * Every target is asked `count` times, `interval_us` apart; all probes together keep below
 * `rate`.  After the last probe it listens on for `wait_us`, or, once every target has
 * answered, for `settle_us`: two hosts with one address answer within that of each other.
 *
 * Neither protocol has sequence numbers: an answer belongs to the latest probe of its address.
 *
 * What answers cost is bounded, whoever sends them: of an address PROBE_MACS_MAX owners are
 * remembered, and of each PROBE_TOLD_MAX answers to one probe are told; the rest is counted. */
#ifndef LB_PROBE_H
#define LB_PROBE_H

#include "pkg/arp/arp.h"
#include "pkg/ndp/ndp.h"

enum probe_mode {
	PROBE_ASK, /* who has it? */
	/* Has anybody?  From nobody: RFC 5227, section 2.1.1, and RFC 4862, section 5.4.  Any claim
	 * counts. */
	PROBE_DUPLICATE,
	/* Gratuitous ARP, a request and a reply a time; unsolicited advertisements.  A claim of
	 * others counts. */
	PROBE_ANNOUNCE,
};

struct probe_options {
	enum probe_mode mode;
	uint32_t count; /* probes an address; 0: until probe_stop() or the deadline */
	uint32_t rate;  /* frames a second at most */
	uint64_t interval_us;
	uint64_t wait_us;
	uint64_t settle_us;
	uint64_t deadline_us; /* of the whole, after the first probe; 0: none */
	bool until_answered;  /* ask no address again that has answered */
	bool until_first;     /* the first answer ends it all */
	bool claims;          /* tell claims when asking, too; they are no answers then */
};

/* Where targets are asked. */
struct probe_link {
	int ifindex;
	struct mac mac;
	struct addr source; /* to ask from; ADDR_NONE: nobody */
};

enum {
	PROBE_TARGETS_MAX = 1 << 20,
	PROBE_MACS_MAX = 64, /* remembered of one address */
	PROBE_TOLD_MAX = 8,  /* answers of one MAC to one probe, or of all that are not remembered */
};

struct probe_answer {
	struct mac mac;
	uint32_t replies; /* 0: known without asking, see probe_known() */
	uint64_t rtt_us;  /* of the first reply */
	uint32_t number;  /* of the probe that the latest reply was to */
	uint32_t told;    /* of the replies to it */
	uint32_t next;    /* 1 + index of the target's next answer, or 0 */
};

struct probe_target {
	struct addr ip;
	uint32_t link;    /* index into the links added */
	uint32_t probes;  /* sent so far */
	uint32_t replied; /* number of the latest probe that was answered, from 1 */
	uint64_t sent_us; /* the latest */
	uint32_t answers; /* 1 + index of the first answer, or 0 */
	uint32_t macs;    /* how many different ones claimed it, beyond PROBE_MACS_MAX not all */
	uint32_t others;  /* answers of the latest probe told that are of none of these */
};

struct probe;
struct probe *probe_new(const struct probe_options *o, struct err *e) MUST_CHECK;
void probe_free(struct probe *p); /* NULL is fine */
void probe_freep(struct probe **p);

/* Adds first..last, to be asked over the link.  An address that was added before stays
 * where it was.  All before probe_start(). */
int probe_add(
    struct probe *p, const struct probe_link *link, const struct range *r, struct err *e) MUST_CHECK;
int probe_start(struct probe *p, uint64_t now_us, struct err *e) MUST_CHECK;

/* After probe_start().  The answer "it is at mac" that needs no asking: this host's own. */
int probe_known(
    struct probe *p, const struct addr *ip, const struct mac *mac, struct err *e) MUST_CHECK;

struct probe_message {
	int ifindex;
	enum addr_family family; /* IPv4: arp, IPv6: ndp */
	union {
		struct arp_frame arp;
		struct ndp_frame ndp;
	};
};

enum probe_what {
	PROBE_SEND,  /* `message` shall go out now */
	PROBE_REPLY, /* somebody answered */
	PROBE_CLAIM, /* somebody uses it, or probes for it too, though not in answer to us */
	PROBE_DONE,  /* once, last */
};
struct probe_event {
	enum probe_what what;
	struct probe_message message; /* SEND */
	uint32_t target;              /* index */
	uint64_t at_us;               /* when it came, or goes, or ended */
	struct mac mac;               /* REPLY, CLAIM */
	uint64_t rtt_us;              /* REPLY */
	uint32_t number;              /* SEND, REPLY: of the probe, from 1 */
	bool unicast;                 /* REPLY */
	bool first;                   /* REPLY, CLAIM: this address was not known at that MAC */
};

/* A frame that arrived.  What doesn't concern us is ignored. */
int probe_input(
    struct probe *p, const struct probe_message *m, uint64_t now_us, struct err *e) MUST_CHECK;
/* The next thing that happened or is to be done; false when there is none now. */
bool probe_next(struct probe *p, uint64_t now_us, struct probe_event *ev);
/* When to call probe_next() again; UINT64_MAX: when something arrives. */
uint64_t probe_deadline(const struct probe *p, uint64_t now_us);
void probe_stop(struct probe *p); /* DONE comes next */

size_t probe_targets(const struct probe *p); /* ascending by address */
const struct probe_target *probe_target(const struct probe *p, size_t i);
const struct probe_target *probe_find(const struct probe *p, const struct addr *ip);
const struct probe_link *probe_link_of(const struct probe *p, const struct probe_target *t);
/* Whom the questions for it are from; 0.0.0.0 or ::: nobody.  Never itself, which would say that it is
 * here. */
struct addr probe_source(const struct probe *p, const struct probe_target *t);
/* The answers for a target, first come first: pass NULL, then the last one.  NULL at the end. */
const struct probe_answer *probe_answer(
    const struct probe *p, const struct probe_target *t, const struct probe_answer *after);

struct probe_totals {
	uint64_t probes;    /* frames asked with, or pairs of gratuitous ones */
	uint64_t replies;   /* and claims */
	size_t answered;    /* targets */
	size_t conflicting; /* targets with several MACs */
	bool cut_short;     /* it ended before all was asked, or waited for */
};
struct probe_totals probe_totals(const struct probe *p);
uint64_t probe_interval_us(const struct probe *p);

/* watch: what changes about who has the addresses of a probe that asks on and on, made of its
 * events; as pure.
 *
 * A gap lasts from the first probe that nobody answered to the next answer, so it is known to one
 * interval.  One lost probe is no change; a second one in succession is, and so is an answer from
 * elsewhere.  An owner that left two probes unanswered while another answered has gone.
 *
 * What a probe shows is known when the next one goes out, or at the end: of one that was cut off
 * before an answer could come, nothing is. */
enum probe_change {
	PROBE_FOUND,     /* the first answer */
	PROBE_MOVED,     /* from `before` to `mac`, after gap_us, or (0) with no probe lost */
	PROBE_SILENT,    /* since at_us; `mac` had it, unless it was silent from the beginning */
	PROBE_BACK,      /* at `mac`, as before, after gap_us */
	PROBE_JOINED,    /* `mac` answers as well: a conflict */
	PROBE_LEFT,      /* `mac` answers no more, another still does */
	PROBE_ANNOUNCED, /* `mac`, which hasn't it, said that it has */
};
struct probe_news {
	enum probe_change what;
	uint32_t target;
	struct mac mac; /* all zero: nobody */
	struct mac before;
	uint64_t at_us;
	uint64_t gap_us;
};
struct probe_watch;
/* interval_us: between two probes of a target */
struct probe_watch *probe_watch_new(size_t targets, uint64_t interval_us, struct err *e) MUST_CHECK;
void probe_watch_free(struct probe_watch *w); /* NULL is fine */
int probe_watch_event(struct probe_watch *w, const struct probe_event *ev, struct err *e) MUST_CHECK;
/* The next change, oldest first; false when there is none. */
bool probe_watch_next(struct probe_watch *w, struct probe_news *news);

struct probe_watched {
	bool found;              /* at any time */
	uint32_t owners;         /* now; 0: silent or never found */
	struct mac owner;        /* one of them */
	uint32_t moves;          /* also by PROBE_JOINED and PROBE_LEFT */
	uint32_t lost;           /* probes that nobody answered */
	uint64_t longest_gap_us; /* one that is open counts until PROBE_DONE */
};
struct probe_watched probe_watch_target(const struct probe_watch *w, size_t target);

/* The sockets for all that; one of a family is opened when it is first needed. */
struct probe_wire;
struct probe_wire *probe_wire_new(int ifindex, struct err *e) MUST_CHECK; /* 0: all links */
void probe_wire_free(struct probe_wire *w);                               /* NULL is fine */
/* The kernel lets through what concerns the targets of the started probes (NULLs are skipped):
 * `asked` other hosts' probes for them, too, for which multicast groups are joined. */
int probe_wire_hear(struct probe_wire *w, const struct probe *const *probes, size_t n, bool asked,
    struct err *e) MUST_CHECK;
int probe_wire_fd(const struct probe_wire *w, enum addr_family family); /* -1: not opened */
/* 1, or 0 when the kernel's queue is full, or -1. */
int probe_wire_send(struct probe_wire *w, const struct probe_message *m, struct err *e) MUST_CHECK;

enum { PROBE_BATCH = 64 };
struct probe_batch {
	struct probe_message at[PROBE_BATCH];
	uint32_t age_us[PROBE_BATCH]; /* since the kernel had it */
	size_t n;
	bool more; /* perhaps */
};
int probe_wire_receive(
    struct probe_wire *w, enum addr_family family, struct probe_batch *b, struct err *e) MUST_CHECK;

/* capture: a file in pcap's format of the ARP and NDP about a probe's targets that its links send
 * and receive, malformed ones as well, with the kernel's times (to the microsecond).  NDP behind an
 * extension header is no answer, and left out.
 *
 * It ends at PROBE_CAPTURE_MAX bytes, whoever sends what. */
enum { PROBE_CAPTURE_MAX = 64 << 20 };
struct probe_capture;
/* All that is given outlives it; the probe is started before anything is taken in.  Waits for the
 * reader of a FIFO, so signals had better end the process then. */
struct probe_capture *probe_capture_open(const char *path, const struct probe *p,
    const struct probe_link *links, size_t n, struct err *e) MUST_CHECK;
void probe_capture_close(struct probe_capture *c); /* NULL is fine */
int probe_capture_fd(const struct probe_capture *c);
/* Takes in some of what has arrived and writes it; `all`: as much as there is now.  *full: it has
 * just come to its end. */
int probe_capture_take(struct probe_capture *c, bool all, bool *full, struct err *e) MUST_CHECK;

#endif
