/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/log/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TOKENS_LEN = 120, LINE_LEN = 1024 };

static const char *const level_name[] = {
	[LOG_ERROR] = "error",
	[LOG_WARNING] = "warning",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};
static const int priority[] = { [LOG_ERROR] = 3, [LOG_WARNING] = 4, [LOG_INFO] = 6, [LOG_DEBUG] = 7 };

/* Whoever speaks in debug lines; tests/cli/lbctl.bats compares. */
static const char known_tokens[] = ",apply,bfd,kube,l2,nodes,responder,";

static struct {
	const char *name;
	enum log_level level;
	char tokens[TOKENS_LEN]; /* ",kube,l2," or "" for all */
} state = { .level = LOG_INFO };

void log_name(const char *name)
{
	state.name = name;
}

static int check_tokens(const char *list, struct err *e)
{
	const int known = (int)sizeof(known_tokens) - 3; /* without the outer commas */
	char word[TOKENS_LEN];

	for (const char *at = list;; at++) {
		int n = (int)strcspn(at, ",");

		snprintf(word, sizeof(word), ",%.*s,", n, at);
		if (n == 0 || !strstr(known_tokens, word))
			return err_set(e, ERR_USAGE,
			    "--log: nobody speaks as '%.*s'; after the colon want some of %.*s", n, at,
			    known, known_tokens + 1);
		at += n;
		if (!*at)
			return 0;
	}
}

int log_configure(const char *spec, struct err *e)
{
	static const char *const words[] = { "error", "warn", "info", "debug" };
	const char *colon = strchr(spec, ':');
	size_t n = colon ? (size_t)(colon - spec) : strlen(spec);

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strlen(words[i]) != n || memcmp(words[i], spec, n) != 0)
			continue;
		if (colon && check_tokens(colon + 1, e) < 0)
			return -1;
		if (colon && strlen(colon + 1) + 3 > sizeof(state.tokens))
			return err_set(e, ERR_USAGE, "--log: too many tokens");
		state.level = (enum log_level)i;
		state.tokens[0] = 0;
		if (colon)
			snprintf(state.tokens, sizeof(state.tokens), ",%s,", colon + 1);
		return 0;
	}
	return err_set(e, ERR_USAGE,
	    "--log: want error, warn, info or debug, then perhaps :TOKEN,..., have '%s'", spec);
}

bool log_enabled(enum log_level level, const char *token)
{
	char word[TOKENS_LEN];

	if (level > state.level)
		return false;
	if (level < LOG_DEBUG || !state.tokens[0])
		return true;
	snprintf(word, sizeof(word), ",%s,", token ? token : "");
	return strstr(state.tokens, word) != NULL;
}

/* One write() a line, so that the lines of a pipeline's stages don't mix. */
static void PRINTF(3, 0) line(enum log_level level, const char *token, const char *fmt, va_list ap)
{
	char text[LINE_LEN];
	int n = 0;

	if (!log_enabled(level, token))
		return;
	if (getenv("JOURNAL_STREAM"))
		n = snprintf(text, sizeof(text), "<%d>", priority[level]);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "lbctl%s%s: %s%s%s%s", state.name ? " " : "",
	    state.name ? state.name : "", level == LOG_INFO ? "" : level_name[level],
	    level == LOG_INFO ? "" : ": ", token && level == LOG_DEBUG ? token : "",
	    token && level == LOG_DEBUG ? ": " : "");
	n += vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	if (n > LINE_LEN - 2)
		n = LINE_LEN - 2;
	text[n++] = '\n';
	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		return; /* nobody is left to be told */
}

#define LEVEL(fn, level)                                 \
	void fn(const char *token, const char *fmt, ...) \
	{                                                \
		va_list ap;                              \
                                                         \
		va_start(ap, fmt);                       \
		line(level, token, fmt, ap);             \
		va_end(ap);                              \
	}

LEVEL(log_error, LOG_ERROR)
LEVEL(log_warn, LOG_WARNING)
LEVEL(log_info, LOG_INFO)
LEVEL(log_debug, LOG_DEBUG)

bool log_allow(struct log_limit *limit, uint64_t now_ms)
{
	uint64_t held = limit->held;

	if (!limit->since_ms || now_ms - limit->since_ms >= limit->window_ms) {
		limit->since_ms = now_ms ? now_ms : 1;
		limit->used = 0;
		limit->held = 0;
		if (held)
			log_warn(NULL, "%llu more like this were not shown", (unsigned long long)held);
	}
	if (limit->used >= limit->burst) {
		limit->held++;
		return false;
	}
	limit->used++;
	return true;
}
