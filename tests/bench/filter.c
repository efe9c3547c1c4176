/* SPDX-License-Identifier: Apache-2.0 */
/* filter: what the kernel filter of scattered addresses costs for a foreign request, what it lets
 * through, and what it saves: waking the process.
 *
 * A socket of AF_UNIX runs the same filters as one of AF_PACKET, without anything else beside. */
#include <linux/filter.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pkg/arp/arp.h"

enum {
	FRAMES = 50000,
	TURN = 250,
	WAKEUPS = 4000,
	SPACE = 1 << 17, /* of 198.18.0.0/15 */
	FIRST = 0xc6120000,
};

static const size_t sizes[] = { 1, 10, 100, 1000, 2000, 5000, 20000, 50000, 100000 };

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static uint64_t seed = 1;

/* Some n of the space, marked in `have`. */
static void scatter(struct in_addr *set, size_t n, bool *have)
{
	memset(have, 0, SPACE);
	for (size_t i = 0; i < n;) {
		uint32_t at = splitmix64(&seed) % SPACE;

		if (have[at])
			continue;
		have[at] = true;
		set[i++].s_addr = htonl(FIRST + at);
	}
}

/* A request for an address that isn't in the set. */
static void ask(uint8_t *bytes, const bool *have)
{
	const struct mac mac = { { 2, 0, 0, 0, 0, 0x64 } };
	struct in_addr from = { htonl(0xc0000264) }, target;
	struct arp_frame f;
	uint32_t at;

	do
		at = splitmix64(&seed) % SPACE;
	while (have[at]);
	target.s_addr = htonl(FIRST + at);
	f = arp_request(&mac, from, target);
	arp_frame_encode(&f, bytes);
}

static void set_filter(int fd, const struct packet_filter *f)
{
	struct sock_fprog p = { (unsigned short)f->n, f->at };

	check(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)) == 0, "SO_ATTACH_FILTER");
}

/* Nanoseconds of CPU for sending one frame to a socket that drops it, in the best of many turns. */
static double send_all(const int *fds, uint8_t (*frames)[ARP_FRAME_LEN])
{
	uint64_t best = UINT64_MAX;

	for (size_t i = 0; i < FRAMES; i += TURN) {
		uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID), took;

		for (size_t k = i; k < i + TURN; k++)
			check(send(fds[1], frames[k], ARP_FRAME_LEN, 0) > 0, "send");
		took = now_ns(CLOCK_THREAD_CPUTIME_ID) - start;
		best = took < best ? took : best;
	}
	return (double)best / TURN;
}

/* What `f` costs more than a filter that drops all unread, if it drops what it would pass. */
static double cost(const int *fds, const struct packet_filter *f, uint8_t (*frames)[ARP_FRAME_LEN])
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct packet_filter deaf = { &none, 1, true };
	double idle;

	for (size_t i = 0; i < f->n; i++)
		if (f->at[i].code == (BPF_RET | BPF_K))
			f->at[i].k = 0;
	set_filter(fds[0], &deaf);
	idle = send_all(fds, frames);
	set_filter(fds[0], f);
	return send_all(fds, frames) - idle;
}

/* The share of the frames that passes. */
static double share(const int *fds, const struct packet_filter *f, uint8_t (*frames)[ARP_FRAME_LEN])
{
	uint8_t unused[ARP_FRAME_LEN];
	size_t passed = 0;

	set_filter(fds[0], f);
	for (size_t i = 0; i < FRAMES; i++) {
		check(send(fds[1], frames[i], ARP_FRAME_LEN, 0) > 0, "send");
		passed += recv(fds[0], unused, sizeof(unused), MSG_DONTWAIT) > 0;
	}
	return (double)passed / FRAMES;
}

static void *pace(void *arg)
{
	uint8_t frame[ARP_FRAME_LEN] = { 0 };

	for (int i = 0; i < WAKEUPS; i++) {
		usleep(50);
		check(send(*(int *)arg, frame, sizeof(frame), 0) > 0, "send");
	}
	return NULL;
}

/* Nanoseconds of CPU to wake for one frame, take it and sleep again, as the loop of a stage does. */
static double wakeup(int *fds)
{
	struct epoll_event ev = { .events = EPOLLIN };
	uint8_t frame[ARP_FRAME_LEN];
	struct iovec iov = { frame, sizeof(frame) };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };
	int ep = epoll_create1(0), unused = 0;
	pthread_t other;
	uint64_t start;

	setsockopt(fds[0], SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
	check(ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &ev) == 0, "epoll");
	check(pthread_create(&other, NULL, pace, &fds[1]) == 0, "pthread_create");
	start = now_ns(CLOCK_THREAD_CPUTIME_ID);
	for (int got = 0; got < WAKEUPS;) {
		epoll_wait(ep, &ev, 1, -1);
		got += recvmmsg(fds[0], &m, 1, MSG_DONTWAIT, NULL) == 1;
	}
	start = now_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	pthread_join(other, NULL);
	close(ep);
	return (double)start / WAKEUPS;
}

int main(void)
{
	static uint8_t frames[FRAMES][ARP_FRAME_LEN];
	static struct in_addr set[SPACE];
	static bool have[SPACE];
	struct err e = ERR_INIT;
	int fds[2];
	double wake;

	check(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) == 0, "socketpair");
	wake = wakeup(fds);
	printf("waking for a foreign frame\t%.1f us\t\n", wake / 1000);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct packet_filter f;
		double took, passes;

		scatter(set, sizes[i], have);
		for (size_t k = 0; k < FRAMES; k++)
			ask(frames[k], have);
		if (arp_filter_make(&f, set, sizes[i], ARP_MATCH_ASKED | ARP_MATCH_SENDER,
			PACKET_FILTER_MAX, &e) < 0)
			return fprintf(stderr, "filter: %s\n", e.text), 1;
		passes = share(fds, &f, frames);
		took = cost(fds, &f, frames);
		printf("foreign frame, filter of %zu scattered\t%.0f ns\t%.1f%% of waking; "
		       "%.0f%% "
		       "pass (%zu instructions)\n",
		    sizes[i], took, 100 * took / wake, 100 * passes, f.n);
		packet_filter_release(&f);
	}
	return 0;
}
