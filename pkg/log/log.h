/* SPDX-License-Identifier: Apache-2.0 */
/* log: what a long-running stage tells people, on standard error.
 *
 * A line is "lbctl elect: warning: l2: sentence".  Under systemd (JOURNAL_STREAM is
 * set) it begins with the <N> priority instead of the level's word.  pkg/ logs at
 * debug only; what a command survives is its own warning.  Level and filter are the
 * one state of the process that is not passed around. */
#ifndef LB_LOG_H
#define LB_LOG_H

#include "pkg/err/err.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* The command's name, put before every line ("lbctl NAME: "); borrowed. */
void log_name(const char *name);

/* "LEVEL" or "LEVEL:TOKEN,TOKEN": error, warn, info (the default) or debug; with tokens, debug
 * lines only of those.  The text is copied. */
int log_configure(const char *spec, struct err *e) MUST_CHECK;

bool log_enabled(enum log_level level, const char *token);

/* token: the folder that speaks ("kube", "l2"), or NULL. */
void log_error(const char *token, const char *fmt, ...) PRINTF(2, 3);
void log_warn(const char *token, const char *fmt, ...) PRINTF(2, 3);
void log_info(const char *token, const char *fmt, ...) PRINTF(2, 3);
void log_debug(const char *token, const char *fmt, ...) PRINTF(2, 3);

/* For what a peer or a record can cause: at most `burst` lines in any `window_ms`; then silence,
 * and the next line let through tells how many were held back.
 *	if (log_allow(&limit, now_ms)) log_warn(...); */
struct log_limit {
	uint32_t burst;
	uint32_t window_ms;
	uint64_t since_ms;
	uint32_t used;
	uint64_t held;
};
bool log_allow(struct log_limit *limit, uint64_t now_ms);

#endif
