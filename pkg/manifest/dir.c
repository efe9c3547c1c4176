/* SPDX-License-Identifier: Apache-2.0 */
/* When to look at a file, after inotify spoke of it:
 *  - closed after writing, or moved there: at once;
 *  - created: when it is closed.  A link is complete as it is, so at once; a file that nobody
 *    closes is looked at after CREATED_MS;
 *  - deleted, or moved away: after GONE_MS, since editors save by moving the old file aside and
 *    writing a new one.  If it was moved to another manifest's name, at once;
 *  - not there when it is looked at: after GONE_MS too, for it was just moved or deleted.
 * What has been looked at is compared with what was known, so looking too often is harmless. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/manifest/dir.h"

enum { CREATED_MS = 1000 };

static void set_timer(struct manifest_dir *d)
{
	uint64_t next = manifest_look_next(d), now = loop_now_ms(d->loop);

	if (d->paused || d->failed)
		loop_timer_stop(d->timer);
	else if (next != UINT64_MAX)
		loop_timer_set(d->timer, next > now ? next - now : 0);
}

static void free_dir(struct manifest_dir *d)
{
	loop_fd_remove(d->fd);
	loop_timer_remove(d->timer);
	if (d->inotify >= 0)
		close(d->inotify);
	manifest_files_release(d);
	manifest_free(d->world);
	free(d->moved_path);
	free(d->root);
	free(d);
}

static bool may_tell(const struct manifest_dir *d)
{
	return !d->closed && !d->paused && !d->failed;
}

/* Tells what is new until the receiver pauses; false when it closed us. */
static bool deliver(struct manifest_dir *d)
{
	struct manifest_event ev;

	d->delivering = true;
	while (may_tell(d) && manifest_next(d->world, &ev))
		d->ev.event(d->ev.arg, &ev);
	if (may_tell(d) && !d->synced) {
		d->synced = true;
		d->ev.synced(d->ev.arg);
	}
	d->delivering = false;
	if (!d->closed)
		return true;
	free_dir(d);
	return false;
}

static void fail(struct manifest_dir *d, const struct err *e)
{
	d->failed = true;
	loop_fd_remove(d->fd);
	d->fd = NULL;
	d->ev.failed(d->ev.arg, e);
}

static void look(struct manifest_dir *d)
{
	struct err e = ERR_INIT;

	if (manifest_look(d, loop_now_ms(d->loop), &e) < 0)
		fail(d, &e);
	else if (deliver(d))
		set_timer(d);
}

static bool is_complete(const struct manifest_dir *d, const char *path)
{
	char *full = NULL;
	struct stat st;
	bool complete;

	if (asprintf(&full, "%s/%s", d->root, path) < 0)
		return false;
	complete = lstat(full, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_nlink > 1);
	free(full);
	return complete;
}

static void on_folder(
    struct manifest_dir *d, const char *path, const struct inotify_event *in, uint64_t now)
{
	if (in->mask & IN_MOVED_FROM)
		manifest_unwatch(d, path);
	if (in->mask & (IN_CREATE | IN_MOVED_TO))
		manifest_pend(d, path, now);
	else if (in->mask & (IN_MOVED_FROM | IN_DELETE))
		manifest_pend_gone(d, path, now + GONE_MS);
}

static void on_file(
    struct manifest_dir *d, const char *path, const struct inotify_event *in, uint64_t now)
{
	bool ours = !strncmp(path, ".lbctl/", 7); /* no editor is at work there */

	if (in->mask & (IN_CLOSE_WRITE | IN_MOVED_TO))
		manifest_pend(d, path, now);
	else if (in->mask & IN_CREATE)
		manifest_pend(d, path, is_complete(d, path) ? now : now + CREATED_MS);
	else if (in->mask & (IN_MOVED_FROM | IN_DELETE))
		manifest_pend_gone(d, path, ours ? now : now + GONE_MS);
	else if (in->mask & IN_ATTRIB && !manifest_is_pending(d, path))
		manifest_pend(d, path, now);
}

/* Both halves of a move that ends in a manifest: the old name is gone at once. */
static void on_move(
    struct manifest_dir *d, const char *path, const struct inotify_event *in, uint64_t now)
{
	if (in->mask & IN_MOVED_FROM) {
		free(d->moved_path);
		d->moved_path = strdup(path);
		d->moved_cookie = in->cookie;
	} else if (d->moved_path && d->moved_cookie == in->cookie) {
		manifest_pend_gone(d, d->moved_path, now);
	}
}

static void on_event(struct manifest_dir *d, const struct inotify_event *in, uint64_t now)
{
	const char *folder = manifest_watch_path(d, in->wd);
	bool is_dir = in->mask & IN_ISDIR;
	char *path = NULL;

	if (in->mask & IN_Q_OVERFLOW) {
		manifest_rescan(d);
		return;
	}
	if (!folder)
		return; /* a watch that was removed meanwhile */
	if (in->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED) && !folder[0])
		manifest_pend(d, "", now + GONE_MS);
	if (in->mask & IN_IGNORED) {
		manifest_watch_forget(d, in->wd);
		return;
	}
	if (!in->len || !in->name[0])
		return;
	/* How a ConfigMap's volume is replaced: its files are links through this one. */
	if (!strcmp(in->name, "..data")) {
		manifest_rescan(d);
		return;
	}
	if (asprintf(&path, "%s%s%s", folder, folder[0] ? "/" : "", in->name) < 0)
		return;
	if (is_dir ? in->name[0] != '.' || !strcmp(path, ".lbctl") : manifest_is_name(in->name)) {
		if (is_dir)
			on_folder(d, path, in, now);
		else
			on_file(d, path, in, now);
		if (in->mask & (IN_MOVED_FROM | IN_MOVED_TO))
			on_move(d, path, in, now);
	}
	free(path);
}

static void hear(struct manifest_dir *d)
{
	uint64_t now = loop_now_ms(d->loop);
	union {
		struct inotify_event event; /* for its alignment */
		char bytes[64 << 10];
	} in;
	ssize_t n;

	while ((n = read(d->inotify, in.bytes, sizeof(in.bytes))) > 0) {
		for (const char *at = in.bytes; at < in.bytes + n;) {
			const struct inotify_event *event =
			    (const struct inotify_event *)(const void *)at;

			on_event(d, event, now);
			at += sizeof(*event) + event->len;
		}
	}
}

static void on_inotify(int what, void *arg)
{
	(void)what;
	hear(arg);
	look(arg);
}

static void on_timer(void *arg)
{
	hear(arg); /* before anything counts as gone */
	look(arg);
}

void manifest_dir_pause(struct manifest_dir *d, bool paused)
{
	struct err ignored = ERR_INIT; /* it goes on reading: no more than a missed chance to wait */

	if (d->paused == paused || d->failed)
		return;
	d->paused = paused;
	if (d->fd)
		(void)(loop_fd_set(d->fd, paused ? 0 : LOOP_READ, &ignored) < 0);
	if (paused)
		loop_timer_stop(d->timer);
	else
		loop_timer_set(d->timer, 0);
}

static int start(struct manifest_dir *d, const struct manifest_dir_options *o, struct err *e)
{
	struct manifest_options world = { .dir = d->root, .full = o->full };
	struct stat st;

	if (stat(d->root, &st) < 0)
		return errno == ENOENT ? err_set(e, ERR_NOT_FOUND, "%s: no such directory", d->root)
				       : err_sys(e, errno, "%s", d->root);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_USAGE, "%s is not a directory", d->root);
	d->world = manifest_new(&world, e);
	d->timer = d->world ? loop_timer_add(d->loop, on_timer, d, e) : NULL;
	if (!d->timer)
		return -1;
	if (!o->once) {
		d->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		if (d->inotify < 0)
			return err_sys(e, errno, "inotify_init1");
		d->fd = loop_fd_add(d->loop, d->inotify, LOOP_READ, on_inotify, d, e);
		if (!d->fd)
			return -1;
	}
	manifest_scan(d, "", 0);
	loop_timer_set(d->timer, 0);
	return 0;
}

struct manifest_dir *manifest_dir_open(struct loop *l, const struct manifest_dir_options *o,
    const struct manifest_dir_events *ev, struct err *e)
{
	struct manifest_dir *d = calloc(1, sizeof(*d));
	size_t n = strlen(o->path);

	while (n > 1 && o->path[n - 1] == '/')
		n--;
	if (d) {
		*d = (struct manifest_dir){ .loop = l, .ev = *ev, .inotify = -1 };
		manifest_files_init(d);
		d->root = strndup(o->path, n);
	}
	if (!d || !d->root) {
		free(d);
		err_memory(e);
		return NULL;
	}
	if (start(d, o, e) < 0) {
		manifest_dir_close(d);
		return NULL;
	}
	return d;
}

void manifest_dir_close(struct manifest_dir *d)
{
	if (!d)
		return;
	if (d->delivering)
		d->closed = true;
	else
		free_dir(d);
}
