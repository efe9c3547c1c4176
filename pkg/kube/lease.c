/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/lease.h"

#include <inttypes.h>
#include <string.h>

#include "pkg/kube/lease_record.h"

enum state { WAITING, HOLDING, LOST, RELEASING, OVER };
enum ask { NOTHING, GET, CREATE, TAKE, RENEW, RELEASE };
enum { NOTICES = 8 };

struct notice {
	enum lease_what what;
	uint64_t until;
	struct err error;
};

struct lease {
	char *namespace, *name, *identity;
	uint64_t duration, renew_deadline, retry;
	uint64_t random;
	enum state state;

	enum ask asked; /* under way */
	uint64_t sent;
	enum ask next; /* to be asked when due */
	uint64_t due;
	struct json *body; /* of what is under way */
	unsigned failures; /* since we knew that it is ours */

	struct json *object; /* the record as last seen or written, NULL: there is none */
	uint64_t seen;       /* when its spec last changed, by our clock */
	uint64_t held;       /* when what last made it ours was sent */
	uint64_t stop_by;

	struct notice notices[NOTICES];
	size_t notices_n;
	struct notice told;
	char *holder; /* as last told */
	struct err trouble;
};

/* --- small things ---------------------------------------------------------------------- */

/* client-go's: 1 to 2.2 times the pause, so that contenders don't march in step. */
static uint64_t jittered(struct lease *l, uint64_t ms)
{
	return ms + splitmix64(&l->random) % (ms + ms / 5 + 1);
}

static void note(struct lease *l, struct notice n)
{
	if (l->notices_n < NOTICES)
		l->notices[l->notices_n++] = n;
}

static uint64_t until(const struct lease *l)
{
	uint64_t spare = (l->duration - l->renew_deadline) / 2;

	return l->held + l->duration - (spare < 1000 ? spare : 1000);
}

static bool ours(const struct lease *l)
{
	return l->object && !strcmp(record_holder(l->object), l->identity);
}

static uint64_t expiry(const struct lease *l)
{
	return l->seen + record_duration_ms(l->object);
}

static void ask(struct lease *l, enum ask what, uint64_t due)
{
	l->next = what;
	l->due = due;
}

/* --- what becomes of us ---------------------------------------------------------------- */

static void over(struct lease *l)
{
	l->state = OVER;
	l->next = NOTHING;
	note(l, (struct notice){ .what = LEASE_OVER });
}

static void lose(struct lease *l, const struct err *why)
{
	l->state = LOST;
	l->next = NOTHING;
	note(l, (struct notice){ .what = LEASE_LOST, .until = until(l), .error = *why });
}

static void lose_to_holder(struct lease *l)
{
	const char *holder = record_holder(l->object);
	struct err e = ERR_INIT;

	if (holder[0])
		err_set(&e, ERR_CONFLICT, "the Lease %s/%s is now held by %s", l->namespace, l->name,
		    holder);
	else
		err_set(&e, ERR_CONFLICT,
		    "the Lease %s/%s was taken from us: its holderIdentity is empty", l->namespace,
		    l->name);
	lose(l, &e);
}

static void lose_to_time(struct lease *l)
{
	struct err e = l->trouble;

	if (!e.kind)
		err_set(&e, ERR_SYSTEM, "no answer");
	err_wrap(&e, "the Lease %s/%s was not renewed within %" PRIu64 " s", l->namespace, l->name,
	    l->renew_deadline / 1000);
	e.kind = ERR_SYSTEM;
	lose(l, &e);
}

static void hold(struct lease *l, struct lease_now now)
{
	l->failures = 0;
	if (l->state == RELEASING) {
		l->held = l->sent;
		ask(l, RELEASE, now.ms);
		return;
	}
	if (l->state == LOST)
		return;
	if (now.ms - l->sent >= l->renew_deadline) { /* an answer from the past */
		ask(l, GET, now.ms);
		return;
	}
	l->state = HOLDING;
	l->held = l->sent;
	free(TAKE(l->holder));
	note(l, (struct notice){ .what = LEASE_HELD, .until = until(l) });
	ask(l, RENEW, now.ms + l->retry);
}

static void wait_for_holder(struct lease *l, struct lease_now now)
{
	const char *holder = record_holder(l->object);
	uint64_t again = now.ms + jittered(l, l->retry),
		 free_at = expiry(l) + splitmix64(&l->random) % 100;

	ask(l, GET, again < free_at ? again : free_at);
	if (l->holder && !strcmp(l->holder, holder))
		return;
	free(l->holder);
	l->holder = strdup(holder);
	note(l, (struct notice){ .what = LEASE_WAITING });
}

/* The record has just been read. */
static void look(struct lease *l, struct lease_now now)
{
	if (l->state == RELEASING && ours(l))
		ask(l, RELEASE, now.ms);
	else if (l->state == RELEASING)
		over(l);
	else if (l->state == HOLDING && ours(l))
		ask(l, RENEW, now.ms);
	else if (l->state == HOLDING)
		lose_to_holder(l);
	else if (l->state == WAITING &&
		 (ours(l) || !record_holder(l->object)[0] || now.ms >= expiry(l)))
		ask(l, TAKE, now.ms);
	else if (l->state == WAITING)
		wait_for_holder(l, now);
}

/* --- answers --------------------------------------------------------------------------- */

static int observe(struct lease *l, const struct json *object, struct lease_now now, struct err *e)
{
	struct json *copy;

	if (!record_version(object)[0])
		return err_set(
		    e, ERR_PROTOCOL, "the answer is no Lease: it has no metadata.resourceVersion");
	copy = json_copy(object);
	if (!copy)
		return err_memory(e);
	if (!l->object || !json_equal(json_get(l->object, "spec"), json_get(copy, "spec")))
		l->seen = now.ms;
	json_free(l->object);
	l->object = copy;
	return 0;
}

static void forget(struct lease *l)
{
	json_free(TAKE(l->object));
	free(TAKE(l->holder));
}

static void complain(struct lease *l, const struct err *why)
{
	if (l->trouble.kind == why->kind && !strcmp(l->trouble.text, why->text))
		return;
	l->trouble = *why;
	note(l, (struct notice){ .what = LEASE_TROUBLE, .error = *why });
}

static void praise(struct lease *l)
{
	if (l->trouble.kind)
		note(l, (struct notice){ .what = LEASE_TROUBLE });
	l->trouble = (struct err)ERR_INIT;
}

/* Not this time: read it again, and go on from there. */
static void try_again(struct lease *l, uint64_t retry_after, struct lease_now now)
{
	uint64_t pause = l->retry, left;

	if (l->state == WAITING) {
		pause = jittered(l, l->retry);
		ask(l, GET, now.ms + (pause > retry_after ? pause : retry_after));
		return;
	}
	if (l->state == LOST)
		return;
	if (l->state == HOLDING) { /* the server may ask for more time than we have */
		left = (l->held + l->renew_deadline - now.ms) / 2;
		retry_after = retry_after < left ? retry_after : left;
	}
	if (!l->failures++)
		pause = 0;
	ask(l, GET, now.ms + (pause > retry_after ? pause : retry_after));
}

static void failed(struct lease *l, enum ask what, const struct lease_answer *a, struct lease_now now)
{
	struct err none = ERR_INIT;

	if (what == GET && a->status == 404) {
		praise(l);
		forget(l);
		if (l->state == RELEASING)
			over(l);
		else if (l->state != LOST)
			ask(l, CREATE, now.ms);
		return;
	}
	if (a->status == 409)
		praise(l); /* somebody was quicker */
	else if (a->error)
		complain(l, a->error);
	else
		err_set(&none, ERR_SYSTEM, "HTTP %d", a->status), complain(l, &none);
	try_again(l, a->retry_after_ms, now);
}

void lease_answer(struct lease *l, const struct lease_answer *a, struct lease_now now)
{
	enum ask what = l->asked;
	struct err e = ERR_INIT;
	struct lease_answer bad = { .error = &e };

	l->asked = NOTHING;
	json_free(TAKE(l->body));
	if (what == NOTHING || l->state == OVER)
		return;
	if (a->status < 200 || a->status > 299) {
		failed(l, what, a, now);
		return;
	}
	if (observe(l, a->object, now, &e) < 0) {
		failed(l, what, &bad, now);
		return;
	}
	praise(l);
	if (what == GET)
		look(l, now);
	else if (what == RELEASE)
		over(l);
	else
		hold(l, now);
}

void lease_seen(struct lease *l, const struct json *object, struct lease_now now)
{
	struct err e = ERR_INIT;

	if (l->state != WAITING || l->asked != NOTHING)
		return;
	if (!object || observe(l, object, now, &e) < 0)
		ask(l, GET, now.ms);
	else
		look(l, now);
}

/* --- what to do next ------------------------------------------------------------------- */

static bool tell(struct lease *l, struct lease_event *ev)
{
	if (!l->notices_n)
		return false;
	l->told = l->notices[0];
	memmove(l->notices, l->notices + 1, --l->notices_n * sizeof(l->notices[0]));
	*ev = (struct lease_event){ .what = l->told.what,
		.until = l->told.until,
		.holder = l->holder ? l->holder : "",
		.error = l->told.error.kind ? &l->told.error : NULL };
	return true;
}

static struct json *make_body(const struct lease *l, enum ask what, struct lease_now now)
{
	struct record r = { .holder = what == RELEASE ? "" : l->identity,
		.duration_s = what == RELEASE ? 1 : (int64_t)(l->duration / 1000),
		.renewed_us = now.wall_us,
		.acquired_us = what == RENEW ? RECORD_KEEP : now.wall_us,
		.taken = what == TAKE && !ours(l) };

	return what == CREATE ? record_new(l->namespace, l->name, &r) : record_changed(l->object, &r);
}

bool lease_next(struct lease *l, struct lease_now now, struct lease_event *ev)
{
	static const enum lease_ask kinds[] = { [GET] = LEASE_GET,
		[CREATE] = LEASE_CREATE,
		[TAKE] = LEASE_UPDATE,
		[RENEW] = LEASE_UPDATE,
		[RELEASE] = LEASE_UPDATE };

	if (l->state == HOLDING && now.ms >= l->held + l->renew_deadline)
		lose_to_time(l);
	if (l->state == RELEASING && now.ms >= l->stop_by)
		over(l);
	if (tell(l, ev))
		return true;
	if (l->asked != NOTHING || l->next == NOTHING || now.ms < l->due)
		return false;
	if (l->next != GET && !(l->body = make_body(l, l->next, now))) {
		l->due = now.ms + l->retry; /* memory is short: later */
		return false;
	}
	l->asked = l->next;
	l->next = NOTHING;
	l->sent = now.ms;
	*ev = (struct lease_event){ .what = LEASE_ASK, .ask = kinds[l->asked], .object = l->body };
	return true;
}

uint64_t lease_deadline(const struct lease *l)
{
	uint64_t at = UINT64_MAX, end = UINT64_MAX;

	if (l->notices_n)
		return 0;
	if (l->asked == NOTHING && l->next != NOTHING)
		at = l->due;
	if (l->state == HOLDING)
		end = l->held + l->renew_deadline;
	else if (l->state == RELEASING)
		end = l->stop_by;
	return at < end ? at : end;
}

void lease_stop(struct lease *l, struct lease_now now)
{
	bool maybe = l->asked == CREATE || l->asked == TAKE || l->asked == RENEW;

	if (l->state == RELEASING || l->state == OVER)
		return;
	if (!maybe && (l->state == WAITING || !ours(l))) {
		over(l);
		return;
	}
	l->state = RELEASING;
	l->stop_by = now.ms + l->renew_deadline / 2;
	l->failures = 0;
	if (l->asked == NOTHING)
		ask(l, RELEASE, now.ms);
}

bool lease_idle(const struct lease *l)
{
	return l->state == WAITING && l->asked == NOTHING && l->next == GET && l->object;
}

const char *lease_version(const struct lease *l)
{
	return l->object ? record_version(l->object) : "";
}

/* --- one of them ------------------------------------------------------------------------- */

static int check(const struct lease_options *o, struct err *e)
{
	if (o->duration_ms < 1000 || o->duration_ms % 1000)
		return err_set(e, ERR_USAGE, "the duration of a Lease is whole seconds, at least one");
	if (o->renew_deadline_ms >= o->duration_ms)
		return err_set(e, ERR_USAGE,
		    "the renew deadline (%" PRIu64 " ms) must be shorter than the Lease's duration "
		    "(%" PRIu64 " ms), which leaves the time to stop",
		    o->renew_deadline_ms, o->duration_ms);
	if (!o->retry_ms || o->retry_ms * 6 / 5 >= o->renew_deadline_ms)
		return err_set(e, ERR_USAGE,
		    "the renew deadline (%" PRIu64
		    " ms) must be longer than 1.2 times the retry period "
		    "(%" PRIu64 " ms), and that not 0",
		    o->renew_deadline_ms, o->retry_ms);
	return 0;
}

struct lease *lease_new(const struct lease_options *o, struct lease_now now, struct err *e)
{
	struct lease *l;

	if (check(o, e) < 0)
		return NULL;
	l = calloc(1, sizeof(*l));
	if (l) {
		*l = (struct lease){ .namespace = strdup(o->namespace),
			.name = strdup(o->name),
			.identity = strdup(o->identity),
			.duration = o->duration_ms,
			.renew_deadline = o->renew_deadline_ms,
			.retry = o->retry_ms,
			.random = o->seed };
		ask(l, GET, now.ms);
	}
	if (l && l->namespace && l->name && l->identity)
		return l;
	lease_free(l);
	err_memory(e);
	return NULL;
}

void lease_free(struct lease *l)
{
	if (!l)
		return;
	json_free(l->object);
	json_free(l->body);
	free(l->holder);
	free(l->namespace);
	free(l->name);
	free(l->identity);
	free(l);
}
