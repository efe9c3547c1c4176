/* SPDX-License-Identifier: Apache-2.0 */
/* ipam_test: a small world for tests: objects as YAML in, outcomes as lines of text out. */
#ifndef LB_IPAM_TEST_H
#define LB_IPAM_TEST_H

#include "pkg/ipam/ipam.h"
#include "tests/yaml.h"

struct world {
	struct config_store *store;
	struct ipam *m;
	char text[8000];
};

static inline struct world *world_new(const char *lb_class)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err e = ERR_INIT;

	w->store = config_store_new("lb", &e);
	w->m = ipam_new(&(struct ipam_options){ .lb_class = lb_class }, &e);
	assert_true(w->store && w->m);
	return w;
}

static inline void world_free(struct world *w)
{
	ipam_free(w->m);
	config_store_free(w->store);
	free(w);
}

static inline int world_setup(void **state)
{
	*state = world_new(NULL);
	return 0;
}

static inline int world_teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* A test whose state is a world of its own. */
#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

/* An IPAddressPool; spec without its braces. */
static inline void world_pool(struct world *w, const char *name, const char *spec)
{
	char text[1000];
	struct err e = ERR_INIT;
	CLEANUP(json_freep) struct json *j = NULL;

	snprintf(text, sizeof(text),
	    "{kind: IPAddressPool, apiVersion: metallb.io/v1beta1, metadata: {name: %s, namespace: "
	    "lb}, "
	    "spec: {%s}}",
	    name, spec);
	j = yaml(text);
	config_store_put(w->store, j);
	ipam_config(w->m, config_store_get(w->store, &e));
}

static inline void world_no_pool(struct world *w, const char *name)
{
	char text[200];
	struct err e = ERR_INIT;
	CLEANUP(json_freep) struct json *j = NULL;

	snprintf(text, sizeof(text),
	    "{kind: IPAddressPool, apiVersion: metallb.io/v1beta1, metadata: {name: %s, namespace: "
	    "lb}}",
	    name);
	j = yaml(text);
	config_store_remove(w->store, j);
	ipam_config(w->m, config_store_get(w->store, &e));
}

static inline void world_empty(struct world *w)
{
	struct err e = ERR_INIT;

	ipam_config(w->m, config_store_get(w->store, &e));
}

static inline void world_namespace(struct world *w, const char *name, const char *labels)
{
	char text[300];
	struct arena a = ARENA_INIT;
	struct api_namespace n;
	struct err e = ERR_INIT;
	CLEANUP(json_freep) struct json *j = NULL;

	snprintf(text, sizeof(text), "{metadata: {name: %s, labels: {%s}}}", name, labels);
	j = yaml(text);
	assert_int_equal(api_namespace_decode(&n, j, &a, &e), 0);
	ipam_namespace(w->m, &n);
	arena_release(&a);
}

/* A Service of type LoadBalancer with one IPv4 cluster IP, unless `spec` says otherwise.  `meta`
 * goes into the metadata, `status` are the addresses recorded (comma-separated YAML strings). */
static inline void world_service(
    struct world *w, const char *name, const char *meta, const char *spec, const char *status)
{
	char text[3000], ns[64] = "default";
	const char *slash = strchr(name, '/');
	struct arena a = ARENA_INIT;
	struct api_service s;
	struct err e = ERR_INIT;
	struct buf ingress = BUF_INIT;
	CLEANUP(json_freep) struct json *j = NULL;
	char *copy = strdup(status), *rest = copy, *one;

	if (slash)
		snprintf(ns, sizeof(ns), "%.*s", (int)(slash - name), name);
	while ((one = strsep(&rest, ", ")))
		if (*one)
			buf_printf(&ingress, "%s{%s: '%s'}", ingress.len ? ", " : "",
			    strpbrk(one, "gkpxz") ? "hostname" : "ip", one);
	free(copy);
	snprintf(text, sizeof(text),
	    "{metadata: {name: %s, namespace: %s%s%s}, spec: {%s%s%s}, status: {loadBalancer: "
	    "{ingress: "
	    "[%s]}}}",
	    slash ? slash + 1 : name, ns, *meta ? ", " : "", meta,
	    strstr(spec, "type:") ? "" : "type: LoadBalancer, ",
	    strstr(spec, "clusterIP") ? "" : "clusterIPs: [198.51.100.1], ", spec,
	    ingress.data ? ingress.data : "");
	buf_release(&ingress);
	j = yaml(text);
	if (api_service_decode(&s, j, &a, &e) < 0)
		fail_msg("%s in %s", e.text, text);
	ipam_service(w->m, &s);
	arena_release(&a);
}

static inline void world_gone(struct world *w, const char *name) /* of namespace default */
{
	ipam_service_gone(w->m, "default", name);
}

/* For `meta`. */
#define AGE(t) "creationTimestamp: '2024-01-01T00:00:0" #t "Z'"
#define OURS(pool) "annotations: {metallb.io/ip-allocated-from-pool: " pool "}"
#define OLD(t, pool) AGE(t) ", " OURS(pool)
#define POOL(name) "annotations: {metallb.io/address-pool: " name "}"
#define SHARE(key) "annotations: {metallb.io/allow-shared-ip: " key "}"
/* For `spec`. */
#define PORT(n) "ports: [{port: " #n "}]"
#define DUAL "clusterIPs: [198.51.100.1, '2001:db8:f::1'], ipFamilyPolicy: "

/* Fails for a code that the table of codes does not have. */
static inline void world_known(const char *code)
{
	const struct record_code *c = record_codes;

	while (c->code && strcmp(c->code, code) != 0)
		c++;
	if (!c->code)
		fail_msg("the code %s is in no table", code);
}

/* Everything that follows, one line each: "NAME -> ADDRESSES (POOL); CODE: MESSAGE; !REASON". */
static inline const char *world_run(struct world *w, bool words)
{
	struct ipam_outcome o;
	struct err e = ERR_INIT;
	char *out = w->text, text[ADDR_TEXT_LEN];
	size_t at = 0, size = sizeof(w->text);
	int more;

	out[0] = 0;
	while ((more = ipam_next(w->m, &o, &e)) > 0) {
		at += (size_t)snprintf(out + at, size - at, "%s%s", at ? "\n" : "", o.name);
		if (o.write)
			at += (size_t)snprintf(out + at, size - at, " ->");
		for (size_t i = 0; o.write && i < o.addresses_n; i++)
			at += (size_t)snprintf(
			    out + at, size - at, " %s", addr_format(&o.addresses[i], text));
		if (o.write)
			at += (size_t)snprintf(out + at, size - at, " (%s)", o.pool ? o.pool : "");
		if (o.decided)
			at += (size_t)snprintf(out + at, size - at, "; %s%s%s", o.decision.code,
			    words ? ": " : "", words ? o.decision.message : "");
		if (o.decided)
			world_known(o.decision.code);
		for (size_t i = 0; o.decided && i < o.decision.considered_n; i++)
			world_known(o.decision.considered[i].code);
		for (size_t i = 0; i < o.events_n; i++)
			at += (size_t)snprintf(out + at, size - at, "; %c%s%s%s",
			    o.events[i].warning ? '!' : '+', o.events[i].reason, words ? ": " : "",
			    words ? o.events[i].message : "");
		assert_true(at < size);
	}
	assert_int_equal(more, 0);
	return out;
}

#define RUN(w, want) assert_string_equal(world_run(w, false), want)
#define RUN_WORDS(w, want) assert_string_equal(world_run(w, true), want)

#endif
