/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "pkg/keepalive/keepalive.h"

int keepalive_open(struct err *e)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	fd = sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -1
						    : signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? err_sys(e, errno, "waiting for SIGURG") : fd;
}

/* A signal carries an int: the low bits of the time. */
bool keepalive_send(pid_t to, uint64_t until_ms)
{
	union sigval value = { .sival_int = (int)(uint32_t)until_ms };

	if (!until_ms)
		value.sival_int = (int)(uint32_t)(loop_clock_us() / 1000);
	return sigqueue(to, SIGURG, value) == 0;
}

bool keepalive_read(int fd, struct keepalive *k)
{
	struct signalfd_siginfo info;
	uint64_t now = loop_clock_us() / 1000;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return false;
	k->from = (pid_t)info.ssi_pid;
	k->until_ms = 0;
	if (info.ssi_code == SI_QUEUE)
		k->until_ms =
		    now + (uint64_t)(int64_t)(int32_t)((uint32_t)info.ssi_int - (uint32_t)now);
	return true;
}
