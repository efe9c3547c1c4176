/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pkg/bfd/bfd.h"

enum {
	TTL = 255,
	NETWORK_CONTROL = 0xc0, /* CS6 */
	RECEIVE_BUFFER = 1 << 20,
};

union sockaddr_any {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t to_sockaddr(union sockaddr_any *s, const struct addr *a, uint16_t port)
{
	*s = (union sockaddr_any){ 0 };
	if (a->family == ADDR_IPV4) {
		s->in = (struct sockaddr_in){
			.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = addr_to_in(a)
		};
		return sizeof(s->in);
	}
	s->in6 = (struct sockaddr_in6){
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = addr_to_in6(a)
	};
	return sizeof(s->in6);
}

static void set_options(int fd, uint8_t family)
{
	int ttl = TTL, class = NETWORK_CONTROL, room = RECEIVE_BUFFER;

	/* Each is for the better only: without it, packets still flow. */
	if (family == ADDR_IPV4) {
		setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
		setsockopt(fd, IPPROTO_IP, IP_TOS, &class, sizeof(class));
	} else {
		setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &ttl, sizeof(ttl));
		setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof(class));
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
}

int bfd_open(const struct addr *local, uint16_t port, struct err *e)
{
	union sockaddr_any at;
	socklen_t len = to_sockaddr(&at, local, port);
	char text[ADDR_TEXT_LEN];
	int fd = socket(at.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	addr_format(local, text);
	if (fd < 0)
		return err_sys(e, errno, "UDP socket for %s", text);
	set_options(fd, local->family);
	if (bind(fd, &at.any, len) == 0)
		return fd;
	if (errno == EADDRINUSE)
		err_set(e, ERR_CONFLICT,
		    "%s port %u of UDP is in use: another lbctl members or a speaker of MetalLB runs "
		    "on this host",
		    text, port);
	else if (errno == EADDRNOTAVAIL)
		err_set(e, ERR_NOT_FOUND, "%s, the InternalIP of this node, is no address of this host",
		    text);
	else
		err_sys(e, errno, "%s port %u of UDP", text, port);
	close(fd);
	return -1;
}

static struct addr from_sockaddr(const union sockaddr_any *s)
{
	if (s->any.sa_family == AF_INET)
		return addr_from_in(s->in.sin_addr);
	return addr_from_in6(&s->in6.sin6_addr);
}

/* Errors of single packets come back through the socket (an ICMP port unreachable, say): they
 * are what BFD is there to survive. */
int bfd_receive(int fd, struct bfd_datagram at[static BFD_BATCH], struct err *e)
{
	union sockaddr_any from[BFD_BATCH];
	struct iovec iov[BFD_BATCH];
	struct mmsghdr m[BFD_BATCH];
	int n;

	for (size_t i = 0; i < BFD_BATCH; i++) {
		iov[i] = (struct iovec){ at[i].bytes, sizeof(at[i].bytes) };
		m[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &from[i],
					     .msg_namelen = sizeof(from[i]),
					     .msg_iov = &iov[i],
					     .msg_iovlen = 1 } };
	}
	n = recvmmsg(fd, m, BFD_BATCH, 0, NULL);
	if (n < 0 && (errno == EBADF || errno == ENOTSOCK))
		return err_sys(e, errno, "receiving BFD packets");
	for (int i = 0; i < n; i++) {
		at[i].peer = from_sockaddr(&from[i]);
		at[i].len = (uint16_t)m[i].msg_len;
	}
	return n < 0 ? 0 : n;
}

size_t bfd_send(int fd, uint16_t port, const struct bfd_datagram *at, size_t n, struct err *e)
{
	union sockaddr_any to[BFD_BATCH];
	struct iovec iov[BFD_BATCH];
	struct mmsghdr m[BFD_BATCH];
	size_t failed = 0;
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < n; i++) {
		socklen_t len = to_sockaddr(&to[i], &at[i].peer, port);

		iov[i] = (struct iovec){ (void *)(uintptr_t)at[i].bytes, at[i].len };
		m[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &to[i],
					     .msg_namelen = len,
					     .msg_iov = &iov[i],
					     .msg_iovlen = 1 } };
	}
	for (size_t i = 0; i < n;) {
		int sent = sendmmsg(fd, m + i, (unsigned)(n - i), 0);

		if (sent > 0) {
			i += (size_t)sent;
			continue;
		}
		if (!failed++)
			err_sys(e, errno, "sending to %s", addr_format(&at[i].peer, text));
		i++; /* an error of one packet concerns its peer alone */
	}
	return failed;
}
