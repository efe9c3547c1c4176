/* SPDX-License-Identifier: Apache-2.0 */
/* Announcements: what comes, changes and goes, and what is told of it. */
#include <string.h>

#include "pkg/l2/engine.h"

enum { JUST_NOW_MS = 500 };

void names_free(char **names, size_t n)
{
	for (size_t i = 0; names && i < n; i++)
		free(names[i]);
	free(names);
}

char **names_copy(const struct l2_names *n, struct err *e)
{
	char **copy = n->n ? calloc(n->n, sizeof(*copy)) : NULL;

	for (size_t i = 0; copy && i < n->n; i++) {
		copy[i] = strdup(n->at[i]);
		if (!copy[i]) {
			names_free(copy, i);
			copy = NULL;
		}
	}
	if (n->n && !copy)
		err_memory(e);
	return copy;
}

const char *owner_key(const struct owner *o)
{
	return (const char *)&o->vips[o->room];
}

static const char *owner_uid(const struct owner *o)
{
	return owner_key(o) + o->key_len + 1;
}

uint32_t owner_hash(const void *owner)
{
	const struct owner *o = owner;

	return table_hash(owner_key(o), o->key_len);
}

static bool has_key(const void *owner, const void *key)
{
	return !strcmp(owner_key(owner), key);
}

static struct owner *owner_find(const struct l2 *l, const char *key)
{
	return table_find(&l->owners, table_hash(key, strlen(key)), has_key, key);
}

void owner_free(struct owner *o)
{
	if (!o)
		return;
	names_free(o->interfaces, o->interfaces_n);
	free(o);
}

bool owner_allows(const struct owner *o, const struct link *k)
{
	for (size_t i = 0; i < o->interfaces_n; i++)
		if (!strcmp(o->interfaces[i], k->name))
			return true;
	return o->interfaces_n == 0;
}

void owner_changed(struct l2 *l, struct owner *o)
{
	if (o->changed || o->state != OWNER_ACTIVE)
		return;
	o->changed = true;
	DL_APPEND(l->changed, o);
}

static void owner_unchanged(struct l2 *l, struct owner *o)
{
	if (o->changed)
		DL_DELETE(l->changed, o);
	o->changed = false;
}

static void owner_update(struct l2 *l, struct owner *o)
{
	for (size_t i = 0; i < o->vips_n; i++)
		vip_update(l, o->vips[i]);
}

static void owner_detach(struct l2 *l, struct owner *o)
{
	while (o->vips_n)
		vip_detach(l, o->vips[--o->vips_n], o);
}

static int owner_attach(struct l2 *l, struct owner *o, const struct l2_announcement *a, struct err *e)
{
	for (size_t i = 0; i < a->addresses_n; i++) {
		struct in6_addr ip = ip_from_addr(&a->addresses[i]);
		struct vip *v;
		uint32_t before;

		if (a->addresses[i].family == ADDR_NONE)
			continue;
		v = vip_find(l, &ip);
		before = v ? v->owners_n : 0;
		v = vip_attach(l, &ip, o);
		if (!v) {
			owner_detach(l, o);
			return err_memory(e);
		}
		if (v->owners_n > before)
			o->vips[o->vips_n++] = v;
		if (before == 0 && a->is_new && a->is_new[i])
			probing_start(l, v);
	}
	return 0;
}

/* In one piece: the struct, room for the vips, the key, the uid. */
static struct owner *owner_new(const struct l2_announcement *a, struct err *e)
{
	const char *uid = a->uid ? a->uid : "";
	size_t key_len = strlen(a->key), uid_len = strlen(uid);
	struct owner *o = NULL;

	if (key_len <= UINT16_MAX && a->addresses_n <= UINT32_MAX)
		o = calloc(1, sizeof(*o) + a->addresses_n * sizeof(o->vips[0]) + key_len + uid_len + 2);
	if (!o) {
		err_memory(e);
		return NULL;
	}
	o->room = (uint32_t)a->addresses_n;
	o->key_len = (uint16_t)key_len;
	memcpy((char *)&o->vips[o->room], a->key, key_len);
	memcpy((char *)&o->vips[o->room] + key_len + 1, uid, uid_len);
	o->interfaces = names_copy(&a->interfaces, e);
	if (a->interfaces.n && !o->interfaces) {
		owner_free(o);
		return NULL;
	}
	o->interfaces_n = (uint32_t)a->interfaces.n;
	return o;
}

/* In another order, or with one twice, it counts as another; that changes nothing that is seen. */
static bool is_same(const struct owner *o, const struct l2_announcement *a)
{
	if (o->vips_n != a->addresses_n || o->interfaces_n != a->interfaces.n ||
	    strcmp(owner_uid(o), a->uid ? a->uid : "") != 0)
		return false;
	for (size_t i = 0; i < o->interfaces_n; i++)
		if (strcmp(o->interfaces[i], a->interfaces.at[i]) != 0)
			return false;
	for (size_t i = 0; i < o->vips_n; i++) {
		struct in6_addr ip = ip_from_addr(&a->addresses[i]);

		if (memcmp(&o->vips[i]->ip, &ip, sizeof(ip)) != 0)
			return false;
	}
	return true;
}

static bool vip_has_owner(const struct vip *v, const struct owner *o)
{
	for (size_t i = 0; i < v->owners_n; i++)
		if (vip_owner(v, i) == o)
			return true;
	return false;
}

/* Both are attached. */
static bool has_same_addresses(const struct owner *o, const struct owner *old)
{
	for (size_t i = 0; i < o->vips_n; i++)
		if (!vip_has_owner(o->vips[i], old))
			return false;
	return o->vips_n == old->vips_n;
}

static void owner_replace(struct l2 *l, struct owner *old, struct owner *o)
{
	bool lost = old->vips_n && !o->vips_n;

	if (old->state == OWNER_ACTIVE &&
	    has_same_addresses(o, old)) /* no takeover: only other links */
		o->told = old->told;
	if (old->state == OWNER_LEAVING)
		DL_DELETE(l->leaving, old);
	owner_unchanged(l, old);
	old->state = OWNER_ENDED;
	owner_update(l, old);
	l->generation++; /* its grace may have gone, and addresses of its own */
	if (lost) {      /* nothing else would tell */
		old->why = L2_AT_ONCE;
		DL_APPEND(l->ended, old);
		return;
	}
	owner_detach(l, old);
	owner_free(old);
}

int l2_announce(struct l2 *l, const struct l2_announcement *a, uint64_t now_ms, struct err *e)
{
	struct owner *old = owner_find(l, a->key), *o;

	l->now = now_ms;
	if (old && old->state == OWNER_ACTIVE && is_same(old, a))
		return 0;
	o = owner_new(a, e);
	if (!o)
		return -1;
	if (owner_attach(l, o, a, e) < 0) {
		owner_free(o);
		return -1;
	}
	if (!table_add(&l->owners, o)) {
		owner_detach(l, o);
		owner_free(o);
		return err_memory(e);
	}
	if (old) {
		table_remove(&l->owners, old);
		owner_replace(l, old, o);
	}
	owner_update(l, o);
	l->generation++;
	owner_changed(l, o);
	return 0;
}

static void owner_end(struct l2 *l, struct owner *o, enum l2_why why)
{
	if (o->state == OWNER_LEAVING)
		DL_DELETE(l->leaving, o);
	owner_unchanged(l, o);
	table_remove(&l->owners, o);
	o->state = OWNER_ENDED;
	o->why = why;
	owner_update(l, o);
	DL_APPEND(l->ended, o);
	l->generation++;
}

static bool is_announcing(const struct l2 *l, const struct owner *o)
{
	for (size_t i = 0; i < o->vips_n; i++)
		for (size_t n = 0; n < o->vips[i]->places_n; n++) {
			const struct place *p = vip_place(o->vips[i], n);

			if (p->announced && owner_allows(o, link_find(l, p->ifindex)))
				return true;
		}
	return false;
}

/* A successor may have been heard a moment before we were told to leave. */
static void heed_claims(struct l2 *l, struct owner *o)
{
	for (size_t i = 0; i < o->vips_n; i++) {
		struct vip *v = o->vips[i];

		for (size_t n = 0; n < v->places_n && !vip_is_active(v) && !v->succeeded; n++) {
			const struct strife *s = strife_find(l, vip_place(v, n));

			if (s && l->now - s->last_at < JUST_NOW_MS)
				vip_succeed(l, v, &s->by);
		}
	}
}

/* True when it ended at once. */
static bool owner_leave(struct l2 *l, struct owner *o)
{
	if (o->state != OWNER_ACTIVE)
		return false;
	if (!l->grace_ms || !is_announcing(l, o)) {
		owner_end(l, o, L2_AT_ONCE);
		return true;
	}
	owner_unchanged(l, o);
	o->state = OWNER_LEAVING;
	o->until = l->now + l->grace_ms;
	owner_update(l, o);
	DL_APPEND(l->leaving, o);
	heed_claims(l, o);
	return false;
}

void l2_withdraw(struct l2 *l, const char *key, uint64_t now_ms)
{
	struct owner *o = owner_find(l, key);

	l->now = now_ms;
	if (o)
		owner_leave(l, o);
}

void l2_withdraw_all(struct l2 *l, uint64_t now_ms)
{
	struct owner *o;

	l->now = now_ms;
	for (size_t i = 0; (o = table_next(&l->owners, &i));)
		if (owner_leave(l, o))
			i--;
}

void l2_lose_all(struct l2 *l, uint64_t now_ms)
{
	struct owner *o;

	l->now = now_ms;
	for (size_t i = 0; (o = table_next(&l->owners, &i)); i--)
		owner_end(l, o, L2_AT_ONCE);
}

/* Each of its addresses was taken over by another host. */
static bool is_succeeded(const struct owner *o)
{
	for (size_t i = 0; i < o->vips_n; i++)
		if (!o->vips[i]->succeeded)
			return false;
	return true;
}

void owners_tick(struct l2 *l)
{
	struct owner *o, *next;

	for (o = l->succession ? l->leaving : NULL; o; o = next) {
		next = o->next;
		if (is_succeeded(o))
			owner_end(l, o, L2_AFTER_SUCCESSOR);
	}
	l->succession = false;
	while (l->leaving && l->leaving->until <= l->now)
		owner_end(l, l->leaving, L2_AFTER_GRACE);
}

static bool is_blocked(const struct owner *o)
{
	for (size_t i = 0; i < o->vips_n; i++)
		if (o->vips[i]->blocked)
			return true;
	return false;
}

static bool event(struct l2 *l, struct l2_event *ev, enum l2_happened what, const struct owner *o)
{
	free(l->told_addresses);
	l->told_addresses = calloc(o->vips_n + 1, sizeof(*l->told_addresses));
	for (size_t i = 0; l->told_addresses && i < o->vips_n; i++)
		l->told_addresses[i] = ip_to_addr(&o->vips[i]->ip);
	*ev = (struct l2_event){
		.what = what,
		.key = owner_key(o),
		.uid = owner_uid(o),
		.addresses = l->told_addresses,
		.addresses_n = l->told_addresses ? o->vips_n : 0,
		.interfaces = { (const char *const *)o->interfaces, o->interfaces_n },
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
		l->told_address = ip_to_addr(ip);
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
	struct strife *s;

	while ((s = claim_untold(l))) {
		if (!event_of_one(l, ev, L2_CONFLICT, &s->ip, &s->by, s->ifindex))
			continue;
		ev->claims = s->claims;
		ev->by_peer = s->peer;
		s->claims = 0;
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

	owner_free(l->spent);
	l->spent = NULL;
	if ((o = l->ended)) {
		l->spent = o;
		DL_DELETE(l->ended, o);
		event(l, ev, L2_ENDED, o);
		owner_detach(l, o);
		return true;
	}
	if (event_of_others(l, ev))
		return true;
	while ((o = l->changed)) {
		enum owner_told now;

		owner_unchanged(l, o);
		now = is_announcing(l, o) ? TOLD_ANNOUNCING : TOLD_NO_LINK;
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
