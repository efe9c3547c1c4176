/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/loop/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "tests/unit.h"

struct seen {
	struct loop *loop;
	int calls;
	int what;
	struct loop_fd *fd;
	struct loop_timer *timer;
};

static void note(int what, void *arg)
{
	struct seen *s = arg;

	s->calls++;
	s->what = what;
	loop_stop(s->loop);
}

static struct loop *new_loop(void)
{
	struct err e = ERR_INIT;
	struct loop *l = loop_new(&e);

	assert_non_null(l);
	return l;
}

static void a_write_end_watched_for_reading_tells_that_the_reader_went(void **state)
{
	struct err e = ERR_INIT;
	struct seen s = { .loop = new_loop() };
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	s.fd = loop_fd_add(s.loop, p[1], LOOP_READ, note, &s, &e);
	close(p[0]);
	assert_int_equal(loop_run(s.loop, &e), 0);
	assert_int_equal(s.calls, 1);
	loop_fd_remove(s.fd);
	close(p[1]);
	loop_free(s.loop);
}

static void count_three(int what, void *arg)
{
	struct seen *s = arg;

	(void)what;
	if (++s->calls == 3)
		loop_stop(s->loop);
}

static void a_regular_file_is_always_ready(void **state)
{
	struct err e = ERR_INIT;
	struct seen s = { .loop = new_loop() };
	int fd = open("/proc/self/exe", O_RDONLY);

	(void)state;
	s.fd = loop_fd_add(s.loop, fd, LOOP_READ, count_three, &s, &e);
	assert_non_null(s.fd);
	assert_int_equal(loop_run(s.loop, &e), 0);
	assert_int_equal(s.calls, 3);
	loop_fd_remove(s.fd);
	close(fd);
	loop_free(s.loop);
}

static void the_null_device_is_always_ready(void **state)
{
	struct err e = ERR_INIT;
	struct seen s = { .loop = new_loop() };
	int fd = open("/dev/null", O_RDWR);

	(void)state;
	s.fd = loop_fd_add(s.loop, fd, LOOP_READ, count_three, &s, &e);
	assert_non_null(s.fd);
	assert_int_equal(loop_run(s.loop, &e), 0);
	loop_fd_remove(s.fd);
	close(fd);
	loop_free(s.loop);
}

static void remove_oneself(int what, void *arg)
{
	struct seen *s = arg;

	note(what, arg);
	loop_fd_remove(s->fd);
	s->fd = NULL;
}

static void a_handler_may_remove_itself(void **state)
{
	struct err e = ERR_INIT;
	struct seen s = { .loop = new_loop() };
	int fd = open("/proc/self/exe", O_RDONLY);

	(void)state;
	s.fd = loop_fd_add(s.loop, fd, LOOP_READ, remove_oneself, &s, &e);
	assert_int_equal(loop_run(s.loop, &e), 0);
	assert_int_equal(s.calls, 1);
	close(fd);
	loop_free(s.loop);
}

static void on_timer(void *arg)
{
	note(0, arg);
}

static void a_timer_fires_once_each_time_it_is_set(void **state)
{
	struct err e = ERR_INIT;
	struct seen s = { .loop = new_loop() };
	uint64_t start = loop_clock_us();

	(void)state;
	s.timer = loop_timer_add(s.loop, on_timer, &s, &e);
	assert_false(loop_timer_is_set(s.timer));
	loop_timer_set(s.timer, 20);
	assert_true(loop_timer_is_set(s.timer));
	assert_int_equal(loop_run(s.loop, &e), 0);
	assert_true(loop_clock_us() - start >= 19000);
	assert_false(loop_timer_is_set(s.timer));
	loop_timer_set(s.timer, 0);
	assert_int_equal(loop_run(s.loop, &e), 0);
	assert_int_equal(s.calls, 2);
	loop_timer_remove(s.timer);
	loop_free(s.loop);
}

static void on_signal(int number, void *arg)
{
	note(number, arg);
}

static void a_signal_arrives_in_the_loop(void **state)
{
	struct err e = ERR_INIT;
	struct seen s = { .loop = new_loop() };
	struct loop_signal *sig = loop_signal_add(s.loop, SIGUSR1, on_signal, &s, &e);

	(void)state;
	raise(SIGUSR1);
	assert_int_equal(loop_run(s.loop, &e), 0);
	assert_int_equal(s.what, SIGUSR1);
	loop_signal_remove(sig);
	loop_free(s.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_end_watched_for_reading_tells_that_the_reader_went),
		cmocka_unit_test(a_regular_file_is_always_ready),
		cmocka_unit_test(the_null_device_is_always_ready),
		cmocka_unit_test(a_handler_may_remove_itself),
		cmocka_unit_test(a_timer_fires_once_each_time_it_is_set),
		cmocka_unit_test(a_signal_arrives_in_the_loop),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
