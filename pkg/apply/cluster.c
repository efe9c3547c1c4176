/* SPDX-License-Identifier: Apache-2.0 */
/* Writes are requests to the API server; as many are under way as the engine starts. */
#include <string.h>

#include "pkg/apply/sink.h"

struct request {
	struct request *next, **at;
	struct cluster *cluster;
	struct kube_call *call;
	struct loop_timer *failed; /* when the request could not even be sent */
	struct err why;
	struct apply_write write;
	bool creating;
};

struct cluster {
	struct kube *kube;
	struct loop *loop;
	struct apply_sink_events ev;
	struct request *requests;
};

static void request_free(struct request *r)
{
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	loop_timer_remove(r->failed);
	free(r);
}

static void finish(struct request *r, const struct apply_result *result)
{
	struct cluster *c = r->cluster;
	uint64_t id = r->write.id;

	request_free(r);
	c->ev.done(c->ev.arg, id, result);
}

/* Server-side apply makes what doesn't exist, and so complains of a spec that we never speak of. */
static bool misses_spec(const struct json *status)
{
	const struct json *causes = json_at(status, "details", "causes", NULL);
	bool misses = false;

	for (size_t i = 0; i < json_count(causes) && !misses; i++) {
		const char *field = json_string(json_get(json_item(causes, i), "field"));

		misses = field && (!strcmp(field, "spec") || !strncmp(field, "spec.", 5));
	}
	return misses;
}

static enum apply_outcome outcome_of(const struct kube_response *r)
{
	switch (r->status) {
	case 403:
		return APPLY_FORBIDDEN;
	case 404:
		return APPLY_GONE;
	case 422:
		return misses_spec(r->object) ? APPLY_GONE : APPLY_REFUSED;
	case 409:
		return APPLY_CONFLICT;
	case 0:
	case 401: /* the client tried fresh credentials already; they may come */
	case 408:
	case 429:
		return APPLY_OUTAGE;
	default:
		if (r->status >= 200 && r->status < 300)
			return APPLY_WRITTEN;
		return r->status >= 500 ? APPLY_OUTAGE : APPLY_REFUSED;
	}
}

static void on_failed(void *arg)
{
	struct request *q = arg;
	struct err why = q->why;
	struct apply_result r = { .outcome = APPLY_OUTAGE, .why = why.text };

	finish(q, &r);
}

static struct request *new_request(struct cluster *c, const struct apply_write *w, struct err *e)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r) {
		err_memory(e);
		return NULL;
	}
	*r = (struct request){ .cluster = c, .write = *w, .next = c->requests, .at = &c->requests };
	if (r->next)
		r->next->at = &r->next;
	c->requests = r;
	return r;
}

static void on_response(const struct kube_response *from, void *arg);

/* To create costs the server a third of what server-side apply of an object that isn't there does. */
static int send_write(struct request *r, struct err *e)
{
	const struct apply_write *w = &r->write;
	CLEANUP(buf_release) struct buf path = BUF_INIT;
	CLEANUP(buf_release) struct buf body = BUF_INIT;
	bool fields = w->how == APPLY_FIELDS;
	struct kube_request q = { .method = "PATCH", .metadata_only = true };

	if (r->creating) {
		q.method = "POST";
		q.content_type = "application/json";
		kube_path(&path, w->kind, w->namespace, NULL, NULL);
	} else {
		q.content_type =
		    fields ? "application/apply-patch+yaml" : "application/merge-patch+json";
		kube_path(&path, w->kind, w->namespace, w->name, w->subresource);
	}
	buf_puts(&path, "?fieldManager=" APPLY_MANAGER);
	if (fields && !r->creating)
		buf_puts(&path, "&force=true");
	json_write(w->body, &body);
	r->call = NULL;
	if (path.bad || body.bad)
		return err_memory(e);
	q.path = path.data;
	q.body = body.data;
	q.body_len = body.len;
	r->call = kube_send(r->cluster->kube, &q, on_response, r, e);
	return r->call ? 0 : -1;
}

static void send_or_fail(struct request *r)
{
	struct apply_result result = { .outcome = APPLY_OUTAGE, .why = "out of memory" };
	struct err e = ERR_INIT;

	if (send_write(r, &r->why) == 0)
		return;
	r->failed = loop_timer_add(r->cluster->loop, on_failed, r, &e);
	if (r->failed)
		loop_timer_set(r->failed, 0);
	else
		finish(r, &result);
}

static void on_response(const struct kube_response *from, void *arg)
{
	struct request *q = arg;
	struct apply_result r = { .outcome = outcome_of(from),
		.object = from->object,
		.retry_after_ms = (uint64_t)from->retry_after * 1000,
		.why = from->error ? from->error->text : NULL };

	if (q->creating && from->status == 409) { /* it is there from an earlier life of ours */
		q->creating = false;
		send_or_fail(q);
		return;
	}
	if (r.outcome == APPLY_GONE)
		r.why = "it is gone, nothing was written";
	finish(q, &r);
}

static void cluster_start(void *state, const struct apply_write *w)
{
	struct cluster *c = state;
	struct err e = ERR_INIT;
	struct request *r = new_request(c, w, &e);
	struct apply_result result = { .outcome = APPLY_OUTAGE, .why = e.text };

	if (!r) {
		c->ev.done(c->ev.arg, w->id, &result);
		return;
	}
	r->creating = w->fresh;
	send_or_fail(r);
}

static void cluster_close(void *state)
{
	struct cluster *c = state;

	while (c->requests) {
		kube_cancel(c->requests->call);
		request_free(c->requests);
	}
	kube_close(c->kube);
	free(c);
}

static const struct apply_sink_ops cluster_ops = { cluster_start, cluster_close, NULL, NULL };

int apply_to_cluster(struct apply_sink *s, struct loop *l, const struct kube_options *o,
    const struct apply_sink_events *ev, struct err *e)
{
	struct cluster *c = calloc(1, sizeof(*c));

	if (!c)
		return err_memory(e);
	c->loop = l;
	c->ev = *ev;
	c->kube = kube_open(l, o, e);
	if (!c->kube) {
		free(c);
		return -1;
	}
	s->ops = &cluster_ops;
	s->state = c;
	return 0;
}
