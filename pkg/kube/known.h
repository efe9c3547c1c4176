/* SPDX-License-Identifier: Apache-2.0 */
/* known: which objects of one kind have been told, as little of each as tells whether it
 * changed and lets a DELETED be written for it.
 *
 * A list is compared with what is known by marks: known_begin(), known_put() for each object
 * of the list, and then every object that known_stale() gives is gone. */
#ifndef LB_KUBE_KNOWN_H
#define LB_KUBE_KNOWN_H

#include "pkg/err/err.h"

struct known_object {
	const char *namespace; /* "" for none */
	const char *name;
	const char *uid;              /* "" when the server gave none */
	const char *resource_version; /* "" when the server gave none */
};

enum known_change {
	KNOWN_SAME, /* told already, nothing to tell */
	KNOWN_ADDED,
	KNOWN_MODIFIED,
	KNOWN_REPLACED, /* of the same name, but another uid */
};

struct known;
struct known *known_new(struct err *e) MUST_CHECK;
void known_free(struct known *k); /* NULL is fine */
size_t known_count(const struct known *k);

void known_begin(struct known *k);
/* Remembers the object as it is now, and marks it. */
int known_put(
    struct known *k, const struct known_object *o, enum known_change *change, struct err *e) MUST_CHECK;
/* Whether it was there. */
bool known_remove(struct known *k, const struct known_object *o);
/* An object that was not marked since known_begin(), in the order told; false: no more.  It is
 * borrowed until it is removed. */
bool known_stale(struct known *k, struct known_object *out);

#endif
