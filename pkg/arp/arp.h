/* SPDX-License-Identifier: Apache-2.0 */
/* arp: ARP for IPv4 over Ethernet (RFC 826): the packet as a value, the socket that carries
 * it, and the kernel filter that keeps everybody else's ARP away from the process.
 *
 * arp.c knows bytes and filter.c instructions, neither a socket: both are pure, so that tests
 * and the fuzzer reach every line without a network.  socket.c is the only part that asks the
 * kernel. */
#ifndef LB_ARP_H
#define LB_ARP_H

#include <netinet/in.h>

#include "pkg/addr/addr.h"
#include "pkg/err/err.h"
#include "pkg/packet/packet.h"

enum {
	ARP_ETHERTYPE = 0x0806,
	ARP_PACKET_LEN = 28,
	ARP_FRAME_LEN = 14 + ARP_PACKET_LEN, /* with the Ethernet header, without padding */
};

enum arp_op { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp_packet {
	enum arp_op op;
	struct mac sender_mac;
	struct in_addr sender_ip;
	struct mac target_mac;
	struct in_addr target_ip;
};

/* An Ethernet frame that carries an ARP packet. */
struct arp_frame {
	struct mac to;
	struct mac from;
	struct arp_packet packet;
};

extern const struct mac arp_broadcast; /* ff:ff:ff:ff:ff:ff */

/* One ARP packet (no Ethernet header).  Bytes after it are link padding and ignored.  Refused as
 * ERR_PROTOCOL: short packets, other hardware or protocol types, operations other than request
 * and reply. */
int arp_decode(struct arp_packet *p, const void *buf, size_t len, struct err *e) MUST_CHECK;
void arp_encode(const struct arp_packet *p, uint8_t out[static ARP_PACKET_LEN]);

/* The same with the Ethernet header in front. */
int arp_frame_decode(struct arp_frame *f, const void *buf, size_t len, struct err *e) MUST_CHECK;
/* Returns the length, which is always the same. */
size_t arp_frame_encode(const struct arp_frame *f, uint8_t out[static ARP_FRAME_LEN]);

/* Who has `target`?  Broadcast.  An RFC 5227 probe has the sender 0.0.0.0. */
struct arp_frame arp_request(const struct mac *mac, struct in_addr sender, struct in_addr target);
/* "It is at `mac`": the answer to a request, unicast to whoever asked. */
struct arp_frame arp_reply(const struct arp_packet *request, const struct mac *mac);
/* Gratuitous ARP as MetalLB sends it, in either form: broadcast, both addresses `ip`, the target
 * MAC broadcast. */
struct arp_frame arp_gratuitous(enum arp_op op, const struct mac *mac, struct in_addr ip);

/* What a filter lets through, about the addresses of its set. */
enum arp_match {
	ARP_MATCH_ASKED = 1,  /* requests whose target is in the set */
	ARP_MATCH_SENDER = 2, /* requests and replies whose sender is in the set */
};

/* A classic BPF program for a socket that sees whole frames (SOCK_RAW).  It passes well-formed ARP
 * that was sent to this host or to all (so nothing that promiscuous mode adds, and nothing we
 * sent), and of that only what `match` says. */
/* The program for a set in any order, duplicates allowed; an empty set passes nothing.  At most
 * `max` instructions (64..PACKET_FILTER_MAX); what doesn't fit is widened, never left out.  A packet
 * costs as many instructions as the logarithm of the set. */
int arp_filter_make(struct packet_filter *f, const struct in_addr *set, size_t n, unsigned match,
    size_t max, struct err *e) MUST_CHECK;

/* A non-blocking packet socket for ARP on the link `ifindex`, or on all links (0).  It hears
 * nothing until arp_hear().  ERR_PERMISSION names CAP_NET_RAW.  Closed with close(). */
int arp_open(int ifindex, struct err *e) MUST_CHECK;

/* Swaps the kernel filter, atomically: no frame that the new one passes is missed.  Where the
 * kernel has no memory for the old and the new one together (net.core.optmem_max), foreign frames
 * can slip in between, so what arrives must be looked at anyway; where it has none for an exact
 * one, *exact (may be NULL) comes out false as in struct packet_filter. */
int arp_hear(
    int fd, const struct in_addr *set, size_t n, unsigned match, bool *exact, struct err *e) MUST_CHECK;

/* A frame and the link it came from or goes to. */
struct arp_message {
	int ifindex;
	struct arp_frame frame;
};

struct arp_batch {
	struct arp_message at[PACKET_BATCH];
	uint32_t age_us[PACKET_BATCH]; /* since the kernel had it, or 0, see packet_time() */
	size_t n;
	size_t bad;     /* frames that didn't decode, and are left out */
	struct err why; /* of the last bad one */
};

/* What has arrived, up to PACKET_BATCH frames; none is not an error.  When every frame was taken,
 * n + bad == PACKET_BATCH and there may be more.  A link that went down is ERR_SYSTEM with sys
 * ENETDOWN, once. */
int arp_receive(int fd, struct arp_batch *b, struct err *e) MUST_CHECK;

/* Sends in order and returns how many the kernel took: fewer when its queue is full (wait for
 * LOOP_WRITE).  When not even the first could be sent for another reason, -1 with *e naming the
 * link. */
int arp_send(int fd, const struct arp_message *at, size_t n, struct err *e) MUST_CHECK;

#endif
