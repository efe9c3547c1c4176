/* SPDX-License-Identifier: Apache-2.0 */
/* elect_command: a command in a process group of its own that does not outlive a deadline.
 *
 * A second process, the keeper, kills the group when the deadline has come, and when this
 * process ends without a word: also while this one is stopped, swapped out, or was killed. */
#ifndef LB_CMD_ELECT_COMMAND_H
#define LB_CMD_ELECT_COMMAND_H

#include "pkg/loop/loop.h"

struct command;
/* Called once nothing of the group is left; status as a shell has it: 128 and the signal's number
 * for a command that a signal ended, 127 for one that is not found. */
typedef void command_ended_fn(void *arg, int status);

/* argv ends in NULL; until_ms is of CLOCK_BOOTTIME.  Only one command at a time. */
struct command *command_start(struct loop *l, char **argv, uint64_t until_ms, command_ended_fn *fn,
    void *arg, struct err *e) MUST_CHECK;
void command_until(struct command *c, uint64_t until_ms); /* a new deadline */
/* To the command alone, not to what it started: that is its own to end.  What is left of the group
 * when it has ended gets SIGTERM, and SIGKILL five seconds later. */
void command_signal(struct command *c, int number);
void command_free(struct command *c); /* kills what still runs; NULL is fine */

#endif
