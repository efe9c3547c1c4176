/* SPDX-License-Identifier: Apache-2.0 */
/* object: an object of the API server as a record of the stream. */
#ifndef LB_KUBE_OBJECT_H
#define LB_KUBE_OBJECT_H

#include "pkg/api/api.h"
#include "pkg/kube/known.h"

/* Borrowed from `object`; ERR_PROTOCOL when it is not an object with a name. */
int object_identity(struct known_object *out, const struct json *object, struct err *e) MUST_CHECK;

/* Appends one line.  Without `full`, what only the API server and kubectl need is left out. */
void object_record(
    struct buf *out, const char *type, const struct api_kind *k, const struct json *object, bool full);

/* A DELETED of which no more is known than its identity. */
void object_deleted(struct buf *out, const struct api_kind *k, const struct known_object *o);

#endif
