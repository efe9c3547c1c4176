/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON straight into a buf, for the records that are made by the thousand. */
#include "pkg/json/json.h"

#include <string.h>

#include "pkg/json/scan.h"

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

/* How many bytes the character beyond ASCII at s has, RFC 3629; 0 if it is none, or cut. */
static size_t character(const unsigned char *s)
{
	size_t n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	unsigned char least = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char most = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;

	if (s[0] < 0xc2 || s[0] > 0xf4 || s[1] < least || s[1] > most)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

static void quote(struct buf *out, const char *s)
{
	const char *from = s;

	buf_putc(out, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		size_t n = c >= 0x80 ? character((const unsigned char *)s) : 1;

		if (n && c >= 0x20 && c != '"' && c != '\\') {
			s += n - 1;
			continue;
		}
		buf_add(out, from, (size_t)(s - from));
		from = s + 1;
		if (!n)
			buf_puts(out, "\xef\xbf\xbd"); /* as Go writes it */
		else if (c == '\n')
			buf_puts(out, "\\n");
		else if (c < 0x20)
			buf_printf(out, "\\u%04x", c);
		else
			buf_add(out, (const char[]){ '\\', (char)c }, 2);
	}
	buf_add(out, from, (size_t)(s - from));
	buf_putc(out, '"');
}

/* Copies what is quoted by putting quotes around it; false: something must be escaped. */
static bool copy_plain(char *to, const char *s, size_t n)
{
	char last[8] = "........";

	for (; n >= 8; s += 8, to += 8, n -= 8) {
		memcpy(to, s, 8);
		if (scan_plain(s) < 8)
			return false;
	}
	memcpy(last, s, n);
	memcpy(to, last, 8);
	return scan_plain(last) == 8;
}

/* The comma that is due, the text in quotes, and what comes after it, if anything. */
static void put_quoted(struct json_writer *w, const char *s, char after)
{
	size_t n = strlen(s);
	char *to = buf_room(w->out, n + 12);

	if (to && w->comma)
		*to++ = ',';
	if (!to || !copy_plain(to + 1, s, n)) {
		separate(w);
		quote(w->out, s);
		if (after)
			buf_putc(w->out, after);
		return;
	}
	*to++ = '"';
	to += n;
	*to++ = '"';
	if (after)
		*to++ = after;
	*to = 0;
	w->out->len = (size_t)(to - w->out->data);
	w->comma = true;
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

void json_raw(struct json_writer *w, const char *text, size_t n)
{
	char *to = buf_room(w->out, n + 1);

	if (!to || !n)
		return;
	if (w->comma)
		*to++ = ',';
	memcpy(to, text, n);
	to[n] = 0;
	w->out->len = (size_t)(to + n - w->out->data);
	to += n - 1;
	w->comma = *to != ':' && *to != '{' && *to != '[';
}

void json_key_of(struct json_writer *w, const char *key)
{
	put_quoted(w, key, ':');
	w->comma = false;
}

void json_put(struct json_writer *w, const char *string)
{
	if (!string) {
		json_put_null(w);
		return;
	}
	put_quoted(w, string, 0);
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
