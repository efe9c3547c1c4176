/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of announcements. */
#include <string.h>

#include "pkg/l2/engine.h"

static bool is_blocked(const struct owner *o)
{
	for (size_t i = 0; i < o->vips_n; i++)
		if (o->vips[i]->blocked)
			return true;
	return false;
}

/* As the event borrows them; without memory, none. */
static struct l2_names tell_interfaces(struct l2 *l, const struct owner *o)
{
	const char *first = owner_interfaces(o);
	size_t n = 0;

	for (const char *name = first; *name; name = text_after(name))
		n++;
	free(l->told_interfaces);
	l->told_interfaces = n ? calloc(n, sizeof(*l->told_interfaces)) : NULL;
	if (!l->told_interfaces)
		return (struct l2_names){ 0 };
	for (size_t i = 0; i < n; i++, first = text_after(first))
		l->told_interfaces[i] = first;
	return (struct l2_names){ l->told_interfaces, n };
}

static bool event(struct l2 *l, struct l2_event *ev, enum l2_happened what, const struct owner *o)
{
	free(l->told_addresses);
	l->told_addresses = calloc(o->vips_n + 1, sizeof(*l->told_addresses));
	for (size_t i = 0; l->told_addresses && i < o->vips_n; i++)
		l->told_addresses[i] = addr_from_mapped(&o->vips[i]->first.ip);
	*ev = (struct l2_event){
		.what = what,
		.key = owner_key(o),
		.uid = owner_uid(o, l->told_uid),
		.addresses = l->told_addresses,
		.addresses_n = l->told_addresses ? o->vips_n : 0,
		.interfaces = tell_interfaces(l, o),
		.why = o->why,
		.by = o->successor,
	};
	return true;
}

/* About one address: told in the name of one that wants it. */
static bool event_of_one(struct l2 *l, struct l2_event *ev, enum l2_happened what,
    const struct in6_addr *ip, const struct mac *by, int ifindex)
{
	const struct vip *v = vip_find(l, ip);

	for (size_t i = 0; v && i < v->owners_n; i++) {
		const struct owner *o = vip_owner(v, i);

		if (o->state != OWNER_ACTIVE)
			continue;
		event(l, ev, what, o);
		l->told_address = addr_from_mapped(ip);
		ev->addresses = &l->told_address;
		ev->addresses_n = 1;
		ev->by = *by;
		ev->ifindex = ifindex;
		return true;
	}
	return false;
}

static bool event_of_others(struct l2 *l, struct l2_event *ev)
{
	struct probing *p;
	struct claimant *c;
	const struct strife *s;

	while ((c = claim_untold(l, &s))) {
		if (!event_of_one(l, ev, L2_CONFLICT, &s->ip, &c->mac, s->ifindex))
			continue;
		ev->claims = c->claims;
		ev->by_peer = mac_is_peer(l, &c->mac);
		c->claims = 0;
		return true;
	}
	while ((p = probing_untold(l)))
		if (event_of_one(l, ev, L2_IN_USE, &p->ip, &p->by, p->ifindex))
			return true;
	return false;
}

bool l2_next_event(struct l2 *l, struct l2_event *ev)
{
	struct owner *o;

	free(l->spent);
	l->spent = NULL;
	if ((o = owners_pop(&l->ended))) {
		l->spent = o;
		event(l, ev, L2_ENDED, o);
		owner_detach(l, o);
		return true;
	}
	if (event_of_others(l, ev))
		return true;
	while ((o = l->changed.first)) {
		enum owner_told now;

		owner_unchanged(l, o);
		now = owner_is_announcing(l, o) ? TOLD_ANNOUNCING : TOLD_NO_LINK;
		if (now == TOLD_NO_LINK && is_blocked(o))
			now = TOLD_NOTHING;
		if (!o->vips_n || o->told == now)
			continue;
		o->told = now;
		if (now == TOLD_NOTHING)
			continue;
		return event(l, ev, now == TOLD_ANNOUNCING ? L2_ANNOUNCING : L2_NO_LINK, o);
	}
	return false;
}
