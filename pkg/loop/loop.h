/* SPDX-License-Identifier: Apache-2.0 */
/* loop: waiting for descriptors, times and signals; the one place that knows libevent.
 *
 * One thread, one loop.  A handler may remove any handler, itself included, and may call
 * loop_stop().  Times are CLOCK_MONOTONIC milliseconds. */
#ifndef LB_LOOP_H
#define LB_LOOP_H

#include "pkg/buf/buf.h"
#include "pkg/err/err.h"

struct loop;
struct loop_fd;
struct loop_timer;
struct loop_signal;

enum loop_what { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop *loop_new(struct err *e) MUST_CHECK;
void loop_free(struct loop *l); /* after all its handlers were removed; NULL is fine */

/* Runs until loop_stop().  -1 only when the kernel fails us. */
int loop_run(struct loop *l, struct err *e) MUST_CHECK;
void loop_stop(struct loop *l);

uint64_t loop_now_ms(struct loop *l); /* CLOCK_MONOTONIC now */
uint64_t loop_clock_us(void);         /* CLOCK_MONOTONIC now, for measuring round trips */

/* Calls fn(what, arg) whenever fd is ready.  An error or hang-up counts as ready for all that is
 * watched, so a pipe's write end watched for LOOP_READ is called when its reader has gone.  A
 * regular file is always ready.  The fd stays the caller's, and open until loop_fd_remove(). */
typedef void loop_fd_fn(int what, void *arg);
struct loop_fd *loop_fd_add(
    struct loop *l, int fd, int what, loop_fd_fn *fn, void *arg, struct err *e) MUST_CHECK;
int loop_fd_set(
    struct loop_fd *f, int what, struct err *e) MUST_CHECK; /* 0: keep, but wait for nothing */
void loop_fd_remove(struct loop_fd *f);                     /* NULL is fine */

/* A timer that is not set until loop_timer_set(); it fires once each time it is set. */
typedef void loop_timer_fn(void *arg);
struct loop_timer *loop_timer_add(
    struct loop *l, loop_timer_fn *fn, void *arg, struct err *e) MUST_CHECK;
void loop_timer_set(struct loop_timer *t, uint64_t after_ms); /* 0: at the end of this round */
void loop_timer_stop(struct loop_timer *t);
bool loop_timer_is_set(const struct loop_timer *t);
void loop_timer_remove(struct loop_timer *t); /* NULL is fine */

typedef void loop_signal_fn(int signal, void *arg);
struct loop_signal *loop_signal_add(
    struct loop *l, int signal, loop_signal_fn *fn, void *arg, struct err *e) MUST_CHECK;
void loop_signal_remove(struct loop_signal *s); /* NULL is fine */

/* Answers HTTP GET on a unix socket that only its owner may open, with text for the path; fn returns
 * false where there is nothing.  ERR_CONFLICT when another process listens there, or something else
 * than a socket is there; the socket that a process that was killed has left is replaced. */
struct loop_http;
typedef bool loop_http_fn(void *arg, const char *path, struct buf *out);
struct loop_http *loop_http_new(
    struct loop *l, const char *socket, loop_http_fn *fn, void *arg, struct err *e) MUST_CHECK;
void loop_http_free(struct loop_http *h); /* before the loop; the socket goes; NULL is fine */

#endif
