/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "pkg/keepalive/keepalive.h"

enum {
	ENOUGH_MS = 20 * 86400 * 1000, /* in an answer: it never passes, so it asks for nothing */
	AGAIN_MS = 100,                /* between two that say that we are ready */
	TIMES = 600,
	PATIENCE_MS = 5, /* for what was asked for */
};

struct keepalive_end {
	struct loop *loop;
	keepalive_fn *fn;
	void *arg;
	struct loop_fd *watch;
	struct loop_timer *again;
	unsigned times;
	int fd;
	pid_t members; /* 0: not known */
};

static void answer(struct keepalive_end *k)
{
	loop_timer_stop(k->again);
	(void)keepalive_send(k->members, loop_now_ms(k->loop) + ENOUGH_MS);
}

/* What members said last, if it has said anything. */
static bool take(struct keepalive_end *k, uint64_t *until_ms)
{
	struct keepalive got;
	bool any = false;

	while (keepalive_read(k->fd, &got)) {
		if (!k->members || got.from != k->members)
			continue;
		*until_ms = got.until_ms;
		any = true;
	}
	return any;
}

/* fn may ask, and whoever has not read our answer would not see that: so it comes last. */
static void hand_over(struct keepalive_end *k, uint64_t until_ms)
{
	if (k->fn)
		k->fn(k->arg, until_ms);
	answer(k);
}

static void read_all(struct keepalive_end *k)
{
	uint64_t until_ms;

	if (take(k, &until_ms))
		hand_over(k, until_ms);
}

static void say_ready(void *arg)
{
	struct keepalive_end *k = arg;

	if (keepalive_send(k->members, 0) && k->times--)
		loop_timer_set(k->again, AGAIN_MS);
}

static void on_readable(int what, void *arg)
{
	(void)what;
	read_all(arg);
}

struct keepalive_end *keepalive_end_new(struct loop *l, keepalive_fn *fn, void *arg, struct err *e)
{
	struct keepalive_end *k = calloc(1, sizeof(*k));

	if (!k) {
		err_memory(e);
		return NULL;
	}
	*k = (struct keepalive_end){ .loop = l, .fn = fn, .arg = arg, .fd = keepalive_open(e) };
	k->again = loop_timer_add(l, say_ready, k, e);
	if (k->fd >= 0 && k->again)
		k->watch = loop_fd_add(l, k->fd, LOOP_READ, on_readable, k, e);
	if (k->watch)
		return k;
	keepalive_end_free(k);
	return NULL;
}

void keepalive_end_free(struct keepalive_end *k)
{
	if (!k)
		return;
	loop_fd_remove(k->watch);
	loop_timer_remove(k->again);
	if (k->fd >= 0)
		close(k->fd);
	free(k);
}

void keepalive_end_set(struct keepalive_end *k, pid_t members, bool ready)
{
	k->members = members;
	k->times = TIMES;
	if (ready)
		say_ready(k);
	else
		answer(k);
}

void keepalive_end_ask(struct keepalive_end *k)
{
	struct pollfd p = { .fd = k->fd, .events = POLLIN };
	uint64_t until_ms;

	if (!k->members)
		return;
	if (take(k, &until_ms) && until_ms > loop_now_ms(k->loop)) {
		hand_over(k, until_ms);
		return;
	}
	if (keepalive_send(k->members, 0) && poll(&p, 1, PATIENCE_MS) == 1)
		read_all(k);
}
