/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/kube/client.h"
#include "pkg/kube/status.h"

struct kube_call {
	struct client_call *client;
	kube_response_fn *fn;
	void *arg;
	char *method, *path;
	int status;
	uint32_t retry_after;
	struct buf body;
	bool too_large;
	bool over; /* fn is running */
};

static void call_free(struct kube_call *c)
{
	buf_release(&c->body);
	free(c->method);
	free(c->path);
	free(c);
}

static void on_head(void *arg, int status, uint32_t retry_after)
{
	struct kube_call *c = arg;

	c->status = status;
	c->retry_after = retry_after;
}

static bool on_body(void *arg, const char *bytes, size_t n)
{
	struct kube_call *c = arg;

	if (c->body.len + n > KUBE_RESPONSE_MAX)
		c->too_large = true;
	if (!c->too_large)
		buf_add(&c->body, bytes, n);
	return true;
}

/* What the answer says, once it is whole. */
static int judge(struct kube_call *c, struct json **object, struct err *e)
{
	struct status_answer a = { c->method, c->path, c->status, c->body.data ? c->body.data : "",
		c->body.len };
	struct err not_json = ERR_INIT;
	bool good = c->status >= 200 && c->status < 300;

	if (c->too_large)
		return err_set(e, ERR_PROTOCOL, "%s %s: the answer is larger than %d MiB", c->method,
		    c->path, KUBE_RESPONSE_MAX >> 20);
	if (c->body.bad)
		return err_memory(e);
	*object = json_parse(a.body, a.body_len, &not_json);
	if (!good)
		return status_error(e, &a, *object);
	return *object ? 0 : status_not_json(e, &a);
}

static const char *text(const struct json *status, const char *key)
{
	const char *s = json_string(json_get(status, key));

	return s ? s : "";
}

static void on_done(void *arg, const struct err *why)
{
	struct kube_call *c = arg;
	struct json *object = NULL;
	struct kube_response r = { 0 };
	struct err e = ERR_INIT;
	bool is_status;

	c->client = NULL;
	if (why) {
		e = *why;
		c->status = 0;
	}
	if (why || judge(c, &object, &e) < 0)
		r.error = &e;
	if (r.error && c->status >= 200 && c->status < 300)
		c->status = 0; /* a proxy's log-in page is no answer to the request */
	is_status = !strcmp(text(object, "kind"), "Status");
	r.status = c->status;
	r.reason = is_status ? text(object, "reason") : "";
	r.object = object;
	r.retry_after = c->retry_after;
	c->over = true;
	c->fn(&r, c->arg);
	json_free(object);
	call_free(c);
}

static void on_dropped(void *arg)
{
	call_free(arg);
}

struct kube_call *kube_send(
    struct kube *k, const struct kube_request *r, kube_response_fn *fn, void *arg, struct err *e)
{
	struct kube_call *c = calloc(1, sizeof(*c));
	struct client_events ev = { { on_head, on_body, on_done, c }, on_dropped };
	struct http_request http = {
		.method = r->method,
		.path = r->path,
		.content_type = r->content_type,
		.body = r->body ? r->body : "",
		.body_len = r->body_len,
		.timeout_ms = r->timeout_ms,
		.metadata_only = r->metadata_only,
	};

	if (!c) {
		err_memory(e);
		return NULL;
	}
	c->fn = fn;
	c->arg = arg;
	c->method = strdup(r->method);
	c->path = strdup(r->path);
	if (!c->method || !c->path)
		err_memory(e);
	else
		c->client = client_start(k, &http, &ev, e);
	if (c->client)
		return c;
	call_free(c);
	return NULL;
}

void kube_cancel(struct kube_call *c)
{
	if (!c || c->over)
		return;
	client_cancel(c->client);
	call_free(c);
}
