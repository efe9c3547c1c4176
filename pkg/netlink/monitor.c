/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "pkg/netlink/netlink.h"

enum { BUFFER_LEN = 32768 };

struct netlink_monitor {
	struct mnl_socket *socket;
	struct netlink_world world;
	uint8_t buf[BUFFER_LEN];
};

/* Groups are joined before the snapshot is taken, so that nothing falls between the two.  What is
 * told twice does no harm: the last news of a thing always comes after all older news of it. */
struct netlink_monitor *netlink_monitor_new(struct err *e)
{
	struct netlink_monitor *m = calloc(1, sizeof(*m));
	unsigned groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;

	if (!m) {
		err_memory(e);
		return NULL;
	}
	m->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!m->socket || mnl_socket_bind(m->socket, groups, MNL_SOCKET_AUTOPID) < 0) {
		err_sys(e, errno, "watching the network interfaces: opening a netlink socket");
		netlink_monitor_free(m);
		return NULL;
	}
	if (netlink_snapshot(&m->world, e) < 0) {
		netlink_monitor_free(m);
		return NULL;
	}
	return m;
}

void netlink_monitor_free(struct netlink_monitor *m)
{
	if (!m)
		return;
	if (m->socket)
		mnl_socket_close(m->socket);
	netlink_world_release(&m->world);
	free(m);
}

int netlink_monitor_fd(const struct netlink_monitor *m)
{
	return mnl_socket_get_fd(m->socket);
}

const struct netlink_world *netlink_monitor_world(const struct netlink_monitor *m)
{
	return &m->world;
}

/* One datagram.  1: news, 0: none, -1 with *lost when the world must be read anew. */
static int take_datagram(struct netlink_monitor *m, size_t len, bool *lost, struct err *e)
{
	const uint8_t *at = m->buf;
	struct netlink_message msg;
	int news = 0, got;

	while ((got = netlink_decode(&at, &len, &msg, e)) > 0) {
		int applied = netlink_world_apply(&m->world, &msg, e);

		if (applied < 0)
			return -1;
		news |= applied;
		*lost |= msg.tells == NETLINK_TELLS_OVERRUN;
	}
	return got < 0 ? -1 : news;
}

int netlink_monitor_read(struct netlink_monitor *m, bool *changed, bool *resynced, struct err *e)
{
	bool lost = false, news = false;
	int got;

	for (;;) {
		ssize_t n = mnl_socket_recvfrom(m->socket, m->buf, sizeof(m->buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			lost = true;
			continue;
		}
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0)
			return err_sys(e, n < 0 ? errno : EIO, "watching the network interfaces");
		got = take_datagram(m, (size_t)n, &lost, e);
		if (got < 0)
			return err_wrap(e, "watching the network interfaces");
		news |= got;
	}
	if (lost && netlink_snapshot(&m->world, e) < 0)
		return -1;
	*changed = news || lost;
	if (resynced)
		*resynced = lost;
	return 0;
}
