/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/apply/apply.h"

#include <string.h>

#include "pkg/apply/body.h"
#include "pkg/apply/target.h"

enum { EVENTS_MAX = 4096, EVENTS_KEPT_MS = 3600 * 1000, EVENT_MS = 1000 / APPLY_EVENTS_A_SECOND };

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
	free(t->want);
	free(t->flight);
	free(t->written);
	json_free(t->strip);
	json_free(t->object);
	json_free(t->body);
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

/* What is there once all that is under way is over, but for what waits; NULL when that is not known. */
static const char *current(const struct target *t)
{
	return t->id && t->flight && !t->dropped ? t->flight : t->written;
}

static bool is_same(const char *a, const char *b)
{
	return a && !strcmp(a, b);
}

static int set_want(
    struct apply *a, struct target *t, const struct json *object, struct apply_now now, struct err *e)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT;
	char *want;

	json_write(object, &text);
	if (text.bad)
		return err_memory(e);
	if (t->what->event)
		t->want_times++;
	else if (is_same(t->want ? t->want : current(t), text.data))
		return 0;
	/* Back to what it was before the want that waits: that one needs no writing, nor this. */
	if (!t->what->event && t->want && is_same(current(t), text.data)) {
		free(TAKE(t->want));
		if (!t->strip)
			leave_queue(a, t);
		return 0;
	}
	want = strdup(text.data);
	if (!want)
		return err_memory(e);
	if (!t->want)
		t->want_ms = now.ms;
	free(t->want);
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
	free(TAKE(t->want));
	free(TAKE(t->written));
	json_free(TAKE(t->strip));
	t->dropped = true;
	if (!t->id)
		apply_target_free(a, t);
}

static struct json *parse(const char *text)
{
	struct err none = ERR_INIT;

	return json_parse(text, strlen(text), &none);
}

void apply_observed(struct apply *a, bool deleted, const struct json *object)
{
	CLEANUP(json_freep) struct json *written = NULL;
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
	written = parse(t->written);
	same = written && body_covers(written, object);
	/* A directory tells no version: what was seen once and then is different was changed. */
	if (!same && (t->version || t->seen))
		free(TAKE(t->written));
	t->seen = t->seen || same;
}

/* What is wanted, or else `strip`, goes under way. */
static int make_write(struct target *t, struct apply_now now)
{
	CLEANUP(json_freep) struct json *object = t->want ? parse(t->want) : NULL;
	CLEANUP(json_freep) struct json *body = object ? body_of(object) : json_copy(t->strip);
	int64_t first = t->first ? t->first : now.wall;

	if (!body || (t->want && !object))
		return -1;
	if (t->what->event && body_event(body, first, now.wall, t->count + t->want_times) < 0)
		return -1;
	t->merging = !t->want;
	if (t->want) {
		t->flight = TAKE(t->want);
		t->flight_times = t->want_times;
		t->want_times = 0;
	}
	t->object = TAKE(object);
	t->body = TAKE(body);
	return 0;
}

/* Begins the write of a target that is out of the queue. */
static bool start(struct apply *a, struct target *t, struct apply_now now, struct apply_write *w)
{
	if (make_write(t, now) < 0) { /* out of memory */
		t->not_before = now.ms + APPLY_PAUSE_MIN_MS;
		apply_enqueue(a, t);
		return false;
	}
	t->id = ++a->last_id;
	t->dropped = false;
	a->flights[a->flights_n++] = t;
	if (t->what->event) {
		a->events_n++;
		a->events_ms = (a->events_ms > now.ms ? a->events_ms : now.ms) + EVENT_MS;
	}
	*w = (struct apply_write){ .id = t->id,
		.how = t->merging ? APPLY_MERGE : APPLY_FIELDS,
		.fresh = t->what->event && !t->count,
		.kind = t->kind,
		.namespace = t->namespace,
		.name = t->name,
		.subresource = t->what->subresource,
		.object = t->what->event ? t->body : t->object,
		.body = t->body };
	return true;
}

/* When the pace lets an Event begin. */
static uint64_t events_due(const struct apply *a)
{
	uint64_t ahead = (APPLY_EVENTS_AT_ONCE - 1) * EVENT_MS;

	return a->hurry || a->events_ms < ahead ? 0 : a->events_ms - ahead;
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

	while (*at && due(a, *at) > now.ms)
		at = &(*at)->next;
	return *at && start(a, dequeue(a, at), now, w);
}

bool apply_next(struct apply *a, struct apply_now now, struct apply_write *w)
{
	if (a->flights_n >= (a->outages ? 1 : a->flights_max) || now.ms < a->hold)
		return false;
	return next_of(a, &a->queues[0], now, w) ||
	       (events_due(a) <= now.ms && next_of(a, &a->queues[1], now, w));
}

/* When one of them is due, not before `from`: there may be many that are due by then. */
static uint64_t first_due(const struct apply *a, const struct queue *q, uint64_t from)
{
	uint64_t first = UINT64_MAX;

	for (const struct target *t = q->first; t && first > from; t = t->next) {
		uint64_t at = due(a, t);

		at = at < from ? from : at;
		first = at < first ? at : first;
	}
	return first;
}

uint64_t apply_deadline(const struct apply *a)
{
	uint64_t first, events;

	if (a->flights_n >= (a->outages ? 1 : a->flights_max))
		return UINT64_MAX;
	first = first_due(a, &a->queues[0], a->hold);
	events = events_due(a);
	events = first_due(a, &a->queues[1], events > a->hold ? events : a->hold);
	return events < first ? events : first;
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
