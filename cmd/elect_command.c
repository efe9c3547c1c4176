/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/elect_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 10, LEFTOVERS_MS = 5000 };

struct command {
	struct loop *loop;
	command_ended_fn *fn;
	void *arg;
	pid_t pid;    /* and the group's number */
	pid_t keeper; /* 0: has ended */
	int to_keeper;
	int status;
	bool ended; /* the command; maybe not all of its group */
	uint64_t ended_ms;
	struct loop_signal *child;
	struct loop_timer *look; /* whether the rest of the group has gone */
};

/* --- the keeper, a process of its own ---------------------------------------------------- */

static void set_alarm(int fd, uint64_t until_ms)
{
	struct itimerspec at = { .it_value = { .tv_sec = (time_t)(until_ms / 1000),
				     .tv_nsec = (long)(until_ms % 1000 * 1000000) } };

	timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* Reads deadlines; 0 tells that nothing is left to be kept. */
static void __attribute__((noreturn)) keep(int from, pid_t group)
{
	int alarm = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
	struct pollfd fds[] = { { .fd = from, .events = POLLIN }, { .fd = alarm, .events = POLLIN } };
	uint64_t until;

	for (;;) {
		if (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents) {
			if (read(from, &until, sizeof(until)) != sizeof(until))
				break;
			if (!until)
				_exit(0);
			set_alarm(alarm, until);
		} else if (fds[1].revents) {
			break;
		}
	}
	kill(-group, SIGKILL);
	_exit(0);
}

/* It keeps nothing open, and ends when we do and not before. */
static pid_t start_keeper(int from, pid_t group)
{
	pid_t pid = fork();
	int null;

	if (pid)
		return pid;
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_IGN);
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	dup2(from, 3);
	close_range(4, ~0U, 0);
	keep(3, group);
}

/* --- the command ------------------------------------------------------------------------ */

/* Nothing is run before the keeper stands by: `go` then says so. */
static void __attribute__((noreturn)) become(char **argv, int go)
{
	sigset_t none;
	char word;

	setpgid(0, 0);
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (read(go, &word, 1) != 1)
		_exit(125);
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "lbctl elect: cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int start_both(struct command *c, char **argv, struct err *e)
{
	int go[2], keeper[2], status = 0;

	if (pipe2(go, O_CLOEXEC) < 0)
		return err_sys(e, errno, "making a pipe");
	if (pipe2(keeper, O_CLOEXEC) < 0) {
		close(go[0]);
		close(go[1]);
		return err_sys(e, errno, "making a pipe");
	}
	c->pid = fork();
	if (c->pid == 0) {
		close(go[1]);
		become(argv, go[0]);
	}
	if (c->pid > 0) {
		setpgid(c->pid, c->pid);
		c->keeper = start_keeper(keeper[0], c->pid);
	}
	if (c->pid < 0 || c->keeper < 0 || write(go[1], "g", 1) != 1)
		status = err_sys(e, errno, "starting %s", argv[0]);
	close(go[0]);
	close(go[1]);
	close(keeper[0]);
	c->to_keeper = keeper[1];
	return status;
}

/* --- its end ---------------------------------------------------------------------------- */

static uint64_t now(const struct command *c)
{
	return loop_now_ms(c->loop);
}

static void on_look(void *arg)
{
	struct command *c = arg;
	uint64_t none = 0;

	if (kill(-c->pid, 0) == 0) {
		if (now(c) - c->ended_ms > LEFTOVERS_MS)
			kill(-c->pid, SIGKILL);
		loop_timer_set(c->look, LOOK_MS);
		return;
	}
	(void)!write(c->to_keeper, &none, sizeof(none));
	c->fn(c->arg, c->status);
}

static void command_ended(struct command *c, int status)
{
	c->ended = true;
	c->ended_ms = now(c);
	c->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	kill(-c->pid, SIGTERM);
	loop_timer_set(c->look, 0);
}

/* Also of what others left to us: as process 1 of a container, or of the group. */
static void on_child(int number, void *arg)
{
	struct command *c = arg;
	int status;
	pid_t pid;

	(void)number;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == c->pid && !c->ended)
			command_ended(c, status);
		if (pid == c->keeper) { /* nobody else would keep the deadline */
			c->keeper = 0;
			kill(-c->pid, SIGKILL);
		}
	}
}

/* --- all of it -------------------------------------------------------------------------- */

struct command *command_start(
    struct loop *l, char **argv, uint64_t until_ms, command_ended_fn *fn, void *arg, struct err *e)
{
	struct command *c = calloc(1, sizeof(*c));

	if (!c) {
		err_memory(e);
		return NULL;
	}
	*c = (struct command){ .loop = l, .fn = fn, .arg = arg, .to_keeper = -1 };
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* the orphans of the group are ours to reap */
	c->child = loop_signal_add(l, SIGCHLD, on_child, c, e);
	c->look = c->child ? loop_timer_add(l, on_look, c, e) : NULL;
	if (c->look && start_both(c, argv, e) == 0) {
		command_until(c, until_ms);
		return c;
	}
	command_free(c);
	return NULL;
}

void command_until(struct command *c, uint64_t until_ms)
{
	(void)!write(c->to_keeper, &until_ms, sizeof(until_ms)); /* on_child() hears of its end */
}

void command_signal(struct command *c, int number)
{
	if (!c->ended)
		kill(c->pid, number);
}

void command_free(struct command *c)
{
	if (!c)
		return;
	if (c->pid > 0 && !c->ended)
		kill(-c->pid, SIGKILL);
	if (c->to_keeper >= 0)
		close(c->to_keeper);
	if (c->keeper > 0)
		waitpid(c->keeper, NULL, 0);
	loop_signal_remove(c->child);
	loop_timer_remove(c->look);
	free(c);
}
