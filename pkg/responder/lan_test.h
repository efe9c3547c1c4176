/* SPDX-License-Identifier: Apache-2.0 */
/* A client on v1 that asks: either an answer comes back or the question reaches a socket of this host
 * on v0, so that nothing waits in vain. */
#ifndef LB_LAN_TEST_H
#define LB_LAN_TEST_H

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/socket.h>

#include "pkg/responder/responder.h"
#include "pkg/responder/responder_test.h"
#include "tests/addr.h"

enum fate { ANSWERED, PASSED_ARP, PASSED_IPV6, FATES };

struct lan {
	struct responder *r;
	int fd[FATES];
	uint8_t got[FRAME_ROOM]; /* the last answer */
	size_t len;
};

static inline int listener(int ifindex, uint16_t protocol)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = ifindex
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static inline void listen_on(struct lan *l, int asking, int asked)
{
	l->fd[ANSWERED] = listener(asking, ETH_P_ALL);
	l->fd[PASSED_ARP] = listener(asked, ETH_P_ARP);
	l->fd[PASSED_IPV6] = listener(asked, ETH_P_IPV6);
}

static inline void close_all(struct lan *l)
{
	for (int i = 0; i < FATES; i++)
		close(l->fd[i]);
}

static inline void add(struct responder *r, const char *text, int ifindex)
{
	const struct addr a = address(text);
	struct err e = ERR_INIT;

	if (responder_add(r, &a, ifindex, &e) < 0)
		fail_msg("%s", e.text);
}

static inline void drop(struct responder *r, const struct addr *a, int ifindex)
{
	struct err e = ERR_INIT;

	assert_int_equal(responder_drop(r, a, ifindex, &e), 0);
}

static inline void set_link(struct responder *r, int ifindex, const struct mac *mac)
{
	struct err e = ERR_INIT;

	if (responder_set_link(r, ifindex, mac, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(responder_has_link(r, ifindex));
}

static inline uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

static inline struct responder *ready(void)
{
	struct err e = ERR_INIT;
	struct responder *r = responder_new(&e);

	if (!r)
		fail_msg("%s", e.text);
	set_link(r, LINK, &node);
	add(r, "192.0.2.10", LINK);
	add(r, "2001:db8::10", LINK);
	responder_answer_until(r, now_ms() + 60000);
	return r;
}

/* What was on its way to others. */
static inline void forget(struct lan *l)
{
	for (int i = 0; i < FATES; i++)
		while (recv(l->fd[i], l->got, sizeof(l->got), 0) > 0)
			;
}

static inline enum fate fate_of(struct lan *l, const uint8_t *frame, size_t len)
{
	struct pollfd p[FATES];
	ssize_t n;

	for (int i = 0; i < FATES; i++)
		p[i] = (struct pollfd){ .fd = l->fd[i], .events = POLLIN };
	forget(l);
	assert_int_equal(send(l->fd[ANSWERED], frame, len, 0), len);
	if (poll(p, FATES, 5000) < 1)
		fail_msg("%zu bytes are neither answered nor passed on", len);
	for (int i = 0; i < FATES; i++) {
		if (!(p[i].revents & POLLIN))
			continue;
		n = recv(l->fd[i], l->got, sizeof(l->got), 0);
		assert_true(n > 0);
		l->len = (size_t)n;
		return (enum fate)i;
	}
	fail_msg("a link has gone");
	return FATES;
}

static inline bool is_answered(struct lan *l, const uint8_t *frame, size_t len)
{
	return fate_of(l, frame, len) == ANSWERED;
}

static inline void assert_both_answered(struct lan *l)
{
	assert_true(is_answered(l, request, sizeof(request)));
	assert_int_equal(l->len, sizeof(reply));
	assert_memory_equal(l->got, reply, sizeof(reply));
	assert_true(is_answered(l, solicitation, sizeof(solicitation)));
	assert_int_equal(l->len, sizeof(advertisement));
	assert_memory_equal(l->got, advertisement, sizeof(advertisement));
}

static inline void assert_both_passed(struct lan *l)
{
	assert_int_equal(fate_of(l, request, sizeof(request)), PASSED_ARP);
	assert_memory_equal(l->got, request, sizeof(request));
	assert_int_equal(fate_of(l, solicitation, sizeof(solicitation)), PASSED_IPV6);
	assert_memory_equal(l->got, solicitation, sizeof(solicitation));
}

#endif
