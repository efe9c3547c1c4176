/* SPDX-License-Identifier: Apache-2.0 */
/* err: what went wrong, in words for the person who typed the command.
 *
 * A function that can fail takes `struct err *e` last and returns 0, or -1 with
 * *e filled in.  On success *e is untouched.  The innermost function says what
 * failed (err_set, err_sys); a caller that knows more puts it in front
 * (err_wrap).  Only cmd/ prints.  No call here allocates, so failing is safe
 * when memory is short. */
#ifndef LB_ERR_H
#define LB_ERR_H

#include "pkg/base/base.h"

/* Why, as far as a script or a retry loop cares.  Each is an exit code, see err_exit_code(). */
enum err_kind {
	ERR_NONE,
	ERR_SYSTEM,     /* the kernel refused, memory is short, the network failed; see sys */
	ERR_USAGE,      /* the command line or the configuration is wrong */
	ERR_NOT_FOUND,  /* the named thing does not exist */
	ERR_CONFLICT,   /* somebody else holds it */
	ERR_EXHAUSTED,  /* nothing left to give out */
	ERR_PROTOCOL,   /* a peer, a file or a record is malformed */
	ERR_PERMISSION, /* a capability or an RBAC rule is missing; the text names it */
	ERR_CLOSED,     /* whoever read our output has gone */
};

struct err {
	enum err_kind kind;
	int sys; /* errno, or 0 */
	char text[480];
};

#define ERR_INIT  \
	{         \
		0 \
	}

/* Each returns -1, so that `return err_set(e, ...)` reads as one step.  err_sys gives EPERM and
 * EACCES the kind ERR_PERMISSION, all else ERR_SYSTEM. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...) PRINTF(3, 4);
int err_sys(struct err *e, int errnum, const char *fmt, ...) PRINTF(3, 4);
int err_memory(struct err *e);

/* Puts "context: " before the text already there.  Keeps kind and sys.  Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF(2, 3);

/* The exit status of every lbctl command: 0 done, 1 system, 2 usage, 3 not found, 4 conflict,
 * 5 exhausted, 6 protocol, 7 permission, 141 reader gone (as a shell shows SIGPIPE). */
int err_exit_code(enum err_kind kind);

#endif
