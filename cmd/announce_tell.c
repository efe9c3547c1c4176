/* SPDX-License-Identifier: Apache-2.0 */
/* What lbctl announce tells of what happened: Events as MetalLB's speakers write them, Decisions. */
#include <string.h>

#include "cmd/announce.h"
#include "pkg/record/record.h"

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

/* With commas. */
static void list_addresses(struct buf *out, const struct l2_event *ev)
{
	const char *comma = "";
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < ev->addresses_n; i++) {
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

static const struct record_considered no_ipv6 = { NULL, "NoIPv6",
	"its MTU is below 1280, too small for IPv6" };

static bool has_ipv4(const struct l2_event *ev)
{
	for (size_t i = 0; i < ev->addresses_n; i++)
		if (ev->addresses[i].family == ADDR_IPV4)
			return true;
	return false;
}

/* Each link but loopback, with what speaks against it.  The caller frees the array. */
static struct record_considered *consider_links(
    const struct announce *a, const struct l2_event *ev, size_t *n)
{
	const struct netlink_world *w = l2_port_world(a->port);
	struct record_considered *all = calloc(w->links_n + 1, sizeof(*all));

	*n = 0;
	for (size_t i = 0; all && i < w->links_n; i++) {
		const struct netlink_link *k = &w->links[i];
		enum l2_fit fit = l2_link_fit(l2_port_engine(a->port), k, &ev->interfaces);

		if (k->loopback)
			continue;
		all[*n] = fits[fit];
		if (fit == L2_LINK_FITS && !netlink_link_carries_ipv6(k) && !has_ipv4(ev))
			all[*n] = no_ipv6;
		all[(*n)++].name = k->name;
	}
	return all;
}

static void decide(struct announce *a, const struct l2_event *ev, enum record_verdict verdict,
    const char *code, const struct buf *message)
{
	struct service s = service_of(ev->key);
	CLEANUP(freep) struct record_considered *links = NULL;
	bool about_one = ev->what == L2_IN_USE || ev->what == L2_CONFLICT;
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
				  .addresses = about_one ? ev->addresses : NULL,
				  .addresses_n = about_one ? ev->addresses_n : 0,
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
			       .uid = ev->uid,
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
	if (ev->gained)
		tell(a, ev, false, "nodeAssigned", &text);
	buf_reset(&text);
	buf_puts(&text, "announcing ");
	list_addresses(&text, ev);
	buf_printf(&text, " from node \"%s\" with protocol \"layer2\"", a->node);
	decide(a, ev, VERDICT_DONE, "Announcing", &text);
	buf_release(&text);
}

static void no_link(struct announce *a, const struct l2_event *ev)
{
	struct buf text = BUF_INIT;

	if (ev->interfaces.n) {
		buf_puts(&text, "the interfaces specified by LB IP \"");
		list_addresses(&text, ev);
		buf_puts(&text, "\" doesn't exist");
	} else {
		buf_puts(&text, "no interface that is up and carries ARP for LB IP \"");
		list_addresses(&text, ev);
		buf_puts(&text, "\"");
	}
	buf_printf(&text, " in assigned node \"%s\" with protocol \"layer2\"", a->node);
	tell(a, ev, true, "announceFailed", &text);
	buf_reset(&text);
	buf_printf(&text, "node \"%s\" announces ", a->node);
	list_addresses(&text, ev);
	buf_puts(&text, " nowhere: no interface fits");
	for (size_t i = 0; i < ev->interfaces.n; i++)
		buf_printf(&text, "%s%s", i ? ", " : " the advertisement's ", ev->interfaces.at[i]);
	decide(a, ev, VERDICT_REFUSED, "NoInterface", &text);
	buf_release(&text);
}

static void ended(struct announce *a, const struct l2_event *ev)
{
	struct buf text = BUF_INIT;
	char mac[MAC_TEXT_LEN];

	buf_printf(&text, "node \"%s\" no longer announces ", a->node);
	list_addresses(&text, ev);
	if (ev->why == L2_AFTER_SUCCESSOR)
		buf_printf(&text, ": %s has taken over", mac_format(&ev->by, mac));
	else if (ev->why == L2_AFTER_GRACE)
		buf_puts(&text, ": withdrawn, and its grace is over");
	else
		buf_puts(&text, ": withdrawn");
	decide(a, ev, VERDICT_RELEASED, "AnnouncementEnded", &text);
	buf_release(&text);
}

/* "02:00:00:00:00:0b (node-b) on eth0" */
static void put_other(struct buf *text, const struct announce *a, const struct l2_event *ev)
{
	const struct netlink_link *k = netlink_link_by_index(l2_port_world(a->port), ev->ifindex);
	const char *node = announce_peers_name(a->peers, &ev->by);
	char mac[MAC_TEXT_LEN];

	buf_puts(text, mac_format(&ev->by, mac));
	if (node)
		buf_printf(text, " (node \"%s\")", node);
	buf_printf(text, " on %s", k ? k->name : "an interface that is gone");
}

static void in_use(struct announce *a, const struct l2_event *ev)
{
	struct buf text = BUF_INIT;

	list_addresses(&text, ev);
	buf_puts(&text, " is in use by ");
	put_other(&text, a, ev);
	buf_printf(&text, ", so node \"%s\" does not announce it", a->node);
	tell(a, ev, true, "AddressInUse", &text);
	decide(a, ev, VERDICT_REFUSED, "AddressInUse", &text);
	announce_in_use_add(a, &ev->addresses[0], &ev->by);
	announce_new_set(
	    &a->new, &ev->addresses[0], true); /* whoever is given it next shall not trust it */
	if (!text.bad && log_allow(&a->conflicts, loop_now_ms(stage_loop(a->stage))))
		log_warn("l2", "%s: %s", ev->key, text.data);
	buf_release(&text);
}

static void conflict(struct announce *a, const struct l2_event *ev)
{
	struct buf text = BUF_INIT;

	list_addresses(&text, ev);
	buf_printf(&text, ", which node \"%s\" announces, is also claimed by ", a->node);
	put_other(&text, a, ev);
	tell(a, ev, true, "AddressConflict", &text);
	if (ev->claims > 1)
		buf_printf(
		    &text, ", %llu times since this was told last", (unsigned long long)ev->claims);
	decide(a, ev, VERDICT_KEPT, "AddressConflict", &text);
	if (!text.bad && log_allow(&a->conflicts, loop_now_ms(stage_loop(a->stage))))
		log_warn("l2", "%s: %s", ev->key, text.data);
	buf_release(&text);
}

void announce_tell(struct announce *a, const struct l2_event *ev)
{
	switch (ev->what) {
	case L2_ANNOUNCING:
		announcing(a, ev);
		break;
	case L2_NO_LINK:
		no_link(a, ev);
		break;
	case L2_FREE:
		announce_new_set(&a->new, &ev->addresses[0], false);
		break;
	case L2_IN_USE:
		in_use(a, ev);
		break;
	case L2_CONFLICT:
		conflict(a, ev);
		break;
	case L2_ENDED:
		ended(a, ev);
		break;
	}
}
