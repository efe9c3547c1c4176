/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "pkg/api/field.h"

static const char *const types[] = { "ClusterIP", "NodePort", "LoadBalancer", "ExternalName" };
static const char *const protocols[] = { "TCP", "UDP", "SCTP" };
static const char *const policies[] = { "SingleStack", "PreferDualStack", "RequireDualStack" };
static const char *const families[] = { "IPv4", "IPv6" };
static const char *const traffic[] = { "Cluster", "Local" };

const char *api_protocol_name(enum api_protocol p)
{
	return protocols[p];
}

static unsigned one_of(struct decoder *d, const struct field *up, const char *key,
    const char *const *names, size_t n, unsigned absent)
{
	struct field f = field_get(up, key);

	return field_one_of(d, &f, names, (unsigned)n, absent);
}

/* One of spec.clusterIPs; NULL for "None" and none. */
static const char *cluster_ip(struct decoder *d, const struct field *f, struct addr *a)
{
	const char *s = field_text(d, f);
	struct err ignored = ERR_INIT; /* field_refuse tells it with the path */
	char text[ADDR_TEXT_LEN];

	if (!s || !s[0] || !strcmp(s, "None"))
		return NULL;
	if (addr_parse(a, s, &ignored) == 0) {
		bool mapped = a->family == ADDR_IPV4 && strchr(s, ':'); /* ::ffff:192.0.2.1 */

		return mapped ? arena_copy(d->arena, addr_format(a, text)) : s;
	}
	field_refuse(d, f, "an IP address or \"None\"");
	return NULL;
}

static void cluster_ips(struct decoder *d, const struct field *spec, struct api_service *s)
{
	struct field list = field_array(d, spec, "clusterIPs");
	struct field one = field_get(spec, "clusterIP");
	size_t n = json_count(list.json);
	const char **ips = field_room(d, 2, sizeof(*ips));
	struct addr addrs[2] = { { 0 }, { 0 } };
	struct field first = field_item(&list, 0);
	const char *alone = cluster_ip(d, &one, &addrs[0]);
	const char *none = json_string(n ? first.json : one.json);

	if (n > 2)
		field_refuse(d, &list, "at most one address of each family");
	if (d->bad || !ips)
		return;
	s->headless = none && !strcmp(none, "None");
	for (size_t i = 0; i < n; i++) {
		struct field item = field_item(&list, i);
		const char *ip = cluster_ip(d, &item, &addrs[s->cluster_ips_n]);

		if (ip)
			ips[s->cluster_ips_n++] = ip;
	}
	if (!n && alone)
		ips[s->cluster_ips_n++] = alone;
	if (s->cluster_ips_n == 2 && addrs[0].family == addrs[1].family)
		field_refuse(d, &list, "at most one address of each family");
	s->cluster_ips = ips;
}

static void ip_families(struct decoder *d, const struct field *spec, struct api_service *s)
{
	static const uint8_t values[] = { ADDR_IPV4, ADDR_IPV6, ADDR_NONE };
	struct field list = field_array(d, spec, "ipFamilies");
	size_t n = json_count(list.json);

	for (size_t i = 0; i < n && i < 2; i++) {
		struct field item = field_item(&list, i);

		s->ip_families[i] = values[field_one_of(d, &item, families, 2, 2)];
	}
	if (n > 2 || (n == 2 && s->ip_families[0] == s->ip_families[1]))
		field_refuse(d, &list, "IPv4 and IPv6 at most once each");
}

static void ports(struct decoder *d, const struct field *spec, struct api_service *s)
{
	struct field list = field_array(d, spec, "ports");
	size_t n = json_count(list.json);
	struct api_port *at = field_room(d, n, sizeof(*at));

	for (size_t i = 0; at && i < n && !d->bad; i++) {
		struct field item = field_item(&list, i);
		struct field port = field_get(&item, "port");

		if (field_absent(&item) || !field_check(d, &item, JSON_OBJECT))
			field_refuse(d, &item, json_type_name(JSON_OBJECT));
		at[i].protocol = one_of(d, &item, "protocol", protocols, ARRAY_LEN(protocols), API_TCP);
		at[i].port = (uint16_t)field_int(d, &port, 1, UINT16_MAX);
		s->ports_n = i + 1;
	}
	s->ports = at;
}

static void ingress(struct decoder *d, const struct field *root, struct api_service *s)
{
	struct field status = field_object(d, root, "status");
	struct field balancer = field_object(d, &status, "loadBalancer");
	struct field list = field_array(d, &balancer, "ingress");
	size_t n = json_count(list.json);
	struct api_ingress *at = field_room(d, n, sizeof(*at));

	for (size_t i = 0; at && i < n && !d->bad; i++) {
		struct field item = field_item(&list, i);

		if (!field_check(d, &item, JSON_OBJECT))
			item.json = NULL;
		at[i].ip = field_string(d, &item, "ip");
		at[i].hostname = field_string(d, &item, "hostname");
		s->ingress_n = i + 1;
	}
	s->ingress = at;
}

int api_service_decode(struct api_service *s, const struct json *object, struct arena *a, struct err *e)
{
	struct decoder d = { .arena = a, .e = e };
	struct field root = field_root(object, "");
	struct api_service got = { .meta = field_meta(&d, &root) };
	struct field spec = field_object(&d, &root, "spec");
	struct field class = field_get(&spec, "loadBalancerClass");

	got.load_balancer = one_of(&d, &spec, "type", types, ARRAY_LEN(types), 0) == 2;
	got.load_balancer_class = field_text(&d, &class);
	got.load_balancer_ip = field_string(&d, &spec, "loadBalancerIP");
	cluster_ips(&d, &spec, &got);
	ip_families(&d, &spec, &got);
	got.ip_family_policy =
	    one_of(&d, &spec, "ipFamilyPolicy", policies, ARRAY_LEN(policies), API_SINGLE_STACK);
	got.external_traffic_local =
	    one_of(&d, &spec, "externalTrafficPolicy", traffic, ARRAY_LEN(traffic), 0) == 1;
	got.selector = field_map(&d, &spec, "selector", NULL);
	ports(&d, &spec, &got);
	ingress(&d, &root, &got);
	if (decoder_finish(&d) < 0)
		return -1;
	*s = got;
	return 0;
}
