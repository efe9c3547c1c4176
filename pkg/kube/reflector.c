/* SPDX-License-Identifier: Apache-2.0 */
/* The rules: https://kubernetes.io/docs/reference/using-api/api-concepts/ ("Efficient detection
 * of changes", "Streaming lists", "Retrieving large results sets in chunks"). */
#include "pkg/kube/reflector.h"

#include <string.h>

#include "pkg/kube/kube.h"
#include "pkg/kube/path.h"
#include "pkg/kube/reflector_state.h"

static uint64_t rnd(struct reflector *r, uint64_t below)
{
	r->random ^= r->random << 13; /* xorshift64, Marsaglia 2003 */
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return below ? r->random % below : 0;
}

struct reflector *reflector_new(const struct reflector_options *o, struct err *e)
{
	struct reflector *r = calloc(1, sizeof(*r));

	if (!r) {
		err_memory(e);
		return NULL;
	}
	r->kind = o->kind;
	r->full = o->full;
	r->random = o->seed | 1;
	r->limit = PAGE_LIMIT;
	r->namespace = strdup(o->namespace);
	r->known = known_new(e);
	if (!r->namespace || !r->known) {
		reflector_free(r);
		err_memory(e);
		return NULL;
	}
	return r;
}

void reflector_free(struct reflector *r)
{
	if (!r)
		return;
	known_free(r->known);
	json_free(r->page.tree);
	buf_release(&r->version);
	buf_release(&r->queued);
	buf_release(&r->more);
	buf_release(&r->path);
	buf_release(&r->in);
	free(r->namespace);
	free(r);
}

/* --- what goes wrong ------------------------------------------------------------------- */

static void drop_request(struct reflector *r)
{
	if (r->in_flight && !r->ended)
		r->abort = true;
	r->in_flight = r->ended = r->cut = false;
	buf_reset(&r->in);
	r->in_at = r->scanned = 0;
	json_free(r->page.tree);
	r->page.tree = NULL;
}

static uint64_t backoff(struct reflector *r, uint64_t first, uint64_t most, unsigned times)
{
	uint64_t ms = first;

	while (times-- > 1 && ms < most)
		ms *= 2;
	if (ms > most)
		ms = most;
	return ms / 2 + rnd(r, ms / 2 + 1);
}

void reflector_fail(struct reflector *r, const struct err *e, uint64_t now)
{
	uint64_t wait = backoff(r, REFLECTOR_BACKOFF_MS, REFLECTOR_BACKOFF_MAX_MS, ++r->failures);
	uint64_t told = r->retry_after < RETRY_AFTER_MAX_S ? r->retry_after : RETRY_AFTER_MAX_S;

	if (told && wait < told * 1000)
		wait = told * 1000 + rnd(r, REFLECTOR_BACKOFF_MS);
	r->error = *e;
	r->at = now + wait;
	drop_request(r);
}

void reflector_fail_text(struct reflector *r, const char *text, uint64_t now)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_PROTOCOL, "watching %s: %s", r->kind->plural, text);
	reflector_fail(r, &e, now);
}

void reflector_calm(struct reflector *r)
{
	r->failures = 0;
	r->absences = 0;
}

void reflector_list_again(struct reflector *r, enum phase phase, uint64_t now)
{
	r->phase = phase;
	buf_reset(&r->version);
	buf_reset(&r->more);
	r->at = now;
	drop_request(r);
}

enum phase reflector_list_phase(const struct reflector *r)
{
	return r->no_stream ? PAGES : STREAM;
}

/* 410: the server has forgotten the version that we go on from. */
void reflector_expired(struct reflector *r, uint64_t now)
{
	bool again = r->expired_before && now - r->expired_at < EXPIRED_MS;

	if (r->phase == PAGES && r->more.len && again)
		r->limit = 0; /* we are too slow for pages: all at once */
	r->expired_before = true;
	r->expired_at = now;
	reflector_list_again(r, reflector_list_phase(r), now);
	if (again)
		reflector_fail_text(r, "what it goes on from has expired twice in a row", now);
}

/* The server does not have the kind. */
static void absent(struct reflector *r, uint64_t now)
{
	reflector_list_again(r, reflector_list_phase(r), now);
	r->absences++;
	/* An API server that is starting may not know its own resources for a moment. */
	if (known_count(r->known) && r->absences < REFLECTOR_ABSENT_TIMES) {
		reflector_fail_text(r, "the server does not have this kind any more", now);
		return;
	}
	r->at = now + backoff(r, REFLECTOR_ABSENT_MS, REFLECTOR_ABSENT_MAX_MS, r->absences);
	r->failures = 0;
	known_begin(r->known);
	r->sweep = SWEEP_ABSENT;
}

static bool is_expired(int code, const char *reason)
{
	return code == 410 || !strcmp(reason, "Expired") || !strcmp(reason, "Gone");
}

/* The server lost its past (a backup was restored) and will not reach our version. */
static bool is_ahead(const struct json *status)
{
	const char *message = json_string(json_get(status, "message"));

	return message && strcasestr(message, "too large resource version");
}

void reflector_refused(
    struct reflector *r, const struct status_answer *a, const struct json *status, uint64_t now)
{
	const char *reason = json_string(json_get(status, "reason"));
	bool client = a->status >= 400 && a->status < 500 && a->status != 401 && a->status != 404 &&
		      a->status != 429;
	bool html = a->body_len && a->body[0] == '<';
	struct err e = ERR_INIT;

	if (a->status == 404 && r->kind->group[0] && !html) {
		absent(r, now);
		return;
	}
	if (is_expired(a->status, reason ? reason : "")) {
		reflector_expired(r, now);
		return;
	}
	if (r->phase == STREAM && client && !html) {
		r->no_stream = a->status != 403; /* it may be that only `list` is granted */
		reflector_list_again(r, PAGES, now);
		return;
	}
	status_error(&e, a, status);
	if (is_ahead(status) || (r->phase == WATCH && (a->status == 400 || a->status == 422)))
		reflector_list_again(r, reflector_list_phase(r), now);
	reflector_fail(r, &e, now);
}

/* --- what to ask ----------------------------------------------------------------------- */

static uint64_t silence(const struct reflector *r)
{
	if (!r->status)
		return REFLECTOR_ANSWER_MS;
	return r->phase == PAGES ? REFLECTOR_PAGE_MS : REFLECTOR_SILENT_MS;
}

/* What the passing of time alone says about the request under way. */
static void check_time(struct reflector *r, uint64_t now)
{
	bool streams = r->status == 200 && r->phase != PAGES;

	if (streams && r->phase == WATCH && r->failures && now >= r->head_at + CALM_MS)
		reflector_calm(r);
	if (streams && r->phase == STREAM && now >= r->heard + REFLECTOR_STREAM_MS) {
		r->no_stream =
		    true; /* it gave a watch instead, which never says that the list is over */
		reflector_list_again(r, PAGES, now);
	} else if (now >= r->heard + silence(r) && !r->status) {
		reflector_fail_text(r, "the server does not answer", now);
		r->reconnect = true;
	} else if (now >= r->heard + silence(r)) {
		reflector_fail_text(r, "the server said nothing for too long", now);
	} else if (now >= r->limit_at) {
		drop_request(r); /* the server was to end it by itself */
	}
}

enum reflector_action reflector_action(struct reflector *r, uint64_t now_ms)
{
	bool reconnect;

	if (r->in_flight && !r->ended)
		check_time(r, now_ms);
	if (r->abort) {
		reconnect = r->reconnect;
		r->abort = r->reconnect = false;
		return reconnect ? REFLECTOR_RECONNECT : REFLECTOR_ABORT;
	}
	if (r->in_flight || r->page.tree || r->sweep || r->queued.len || now_ms < r->at)
		return REFLECTOR_WAIT;
	return REFLECTOR_START;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t reflector_deadline(const struct reflector *r)
{
	uint64_t at;

	if (!r->in_flight)
		return r->at;
	if (r->ended)
		return UINT64_MAX;
	at = sooner(r->limit_at, r->heard + silence(r));
	if (r->phase == STREAM && r->status == 200)
		at = sooner(at, r->heard + REFLECTOR_STREAM_MS);
	if (r->phase == WATCH && r->status == 200 && r->failures)
		at = sooner(at, r->head_at + CALM_MS);
	return at;
}

void reflector_path(struct reflector *r, struct buf *out, uint64_t now_ms)
{
	unsigned seconds = TIMEOUT_MIN_S + (unsigned)rnd(r, TIMEOUT_SPREAD_S + 1);

	buf_reset(&r->path);
	kube_path(&r->path, r->kind, r->namespace, NULL, NULL);
	buf_add(out, r->path.data, r->path.len);
	switch (r->phase) {
	case STREAM:
		buf_puts(out, "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
		break;
	case WATCH:
		buf_puts(out, "?watch=true&resourceVersion=");
		path_escape(out, r->version.data ? r->version.data : "");
		break;
	case PAGES:
		buf_printf(out, "?limit=%u", r->limit);
		if (r->more.len) {
			buf_puts(out, "&continue=");
			path_escape(out, r->more.data);
		}
	}
	if (r->phase != PAGES)
		buf_printf(out, "&allowWatchBookmarks=true&timeoutSeconds=%u", seconds);
	if (r->kind->only)
		buf_printf(out, "&fieldSelector=metadata.name%%3D%s", r->kind->only);
	if (r->phase == STREAM || (r->phase == PAGES && !r->more.len))
		known_begin(r->known);
	r->in_flight = true;
	r->status = 0;
	r->retry_after = 0;
	r->events = 0;
	r->started = r->heard = now_ms;
	r->limit_at =
	    now_ms + (r->phase == PAGES ? 2 * REFLECTOR_SILENT_MS : seconds * 1000 + TIMEOUT_SLACK_MS);
}

void reflector_head(struct reflector *r, int status, uint32_t retry_after, uint64_t now_ms)
{
	r->status = status;
	r->retry_after = retry_after;
	r->head_at = r->heard = now_ms;
}

void reflector_input(struct reflector *r, const void *bytes, size_t n, uint64_t now_ms)
{
	if (!r->in_flight || r->ended)
		return;
	r->heard = now_ms;
	if (r->status != 200 && r->in.len >= ERROR_BODY_MAX)
		return;
	buf_add(&r->in, bytes, n);
}

void reflector_end(struct reflector *r, const struct err *e)
{
	if (!r->in_flight)
		return;
	r->ended = true;
	r->cut = e;
	if (e)
		r->why_cut = *e;
}

void reflector_resume(struct reflector *r, uint64_t now_ms)
{
	r->heard = now_ms;
}

size_t reflector_pending(const struct reflector *r)
{
	return r->status == 200 && r->phase != PAGES ? r->in.len - r->scanned : 0;
}

bool reflector_synced(const struct reflector *r)
{
	return r->synced;
}

const struct err *reflector_trouble(const struct reflector *r)
{
	return r->failures > (r->synced ? 1 : 0) ? &r->error : NULL;
}

unsigned reflector_failures(const struct reflector *r)
{
	return r->failures;
}
