/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pkg/keepalive/keepalive.h"
#include "pkg/loop/loop.h"
#include "tests/unit.h"

static int fd;

static int open_it(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	fd = keepalive_open(&e);
	return fd < 0;
}

static int close_it(void **state)
{
	(void)state;
	return close(fd);
}

static uint64_t now_ms(void)
{
	return loop_clock_us() / 1000;
}

static bool is_readable(void)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void it_tells_who_and_until_when(void **state)
{
	uint64_t until = now_ms() + 300;
	struct keepalive k;

	(void)state;
	assert_false(keepalive_read(fd, &k));
	assert_true(keepalive_send(getpid(), until));
	assert_true(is_readable());
	assert_true(keepalive_read(fd, &k));
	assert_int_equal(k.from, getpid());
	assert_int_equal(k.until_ms, until);
	assert_false(is_readable());
	assert_false(keepalive_read(fd, &k));
}

static void what_has_waited_says_a_time_that_is_past(void **state)
{
	uint64_t until = now_ms() - 5000;
	struct keepalive k;

	(void)state;
	assert_true(keepalive_send(getpid(), until));
	assert_true(keepalive_read(fd, &k));
	assert_int_equal(k.until_ms, until);
}

/* The kernel keeps one signal of a kind, the first: never a time that was not sent. */
static void of_several_unread_the_first_counts(void **state)
{
	uint64_t until = now_ms() + 300;
	struct keepalive k;

	(void)state;
	assert_true(keepalive_send(getpid(), until));
	assert_true(keepalive_send(getpid(), until + 50));
	assert_true(keepalive_read(fd, &k));
	assert_int_equal(k.until_ms, until);
	assert_false(keepalive_read(fd, &k));
}

static void no_time_is_now(void **state)
{
	uint64_t before = now_ms();
	struct keepalive k;

	(void)state;
	assert_true(keepalive_send(getpid(), 0));
	assert_true(keepalive_read(fd, &k));
	assert_in_range(k.until_ms, before, now_ms());
}

static void a_signal_of_another_kind_has_no_time(void **state)
{
	struct keepalive k;

	(void)state;
	assert_int_equal(kill(getpid(), SIGURG), 0);
	assert_true(keepalive_read(fd, &k));
	assert_int_equal(k.from, getpid());
	assert_int_equal(k.until_ms, 0);
}

static void nobody_is_not_sent_to(void **state)
{
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_false(keepalive_send(child, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_tells_who_and_until_when),
		cmocka_unit_test(what_has_waited_says_a_time_that_is_past),
		cmocka_unit_test(of_several_unread_the_first_counts),
		cmocka_unit_test(no_time_is_now),
		cmocka_unit_test(a_signal_of_another_kind_has_no_time),
		cmocka_unit_test(nobody_is_not_sent_to),
	};

	return cmocka_run_group_tests(tests, open_it, close_it);
}
