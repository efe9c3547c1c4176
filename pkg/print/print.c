/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/print/print.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "pkg/print/columns.h"

enum {
	MOST_COLUMNS = 10,
	GAP = 3,
	/* A column that turns out too narrow for a later row becomes a multiple of STEP, so that this
	 * seldom happens; what is longer than LONGEST is worth no wider column. */
	STEP = 8,
	LONGEST = 40,
};

struct row {
	const struct print_table *table;
	bool deleted;
	struct buf cells; /* each ends in a NUL */
};

struct print {
	enum print_output output;
	struct row *rows;
	size_t n;
	size_t cap;
	const struct print_table *headed; /* whose header stands above the next row */
	size_t width[MOST_COLUMNS];       /* of that table */
};

int print_output(const char *option, int fd, enum print_output *out, struct err *e)
{
	static const struct {
		const char *word;
		enum print_output output;
	} words[] = { { "json", PRINT_JSON }, { "table", PRINT_TABLE }, { "wide", PRINT_WIDE },
		{ "name", PRINT_NAME } };

	if (!option) {
		*out = isatty(fd) ? PRINT_TABLE : PRINT_JSON;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!strcmp(words[i].word, option)) {
			*out = words[i].output;
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, "--output: want json, table, wide or name, have '%s'", option);
}

struct print *print_new(enum print_output output, struct err *e)
{
	struct print *p = calloc(1, sizeof(*p));

	if (p)
		p->output = output;
	else
		err_memory(e);
	return p;
}

void print_free(struct print *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->cap; i++)
		buf_release(&p->rows[i].cells);
	free(p->rows);
	free(p);
}

static struct row *new_row(struct print *p)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 16;
		struct row *rows = realloc(p->rows, cap * sizeof(*rows));

		if (!rows)
			return NULL;
		memset(rows + p->cap, 0, (cap - p->cap) * sizeof(*rows));
		p->rows = rows;
		p->cap = cap;
	}
	buf_reset(&p->rows[p->n].cells);
	return &p->rows[p->n++];
}

/* "service/web", "ipaddresspool.metallb.io/first" */
static void put_name(const struct json *object, struct buf *out)
{
	const char *kind = json_string(json_get(object, "kind"));
	const char *version = json_string(json_get(object, "apiVersion"));
	const char *name = json_string(json_at(object, "metadata", "name", NULL));
	const char *slash = version ? strchr(version, '/') : NULL;

	for (; kind && *kind; kind++)
		buf_putc(out, (char)tolower((unsigned char)*kind));
	if (slash) {
		buf_putc(out, '.');
		buf_add(out, version, (size_t)(slash - version));
	}
	buf_printf(out, "/%s", name ? name : "");
}

/* What a record says must not end a cell, a line or a terminal's sanity. */
static void end_cell(struct buf *cells, size_t start)
{
	buf_plain(cells, start);
	buf_putc(cells, 0);
}

void print_record(struct print *p, enum record_type type, const struct json *object)
{
	struct row *r = type == RECORD_BOOKMARK ? NULL : new_row(p);

	if (!r)
		return;
	r->table = print_table_of(object, type == RECORD_APPLY);
	r->deleted = type == RECORD_DELETED;
	if (p->output == PRINT_NAME) {
		put_name(object, &r->cells);
		end_cell(&r->cells, 0);
		return;
	}
	for (const struct print_column *c = r->table->columns; c->title; c++) {
		size_t start = r->cells.len;

		if (c->wide && p->output != PRINT_WIDE)
			continue;
		c->cell(object, &r->cells);
		end_cell(&r->cells, start);
	}
}

static size_t shown(const char *cell) /* characters of UTF-8 */
{
	size_t n = 0;

	for (; *cell; cell++)
		n += ((unsigned char)*cell & 0xc0) != 0x80;
	return n;
}

static void pad(struct buf *out, size_t n)
{
	while (n--)
		buf_putc(out, ' ');
}

/* Widens the columns to what the rows from..to hold; of a table that has its header already, for
 * all that isn't too long.  True when it did.  The last column needs no width. */
static bool widen(struct print *p, size_t from, size_t to, bool headed)
{
	bool wider = false;

	for (size_t i = from; i < to; i++) {
		const char *cell = p->rows[i].cells.data;
		const char *end = cell + p->rows[i].cells.len, *next;

		for (size_t c = 0; cell && cell < end && c < MOST_COLUMNS; c++, cell = next) {
			size_t n = shown(cell);

			next = cell + strlen(cell) + 1;
			if (n <= p->width[c] || next == end || (headed && n > LONGEST))
				continue;
			p->width[c] = headed ? (n + STEP - 1) / STEP * STEP : n;
			wider = true;
		}
	}
	return wider;
}

static void header(struct print *p, const struct print_table *t, struct buf *out, bool write)
{
	size_t c = 0;

	for (const struct print_column *col = t->columns; col->title; col++) {
		const struct print_column *next = col + 1;

		if (col->wide && p->output != PRINT_WIDE)
			continue;
		while (next->title && next->wide && p->output != PRINT_WIDE)
			next++;
		if (!write) {
			p->width[c++] = strlen(col->title);
			continue;
		}
		buf_puts(out, col->title);
		if (next->title)
			pad(out, p->width[c] - strlen(col->title) + GAP);
		c++;
	}
	if (write)
		buf_putc(out, '\n');
}

static void write_row(struct print *p, const struct row *r, struct buf *out)
{
	const char *cell = r->cells.data;
	const char *end = cell + r->cells.len;

	for (size_t c = 0; cell && cell < end; c++) {
		const char *next = cell + strlen(cell) + 1;

		buf_puts(out, cell);
		if (next < end)
			pad(out, (shown(cell) < p->width[c] ? p->width[c] - shown(cell) : 0) + GAP);
		else if (r->deleted)
			buf_puts(out, "   (deleted)");
		cell = next;
	}
	buf_putc(out, '\n');
}

void print_flush(struct print *p, struct buf *out)
{
	for (size_t from = 0, to; from < p->n; from = to) {
		const struct print_table *t = p->rows[from].table;

		for (to = from; to < p->n && p->rows[to].table == t; to++)
			;
		if (p->output == PRINT_NAME) {
			for (size_t i = from; i < to; i++)
				buf_printf(
				    out, "%s\n", p->rows[i].cells.data ? p->rows[i].cells.data : "");
			continue;
		}
		if (p->headed != t)
			header(p, t, out, false);
		if (widen(p, from, to, p->headed == t) || p->headed != t) {
			if (p->headed)
				buf_putc(out, '\n');
			header(p, t, out, true);
		}
		p->headed = t;
		for (size_t i = from; i < to; i++)
			write_row(p, &p->rows[i], out);
	}
	p->n = 0;
}
