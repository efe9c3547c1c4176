/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pkg/manifest/manifest.h"
#include "pkg/manifest/parse.h"

enum { STALE_S = 60 };

struct manifest_store {
	char *dir; /* as given, for messages */
	int root;  /* the directory */
};

/* Where an object is kept: .lbctl/KIND/NAMESPACE/NAME.json. */
struct place {
	char kind[64];
	char namespace[256];
	char file[264];
};

struct manifest_store *manifest_store_open(const char *dir, struct err *e)
{
	struct manifest_store *s = calloc(1, sizeof(*s));

	if (!s || !(s->dir = strdup(dir))) {
		free(s);
		err_memory(e);
		return NULL;
	}
	s->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root >= 0)
		return s;
	if (errno == ENOENT)
		err_set(e, ERR_NOT_FOUND, "%s: no such directory", dir);
	else
		err_sys(e, errno, "%s", dir);
	manifest_store_close(s);
	return NULL;
}

void manifest_store_close(struct manifest_store *s)
{
	if (!s)
		return;
	if (s->root >= 0)
		close(s->root);
	free(s->dir);
	free(s);
}

static bool is_kind_name(const char *kind)
{
	size_t n = strlen(kind);

	return n && n < sizeof(((struct place *)0)->kind) &&
	       strspn(kind, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == n;
}

static int place_of(
    struct place *p, const char *kind, const char *namespace, const char *name, struct err *e)
{
	if (!kind || !is_kind_name(kind))
		return err_set(e, ERR_PROTOCOL, "'%.80s' is not a kind", kind ? kind : "");
	if (namespace && namespace[0] && !manifest_is_object_name(namespace))
		return err_set(e, ERR_PROTOCOL, "%s: '%.80s' is not a namespace", kind, namespace);
	if (!name || !manifest_is_object_name(name))
		return err_set(e, ERR_PROTOCOL, "%s: '%.80s' is not a name", kind, name ? name : "");
	snprintf(p->kind, sizeof(p->kind), "%s", kind);
	snprintf(p->namespace, sizeof(p->namespace), "%s", namespace && namespace[0] ? namespace : "_");
	snprintf(p->file, sizeof(p->file), "%s.json", name);
	return 0;
}

/* The folder `name` in `at`, made if `make`; no link is followed.  -1 with errno. */
static int open_folder(int at, const char *name, bool make)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 || errno != ENOENT || !make)
		return fd;
	if (mkdirat(at, name, 0777) < 0 && errno != EEXIST)
		return -1;
	if (fsync(at) < 0)
		return -1;
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* .lbctl/KIND/NAMESPACE as a descriptor; -1 with errno. */
static int open_place(const struct manifest_store *s, const struct place *p, bool make)
{
	const char *const steps[] = { ".lbctl", p->kind, p->namespace };
	int at = s->root;

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		int next = open_folder(at, steps[i], make), why = errno;

		if (at != s->root)
			close(at);
		at = next;
		errno = why;
		if (at < 0)
			return -1;
	}
	return at;
}

static int fail_sys(
    const struct manifest_store *s, const struct place *p, const char *doing, struct err *e)
{
	return err_sys(
	    e, errno, "%s %s/.lbctl/%s/%s/%s", doing, s->dir, p->kind, p->namespace, p->file);
}

static bool has_content(int folder, const char *name, const struct buf *text)
{
	CLEANUP(freep) char *have = malloc(text->len + 1);
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	size_t n = 0;
	ssize_t got = 1;

	while (have && fd >= 0 && n <= text->len && got > 0) {
		got = read(fd, have + n, text->len + 1 - n);
		n += got > 0 ? (size_t)got : 0;
	}
	if (fd >= 0)
		close(fd);
	return have && fd >= 0 && got >= 0 && n == text->len && !memcmp(have, text->data, n);
}

static int write_whole(int fd, const struct buf *text)
{
	for (size_t at = 0; at < text->len;) {
		ssize_t n = write(fd, text->data + at, text->len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += (size_t)n;
	}
	return fsync(fd);
}

/* -1 with errno. */
static int replace(int folder, const char *name, const struct buf *text)
{
	char temporary[300];
	int fd, status, why;

	snprintf(temporary, sizeof(temporary), ".%s.%d", name, (int)getpid());
	if (unlinkat(folder, temporary, 0) < 0 && errno != ENOENT)
		return -1;
	fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return -1;
	status = write_whole(fd, text);
	why = errno;
	if (close(fd) < 0 && status == 0) {
		status = -1;
		why = errno;
	}
	if (status == 0 && renameat(folder, temporary, folder, name) < 0) {
		status = -1;
		why = errno;
	}
	if (status == 0)
		return fsync(folder);
	unlinkat(folder, temporary, 0);
	errno = why;
	return -1;
}

int manifest_store_write(
    struct manifest_store *s, const struct json *object, bool *changed, struct err *e)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT;
	struct place p;
	bool differs;
	int folder;

	if (place_of(&p, json_string(json_get(object, "kind")),
		json_string(json_at(object, "metadata", "namespace", NULL)),
		json_string(json_at(object, "metadata", "name", NULL)), e) < 0)
		return -1;
	json_write(object, &text);
	buf_putc(&text, '\n');
	if (text.bad)
		return err_memory(e);
	folder = open_place(s, &p, true);
	if (folder < 0)
		return fail_sys(s, &p, "writing", e);
	differs = !has_content(folder, p.file, &text);
	if (differs && replace(folder, p.file, &text) < 0) {
		fail_sys(s, &p, "writing", e);
		close(folder);
		return -1;
	}
	close(folder);
	if (changed)
		*changed = differs;
	return 0;
}

int manifest_store_remove(
    struct manifest_store *s, const char *kind, const char *namespace, const char *name, struct err *e)
{
	struct place p;
	int folder, status;

	if (place_of(&p, kind, namespace, name, e) < 0)
		return -1;
	folder = open_place(s, &p, false);
	if (folder < 0)
		return errno == ENOENT ? 0 : fail_sys(s, &p, "removing", e);
	status = unlinkat(folder, p.file, 0);
	if (status == 0)
		status = fsync(folder);
	else if (errno == ENOENT)
		status = 0;
	if (status < 0)
		fail_sys(s, &p, "removing", e);
	close(folder);
	return status;
}

struct each {
	manifest_store_fn *fn;
	void *arg;
	time_t now;
	const char *names[2]; /* kind, namespace */
};

/* What a writer left behind that was killed. */
static void remove_stale(const struct each *each, int folder, const char *name)
{
	struct stat st;

	if (strstr(name, ".json.") && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && each->now - st.st_mtime > STALE_S)
		unlinkat(folder, name, 0);
}

static void each_file(const struct each *each, int folder, const char *file)
{
	size_t n = strlen(file);
	struct stat st;
	char name[256];

	if (n <= 5 || strcmp(file + n - 5, ".json") != 0 ||
	    fstatat(folder, file, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return;
	snprintf(name, sizeof(name), "%.*s", (int)(n - 5), file);
	each->fn(each->arg, each->names[0], strcmp(each->names[1], "_") != 0 ? each->names[1] : "",
	    name, each->now - st.st_mtime);
}

static void each_in(struct each *each, int folder, unsigned depth)
{
	DIR *dir = fdopendir(folder);
	struct dirent *entry;

	if (!dir) {
		close(folder);
		return;
	}
	while ((entry = readdir(dir))) {
		int next;

		if (entry->d_name[0] == '.') {
			remove_stale(each, dirfd(dir), entry->d_name);
			continue;
		}
		if (depth == 2) {
			each_file(each, dirfd(dir), entry->d_name);
			continue;
		}
		each->names[depth] = entry->d_name;
		next = open_folder(dirfd(dir), entry->d_name, false);
		if (next >= 0)
			each_in(each, next, depth + 1);
	}
	closedir(dir);
}

int manifest_store_each(struct manifest_store *s, manifest_store_fn *fn, void *arg, struct err *e)
{
	struct each each = { .fn = fn, .arg = arg, .now = time(NULL) };
	int folder = open_folder(s->root, ".lbctl", false);

	if (folder < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "reading %s/.lbctl", s->dir);
	each_in(&each, folder, 0);
	return 0;
}
