/* SPDX-License-Identifier: Apache-2.0 */
/* cmd: what a subcommand is.  Each cmd/NAME.c defines one `const struct cmd cmd_NAME`. */
#ifndef LB_CMD_H
#define LB_CMD_H

#include "pkg/err/err.h"
#include "pkg/opts/opts.h"

#define LBCTL_VERSION "0.1.0"

struct cmd {
	const char *name;
	const char *operands; /* for the usage line, or "" */
	const char *summary;  /* one line, lower case, no full stop */
	const struct opt *opts;
	/* 0, or -1 with *e, or the exit status of a command that it ran.  A command whose answer is
	 * a status (arping --duplicate) fails with the kind that stands for it and an empty text when
	 * it has already said all. */
	int (*run)(int argc, char **argv, struct err *e);
};

extern const struct cmd *const commands[]; /* sorted by name, ends in NULL */

/* What --node says, else $NODE_NAME, else the host's name, which is put into `host`. */
const char *default_node(const char *option, char host[static 256]);
/* The time of day at `at_us` of loop_clock_us(), in milliseconds since 1970; as RFC 3339 has it; and by
 * the clock on the wall here, "17:35:01.123". */
enum { WALL_TEXT_LEN = 40 };
int64_t wall_ms(uint64_t at_us);
const char *wall_text(int64_t ms, char out[static WALL_TEXT_LEN]);
const char *wall_clock(int64_t ms, char out[static WALL_TEXT_LEN]);
/* What --namespace says, else $METALLB_NAMESPACE, else MetalLB's. */
const char *default_namespace(const char *option);

#endif
