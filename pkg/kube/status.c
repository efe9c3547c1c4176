/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/status.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { WORDS_LEN = 80 };

/* The first words that a person would read: markup and line breaks are left out. */
static void first_words(char out[static WORDS_LEN], const char *body, size_t len)
{
	bool markup = false;
	size_t n = 0;

	for (size_t i = 0; i < len && n < WORDS_LEN - 1; i++) {
		unsigned char c = (unsigned char)body[i];

		if (c == '<')
			markup = true;
		if (c == '>')
			c = ' ', markup = false;
		if (markup)
			continue;
		if (c > ' ' && c < 127)
			out[n++] = (char)c;
		else if (n && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = 0;
}

static bool is_markup(const char *body, size_t len)
{
	while (len && strchr(" \t\r\n", *body) && *body)
		body++, len--;
	return len && *body == '<';
}

static int path_len(const char *path)
{
	return (int)strcspn(path, "?");
}

int status_not_json(struct err *e, const struct status_answer *a)
{
	char words[WORDS_LEN];

	first_words(words, a->body, a->body_len);
	if (!a->body_len)
		return err_set(e, ERR_PROTOCOL, "%s %.*s: HTTP %d with an empty body", a->method,
		    path_len(a->path), a->path, a->status);
	if (is_markup(a->body, a->body_len))
		return err_set(e, ERR_PROTOCOL,
		    "%s %.*s: HTTP %d with HTML (\"%s\"): this is not the API server; is the server's "
		    "URL right, or is a proxy in between?",
		    a->method, path_len(a->path), a->path, a->status, words);
	return err_set(e, ERR_PROTOCOL, "%s %.*s: HTTP %d with a body that is not JSON: \"%s\"",
	    a->method, path_len(a->path), a->path, a->status, words);
}

static enum err_kind kind_of(int status)
{
	switch (status) {
	case 401:
	case 403:
		return ERR_PERMISSION;
	case 404:
		return ERR_NOT_FOUND;
	case 409:
		return ERR_CONFLICT;
	default:
		return status >= 500 || status == 429 ? ERR_SYSTEM : ERR_PROTOCOL;
	}
}

int status_error(struct err *e, const struct status_answer *a, const struct json *object)
{
	const char *message = json_string(json_get(object, "message"));
	const char *remedy = "";
	char words[WORDS_LEN];

	if (!message && is_markup(a->body, a->body_len)) {
		status_not_json(e, a);
		e->kind = kind_of(a->status) == ERR_SYSTEM ? ERR_SYSTEM : ERR_PROTOCOL;
		return -1;
	}
	first_words(words, a->body, a->body_len);
	if (!message || !message[0])
		message = words[0] ? words : "no reason given";
	if (a->status == 401)
		remedy =
		    "; the server does not know us: is the token or the client certificate expired?";
	if (a->status == 403)
		remedy = "; grant it with a Role or ClusterRole";
	return err_set(e, kind_of(a->status), "%s %.*s: HTTP %d: %.300s%s", a->method,
	    path_len(a->path), a->path, a->status, message, remedy);
}
