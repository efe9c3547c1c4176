/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cmd/arping.h"
#include "pkg/buf/buf.h"

/* Why neither ARP nor NDP can be spoken there, or NULL. */
static const char *why_not(const struct netlink_link *l)
{
	if (l->loopback)
		return "it is the loopback interface";
	if (!l->ethernet || !l->broadcast)
		return "it is not Ethernet";
	if (l->noarp)
		return "it has ARP switched off";
	if (!l->up)
		return "it is down";
	if (!l->running)
		return "it has no carrier";
	return NULL;
}

static void list_links(const struct netlink_world *w, bool usable, struct buf *out)
{
	for (size_t i = 0; i < w->links_n; i++) {
		const struct netlink_link *l = &w->links[i];

		if (!usable || netlink_link_speaks_arp(l))
			buf_printf(out, "%s%s", out->len ? ", " : "", l->name);
	}
}

static const struct netlink_link *link_by_name(
    const struct netlink_world *w, const char *name, struct err *e)
{
	const struct netlink_link *l = netlink_link_by_name(w, name);
	const struct netlink_link *master;
	CLEANUP(buf_release) struct buf list = BUF_INIT;

	if (!l) {
		list_links(w, false, &list);
		err_set(e, ERR_NOT_FOUND, "no interface '%s'; there are %s", name,
		    list.data ? list.data : "none");
		return NULL;
	}
	if (why_not(l)) {
		err_set(e, ERR_USAGE, "can't ask on %s: %s", name, why_not(l));
		return NULL;
	}
	master = l->master ? netlink_link_by_index(w, l->master) : NULL;
	if (l->master) {
		err_set(e, ERR_USAGE, "can't ask on %s: it is a port of %s; say -I %s", name,
		    master ? master->name : "another interface",
		    master ? master->name : "with its name");
		return NULL;
	}
	return l;
}

static const struct netlink_address *own_address(const struct netlink_world *w, const struct addr *a)
{
	for (size_t i = 0; i < w->addresses_n; i++)
		if (addr_equal(&w->addresses[i].addr, a))
			return &w->addresses[i];
	return NULL;
}

static const struct netlink_link *only_link(
    const struct netlink_world *w, const struct addr *to, struct err *e)
{
	const struct netlink_link *only = NULL;
	CLEANUP(buf_release) struct buf list = BUF_INIT;
	char text[ADDR_TEXT_LEN];
	size_t n = 0;

	for (size_t i = 0; i < w->links_n; i++)
		if (netlink_link_speaks_arp(&w->links[i])) {
			only = &w->links[i];
			n++;
		}
	if (n == 1)
		return only;
	list_links(w, true, &list);
	if (n == 0)
		err_set(
		    e, ERR_NOT_FOUND, "no interface can speak ARP or NDP (up, Ethernet, broadcast)");
	else
		err_set(e, ERR_USAGE, "no route tells on which interface %s is; say -I with one of %s",
		    addr_format(to, text), list.data);
	return NULL;
}

/* By the route, unless that leads where ARP can't go. */
static const struct netlink_link *link_by_route(
    const struct netlink_world *w, const struct addr *to, struct addr *source, struct err *e)
{
	const struct netlink_address *own = own_address(w, to);
	struct netlink_route r = { 0 };
	struct err ignored = ERR_INIT; /* no route: then any interface that is alone */
	const struct netlink_link *l = NULL;
	struct in6_addr in6 = addr_to_in6(to);

	if (to->family == ADDR_IPV6 && IN6_IS_ADDR_LINKLOCAL(&in6))
		return only_link(w, to, e); /* every link has a route to it */
	if (own)
		l = netlink_link_by_index(w, own->ifindex);
	else if (netlink_route(to, &r, &ignored) == 0)
		l = netlink_link_by_index(w, r.ifindex);
	if (!l || !netlink_link_speaks_arp(l))
		return only_link(w, to, e);
	*source = r.source;
	return l;
}

/* An address of the link other than `to`: the one whose prefix that is in, else the first that is not
 * link-local. */
static struct addr source_on(
    const struct netlink_world *w, const struct netlink_link *l, const struct addr *to)
{
	struct addr best = { 0 };
	bool local = true; /* `best` is link-local */

	for (size_t i = 0; i < w->addresses_n; i++) {
		const struct netlink_address *a = &w->addresses[i];
		struct prefix p = { .addr = a->addr, .len = a->len };
		char text[PREFIX_TEXT_LEN];
		struct err ignored = ERR_INIT; /* the text is ours */

		if (a->ifindex != l->ifindex || a->addr.family != to->family || a->tentative ||
		    addr_equal(&a->addr, to))
			continue;
		if (!best.family || (local && !a->link_local)) {
			best = a->addr;
			local = a->link_local;
		}
		if (prefix_parse(&p, prefix_format(&p, text), &ignored) == 0 && prefix_contains(&p, to))
			return a->addr;
	}
	return best;
}

static int given_source(const struct netlink_world *w, const char *text, const struct addr *to,
    struct addr *a, struct err *e)
{
	if (addr_parse(a, text, e) < 0) {
		e->kind = ERR_USAGE;
		return err_wrap(e, "-s");
	}
	if (a->family != to->family)
		return err_set(e, ERR_USAGE, "-s: %s is not an %s address, which asking for %s takes",
		    text, addr_family_name(to->family),
		    to->family == ADDR_IPV4 ? "IPv4 addresses" : "IPv6 addresses");
	if (addr_kind(a) != ADDR_UNSPECIFIED && !own_address(w, a))
		return err_set(e, ERR_USAGE,
		    "-s: %s is not an address of this host; want one of its own, or %s", text,
		    a->family == ADDR_IPV4 ? "0.0.0.0" : "::");
	return 0;
}

int arping_link(struct probe_link *out, const struct netlink_world *w, const char *name,
    const char *source, const struct addr *to, struct err *e)
{
	struct addr from = { 0 };
	const struct netlink_link *l = name ? link_by_name(w, name, e) : link_by_route(w, to, &from, e);

	if (!l)
		return -1;
	if (source && given_source(w, source, to, &from, e) < 0)
		return -1;
	if (!from.family)
		from = source_on(w, l, to);
	*out = (struct probe_link){ .ifindex = l->ifindex, .mac = l->mac, .source = from };
	return 0;
}

/* Others would be answered with the MAC of the interface that they ask on, wherever the address is; but
 * where ARP is off it is for this host alone. */
static bool answers_for(
    const struct netlink_world *w, const struct netlink_address *own, const struct probe_link *asked)
{
	const struct netlink_link *l = netlink_link_by_index(w, own->ifindex);

	return l && l->ethernet && !l->noarp && (!own->link_local || own->ifindex == asked->ifindex);
}

int arping_know_own(struct probe *p, const struct netlink_world *w, struct err *e)
{
	for (size_t i = 0; i < w->addresses_n; i++) {
		const struct netlink_address *own = &w->addresses[i];
		const struct probe_target *t = probe_find(p, &own->addr);

		if (t && answers_for(w, own, probe_link_of(p, t)) &&
		    probe_known(p, &own->addr, &probe_link_of(p, t)->mac, e) < 0)
			return -1;
	}
	return 0;
}
