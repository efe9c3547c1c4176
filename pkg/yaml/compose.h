/* SPDX-License-Identifier: Apache-2.0 */
/* compose: the events of libyaml into trees; what yaml.c and compose.c share. */
#ifndef LB_YAML_COMPOSE_H
#define LB_YAML_COMPOSE_H

#include <yaml.h>

#include "pkg/yaml/yaml.h"

/* A composed node and what it weighs. */
struct node {
	struct json *tree;
	size_t nodes;
	size_t bytes;
	unsigned height; /* levels: 1 for a scalar */
};

struct anchor {
	char *name;
	struct node node;
	bool open; /* its node is still being composed */
};

struct yaml_reader {
	yaml_parser_t parser;
	const char *text;
	size_t len;
	struct anchor *anchors;
	size_t anchors_n;
	size_t nodes; /* of this document so far */
	size_t bytes;
	bool ended;
};

/* "line 3, column 5: why", with `at` of libyaml, which counts from 0. */
int yaml_refuse(struct err *e, const yaml_mark_t *at, const char *why);

/* The next event, which the caller deletes. */
int yaml_event(struct yaml_reader *r, yaml_event_t *ev, struct err *e) MUST_CHECK;

/* The node that *ev begins, at `depth` from 1.  *out is written on success only. */
int yaml_compose(struct yaml_reader *r, yaml_event_t *ev, unsigned depth, struct node *out,
    struct err *e) MUST_CHECK;

#endif
