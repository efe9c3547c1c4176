/* SPDX-License-Identifier: Apache-2.0 */
/* lbctl announce: answers for the addresses of the Announcements that it reads.
 *
 * This file knows records and options; what is answered, and what is sent when, is pkg/l2's. */
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "pkg/l2/l2.h"
#include "pkg/log/log.h"
#include "pkg/record/record.h"
#include "pkg/stage/stage.h"

struct args {
	const char *node;
	const char *output;
	const char *bind_interface;
	struct opt_list interfaces;
	struct opt_list exclude;
	uint32_t grace_ms;
	bool bind;
};

static const struct opt opts[] = {
	OPT_STRING(0, "node", "NAME", struct args, node,
	    "announce what is this node's; default: $NODE_NAME, else the host name"),
	OPT_LIST('i', "interface", "GLOB", struct args, interfaces,
	    "use only interfaces whose name matches; repeatable"),
	OPT_LIST(0, "exclude", "GLOB", struct args, exclude,
	    "leave interfaces alone whose name matches; repeatable"),
	OPT_DURATION(0, "grace", "DURATION", struct args, grace_ms,
	    "answer for that long after a withdrawal, or until another node takes over; default 1s"),
	OPT_FLAG(0, "bind", struct args, bind,
	    "put each address on an interface too, for hosts without kube-proxy"),
	OPT_STRING(0, "bind-interface", "NAME", struct args, bind_interface,
	    "with --bind, the interface; default: the first that the address is announced on"),
	OPT_STRING('o', "output", "FORMAT", struct args, output, "json, wide, name or table"),
	OPT_END,
};

struct announce {
	struct stage *stage;
	struct l2_port *port;
	const char *node;
	bool draining;
};

#define COMPONENT "metallb-speaker"

/* "namespace/name", split again: names of Kubernetes have no slash. */
struct service {
	char namespace[256];
	const char *name;
};

static struct service service_of(const char *key)
{
	struct service s;
	const char *slash = strchr(key, '/');

	snprintf(s.namespace, sizeof(s.namespace), "%.*s", (int)(slash - key), key);
	s.name = slash + 1;
	return s;
}

/* The addresses of one family (ADDR_NONE: of both) with commas. */
static void list_addresses(struct buf *out, const struct l2_event *ev, uint8_t family)
{
	const char *comma = "";
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < ev->addresses_n; i++) {
		if (family && ev->addresses[i].family != family)
			continue;
		buf_printf(out, "%s%s", comma, addr_format(&ev->addresses[i], text));
		comma = ", ";
	}
}

static const struct record_considered fits[] = {
	[L2_LINK_FITS] = { NULL, "", "fits" },
	[L2_LINK_WITHOUT_ARP] = { NULL, "NoARP", "it does not carry ARP" },
	[L2_LINK_ENSLAVED] = { NULL, "Enslaved", "it belongs to a bridge, bond or VRF" },
	[L2_LINK_NOT_NAMED] = { NULL, "NotNamed", "the advertisement names other interfaces" },
	[L2_LINK_NOT_SELECTED] = { NULL, "NotSelected", "no --interface matches its name" },
	[L2_LINK_EXCLUDED] = { NULL, "Excluded", "an --exclude matches its name" },
	[L2_LINK_DOWN] = { NULL, "Down", "it is down" },
	[L2_LINK_WITHOUT_CARRIER] = { NULL, "NoCarrier", "it has no carrier" },
};

/* Each link but loopback, with what speaks against it.  The caller frees the array. */
static struct record_considered *consider_links(
    const struct announce *a, const struct l2_event *ev, size_t *n)
{
	const struct netlink_world *w = l2_port_world(a->port);
	struct record_considered *all = calloc(w->links_n + 1, sizeof(*all));

	*n = 0;
	for (size_t i = 0; all && i < w->links_n; i++) {
		const struct netlink_link *k = &w->links[i];

		if (k->loopback)
			continue;
		all[*n] = fits[l2_link_fit(l2_port_engine(a->port), k, &ev->interfaces)];
		all[(*n)++].name = k->name;
	}
	return all;
}

static void decide(struct announce *a, const struct l2_event *ev, enum record_verdict verdict,
    const char *code, const struct buf *message)
{
	struct service s = service_of(ev->key);
	CLEANUP(freep) struct record_considered *links = NULL;
	struct buf out = BUF_INIT;
	size_t links_n = 0;

	if (ev->what == L2_ANNOUNCING || ev->what == L2_NO_LINK)
		links = consider_links(a, ev, &links_n);
	record_decision(&out, &(struct record_decision){ .subject_kind = "Service",
				  .namespace = s.namespace,
				  .name = s.name,
				  .component = "announce",
				  .verdict = verdict,
				  .code = code,
				  .message = message->data,
				  .considered = links,
				  .considered_n = links_n });
	stage_add(a->stage, &out);
	buf_release(&out);
}

static void tell(struct announce *a, const struct l2_event *ev, bool warning, const char *reason,
    const struct buf *message)
{
	struct service s = service_of(ev->key);
	struct buf out = BUF_INIT;

	record_event(&out, &(struct record_event){ .namespace = s.namespace,
			       .name = s.name,
			       .uid = "",
			       .warning = warning,
			       .reason = reason,
			       .message = message->data,
			       .component = COMPONENT,
			       .host = a->node });
	stage_add(a->stage, &out);
	buf_release(&out);
}

static void announcing(struct announce *a, const struct l2_event *ev)
{
	struct buf text = BUF_INIT;

	buf_printf(&text, "announcing from node \"%s\" with protocol \"layer2\"", a->node);
	tell(a, ev, false, "nodeAssigned", &text);
	buf_reset(&text);
	buf_puts(&text, "announcing ");
	list_addresses(&text, ev, ADDR_IPV4);
	buf_printf(&text, " from node \"%s\" with protocol \"layer2\"", a->node);
	decide(a, ev, VERDICT_DONE, "Announcing", &text);
	buf_release(&text);
}

static void no_link(struct announce *a, const struct l2_event *ev)
{
	struct buf text = BUF_INIT;

	if (ev->interfaces.n) {
		buf_puts(&text, "the interfaces specified by LB IP \"");
		list_addresses(&text, ev, ADDR_IPV4);
		buf_puts(&text, "\" doesn't exist");
	} else {
		buf_puts(&text, "no interface that is up and carries ARP for LB IP \"");
		list_addresses(&text, ev, ADDR_IPV4);
		buf_puts(&text, "\"");
	}
	buf_printf(&text, " in assigned node \"%s\" with protocol \"layer2\"", a->node);
	tell(a, ev, true, "announceFailed", &text);
	buf_reset(&text);
	buf_printf(&text, "node \"%s\" announces ", a->node);
	list_addresses(&text, ev, ADDR_IPV4);
	buf_puts(&text, " nowhere: no interface fits");
	for (size_t i = 0; i < ev->interfaces.n; i++)
		buf_printf(&text, "%s%s", i ? ", " : " the advertisement's ", ev->interfaces.at[i]);
	decide(a, ev, VERDICT_REFUSED, "NoInterface", &text);
	buf_release(&text);
}

static void no_ipv6(struct announce *a, const struct l2_event *ev)
{
	struct buf text = BUF_INIT;

	list_addresses(&text, ev, ADDR_IPV6);
	buf_puts(&text, " is not announced: this version answers ARP (IPv4), not NDP (IPv6)");
	decide(a, ev, VERDICT_REFUSED, "IPv6NotAnnounced", &text);
	buf_release(&text);
}

static void ended(struct announce *a, const struct l2_event *ev)
{
	struct buf text = BUF_INIT;
	char mac[MAC_TEXT_LEN];

	buf_printf(&text, "node \"%s\" no longer announces ", a->node);
	list_addresses(&text, ev, ADDR_NONE);
	if (ev->why == L2_AFTER_SUCCESSOR)
		buf_printf(&text, ": %s has taken over", mac_format(&ev->successor, mac));
	else if (ev->why == L2_AFTER_GRACE)
		buf_puts(&text, ": withdrawn, and its grace is over");
	else
		buf_puts(&text, ": withdrawn");
	decide(a, ev, VERDICT_RELEASED, "AnnouncementEnded", &text);
	buf_release(&text);
}

static void finish_if_idle(struct announce *a)
{
	if (a->draining && l2_port_is_idle(a->port))
		stage_done(a->stage);
}

static void on_happened(void *ctx, const struct l2_event *ev)
{
	struct announce *a = ctx;

	switch (ev->what) {
	case L2_ANNOUNCING:
		announcing(a, ev);
		break;
	case L2_NO_LINK:
		no_link(a, ev);
		break;
	case L2_NO_IPV6:
		no_ipv6(a, ev);
		break;
	case L2_ENDED:
		ended(a, ev);
		break;
	}
}

static void on_quiet(void *ctx)
{
	finish_if_idle(ctx);
}

static void on_failed(void *ctx, const struct err *e)
{
	struct announce *a = ctx;

	stage_fail(a->stage, e);
}

static void ignore(const char *key, const char *fmt, const char *value, const char *why)
{
	log_warn(NULL, "Announcement %s: %s \"%s\": %s; ignoring it", key, fmt, value, why);
}

/* The strings of an array, or none. */
static size_t strings(const struct json *array, const char **out)
{
	size_t n = 0;

	for (size_t i = 0; i < json_count(array); i++) {
		const char *s = json_string(json_item(array, i));

		if (s)
			out[n++] = s;
	}
	return n;
}

static bool is_layer2(const struct json *protocols)
{
	for (size_t i = 0; i < json_count(protocols); i++) {
		const char *s = json_string(json_item(protocols, i));

		if (s && !strcmp(s, "layer2"))
			return true;
	}
	return json_count(protocols) == 0;
}

static void announce_it(struct announce *a, const char *key, const struct json *spec)
{
	const struct json *list = json_get(spec, "addresses"), *names = json_get(spec, "interfaces");
	CLEANUP(freep) struct addr *addresses = calloc(json_count(list) + 1, sizeof(*addresses));
	CLEANUP(freep) const char **interfaces = calloc(json_count(names) + 1, sizeof(*interfaces));
	struct l2_announcement what = { .key = key, .addresses = addresses };
	struct err e = ERR_INIT;

	if (!addresses || !interfaces) {
		err_memory(&e);
		stage_fail(a->stage, &e);
		return;
	}
	for (size_t i = 0; i < json_count(list); i++) {
		const char *text = json_string(json_item(list, i));

		if (text && addr_parse(&addresses[what.addresses_n], text, &e) == 0)
			what.addresses_n++;
		else
			ignore(key, "spec.addresses", text ? text : "",
			    text ? e.text : "it must be a string");
	}
	what.interfaces = (struct l2_names){ interfaces, strings(names, interfaces) };
	if (l2_port_announce(a->port, &what, &e) < 0)
		stage_fail(a->stage, &e);
}

static void on_record(void *ctx, const struct record *r, const struct json *object)
{
	struct announce *a = ctx;
	const struct json *meta = json_get(object, "metadata");
	const char *namespace = json_string(json_get(meta, "namespace"));
	const char *name = json_string(json_get(meta, "name"));
	const struct json *spec = json_get(object, "spec");
	const char *node = json_string(json_get(spec, "node"));
	char key[512];

	if (!name) {
		log_warn(NULL, "line %llu: an Announcement without metadata.name; ignoring it",
		    (unsigned long long)r->line);
		return;
	}
	snprintf(key, sizeof(key), "%.255s/%.253s", namespace ? namespace : "", name);
	if (r->type == RECORD_DELETED || !node || strcmp(node, a->node) != 0 ||
	    !is_layer2(json_get(spec, "protocols")))
		l2_port_withdraw(a->port, key);
	else
		announce_it(a, key, spec);
}

/* What came with the last records is announced before it is withdrawn. */
static void on_drain(void *ctx)
{
	struct announce *a = ctx;

	l2_port_flush(a->port);
	a->draining = true;
	l2_port_withdraw_all(a->port);
}

static const struct stage_kind kinds[] = {
	{ "Announcement", RECORD_GROUP, false },
	{ NULL, NULL, false },
};

static const struct stage_ops ops = {
	.kinds = kinds,
	.record = on_record,
	.drain = on_drain,
};

static int announce(const struct args *args, const char *node, struct err *e)
{
	struct announce a = { .node = node };
	struct l2_port_events ev = { on_happened, on_quiet, on_failed, &a };
	struct l2_port_options o = {
		.engine = { .only = { args->interfaces.at, args->interfaces.n },
		    .except = { args->exclude.at, args->exclude.n },
		    .grace_ms = args->grace_ms },
		.bind = args->bind,
		.bind_interface = args->bind_interface,
	};
	CLEANUP(stage_freep) struct stage *stage = NULL;
	enum print_output output;
	int status;

	if (print_output(args->output, STDOUT_FILENO, &output, e) < 0)
		return -1;
	stage = a.stage = stage_new(&ops, &a, output, e);
	if (!stage)
		return -1;
	a.port = l2_port_new(stage_loop(stage), &o, &ev, e);
	if (!a.port)
		return -1;
	status = stage_run(stage, e);
	l2_port_free(a.port);
	return status;
}

static int run(int argc, char **argv, struct err *e)
{
	struct args args = { .grace_ms = 1000 };
	char host[256] = "";
	const char *node;
	int status = opts_parse(opts, &args, argc, argv, e);

	if (status > 0)
		status = err_set(e, ERR_USAGE, "no operand is wanted, have '%s'", argv[1]);
	if (status == 0 && args.bind_interface && !args.bind)
		status = err_set(e, ERR_USAGE, "--bind-interface goes with --bind");
	if (status == 0) {
		node = args.node ? args.node : getenv("NODE_NAME");
		gethostname(host, sizeof(host) - 1);
		status = announce(&args, node && *node ? node : host, e);
	}
	opt_list_release(&args.interfaces);
	opt_list_release(&args.exclude);
	return status;
}

const struct cmd cmd_announce = {
	.name = "announce",
	.operands = "",
	.summary = "answer ARP for the addresses of this node's Announcements",
	.opts = opts,
	.run = run,
};
