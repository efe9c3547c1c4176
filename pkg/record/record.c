/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/record/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ANNOTATION_POOL "metallb.io/ip-allocated-from-pool"
#define ANNOTATION_POOL_OLD "metallb.universe.tf/ip-allocated-from-pool"

static const char *const verdicts[] = {
	[VERDICT_DONE] = "done",
	[VERDICT_WAITING] = "waiting",
	[VERDICT_REFUSED] = "refused",
	[VERDICT_KEPT] = "kept",
	[VERDICT_RELEASED] = "released",
};

/* `{"type":TYPE,"object":{"kind":KIND,"apiVersion":VERSION`, all literals */
#define BEGIN(out, type, kind, version)                   \
	begin((out), "{\"type\":\"" type "\",\"object\":" \
		     "{\"kind\":\"" kind "\",\"apiVersion\":\"" version "\"")

static struct json_writer begin(struct buf *out, const char *head)
{
	struct json_writer w = json_writer(out);

	json_raw(&w, head, strlen(head));
	return w;
}

/* The same, when only the program knows them. */
static struct json_writer begin_as(
    struct buf *out, const char *type, const char *kind, const char *version)
{
	struct json_writer w = json_writer(out);

	json_begin(&w, '{');
	json_field(&w, "type", type);
	json_key(&w, "object");
	json_begin(&w, '{');
	json_field(&w, "kind", kind);
	json_field(&w, "apiVersion", version);
	return w;
}

static void end(struct json_writer *w)
{
	json_end(w, '}');
	json_end(w, '}');
	buf_putc(w->out, '\n');
}

/* `"metadata":{"namespace":...,"name":...`, left open */
static void begin_metadata(struct json_writer *w, const char *namespace, const char *name)
{
	json_key(w, "metadata");
	json_begin(w, '{');
	if (namespace[0])
		json_field(w, "namespace", namespace);
	json_field(w, "name", name);
}

static void put_considered(
    struct json_writer *w, const char *key, const struct record_considered *c, size_t n)
{
	json_key_of(w, key);
	json_begin(w, '[');
	for (size_t i = 0; i < n; i++) {
		json_begin(w, '{');
		json_field(w, "name", c[i].name);
		if (c[i].code[0])
			json_field(w, "code", c[i].code);
		if (c[i].message && c[i].message[0])
			json_field(w, "message", c[i].message);
		json_end(w, '}');
	}
	json_end(w, ']');
}

static void put_addresses(struct json_writer *w, const struct addr *addresses, size_t n)
{
	char text[ADDR_TEXT_LEN];

	json_key(w, "addresses");
	json_begin(w, '[');
	for (size_t i = 0; i < n; i++)
		json_put(w, addr_format(&addresses[i], text));
	json_end(w, ']');
}

void record_decision(struct buf *out, const struct record_decision *d)
{
	struct json_writer w = BEGIN(out, "ADDED", "Decision", RECORD_API_VERSION);

	begin_metadata(&w, d->namespace, d->name);
	json_end(&w, '}');
	json_key(&w, "spec");
	json_begin(&w, '{');
	json_key(&w, "subject");
	json_begin(&w, '{');
	json_field(&w, "kind", d->subject_kind);
	if (d->namespace[0])
		json_field(&w, "namespace", d->namespace);
	json_field(&w, "name", d->name);
	json_end(&w, '}');
	json_field(&w, "component", d->component);
	json_field(&w, "verdict", verdicts[d->verdict]);
	json_field(&w, "code", d->code);
	json_field(&w, "message", d->message);
	if (d->addresses_n)
		put_addresses(&w, d->addresses, d->addresses_n);
	if (d->considered_n)
		put_considered(&w, "considered", d->considered, d->considered_n);
	if (d->before)
		json_field(&w, "before", d->before);
	if (d->share) {
		json_key(&w, "share");
		json_begin(&w, '{');
		json_key(&w, "now");
		json_put_int(&w, (int64_t)d->share->now);
		json_key(&w, "then");
		json_put_int(&w, (int64_t)d->share->then);
		json_end(&w, '}');
	}
	json_end(&w, '}');
	end(&w);
}

void record_service_status(struct buf *out, const char *namespace, const char *name,
    const struct addr *addresses, size_t n, const char *pool, bool old)
{
	struct json_writer w = BEGIN(out, "APPLY", "Service", "v1");
	char text[ADDR_TEXT_LEN];

	begin_metadata(&w, namespace, name);
	json_key(&w, "annotations");
	json_begin(&w, '{');
	json_field(&w, ANNOTATION_POOL, pool);
	if (old)
		json_field(&w, ANNOTATION_POOL_OLD, NULL);
	json_end(&w, '}');
	json_end(&w, '}');
	json_key(&w, "status");
	json_begin(&w, '{');
	json_key(&w, "loadBalancer");
	json_begin(&w, '{');
	json_key(&w, "ingress");
	json_begin(&w, '[');
	for (size_t i = 0; i < n; i++) {
		json_begin(&w, '{');
		json_field(&w, "ip", addr_format(&addresses[i], text));
		json_end(&w, '}');
	}
	json_end(&w, ']');
	json_end(&w, '}');
	json_end(&w, '}');
	end(&w);
}

void record_node(
    struct buf *out, const char *node, const char *links, const char *addresses, const char *in_use)
{
	struct json_writer w = BEGIN(out, "APPLY", "Node", "v1");

	begin_metadata(&w, "", node);
	json_key(&w, "annotations");
	json_begin(&w, '{');
	if (links)
		json_field(&w, "lbctl.dev/links", links);
	if (addresses)
		json_field(&w, "lbctl.dev/addresses", addresses);
	if (in_use)
		json_field(&w, RECORD_IN_USE, in_use);
	json_end(&w, '}');
	json_end(&w, '}');
	end(&w);
}

const char *const record_pool_status_keys[] = { "assignedIPv4", "assignedIPv6", "availableIPv4",
	"availableIPv6" };

void record_pool_status(struct buf *out, const struct record_pool_status *s)
{
	struct json_writer w = BEGIN(out, "APPLY", "IPAddressPool", "metallb.io/v1beta1");

	begin_metadata(&w, s->namespace, s->name);
	json_end(&w, '}');
	json_key(&w, "status");
	json_begin(&w, '{');
	for (size_t i = 0; i < ARRAY_LEN(record_pool_status_keys); i++) {
		json_key_of(&w, record_pool_status_keys[i]);
		json_put_int(&w, i < 2 ? s->assigned[i] : s->available[i - 2]);
	}
	json_end(&w, '}');
	end(&w);
}

/* The same event has the same name in every run. */
static uint64_t hash(uint64_t h, const char *text)
{
	return fnv_end(fnv(h, text, strlen(text)));
}

/* NAME.HASH, with what fits of the name */
static void event_name(char out[static 254], const char *name, uint64_t h)
{
	size_t n = strnlen(name, 230);

	memcpy(out, name, n);
	out[n++] = '.';
	for (int shift = 60; shift >= 0; shift -= 4)
		out[n++] = "0123456789abcdef"[h >> shift & 15];
	out[n] = 0;
}

void record_event(struct buf *out, const struct record_event *ev)
{
	struct json_writer w = BEGIN(out, "APPLY", "Event", "v1");
	uint64_t h = FNV_BEGIN;
	char name[254];

	h = hash(hash(h, ev->uid), ev->component);
	h = hash(hash(hash(h, ev->host), ev->reason), ev->message);
	event_name(name, ev->name, h);
	begin_metadata(&w, ev->namespace, name);
	json_end(&w, '}');
	json_literal(&w, "\"involvedObject\":{\"kind\":\"Service\",\"apiVersion\":\"v1\"");
	json_field(&w, "namespace", ev->namespace);
	json_field(&w, "name", ev->name);
	if (ev->uid[0])
		json_field(&w, "uid", ev->uid);
	json_end(&w, '}');
	if (ev->warning)
		json_literal(&w, "\"type\":\"Warning\"");
	else
		json_literal(&w, "\"type\":\"Normal\"");
	json_field(&w, "reason", ev->reason);
	json_field(&w, "message", ev->message);
	json_key(&w, "source");
	json_begin(&w, '{');
	json_field(&w, "component", ev->component);
	if (ev->host[0])
		json_field(&w, "host", ev->host);
	json_end(&w, '}');
	end(&w);
}

void record_announcement(struct buf *out, const char *type, const struct record_announcement *a)
{
	struct json_writer w = begin_as(out, type, "Announcement", RECORD_API_VERSION);

	begin_metadata(&w, a->namespace, a->name);
	if (a->uid && a->uid[0])
		json_field(&w, "uid", a->uid);
	json_end(&w, '}');
	json_key(&w, "spec");
	json_begin(&w, '{');
	json_field(&w, "node", a->node);
	put_addresses(&w, a->addresses, a->addresses_n);
	json_key(&w, "protocols");
	json_begin(&w, '[');
	json_put(&w, "layer2");
	json_end(&w, ']');
	json_key(&w, "interfaces");
	json_begin(&w, '[');
	for (size_t i = 0; i < a->interfaces_n; i++)
		json_put(&w, a->interfaces[i]);
	json_end(&w, ']');
	json_field(&w, "pool", a->pool);
	json_field(&w, "reason", a->reason);
	put_considered(&w, "candidates", a->candidates, a->candidates_n);
	json_end(&w, '}');
	end(&w);
}

void record_member(struct buf *out, const char *type, const struct record_member *m)
{
	struct json_writer w = begin_as(out, type, "Member", RECORD_API_VERSION);
	char text[ADDR_TEXT_LEN];

	begin_metadata(&w, "", m->node);
	json_end(&w, '}');
	json_key(&w, "status");
	json_begin(&w, '{');
	json_key(&w, "alive");
	json_put_bool(&w, m->alive);
	json_field(&w, "since", m->since);
	json_field(&w, "reason", m->reason);
	if (m->diagnostic[0])
		json_field(&w, "diagnostic", m->diagnostic);
	if (m->silence_ms) {
		char silence[32];

		snprintf(silence, sizeof(silence), "%" PRIu64 "ms", m->silence_ms);
		json_field(&w, "silence", silence);
	}
	if (m->address.family)
		json_field(&w, "address", addr_format(&m->address, text));
	if (m->notify) {
		json_key(&w, "notify");
		json_put_int(&w, m->notify);
	}
	json_end(&w, '}');
	end(&w);
}

pid_t record_member_notify(const struct json *status)
{
	int64_t pid;

	if (!json_int(json_get(status, "notify"), &pid) || pid <= 1 || pid > INT32_MAX)
		return 0;
	return (pid_t)pid;
}

void record_bookmark(struct buf *out, const struct api_kind *k, const char *resource_version)
{
	char version[128];
	struct json_writer w;

	api_version_text(k, version, sizeof(version));
	w = begin_as(out, "BOOKMARK", k->kind, version);
	json_key(&w, "metadata");
	json_begin(&w, '{');
	if (resource_version[0])
		json_field(&w, "resourceVersion", resource_version);
	json_key(&w, "annotations");
	json_begin(&w, '{');
	json_field(&w, "k8s.io/initial-events-end", "true");
	json_end(&w, '}');
	json_end(&w, '}');
	end(&w);
}
