/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/yaml/yaml.h"

#include <string.h>

#include "pkg/yaml/compose.h"

int yaml_refuse(struct err *e, const yaml_mark_t *at, const char *why)
{
	return err_set(e, ERR_PROTOCOL, "line %zu, column %zu: %s", at->line + 1, at->column + 1, why);
}

/* Line `line` (from 0) is indented with a tab. */
static bool tab_indents(const struct yaml_reader *r, size_t line, size_t *column)
{
	const char *p = r->text, *end = r->text + r->len;

	for (; line && p; line--) {
		p = memchr(p, '\n', (size_t)(end - p));
		p = p ? p + 1 : NULL;
	}
	for (const char *start = p; p && p < end && (*p == ' ' || *p == '\t'); p++) {
		*column = (size_t)(p - start);
		if (*p == '\t')
			return true;
	}
	return false;
}

/* libyaml tells a place in bytes for what is no text at all, and a mark for the rest. */
static int refuse_parser(const struct yaml_reader *r, struct err *e)
{
	const yaml_parser_t *p = &r->parser;
	const char *why = p->problem ? p->problem : "not YAML";
	yaml_mark_t at = p->problem_mark;

	if (p->error == YAML_MEMORY_ERROR)
		return err_memory(e);
	if (p->error == YAML_READER_ERROR) {
		size_t end = p->problem_offset < r->len ? p->problem_offset : r->len;

		at = (yaml_mark_t){ 0 };
		for (size_t i = 0; i < end; i++) {
			bool newline = r->text[i] == '\n';

			at.line += newline;
			at.column = newline ? 0 : at.column + ((r->text[i] & 0xc0) != 0x80);
		}
		if (strstr(why, "UTF-8"))
			why = "the text is not UTF-8";
	} else if (tab_indents(r, at.line, &at.column)) {
		why = "a tab as indentation; indent with spaces";
	}
	yaml_refuse(e, &at, why);
	if (p->context && !strstr(why, "tab"))
		err_set(e, ERR_PROTOCOL, "line %zu, column %zu: %s %s", at.line + 1, at.column + 1, why,
		    p->context);
	return -1;
}

int yaml_event(struct yaml_reader *r, yaml_event_t *ev, struct err *e)
{
	return yaml_parser_parse(&r->parser, ev) ? 0 : refuse_parser(r, e);
}

static void forget_anchors(struct yaml_reader *r)
{
	for (size_t i = 0; i < r->anchors_n; i++) {
		free(r->anchors[i].name);
		json_free(r->anchors[i].node.tree);
	}
	r->anchors_n = 0;
}

struct yaml_reader *yaml_open(const char *text, size_t len, struct err *e)
{
	struct yaml_reader *r = calloc(1, sizeof(*r));

	if (!r || !yaml_parser_initialize(&r->parser)) {
		free(r);
		err_memory(e);
		return NULL;
	}
	r->text = text;
	r->len = len;
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, len);
	return r;
}

void yaml_close(struct yaml_reader *r)
{
	if (!r)
		return;
	forget_anchors(r);
	free(r->anchors);
	yaml_parser_delete(&r->parser);
	free(r);
}

void yaml_closep(struct yaml_reader **r)
{
	yaml_close(*r);
}

int yaml_next(struct yaml_reader *r, struct json **out, size_t *line, struct err *e)
{
	struct node n = { 0 };
	bool have = false;

	r->nodes = r->bytes = 0;
	while (!r->ended) {
		yaml_event_t ev;
		yaml_event_type_t type;
		int status = 0;

		if (yaml_event(r, &ev, e) < 0) {
			json_free(n.tree);
			r->ended = true;
			return -1;
		}
		type = ev.type;
		if (type == YAML_STREAM_END_EVENT)
			r->ended = true;
		else if (type == YAML_DOCUMENT_START_EVENT && line)
			*line = ev.start_mark.line + 1;
		else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT &&
			 type != YAML_DOCUMENT_END_EVENT)
			status = yaml_compose(r, &ev, 1, &n, e), have = true;
		yaml_event_delete(&ev);
		if (status < 0) {
			r->ended = true;
			return -1;
		}
		if (type == YAML_DOCUMENT_END_EVENT)
			break;
	}
	forget_anchors(r);
	if (!have)
		return 0;
	*out = n.tree;
	return 1;
}

int yaml_parse(const char *text, size_t len, struct json **out, struct err *e)
{
	CLEANUP(yaml_closep) struct yaml_reader *r = yaml_open(text, len, e);
	CLEANUP(json_freep) struct json *first = NULL;
	int status = r ? yaml_next(r, &first, NULL, e) : -1;

	while (status > 0) {
		CLEANUP(json_freep) struct json *more = NULL;
		size_t line = 0;

		status = yaml_next(r, &more, &line, e);
		if (status > 0 && more)
			return err_set(e, ERR_PROTOCOL,
			    "line %zu, column 1: a second document, where one is wanted", line);
	}
	if (status < 0)
		return -1;
	*out = TAKE(first);
	return 0;
}
