/* SPDX-License-Identifier: Apache-2.0 */
/* columns: which facts of a kind stand in its table, and how each is told. */
#ifndef LB_PRINT_COLUMNS_H
#define LB_PRINT_COLUMNS_H

#include "pkg/json/json.h"

struct print_column {
	const char *title;
	void (*cell)(const struct json *object, struct buf *out);
	bool wide; /* only with -o wide */
};

struct print_table {
	const char *kind;                   /* NULL: any other kind */
	const struct print_column *columns; /* ends in { NULL } */
};

/* The table of an object; an APPLY of a Service's status has one of its own, and so has a
 * Decision of `elect`. */
const struct print_table *print_table_of(const struct json *object, bool apply);
/* Of a Decision of `elect`. */
const struct print_table *print_elected(const struct json *object);

/* The string, or what stands for none; "namespace/name" of metadata or of a subject. */
void column_text(const struct json *j, const char *otherwise, struct buf *out);
void column_subject(const struct json *meta, struct buf *out);

/* Cells of more than one table: "namespace/name", and what spec has of that name. */
void column_object(const struct json *o, struct buf *out);
void column_addresses(const struct json *o, struct buf *out);
void column_code(const struct json *o, struct buf *out);
void column_message(const struct json *o, struct buf *out);

#endif
