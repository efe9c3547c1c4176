/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of lbctl announce share. */
#ifndef LB_CMD_ANNOUNCE_H
#define LB_CMD_ANNOUNCE_H

#include "pkg/l2/l2.h"
#include "pkg/opts/opts.h"
#include "pkg/stage/stage.h"

struct announce {
	struct stage *stage;
	struct l2_port *port;
	const char *node;
	bool draining;
};

/* Adds what happened to the stream, as Events and Decisions. */
void announce_tell(struct announce *a, const struct l2_event *ev);

/* The regular expressions of --exclude and, unless `path` is NULL, those of MetalLB's file
 * excludel2.yaml.  Borrows what was given. */
struct announce_excludes {
	const char **at;
	size_t n;
	struct json *file;
};
int announce_excludes_read(struct announce_excludes *x, const struct opt_list *given, const char *path,
    struct err *e) MUST_CHECK;
void announce_excludes_release(struct announce_excludes *x);

#endif
