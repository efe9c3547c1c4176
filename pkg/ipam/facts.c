/* SPDX-License-Identifier: Apache-2.0 */
/* What a Service says, packed into one block: first measured, then written, by the same code. */
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>

#include "pkg/ipam/engine.h"

static const char asked_key[] = "loadBalancerIPs";

struct pack {
	char *base; /* NULL: only measure */
	size_t used;
};

static void *room(struct pack *p, size_t n, size_t align)
{
	size_t at = (p->used + align - 1) & ~(align - 1);

	p->used = at + n;
	return p->base ? p->base + at : NULL;
}

static const char *text(struct pack *p, const char *s)
{
	size_t n = s ? strlen(s) + 1 : 0;
	char *to = s ? room(p, n, 1) : NULL;

	if (to)
		memcpy(to, s, n);
	return to;
}

static struct api_map map(struct pack *p, const struct api_map *m)
{
	struct api_pair *to = room(p, m->n * sizeof(*to), alignof(struct api_pair));

	for (size_t i = 0; i < m->n; i++) {
		struct api_pair pair = { text(p, m->at[i].key), text(p, m->at[i].value) };

		if (to)
			to[i] = pair;
	}
	return (struct api_map){ to, m->n };
}

/* Without cluster IPs (a manifest that no API server completed) the families that are named count,
 * or else whatever there is. */
static enum need need_of(const struct api_service *s, bool *not_enough)
{
	size_t n = s->cluster_ips_n;
	bool dual = n == 2, require = s->ip_family_policy == API_REQUIRE_DUAL_STACK;
	const char *only = n ? s->cluster_ips[0] : NULL;
	bool ipv6 = only && strchr(only, ':');

	*not_enough = false;
	if (!n && s->headless)
		return NEED_NONE;
	if (!n) {
		dual = s->ip_family_policy != API_SINGLE_STACK &&
		       (s->ip_families[1] != ADDR_NONE || s->ip_families[0] == ADDR_NONE);
		ipv6 = s->ip_families[0] == ADDR_IPV6;
	}
	if (dual)
		return require ? NEED_REQUIRE : NEED_PREFER;
	*not_enough = require;
	if (!n && s->ip_families[0] == ADDR_NONE)
		return NEED_EITHER;
	return ipv6 ? NEED_IPV6 : NEED_IPV4;
}

static uint8_t primary_of(const struct api_service *s)
{
	return s->ip_families[0] == ADDR_IPV6 ? ADDR_IPV6 : ADDR_IPV4;
}

/* The addresses of a comma-separated list. */
static bool parse_list(struct facts *f, const char *whole, struct err *why)
{
	const char *list = whole;

	while (1) {
		size_t n = strcspn(list, ","), len = n;
		const char *from = addr_trim(list, &len);
		char one[ADDR_TEXT_LEN];

		if (!len) {
			err_set(why, ERR_USAGE,
			    "an entry of \"%.100s\" is empty: want one address, or one of each family "
			    "with a comma between",
			    whole);
			return false;
		}
		if (len >= sizeof(one)) {
			err_set(why, ERR_USAGE,
			    "\"%.60s\" is not an address: want IPv4 such as 192.0.2.10, or IPv6 such "
			    "as 2001:db8::10",
			    from);
			return false;
		}
		snprintf(one, sizeof(one), "%.*s", (int)len, from);
		if (f->asked_n == 2) {
			err_set(why, ERR_USAGE,
			    "\"%.100s\" has more than two addresses: want one, or one of each family",
			    whole);
			return false;
		}
		if (addr_parse(&f->asked[f->asked_n], one, why) < 0)
			return false;
		f->asked_n++;
		if (!list[n])
			break;
		list += n + 1;
	}
	if (f->asked_n == 2 && f->asked[0].family == f->asked[1].family) {
		err_set(why, ERR_USAGE,
		    "\"%.100s\" has two addresses of one family: want one of each, or one only", whole);
		return false;
	}
	return true;
}

static const char *say(struct pack *p, const char *fmt, ...) PRINTF(2, 3);
static const char *say(struct pack *p, const char *fmt, ...)
{
	char out[700];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out, sizeof(out), fmt, ap);
	va_end(ap);
	return text(p, out);
}

static void request(struct pack *p, struct facts *f, const struct api_service *s)
{
	const char *list = api_annotation(&s->meta, asked_key);
	const char *pool = api_annotation(&s->meta, "address-pool");
	const char *field = s->load_balancer_ip;
	struct err why = ERR_INIT;
	char key[60];

	f->asked_pool = pool && *pool ? text(p, pool) : NULL;
	if (!list && !*field)
		return;
	snprintf(key, sizeof(key), "metallb.io/%s", asked_key);
	if (!api_map_get(&s->meta.annotations, key))
		snprintf(key, sizeof(key), "metallb.universe.tf/%s", asked_key);
	if (list && *list && *field) {
		f->invalid = say(p,
		    "it has both the annotation %s and spec.loadBalancerIP: remove one, the annotation "
		    "is "
		    "the newer way",
		    key);
		f->invalid_go = say(p,
		    "service can not have both metallb.io/%s and svc.Spec.LoadBalancerIP", asked_key);
	} else if (list && *list && !parse_list(f, list, &why)) {
		f->invalid = say(p, "annotation %s: %.300s", key, why.text);
		f->invalid_go = say(p, "invalid metallb.io/%s: %.200s", asked_key, why.text);
	} else if (*field && addr_parse(&f->asked[0], field, &why) < 0) {
		f->invalid = say(p, "spec.loadBalancerIP: %.300s", why.text);
		f->invalid_go = say(p, "invalid spec.loadBalancerIP \"%.100s\"", field);
	} else if (*field) {
		f->asked_n = 1;
	}
}

/* The key of MetalLB's rule: with externalTrafficPolicy Local the Pods must be the same. */
static const char *backend(struct pack *p, const struct api_service *s)
{
	char *at;
	size_t n = 1;

	if (!s->external_traffic_local)
		return text(p, "");
	for (size_t i = 0; i < s->selector.n; i++)
		n += strlen(s->selector.at[i].key) + strlen(s->selector.at[i].value) + 2;
	at = room(p, n, 1);
	if (!at)
		return NULL;
	for (size_t i = 0, used = 0; i < s->selector.n; i++)
		used += (size_t)snprintf(at + used, n - used, "%s%s=%s", i ? "," : "",
		    s->selector.at[i].key, s->selector.at[i].value);
	if (!s->selector.n)
		at[0] = 0;
	return at;
}

static void fill(struct pack *p, struct facts *f, const struct api_service *s)
{
	const char *key = api_annotation(&s->meta, "allow-shared-ip");
	struct api_port *ports;

	*f = (struct facts){
		.load_balancer = s->load_balancer,
		.primary = primary_of(s),
		.ports_n = s->ports_n,
	};
	f->need = need_of(s, &f->not_enough);
	ports = room(p, s->ports_n * sizeof(*ports), alignof(struct api_port));
	if (ports && s->ports_n)
		memcpy(ports, s->ports, s->ports_n * sizeof(*ports));
	f->ports = ports;
	f->labels = map(p, &s->meta.labels);
	f->uid = text(p, s->meta.uid);
	f->class = text(p, s->load_balancer_class);
	f->sharing = text(p, key ? key : "");
	f->backend = backend(p, s);
	if (api_annotation_deprecated(&s->meta, &key))
		f->deprecated = text(p, key);
	request(p, f, s);
}

struct facts *facts_new(const struct api_service *s)
{
	struct facts measured;
	struct pack p = { NULL, sizeof(struct facts) };
	struct facts *f;

	fill(&p, &measured, s);
	f = malloc(p.used);
	if (!f)
		return NULL;
	p = (struct pack){ (char *)f, sizeof(*f) };
	fill(&p, f, s);
	return f;
}

struct seen *seen_of(const struct addr *at, size_t n)
{
	struct seen *v = calloc(1, sizeof(*v) + n * sizeof(*at));

	if (v && n)
		memcpy(v->at, at, n * sizeof(*at));
	if (v)
		v->n = n;
	return v;
}

struct seen *seen_new(const struct api_service *s)
{
	const char *pool = api_annotation(&s->meta, "ip-allocated-from-pool");
	size_t len = pool ? strlen(pool) + 1 : 0;
	struct seen *v = calloc(1, sizeof(*v) + s->ingress_n * sizeof(v->at[0]) + len);
	struct err ignored = ERR_INIT; /* anything else than an address is odd */

	if (!v)
		return NULL;
	for (size_t i = 0; i < s->ingress_n; i++) {
		if (addr_parse(&v->at[v->n], s->ingress[i].ip, &ignored) == 0)
			v->n++;
		else
			v->odd = true;
	}
	if (pool) {
		char *to = (char *)&v->at[s->ingress_n];

		memcpy(to, pool, len);
		v->pool = to;
	}
	v->old =
	    api_map_get(&s->meta.annotations, "metallb.universe.tf/ip-allocated-from-pool") != NULL;
	return v;
}

int by_service_age(const struct service *a, const struct service *b)
{
	int64_t at = a->created ? a->created : INT64_MAX;
	int64_t bt = b->created ? b->created : INT64_MAX;
	int c;

	if (at != bt)
		return at < bt ? -1 : 1;
	c = strcmp(SERVICE_NAMESPACE(a), SERVICE_NAMESPACE(b));
	return c ? c : strcmp(a->name, b->name);
}

/* A Namespace's labels in one block, with the one that every API server adds.  labels NULL: there
 * is no such object. */
struct api_map labels_new(const char *namespace, const struct api_map *labels, bool *ok)
{
	static const char own[] = "kubernetes.io/metadata.name";
	size_t n = labels ? labels->n : 0, k = 0;
	struct pack p = { NULL, 0 };
	struct api_map all, copy;
	struct api_pair *at = calloc(n + 1, sizeof(*at));
	bool add = !labels || !api_map_get(labels, own);

	*ok = at != NULL;
	if (!at)
		return (struct api_map){ 0 };
	for (size_t i = 0; i < n; i++) {
		if (add && k == i && strcmp(own, labels->at[i].key) < 0)
			at[k++] = (struct api_pair){ own, namespace };
		at[k++] = labels->at[i];
	}
	if (add && k == n)
		at[k++] = (struct api_pair){ own, namespace };
	all = (struct api_map){ at, k };
	copy = map(&p, &all);
	p = (struct pack){ malloc(p.used + 1), 0 };
	*ok = p.base != NULL;
	if (p.base)
		copy = map(&p, &all);
	free(at);
	return copy;
}
