/* SPDX-License-Identifier: Apache-2.0 */
/* Writes are made at once, inside of start(): a file system answers fast or not at all. */
#include <errno.h>
#include <string.h>

#include "pkg/apply/sink.h"
#include "pkg/log/log.h"
#include "pkg/manifest/manifest.h"
#include "pkg/tree/tree.h"

enum {
	EVENTS_KEPT_S = 3600,
	EXPIRE_EVERY_MS = 600 * 1000,
	/* What another writer wrote while this pipeline started may be of a Service that is not in the
	 * first list, but comes right after it. */
	ORPHAN_AGE_S = 5,
};

/* What is kept of a Service that no record spoke of yet. */
struct orphan {
	struct tree_node node;
	char *namespace;
	char *name;
};

struct directory {
	struct manifest_store *store;
	struct apply_sink_events ev;
	struct loop_timer *expire;
	struct tree orphans;
	bool known;
};

static int orphan_compare(const struct tree_node *x, const struct tree_node *y)
{
	const struct orphan *a = TREE_ITEM(x, const struct orphan, node);
	const struct orphan *b = TREE_ITEM(y, const struct orphan, node);
	int order = strcmp(a->namespace, b->namespace);

	return order ? order : strcmp(a->name, b->name);
}

static void orphan_free(struct directory *d, struct orphan *o)
{
	tree_remove(&d->orphans, &o->node);
	free(o->namespace);
	free(o->name);
	free(o);
}

static void note_orphan(
    void *arg, const char *kind, const char *namespace, const char *name, int64_t age)
{
	struct directory *d = arg;
	struct orphan *o;

	if (strcmp(kind, "Service") != 0 || age < ORPHAN_AGE_S)
		return;
	o = calloc(1, sizeof(*o));
	if (!o)
		return; /* it stays until the next start */
	o->namespace = strdup(namespace);
	o->name = strdup(name);
	if (o->namespace && o->name && !tree_add(&d->orphans, &o->node))
		return;
	free(o->namespace);
	free(o->name);
	free(o);
}

static void remove_kept(struct directory *d, const char *kind, const char *namespace, const char *name)
{
	struct err e = ERR_INIT;

	if (manifest_store_remove(d->store, kind, namespace, name, &e) < 0)
		log_warn(NULL, "%s", e.text);
}

static void expire_event(
    void *arg, const char *kind, const char *namespace, const char *name, int64_t age)
{
	if (!strcmp(kind, "Event") && age > EVENTS_KEPT_S)
		remove_kept(arg, kind, namespace, name);
}

/* Events are kept for an hour, as an API server does. */
static void on_expire(void *arg)
{
	struct directory *d = arg;
	struct err e = ERR_INIT;

	if (manifest_store_each(d->store, expire_event, d, &e) < 0)
		log_debug("apply", "%s", e.text);
	loop_timer_set(d->expire, EXPIRE_EVERY_MS);
}

static void directory_start(void *state, const struct apply_write *w)
{
	struct directory *d = state;
	struct apply_result r = { .outcome = APPLY_WRITTEN };
	struct err e = ERR_INIT;
	bool changed = false;

	if (manifest_store_write(d->store, w->object, &changed, &e) < 0) {
		r.outcome = e.kind == ERR_SYSTEM ? APPLY_OUTAGE : APPLY_REFUSED;
		r.why = e.text;
	} else if (!changed) {
		r.outcome = APPLY_SAME;
	}
	d->ev.done(d->ev.arg, w->id, &r);
}

static void directory_exists(void *state, const char *namespace, const char *name, bool exists)
{
	struct directory *d = state;
	struct orphan probe = { .namespace = (char *)(uintptr_t) namespace,
		.name = (char *)(uintptr_t)name };
	struct tree_node *n = tree_find(&d->orphans, &probe.node);

	if (n)
		orphan_free(d, TREE_ITEM(n, struct orphan, node));
	if (!exists)
		remove_kept(d, "Service", namespace, name);
}

static void directory_known(void *state)
{
	struct directory *d = state;
	struct tree_node *n;

	while ((n = tree_first(&d->orphans))) {
		struct orphan *o = TREE_ITEM(n, struct orphan, node);

		remove_kept(d, "Service", o->namespace, o->name);
		orphan_free(d, o);
	}
}

static void directory_close(void *state)
{
	struct directory *d = state;
	struct tree_node *n;

	while ((n = tree_first(&d->orphans)))
		orphan_free(d, TREE_ITEM(n, struct orphan, node));
	loop_timer_remove(d->expire);
	manifest_store_close(d->store);
	free(d);
}

static const struct apply_sink_ops directory_ops = { directory_start, directory_close, directory_exists,
	directory_known };

int apply_to_directory(struct apply_sink *s, struct loop *l, const char *dir,
    const struct apply_sink_events *ev, struct err *e)
{
	struct directory *d = calloc(1, sizeof(*d));

	if (!d)
		return err_memory(e);
	d->ev = *ev;
	d->orphans = (struct tree)TREE_INIT(orphan_compare);
	d->store = manifest_store_open(dir, e);
	d->expire = d->store ? loop_timer_add(l, on_expire, d, e) : NULL;
	if (!d->expire || manifest_store_each(d->store, note_orphan, d, e) < 0) {
		directory_close(d);
		return -1;
	}
	loop_timer_set(d->expire, 0);
	s->ops = &directory_ops;
	s->state = d;
	return 0;
}
