/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of announcements. */
#include <string.h>

#include "pkg/l2/engine.h"

bool owner_announces(const struct l2 *l, const struct owner *o, size_t i)
{
	const struct place *p;

	for (size_t n = 0; (p = vip_next_place(o->vips[i], &n));)
		if (p->announced && owner_allows(o, link_find(l, p->ifindex)))
			return true;
	return false;
}

bool owner_is_announcing(const struct l2 *l, const struct owner *o)
{
	for (size_t i = 0; i < o->vips_n; i++)
		if (owner_announces(l, o, i))
			return true;
	return false;
}

void owner_note_announced(const struct l2 *l, struct owner *o)
{
	for (size_t i = 0; i < o->vips_n; i++)
		if (owner_announces(l, o, i))
			owner_told(o)[i] = TOLD_ANNOUNCED;
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

/* Those that are or were announced; that no link can be of those that are free. */
static bool event(struct l2 *l, struct l2_event *ev, enum l2_happened what, struct owner *o)
{
	size_t n = 0;

	free(l->told_addresses);
	l->told_addresses = calloc(o->vips_n + 1, sizeof(*l->told_addresses));
	for (size_t i = 0; l->told_addresses && i < o->vips_n; i++)
		if (what == L2_NO_LINK ? !o->vips[i]->blocked : owner_told(o)[i] == TOLD_ANNOUNCED)
			l->told_addresses[n++] = addr_from_mapped(&o->vips[i]->first.ip);
	*ev = (struct l2_event){
		.what = what,
		.key = owner_key(o),
		.uid = owner_uid(o, l->told_uid),
		.addresses = l->told_addresses,
		.addresses_n = n,
		.interfaces = tell_interfaces(l, o),
		.why = o->why,
		.by = o->successor,
	};
	return true;
}

static bool event_about(struct l2 *l, struct l2_event *ev, enum l2_happened what, struct owner *o,
    const struct in6_addr *ip, const struct mac *by, int ifindex)
{
	event(l, ev, what, o);
	l->told_address = addr_from_mapped(ip);
	ev->addresses = &l->told_address;
	ev->addresses_n = 1;
	ev->by = *by;
	ev->ifindex = ifindex;
	return true;
}

/* About one address: told in the name of one that wants it. */
static bool event_of_one(struct l2 *l, struct l2_event *ev, enum l2_happened what,
    const struct in6_addr *ip, const struct mac *by, int ifindex)
{
	const struct vip *v = vip_find(l, ip);

	for (size_t i = 0; v && i < v->owners_n; i++)
		if (vip_owner(v, i)->state == OWNER_ACTIVE)
			return event_about(l, ev, what, vip_owner(v, i), ip, by, ifindex);
	return false;
}

static bool event_of_others(struct l2 *l, struct l2_event *ev)
{
	const struct mac nobody = { 0 };
	struct claimant *c;
	const struct strife *s;
	struct in6_addr ip;

	while ((c = claim_untold(l, &s))) {
		if (!event_of_one(l, ev, L2_CONFLICT, &s->ip, &c->mac, s->ifindex))
			continue;
		ev->claims = c->claims;
		ev->by_peer = mac_is_peer(l, &c->mac);
		c->claims = 0;
		return true;
	}
	while (probing_found_free(l, &ip))
		if (event_of_one(l, ev, L2_FREE, &ip, &nobody, 0))
			return true;
	return false;
}

/* Each that wants the address shall be told, again if it was. */
static void in_use_is_news(struct l2 *l, const struct vip *v)
{
	for (size_t i = 0; i < v->owners_n; i++) {
		struct owner *o = vip_owner(v, i);

		for (size_t k = 0; k < o->vips_n; k++)
			if (o->vips[k] == v && owner_told(o)[k] == TOLD_IN_USE)
				owner_told(o)[k] = TOLD_NOTHING;
		owner_changed(l, o);
	}
}

static bool tell_in_use(struct l2 *l, struct l2_event *ev, struct owner *o)
{
	for (size_t i = 0; i < o->vips_n; i++) {
		const struct vip *v = o->vips[i];
		const struct probing *p = NULL;

		if (v->blocked && owner_told(o)[i] != TOLD_IN_USE)
			p = probing_find(l, &v->first.ip);
		if (!p || p->step != PROBE_TAKEN)
			continue;
		owner_told(o)[i] = TOLD_IN_USE;
		return event_about(l, ev, L2_IN_USE, o, &p->ip, &p->by, p->ifindex);
	}
	return false;
}

static bool tell_announced(struct l2 *l, struct l2_event *ev, struct owner *o)
{
	size_t announced = 0, probed = 0;
	bool gained = false, other = o->regrouped;

	for (size_t i = 0; i < o->vips_n; i++) {
		uint8_t *told = &owner_told(o)[i];
		bool is = owner_announces(l, o, i), was = *told == TOLD_ANNOUNCED;

		announced += is;
		probed += o->vips[i]->blocked && probing_is_on(l, o->vips[i]);
		gained |= is && !was;
		other |= is != was;
		if (is != was)
			*told = is ? TOLD_ANNOUNCED : TOLD_NOTHING;
	}
	o->regrouped = false;
	if (announced || probed == o->vips_n)
		o->told_no_link = false;
	if (announced && other) {
		event(l, ev, L2_ANNOUNCING, o);
		ev->gained = gained;
		return true;
	}
	if (announced || probed == o->vips_n || o->told_no_link)
		return false;
	o->told_no_link = true;
	return event(l, ev, L2_NO_LINK, o);
}

bool l2_next_event(struct l2 *l, struct l2_event *ev)
{
	struct probing *p;
	struct owner *o;
	const struct vip *v;

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
	while ((p = probing_untold(l)))
		if ((v = vip_find(l, &p->ip)))
			in_use_is_news(l, v);
	while ((o = l->changed.first)) {
		if (tell_in_use(l, ev, o))
			return true;
		owner_unchanged(l, o);
		if (tell_announced(l, ev, o))
			return true;
	}
	return false;
}
