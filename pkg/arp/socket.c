/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "pkg/arp/arp.h"

enum {
	FRAME_ROOM = 64, /* an ARP frame with its padding; more is cut off and not missed */
};

struct question {
	const struct in_addr *set;
	size_t n;
	unsigned match;
};

static int make(const void *arg, size_t max, struct packet_filter *f, struct err *e)
{
	const struct question *q = arg;

	return arp_filter_make(f, q->set, q->n, q->match, max, e);
}

int arp_hear(int fd, const struct in_addr *set, size_t n, unsigned match, bool *exact, struct err *e)
{
	const struct question q = { set, n, match };

	if (packet_hear(fd, make, &q, exact, e) < 0)
		return err_wrap(e, "listening for ARP about %zu addresses", n);
	return 0;
}

int arp_open(int ifindex, struct err *e)
{
	return packet_open("ARP", ARP_ETHERTYPE, ifindex, e);
}

int arp_time(int fd, struct err *e)
{
	return packet_time(fd, e);
}

int arp_receive(int fd, struct arp_batch *b, struct err *e)
{
	uint8_t bytes[ARP_BATCH][FRAME_ROOM];
	struct iovec iov[ARP_BATCH];
	struct sockaddr_ll from[ARP_BATCH];
	_Alignas(struct cmsghdr) uint8_t control[ARP_BATCH][PACKET_CONTROL_ROOM];
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
		b->age_us[b->n] = packet_age_us(&msgs[i].msg_hdr, &now);
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
			return err_sys(
			    e, errno, "sending ARP on %s", packet_link_text(at[0].ifindex, link));
		if (sent < (int)some)
			return (int)(done + (size_t)sent);
	}
	return (int)n;
}
