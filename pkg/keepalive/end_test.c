/* SPDX-License-Identifier: Apache-2.0 */
/* The end that answers, and a process in the place of members. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pkg/keepalive/keepalive.h"
#include "tests/unit.h"

enum { DAY_MS = 86400 * 1000, PATIENCE_MS = 30000 };

struct world {
	struct loop *loop;
	struct loop_fd *watch;
	struct loop_timer *done, *patience;
	struct keepalive_end *end;
	pid_t members;
	int say, heard;       /* pipes: times that members shall send, and those that it has received */
	uint64_t got, handed; /* the last: to members, and by the end */
	int got_n, handed_n, enough_got, enough_handed;
};

static uint64_t now_ms(void)
{
	return loop_clock_us() / 1000;
}

static struct keepalive receive(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct keepalive k;

	while (!keepalive_read(fd, &k))
		poll(&p, 1, -1);
	return k;
}

/* Sends the times that it reads, and writes those that it receives. */
static void relay(int fd, int in, int out)
{
	struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = in, .events = POLLIN } };
	uint64_t until;

	while (poll(p, 2, -1) > 0) {
		if (p[0].revents) {
			until = receive(fd).until_ms;
			if (write(out, &until, sizeof(until)) != sizeof(until))
				return;
		}
		if (p[1].revents) {
			if (read(in, &until, sizeof(until)) != sizeof(until))
				return;
			(void)keepalive_send(getppid(), until);
		}
	}
}

/* Writes the times that it receives, and has a day more for whoever asks. */
static void give(int fd, int in, int out)
{
	uint64_t until;

	(void)in;
	do {
		until = receive(fd).until_ms;
		if (until <= now_ms())
			(void)keepalive_send(getppid(), now_ms() + DAY_MS);
	} while (write(out, &until, sizeof(until)) == sizeof(until));
}

typedef void members_fn(int fd, int in, int out);

static void be_members(members_fn *fn, int in, int out)
{
	struct err e = ERR_INIT;
	int fd = keepalive_open(&e);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd >= 0 && write(out, "", 1) == 1)
		fn(fd, in, out);
	_exit(1);
}

static void start_members(struct world *w, members_fn *fn)
{
	int say[2], heard[2];
	char c;

	assert_int_equal(pipe2(say, O_CLOEXEC), 0);
	assert_int_equal(pipe2(heard, O_CLOEXEC), 0);
	w->members = fork();
	if (w->members == 0)
		be_members(fn, say[0], heard[1]);
	close(say[0]);
	close(heard[1]);
	w->say = say[1];
	w->heard = heard[0];
	assert_int_equal(read(w->heard, &c, 1), 1);
}

/* What else has come is read before the loop stops. */
static void look(struct world *w)
{
	if (w->got_n >= w->enough_got && w->handed_n >= w->enough_handed)
		loop_timer_set(w->done, 0);
}

static void on_heard(int what, void *arg)
{
	struct world *w = arg;

	(void)what;
	assert_int_equal(read(w->heard, &w->got, sizeof(w->got)), sizeof(w->got));
	w->got_n++;
	look(w);
}

static void on_keepalive(void *arg, uint64_t until_ms)
{
	struct world *w = arg;

	w->handed = until_ms;
	w->handed_n++;
	look(w);
}

static void on_done(void *arg)
{
	struct world *w = arg;

	loop_stop(w->loop);
}

static void on_patience(void *arg)
{
	struct world *w = arg;

	fail_msg("members has received %d, the end has handed over %d", w->got_n, w->handed_n);
}

static struct world *world_of(void **state, members_fn *fn)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err e = ERR_INIT;

	*state = w;
	start_members(w, fn);
	w->loop = loop_new(&e);
	w->watch = loop_fd_add(w->loop, w->heard, LOOP_READ, on_heard, w, &e);
	w->done = loop_timer_add(w->loop, on_done, w, &e);
	w->patience = loop_timer_add(w->loop, on_patience, w, &e);
	w->end = keepalive_end_new(w->loop, on_keepalive, w, &e);
	assert_non_null(w->end);
	return w;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	kill(w->members, SIGKILL);
	waitpid(w->members, NULL, 0);
	keepalive_end_free(w->end);
	loop_fd_remove(w->watch);
	loop_timer_remove(w->done);
	loop_timer_remove(w->patience);
	loop_free(w->loop);
	close(w->say);
	close(w->heard);
	free(w);
	return 0;
}

/* Until members has received that many more, and the end has handed over that many more. */
static void run(struct world *w, int got, int handed)
{
	struct err e = ERR_INIT;

	w->enough_got = w->got_n + got;
	w->enough_handed = w->handed_n + handed;
	loop_timer_set(w->patience, PATIENCE_MS);
	assert_int_equal(loop_run(w->loop, &e), 0);
}

static void say(struct world *w, uint64_t until)
{
	assert_int_equal(write(w->say, &until, sizeof(until)), sizeof(until));
}

static void each_is_handed_over_and_answered(void **state)
{
	struct world *w = world_of(state, relay);

	keepalive_end_set(w->end, w->members, false);
	run(w, 1, 0);
	assert_true(w->got > now_ms() + DAY_MS); /* asks for nothing */
	for (uint64_t i = 0; i < 3; i++) {
		uint64_t until = now_ms() + 300 + i;

		say(w, until);
		run(w, 1, 1);
		assert_int_equal(w->handed, until);
		assert_true(w->got > now_ms() + DAY_MS);
	}
	assert_int_equal(w->got_n, 4);
	assert_int_equal(w->handed_n, 3);
}

static void that_it_is_ready_is_said_until_there_is_an_answer(void **state)
{
	struct world *w = world_of(state, relay);
	uint64_t before = now_ms(), last;

	keepalive_end_set(w->end, w->members, true);
	run(w, 3, 0);
	assert_in_range(w->got, before + 200, now_ms());
	last = now_ms() + 300;
	say(w, last);
	do
		run(w, 1, 0); /* one more may have been on its way */
	while (w->got <= now_ms());
	assert_int_equal(w->handed, last);
	last = now_ms() + 600;
	while (now_ms() < last) {
		say(w, last);
		run(w, 1, 1);
		assert_true(w->got > now_ms() + DAY_MS);
	}
}

static void others_are_not_listened_to(void **state)
{
	struct world *w = world_of(state, relay);
	uint64_t until;

	for (int i = 0; i < 3; i++) {
		assert_true(keepalive_send(getpid(), now_ms() + DAY_MS));
		keepalive_end_set(w->end, w->members, false);
		run(w, 1, 0);
	}
	until = now_ms() + 300;
	say(w, until);
	run(w, 1, 1);
	assert_int_equal(w->handed, until);
	assert_int_equal(w->handed_n, 1);
	assert_int_equal(w->got_n, 4);
}

/* Whether it was; else what comes late has been taken, too.  Members has received our answer. */
static bool asks_and_has_it(struct world *w)
{
	const int before = w->handed_n;
	bool has_it;

	keepalive_end_ask(w->end);
	has_it = w->handed_n > before;
	run(w, 2, !has_it); /* the question, and our answer */
	assert_int_equal(w->handed_n, before + 1);
	return has_it;
}

static void whoever_asks_has_it_when_that_returns(void **state)
{
	struct world *w = world_of(state, give);
	int tries = 0;

	keepalive_end_ask(w->end); /* whom? */
	keepalive_end_set(w->end, w->members, false);
	run(w, 1, 0);
	assert_int_equal(w->handed_n, 0);
	while (!asks_and_has_it(w))
		assert_true(++tries < 100); /* a busy machine takes longer than it waits */
	assert_true(w->handed > now_ms() + DAY_MS - PATIENCE_MS);
}

static void who_gets_no_answer_does_not_wait_long(void **state)
{
	struct world *w = world_of(state, relay);
	uint64_t before;

	keepalive_end_set(w->end, w->members, false);
	run(w, 1, 0);
	before = now_ms();
	keepalive_end_ask(w->end);
	assert_true(now_ms() < before + 2000);
	assert_int_equal(w->handed_n, 0);
	run(w, 1, 0);
	assert_in_range(w->got, before, now_ms()); /* the question */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_is_handed_over_and_answered, tear_down),
		cmocka_unit_test_teardown(that_it_is_ready_is_said_until_there_is_an_answer, tear_down),
		cmocka_unit_test_teardown(others_are_not_listened_to, tear_down),
		cmocka_unit_test_teardown(whoever_asks_has_it_when_that_returns, tear_down),
		cmocka_unit_test_teardown(who_gets_no_answer_does_not_wait_long, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
