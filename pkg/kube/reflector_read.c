/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/kube/event.h"
#include "pkg/kube/object.h"
#include "pkg/kube/reflector_state.h"
#include "pkg/record/record.h"

/* The object exists, and is as it says. */
static int observe(struct reflector *r, const struct json *object, struct buf *out, struct err *e)
{
	struct known_object o;
	enum known_change change;

	if (object_identity(&o, object, e) < 0)
		return -1;
	if (known_put(r->known, &o, &change, e) < 0)
		return -1;
	switch (change) {
	case KNOWN_SAME:
		break;
	case KNOWN_ADDED:
		object_record(out, "ADDED", r->kind, object, r->full);
		break;
	case KNOWN_MODIFIED:
		object_record(out, "MODIFIED", r->kind, object, r->full);
		break;
	case KNOWN_REPLACED:
		object_record(&r->queued, "ADDED", r->kind, object, r->full);
		o.uid = o.resource_version = "";
		object_deleted(out, r->kind, &o);
	}
	return 0;
}

static int observe_gone(struct reflector *r, const struct json *object, struct buf *out, struct err *e)
{
	struct known_object o;

	if (object_identity(&o, object, e) < 0)
		return -1;
	if (known_remove(r->known, &o))
		object_record(out, "DELETED", r->kind, object, r->full);
	return 0;
}

static void set_version(struct reflector *r, const char *version)
{
	if (!version[0])
		return;
	buf_reset(&r->version);
	buf_puts(&r->version, version);
}

/* What the list lacked is gone; then it is over. */
static void sweep(struct reflector *r, struct buf *out, uint64_t now)
{
	struct known_object o;

	if (known_stale(r->known, &o)) {
		object_deleted(out, r->kind, &o);
		known_remove(r->known, &o);
		return;
	}
	if (r->sweep == SWEEP_LIST) {
		reflector_calm(r);
		if (r->phase == PAGES)
			r->at = now;
		r->phase = WATCH;
	}
	r->sweep = SWEEP_NONE;
	if (!r->synced)
		record_bookmark(out, r->kind, r->version.data ? r->version.data : "");
	r->synced = true;
}

/* --- a watch --------------------------------------------------------------------------- */

/* An ERROR event; its object is a Status. */
static void stream_error(struct reflector *r, const struct json *status, uint64_t now)
{
	int64_t code = 0, after = 0;
	struct status_answer a = { .method = "GET", .path = r->path.data };

	if (!json_int(json_get(status, "code"), &code) || code < 100 || code > 999)
		code = 500;
	if (json_int(json_at(status, "details", "retryAfterSeconds", NULL), &after) && after > 0)
		r->retry_after = after < UINT32_MAX ? (uint32_t)after : UINT32_MAX;
	a.status = (int)code;
	reflector_refused(r, &a, status, now);
}

static int event(
    struct reflector *r, const struct event *ev, struct buf *out, uint64_t now, struct err *e)
{
	int status = 0;

	switch (ev->type) {
	case EVENT_ADDED:
	case EVENT_MODIFIED:
		status = observe(r, ev->object, out, e);
		break;
	case EVENT_DELETED:
		status = observe_gone(r, ev->object, out, e);
		break;
	case EVENT_BOOKMARK:
		if (r->phase == STREAM && ev->initial_events_end)
			r->sweep = SWEEP_LIST;
		break;
	case EVENT_ERROR:
		stream_error(r, ev->object, now);
		return 0;
	case EVENT_OTHER:
		return 0;
	}
	if (status < 0)
		return -1;
	set_version(r, ev->version);
	r->events++;
	if (r->phase == WATCH)
		reflector_calm(r);
	return 0;
}

static void read_line(struct reflector *r, const char *line, size_t len, struct buf *out, uint64_t now)
{
	struct status_answer a = { "GET", r->path.data, r->status, line, len };
	struct err e = ERR_INIT;
	struct event ev;

	if (len && line[0] != '{') {
		status_not_json(&e, &a);
		reflector_fail(r, &e, now);
		return;
	}
	if (event_decode(&ev, line, len, &e) < 0) {
		reflector_fail_text(r, e.text, now);
		return;
	}
	if (event(r, &ev, out, now, &e) < 0)
		reflector_fail_text(r, e.text, now);
	json_free(ev.tree);
}

/* Reads the next whole line, if there is one.  False: there is none. */
static bool read_event(struct reflector *r, struct buf *out, uint64_t now)
{
	const char *line = r->in.data + r->in_at, *end;
	size_t len;

	if (r->in.len == r->scanned)
		return false;
	end = memchr(r->in.data + r->scanned, '\n', r->in.len - r->scanned);
	if (!end) {
		r->scanned = r->in.len;
		if (r->in.len - r->in_at > REFLECTOR_LINE_MAX) {
			reflector_fail_text(r, "an event that is longer than 8 MiB", now);
			return false;
		}
		buf_shift(&r->in, r->in_at);
		r->scanned -= r->in_at;
		r->in_at = 0;
		return false;
	}
	len = (size_t)(end - line);
	r->in_at = r->scanned = r->in_at + len + 1;
	if (len && line[len - 1] == '\r')
		len--;
	if (len)
		read_line(r, line, len, out, now);
	return true;
}

static void stream_over(struct reflector *r, uint64_t now)
{
	if (r->in.len > r->in_at) {
		reflector_fail_text(r, "the answer ended in the middle of an event", now);
	} else if (r->phase == STREAM) {
		r->no_stream = ++r->ended_early > 1; /* no end of the list, twice */
		reflector_fail_text(r, "the answer ended before the list was whole", now);
	} else if (!r->events && now - r->started < CALM_MS) {
		reflector_fail_text(r, "the answer ended at once, without an event", now);
	} else {
		r->in_flight = r->ended = false;
		r->at = now;
	}
}

/* --- a page of a list ------------------------------------------------------------------ */

static void page_over(struct reflector *r, uint64_t now)
{
	buf_reset(&r->more);
	buf_puts(&r->more, r->page.more);
	set_version(r, r->page.version);
	json_free(r->page.tree);
	r->page.tree = NULL;
	r->at = now;
	if (!r->more.len)
		r->sweep = SWEEP_LIST;
}

static void read_item(struct reflector *r, struct buf *out, uint64_t now)
{
	struct err e = ERR_INIT;

	if (r->page_at == json_count(r->page.items))
		page_over(r, now);
	else if (observe(r, json_item(r->page.items, r->page_at++), out, &e) < 0)
		reflector_fail_text(r, e.text, now);
}

static void read_page(struct reflector *r, uint64_t now)
{
	struct status_answer a = { "GET", r->path.data, r->status, r->in.data, r->in.len };
	struct err e = ERR_INIT;

	if (page_decode(&r->page, r->in.data ? r->in.data : "", r->in.len, &e) < 0) {
		if (!r->in.len || r->in.data[0] != '{')
			status_not_json(&e, &a);
		else
			err_wrap(&e, "listing %s", r->kind->plural);
		reflector_fail(r, &e, now);
		return;
	}
	r->in_flight = r->ended = false;
	r->page_at = 0;
	buf_release(&r->in);
}

static void page_too_large(struct reflector *r, uint64_t now)
{
	r->limit = r->limit > 4 ? r->limit / 4 : 1;
	reflector_fail_text(
	    r, "a page of the list is larger than 64 MiB; asking for less at a time", now);
}

/* --- answers --------------------------------------------------------------------------- */

static void answer_over(struct reflector *r, uint64_t now)
{
	struct status_answer a = { "GET", r->path.data, r->status, r->in.data ? r->in.data : "",
		r->in.len };
	struct err ignored = ERR_INIT; /* a body that is not JSON has no Status; status_error() tells */
	struct json *status;

	if (r->cut) {
		reflector_fail(r, &r->why_cut, now);
	} else if (r->status != 200) {
		status = json_parse(a.body, a.body_len, &ignored);
		reflector_refused(r, &a, status, now);
		json_free(status);
	} else if (r->phase == PAGES) {
		read_page(r, now);
	} else {
		stream_over(r, now);
	}
}

/* False: nothing more can be read now. */
static bool read_answer(struct reflector *r, struct buf *out, uint64_t now)
{
	if (!r->in_flight)
		return false;
	if (r->in.bad) {
		reflector_fail_text(r, "out of memory", now);
		return true;
	}
	if (r->status == 200 && r->phase != PAGES && read_event(r, out, now))
		return true;
	if (r->in.len > REFLECTOR_PAGE_MAX) {
		page_too_large(r, now);
		return true;
	}
	if (!r->in_flight || !r->ended)
		return false;
	answer_over(r, now);
	return true;
}

bool reflector_next(struct reflector *r, struct buf *out, uint64_t now_ms)
{
	buf_reset(out);
	do {
		if (r->queued.len) {
			buf_add(out, r->queued.data, r->queued.len);
			buf_reset(&r->queued);
		} else if (r->sweep) {
			sweep(r, out, now_ms);
		} else if (r->page.tree) {
			read_item(r, out, now_ms);
		} else if (!read_answer(r, out, now_ms)) {
			return false;
		}
	} while (!out->len);
	return true;
}
