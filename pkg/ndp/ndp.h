/* SPDX-License-Identifier: Apache-2.0 */
/* ndp: Neighbor Discovery for IPv6 over Ethernet (RFC 4861, 4862, 7527): solicitations and
 * advertisements as values, the socket that carries them, the kernel filter that keeps everybody
 * else's away from the process, and the multicast groups in which one is asked.
 *
 * ndp.c knows bytes and filter.c instructions, neither a socket.  socket.c and groups.c ask the
 * kernel. */
#ifndef LB_NDP_H
#define LB_NDP_H

#include <netinet/in.h>

#include "pkg/addr/addr.h"
#include "pkg/err/err.h"
#include "pkg/packet/packet.h"

enum {
	NDP_ETHERTYPE = 0x86dd,
	NDP_NONCE_LEN = 6,
	NDP_FRAME_MAX = 14 + 40 + 24 + 8 + 8, /* with the Ethernet header and both options */
};

enum ndp_type { NDP_SOLICITATION = 135, NDP_ADVERTISEMENT = 136 };

/* An Ethernet frame that carries a Neighbor Solicitation or Neighbor Advertisement. */
struct ndp_frame {
	struct mac to;
	struct mac from;
	struct in6_addr source; /* of the IPv6 packet; :: in duplicate address detection */
	struct in6_addr destination;
	enum ndp_type type;
	bool router, solicited, override; /* of an advertisement */
	bool has_mac;                     /* the option link-layer address, of the source of a */
	struct mac mac;                   /* solicitation or the target of an advertisement */
	bool has_nonce;                   /* RFC 7527 */
	uint8_t nonce[NDP_NONCE_LEN];
	struct in6_addr target;
};

extern const struct in6_addr ndp_all_nodes; /* ff02::1 */

/* The group in which a host with that address is asked for it: ff02::1:ff00:0/104 */
struct in6_addr ndp_solicited_node(const struct in6_addr *target);
struct mac ndp_multicast_mac(const struct in6_addr *group); /* 33:33:... */

/* Bytes after the packet are link padding and ignored, options of other types as well; of one that
 * comes twice the first counts.  Refused as ERR_PROTOCOL, as RFC 4861 sections 7.1.1 and 7.1.2
 * demand: short packets, a hop limit other than 255, wrong checksums and codes, a target or source
 * that is multicast, options of length 0, a solicitation from :: that is not to a solicited-node
 * group or has a link-layer address, a multicast advertisement that says it was solicited; and
 * link-layer addresses that are not Ethernet's, extension headers, and other types. */
int ndp_frame_decode(struct ndp_frame *f, const void *buf, size_t len, struct err *e) MUST_CHECK;
size_t ndp_frame_encode(const struct ndp_frame *f, uint8_t out[static NDP_FRAME_MAX]);

/* Who has `target`?  To its solicited-node group; from ::, this is duplicate address detection and
 * names no MAC. */
struct ndp_frame ndp_solicit(
    const struct mac *mac, const struct in6_addr *source, const struct in6_addr *target);
/* "It is at `mac`": the answer of an owner (Override set).  To whoever asked, with Solicited set; to
 * all nodes without when a host asks from :: whether its address is free.  The source is the
 * target, as Linux answers for its own addresses, so that no other address is needed on the link. */
struct ndp_frame ndp_answer(const struct ndp_frame *solicitation, const struct mac *mac);
/* The same unasked, to all nodes. */
struct ndp_frame ndp_unsolicited(const struct mac *mac, const struct in6_addr *target);

/* What a filter lets through, about the addresses of its set. */
enum ndp_match {
	NDP_MATCH_ASKED = 1,  /* solicitations for a target in the set */
	NDP_MATCH_CLAIMS = 2, /* advertisements of one */
};

/* A filter that passes NDP that was sent to this host, to all or to a group.  As arp_filter_make(),
 * with the last word of the target for the search; the words before are compared too unless they
 * are of more prefixes than a few (and then *f is not exact). */
int ndp_filter_make(struct packet_filter *f, const struct in6_addr *set, size_t n, unsigned match,
    size_t max, struct err *e) MUST_CHECK;

/* As arp_open() and arp_hear(). */
int ndp_open(int ifindex, struct err *e) MUST_CHECK;
int ndp_hear(int fd, const struct in6_addr *set, size_t n, unsigned match, bool *exact,
    struct err *e) MUST_CHECK;

struct ndp_message {
	int ifindex;
	struct ndp_frame frame;
};

struct ndp_batch {
	struct ndp_message at[PACKET_BATCH];
	uint32_t age_us[PACKET_BATCH];
	size_t n;
	size_t bad;
	struct err why;
};
int ndp_receive(int fd, struct ndp_batch *b, struct err *e) MUST_CHECK; /* as arp_receive() */
int ndp_send(
    int fd, const struct ndp_message *at, size_t n, struct err *e) MUST_CHECK; /* as arp_send() */

/* The multicast groups that this process has joined, so that interfaces let their frames in and
 * switches that snoop MLD forward them.  Needs no capability. */
struct ndp_groups;
struct ndp_group {
	int ifindex;
	struct in6_addr group;
	uint32_t round; /* another than before: the kernel has forgotten it meanwhile */
};
struct ndp_groups *ndp_groups_new(struct err *e) MUST_CHECK;
void ndp_groups_free(struct ndp_groups *g); /* leaves all; NULL is fine */
/* Joins what is wanted (sorted here; duplicates are fine) and leaves the rest.  A link without IPv6
 * is joined on the packet socket `fd` instead, without MLD.  On failure *e is of the last group that
 * could not be joined; it is tried again in the next call. */
int ndp_groups_sync(
    struct ndp_groups *g, int fd, struct ndp_group *want, size_t n, struct err *e) MUST_CHECK;
size_t ndp_groups_count(const struct ndp_groups *g);

#endif
