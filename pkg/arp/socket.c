/* SPDX-License-Identifier: Apache-2.0 */
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

int arp_receive(int fd, struct arp_batch *b, struct err *e)
{
	uint8_t bytes[PACKET_BATCH][FRAME_ROOM];
	struct packet_seen seen[PACKET_BATCH];
	int got = packet_receive("ARP", fd, bytes[0], FRAME_ROOM, seen, e);

	b->n = b->bad = 0;
	for (int i = 0; i < got; i++) {
		struct arp_message *m = &b->at[b->n];

		m->ifindex = seen[i].ifindex;
		b->age_us[b->n] = seen[i].age_us;
		if (arp_frame_decode(&m->frame, bytes[i], seen[i].len, &b->why) < 0)
			b->bad++;
		else
			b->n++;
	}
	return got < 0 ? -1 : 0;
}

int arp_send(int fd, const struct arp_message *at, size_t n, struct err *e)
{
	uint8_t bytes[PACKET_BATCH][ARP_FRAME_LEN];
	struct packet_frame frames[PACKET_BATCH];

	for (size_t done = 0; done < n;) {
		size_t some = n - done < PACKET_BATCH ? n - done : PACKET_BATCH;
		int sent;

		for (size_t i = 0; i < some; i++)
			frames[i] = (struct packet_frame){ at[done + i].ifindex, bytes[i],
				arp_frame_encode(&at[done + i].frame, bytes[i]) };
		sent = packet_send("ARP", fd, frames, some, e);
		if (sent < 0)
			return done ? (int)done : -1;
		done += (size_t)sent;
		if ((size_t)sent < some)
			return (int)done;
	}
	return (int)n;
}
