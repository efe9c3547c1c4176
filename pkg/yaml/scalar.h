/* SPDX-License-Identifier: Apache-2.0 */
/* scalar: what an unquoted word of YAML means.  Pure: knows no libyaml. */
#ifndef LB_YAML_SCALAR_H
#define LB_YAML_SCALAR_H

#include "pkg/json/json.h"

enum scalar_tag {
	SCALAR_PLAIN, /* no tag and no quotes: the word decides */
	SCALAR_STRING,
	SCALAR_INT,
	SCALAR_FLOAT,
	SCALAR_BOOL,
	SCALAR_NULL,
};

/* *out is NULL for null.  ERR_PROTOCOL (without a place) when the word does not fit the tag. */
int scalar_resolve(
    const char *text, size_t len, enum scalar_tag tag, struct json **out, struct err *e) MUST_CHECK;

#endif
