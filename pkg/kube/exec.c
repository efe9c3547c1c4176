/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct exec_run {
	struct loop *loop;
	const struct kubeconfig_exec *x;
	exec_done_fn *fn;
	void *arg;
	pid_t pid;
	int pidfd; /* readable when the program has ended */
	int out;
	struct loop_fd *on_pid, *on_out;
	struct loop_timer *timer;
	struct buf output;
	int status;
	bool running, late, long_winded;
};

static void run_free(struct exec_run *r)
{
	loop_fd_remove(r->on_pid);
	loop_fd_remove(r->on_out);
	loop_timer_remove(r->timer);
	if (r->pidfd >= 0)
		close(r->pidfd);
	if (r->out >= 0)
		close(r->out);
	buf_release(&r->output);
	free(r);
}

static int verdict(const struct exec_run *r, struct err *e)
{
	const char *command = r->x->command;

	if (r->late)
		return err_set(e, ERR_PERMISSION, "exec: %s did not end within %d s", command,
		    EXEC_TIMEOUT_MS / 1000);
	if (r->long_winded)
		return err_set(
		    e, ERR_PERMISSION, "exec: %s printed more than %d bytes", command, EXEC_OUTPUT_MAX);
	if (WIFSIGNALED(r->status))
		return err_set(e, ERR_PERMISSION, "exec: %s was killed by signal %d", command,
		    WTERMSIG(r->status));
	if (WEXITSTATUS(r->status) == 127) /* posix_spawn's way to say so, too */
		return err_set(e, ERR_USAGE, "exec: %s cannot be run; %s", command,
		    r->x->install_hint[0] ? r->x->install_hint : "is it installed and on PATH?");
	if (WEXITSTATUS(r->status))
		return err_set(e, ERR_PERMISSION, "exec: %s ended with status %d", command,
		    WEXITSTATUS(r->status));
	return 0;
}

/* When the program has ended and its output too. */
static void check_over(struct exec_run *r)
{
	exec_done_fn *fn = r->fn;
	void *arg = r->arg;
	struct buf output = r->output;
	struct err e = ERR_INIT;
	int status;

	if (r->running || r->out >= 0)
		return;
	status = verdict(r, &e);
	r->output = (struct buf)BUF_INIT;
	run_free(r);
	fn(output.data ? output.data : "", output.len, status < 0 ? &e : NULL, arg);
	buf_release(&output);
}

static void on_pid(int what, void *arg)
{
	struct exec_run *r = arg;

	(void)what;
	if (waitpid(r->pid, &r->status, WNOHANG) == 0)
		return;
	r->running = false;
	loop_fd_remove(r->on_pid);
	r->on_pid = NULL;
	check_over(r);
}

static void on_out(int what, void *arg)
{
	struct exec_run *r = arg;
	char *to = buf_room(&r->output, 16384);
	ssize_t n = to ? read(r->out, to, 16384) : -1;

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR) && to)
		return;
	if (n > 0)
		r->output.len += (size_t)n;
	if (r->output.len > EXEC_OUTPUT_MAX) {
		r->long_winded = true;
		kill(r->pid, SIGKILL);
	} else if (n > 0) {
		return;
	}
	loop_fd_remove(r->on_out);
	r->on_out = NULL;
	close(r->out);
	r->out = -1;
	check_over(r);
}

/* A child of the program may keep its output open; after this nobody waits for that either. */
static void on_late(void *arg)
{
	struct exec_run *r = arg;

	r->late = r->running;
	if (r->running)
		kill(r->pid, SIGKILL);
	if (r->out >= 0) {
		loop_fd_remove(r->on_out);
		r->on_out = NULL;
		close(r->out);
		r->out = -1;
	}
	check_over(r);
}

static char **environment(const struct kubeconfig_exec *x, struct arena *a)
{
	size_t n = 0, at = 0;
	char **all;

	while (environ[n])
		n++;
	for (size_t i = 0; x->env[i]; i++)
		n++;
	all = arena_alloc(a, (n + 2) * sizeof(*all));
	if (!all)
		return NULL;
	all[at++] = arena_printf(a, "KUBERNETES_EXEC_INFO=%s", x->info);
	for (size_t i = 0; x->env[i]; i++)
		all[at++] = (char *)(uintptr_t)x->env[i];
	for (char **p = environ; *p; p++) { /* what comes first counts in getenv() */
		bool ours = false;

		for (size_t i = 0; i < at && !ours; i++)
			ours = !strncmp(all[i], *p, strcspn(*p, "=") + 1);
		if (!ours)
			all[at++] = *p;
	}
	return a->bad ? NULL : all;
}

static int spawn(struct exec_run *r, int out, struct err *e)
{
	struct arena a = ARENA_INIT;
	char **env = environment(r->x, &a);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t defaults;
	int why = ENOMEM;

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	if (env &&
	    !posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) &&
	    !posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO) &&
	    !posix_spawnattr_setsigdefault(&attr, &defaults) &&
	    !posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF))
		why = posix_spawnp(
		    &r->pid, r->x->command, &actions, &attr, (char **)(uintptr_t)r->x->args, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	arena_release(&a);
	r->running = !why;
	if (!why)
		return 0;
	return err_set(e, ERR_USAGE, "exec: %s: %s%s%s", r->x->command, strerror(why),
	    r->x->install_hint[0] ? "; " : "", r->x->install_hint);
}

struct exec_run *exec_start(
    struct loop *l, const struct kubeconfig_exec *x, exec_done_fn *fn, void *arg, struct err *e)
{
	struct exec_run *r = calloc(1, sizeof(*r));
	int pipes[2];

	if (!r) {
		err_memory(e);
		return NULL;
	}
	*r = (struct exec_run){ .loop = l, .x = x, .fn = fn, .arg = arg, .pidfd = -1, .out = -1 };
	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) < 0) {
		err_sys(e, errno, "exec: %s", x->command);
		run_free(r);
		return NULL;
	}
	r->out = pipes[0];
	fcntl(pipes[1], F_SETFL, 0); /* the program's side blocks, as programs expect */
	if (spawn(r, pipes[1], e) < 0) {
		close(pipes[1]);
		run_free(r);
		return NULL;
	}
	close(pipes[1]);
	r->pidfd = pidfd_open(r->pid, 0);
	if (r->pidfd < 0)
		err_sys(e, errno, "exec: %s", x->command);
	else
		r->on_pid = loop_fd_add(l, r->pidfd, LOOP_READ, on_pid, r, e);
	r->on_out = r->on_pid ? loop_fd_add(l, r->out, LOOP_READ, on_out, r, e) : NULL;
	r->timer = r->on_out ? loop_timer_add(l, on_late, r, e) : NULL;
	if (!r->timer) {
		exec_cancel(r);
		return NULL;
	}
	loop_timer_set(r->timer, EXEC_TIMEOUT_MS);
	return r;
}

void exec_cancel(struct exec_run *r)
{
	if (!r)
		return;
	if (r->running) {
		kill(r->pid, SIGKILL);
		waitpid(r->pid, &r->status, 0);
	}
	run_free(r);
}
