/* SPDX-License-Identifier: Apache-2.0 */
/* A Kubernetes API server as a source. */
#include <stdio.h>

#include "pkg/kube/kube.h"
#include "pkg/source/backend.h"

struct cluster {
	struct source_events ev;
	struct kube *kube;
	struct kube_watch *watch;
};

static void cluster_close(void *state)
{
	struct cluster *s = state;

	kube_watch_close(s->watch);
	kube_close(s->kube);
	free(s);
}

static void on_trouble(void *arg, const struct err *e)
{
	struct cluster *s = arg;
	char text[sizeof(e->text) + 64];

	if (!s->ev.warned)
		return;
	if (e)
		snprintf(text, sizeof(text), "%s; trying again%s", e->text,
		    e->kind == ERR_PERMISSION ? "" : " until it works");
	else
		snprintf(text, sizeof(text), "%s answers again", kube_server(s->kube));
	s->ev.warned(s->ev.arg, text);
}

static void on_record(void *arg, const char *text, size_t len)
{
	struct cluster *s = arg;

	s->ev.record(s->ev.arg, text, len);
}

static void on_ended(void *arg)
{
	struct cluster *s = arg;

	s->ev.ended(s->ev.arg);
}

static void on_failed(void *arg, const struct err *e)
{
	struct cluster *s = arg;

	s->ev.failed(s->ev.arg, e);
}

static void *cluster_open(struct loop *l, const struct source_options *o,
    const struct api_kind *const *kinds, const struct source_events *ev, struct err *e)
{
	struct kube_watch_options w = { kinds, source_namespace(o), o->once, o->full };
	struct cluster *s = calloc(1, sizeof(*s));
	struct kube_watch_events on = { on_record, on_ended, on_failed, on_trouble, s };

	if (!s) {
		err_memory(e);
		return NULL;
	}
	s->ev = *ev;
	s->kube = kube_open(l, &o->server, e);
	s->watch = s->kube ? kube_watch_open(s->kube, &w, &on, e) : NULL;
	if (s->watch)
		return s;
	cluster_close(s);
	return NULL;
}

static void cluster_pause(void *state, bool paused)
{
	struct cluster *s = state;

	kube_watch_pause(s->watch, paused);
}

const struct source_backend source_cluster = { cluster_open, cluster_close, cluster_pause };
