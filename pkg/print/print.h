/* SPDX-License-Identifier: Apache-2.0 */
/* print: records for people.  The same facts as the stream, as a table like kubectl's.
 *
 * Consecutive records of one kind share a header; widths fit what is known when the rows
 * are written (print_flush).  A later row that doesn't fit comes under a header of its own, so
 * that columns stand below their titles however long it goes on. */
#ifndef LB_PRINT_H
#define LB_PRINT_H

#include "pkg/json/json.h"
#include "pkg/stream/stream.h"

enum print_output { PRINT_JSON, PRINT_TABLE, PRINT_WIDE, PRINT_NAME };

/* The value of -o: json, wide, name or table; NULL means a table on a terminal and the stream
 * elsewhere. */
int print_output(const char *option, int fd, enum print_output *out, struct err *e) MUST_CHECK;

struct print;
struct print *print_new(enum print_output output, struct err *e) MUST_CHECK; /* not PRINT_JSON */
void print_free(struct print *p);

/* Adds a row for the record. */
void print_record(struct print *p, enum record_type type, const struct json *object);
/* Writes the rows added so far to `out`. */
void print_flush(struct print *p, struct buf *out);

#endif
