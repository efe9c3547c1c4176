/* SPDX-License-Identifier: Apache-2.0 */
/* Multicast groups.  Joining one as a host does (IPV6_JOIN_GROUP) opens the interface's filter and
 * sends MLD reports, asks for no capability, and works on links without any address.  The kernel
 * charges each to its socket (net.core.optmem_max), so there are as many sockets as it takes. */
#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pkg/ndp/ndp.h"

struct joined {
	struct ndp_group group;
	int fd;      /* that it was joined on; -1: not yet */
	bool packet; /* on a packet socket */
};

struct ndp_groups {
	struct joined *at; /* sorted */
	size_t n;
	int *fds; /* the last one has room */
	size_t fds_n;
};

struct ndp_groups *ndp_groups_new(struct err *e)
{
	struct ndp_groups *g = calloc(1, sizeof(*g));

	if (!g)
		err_memory(e);
	return g;
}

static int by_group(const void *x, const void *y)
{
	const struct ndp_group *a = x, *b = y;
	int links = (a->ifindex > b->ifindex) - (a->ifindex < b->ifindex);

	return links ? links : memcmp(&a->group, &b->group, sizeof(a->group));
}

static int packet_membership(int fd, int what, const struct ndp_group *g)
{
	struct mac mac = ndp_multicast_mac(&g->group);
	struct packet_mreq m = {
		.mr_ifindex = g->ifindex, .mr_type = PACKET_MR_MULTICAST, .mr_alen = MAC_LEN
	};

	memcpy(m.mr_address, mac.bytes, MAC_LEN);
	return setsockopt(fd, SOL_PACKET, what, &m, sizeof(m));
}

static int membership(int fd, int what, const struct ndp_group *g)
{
	struct ipv6_mreq m = { .ipv6mr_multiaddr = g->group, .ipv6mr_interface = (unsigned)g->ifindex };

	return setsockopt(fd, IPPROTO_IPV6, what, &m, sizeof(m));
}

/* A link that is gone has taken the membership with it; the socket's memory of it goes here. */
static void leave(struct joined *j)
{
	if (j->fd < 0)
		return;
	if (j->packet)
		packet_membership(j->fd, PACKET_DROP_MEMBERSHIP, &j->group);
	else
		membership(j->fd, IPV6_LEAVE_GROUP, &j->group);
	j->fd = -1;
}

void ndp_groups_free(struct ndp_groups *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n; i++)
		if (g->at[i].packet)
			leave(&g->at[i]);
	for (size_t i = 0; i < g->fds_n; i++)
		close(g->fds[i]);
	free(g->fds);
	free(g->at);
	free(g);
}

static int one_more_socket(struct ndp_groups *g)
{
	int *more = reallocarray(g->fds, g->fds_n + 1, sizeof(*more));
	int fd;

	if (!more)
		return -1;
	g->fds = more;
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		g->fds[g->fds_n++] = fd;
	return fd < 0 ? -1 : 0;
}

static int join(struct ndp_groups *g, struct joined *j, int packet_fd, struct err *e)
{
	char link[IF_NAMESIZE + 16];

	for (int i = 0; i < 2; i++) {
		if ((i > 0 || !g->fds_n) && one_more_socket(g) < 0)
			break;
		if (membership(g->fds[g->fds_n - 1], IPV6_JOIN_GROUP, &j->group) == 0) {
			j->fd = g->fds[g->fds_n - 1];
			j->packet = false;
			return 0;
		}
		if (errno != ENOMEM && errno != ENOBUFS)
			break;
	}
	if (packet_membership(packet_fd, PACKET_ADD_MEMBERSHIP, &j->group) == 0) {
		j->fd = packet_fd;
		j->packet = true;
		return 0;
	}
	return err_sys(
	    e, errno, "joining a multicast group on %s", packet_link_text(j->group.ifindex, link));
}

/* Leaves what is not wanted, takes over what is. */
static size_t compare(struct ndp_groups *g, struct joined *next, const struct ndp_group *want, size_t n)
{
	size_t have = 0, kept = 0;

	for (size_t i = 0; i < n; i++) {
		int order = 1;

		if (kept && by_group(&next[kept - 1].group, &want[i]) == 0)
			continue;
		while (have < g->n && (order = by_group(&g->at[have].group, &want[i])) < 0)
			leave(&g->at[have++]);
		next[kept] = (struct joined){ .group = want[i], .fd = -1 };
		if (have < g->n && order == 0) {
			if (g->at[have].group.round == want[i].round)
				next[kept] = g->at[have];
			else
				leave(&g->at[have]);
			have++;
		}
		kept++;
	}
	while (have < g->n)
		leave(&g->at[have++]);
	return kept;
}

int ndp_groups_sync(struct ndp_groups *g, int fd, struct ndp_group *want, size_t n, struct err *e)
{
	struct joined *next = calloc(n + 1, sizeof(*next));
	int status = 0;

	if (!next)
		return err_memory(e);
	qsort(want, n, sizeof(*want), by_group);
	n = compare(g, next, want, n);
	free(g->at);
	g->at = next;
	g->n = n;
	for (size_t i = 0; i < n; i++)
		if (next[i].fd < 0 && join(g, &next[i], fd, e) < 0)
			status = -1;
	return status;
}

size_t ndp_groups_count(const struct ndp_groups *g)
{
	return g->n;
}
