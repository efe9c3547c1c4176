/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/ipv6.h>
#include <string.h>

#include "pkg/netlink/netlink.h"

void netlink_world_release(struct netlink_world *w)
{
	free(w->links);
	free(w->addresses);
	*w = (struct netlink_world)NETLINK_WORLD_INIT;
}

bool netlink_link_speaks_arp(const struct netlink_link *l)
{
	return l->up && l->running && l->broadcast && l->ethernet && !l->noarp && !l->loopback &&
	       !l->master;
}

bool netlink_link_carries_ipv6(const struct netlink_link *l)
{
	return l->mtu == 0 || l->mtu >= IPV6_MIN_MTU;
}

/* Where the link is, or would be inserted. */
static size_t link_place(const struct netlink_world *w, int ifindex)
{
	size_t from = 0, to = w->links_n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (w->links[mid].ifindex < ifindex)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static bool link_is_at(const struct netlink_world *w, size_t at, int ifindex)
{
	return at < w->links_n && w->links[at].ifindex == ifindex;
}

const struct netlink_link *netlink_link_by_index(const struct netlink_world *w, int ifindex)
{
	size_t at = link_place(w, ifindex);

	return link_is_at(w, at, ifindex) ? &w->links[at] : NULL;
}

const struct netlink_link *netlink_link_by_name(const struct netlink_world *w, const char *name)
{
	for (size_t i = 0; i < w->links_n; i++)
		if (!strcmp(w->links[i].name, name))
			return &w->links[i];
	return NULL;
}

static bool link_equal(const struct netlink_link *a, const struct netlink_link *b)
{
	return a->ifindex == b->ifindex && !strcmp(a->name, b->name) && !strcmp(a->kind, b->kind) &&
	       mac_equal(&a->mac, &b->mac) && a->master == b->master && a->mtu == b->mtu &&
	       a->ethernet == b->ethernet && a->up == b->up && a->running == b->running &&
	       a->broadcast == b->broadcast && a->loopback == b->loopback && a->noarp == b->noarp;
}

static int put_link(struct netlink_world *w, const struct netlink_link *l, struct err *e)
{
	size_t at = link_place(w, l->ifindex);
	struct netlink_link *grown, *have = &w->links[at];
	uint32_t lost;

	if (link_is_at(w, at, l->ifindex)) {
		if (link_equal(have, l))
			return 0;
		lost = netlink_link_carries_ipv6(have) && !netlink_link_carries_ipv6(l);
		lost += have->ipv6_lost;
		*have = *l;
		have->ipv6_lost = lost;
		return 1;
	}
	grown = reallocarray(w->links, w->links_n + 1, sizeof(*grown));
	if (!grown)
		return err_memory(e);
	w->links = grown;
	memmove(&grown[at + 1], &grown[at], (w->links_n - at) * sizeof(*grown));
	grown[at] = *l;
	w->links_n++;
	return 1;
}

/* With the addresses it had, should the kernel not have told. */
static int drop_link(struct netlink_world *w, int ifindex)
{
	size_t at = link_place(w, ifindex), kept = 0;

	if (!link_is_at(w, at, ifindex))
		return 0;
	w->links_n--;
	memmove(&w->links[at], &w->links[at + 1], (w->links_n - at) * sizeof(*w->links));
	for (size_t i = 0; i < w->addresses_n; i++)
		if (w->addresses[i].ifindex != ifindex)
			w->addresses[kept++] = w->addresses[i];
	w->addresses_n = kept;
	return 1;
}

static struct netlink_address *find_address(struct netlink_world *w, const struct netlink_address *a)
{
	for (size_t i = 0; i < w->addresses_n; i++) {
		struct netlink_address *have = &w->addresses[i];

		if (have->ifindex == a->ifindex && have->len == a->len &&
		    addr_equal(&have->addr, &a->addr))
			return have;
	}
	return NULL;
}

static int put_address(struct netlink_world *w, const struct netlink_address *a, struct err *e)
{
	struct netlink_address *have = find_address(w, a);
	struct netlink_address *grown;

	if (have) {
		/* A renewed lifetime is no change. */
		if (have->tentative == a->tentative && have->permanent == a->permanent &&
		    have->link_local == a->link_local)
			return 0;
		*have = *a;
		return 1;
	}
	grown = reallocarray(w->addresses, w->addresses_n + 1, sizeof(*grown));
	if (!grown)
		return err_memory(e);
	w->addresses = grown;
	grown[w->addresses_n++] = *a;
	return 1;
}

static int drop_address(struct netlink_world *w, const struct netlink_address *a)
{
	struct netlink_address *have = find_address(w, a);
	size_t at;

	if (!have)
		return 0;
	at = (size_t)(have - w->addresses);
	w->addresses_n--;
	memmove(have, have + 1, (w->addresses_n - at) * sizeof(*have));
	return 1;
}

int netlink_world_apply(struct netlink_world *w, const struct netlink_message *m, struct err *e)
{
	switch (m->tells) {
	case NETLINK_TELLS_LINK:
		return put_link(w, &m->link, e);
	case NETLINK_TELLS_LINK_GONE:
		return drop_link(w, m->link.ifindex);
	case NETLINK_TELLS_ADDRESS:
		return put_address(w, &m->address, e);
	case NETLINK_TELLS_ADDRESS_GONE:
		return drop_address(w, &m->address);
	default:
		return 0;
	}
}
