/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/arping.h"

static int fail(int errnum, struct err *e)
{
	if (errnum == EPIPE)
		return err_set(e, ERR_CLOSED, "writing standard output: its reader has gone");
	return err_sys(e, errnum, "writing standard output");
}

int arping_out_flush(struct err *e)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : fail(errno, e);
}

/* A write end becomes "readable" only when its reader has gone; a socket also when data came, and is
 * watched no longer then. */
static void on_ready(int what, void *arg)
{
	struct arping_out *o = arg;
	struct pollfd p = { .fd = STDOUT_FILENO };
	struct err e = ERR_INIT;

	(void)what;
	if (poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP | POLLNVAL)) {
		fail(EPIPE, &e);
		o->failed(o->arg, &e);
	}
	arping_out_release(o);
}

int arping_out_watch(struct arping_out *o, struct loop *l, struct err *e)
{
	struct stat st;

	if (fstat(STDOUT_FILENO, &st) < 0 || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		return 0;
	o->watch = loop_fd_add(l, STDOUT_FILENO, LOOP_READ, on_ready, o, e);
	return o->watch ? 0 : -1;
}

void arping_out_release(struct arping_out *o)
{
	loop_fd_remove(o->watch);
	o->watch = NULL;
}
