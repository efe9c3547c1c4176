/* SPDX-License-Identifier: Apache-2.0 */
/* netlink: the links, addresses and routes of this host, the border to libmnl (rtnetlink(7)).
 *
 * decode.c turns bytes of the kernel into structs and world.c keeps what they tell; both are
 * pure.  request.c and monitor.c own the sockets.  Everything here is about the network
 * namespace of the process. */
#ifndef LB_NETLINK_H
#define LB_NETLINK_H

#include <net/if.h>

#include "pkg/addr/addr.h"
#include "pkg/err/err.h"

struct netlink_link {
	int ifindex;
	char name[IF_NAMESIZE];
	char kind[16];  /* "bridge", "veth", "vlan", ...; "" for hardware */
	struct mac mac; /* all zero unless `ethernet` */
	int master;     /* ifindex of the bridge, bond or VRF it is enslaved to, or 0 */
	uint32_t mtu;   /* 0 when the kernel didn't say */
	bool ethernet;  /* has Ethernet frames and a MAC (loopback not counted) */
	bool up;        /* IFF_UP: somebody wants it up */
	bool running;   /* IFF_RUNNING: it is up and has a carrier */
	bool broadcast;
	bool loopback;
	bool noarp;
	uint32_t ipv6_lost; /* how often its MTU became too small for IPv6, as far as was heard */
};

struct netlink_address {
	int ifindex;
	struct addr addr; /* this host's own */
	uint8_t len;      /* of its prefix, in bits */
	bool tentative;   /* IPv6: duplicate address detection is still running, or has failed */
	bool permanent;   /* without a lifetime */
	bool link_local;
};

/* Can ARP find somebody on this link?  Up, running, broadcast, Ethernet, not NOARP, and not a port
 * of a bridge or bond (which is answered for on its master). */
bool netlink_link_speaks_arp(const struct netlink_link *l);
/* Is its MTU enough for IPv6?  The kernel takes IPv6 off a link where it is not, and all groups
 * that were joined there with it. */
bool netlink_link_carries_ipv6(const struct netlink_link *l);

/* All links by ifindex, ascending, and all addresses in the order that the kernel lists them. */
struct netlink_world {
	struct netlink_link *links;
	size_t links_n;
	struct netlink_address *addresses;
	size_t addresses_n;
};
#define NETLINK_WORLD_INIT \
	{                  \
		0          \
	}
void netlink_world_release(struct netlink_world *w);
const struct netlink_link *netlink_link_by_index(const struct netlink_world *w, int ifindex);
const struct netlink_link *netlink_link_by_name(const struct netlink_world *w, const char *name);

/* Everything as it is now, into an initialised world, whose old content goes.  *w is untouched on
 * failure. */
int netlink_snapshot(struct netlink_world *w, struct err *e) MUST_CHECK;

/* Where a packet to `to` leaves.  ERR_NOT_FOUND when there is no route. */
struct netlink_route {
	int ifindex;
	struct addr source;  /* the address this host would use; ADDR_NONE when it has none */
	struct addr gateway; /* ADDR_NONE: on the link itself */
	bool local;          /* `to` is this host's own */
};
int netlink_route(const struct addr *to, struct netlink_route *r, struct err *e) MUST_CHECK;

/* Who the kernel knows at which MAC. */
struct netlink_neighbour {
	int ifindex;
	struct addr addr;
	struct mac mac;
};
int netlink_neighbours(/* the caller frees *out */
    struct netlink_neighbour **out, size_t *n, struct err *e) MUST_CHECK;

/* Adds the address, or renews it if it is there.  Lifetimes are in seconds from now; the kernel
 * takes the address away when `valid_s` is over.  IPv6 goes without duplicate address detection.
 * ERR_PERMISSION names CAP_NET_ADMIN. */
#define NETLINK_FOREVER UINT32_MAX
int netlink_address_set(int ifindex, const struct addr *a, uint8_t len, uint32_t valid_s,
    uint32_t preferred_s, struct err *e) MUST_CHECK;
int netlink_address_remove(/* ERR_NOT_FOUND when it isn't there */
    int ifindex, const struct addr *a, uint8_t len, struct err *e) MUST_CHECK;

/* A world that is kept up to date.  The descriptor is non-blocking and ready for LOOP_READ when
 * something changed. */
struct netlink_monitor;
struct netlink_monitor *netlink_monitor_new(struct err *e) MUST_CHECK;
void netlink_monitor_free(struct netlink_monitor *m); /* NULL is fine */
int netlink_monitor_fd(const struct netlink_monitor *m);
/* As of the last netlink_monitor_read(), valid until the next. */
const struct netlink_world *netlink_monitor_world(const struct netlink_monitor *m);
/* Takes in what has happened.  *changed: the world is not what it was.  *resynced (may be NULL):
 * the kernel had more to tell than the socket holds, so the world was read anew. */
int netlink_monitor_read(
    struct netlink_monitor *m, bool *changed, bool *resynced, struct err *e) MUST_CHECK;

/* What one message of the kernel tells. */
enum netlink_tells {
	NETLINK_TELLS_NOTHING, /* of use to us */
	NETLINK_TELLS_LINK,
	NETLINK_TELLS_LINK_GONE,
	NETLINK_TELLS_ADDRESS,
	NETLINK_TELLS_ADDRESS_GONE,
	NETLINK_TELLS_ROUTE,
	NETLINK_TELLS_NEIGHBOUR, /* that has a MAC */
	NETLINK_TELLS_ERROR,     /* or, with error 0, an acknowledgement */
	NETLINK_TELLS_DONE,      /* a dump is complete, or with an error it failed */
	NETLINK_TELLS_OVERRUN,
};
struct netlink_message {
	enum netlink_tells tells;
	uint32_t seq;
	bool interrupted;         /* NLM_F_DUMP_INTR: the dump is not consistent */
	struct netlink_link link; /* LINK_GONE: the index alone counts */
	struct netlink_address address;
	struct netlink_route route;
	struct netlink_neighbour neighbour;
	int error;            /* an errno */
	char error_text[128]; /* the kernel's own words, or "" */
};
/* The message at *at (4-byte aligned), and *at and *len moved behind it.  1, or 0 when nothing is
 * left, or -1 with ERR_PROTOCOL. */
int netlink_decode(
    const uint8_t **at, size_t *len, struct netlink_message *m, struct err *e) MUST_CHECK;

/* Takes in one message.  Returns 1 when the world changed, 0 when not, -1 when out of memory. */
int netlink_world_apply(
    struct netlink_world *w, const struct netlink_message *m, struct err *e) MUST_CHECK;

#endif
