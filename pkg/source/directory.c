/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "pkg/manifest/manifest.h"
#include "pkg/record/record.h"
#include "pkg/source/backend.h"
#include "pkg/stream/stream.h"

struct directory {
	struct manifest_dir *dir;
	const struct api_kind *const *kinds;
	struct source_events ev;
	char *namespace;
	bool once;
	struct buf line;
};

static bool asked_for(const struct directory *s, const struct api_kind *kind)
{
	for (const struct api_kind *const *k = s->kinds; *k; k++)
		if (*k == kind)
			return true;
	return false;
}

static void warn(const struct directory *s, const char *text)
{
	if (s->ev.warned)
		s->ev.warned(s->ev.arg, text);
}

/* Configuration counts in one namespace only, and of ConfigMaps one name. */
static bool is_ours(const struct directory *s, const struct manifest_event *ev)
{
	char text[480];

	if (ev->kind->only && strcmp(ev->name, ev->kind->only) != 0)
		return false;
	if (!ev->kind->configuration || !strcmp(ev->namespace, s->namespace))
		return true;
	if (ev->kind->only || ev->type == MANIFEST_DELETED)
		return false;
	snprintf(text, sizeof(text),
	    "%s %s/%s is not read: configuration is read from namespace %s only (--namespace)",
	    ev->kind->kind, ev->namespace, ev->name, s->namespace);
	warn(s, text);
	return false;
}

static void on_event(void *arg, const struct manifest_event *ev)
{
	static const char *const types[] = {
		[MANIFEST_ADDED] = "ADDED",
		[MANIFEST_MODIFIED] = "MODIFIED",
		[MANIFEST_DELETED] = "DELETED",
	};
	struct directory *s = arg;
	struct json_writer w;
	char text[300];

	if (ev->type == MANIFEST_WARNING) {
		warn(s, ev->text);
		return;
	}
	if (!asked_for(s, ev->kind) || !is_ours(s, ev))
		return;
	buf_reset(&s->line);
	w = json_writer(&s->line);
	json_begin(&w, '{');
	json_field(&w, "type", types[ev->type]);
	json_key(&w, "object");
	json_put_tree(&w, ev->object);
	json_end(&w, '}');
	buf_putc(&s->line, '\n');
	if (!s->line.bad && s->line.len <= STREAM_RECORD_MAX) {
		s->ev.record(s->ev.arg, s->line.data, s->line.len);
		return;
	}
	snprintf(text, sizeof(text), "%s %s/%s is left out: longer than a record may be (%d MiB)",
	    ev->kind->kind, ev->namespace, ev->name, STREAM_RECORD_MAX >> 20);
	warn(s, text);
}

static void on_synced(void *arg)
{
	struct directory *s = arg;

	buf_reset(&s->line);
	for (const struct api_kind *const *k = s->kinds; *k; k++) {
		buf_reset(&s->line);
		record_bookmark(&s->line, *k, "");
		s->ev.record(s->ev.arg, s->line.data, s->line.len);
	}
	if (s->once)
		s->ev.ended(s->ev.arg);
}

static void on_failed(void *arg, const struct err *e)
{
	struct directory *s = arg;

	s->ev.failed(s->ev.arg, e);
}

static void directory_close(void *state)
{
	struct directory *s = state;

	manifest_dir_close(s->dir);
	buf_release(&s->line);
	free(s->namespace);
	free(s);
}

static void *directory_open(struct loop *l, const struct source_options *o,
    const struct api_kind *const *kinds, const struct source_events *ev, struct err *e)
{
	struct manifest_dir_options options = { .path = o->from, .once = o->once, .full = o->full };
	struct directory *s = calloc(1, sizeof(*s));
	struct manifest_dir_events events = { on_event, on_synced, on_failed, s };

	if (s)
		*s = (struct directory){ .kinds = kinds,
			.ev = *ev,
			.once = o->once,
			.namespace = strdup(source_namespace(o)) };
	if (!s || !s->namespace) {
		free(s);
		err_memory(e);
		return NULL;
	}
	s->dir = manifest_dir_open(l, &options, &events, e);
	if (s->dir)
		return s;
	directory_close(s);
	return NULL;
}

static void directory_pause(void *state, bool paused)
{
	struct directory *s = state;

	manifest_dir_pause(s->dir, paused);
}

const struct source_backend source_directory = { directory_open, directory_close, directory_pause };
