/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "pkg/cap/cap.h"
#include "pkg/member/member.h"

enum { NICE = -15 };

/* Locking what is allocated later needs a limit that is never reached: beyond it, allocations
 * fail. */
static const char *lock_memory(void)
{
	struct rlimit limit;
	bool all = getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY;

	if (mlockall(MCL_CURRENT | (all ? MCL_FUTURE : 0)) == 0)
		return all ? "memory locked" : "memory locked as it is";
	return "memory not locked (that wants CAP_IPC_LOCK or a higher limit on locked memory)";
}

void member_hurry(char *text, size_t size)
{
	struct sched_param lowest = { .sched_priority = 1 };
	const char *scheduling = "real-time scheduling";

	cap_raise(CAP_SYS_NICE);
	cap_raise(CAP_IPC_LOCK);
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest) < 0)
		scheduling = setpriority(PRIO_PROCESS, 0, NICE) == 0
				 ? "a high priority"
				 : "no priority over others (that wants CAP_SYS_NICE)";
	snprintf(text, size, "%s, %s", scheduling, lock_memory());
}
