/* SPDX-License-Identifier: Apache-2.0 */
/* The links of this host: which of them fit, and what it means when they change. */
#include <fnmatch.h>

#include "pkg/l2/engine.h"

struct link *link_find(const struct l2 *l, int ifindex)
{
	struct link *k;

	HASH_FIND_INT(l->links, &ifindex, k);
	return k;
}

static struct own_mac *own_find(const struct l2 *l, const struct mac *m)
{
	struct own_mac *own;

	HASH_FIND(hh, l->own_macs, m, sizeof(*m), own);
	return own;
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
		HASH_ADD(hh, l->own_macs, mac, sizeof(own->mac), own);
		if (!own_find(l, m)) {
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
		HASH_DEL(l->own_macs, own);
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

/* Everything that is announced is news on this link. */
static void tell_all(struct l2 *l, const struct link *k)
{
	for (struct vip *v = l->vips; v; v = v->hh.next)
		if (vip_allowed(v, k, NULL, false))
			burst_start(l, v, k);
}

static void link_drop(struct l2 *l, struct link *k)
{
	own_drop(l, &k->mac);
	HASH_DEL(l->links, k);
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
	if (own_add(l, &k->mac, e) < 0) {
		free(k);
		return NULL;
	}
	HASH_ADD_INT(l->links, ifindex, k);
	if (link_find(l, n->ifindex) != k) {
		own_drop(l, &k->mac);
		free(k);
		err_memory(e);
		return NULL;
	}
	return k;
}

/* Takes in one link; returns 1 when it isn't what it was. */
static int link_update(struct l2 *l, const struct netlink_link *n, struct err *e)
{
	const struct l2_names any = { 0 };
	struct link *k = link_find(l, n->ifindex);
	bool fit = l2_link_fit(l, n, &any) == L2_LINK_FITS, news = fit, same;

	if (k) {
		same = !strcmp(k->name, n->name) && mac_equal(&k->mac, &n->mac);
		news = fit && (!k->fits || !same);
		if (same && k->fits == fit) {
			k->seen = true;
			return 0;
		}
		if (!mac_equal(&k->mac, &n->mac)) {
			if (own_add(l, &n->mac, e) < 0)
				return -1;
			own_drop(l, &k->mac);
			k->mac = n->mac;
		}
	} else {
		k = link_add(l, n, e);
		if (!k)
			return -1;
	}
	memcpy(k->name, n->name, sizeof(k->name));
	k->fits = fit;
	k->seen = true;
	if (news)
		tell_all(l, k);
	return 1;
}

int l2_set_links(struct l2 *l, const struct netlink_link *at, size_t n, uint64_t now_ms, struct err *e)
{
	struct link *k, *next;
	bool changed = false;
	int status = 0;

	l->now = now_ms;
	for (size_t i = 0; i < n; i++) {
		int one = link_update(l, &at[i], e);

		changed |= one > 0;
		status = one < 0 ? -1 : status;
	}
	for (k = l->links; k; k = next) {
		next = k->hh.next;
		if (!k->seen) {
			link_drop(l, k);
			changed = true;
		} else {
			k->seen = false;
		}
	}
	if (changed)
		for (struct owner *o = l->owners; o; o = o->hh.next)
			owner_changed(l, o);
	return status;
}

void links_free(struct l2 *l)
{
	while (l->links)
		link_drop(l, l->links);
}
