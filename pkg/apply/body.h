/* SPDX-License-Identifier: Apache-2.0 */
/* body: what a wanted object is as a request.  Pure. */
#ifndef LB_APPLY_BODY_H
#define LB_APPLY_BODY_H

#include "pkg/json/json.h"

/* The object without its nulls: what the field manager owns from now on.  NULL: out of memory. */
struct json *body_of(const struct json *object);

/* The merge patch that removes the annotations which `object` wants removed and `now` still has;
 * NULL when there are none. */
struct json *body_leftovers(const struct json *object, const struct json *now);

/* Whether `now` is as `object` wants it: what it doesn't speak of may be anything; null, an empty
 * list and an empty object are the same as nothing. */
bool body_covers(const struct json *object, const struct json *now);

/* An Event with its times and count; 0, or -1 when out of memory. */
int body_event(struct json *event, int64_t first, int64_t last, uint32_t count);

/* metadata.resourceVersion as a number, 0 when there is none. */
uint64_t body_version(const struct json *object);

#endif
