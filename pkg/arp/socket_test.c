/* SPDX-License-Identifier: Apache-2.0 */
/* Against the kernel, in a network namespace of the test's own, which needs no root.  What is sent
 * to lo comes back on lo, with the filter in between. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <net/if.h>

#include "pkg/arp/arp.h"
#include "tests/unit.h"

enum { LO = 1 };

static const uint32_t BASE = 0xc0000200;

static const struct mac mac = { { 2, 0, 0, 0, 0, 1 } };

static int enter_namespace(void **state)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	(void)state;
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		printf("ok 1 - the socket # skip no network namespace: %s\n1..1\n", strerror(errno));
		exit(0);
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
	close(fd);
	return 0;
}

static struct in_addr ip(uint32_t host_order)
{
	return (struct in_addr){ htonl(host_order) };
}

static int listener(int ifindex)
{
	struct err e = ERR_INIT;
	int fd = arp_open(ifindex, &e);

	assert_true(fd >= 0);
	return fd;
}

/* To lo itself, whose MAC is zero: it takes a broadcast for multicast. */
static struct arp_message request_for(uint32_t target)
{
	struct arp_message m = { LO, arp_request(&mac, ip(BASE + 1), ip(target)) };

	m.frame.to = (struct mac){ 0 };
	return m;
}

static void ask_for(int fd, uint32_t target)
{
	struct arp_message m = request_for(target);
	struct err e = ERR_INIT;

	assert_int_equal(arp_send(fd, &m, 1, &e), 1);
}

/* What comes within a moment, up to a batch. */
static size_t heard(int fd, struct arp_batch *b)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct err e = ERR_INIT;

	poll(&p, 1, 100);
	assert_int_equal(arp_receive(fd, b, &e), 0);
	return b->n;
}

static void hears_only_what_is_in_the_set(void **state)
{
	(void)state;
	const struct in_addr set[] = { ip(BASE + 10), ip(BASE + 12) };
	int fd = listener(LO), sender = listener(LO);
	struct err e = ERR_INIT;
	struct arp_batch b;
	bool exact;

	ask_for(sender, BASE + 10); /* not yet */
	assert_int_equal(heard(fd, &b), 0);
	assert_int_equal(arp_hear(fd, set, 2, ARP_MATCH_ASKED, &exact, &e), 0);
	assert_true(exact);
	for (uint32_t i = 8; i < 15; i++)
		ask_for(sender, BASE + i);
	assert_int_equal(heard(fd, &b), 2);
	assert_int_equal(b.bad, 0);
	assert_int_equal(ntohl(b.at[0].frame.packet.target_ip.s_addr), BASE + 10);
	assert_int_equal(ntohl(b.at[1].frame.packet.target_ip.s_addr), BASE + 12);
	assert_int_equal(b.at[0].ifindex, LO);
	assert_true(mac_equal(&b.at[0].frame.from, &mac));
	assert_int_equal(heard(fd, &b), 0);
	close(fd);
	close(sender);
}

static void filter_is_swapped_while_open(void **state)
{
	(void)state;
	const struct in_addr first = ip(BASE + 10), second = ip(BASE + 20);
	int fd = listener(0), sender = listener(LO);
	struct err e = ERR_INIT;
	struct arp_batch b;

	assert_int_equal(arp_hear(fd, &first, 1, ARP_MATCH_ASKED, NULL, &e), 0);
	ask_for(sender, BASE + 20);
	assert_int_equal(arp_hear(fd, &second, 1, ARP_MATCH_ASKED, NULL, &e), 0);
	ask_for(sender, BASE + 10);
	ask_for(sender, BASE + 20);
	assert_int_equal(heard(fd, &b), 1);
	assert_int_equal(ntohl(b.at[0].frame.packet.target_ip.s_addr), BASE + 20);
	assert_int_equal(arp_hear(fd, NULL, 0, ARP_MATCH_ASKED, NULL, &e), 0);
	ask_for(sender, BASE + 20);
	assert_int_equal(heard(fd, &b), 0);
	close(fd);
	close(sender);
}

static void limit_filters(const char *bytes)
{
	FILE *f = fopen("/proc/sys/net/core/optmem_max", "w");

	if (f) {
		fputs(bytes, f);
		fclose(f);
	}
}

/* However small the kernel's limit is, the filter is there and nothing in the set is missed. */
static void large_scattered_sets_get_some_filter(void **state)
{
	(void)state;
	struct in_addr set[5000];
	int fd = listener(LO), sender = listener(LO);
	struct err e = ERR_INIT;
	struct arp_batch b;
	bool exact;

	for (uint32_t i = 0; i < ARRAY_LEN(set); i++)
		set[i] = ip(0x0a000000 + i * 3331);
	for (int round = 0; round < 4; round++) { /* the old program is charged, too */
		if (round == 2)
			limit_filters("20480"); /* as kernels before 6.7 */
		assert_int_equal(arp_hear(fd, set, ARRAY_LEN(set), ARP_MATCH_ASKED, &exact, &e), 0);
		assert_false(exact);
	}
	for (uint32_t i = 0; i < PACKET_BATCH; i++)
		ask_for(sender, 0x0a000000 + i * 77 * 3331);
	ask_for(sender, BASE + 10);
	assert_int_equal(heard(fd, &b), PACKET_BATCH);
	assert_int_equal(heard(fd, &b), 0);
	close(fd);
	close(sender);
}

static void a_long_row_goes_out_in_order(void **state)
{
	(void)state;
	struct arp_message out[150];
	struct in_addr set[ARRAY_LEN(out)];
	int fd = listener(LO), sender = listener(LO);
	struct err e = ERR_INIT;
	struct arp_batch b;

	for (uint32_t i = 0; i < ARRAY_LEN(out); i++) {
		set[i] = ip(BASE + i);
		out[i] = request_for(BASE + i);
	}
	assert_int_equal(arp_hear(fd, set, ARRAY_LEN(set), ARP_MATCH_ASKED, NULL, &e), 0);
	assert_int_equal(arp_send(sender, out, ARRAY_LEN(out), &e), ARRAY_LEN(out));
	for (uint32_t at = 0; at < ARRAY_LEN(out); at += (uint32_t)b.n) {
		assert_true(heard(fd, &b) > 0);
		for (uint32_t i = 0; i < b.n; i++)
			assert_int_equal(ntohl(b.at[i].frame.packet.target_ip.s_addr), BASE + at + i);
	}
	close(fd);
	close(sender);
}

static void time_is_told_when_asked_for(void **state)
{
	(void)state;
	const struct in_addr set = ip(BASE + 10);
	struct timespec wait = { .tv_nsec = 30000000 };
	int fd = listener(LO), sender = listener(LO);
	struct err e = ERR_INIT;
	struct arp_batch b;

	assert_int_equal(arp_hear(fd, &set, 1, ARP_MATCH_ASKED, NULL, &e), 0);
	ask_for(sender, BASE + 10);
	nanosleep(&wait, NULL);
	assert_int_equal(heard(fd, &b), 1);
	assert_int_equal(b.age_us[0], 0);
	assert_int_equal(packet_time(fd, &e), 0);
	for (int tries = 0; tries < 50 && b.age_us[0] < 29000; tries++) { /* not at once */
		ask_for(sender, BASE + 10);
		nanosleep(&wait, NULL);
		assert_int_equal(heard(fd, &b), 1);
	}
	assert_true(b.age_us[0] >= 29000 && b.age_us[0] < 5000000);
	close(fd);
	close(sender);
}

static void links_that_are_gone_are_errors(void **state)
{
	(void)state;
	struct arp_message m = { 4711, arp_request(&mac, ip(1), ip(2)) };
	int sender = listener(LO);
	struct err e = ERR_INIT;

	assert_int_equal(arp_send(sender, &m, 1, &e), -1);
	assert_non_null(strstr(e.text, "link 4711"));
	assert_int_equal(arp_open(4711, &e), -1);
	assert_non_null(strstr(e.text, "link 4711"));
	close(sender);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hears_only_what_is_in_the_set),
		cmocka_unit_test(filter_is_swapped_while_open),
		cmocka_unit_test(large_scattered_sets_get_some_filter),
		cmocka_unit_test(a_long_row_goes_out_in_order),
		cmocka_unit_test(time_is_told_when_asked_for),
		cmocka_unit_test(links_that_are_gone_are_errors),
	};

	return cmocka_run_group_tests_name("arp socket", tests, enter_namespace, NULL);
}
