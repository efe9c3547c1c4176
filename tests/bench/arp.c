/* SPDX-License-Identifier: Apache-2.0 */
/* arp INTERFACE MODE COUNT WINDOW FIRST N: asks who has FIRST, FIRST+1, ... (N addresses in turn); or
 * one IPv6 address, by NDP.
 *
 * MODE ask: COUNT requests with WINDOW outstanding; prints replies a second, p50 and p99 of the
 * round trip in microseconds, and how many were lost.  MODE flood: COUNT requests, no waiting; flood6:
 * the same of solicitations for 2001:db8::77, to all nodes. */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "pkg/arp/arp.h"
#include "pkg/ndp/ndp.h"

enum {
	MOST_WINDOW = 64,
	LOST_US = 200000,
	SENDER = 0xc0000280, /* 192.0.2.128 and on, one a slot of the window */
};

struct prober {
	int fd;
	int ifindex;
	struct mac mac;
	uint32_t first, n, next;
	struct in6_addr target6;
	bool ipv6;
	uint64_t sent_at[MOST_WINDOW]; /* 0: free */
	uint32_t *took_us;
	size_t count, window, asked, done, lost;
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static struct in6_addr sender6(size_t slot)
{
	return (struct in6_addr){ .s6_addr = { 0x20, 1, 0x0d, 0xb8, [14] = 1, [15] = (uint8_t)slot } };
}

static size_t question(struct prober *p, size_t slot, uint8_t bytes[static NDP_FRAME_MAX])
{
	struct in_addr sender = { htonl(SENDER + (uint32_t)slot) };
	struct in_addr target = { htonl(p->first + p->next) };
	const struct in6_addr from = sender6(slot);
	struct arp_frame arp = arp_request(&p->mac, sender, target);
	struct ndp_frame ndp;

	p->next = (p->next + 1) % p->n;
	if (!p->ipv6)
		return arp_frame_encode(&arp, bytes);
	ndp = ndp_solicit(&p->mac, &from, &p->target6);
	return ndp_frame_encode(&ndp, bytes);
}

static void send_one(struct prober *p, size_t slot)
{
	uint8_t bytes[NDP_FRAME_MAX];
	size_t len = question(p, slot, bytes);

	p->sent_at[slot] = now_us();
	while (send(p->fd, bytes, len, 0) < 0 && (errno == ENOBUFS || errno == EAGAIN))
		;
}

/* Whose question it answers; MOST_WINDOW: nobody's. */
static size_t slot_of(const struct prober *p, const uint8_t *bytes, size_t len)
{
	struct err e = ERR_INIT;
	struct arp_frame arp;
	struct ndp_frame ndp;

	if (p->ipv6)
		return ndp_frame_decode(&ndp, bytes, len, &e) == 0 && ndp.type == NDP_ADVERTISEMENT &&
			       mac_equal(&ndp.to, &p->mac)
			   ? ndp.destination.s6_addr[15]
			   : MOST_WINDOW;
	if (arp_frame_decode(&arp, bytes, len, &e) < 0 || arp.packet.op != ARP_REPLY ||
	    !mac_equal(&arp.to, &p->mac))
		return MOST_WINDOW;
	return ntohl(arp.packet.target_ip.s_addr) - SENDER;
}

static void take_one(struct prober *p, const uint8_t *bytes, size_t len)
{
	size_t slot = slot_of(p, bytes, len);

	if (slot >= p->window || !p->sent_at[slot])
		return;
	p->took_us[p->done++] = (uint32_t)(now_us() - p->sent_at[slot]);
	p->sent_at[slot] = 0;
	if (p->asked < p->count) {
		p->asked++;
		send_one(p, slot);
	}
}

static void give_up_late_ones(struct prober *p)
{
	uint64_t now = now_us();

	for (size_t slot = 0; slot < p->window; slot++) {
		if (!p->sent_at[slot] || now - p->sent_at[slot] < LOST_US)
			continue;
		p->lost++;
		p->sent_at[slot] = 0;
		if (p->asked < p->count) {
			p->asked++;
			send_one(p, slot);
		}
	}
}

static int by_value(const void *x, const void *y)
{
	const uint32_t *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

static int ask(struct prober *p)
{
	uint64_t start = now_us(), took;

	p->took_us = calloc(p->count, sizeof(*p->took_us));
	if (!p->took_us)
		return fail("calloc");
	for (size_t slot = 0; slot < p->window; slot++, p->asked++)
		send_one(p, slot);
	while (p->done + p->lost < p->count) {
		struct pollfd wait = { .fd = p->fd, .events = POLLIN };
		uint8_t bytes[128];
		ssize_t n = recv(p->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n > 0)
			take_one(p, bytes, (size_t)n);
		else if (poll(&wait, 1, LOST_US / 1000) == 0)
			give_up_late_ones(p);
	}
	took = now_us() - start;
	qsort(p->took_us, p->done, sizeof(*p->took_us), by_value);
	printf("%.0f %u %u %zu\n", (double)p->done * 1e6 / (double)took,
	    p->done ? p->took_us[p->done / 2] : 0, p->done ? p->took_us[p->done * 99 / 100] : 0,
	    p->lost);
	free(p->took_us);
	return 0;
}

static void flood6(const struct prober *p)
{
	const struct in6_addr from = { .s6_addr = { 0x20, 1, 0x0d, 0xb8, [15] = 0x64 } };
	const struct in6_addr to = { .s6_addr = { 0x20, 1, 0x0d, 0xb8, [15] = 0x77 } };
	struct ndp_frame f = ndp_solicit(&p->mac, &from, &to);
	uint8_t bytes[NDP_FRAME_MAX];
	size_t len;

	f.to = ndp_multicast_mac(&ndp_all_nodes); /* past the interface's filter */
	len = ndp_frame_encode(&f, bytes);
	for (size_t i = 0; i < p->count; i++)
		while (send(p->fd, bytes, len, 0) < 0 && (errno == ENOBUFS || errno == EAGAIN))
			;
}

static int open_on(struct prober *p, const char *interface)
{
	struct err e = ERR_INIT;
	struct ifreq r = { 0 };

	p->ifindex = (int)if_nametoindex(interface);
	p->fd = !p->ifindex ? -1 : p->ipv6 ? ndp_open(p->ifindex, &e) : arp_open(p->ifindex, &e);
	if (p->fd < 0) {
		fprintf(stderr, "%s: %s\n", interface, p->ifindex ? e.text : "no such interface");
		return -1;
	}
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", interface);
	if (ioctl(p->fd, SIOCGIFHWADDR, &r) < 0)
		return -1;
	memcpy(p->mac.bytes, r.ifr_hwaddr.sa_data, MAC_LEN);
	return 0;
}

static int hear(const struct prober *p)
{
	struct in_addr *set = calloc(p->n, sizeof(*set));
	struct err e = ERR_INIT;
	int status;

	if (!set)
		return -1;
	for (uint32_t i = 0; i < p->n; i++)
		set[i].s_addr = htonl(p->first + i);
	status = p->ipv6 ? ndp_hear(p->fd, &p->target6, 1, NDP_MATCH_CLAIMS, NULL, &e)
			 : arp_hear(p->fd, set, p->n, ARP_MATCH_SENDER, NULL, &e);
	free(set);
	return status;
}

int main(int argc, char **argv)
{
	struct prober p = { .fd = -1 };
	struct err e = ERR_INIT;
	struct addr first;
	int status = 0;

	if (argc != 7 || addr_parse(&first, argv[5], &e) < 0) {
		fputs("usage: arp INTERFACE ask|flood|flood6 COUNT WINDOW FIRST N\n", stderr);
		return 2;
	}
	p.count = strtoul(argv[3], NULL, 10);
	p.window = strtoul(argv[4], NULL, 10);
	p.ipv6 = first.family == ADDR_IPV6;
	if (p.ipv6)
		p.target6 = addr_to_in6(&first);
	else
		p.first = ntohl(addr_to_in(&first).s_addr);
	p.n = (uint32_t)strtoul(argv[6], NULL, 10);
	if (p.window < 1 || p.window > MOST_WINDOW || p.count < p.window || p.n < 1)
		return fputs("arp: COUNT, WINDOW or N is out of range\n", stderr), 2;
	if (open_on(&p, argv[1]) < 0)
		return 1;
	if (hear(&p) < 0)
		return fail("filter");
	if (!strcmp(argv[2], "ask"))
		status = ask(&p);
	else if (!strcmp(argv[2], "flood6"))
		flood6(&p);
	else
		for (size_t i = 0; i < p.count; i++)
			send_one(&p, 0);
	close(p.fd);
	return status;
}
