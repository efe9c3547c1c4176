/* SPDX-License-Identifier: Apache-2.0 */
/* yaml: YAML text into JSON trees, the border to libyaml.
 *
 * Values read as Kubernetes reads a manifest (sigs.k8s.io/yaml, which is YAML 1.1 where the
 * two versions of the language differ):
 *  - true, yes, on, y and false, no, off, n are booleans in the usual three spellings
 *    (yes, Yes, YES); null, ~ and nothing at all are null; whatever is quoted is a string;
 *  - integers may be 0x1F, 0b11, 0o17, 017 (octal as well) or 1_000; numbers 1.5, .5, 1e3;
 *  - dates, times, 12:30:45 and 192.0.2.1 are strings;
 *  - a key that is a number or a boolean becomes its text ("on: x" is {"true": x});
 *  - merge keys (<<) are followed; what the mapping says itself wins over what is merged;
 *  - !!str, !!int, !!float, !!bool and !!null are obeyed, a scalar with any other tag is a string.
 * Refused: a key twice in one mapping, keys that are null or no scalar, .inf and .nan, !!binary,
 * tabs as indentation, text that is not UTF-8, and whatever exceeds the bounds below, which hold
 * for one document after its aliases are expanded.
 *
 * An error is ERR_PROTOCOL and begins with the place: "line 3, column 5: ...". */
#ifndef LB_YAML_H
#define LB_YAML_H

#include "pkg/json/json.h"

enum {
	YAML_NODES_MAX = 1 << 20,  /* scalars, sequences and mappings */
	YAML_BYTES_MAX = 64 << 20, /* of all scalars together */
	YAML_ANCHORS_MAX = 1000,
	YAML_DEPTH_MAX = JSON_DEPTH,
};

/* The one document of `text`; *out is NULL for an empty one (JSON null).  A second document that
 * is not empty is refused. */
int yaml_parse(const char *text, size_t len, struct json **out, struct err *e) MUST_CHECK;

/* One document after another.  The text is borrowed until yaml_close(). */
struct yaml_reader;
struct yaml_reader *yaml_open(const char *text, size_t len, struct err *e) MUST_CHECK;
void yaml_close(struct yaml_reader *r); /* NULL is fine */
void yaml_closep(struct yaml_reader **r);

/* The next document: 1, 0 when there are no more, -1 after which nothing more can be read.
 * *line (may be NULL) is where it begins, from 1. */
int yaml_next(struct yaml_reader *r, struct json **out, size_t *line, struct err *e) MUST_CHECK;

#endif
