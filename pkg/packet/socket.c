/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pkg/cap/cap.h"
#include "pkg/packet/packet.h"

enum {
	SMALLEST_FILTER = 128, /* instructions, not worth a coarser one */
	ETHERTYPE_AT = 12,
	/* As much as the kernel gives, mostly twice the default: a node that comes back tells of all
	 * its addresses at once, and requests must have room beside that. */
	ROOM = 1 << 20,
};

const char *packet_link_text(int ifindex, char out[static IF_NAMESIZE + 16])
{
	char name[IF_NAMESIZE];

	if (ifindex == 0)
		snprintf(out, IF_NAMESIZE + 16, "all links");
	else if (if_indextoname((unsigned)ifindex, name))
		snprintf(out, IF_NAMESIZE + 16, "%s", name);
	else
		snprintf(out, IF_NAMESIZE + 16, "link %d", ifindex);
	return out;
}

static int attach(int fd, const struct packet_filter *f)
{
	struct sock_fprog prog = { .len = (unsigned short)f->n, .filter = f->at };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

/* The kernel charges a program to the socket, the old one still being there while the new one is
 * set, and refuses with ENOMEM what is beyond net.core.optmem_max (20 KiB before Linux 6.7).  So
 * the old one goes first if need be, and if that isn't enough the new one has to be coarser. */
int packet_hear(int fd, packet_make_fn *make, const void *arg, bool *exact, struct err *e)
{
	bool alone = false;
	size_t max = PACKET_FILTER_MAX;
	int unused = 0; /* but demanded */

	for (;;) {
		struct packet_filter f;
		bool was_exact;
		int got, error;

		if (make(arg, max, &f, e) < 0)
			return -1;
		got = attach(fd, &f);
		error = errno;
		was_exact = f.exact;
		packet_filter_release(&f);
		if (got == 0) {
			if (exact)
				*exact = was_exact;
			return 0;
		}
		if (error != ENOMEM || (alone && max <= SMALLEST_FILTER))
			return err_sys(e, error, "setting the filter of a packet socket");
		if (alone)
			max /= 2;
		setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
		alone = true;
	}
}

void packet_filter_release(struct packet_filter *f)
{
	free(f->at);
	*f = (struct packet_filter){ 0 };
}

int packet_open(const char *what, uint16_t ethertype, int ifindex, struct err *e)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ethertype),
		.sll_ifindex = ifindex,
	};
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct packet_filter deaf = { &none, 1, true };
	char link[IF_NAMESIZE + 16];
	/* Protocol 0: deaf, so that nothing comes in before the filter is there. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), room = ROOM;

	if (fd < 0 && errno == EPERM && cap_raise(CAP_NET_RAW))
		fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 && errno == EPERM)
		return err_set(e, ERR_PERMISSION,
		    "opening a packet socket for %s needs the capability CAP_NET_RAW: run as root, or "
		    "give the program or its container NET_RAW",
		    what);
	if (fd < 0)
		return err_sys(e, errno, "opening a packet socket for %s", what);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (attach(fd, &deaf) < 0 || bind(fd, (struct sockaddr *)&ll, sizeof(ll)) < 0) {
		err_sys(e, errno, "listening for %s on %s", what, packet_link_text(ifindex, link));
		close(fd);
		return -1;
	}
	return fd;
}

int packet_time(int fd, struct err *e)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0)
		return err_sys(e, errno, "asking for the time of frames");
	return 0;
}

/* One that was set back meanwhile gives 0. */
uint32_t packet_age_us(struct msghdr *h, const struct timespec *now)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct timespec then;
		int64_t us;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&then, CMSG_DATA(c), sizeof(then));
		us = (now->tv_sec - then.tv_sec) * INT64_C(1000000) +
		     (now->tv_nsec - then.tv_nsec) / 1000;
		return us <= 0 ? 0 : us < PACKET_AGE_MAX_US ? (uint32_t)us : PACKET_AGE_MAX_US;
	}
	return 0;
}

int packet_receive(const char *what, int fd, uint8_t *bytes, size_t room,
    struct packet_seen seen[static PACKET_BATCH], struct err *e)
{
	struct iovec iov[PACKET_BATCH];
	struct sockaddr_ll from[PACKET_BATCH];
	_Alignas(struct cmsghdr) uint8_t control[PACKET_BATCH][PACKET_CONTROL_ROOM];
	struct mmsghdr msgs[PACKET_BATCH];
	struct timespec now;
	int got;

	for (size_t i = 0; i < PACKET_BATCH; i++) {
		iov[i] = (struct iovec){ bytes + i * room, room };
		msgs[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &from[i],
						.msg_namelen = sizeof(from[i]),
						.msg_iov = &iov[i],
						.msg_iovlen = 1,
						.msg_control = control[i],
						.msg_controllen = sizeof(control[i]) } };
	}
	got = recvmmsg(fd, msgs, PACKET_BATCH, MSG_DONTWAIT, NULL);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got < 0)
		return err_sys(e, errno, "receiving %s", what);
	clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 0; i < got; i++)
		seen[i] = (struct packet_seen){ from[i].sll_ifindex,
			packet_age_us(&msgs[i].msg_hdr, &now), msgs[i].msg_len };
	return got;
}

int packet_send(const char *what, int fd, const struct packet_frame *at, size_t n, struct err *e)
{
	struct iovec iov[PACKET_BATCH];
	struct sockaddr_ll to[PACKET_BATCH];
	struct mmsghdr msgs[PACKET_BATCH];
	char link[IF_NAMESIZE + 16];
	int sent;

	for (size_t i = 0; i < n; i++) {
		iov[i] = (struct iovec){ (void *)(uintptr_t)at[i].bytes, at[i].len };
		to[i] = (struct sockaddr_ll){ .sll_family = AF_PACKET, .sll_ifindex = at[i].ifindex };
		memcpy(&to[i].sll_protocol, at[i].bytes + ETHERTYPE_AT, sizeof(to[i].sll_protocol));
		msgs[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &to[i],
						.msg_namelen = sizeof(to[i]),
						.msg_iov = &iov[i],
						.msg_iovlen = 1 } };
	}
	sent = sendmmsg(fd, msgs, (unsigned)n, MSG_DONTWAIT);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (sent < 0)
		return err_sys(
		    e, errno, "sending %s on %s", what, packet_link_text(at[0].ifindex, link));
	return sent;
}
