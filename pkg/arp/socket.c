/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "pkg/arp/arp.h"

enum {
	FRAME_ROOM = 64,       /* an ARP frame with its padding; more is cut off and not missed */
	SMALLEST_FILTER = 128, /* instructions, not worth a coarser one */
	CONTROL_ROOM = CMSG_SPACE(sizeof(struct timespec)),
};

static const char *link_text(int ifindex, char out[static IF_NAMESIZE + 16])
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

static int attach(int fd, const struct arp_filter *f)
{
	struct sock_fprog prog = { .len = (unsigned short)f->n, .filter = f->at };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

/* The kernel charges a program to the socket, the old one still being there while the new one is
 * set, and refuses with ENOMEM what is beyond net.core.optmem_max (20 KiB before Linux 6.7).  So
 * the old one goes first if need be, and if that isn't enough the new one has to be coarser. */
int arp_hear(int fd, const struct in_addr *set, size_t n, unsigned match, bool *exact, struct err *e)
{
	bool alone = false;
	size_t max = ARP_FILTER_MAX;
	int unused = 0; /* but demanded */

	for (;;) {
		struct arp_filter f;
		bool was_exact;
		int got, error;

		if (arp_filter_make(&f, set, n, match, max, e) < 0)
			return -1;
		got = attach(fd, &f);
		error = errno;
		was_exact = f.exact;
		arp_filter_release(&f);
		if (got == 0) {
			if (exact)
				*exact = was_exact;
			return 0;
		}
		if (error != ENOMEM || (alone && max <= SMALLEST_FILTER))
			return err_sys(e, error, "setting the ARP filter for %zu addresses", n);
		if (alone)
			max /= 2;
		setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
		alone = true;
	}
}

/* Takes up CAP_NET_RAW where the process may have it but does not: a program file can carry it as
 * permitted only, so that the program starts where the capability is out of reach as well. */
static bool raise_net_raw(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, caps) < 0 || !(caps[0].permitted & 1U << CAP_NET_RAW))
		return false;
	caps[0].effective |= 1U << CAP_NET_RAW;
	return syscall(SYS_capset, &head, caps) == 0;
}

int arp_open(int ifindex, struct err *e)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ARP_ETHERTYPE),
		.sll_ifindex = ifindex,
	};
	char link[IF_NAMESIZE + 16];
	/* Protocol 0: deaf, so that nothing comes in before the filter is there. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 && errno == EPERM && raise_net_raw())
		fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 && errno == EPERM)
		return err_set(e, ERR_PERMISSION,
		    "opening a packet socket for ARP needs the capability CAP_NET_RAW: run as root, or "
		    "give the program or its container NET_RAW");
	if (fd < 0)
		return err_sys(e, errno, "opening a packet socket for ARP");
	if (arp_hear(fd, NULL, 0, 0, NULL, e) < 0) {
		close(fd);
		return -1;
	}
	if (bind(fd, (struct sockaddr *)&ll, sizeof(ll)) < 0) {
		err_sys(e, errno, "listening for ARP on %s", link_text(ifindex, link));
		close(fd);
		return -1;
	}
	return fd;
}

int arp_time(int fd, struct err *e)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0)
		return err_sys(e, errno, "asking for the time of ARP frames");
	return 0;
}

/* Against the clock that the kernel stamps with; one that was set meanwhile gives 0. */
static uint32_t age_of(struct msghdr *h, const struct timespec *now)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct timespec then;
		int64_t us;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&then, CMSG_DATA(c), sizeof(then));
		us = (now->tv_sec - then.tv_sec) * INT64_C(1000000) +
		     (now->tv_nsec - then.tv_nsec) / 1000;
		return us > 0 && us < 10000000 ? (uint32_t)us : 0;
	}
	return 0;
}

int arp_receive(int fd, struct arp_batch *b, struct err *e)
{
	uint8_t bytes[ARP_BATCH][FRAME_ROOM];
	struct iovec iov[ARP_BATCH];
	struct sockaddr_ll from[ARP_BATCH];
	_Alignas(struct cmsghdr) uint8_t control[ARP_BATCH][CONTROL_ROOM];
	struct mmsghdr msgs[ARP_BATCH];
	struct timespec now;
	int got;

	b->n = b->bad = 0;
	for (size_t i = 0; i < ARP_BATCH; i++) {
		/* cppcheck-suppress legacyUninitvar ; recvmmsg() fills it */
		iov[i] = (struct iovec){ bytes[i], sizeof(bytes[i]) };
		msgs[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &from[i],
						.msg_namelen = sizeof(from[i]),
						.msg_iov = &iov[i],
						.msg_iovlen = 1,
						.msg_control = control[i],
						.msg_controllen = sizeof(control[i]) } };
	}
	got = recvmmsg(fd, msgs, ARP_BATCH, MSG_DONTWAIT, NULL);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got < 0)
		return err_sys(e, errno, "receiving ARP");
	clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 0; i < got; i++) {
		struct arp_message *m = &b->at[b->n];

		m->ifindex = from[i].sll_ifindex;
		b->age_us[b->n] = age_of(&msgs[i].msg_hdr, &now);
		if (arp_frame_decode(&m->frame, bytes[i], msgs[i].msg_len, &b->why) < 0)
			b->bad++;
		else
			b->n++;
	}
	return 0;
}

int arp_send(int fd, const struct arp_message *at, size_t n, struct err *e)
{
	uint8_t bytes[ARP_BATCH][ARP_FRAME_LEN];
	struct iovec iov[ARP_BATCH];
	struct sockaddr_ll to[ARP_BATCH];
	struct mmsghdr msgs[ARP_BATCH];
	char link[IF_NAMESIZE + 16];
	int sent = 0;

	for (size_t done = 0; done < n; done += (size_t)sent) {
		size_t some = n - done < ARP_BATCH ? n - done : ARP_BATCH;

		for (size_t i = 0; i < some; i++) {
			const struct arp_message *m = &at[done + i];

			arp_frame_encode(&m->frame, bytes[i]);
			iov[i] = (struct iovec){ bytes[i], ARP_FRAME_LEN };
			to[i] = (struct sockaddr_ll){ .sll_family = AF_PACKET,
				.sll_protocol = htons(ARP_ETHERTYPE),
				.sll_ifindex = m->ifindex,
				.sll_halen = MAC_LEN };
			memcpy(to[i].sll_addr, m->frame.to.bytes, MAC_LEN);
			msgs[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &to[i],
							.msg_namelen = sizeof(to[i]),
							.msg_iov = &iov[i],
							.msg_iovlen = 1 } };
		}
		sent = sendmmsg(fd, msgs, (unsigned)some, MSG_DONTWAIT);
		if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == EINTR || done > 0))
			return (int)done;
		if (sent < 0)
			return err_sys(e, errno, "sending ARP on %s", link_text(at[0].ifindex, link));
		if (sent < (int)some)
			return (int)(done + (size_t)sent);
	}
	return (int)n;
}
