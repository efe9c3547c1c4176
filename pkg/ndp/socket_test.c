/* SPDX-License-Identifier: Apache-2.0 */
/* Against the kernel, in a network namespace of the test's own, which needs no root.  What is sent
 * to lo comes back on lo, with the filter in between. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pkg/ndp/ndp.h"
#include "tests/unit.h"

enum { LO = 1 };

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

static struct in6_addr ip(uint32_t low)
{
	struct in6_addr a = { .s6_addr = { 0x20, 1, 0x0d, 0xb8 } };

	low = htonl(low);
	memcpy(&a.s6_addr[12], &low, 4);
	return a;
}

static void hears_only_what_is_in_the_set(void **state)
{
	const struct in6_addr set[] = { ip(10), ip(12) }, source = ip(1);
	struct err e = ERR_INIT;
	int fd = ndp_open(LO, &e), sender = ndp_open(LO, &e);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct ndp_message m[8];
	struct ndp_batch b;
	bool exact;

	(void)state;
	assert_true(fd >= 0 && sender >= 0);
	assert_int_equal(ndp_hear(fd, set, 2, NDP_MATCH_ASKED, &exact, &e), 0);
	assert_true(exact);
	for (uint32_t i = 0; i < 8; i++) {
		struct in6_addr target = ip(i + 7);

		m[i] = (struct ndp_message){ LO, ndp_solicit(&mac, &source, &target) };
		m[i].frame.to = (struct mac){ 0 }; /* lo's */
	}
	assert_int_equal(ndp_send(sender, m, 8, &e), 8);
	poll(&p, 1, 1000);
	assert_int_equal(ndp_receive(fd, &b, &e), 0);
	assert_int_equal(b.n, 2);
	assert_int_equal(b.bad, 0);
	assert_memory_equal(&b.at[0].frame.target, &set[0], 16);
	assert_memory_equal(&b.at[1].frame.target, &set[1], 16);
	assert_int_equal(b.at[0].ifindex, LO);
	close(fd);
	close(sender);
}

/* How many of our groups /proc/net/igmp6 has on lo. */
static size_t kernel_has(void)
{
	FILE *f = fopen("/proc/net/igmp6", "r");
	char line[256];
	size_t n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, " lo ") && strstr(line, "ff0200000000000000000001ff");
	fclose(f);
	return n;
}

static void groups_are_joined_and_left_by_comparison(void **state)
{
	enum { N = 2000 };
	struct err e = ERR_INIT;
	struct ndp_groups *g = ndp_groups_new(&e);
	struct ndp_group *want = calloc(N, sizeof(*want));
	int fd = ndp_open(0, &e);

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		struct in6_addr a = ip(i / 2); /* each twice */

		want[i] = (struct ndp_group){ LO, ndp_solicited_node(&a), 0 };
	}
	assert_int_equal(ndp_groups_sync(g, fd, want, 2, &e), 0);
	assert_int_equal(ndp_groups_count(g), 1);
	assert_int_equal(kernel_has(), 1);
	assert_int_equal(ndp_groups_sync(g, fd, want, N, &e), 0); /* more than one socket holds */
	assert_int_equal(ndp_groups_count(g), N / 2);
	assert_int_equal(kernel_has(), N / 2);
	assert_int_equal(ndp_groups_sync(g, fd, want + 4, 2, &e), 0);
	assert_int_equal(kernel_has(), 1);
	assert_int_equal(ndp_groups_sync(g, fd, want, 0, &e), 0);
	assert_int_equal(kernel_has(), 0);
	want[0].ifindex = 99;
	assert_int_equal(ndp_groups_sync(g, fd, want, 1, &e), -1);
	assert_true(strstr(e.text, "link 99"));
	assert_int_equal(ndp_groups_sync(g, fd, want + 1, 1, &e), 0);
	ndp_groups_free(g);
	assert_int_equal(kernel_has(), 0);
	free(want);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hears_only_what_is_in_the_set),
		cmocka_unit_test(groups_are_joined_and_left_by_comparison),
	};

	return cmocka_run_group_tests_name("ndp socket", tests, enter_namespace, NULL);
}
