/* SPDX-License-Identifier: Apache-2.0 */
/* complaints: what is wrong with objects, told on standard error once each.
 *
 * The same text about the same object is a line only when it is new, or was over meanwhile. */
#ifndef LB_COMPLAINTS_H
#define LB_COMPLAINTS_H

#include "pkg/config/config.h"

struct complaints;
struct complaints *complaints_new(struct err *e) MUST_CHECK;
void complaints_free(struct complaints *c); /* NULL is fine */

/* A version of the object that can't be used. */
void complaints_object(
    struct complaints *c, const char *kind, const struct json *object, const char *text);
/* A part of it that can't: what is wanted there, and what is there (NULL: no text). */
void complaints_part(struct complaints *c, const char *kind, const struct json *object,
    const char *want, const char *have);
/* A good version of it, or its end. */
void complaints_over(struct complaints *c, const char *kind, const struct json *object);

/* All that is wrong with the configuration now. */
void complaints_config(struct complaints *c, const struct config_problem *problems, size_t n);

#endif
