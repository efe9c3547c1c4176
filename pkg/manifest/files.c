/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/manifest/dir.h"

enum {
	DEPTH_MAX = 32, /* folders in folders */
	WATCHED = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |
		  IN_DELETE_SELF | IN_MOVE_SELF,
};

struct seen {
	struct tree_node node;
	char *path;
	struct stat st;
};

struct watch {
	struct tree_node node;
	int wd;
	char *path;
};

struct pending {
	struct tree_node node;
	char *path;
	uint64_t due;
	bool going; /* that it is not there is known: when due, it is gone */
};

static int seen_compare(const struct tree_node *a, const struct tree_node *b)
{
	return strcmp(
	    TREE_ITEM(a, const struct seen, node)->path, TREE_ITEM(b, const struct seen, node)->path);
}

static int watch_compare(const struct tree_node *a, const struct tree_node *b)
{
	int x = TREE_ITEM(a, const struct watch, node)->wd,
	    y = TREE_ITEM(b, const struct watch, node)->wd;

	return (x > y) - (x < y);
}

static int pending_compare(const struct tree_node *a, const struct tree_node *b)
{
	return strcmp(TREE_ITEM(a, const struct pending, node)->path,
	    TREE_ITEM(b, const struct pending, node)->path);
}

void manifest_files_init(struct manifest_dir *d)
{
	d->seen = (struct tree)TREE_INIT(seen_compare);
	d->watches = (struct tree)TREE_INIT(watch_compare);
	d->pending = (struct tree)TREE_INIT(pending_compare);
}

static void seen_free(struct manifest_dir *d, struct seen *s)
{
	tree_remove(&d->seen, &s->node);
	free(s->path);
	free(s);
}

static void watch_free(struct manifest_dir *d, struct watch *w)
{
	tree_remove(&d->watches, &w->node);
	free(w->path);
	free(w);
}

static void pending_free(struct manifest_dir *d, struct pending *p)
{
	tree_remove(&d->pending, &p->node);
	free(p->path);
	free(p);
}

void manifest_files_release(struct manifest_dir *d)
{
	struct tree_node *n;

	while ((n = tree_first(&d->seen)))
		seen_free(d, TREE_ITEM(n, struct seen, node));
	while ((n = tree_first(&d->watches)))
		watch_free(d, TREE_ITEM(n, struct watch, node));
	while ((n = tree_first(&d->pending)))
		pending_free(d, TREE_ITEM(n, struct pending, node));
}

/* ROOT/path, or ROOT for "". */
static char *full_path(const struct manifest_dir *d, const char *path)
{
	char *full = NULL;

	if (asprintf(&full, "%s%s%s", d->root, path[0] ? "/" : "", path) < 0)
		return NULL;
	return full;
}

/* `path` is `folder` or in it. */
static bool is_under(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return !n || (!strncmp(path, folder, n) && (path[n] == '/' || !path[n]));
}

static void complain_sys(struct manifest_dir *d, const char *path, const char *doing)
{
	char text[200];

	snprintf(text, sizeof(text), "%s: %s", doing, strerror(errno));
	manifest_complain(d->world, path, text);
}

static struct pending *find_pending(struct manifest_dir *d, const char *path)
{
	struct pending probe = { .path = (char *)(uintptr_t)path };

	return TREE_ITEM(tree_find(&d->pending, &probe.node), struct pending, node);
}

bool manifest_is_pending(struct manifest_dir *d, const char *path)
{
	return find_pending(d, path) != NULL;
}

static void pend(struct manifest_dir *d, const char *path, uint64_t due, bool going)
{
	struct pending *p = find_pending(d, path);

	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p || !(p->path = strdup(path))) {
			free(p);
			manifest_complain(d->world, path, "out of memory");
			return;
		}
		tree_add(&d->pending, &p->node);
	}
	p->due = due;
	p->going = going;
}

void manifest_pend(struct manifest_dir *d, const char *path, uint64_t due)
{
	pend(d, path, due, false);
}

void manifest_pend_gone(struct manifest_dir *d, const char *path, uint64_t due)
{
	pend(d, path, due, true);
}

uint64_t manifest_look_next(struct manifest_dir *d)
{
	uint64_t next = UINT64_MAX;

	for (struct tree_node *n = tree_first(&d->pending); n; n = tree_after(&d->pending, n)) {
		uint64_t due = TREE_ITEM(n, struct pending, node)->due;

		next = due < next ? due : next;
	}
	return next;
}

const char *manifest_watch_path(struct manifest_dir *d, int wd)
{
	struct watch probe = { .wd = wd };
	struct tree_node *n = tree_find(&d->watches, &probe.node);

	return n ? TREE_ITEM(n, struct watch, node)->path : NULL;
}

void manifest_watch_forget(struct manifest_dir *d, int wd)
{
	struct watch probe = { .wd = wd };
	struct tree_node *n = tree_find(&d->watches, &probe.node);

	if (n)
		watch_free(d, TREE_ITEM(n, struct watch, node));
}

void manifest_unwatch(struct manifest_dir *d, const char *path)
{
	struct tree_node *next;

	for (struct tree_node *n = tree_first(&d->watches); n; n = next) {
		struct watch *w = TREE_ITEM(n, struct watch, node);

		next = tree_after(&d->watches, n);
		if (!is_under(w->path, path))
			continue;
		inotify_rm_watch(d->inotify, w->wd);
		watch_free(d, w);
	}
}

/* A folder that was moved keeps its descriptor and gets its new path. */
static void watch_folder(struct manifest_dir *d, const char *path, const char *full)
{
	struct watch *w;
	int wd;

	if (d->inotify < 0)
		return;
	wd = inotify_add_watch(d->inotify, full, WATCHED | IN_ONLYDIR | (path[0] ? IN_DONT_FOLLOW : 0));
	if (wd < 0 && errno == ENOSPC)
		manifest_complain(d->world, path,
		    "changes in this folder go unseen: the kernel has no inotify watches left (sysctl "
		    "fs.inotify.max_user_watches)");
	else if (wd < 0 && errno != ENOENT && errno != ENOTDIR)
		complain_sys(d, path, "watching for changes");
	if (wd < 0)
		return;
	manifest_watch_forget(d, wd);
	w = calloc(1, sizeof(*w));
	if (!w || !(w->path = strdup(path))) {
		free(w);
		manifest_complain(d->world, path, "out of memory");
		return;
	}
	w->wd = wd;
	tree_add(&d->watches, &w->node);
}

static void scan_entry(
    struct manifest_dir *d, const char *folder, const struct dirent *entry, unsigned depth)
{
	const char *name = entry->d_name;
	bool overlays = !folder[0] && !strcmp(name, ".lbctl");
	char *path = NULL, *full;
	struct stat st;

	if (name[0] == '.' && !overlays)
		return;
	if (asprintf(&path, "%s%s%s", folder, folder[0] ? "/" : "", name) < 0)
		return;
	full = full_path(d, path);
	if (full && lstat(full, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			manifest_scan(d, path, depth + 1);
		else if (manifest_is_name(name))
			manifest_pend(d, path, 0);
	}
	free(full);
	free(path);
}

void manifest_scan(struct manifest_dir *d, const char *path, unsigned depth)
{
	CLEANUP(freep) char *full = full_path(d, path);
	struct dirent *entry;
	DIR *dir;

	if (!full)
		return;
	if (depth > DEPTH_MAX) {
		manifest_complain(d->world, path, "folders nested too deep; not read");
		return;
	}
	watch_folder(d, path, full); /* before reading, so that nothing is missed */
	dir = opendir(full);
	if (!dir) {
		if (errno != ENOENT)
			complain_sys(d, path, "reading the folder");
		return;
	}
	while ((entry = readdir(dir)))
		scan_entry(d, path, entry, depth);
	closedir(dir);
}

void manifest_rescan(struct manifest_dir *d)
{
	for (struct tree_node *n = tree_first(&d->seen); n; n = tree_after(&d->seen, n))
		manifest_pend_gone(d, TREE_ITEM(n, struct seen, node)->path, 0);
	manifest_scan(d, "", 0);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Everything up to the end of the file, which may be growing. */
static int read_all(int fd, struct buf *out)
{
	for (;;) {
		char *room = buf_room(out, 64 << 10);
		ssize_t n;

		if (!room)
			return errno = ENOMEM, -1;
		n = read(fd, room, 64 << 10);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		out->len += (size_t)n;
		if (out->len > MANIFEST_FILE_MAX)
			return errno = EFBIG, -1;
	}
}

static void remember(struct manifest_dir *d, const char *path, const struct stat *st)
{
	struct seen probe = { .path = (char *)(uintptr_t)path };
	struct seen *s = TREE_ITEM(tree_find(&d->seen, &probe.node), struct seen, node);

	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s || !(s->path = strdup(path))) {
			free(s);
			return;
		}
		tree_add(&d->seen, &s->node);
	}
	s->st = *st;
}

static void read_file(struct manifest_dir *d, const char *path, const char *full)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT;
	struct seen probe = { .path = (char *)(uintptr_t)path };
	struct seen *s = TREE_ITEM(tree_find(&d->seen, &probe.node), struct seen, node);
	int fd = open(full, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a FIFO must not block */
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		if (errno != ENOENT)
			complain_sys(d, path, "reading");
	} else if (S_ISREG(st.st_mode) && !(s && same_file(&s->st, &st))) {
		if (read_all(fd, &text) < 0) {
			complain_sys(d, path, "reading");
		} else {
			remember(d, path, &st);
			manifest_file(d->world, path, text.data ? text.data : "", text.len);
		}
	}
	if (fd >= 0)
		close(fd);
}

static void forget(struct manifest_dir *d, const char *path)
{
	struct tree_node *next;

	manifest_gone(d->world, path);
	for (struct tree_node *n = tree_first(&d->seen); n; n = next) {
		struct seen *s = TREE_ITEM(n, struct seen, node);

		next = tree_after(&d->seen, n);
		if (is_under(s->path, path))
			seen_free(d, s);
	}
}

static int look_at_root(struct manifest_dir *d, struct err *e)
{
	struct stat st;

	if (stat(d->root, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, ERR_NOT_FOUND, "%s: the directory is gone", d->root);
	manifest_unwatch(d, "");
	manifest_rescan(d);
	return 0;
}

/* Pass 0 finds what is in folders, 1 what is gone, 2 what is to be read: an object that moved
 * from file to file is never defined twice in between.  What should be there and is not was moved
 * or deleted since the kernel spoke of it: it will say so, and where to. */
static bool look_at(struct manifest_dir *d, struct pending *p, int pass, uint64_t now)
{
	const char *path = p->path;
	CLEANUP(freep) char *full = full_path(d, path);
	struct stat st;
	bool there = full && stat(full, &st) == 0;
	bool folder = there && S_ISDIR(st.st_mode), gone = p->going;

	if (pass == 0 && folder && lstat(full, &st) == 0 && S_ISDIR(st.st_mode))
		manifest_scan(d, path, 1);
	else if (pass == 1 && !there && gone)
		forget(d, path);
	else if (pass == 2 && !folder)
		read_file(d, path, full);
	if (pass == 1 && !there && !gone) {
		p->going = true;
		p->due = now + GONE_MS;
	}
	return pass == 2 || (pass == 1 && !there && gone) || (pass == 0 && folder);
}

int manifest_look(struct manifest_dir *d, uint64_t now, struct err *e)
{
	struct pending *root = find_pending(d, "");

	if (root && root->due <= now) {
		pending_free(d, root);
		if (look_at_root(d, e) < 0)
			return -1;
	}
	for (int pass = 0; pass < 3; pass++) {
		struct tree_node *next;

		for (struct tree_node *n = tree_first(&d->pending); n; n = next) {
			struct pending *p = TREE_ITEM(n, struct pending, node);
			bool done = p->due <= now && p->path[0] && look_at(d, p, pass, now);

			next = tree_after(&d->pending, n);
			if (done)
				pending_free(d, p);
		}
	}
	return 0;
}
