/* SPDX-License-Identifier: Apache-2.0 */
/* packet: packet sockets (packet(7)) and kernel filters (classic BPF) that pass only frames about
 * some addresses, as ARP and NDP both need them.
 *
 * words.c makes instructions and is pure; socket.c asks the kernel. */
#ifndef LB_PACKET_H
#define LB_PACKET_H

#include <net/if.h>

#include "pkg/addr/addr.h"
#include "pkg/err/err.h"

/* A filter for a socket that sees whole frames (SOCK_RAW). */
struct sock_filter;
enum {
	PACKET_FILTER_MAX = 4096, /* instructions that the kernel takes: BPF_MAXINSNS */
	PACKET_PASS = 0x40000,    /* the value of "yes": bytes of the frame to keep, all of it */
};
struct packet_filter {
	struct sock_filter *at;
	size_t n;
	bool exact; /* false: too many scattered addresses, so some others pass too */
};
void packet_filter_release(struct packet_filter *f);

/* A set of 32-bit words, as ranges. */
struct packet_span;
struct packet_words {
	struct packet_span *spans;
	size_t n;
	size_t leaf; /* instructions that a leaf may have, its two ends not counted */
};
/* Sorts `set` in place; duplicates are fine. */
int packet_words_make(struct packet_words *w, uint32_t *set, size_t n, struct err *e) MUST_CHECK;
void packet_words_release(struct packet_words *w);
/* Chooses the size of leaves so that a search takes at most `max` instructions (30 at least), and
 * widens the set (*exact false) if that isn't enough.  Not for an empty set. */
int packet_words_fit(struct packet_words *w, size_t max, bool *exact, struct err *e) MUST_CHECK;
size_t packet_words_size(const struct packet_words *w); /* of a search */

/* Instructions, one after the other.  The caller sees to the room. */
struct packet_program {
	struct sock_filter *at;
	size_t n;
};
void packet_emit(struct packet_program *p, uint16_t code, uint32_t k, size_t yes, size_t no);
void packet_emit_jump(struct packet_program *p, uint32_t by);
/* Drops the frame unless "A op k" is `want`.  Two instructions. */
void packet_emit_demand(struct packet_program *p, uint16_t op, uint32_t k, bool want);
/* Is the word at `offset` in the set?  Passes if it is, goes on behind if not. */
void packet_emit_search(struct packet_program *p, const struct packet_words *w, uint32_t offset);

/* A non-blocking packet socket for frames of that EtherType on the link `ifindex`, or on all (0).
 * It hears nothing until packet_hear().  `what` is "ARP" or "NDP", for messages.  ERR_PERMISSION
 * names CAP_NET_RAW.  Closed with close(). */
int packet_open(const char *what, uint16_t ethertype, int ifindex, struct err *e) MUST_CHECK;

/* Swaps the kernel filter, atomically: no frame that the new one passes is missed.  Where the
 * kernel has no memory for the old and the new one together (net.core.optmem_max), foreign frames
 * can slip in between; where it has none for the exact one, make() is asked for one of fewer
 * instructions. */
typedef int packet_make_fn(const void *arg, size_t max, struct packet_filter *f, struct err *e);
int packet_hear(int fd, packet_make_fn *make, const void *arg, bool *exact, struct err *e) MUST_CHECK;

/* From now on it is known when the kernel had a frame, for measuring round trips in a process that
 * has other things to do as well. */
int packet_time(int fd, struct err *e) MUST_CHECK;

/* How long ago that was, at most PACKET_AGE_MAX_US, against CLOCK_REALTIME, for who reads a frame by
 * recvmsg() with that much room for control messages; 0 when it isn't told. */
enum { PACKET_CONTROL_ROOM = 64, PACKET_AGE_MAX_US = 10000000 };
struct msghdr;
struct timespec;
uint32_t packet_age_us(struct msghdr *h, const struct timespec *now);

enum { PACKET_BATCH = 64 };
struct packet_seen {
	int ifindex;
	uint32_t age_us; /* since the kernel had it; 0 without packet_time() */
	size_t len;
};
/* What has arrived, up to PACKET_BATCH frames, the i-th in the `room` bytes at bytes + i * room; what
 * is longer is cut off.  Returns how many, also 0; or -1: a link that went down is ERR_SYSTEM with
 * sys ENETDOWN, once. */
int packet_receive(const char *what, int fd, uint8_t *bytes, size_t room,
    struct packet_seen seen[static PACKET_BATCH], struct err *e) MUST_CHECK;

struct packet_frame {
	int ifindex;
	const uint8_t *bytes; /* from its Ethernet header on */
	size_t len;
};
/* Sends up to PACKET_BATCH frames in order and returns how many the kernel took: fewer when the
 * socket's queue is full (wait for LOOP_WRITE).  When not even the first could be sent for another
 * reason, -1 with *e naming the link; ENOBUFS: the link has dropped it. */
int packet_send(
    const char *what, int fd, const struct packet_frame *at, size_t n, struct err *e) MUST_CHECK;

/* The link's name, for messages. */
const char *packet_link_text(int ifindex, char out[static IF_NAMESIZE + 16]);

#endif
