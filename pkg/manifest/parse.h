/* SPDX-License-Identifier: Apache-2.0 */
/* parse: the text of one file into the objects it defines.  Pure. */
#ifndef LB_MANIFEST_PARSE_H
#define LB_MANIFEST_PARSE_H

#include "pkg/api/api.h"

/* What an object is known by. */
struct manifest_key {
	const struct api_kind *kind;
	char *namespace; /* "" for none */
	char *name;
};

struct manifest_def {
	struct manifest_key key; /* its strings are owned */
	struct json *object;     /* owned; kind and apiVersion first */
};

struct manifest_defs {
	struct manifest_def *at;
	size_t n;
	size_t cap;
};

void manifest_defs_release(struct manifest_defs *d);
int manifest_key_compare(const struct manifest_key *a, const struct manifest_key *b);

/* Adds what the text defines to *out, in order.  An object that can't be taken is told to refused(),
 * and the others are still taken.  -1 when the text as a whole is no good: *out is then empty. */
struct manifest_parse {
	const char *text;
	size_t len;
	bool json; /* RFC 8259, else YAML */
	bool full; /* keep managedFields and the last-applied annotation */
	void (*refused)(void *arg, const struct err *e);
	void *arg;
};
int manifest_parse(const struct manifest_parse *p, struct manifest_defs *out, struct err *e) MUST_CHECK;

/* A name as Kubernetes has them (RFC 1123 subdomain; also a label is one). */
bool manifest_is_object_name(const char *name);

#endif
