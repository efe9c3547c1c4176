/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "pkg/ndp/ndp.h"

enum {
	FRAME_ROOM = 1024, /* options of other types may stand before ours */
};

struct question {
	const struct in6_addr *set;
	size_t n;
	unsigned match;
};

static int make(const void *arg, size_t max, struct packet_filter *f, struct err *e)
{
	const struct question *q = arg;

	return ndp_filter_make(f, q->set, q->n, q->match, max, e);
}

int ndp_hear(int fd, const struct in6_addr *set, size_t n, unsigned match, bool *exact, struct err *e)
{
	const struct question q = { set, n, match };

	if (packet_hear(fd, make, &q, exact, e) < 0)
		return err_wrap(e, "listening for NDP about %zu addresses", n);
	return 0;
}

int ndp_open(int ifindex, struct err *e)
{
	return packet_open("NDP", NDP_ETHERTYPE, ifindex, e);
}

int ndp_time(int fd, struct err *e)
{
	return packet_time(fd, e);
}

int ndp_receive(int fd, struct ndp_batch *b, struct err *e)
{
	uint8_t bytes[NDP_BATCH][FRAME_ROOM];
	struct iovec iov[NDP_BATCH];
	struct sockaddr_ll from[NDP_BATCH];
	_Alignas(struct cmsghdr) uint8_t control[NDP_BATCH][PACKET_CONTROL_ROOM];
	struct mmsghdr msgs[NDP_BATCH];
	struct timespec now;
	int got;

	b->n = b->bad = 0;
	for (size_t i = 0; i < NDP_BATCH; i++) {
		/* cppcheck-suppress legacyUninitvar ; recvmmsg() fills it */
		iov[i] = (struct iovec){ bytes[i], sizeof(bytes[i]) };
		msgs[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &from[i],
						.msg_namelen = sizeof(from[i]),
						.msg_iov = &iov[i],
						.msg_iovlen = 1,
						.msg_control = control[i],
						.msg_controllen = sizeof(control[i]) } };
	}
	got = recvmmsg(fd, msgs, NDP_BATCH, MSG_DONTWAIT, NULL);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got < 0)
		return err_sys(e, errno, "receiving NDP");
	clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 0; i < got; i++) {
		struct ndp_message *m = &b->at[b->n];

		m->ifindex = from[i].sll_ifindex;
		b->age_us[b->n] = packet_age_us(&msgs[i].msg_hdr, &now);
		if (ndp_frame_decode(&m->frame, bytes[i], msgs[i].msg_len, &b->why) < 0)
			b->bad++;
		else
			b->n++;
	}
	return 0;
}

int ndp_send(int fd, const struct ndp_message *at, size_t n, struct err *e)
{
	uint8_t bytes[NDP_BATCH][NDP_FRAME_MAX];
	struct iovec iov[NDP_BATCH];
	struct sockaddr_ll to[NDP_BATCH];
	struct mmsghdr msgs[NDP_BATCH];
	char link[IF_NAMESIZE + 16];
	int sent = 0;

	for (size_t done = 0; done < n; done += (size_t)sent) {
		size_t some = n - done < NDP_BATCH ? n - done : NDP_BATCH;

		for (size_t i = 0; i < some; i++) {
			const struct ndp_message *m = &at[done + i];

			iov[i].iov_base = bytes[i];
			iov[i].iov_len = ndp_frame_encode(&m->frame, bytes[i]);
			to[i] = (struct sockaddr_ll){ .sll_family = AF_PACKET,
				.sll_protocol = htons(NDP_ETHERTYPE),
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
			    e, errno, "sending NDP on %s", packet_link_text(at[0].ifindex, link));
		if (sent < (int)some)
			return (int)(done + (size_t)sent);
	}
	return (int)n;
}
