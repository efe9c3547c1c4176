/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/apply/body.h"
#include "pkg/apply/target.h"

enum {
	EVENT_ATTEMPTS = 5, /* at what is forbidden */
	DOUBT_ATTEMPTS = 3, /* before it is told, while the server may be starting */
};

void apply_report_free(struct report *r)
{
	if (!r)
		return;
	free(r->kind);
	free(r->namespace);
	free(r->name);
	free(r->message);
	free(r);
}

static void report(struct apply *a, const struct target *t, enum record_verdict verdict,
    const char *code, const char *message)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		return; /* the write was made all the same */
	r->verdict = verdict;
	r->code = code;
	r->kind = strdup(t->kind->kind);
	r->namespace = strdup(t->namespace);
	r->name = strdup(t->name);
	r->message = strdup(message);
	if (!r->kind || !r->namespace || !r->name || !r->message) {
		apply_report_free(r);
		return;
	}
	*a->reports_end = r;
	a->reports_end = &r->next;
}

bool apply_report(struct apply *a, struct apply_report *out)
{
	struct report *r = a->reports;

	apply_report_free(TAKE(a->told));
	if (!r)
		return false;
	a->reports = r->next;
	if (!a->reports)
		a->reports_end = &a->reports;
	a->told = r;
	*out = (struct apply_report){ .kind = r->kind,
		.namespace = r->namespace,
		.name = r->name,
		.verdict = r->verdict,
		.code = r->code,
		.message = r->message };
	return true;
}

static uint64_t pause_ms(unsigned attempts)
{
	uint64_t ms = APPLY_PAUSE_MIN_MS;

	while (attempts-- > 1 && ms < APPLY_PAUSE_MAX_MS)
		ms *= 2;
	return ms < APPLY_PAUSE_MAX_MS ? ms : APPLY_PAUSE_MAX_MS;
}

/* Somebody does, whatever they say. */
static void answered(struct apply *a)
{
	a->outages = 0;
	a->hold = 0;
}

static void on_written(
    struct apply *a, struct target *t, const struct apply_result *r, struct apply_now now)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT;

	answered(a);
	a->doubt = false;
	t->attempts = 0;
	t->not_before = 0;
	free(TAKE(t->refusal));
	if (t->merging) {
		json_free(TAKE(t->strip));
		t->version = body_version(r->object);
		return;
	}
	if (r->outcome == APPLY_WRITTEN) {
		buf_puts(&text, "wrote ");
		apply_describe(t->body, &text);
		report(a, t, VERDICT_DONE, "Applied", text.bad ? "written" : text.data);
	}
	if (t->what->event) {
		t->first = t->first ? t->first : now.wall;
		t->count += t->flight_times;
		t->last_ms = now.ms;
		return;
	}
	free(t->written);
	t->version = body_version(r->object);
	t->seen = false;
	if (!t->want)
		t->strip = body_leftovers(t->object, r->object);
	t->written = TAKE(t->flight);
}

/* Not now: what was under way waits again, unless something newer does. */
static void try_again(
    struct apply *a, struct target *t, const struct apply_result *r, struct apply_now now)
{
	uint64_t pause;

	if (r->outcome == APPLY_OUTAGE) {
		a->doubt = true;
		pause = pause_ms(++a->outages);
		a->hold = now.ms + (pause > r->retry_after_ms ? pause : r->retry_after_ms);
		if (!t->merging) /* who knows: the answer may have been lost, and not the write */
			free(TAKE(t->written));
	} else {
		pause = pause_ms(++t->attempts);
		t->not_before = now.ms + (pause > r->retry_after_ms ? pause : r->retry_after_ms);
	}
	if (t->dropped || t->merging)
		return;
	t->want_times += t->flight_times;
	if (!t->want)
		t->want = TAKE(t->flight);
}

/* Once for each reason. */
static void report_refusal(struct apply *a, struct target *t, const struct apply_result *r)
{
	const char *why = r->why ? r->why : "refused";

	if (t->refusal && !strcmp(t->refusal, why))
		return;
	free(t->refusal);
	t->refusal = strdup(why);
	report(a, t, VERDICT_REFUSED, "ApplyFailed", why);
}

static void on_refused(struct apply *a, struct target *t, const struct apply_result *r)
{
	answered(a);
	free(TAKE(t->written));
	json_free(TAKE(t->strip));
	report_refusal(a, t, r);
}

static void on_forbidden(
    struct apply *a, struct target *t, const struct apply_result *r, struct apply_now now)
{
	if (!a->doubt && (a->hurry || (t->what->event && t->attempts >= EVENT_ATTEMPTS))) {
		on_refused(a, t, r);
		return;
	}
	answered(a);
	if (!a->doubt || t->attempts >= DOUBT_ATTEMPTS)
		report_refusal(a, t, r);
	try_again(a, t, r, now);
}

static void on_gone(struct apply *a, struct target *t, const struct apply_result *r)
{
	answered(a);
	free(TAKE(t->written));
	json_free(TAKE(t->strip));
	report(a, t, VERDICT_RELEASED, "ApplyDropped", r->why ? r->why : "the object is gone");
}

static void judge(struct apply *a, struct target *t, const struct apply_result *r, struct apply_now now)
{
	switch (r->outcome) {
	case APPLY_WRITTEN:
	case APPLY_SAME:
		on_written(a, t, r, now);
		break;
	case APPLY_CONFLICT:
		answered(a);
		try_again(a, t, r, now);
		break;
	case APPLY_OUTAGE:
		try_again(a, t, r, now);
		break;
	case APPLY_FORBIDDEN:
		on_forbidden(a, t, r, now);
		break;
	case APPLY_REFUSED:
		on_refused(a, t, r);
		break;
	case APPLY_GONE:
		on_gone(a, t, r);
		break;
	}
}

void apply_done(struct apply *a, uint64_t id, const struct apply_result *r, struct apply_now now)
{
	struct target *t = NULL;

	for (size_t i = 0; i < a->flights_n && !t; i++)
		if (a->flights[i]->id == id) {
			t = a->flights[i];
			a->flights[i] = a->flights[--a->flights_n];
			a->events_n -= t->what->event;
		}
	if (!t)
		return;
	t->id = 0;
	judge(a, t, r, now);
	free(TAKE(t->flight));
	json_free(TAKE(t->object));
	json_free(TAKE(t->body));
	if (t->dropped)
		free(TAKE(t->written));
	if (t->want || (t->strip && !t->dropped))
		apply_enqueue(a, t);
	else if (t->dropped || (r->outcome == APPLY_GONE && !t->what->event))
		apply_target_free(a, t);
}
