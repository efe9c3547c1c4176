/* SPDX-License-Identifier: Apache-2.0 */
/* The links of this host: which of them fit, and what it means when they change. */
#include <fnmatch.h>
#include <string.h>

#include "pkg/l2/engine.h"

uint32_t link_hash(const void *link)
{
	return table_hash(&((const struct link *)link)->ifindex, sizeof(int));
}

static bool has_index(const void *link, const void *ifindex)
{
	return ((const struct link *)link)->ifindex == *(const int *)ifindex;
}

struct link *link_find(const struct l2 *l, int ifindex)
{
	return table_find(&l->links, table_hash(&ifindex, sizeof(ifindex)), has_index, &ifindex);
}

uint32_t own_mac_hash(const void *own)
{
	return table_hash(&((const struct own_mac *)own)->mac, MAC_LEN);
}

static bool has_mac(const void *own, const void *mac)
{
	return mac_equal(&((const struct own_mac *)own)->mac, mac);
}

static struct own_mac *own_find(const struct l2 *l, const struct mac *m)
{
	return table_find(&l->own_macs, table_hash(m, MAC_LEN), has_mac, m);
}

bool mac_is_own(const struct l2 *l, const struct mac *m)
{
	return own_find(l, m) != NULL;
}

static int own_add(struct l2 *l, const struct mac *m, struct err *e)
{
	struct own_mac *own = own_find(l, m);

	if (!own) {
		own = calloc(1, sizeof(*own));
		if (!own)
			return err_memory(e);
		own->mac = *m;
		if (!table_add(&l->own_macs, own)) {
			free(own);
			return err_memory(e);
		}
	}
	own->links++;
	return 0;
}

static void own_drop(struct l2 *l, const struct mac *m)
{
	struct own_mac *own = own_find(l, m);

	if (own && --own->links == 0) {
		table_remove(&l->own_macs, own);
		free(own);
	}
}

static bool is_selected(const struct l2 *l, const char *name)
{
	for (size_t i = 0; i < l->only_n; i++)
		if (fnmatch(l->only[i], name, 0) == 0)
			return true;
	return l->only_n == 0;
}

static bool is_excluded(const struct l2 *l, const char *name)
{
	for (size_t i = 0; i < l->except_n; i++)
		if (regexec(&l->except[i], name, 0, NULL, 0) == 0)
			return true;
	return false;
}

static bool names_it(const struct l2_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->at[i], name))
			return true;
	return names->n == 0;
}

enum l2_fit l2_link_fit(
    const struct l2 *l, const struct netlink_link *n, const struct l2_names *interfaces)
{
	if (!n->ethernet || !n->broadcast || n->noarp || n->loopback)
		return L2_LINK_WITHOUT_ARP;
	if (n->master)
		return L2_LINK_ENSLAVED;
	if (!names_it(interfaces, n->name))
		return L2_LINK_NOT_NAMED;
	if (!is_selected(l, n->name))
		return L2_LINK_NOT_SELECTED;
	if (is_excluded(l, n->name))
		return L2_LINK_EXCLUDED;
	if (!n->up)
		return L2_LINK_DOWN;
	return netlink_link_speaks_arp(n) ? L2_LINK_FITS : L2_LINK_WITHOUT_CARRIER;
}

/* The link can do more, or less, or has another name. */
static void update_all(struct l2 *l, const struct link *k)
{
	struct vip *v;

	for (size_t i = 0; (v = table_next(&l->vips, &i));)
		vip_update_on(l, v, k);
}

/* Everything that is announced is news on this link. */
static void tell_all(struct l2 *l, const struct link *k)
{
	struct place *p;
	struct vip *v;

	for (size_t i = 0; (v = table_next(&l->vips, &i));) {
		p = place_find(v, k->ifindex);
		if (p)
			burst_start(l, p);
	}
}

void l2_tell_again(struct l2 *l, uint64_t now_ms)
{
	const struct link *k;

	l->now = now_ms;
	for (size_t i = 0; (k = table_next(&l->links, &i));)
		tell_all(l, k);
}

static void link_drop(struct l2 *l, struct link *k)
{
	if (k->fits) {
		k->fits = false;
		update_all(l, k);
	}
	claims_forget_link(l, k->ifindex);
	link_unready(l, k);
	own_drop(l, &k->mac);
	table_remove(&l->links, k);
	free(k);
}

static struct link *link_add(struct l2 *l, const struct netlink_link *n, struct err *e)
{
	struct link *k = calloc(1, sizeof(*k));

	if (!k) {
		err_memory(e);
		return NULL;
	}
	k->ifindex = n->ifindex;
	k->mac = n->mac;
	k->ipv6_lost = n->ipv6_lost;
	k->filled_at = k->refreshed_at = l->now;
	k->tokens = UINT32_MAX; /* cut down to a bucket at once */
	if (own_add(l, &k->mac, e) < 0) {
		free(k);
		return NULL;
	}
	if (!table_add(&l->links, k)) {
		own_drop(l, &k->mac);
		free(k);
		err_memory(e);
		return NULL;
	}
	l->asking = NULL; /* its links are counted anew */
	return k;
}

static int link_update(struct l2 *l, const struct netlink_link *n, struct err *e)
{
	const struct l2_names any = { 0 };
	struct link *k = link_find(l, n->ifindex);
	bool fit = l2_link_fit(l, n, &any) == L2_LINK_FITS;
	bool ipv6 = netlink_link_carries_ipv6(n), other_name, other_mac;

	if (!k)
		k = link_add(l, n, e);
	if (!k)
		return -1;
	k->seen = l->round;
	other_name = strcmp(k->name, n->name) != 0;
	other_mac = !mac_equal(&k->mac, &n->mac);
	if (other_mac) {
		if (own_add(l, &n->mac, e) < 0)
			return -1;
		own_drop(l, &k->mac);
		k->mac = n->mac;
		k->since = l->round; /* answers to the one before are lost */
	}
	if (k->ipv6_lost != n->ipv6_lost) { /* and it may have come back at once */
		k->ipv6_lost = n->ipv6_lost;
		k->ipv6 = false;
		update_all(l, k);
	}
	if (other_name || k->fits != fit || k->ipv6 != ipv6) {
		memcpy(k->name, n->name, sizeof(k->name));
		k->since = l->round;
		k->fits = fit;
		k->ipv6 = ipv6;
		update_all(l, k);
	}
	if (other_mac || other_name)
		tell_all(l, k);
	return 0;
}

int l2_set_links(struct l2 *l, const struct netlink_link *at, size_t n, uint64_t now_ms, struct err *e)
{
	struct link *k;
	int status = 0;

	l->now = now_ms;
	l->round++;
	for (size_t i = 0; i < n; i++)
		if (link_update(l, &at[i], e) < 0)
			status = -1;
	for (size_t i = 0; (k = table_next(&l->links, &i));) {
		if (k->seen == l->round)
			continue;
		link_drop(l, k);
		i--;
	}
	return status;
}

void links_free(struct l2 *l)
{
	struct link *k;

	for (size_t i = 0; (k = table_next(&l->links, &i)); i--)
		link_drop(l, k);
	table_release(&l->links);
	table_release(&l->own_macs);
}
