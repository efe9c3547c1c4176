/* SPDX-License-Identifier: Apache-2.0 */
/* keepalive: how lbctl members and the stages after it in a pipeline tell each other that they run.
 *
 * Each is a SIGURG, which a process that does not expect it ignores, and has a time.  That of members
 * is until when the other nodes take this one for alive if members never runs again, which is how long
 * lbctl announce may answer.  A stage answers each; with a time that has passed it asks for another one
 * at once, and announce says so that it is ready.  It is a time of CLOCK_MONOTONIC, so that a keepalive
 * that has waited for a process that did not run says nothing wrong.
 *
 * The kernel keeps one signal of a kind for a process, and forgets those that come until that is read.
 */
#ifndef LB_KEEPALIVE_H
#define LB_KEEPALIVE_H

#include <sys/types.h>

#include "pkg/loop/loop.h"

/* From now on SIGURG is for keepalive_read().  A descriptor to be polled, or -1 with *e. */
int keepalive_open(struct err *e) MUST_CHECK;

/* `until_ms` 0: now.  False when there is no such process, or it may not be sent to. */
bool keepalive_send(pid_t to, uint64_t until_ms);

struct keepalive {
	pid_t from;
	uint64_t until_ms; /* within 24 days of now; 0: a signal without a time */
};
/* The next that has come; false when none has. */
bool keepalive_read(int fd, struct keepalive *k);

/* The end that answers: each of members is handed to fn (NULL is fine) and answered. */
struct keepalive_end;
typedef void keepalive_fn(void *arg, uint64_t until_ms);
struct keepalive_end *keepalive_end_new(
    struct loop *l, keepalive_fn *fn, void *arg, struct err *e) MUST_CHECK;
void keepalive_end_free(struct keepalive_end *k); /* before the loop; NULL is fine */
/* The process that members is.  Lets it know of us; `ready`: and that all it has written has been read
 * by all stages, again until it says something. */
void keepalive_end_set(struct keepalive_end *k, pid_t members, bool ready);
/* Asks for more, and waits for it for some milliseconds.  What has come meanwhile is handed over. */
void keepalive_end_ask(struct keepalive_end *k);

#endif
