/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/apply/apply.h"

#include <string.h>

#include "pkg/apply/body.h"
#include "pkg/apply/target.h"

enum { EVENTS_MAX = 4096, EVENTS_KEPT_MS = 3600 * 1000 };

static const struct writable writables[] = {
	{ "Service", "", "status", false },
	{ "IPAddressPool", "metallb.io", "status", false },
	{ "Node", "", "status", false }, /* its annotations, and never a new one */
	{ "Event", "", NULL, true },
};

static int target_compare(const struct tree_node *x, const struct tree_node *y)
{
	const struct target *a = TREE_ITEM(x, const struct target, node);
	const struct target *b = TREE_ITEM(y, const struct target, node);
	int order = (a->what > b->what) - (a->what < b->what);

	if (!order)
		order = strcmp(a->namespace, b->namespace);
	return order ? order : strcmp(a->name, b->name);
}

struct apply *apply_new(uint32_t in_flight, struct err *e)
{
	struct apply *a = calloc(1, sizeof(*a));
	size_t max = in_flight < 1                     ? 1
		     : in_flight > APPLY_IN_FLIGHT_MAX ? APPLY_IN_FLIGHT_MAX
						       : in_flight;

	if (a)
		a->flights = calloc(max, sizeof(struct target *));
	if (!a || !a->flights) {
		free(a);
		err_memory(e);
		return NULL;
	}
	a->targets = (struct tree)TREE_INIT(target_compare);
	a->queues[0].end = &a->queues[0].first;
	a->queues[1].end = &a->queues[1].first;
	a->reports_end = &a->reports;
	a->flights_max = max;
	return a;
}

void apply_target_free(struct apply *a, struct target *t)
{
	tree_remove(&a->targets, &t->node);
	a->events -= t->what->event;
	json_free(t->want);
	json_free(t->flight);
	json_free(t->strip);
	json_free(t->body);
	json_free(t->written);
	free(t->refusal);
	free(t->namespace);
	free(t->name);
	free(t);
}

void apply_free(struct apply *a)
{
	struct tree_node *n;

	if (!a)
		return;
	while ((n = tree_first(&a->targets)))
		apply_target_free(a, TREE_ITEM(n, struct target, node));
	while (a->reports) {
		struct report *r = a->reports;

		a->reports = r->next;
		apply_report_free(r);
	}
	apply_report_free(a->told);
	free(a->flights);
	free(a);
}

void apply_freep(struct apply **a)
{
	apply_free(*a);
}

static struct queue *queue_of(struct apply *a, const struct target *t)
{
	return &a->queues[t->what->event];
}

void apply_enqueue(struct apply *a, struct target *t)
{
	struct queue *q = queue_of(a, t);

	if (t->queued || t->id)
		return;
	t->queued = true;
	t->next = NULL;
	*q->end = t;
	q->end = &t->next;
}

/* Takes *at, which is in its queue, out of it. */
static struct target *dequeue(struct apply *a, struct target **at)
{
	struct target *t = *at;

	*at = t->next;
	if (!*at)
		queue_of(a, t)->end = at;
	t->queued = false;
	return t;
}

static void leave_queue(struct apply *a, struct target *t)
{
	struct target **at = &queue_of(a, t)->first;

	while (t->queued && *at != t)
		at = &(*at)->next;
	if (t->queued)
		dequeue(a, at);
}

static const struct writable *find_writable(const char *kind, const char *api_version)
{
	const char *slash = strchr(api_version, '/');
	size_t n = slash ? (size_t)(slash - api_version) : 0;

	for (size_t i = 0; i < ARRAY_LEN(writables); i++)
		if (!strcmp(kind, writables[i].kind) && strlen(writables[i].group) == n &&
		    !memcmp(api_version, writables[i].group, n))
			return &writables[i];
	return NULL;
}

static struct target *find_target(const struct apply *a, const struct json *object)
{
	const char *kind = json_string(json_get(object, "kind"));
	const char *version = json_string(json_get(object, "apiVersion"));
	const char *namespace = json_string(json_at(object, "metadata", "namespace", NULL));
	const char *name = json_string(json_at(object, "metadata", "name", NULL));
	struct target probe = { .what = kind && version ? find_writable(kind, version) : NULL,
		.namespace = (char *)(uintptr_t)(namespace ? namespace : ""),
		.name = (char *)(uintptr_t)name };

	if (!probe.what || !name)
		return NULL;
	return TREE_ITEM(tree_find(&a->targets, &probe.node), struct target, node);
}

/* Events that nobody repeats are forgotten, the old ones first. */
static void forget_events(struct apply *a, uint64_t now)
{
	if (a->events < a->forget_at)
		return;
	for (int pass = 0; pass < 2 && a->events >= EVENTS_MAX; pass++) {
		struct tree_node *next;

		for (struct tree_node *n = tree_first(&a->targets); n; n = next) {
			struct target *t = TREE_ITEM(n, struct target, node);

			next = tree_after(&a->targets, n);
			if (t->what->event && !t->queued && !t->id &&
			    (pass || now - t->last_ms > EVENTS_KEPT_MS))
				apply_target_free(a, t);
		}
	}
	a->forget_at = a->events < EVENTS_MAX / 2 ? EVENTS_MAX : 2 * a->events; /* those wait */
}

static struct target *new_target(
    struct apply *a, const struct writable *what, const char *namespace, const char *name)
{
	struct target *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->what = what;
	t->kind = api_kind_find(what->kind, what->group);
	t->namespace = strdup(namespace);
	t->name = strdup(name);
	if (!t->kind || !t->namespace || !t->name) {
		free(t->namespace);
		free(t->name);
		free(t);
		return NULL;
	}
	tree_add(&a->targets, &t->node);
	a->events += what->event;
	return t;
}

/* What was written, or is being written, is what is wanted. */
static bool has_it(const struct target *t, const struct json *object)
{
	if (t->want)
		return json_equal(t->want, object);
	if (t->id && t->flight && !t->dropped)
		return json_equal(t->flight, object);
	return t->written && json_equal(t->written, object);
}

static int set_want(
    struct apply *a, struct target *t, const struct json *object, struct apply_now now, struct err *e)
{
	const struct json *current = t->id && t->flight && !t->dropped ? t->flight : t->written;
	struct json *want;

	if (t->what->event)
		t->want_times++;
	else if (has_it(t, object))
		return 0;
	/* Back to what it was before the want that waits: that one needs no writing, nor this. */
	if (!t->what->event && t->want && current && json_equal(current, object)) {
		json_free(TAKE(t->want));
		if (!t->strip)
			leave_queue(a, t);
		return 0;
	}
	want = json_copy(object);
	if (!want)
		return err_memory(e);
	if (!t->want)
		t->want_ms = now.ms;
	json_free(t->want);
	t->want = want;
	json_free(TAKE(t->strip));
	apply_enqueue(a, t);
	return 0;
}

int apply_want(struct apply *a, const struct json *object, struct apply_now now, struct err *e)
{
	const char *kind = json_string(json_get(object, "kind"));
	const char *version = json_string(json_get(object, "apiVersion"));
	const char *namespace = json_string(json_at(object, "metadata", "namespace", NULL));
	const char *name = json_string(json_at(object, "metadata", "name", NULL));
	const struct writable *what;
	struct target *t;

	if (!kind || !version || !name)
		return err_set(e, ERR_PROTOCOL, "APPLY of an object without %s",
		    !kind      ? "kind"
		    : !version ? "apiVersion"
			       : "metadata.name");
	if (!strncmp(version, RECORD_GROUP "/", strlen(RECORD_GROUP "/")))
		return 0;
	what = find_writable(kind, version);
	if (!what)
		return err_set(e, ERR_PROTOCOL,
		    "APPLY of %s %s: no such object is written; want a Service, an IPAddressPool, a "
		    "Node or an Event",
		    version, kind);
	namespace = namespace ? namespace : "";
	if (!namespace[0] && api_kind_find(what->kind, what->group)->namespaced)
		return err_set(
		    e, ERR_PROTOCOL, "APPLY of %s %s: metadata.namespace is missing", kind, name);
	t = find_target(a, object);
	if (!t && what->event)
		forget_events(a, now.ms);
	if (!t)
		t = new_target(a, what, namespace, name);
	if (!t)
		return err_memory(e);
	return set_want(a, t, object, now, e);
}

static void drop(struct apply *a, struct target *t)
{
	leave_queue(a, t);
	json_free(TAKE(t->want));
	json_free(TAKE(t->strip));
	json_free(TAKE(t->written));
	t->dropped = true;
	if (!t->id)
		apply_target_free(a, t);
}

void apply_observed(struct apply *a, bool deleted, const struct json *object)
{
	struct target *t = find_target(a, object);
	bool same;

	if (!t || t->what->event)
		return;
	if (deleted) {
		drop(a, t);
		return;
	}
	if (!t->written || (t->version && body_version(object) <= t->version))
		return;
	same = body_covers(t->written, object);
	/* A directory tells no version: what was seen once and then is different was changed. */
	if (!same && (t->version || t->seen))
		json_free(TAKE(t->written));
	t->seen = t->seen || same;
}

static struct json *make_body(const struct target *t, struct apply_now now)
{
	CLEANUP(json_freep) struct json *body = NULL;

	if (t->merging)
		return json_copy(t->strip);
	body = body_of(t->flight);
	if (body && t->what->event &&
	    body_event(body, t->first ? t->first : now.wall, now.wall, t->count + t->flight_times) < 0)
		return NULL;
	return TAKE(body);
}

/* Begins the write of a target that is out of the queue. */
static bool start(struct apply *a, struct target *t, struct apply_now now, struct apply_write *w)
{
	t->merging = !t->want;
	if (t->want) {
		json_free(t->flight);
		t->flight = TAKE(t->want);
		t->flight_times = t->want_times;
		t->want_times = 0;
	}
	json_free(t->body);
	t->body = make_body(t, now);
	if (!t->body)
		return false;
	t->id = ++a->last_id;
	t->dropped = false;
	a->flights[a->flights_n++] = t;
	a->events_n += t->what->event;
	*w = (struct apply_write){ .id = t->id,
		.how = t->merging ? APPLY_MERGE : APPLY_FIELDS,
		.fresh = t->what->event && !t->count,
		.kind = t->kind,
		.namespace = t->namespace,
		.name = t->name,
		.subresource = t->what->subresource,
		.object = t->what->event ? t->body : t->flight,
		.body = t->body };
	return true;
}

/* Of an Event also the pause since it was written last, and the time for other writes to be over. */
static uint64_t due(const struct apply *a, const struct target *t)
{
	uint64_t at = t->not_before, paced = t->last_ms + APPLY_EVENT_PAUSE_MS,
		 yields = t->want_ms + APPLY_EVENT_WAIT_MS;

	if (!t->what->event || a->hurry)
		return at;
	if (t->count && paced > at)
		at = paced;
	return a->flights_n > a->events_n && yields > at ? yields : at;
}

static bool next_of(struct apply *a, struct queue *q, struct apply_now now, struct apply_write *w)
{
	struct target **at = &q->first;

	while (*at) {
		if (due(a, *at) > now.ms)
			at = &(*at)->next;
		else if (start(a, dequeue(a, at), now, w))
			return true;
	}
	return false;
}

bool apply_next(struct apply *a, struct apply_now now, struct apply_write *w)
{
	if (a->flights_n >= (a->outages ? 1 : a->flights_max) || now.ms < a->hold)
		return false;
	return next_of(a, &a->queues[0], now, w) || next_of(a, &a->queues[1], now, w);
}

uint64_t apply_deadline(const struct apply *a)
{
	uint64_t first = UINT64_MAX;

	if (a->flights_n >= (a->outages ? 1 : a->flights_max))
		return first;
	for (size_t i = 0; i < ARRAY_LEN(a->queues); i++)
		for (const struct target *t = a->queues[i].first; t; t = t->next)
			if (due(a, t) < first)
				first = due(a, t);
	return first != UINT64_MAX && first < a->hold ? a->hold : first;
}

bool apply_idle(const struct apply *a)
{
	return !a->queues[0].first && !a->queues[1].first && !a->flights_n;
}

bool apply_troubled(const struct apply *a)
{
	return a->outages > 0;
}

size_t apply_refused(const struct apply *a)
{
	size_t n = 0;

	for (struct tree_node *t = tree_first(&a->targets); t; t = tree_after(&a->targets, t))
		n += TREE_ITEM(t, struct target, node)->refusal &&
		     !TREE_ITEM(t, struct target, node)->what->event;
	return n;
}

void apply_hurry(struct apply *a)
{
	a->hurry = true;
	a->hold = 0;
	for (size_t i = 0; i < ARRAY_LEN(a->queues); i++)
		for (struct target *t = a->queues[i].first; t; t = t->next)
			t->not_before = 0;
}

void apply_unwritten(struct apply *a,
    void (*each)(void *arg, const char *kind, const char *namespace, const char *name), void *arg)
{
	for (struct tree_node *n = tree_first(&a->targets); n; n = tree_after(&a->targets, n)) {
		struct target *t = TREE_ITEM(n, struct target, node);

		if (t->queued || t->id)
			each(arg, t->kind->kind, t->namespace, t->name);
	}
}
