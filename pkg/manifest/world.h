/* SPDX-License-Identifier: Apache-2.0 */
/* world: the data of the engine, which world.c fills and diff.c tells.
 *
 * Files hold definitions; an object has a list of them, of which the first is in force, and at
 * most one overlay.  A change of a file marks its objects; manifest_next() then looks at one
 * marked object at a time, makes what it is now, and tells it if that differs from what was
 * told last.  So it doesn't matter in which order, or how often, the files of a batch came. */
#ifndef LB_MANIFEST_WORLD_H
#define LB_MANIFEST_WORLD_H

#include "pkg/manifest/manifest.h"
#include "pkg/manifest/parse.h"
#include "pkg/tree/tree.h"

#define OVERLAYS ".lbctl/"

struct object;
struct file;

struct def {
	struct def *next; /* of the same object, by path and place */
	struct object *object;
	struct file *file;
	size_t nth; /* in its file */
	struct json *tree;
	bool said; /* that it is not in force */
};

struct file {
	struct tree_node node;
	char *path;
	struct def **defs;
	size_t defs_n;
};

struct object {
	struct tree_node node;
	struct tree_node marked; /* in `in`, when that isn't NULL */
	struct tree *in;
	struct manifest_key key;
	struct def *defs;
	struct def *overlay;
	struct json *told; /* as told last, NULL when not or no longer */
};

struct complaint {
	struct complaint *next;
	char *text;
};

struct manifest {
	char *dir;
	bool full;
	struct tree files;
	struct tree objects;
	struct tree gone;    /* marked objects without a definition */
	struct tree changed; /* marked objects with one */
	struct complaint *complaints, **complaints_end;
	uint64_t version;
	struct json *out;    /* what the last event borrowed, if it is nobody's now */
	struct object *dead; /* the object of the last event, if it is to go */
	char *out_text;
};

void manifest_object_free(struct object *o); /* NULL is fine */

#endif
