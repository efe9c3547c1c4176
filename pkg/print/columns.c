/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/print/columns.h"

#include <string.h>

void column_text(const struct json *j, const char *otherwise, struct buf *out)
{
	const char *s = json_string(j);

	buf_puts(out, s && s[0] ? s : otherwise);
}

/* The strings of a list, or of one field of its objects, joined by commas. */
static void join(const struct json *list, const char *field, const char *otherwise, struct buf *out)
{
	size_t start = out->len;

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *item = json_item(list, i);
		const char *s = json_string(field ? json_get(item, field) : item);

		if (!s)
			continue;
		if (out->len > start)
			buf_putc(out, ',');
		buf_puts(out, s);
	}
	if (out->len == start)
		buf_puts(out, otherwise);
}

static void namespace(const struct json *o, struct buf *out)
{
	column_text(json_at(o, "metadata", "namespace", NULL), "", out);
}

static void name(const struct json *o, struct buf *out)
{
	column_text(json_at(o, "metadata", "name", NULL), "", out);
}

static void kind(const struct json *o, struct buf *out)
{
	column_text(json_get(o, "kind"), "", out);
}

/* namespace/name, or the name alone */
void column_subject(const struct json *meta, struct buf *out)
{
	const char *ns = json_string(json_get(meta, "namespace"));

	if (ns && ns[0])
		buf_printf(out, "%s/", ns);
	column_text(json_get(meta, "name"), "", out);
}

void column_object(const struct json *o, struct buf *out)
{
	column_subject(json_get(o, "metadata"), out);
}

static void service_type(const struct json *o, struct buf *out)
{
	column_text(json_at(o, "spec", "type", NULL), "ClusterIP", out);
}

static void cluster_ip(const struct json *o, struct buf *out)
{
	column_text(json_at(o, "spec", "clusterIP", NULL), "<none>", out);
}

static void external_ip(const struct json *o, struct buf *out)
{
	const struct json *ingress = json_at(o, "status", "loadBalancer", "ingress", NULL);
	const char *type = json_string(json_at(o, "spec", "type", NULL));
	struct buf host = BUF_INIT;

	join(ingress, "hostname", "", &host);
	join(ingress, "ip",
	    host.len                                ? host.data
	    : type && !strcmp(type, "LoadBalancer") ? "<pending>"
						    : "<none>",
	    out);
	buf_release(&host);
}

/* Of an APPLY: no address means that the status is emptied. */
static void applied_ip(const struct json *o, struct buf *out)
{
	join(json_at(o, "status", "loadBalancer", "ingress", NULL), "ip", "<none>", out);
}

static void ports(const struct json *o, struct buf *out)
{
	const struct json *list = json_at(o, "spec", "ports", NULL);

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *p = json_item(list, i);
		const char *protocol = json_string(json_get(p, "protocol"));
		int64_t port = 0, node = 0;

		buf_printf(out, "%s%lld", i ? "," : "",
		    (long long)(json_int(json_get(p, "port"), &port) ? port : 0));
		if (json_int(json_get(p, "nodePort"), &node))
			buf_printf(out, ":%lld", (long long)node);
		buf_printf(out, "/%s", protocol ? protocol : "TCP");
	}
	if (!json_count(list))
		buf_puts(out, "<none>");
}

static void pool_annotation(const struct json *o, struct buf *out)
{
	column_text(json_at(o, "metadata", "annotations", "metallb.io/ip-allocated-from-pool", NULL),
	    "<none>", out);
}

static void truth(const struct json *j, bool otherwise, struct buf *out)
{
	bool v = otherwise;

	json_bool(j, &v);
	buf_puts(out, v ? "true" : "false");
}

static void auto_assign(const struct json *o, struct buf *out)
{
	truth(json_at(o, "spec", "autoAssign", NULL), true, out);
}

static void avoid_buggy_ips(const struct json *o, struct buf *out)
{
	truth(json_at(o, "spec", "avoidBuggyIPs", NULL), false, out);
}

void column_addresses(const struct json *o, struct buf *out)
{
	join(json_at(o, "spec", "addresses", NULL), NULL, "<none>", out);
}

static void advertised_pools(const struct json *o, struct buf *out)
{
	const char *all =
	    json_count(json_at(o, "spec", "ipAddressPoolSelectors", NULL)) ? "<selected>" : "<all>";

	join(json_at(o, "spec", "ipAddressPools", NULL), NULL, all, out);
}

static void interfaces(const struct json *o, struct buf *out)
{
	join(json_at(o, "spec", "interfaces", NULL), NULL, "<all>", out);
}

static void node_ready(const struct json *o, struct buf *out)
{
	const struct json *list = json_at(o, "status", "conditions", NULL);

	for (size_t i = 0; i < json_count(list); i++) {
		const char *type = json_string(json_get(json_item(list, i), "type"));

		if (type && !strcmp(type, "Ready")) {
			column_text(json_get(json_item(list, i), "status"), "Unknown", out);
			return;
		}
	}
	buf_puts(out, "Unknown");
}

static void internal_ip(const struct json *o, struct buf *out)
{
	const struct json *list = json_at(o, "status", "addresses", NULL);
	size_t start = out->len;

	for (size_t i = 0; i < json_count(list); i++) {
		const char *type = json_string(json_get(json_item(list, i), "type"));

		if (!type || strcmp(type, "InternalIP") != 0)
			continue;
		if (out->len > start)
			buf_putc(out, ',');
		column_text(json_get(json_item(list, i), "address"), "", out);
	}
	if (out->len == start)
		buf_puts(out, "<none>");
}

static void slice_service(const struct json *o, struct buf *out)
{
	column_text(
	    json_at(o, "metadata", "labels", "kubernetes.io/service-name", NULL), "<none>", out);
}

static void slice_endpoints(const struct json *o, struct buf *out)
{
	const struct json *list = json_get(o, "endpoints");

	for (size_t i = 0; i < json_count(list); i++) {
		if (i)
			buf_putc(out, ',');
		join(json_get(json_item(list, i), "addresses"), NULL, "<none>", out);
	}
	if (!json_count(list))
		buf_puts(out, "<none>");
}

static void event_object(const struct json *o, struct buf *out)
{
	column_subject(json_get(o, "involvedObject"), out);
}

static void event_type(const struct json *o, struct buf *out)
{
	column_text(json_get(o, "type"), "", out);
}

static void event_reason(const struct json *o, struct buf *out)
{
	column_text(json_get(o, "reason"), "", out);
}

static void message(const struct json *o, struct buf *out)
{
	column_text(json_get(o, "message"), "", out);
}

static void decision_kind(const struct json *o, struct buf *out)
{
	column_text(json_at(o, "spec", "subject", "kind", NULL), "", out);
}

static void verdict(const struct json *o, struct buf *out)
{
	column_text(json_at(o, "spec", "verdict", NULL), "", out);
}

void column_code(const struct json *o, struct buf *out)
{
	column_text(json_at(o, "spec", "code", NULL), "", out);
}

void column_message(const struct json *o, struct buf *out)
{
	column_text(json_at(o, "spec", "message", NULL), "", out);
}

/* "pool-a (PoolExhausted), pool-b" */
static void considered_of(const struct json *list, struct buf *out)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const char *why = json_string(json_get(json_item(list, i), "code"));

		if (i)
			buf_puts(out, ", ");
		column_text(json_get(json_item(list, i), "name"), "", out);
		if (why)
			buf_printf(out, " (%s)", why);
	}
	if (!json_count(list))
		buf_puts(out, "<none>");
}

static void considered(const struct json *o, struct buf *out)
{
	considered_of(json_at(o, "spec", "considered", NULL), out);
}

static void candidates(const struct json *o, struct buf *out)
{
	considered_of(json_at(o, "spec", "candidates", NULL), out);
}

static void announcement_node(const struct json *o, struct buf *out)
{
	column_text(json_at(o, "spec", "node", NULL), "<none>", out);
}

static void pool(const struct json *o, struct buf *out)
{
	column_text(json_at(o, "spec", "pool", NULL), "<none>", out);
}

static void alive(const struct json *o, struct buf *out)
{
	truth(json_at(o, "status", "alive", NULL), false, out);
}

static void member_reason(const struct json *o, struct buf *out)
{
	column_text(json_at(o, "status", "reason", NULL), "", out);
}

static const struct print_column service[] = {
	{ "NAMESPACE", namespace, false },
	{ "NAME", name, false },
	{ "TYPE", service_type, false },
	{ "CLUSTER-IP", cluster_ip, false },
	{ "EXTERNAL-IP", external_ip, false },
	{ "PORT(S)", ports, false },
	{ "POOL", pool_annotation, true },
	{ NULL, NULL, false },
};

static const struct print_column applied_service[] = {
	{ "SERVICE", column_object, false },
	{ "EXTERNAL-IP", applied_ip, false },
	{ "POOL", pool_annotation, false },
	{ NULL, NULL, false },
};

static const struct print_column address_pool[] = {
	{ "NAMESPACE", namespace, false },
	{ "NAME", name, false },
	{ "AUTO ASSIGN", auto_assign, false },
	{ "AVOID BUGGY IPS", avoid_buggy_ips, false },
	{ "ADDRESSES", column_addresses, false },
	{ NULL, NULL, false },
};

static const struct print_column l2_advertisement[] = {
	{ "NAMESPACE", namespace, false },
	{ "NAME", name, false },
	{ "IPADDRESSPOOLS", advertised_pools, false },
	{ "INTERFACES", interfaces, false },
	{ NULL, NULL, false },
};

static const struct print_column node[] = {
	{ "NAME", name, false },
	{ "READY", node_ready, false },
	{ "INTERNAL-IP", internal_ip, false },
	{ NULL, NULL, false },
};

static const struct print_column endpoint_slice[] = {
	{ "NAMESPACE", namespace, false },
	{ "NAME", name, false },
	{ "SERVICE", slice_service, false },
	{ "ENDPOINTS", slice_endpoints, false },
	{ NULL, NULL, false },
};

static const struct print_column event[] = {
	{ "OBJECT", event_object, false },
	{ "TYPE", event_type, false },
	{ "REASON", event_reason, false },
	{ "MESSAGE", message, false },
	{ NULL, NULL, false },
};

static const struct print_column decision[] = {
	{ "KIND", decision_kind, true },
	{ "SUBJECT", column_object, false },
	{ "VERDICT", verdict, false },
	{ "CODE", column_code, false },
	{ "CONSIDERED", considered, true },
	{ "MESSAGE", column_message, false },
	{ NULL, NULL, false },
};

static const struct print_column announcement[] = {
	{ "SERVICE", column_object, false },
	{ "NODE", announcement_node, false },
	{ "ADDRESSES", column_addresses, false },
	{ "POOL", pool, false },
	{ "INTERFACES", interfaces, false },
	{ "CANDIDATES", candidates, true },
	{ NULL, NULL, false },
};

static const struct print_column member[] = {
	{ "NODE", name, false },
	{ "ALIVE", alive, false },
	{ "REASON", member_reason, false },
	{ NULL, NULL, false },
};

static const struct print_column status[] = {
	{ "ERROR", message, false },
	{ NULL, NULL, false },
};

static const struct print_column other[] = {
	{ "KIND", kind, false },
	{ "NAMESPACE", namespace, false },
	{ "NAME", name, false },
	{ NULL, NULL, false },
};

static const struct print_table tables[] = {
	{ "Service", service },
	{ "IPAddressPool", address_pool },
	{ "L2Advertisement", l2_advertisement },
	{ "Node", node },
	{ "EndpointSlice", endpoint_slice },
	{ "Event", event },
	{ "Decision", decision },
	{ "Announcement", announcement },
	{ "Member", member },
	{ "Status", status },
	{ NULL, other },
};

static const struct print_table applied = { "Service", applied_service };

static bool is(const struct json *text, const char *want)
{
	const char *s = json_string(text);

	return s && !strcmp(s, want);
}

const struct print_table *print_table_of(const struct json *object, bool apply)
{
	const struct json *k = json_get(object, "kind");
	const struct print_table *t = tables;

	if (apply && is(k, "Service"))
		return &applied;
	if (is(k, "Decision") && is(json_at(object, "spec", "component", NULL), "elect"))
		return print_elected(object);
	while (t->kind && !is(k, t->kind))
		t++;
	return t;
}
