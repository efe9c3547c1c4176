/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
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
	int ttl = TTL, class = NETWORK_CONTROL, room = RECEIVE_BUFFER, on = 1;

	/* Each is for the better only: without it, packets still flow. */
	if (family == ADDR_IPV4) {
		setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
		setsockopt(fd, IPPROTO_IP, IP_TOS, &class, sizeof(class));
	} else {
		setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &ttl, sizeof(ttl));
		setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof(class));
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
}

/* Bound without SO_REUSEPORT, so that it finds out whether the port is taken. */
static int open_first(const struct addr *local, uint16_t port, struct err *e)
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

/* The second of the group; the program returns which of them, and 0 for what is too short. */
static int open_quiet(int first, uint8_t family)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 1),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, BFD_QUIET_MASK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BFD_QUIET, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { ARRAY_LEN(code), code };
	union sockaddr_any at = { 0 };
	socklen_t len = sizeof(at);
	int on = 1, off = 0;
	int fd = socket(
	    family == ADDR_IPV4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	set_options(fd, family);
	if (getsockname(first, &at.any, &len) == 0 &&
	    setsockopt(first, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 &&
	    bind(fd, &at.any, len) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) == 0)
		return fd;
	close(fd);
	setsockopt(first, SOL_SOCKET, SO_REUSEPORT, &off, sizeof(off));
	return -1;
}

int bfd_open(struct bfd_socket *s, const struct addr *local, uint16_t port, struct err *e)
{
	int fd = open_first(local, port, e);

	if (fd < 0)
		return -1;
	*s = (struct bfd_socket){ .fd = fd, .quiet = open_quiet(fd, local->family) };
	return 0;
}

void bfd_close(struct bfd_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	if (s->quiet >= 0)
		close(s->quiet);
	*s = (struct bfd_socket){ -1, -1 };
}

static struct addr from_sockaddr(const union sockaddr_any *s)
{
	if (s->any.sa_family == AF_INET)
		return addr_from_in(s->in.sin_addr);
	return addr_from_in6(&s->in6.sin6_addr);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* When it arrived, by CLOCK_REALTIME; now, if the kernel doesn't say. */
static int64_t arrival_ns(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct timespec t;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
	}
	return now_ns();
}

/* Errors of single packets come back through the socket (an ICMP port unreachable, say): they
 * are what BFD is there to survive. */
static int receive(int fd, struct bfd_datagram at[static BFD_BATCH / 2],
    int64_t arrived[static BFD_BATCH / 2], struct err *e)
{
	enum { N = BFD_BATCH / 2 };
	char control[N][CMSG_SPACE(sizeof(struct timespec))] __attribute__((aligned(8)));
	union sockaddr_any from[N];
	struct iovec iov[N];
	struct mmsghdr m[N];
	int n;

	for (size_t i = 0; i < N; i++) {
		iov[i] = (struct iovec){ at[i].bytes, sizeof(at[i].bytes) };
		m[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &from[i],
					     .msg_namelen = sizeof(from[i]),
					     .msg_control = control[i],
					     .msg_controllen = sizeof(control[i]),
					     .msg_iov = &iov[i],
					     .msg_iovlen = 1 } };
	}
	n = recvmmsg(fd, m, N, 0, NULL);
	if (n < 0 && (errno == EBADF || errno == ENOTSOCK))
		return err_sys(e, errno, "receiving BFD packets");
	for (int i = 0; i < n; i++) {
		arrived[i] = arrival_ns(&m[i].msg_hdr);
		at[i].peer = from_sockaddr(&from[i]);
		at[i].len = (uint16_t)m[i].msg_len;
	}
	return n < 0 ? 0 : n;
}

static int compare_ages(const void *a, const void *b)
{
	const struct bfd_datagram *x = a, *y = b;

	return (x->age_ns < y->age_ns) - (x->age_ns > y->age_ns);
}

int bfd_receive(const struct bfd_socket *s, struct bfd_datagram at[static BFD_BATCH], struct err *e)
{
	int64_t arrived[BFD_BATCH], now;
	int quiet = s->quiet < 0 ? 0 : receive(s->quiet, at, arrived, e);
	int rest = quiet < 0 ? -1 : receive(s->fd, at + quiet, arrived + quiet, e);

	if (rest < 0)
		return -1;
	now = quiet + rest ? now_ns() : 0;
	for (int i = 0; i < quiet + rest; i++)
		at[i].age_ns = arrived[i] < now ? (uint64_t)(now - arrived[i]) : 0;
	if (quiet && rest)
		qsort(at, (size_t)(quiet + rest), sizeof(*at), compare_ages);
	return quiet + rest;
}

size_t bfd_send(
    const struct bfd_socket *s, uint16_t port, const struct bfd_datagram *at, size_t n, struct err *e)
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
		int sent = sendmmsg(s->fd, m + i, (unsigned)(n - i), 0);

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
