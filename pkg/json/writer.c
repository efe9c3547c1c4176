/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON straight into a buf, for the records that are made by the thousand. */
#include "pkg/json/json.h"

#include <string.h>

struct json_writer json_writer(struct buf *out)
{
	return (struct json_writer){ .out = out };
}

static void separate(struct json_writer *w)
{
	if (w->comma)
		buf_putc(w->out, ',');
	w->comma = true;
}

/* Whether any of the eight bytes is a control character, a quote, a backslash, or beyond ASCII. */
static bool is_special(uint64_t bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
	uint64_t quotes = bytes ^ (ones * '"'), slashes = bytes ^ (ones * '\\');

	return ((bytes - ones * 0x20) | (quotes - ones) | (slashes - ones) | bytes) & tops;
}

/* Text that is quoted by putting quotes around it. */
static bool quote_plain(struct buf *out, const char *s)
{
	size_t n = strlen(s), i = 0;
	char *to;

	for (uint64_t eight; i + 8 <= n; i += 8) {
		memcpy(&eight, s + i, 8);
		if (is_special(eight))
			return false;
	}
	for (; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == '"' || s[i] == '\\')
			return false;
	to = buf_room(out, n + 2);
	if (!to)
		return true;
	to[0] = '"';
	memcpy(to + 1, s, n);
	to[n + 1] = '"';
	to[n + 2] = 0;
	out->len += n + 2;
	return true;
}

static void quote(struct buf *out, const char *s)
{
	const char *from = s;

	if (quote_plain(out, s))
		return;
	buf_putc(out, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(out, from, (size_t)(s - from));
		from = s + 1;
		if (c == '\n')
			buf_puts(out, "\\n");
		else if (c < 0x20)
			buf_printf(out, "\\u%04x", c);
		else
			buf_add(out, (const char[]){ '\\', (char)c }, 2);
	}
	buf_add(out, from, (size_t)(s - from));
	buf_putc(out, '"');
}

void json_begin(struct json_writer *w, char bracket)
{
	separate(w);
	buf_putc(w->out, bracket);
	w->comma = false;
}

void json_end(struct json_writer *w, char bracket)
{
	buf_putc(w->out, bracket);
	w->comma = true;
}

void json_key(struct json_writer *w, const char *key)
{
	separate(w);
	quote(w->out, key);
	buf_putc(w->out, ':');
	w->comma = false;
}

void json_put(struct json_writer *w, const char *string)
{
	if (!string) {
		json_put_null(w);
		return;
	}
	separate(w);
	quote(w->out, string);
}

void json_put_int(struct json_writer *w, int64_t v)
{
	separate(w);
	buf_printf(w->out, "%lld", (long long)v);
}

void json_put_bool(struct json_writer *w, bool v)
{
	separate(w);
	buf_puts(w->out, v ? "true" : "false");
}

void json_put_null(struct json_writer *w)
{
	separate(w);
	buf_puts(w->out, "null");
}

void json_put_tree(struct json_writer *w, const struct json *j)
{
	separate(w);
	json_write(j, w->out);
}

void json_field(struct json_writer *w, const char *key, const char *string)
{
	json_key(w, key);
	json_put(w, string);
}
