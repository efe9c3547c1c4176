/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/stream/stream.h"

#include <string.h>

enum { READ_ROOM = 64 << 10 };

struct stream_reader {
	struct buf buf;
	size_t at;      /* where the next record begins */
	size_t scanned; /* no newline between at and here */
	uint64_t line;
	bool ended;
	bool skipping;       /* inside a line that was too long */
	struct json *parsed; /* of the record last given out */
	struct err why;      /* it is bad */
};

static const char *const type_names[] = {
	[RECORD_ADDED] = "ADDED",
	[RECORD_MODIFIED] = "MODIFIED",
	[RECORD_DELETED] = "DELETED",
	[RECORD_BOOKMARK] = "BOOKMARK",
	[RECORD_ERROR] = "ERROR",
	[RECORD_APPLY] = "APPLY",
};

bool record_is(const struct record *r, const char *kind, const char *group)
{
	return strlen(kind) == r->kind_len && !memcmp(kind, r->kind, r->kind_len) &&
	       strlen(group) == r->group_len && !memcmp(group, r->group, r->group_len);
}

struct json *record_parse(const struct record *r, struct err *e)
{
	return json_parse(r->text, r->len, e);
}

struct stream_reader *stream_reader_new(struct err *e)
{
	struct stream_reader *r = calloc(1, sizeof(*r));

	if (!r)
		err_memory(e);
	return r;
}

void stream_reader_free(struct stream_reader *r)
{
	if (!r)
		return;
	buf_release(&r->buf);
	json_free(r->parsed);
	free(r);
}

char *stream_reader_room(struct stream_reader *r, size_t *room)
{
	char *to;

	/* The rest of a record is moved to the front once what lies before it is the larger part. */
	if (r->at > r->buf.len / 2) {
		buf_shift(&r->buf, r->at);
		r->scanned -= r->at;
		r->at = 0;
	}
	to = buf_room(&r->buf, READ_ROOM);
	*room = to ? r->buf.cap - r->buf.len - 1 : 0;
	return to;
}

void stream_reader_fed(struct stream_reader *r, size_t n)
{
	r->buf.len += n;
	r->buf.data[r->buf.len] = 0;
}

void stream_reader_end(struct stream_reader *r)
{
	r->ended = true;
	if (r->buf.len > r->at && r->buf.data[r->buf.len - 1] != '\n')
		buf_putc(&r->buf, '\n');
}

static bool literal(const char **at, const char *end, const char *want)
{
	size_t n = strlen(want);

	if ((size_t)(end - *at) < n || memcmp(*at, want, n) != 0)
		return false;
	*at += n;
	return true;
}

/* The rest of a string whose opening quote was read, without escapes; past its closing quote. */
static bool word(const char **at, const char *end, const char **text, size_t *len)
{
	const char *quote = memchr(*at, '"', (size_t)(end - *at));

	if (!quote || memchr(*at, '\\', (size_t)(quote - *at)))
		return false;
	*text = *at;
	*len = (size_t)(quote - *at);
	*at = quote + 1;
	return true;
}

static enum record_type type_of(const char *name, size_t len)
{
	for (size_t t = RECORD_ADDED; t <= RECORD_APPLY; t++)
		if (strlen(type_names[t]) == len && !memcmp(type_names[t], name, len))
			return (enum record_type)t;
	return RECORD_OTHER;
}

enum record_type record_type_of(const struct json *record)
{
	const struct json *type = json_get(record, "type");

	return json_string(type) ? type_of(json_string(type), json_string_len(type)) : RECORD_BAD;
}

static void set_group(struct record *r, const char *version, size_t len)
{
	const char *slash = memchr(version, '/', len);

	r->group = version;
	r->group_len = slash ? (size_t)(slash - version) : 0;
}

/* Reads the header in the order that lbctl and the API server write; false when it is another. */
static bool sniff(struct record *r)
{
	const char *at = r->text, *end = r->text + r->len;
	const char *type, *version;
	size_t type_len, version_len;

	if (r->len < 2 || r->text[r->len - 2] != '}')
		return false;
	if (!literal(&at, end, "{\"type\":\"") || !word(&at, end, &type, &type_len) ||
	    !literal(&at, end, ",\"object\":{"))
		return false;
	if (literal(&at, end, "\"kind\":\"")) {
		if (!word(&at, end, &r->kind, &r->kind_len) ||
		    !literal(&at, end, ",\"apiVersion\":\"") || !word(&at, end, &version, &version_len))
			return false;
	} else if (!literal(&at, end, "\"apiVersion\":\"") || !word(&at, end, &version, &version_len) ||
		   !literal(&at, end, ",\"kind\":\"") || !word(&at, end, &r->kind, &r->kind_len)) {
		return false;
	}
	r->type = type_of(type, type_len);
	set_group(r, version, version_len);
	return true;
}

static void bad(struct record *r, const char *why)
{
	r->type = RECORD_BAD;
	r->bad = why;
}

/* The same by a whole parse. */
static void examine(struct stream_reader *reader, struct record *r)
{
	const struct json *object, *type, *kind, *version;

	reader->parsed = json_parse(r->text, r->len, &reader->why);
	if (!reader->parsed) {
		bad(r, reader->why.text);
		return;
	}
	type = json_get(reader->parsed, "type");
	object = json_get(reader->parsed, "object");
	if (!json_string(type) || json_type(object) != JSON_OBJECT) {
		bad(r, "not a watch event: want {\"type\":\"ADDED\",\"object\":{...}}");
		return;
	}
	kind = json_get(object, "kind");
	version = json_get(object, "apiVersion");
	r->type = type_of(json_string(type), json_string_len(type));
	r->parsed = reader->parsed;
	if (json_string(kind)) {
		r->kind = json_string(kind);
		r->kind_len = json_string_len(kind);
	}
	if (json_string(version))
		set_group(r, json_string(version), json_string_len(version));
}

/* Cuts the next line off the buffer; false when it isn't all there. */
static bool next_line(struct stream_reader *r, const char **text, size_t *len)
{
	char *start = r->buf.data + r->at;
	char *newline = r->buf.len > r->scanned
			    ? memchr(r->buf.data + r->scanned, '\n', r->buf.len - r->scanned)
			    : NULL;

	if (!newline) {
		r->scanned = r->buf.len;
		return false;
	}
	*text = start;
	*len = (size_t)(newline + 1 - start);
	r->at += *len;
	r->scanned = r->at;
	return true;
}

static void drop_buffered(struct stream_reader *r)
{
	buf_reset(&r->buf);
	r->at = 0;
	r->scanned = 0;
}

/* No newline yet, and already too much: what there is goes, and the rest of the line later. */
static bool too_long(struct stream_reader *r, struct record *out)
{
	if (r->skipping) {
		drop_buffered(r);
		return false;
	}
	if (r->buf.len - r->at < STREAM_RECORD_MAX)
		return false;
	drop_buffered(r);
	r->skipping = true;
	*out = (struct record){ .line = ++r->line, .kind = "", .group = "" };
	bad(out, "longer than 8 MiB");
	return true;
}

bool stream_reader_next(struct stream_reader *r, struct record *out)
{
	const char *text;
	size_t len;

	json_free(r->parsed);
	r->parsed = NULL;
	while (next_line(r, &text, &len)) {
		if (r->skipping) {
			r->skipping = false;
			continue;
		}
		r->line++;
		if (text[strspn(text, " \t\r")] == '\n')
			continue;
		*out = (struct record){
			.text = text, .len = len, .line = r->line, .kind = "", .group = ""
		};
		if (len > STREAM_RECORD_MAX) {
			bad(out, "longer than 8 MiB");
		} else if (!sniff(out)) {
			out->kind = out->group = "";
			out->kind_len = out->group_len = 0;
			examine(r, out);
		}
		return true;
	}
	return too_long(r, out);
}
