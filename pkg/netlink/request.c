/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the kernel that are answered at once, each over a socket of its own. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "pkg/netlink/netlink.h"

enum {
	BUFFER_LEN = 32768,  /* more than the kernel puts into one datagram */
	REQUEST_LEN = 256,   /* every request here is much shorter */
	SECONDS_TO_WAIT = 5, /* the kernel answers at once; this is for never waiting forever */
	DUMP_TRIES = 8,
};

typedef int answer_fn(const struct netlink_message *m, void *arg, struct err *e);

static void close_socketp(struct mnl_socket **s)
{
	if (*s)
		mnl_socket_close(*s);
}

static struct mnl_socket *open_socket(struct err *e)
{
	CLEANUP(close_socketp) struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct timeval wait = { .tv_sec = SECONDS_TO_WAIT };
	int on = 1;

	if (!s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0) {
		err_sys(e, errno, "opening a netlink socket");
		return NULL;
	}
	/* Words with the errors; kernels before 4.12 have none. */
	(void)mnl_socket_setsockopt(s, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)mnl_socket_setsockopt(s, NETLINK_CAP_ACK, &on, sizeof(on));
	return TAKE(s);
}

static int kernel_says(const struct netlink_message *m, struct err *e)
{
	err_sys(e, m->error, "%s", m->error_text[0] ? m->error_text : "netlink");
	return -1;
}

/* Sends the request and hands every message of the answer to `fn` until it is complete: after the
 * acknowledgement, or the end of a dump.  *interrupted: the world changed under a dump. */
static int ask(struct nlmsghdr *nlh, answer_fn *fn, void *arg, bool *interrupted, struct err *e)
{
	CLEANUP(close_socketp) struct mnl_socket *s = open_socket(e);
	_Alignas(struct nlmsghdr) uint8_t buf[BUFFER_LEN];

	if (!s)
		return -1;
	nlh->nlmsg_seq = 1;
	if (mnl_socket_sendto(s, nlh, nlh->nlmsg_len) < 0)
		return err_sys(e, errno, "asking netlink");
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(s, buf, sizeof(buf));
		const uint8_t *at = buf;
		size_t len = n > 0 ? (size_t)n : 0;
		struct netlink_message m;
		int got;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(e, n < 0 ? errno : EIO, "waiting for netlink");
		while ((got = netlink_decode(&at, &len, &m, e)) > 0) {
			*interrupted |= m.interrupted;
			if ((m.tells == NETLINK_TELLS_ERROR || m.tells == NETLINK_TELLS_DONE) &&
			    m.error)
				return kernel_says(&m, e);
			if (m.tells == NETLINK_TELLS_ERROR || m.tells == NETLINK_TELLS_DONE)
				return 0;
			if (fn && fn(&m, arg, e) < 0)
				return -1;
		}
		if (got < 0)
			return -1;
	}
}

static struct nlmsghdr *new_request(void *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	return nlh;
}

static int into_world(const struct netlink_message *m, void *arg, struct err *e)
{
	return netlink_world_apply(arg, m, e);
}

static int dump(uint16_t type, struct netlink_world *w, bool *interrupted, struct err *e)
{
	_Alignas(struct nlmsghdr) uint8_t buf[REQUEST_LEN];
	struct nlmsghdr *nlh = new_request(buf, type, NLM_F_DUMP);

	if (type == RTM_GETLINK)
		mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	else
		mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifaddrmsg));
	return ask(nlh, into_world, w, interrupted, e);
}

int netlink_snapshot(struct netlink_world *w, struct err *e)
{
	for (int tries = 1;; tries++) {
		CLEANUP(netlink_world_release) struct netlink_world now = NETLINK_WORLD_INIT;
		bool interrupted = false;

		if (dump(RTM_GETLINK, &now, &interrupted, e) < 0)
			return err_wrap(e, "listing the network interfaces");
		if (dump(RTM_GETADDR, &now, &interrupted, e) < 0)
			return err_wrap(e, "listing the addresses of the network interfaces");
		if (interrupted && tries < DUMP_TRIES)
			continue;
		netlink_world_release(w);
		*w = now;
		now = (struct netlink_world)NETLINK_WORLD_INIT;
		return 0;
	}
}

static void put_addr(struct nlmsghdr *nlh, uint16_t type, const struct addr *a)
{
	mnl_attr_put(nlh, type, addr_len(a), a->bytes);
}

static uint8_t kernel_family(const struct addr *a)
{
	return a->family == ADDR_IPV4 ? AF_INET : AF_INET6;
}

struct route_answer {
	struct netlink_route route;
	bool got;
};

static int take_route(const struct netlink_message *m, void *arg, struct err *e)
{
	struct route_answer *answer = arg;

	(void)e;
	if (m->tells == NETLINK_TELLS_ROUTE)
		*answer = (struct route_answer){ m->route, true };
	return 0;
}

int netlink_route(const struct addr *to, struct netlink_route *r, struct err *e)
{
	_Alignas(struct nlmsghdr) uint8_t buf[REQUEST_LEN];
	struct nlmsghdr *nlh = new_request(buf, RTM_GETROUTE, NLM_F_ACK);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	struct route_answer answer = { 0 };
	char text[ADDR_TEXT_LEN];
	bool interrupted = false;

	rtm->rtm_family = kernel_family(to);
	rtm->rtm_dst_len = (uint8_t)(8 * addr_len(to));
	put_addr(nlh, RTA_DST, to);
	if (ask(nlh, take_route, &answer, &interrupted, e) < 0) {
		if (e->sys == ENETUNREACH || e->sys == EHOSTUNREACH || e->sys == EACCES ||
		    e->sys == EINVAL)
			return err_set(e, ERR_NOT_FOUND, "no route to %s", addr_format(to, text));
		return err_wrap(e, "looking up the route to %s", addr_format(to, text));
	}
	if (!answer.got || !answer.route.ifindex)
		return err_set(e, ERR_NOT_FOUND, "no route to %s", addr_format(to, text));
	*r = answer.route;
	return 0;
}

struct neighbours {
	struct netlink_neighbour *at;
	size_t n;
};

static int take_neighbour(const struct netlink_message *m, void *arg, struct err *e)
{
	struct neighbours *all = arg;
	struct netlink_neighbour *more;

	if (m->tells != NETLINK_TELLS_NEIGHBOUR)
		return 0;
	if ((all->n & (all->n - 1)) == 0) { /* its room is a power of two */
		more = reallocarray(all->at, all->n ? 2 * all->n : 1, sizeof(*more));
		if (!more)
			return err_memory(e);
		all->at = more;
	}
	all->at[all->n++] = m->neighbour;
	return 0;
}

int netlink_neighbours(struct netlink_neighbour **out, size_t *n, struct err *e)
{
	_Alignas(struct nlmsghdr) uint8_t buf[REQUEST_LEN];
	struct nlmsghdr *nlh = new_request(buf, RTM_GETNEIGH, NLM_F_DUMP);
	struct neighbours all = { 0 };
	bool interrupted = false; /* one more or less does no harm */

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ndmsg));
	if (ask(nlh, take_neighbour, &all, &interrupted, e) < 0) {
		free(all.at);
		return err_wrap(e, "listing the neighbours");
	}
	*out = all.at;
	*n = all.n;
	return 0;
}

static struct nlmsghdr *address_request(
    void *buf, uint16_t type, uint16_t flags, int ifindex, const struct addr *a, uint8_t len)
{
	struct nlmsghdr *nlh = new_request(buf, type, NLM_F_ACK | flags);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	ifa->ifa_family = kernel_family(a);
	ifa->ifa_prefixlen = len;
	ifa->ifa_index = (unsigned)ifindex;
	ifa->ifa_scope = RT_SCOPE_UNIVERSE;
	put_addr(nlh, IFA_LOCAL, a);
	put_addr(nlh, IFA_ADDRESS, a);
	return nlh;
}

static int change_address(struct nlmsghdr *nlh, const char *doing, const char *where, int ifindex,
    const struct addr *a, uint8_t len, struct err *e)
{
	char text[ADDR_TEXT_LEN], name[IF_NAMESIZE] = "";
	bool interrupted = false;

	if (ask(nlh, NULL, NULL, &interrupted, e) == 0)
		return 0;
	addr_format(a, text);
	if (!if_indextoname((unsigned)ifindex, name))
		snprintf(name, sizeof(name), "link %d", ifindex);
	if (e->sys == EPERM)
		return err_set(e, ERR_PERMISSION, "%s %s/%u %s %s needs the capability CAP_NET_ADMIN",
		    doing, text, len, where, name);
	if (e->sys == EADDRNOTAVAIL || e->sys == ENODEV)
		e->kind = ERR_NOT_FOUND;
	return err_wrap(e, "%s %s/%u %s %s", doing, text, len, where, name);
}

int netlink_address_set(int ifindex, const struct addr *a, uint8_t len, uint32_t valid_s,
    uint32_t preferred_s, struct err *e)
{
	_Alignas(struct nlmsghdr) uint8_t buf[REQUEST_LEN];
	struct nlmsghdr *nlh =
	    address_request(buf, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, ifindex, a, len);
	struct ifa_cacheinfo life = { .ifa_valid = valid_s, .ifa_prefered = preferred_s };

	mnl_attr_put(nlh, IFA_CACHEINFO, sizeof(life), &life);
	if (a->family == ADDR_IPV6)
		mnl_attr_put_u32(nlh, IFA_FLAGS, IFA_F_NODAD);
	return change_address(nlh, "adding", "to", ifindex, a, len, e);
}

int netlink_address_remove(int ifindex, const struct addr *a, uint8_t len, struct err *e)
{
	_Alignas(struct nlmsghdr) uint8_t buf[REQUEST_LEN];
	struct nlmsghdr *nlh = address_request(buf, RTM_DELADDR, 0, ifindex, a, len);

	return change_address(nlh, "removing", "from", ifindex, a, len, e);
}
