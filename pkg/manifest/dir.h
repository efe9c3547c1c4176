/* SPDX-License-Identifier: Apache-2.0 */
/* dir: what the two halves of the binding share: files.c looks at the file system, dir.c waits for
 * it to change. */
#ifndef LB_MANIFEST_DIR_H
#define LB_MANIFEST_DIR_H

#include "pkg/manifest/manifest.h"
#include "pkg/tree/tree.h"

enum { GONE_MS = 100 }; /* from being missing to being gone */

struct manifest_dir {
	struct loop *loop;
	struct manifest_dir_events ev;
	struct manifest *world;
	char *root;
	int inotify; /* -1: once */
	struct loop_fd *fd;
	struct loop_timer *timer;
	struct tree seen;    /* files that were read, by path */
	struct tree watches; /* by descriptor */
	struct tree pending; /* paths to look at, and when */
	char *moved_path;    /* of the last IN_MOVED_FROM */
	uint32_t moved_cookie;
	bool paused;
	bool synced;
	bool failed;
	bool delivering; /* a callback is running */
	bool closed;     /* by it: to be freed after it */
};

/* To look at `path`, relative to the root, at `due` (of loop_now_ms()); moves what is pending. */
void manifest_pend(struct manifest_dir *d, const char *path, uint64_t due);
/* The same of what is gone then, unless it is there again; any other is given GONE_MS to come back. */
void manifest_pend_gone(struct manifest_dir *d, const char *path, uint64_t due);
bool manifest_is_pending(struct manifest_dir *d, const char *path);

/* Watches the folder and all below it, and pends what is in them. */
void manifest_scan(struct manifest_dir *d, const char *path, unsigned depth);
/* Everything anew, as after a loss of events. */
void manifest_rescan(struct manifest_dir *d);
/* Looks at all that is due; -1 when the root is no directory any more. */
int manifest_look(struct manifest_dir *d, uint64_t now, struct err *e);
/* When to look next; UINT64_MAX: never. */
uint64_t manifest_look_next(struct manifest_dir *d);

/* The folder that a watch descriptor stands for, or NULL. */
const char *manifest_watch_path(struct manifest_dir *d, int wd);
void manifest_watch_forget(struct manifest_dir *d, int wd);
/* No longer watches the folder and what is below it. */
void manifest_unwatch(struct manifest_dir *d, const char *path);

void manifest_files_init(struct manifest_dir *d);
void manifest_files_release(struct manifest_dir *d);

#endif
