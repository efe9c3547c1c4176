/* SPDX-License-Identifier: Apache-2.0 */
/* manifest: a directory of manifests as a cluster.
 *
 * Every *.yaml, *.yml and *.json under the directory counts, with several documents a file and
 * List objects flattened; names that begin with a dot or end in "~" don't, nor do
 * kustomization files, nor links to directories.  Of the objects in them those of the kinds of
 * api_kinds[] are taken; an object is known by kind, group, namespace and name.  What the files
 * don't say is not made up, except a namespace ("default") and a resourceVersion that grows.
 *
 * A file that doesn't parse keeps the objects it had.  In a file that parses but holds an
 * object that can't be taken, the others are taken, and none that it had is dropped.  Of two
 * definitions of one object the first by path, then by place in the file, is in force.
 *
 * Under .lbctl/ stands what `lbctl apply --to` wrote: .lbctl/KIND/NAMESPACE/NAME.json ("_" for
 * no namespace), which is laid over the object of that name by RFC 7396, and is nothing by
 * itself, or, for an Event, is an object of its own. */
#ifndef LB_MANIFEST_H
#define LB_MANIFEST_H

#include "pkg/api/api.h"
#include "pkg/loop/loop.h"

enum { MANIFEST_FILE_MAX = 64 << 20 }; /* bytes of a file */

/* The engine: files in, differences out.  It knows no file system. */
struct manifest;

struct manifest_options {
	const char *dir; /* put before paths in warnings */
	bool full;       /* keep managedFields and the last-applied annotation */
};
struct manifest *manifest_new(const struct manifest_options *o, struct err *e) MUST_CHECK;
void manifest_free(struct manifest *m); /* NULL is fine */
void manifest_freep(struct manifest **m);

/* Whether a file of that name (without folder) is a manifest. */
bool manifest_is_name(const char *name);

/* What the file `path` (relative to the directory) says now, and that it is no longer there, or
 * that a folder and all in it isn't. */
void manifest_file(struct manifest *m, const char *path, const char *text, size_t len);
void manifest_gone(struct manifest *m, const char *path);
/* Something to tell people about `path`, as an event in its turn. */
void manifest_complain(struct manifest *m, const char *path, const char *text);

enum manifest_type { MANIFEST_ADDED, MANIFEST_MODIFIED, MANIFEST_DELETED, MANIFEST_WARNING };

/* Borrowed until the next call of anything here. */
struct manifest_event {
	enum manifest_type type;
	const struct api_kind *kind; /* NULL for a warning */
	const char *namespace;       /* "" for none */
	const char *name;
	const struct json *object; /* kind and apiVersion first; NULL for a warning */
	const char *text;          /* of a warning */
};

/* The next difference since all that was told before; false when there is none.  Asked after a
 * batch of changes, so that an object that moved from file to file did not change: warnings first,
 * then what is gone, then what is new or different, each ordered by kind, namespace and name. */
bool manifest_next(struct manifest *m, struct manifest_event *ev);

/* The binding: reads the directory and, with inotify, keeps reading it.  Events come from the loop
 * only. */
struct manifest_dir;
struct manifest_dir_options {
	const char *path;
	bool once; /* what is there now, no changes */
	bool full;
};
struct manifest_dir_events {
	void (*event)(void *arg, const struct manifest_event *ev);
	void (*synced)(void *arg);                      /* all that was there was told; once */
	void (*failed)(void *arg, const struct err *e); /* the directory is gone; nothing more comes */
	void *arg;
};
struct manifest_dir *manifest_dir_open(struct loop *l, const struct manifest_dir_options *o,
    const struct manifest_dir_events *ev, struct err *e) MUST_CHECK;
void manifest_dir_close(struct manifest_dir *d); /* NULL is fine */
void manifest_dir_pause(struct manifest_dir *d, bool paused);

/* The writing side of .lbctl/.  A file is there whole or not at all, also after a crash: written
 * under another name, fsync, rename, fsync of the folder.  Nothing outside .lbctl/ is touched. */
struct manifest_store;
struct manifest_store *manifest_store_open(const char *dir, struct err *e) MUST_CHECK;
void manifest_store_close(struct manifest_store *s); /* NULL is fine */

/* Nothing is written when the file has that content already: *changed (may be NULL) tells. */
int manifest_store_write(
    struct manifest_store *s, const struct json *object, bool *changed, struct err *e) MUST_CHECK;
/* 0 also when there is none. */
int manifest_store_remove(struct manifest_store *s, const char *kind, const char *namespace,
    const char *name, struct err *e) MUST_CHECK;
/* Calls each() for all that is there; `age` is in seconds since it was written. */
typedef void manifest_store_fn(
    void *arg, const char *kind, const char *namespace, const char *name, int64_t age);
int manifest_store_each(
    struct manifest_store *s, manifest_store_fn *each, void *arg, struct err *e) MUST_CHECK;

/* Whether what `apply` writes of this kind is an object of its own. */
bool manifest_stands_alone(const char *kind, const char *group);

#endif
