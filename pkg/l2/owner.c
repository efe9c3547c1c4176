/* SPDX-License-Identifier: Apache-2.0 */
/* Announcements: what comes, changes and goes, and what is told of it. */
#include "pkg/l2/engine.h"

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

void owner_free(struct owner *o)
{
	if (!o)
		return;
	names_free(o->interfaces, o->interfaces_n);
	free(o->addresses);
	free(o->vips);
	free(o->key);
	free(o->uid);
	free(o);
}

bool owner_allows(const struct owner *o, const struct link *k)
{
	for (size_t i = 0; i < o->interfaces_n; i++)
		if (!strcmp(o->interfaces[i], k->name))
			return true;
	return o->interfaces_n == 0;
}

bool vip_allowed(const struct vip *v, const struct link *k, const struct owner *without, bool grace)
{
	if (!k->fits)
		return false;
	for (size_t i = 0; i < v->owners_n; i++) {
		const struct owner *o = v->owners[i];

		if (o != without && (!o->leaving || (grace && !v->succeeded)) && owner_allows(o, k))
			return true;
	}
	return false;
}

void owner_changed(struct l2 *l, struct owner *o)
{
	if (o->changed || o->leaving)
		return;
	o->changed = true;
	DL_APPEND2(l->changed, o, prev_changed, next_changed);
}

static void owner_unchanged(struct l2 *l, struct owner *o)
{
	if (o->changed)
		DL_DELETE2(l->changed, o, prev_changed, next_changed);
	o->changed = false;
}

static struct vip *vip_get(struct l2 *l, struct in_addr ip)
{
	struct vip *v;

	HASH_FIND(hh, l->vips, &ip, sizeof(ip), v);
	if (v)
		return v;
	v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	v->ip = ip;
	HASH_ADD(hh, l->vips, ip, sizeof(v->ip), v);
	if (!v->hh.tbl) { /* out of memory */
		free(v);
		return NULL;
	}
	l->generation++;
	return v;
}

static int vip_attach(struct vip *v, struct owner *o)
{
	if (v->owners_n == v->owners_cap) {
		size_t cap = v->owners_cap ? 2 * v->owners_cap : 1;
		struct owner **more = realloc(v->owners, cap * sizeof(struct owner *));

		if (!more)
			return -1;
		v->owners = more;
		v->owners_cap = cap;
	}
	v->owners[v->owners_n++] = o;
	return 0;
}

static void vip_detach(struct l2 *l, struct vip *v, const struct owner *o)
{
	size_t kept = 0;

	for (size_t i = 0; i < v->owners_n; i++)
		if (v->owners[i] != o)
			v->owners[kept++] = v->owners[i];
	v->owners_n = kept;
	if (kept)
		return;
	bursts_stop(l, v);
	HASH_DEL(l->vips, v);
	free(v->owners);
	free(v);
	l->generation++;
}

static void owner_detach(struct l2 *l, struct owner *o)
{
	for (size_t i = 0; i < o->vips_n; i++)
		vip_detach(l, o->vips[i], o);
	o->vips_n = 0;
	owner_unchanged(l, o);
}

static int owner_attach(struct l2 *l, struct owner *o, struct err *e)
{
	for (size_t i = 0; i < o->addresses_n; i++) {
		struct vip *v;

		if (o->addresses[i].family != ADDR_IPV4)
			continue;
		v = vip_get(l, addr_to_in(&o->addresses[i]));
		if (v && vip_attach(v, o) == 0) {
			o->vips[o->vips_n++] = v;
			continue;
		}
		if (v)
			vip_detach(l, v, o); /* it goes, if it is new */
		owner_detach(l, o);
		return err_memory(e);
	}
	return 0;
}

static bool has_address(const struct owner *o, const struct addr *a)
{
	for (size_t i = 0; i < o->addresses_n; i++)
		if (addr_equal(&o->addresses[i], a))
			return true;
	return false;
}

static struct owner *owner_new(const struct l2_announcement *a, struct err *e)
{
	struct owner *o = calloc(1, sizeof(*o));

	if (!o) {
		err_memory(e);
		return NULL;
	}
	o->key = strdup(a->key);
	o->uid = strdup(a->uid ? a->uid : "");
	o->addresses = calloc(a->addresses_n + 1, sizeof(*o->addresses));
	o->vips = calloc(a->addresses_n + 1, sizeof(struct vip *));
	o->interfaces = names_copy(&a->interfaces, e);
	o->interfaces_n = o->interfaces ? a->interfaces.n : 0;
	if (!o->key || !o->uid || !o->addresses || !o->vips || o->interfaces_n != a->interfaces.n) {
		owner_free(o);
		err_memory(e);
		return NULL;
	}
	for (size_t i = 0; i < a->addresses_n; i++) {
		const struct addr *one = &a->addresses[i];

		if (one->family == ADDR_NONE || has_address(o, one))
			continue;
		o->addresses[o->addresses_n++] = *one;
		o->ipv4_n += one->family == ADDR_IPV4;
	}
	o->tell_no_ipv6 = o->ipv4_n < o->addresses_n;
	return o;
}

static bool has_same_addresses(const struct owner *a, const struct owner *b)
{
	for (size_t i = 0; i < a->addresses_n; i++)
		if (!has_address(b, &a->addresses[i]))
			return false;
	return a->addresses_n == b->addresses_n;
}

static bool is_same(const struct owner *a, const struct owner *b)
{
	if (!has_same_addresses(a, b) || strcmp(a->uid, b->uid) != 0 ||
	    a->interfaces_n != b->interfaces_n)
		return false;
	for (size_t i = 0; i < a->interfaces_n; i++)
		if (strcmp(a->interfaces[i], b->interfaces[i]) != 0)
			return false;
	return true;
}

/* Bursts where the new owner makes a difference.  Both owners are attached. */
static void tell_news(struct l2 *l, struct owner *o, const struct owner *old)
{
	for (size_t i = 0; i < o->vips_n; i++) {
		struct vip *v = o->vips[i];

		for (const struct link *k = l->links; k; k = k->hh.next)
			if (vip_allowed(v, k, old, false) && !vip_allowed(v, k, o, false))
				burst_start(l, v, k);
		v->succeeded = false;
	}
}

static void owner_replace(struct l2 *l, struct owner *old, struct owner *o)
{
	if (!old->leaving && has_same_addresses(o, old)) { /* no takeover: only other links */
		o->told = old->told;
		o->told_announcing = old->told_announcing;
		o->tell_no_ipv6 = old->tell_no_ipv6;
	}
	if (old->leaving)
		DL_DELETE(l->leaving, old);
	owner_detach(l, old);
	HASH_DEL(l->owners, old);
	l->generation++;                 /* its grace may have gone */
	if (old->ipv4_n && !o->ipv4_n) { /* it has lost them, and nothing else would tell */
		old->why = L2_AT_ONCE;
		DL_APPEND(l->ended, old);
	} else {
		owner_free(old);
	}
}

int l2_announce(struct l2 *l, const struct l2_announcement *a, uint64_t now_ms, struct err *e)
{
	struct owner *o = owner_new(a, e), *old;

	l->now = now_ms;
	if (!o)
		return -1;
	HASH_FIND_STR(l->owners, a->key, old);
	if (old && !old->leaving && is_same(o, old)) {
		owner_free(o);
		return 0;
	}
	if (owner_attach(l, o, e) < 0) {
		owner_free(o);
		return -1;
	}
	HASH_ADD_KEYPTR(hh, l->owners, o->key, strlen(o->key), o);
	if (!o->hh.tbl) { /* out of memory */
		owner_detach(l, o);
		owner_free(o);
		return err_memory(e);
	}
	tell_news(l, o, old);
	if (old)
		owner_replace(l, old, o);
	owner_changed(l, o);
	return 0;
}

static void owner_end(struct l2 *l, struct owner *o, enum l2_why why)
{
	if (o->leaving)
		DL_DELETE(l->leaving, o);
	owner_detach(l, o);
	HASH_DEL(l->owners, o);
	o->why = why;
	DL_APPEND(l->ended, o);
	l->generation++;
}

static bool is_announcing(const struct l2 *l, const struct owner *o)
{
	for (const struct link *k = l->links; k; k = k->hh.next)
		if (k->fits && owner_allows(o, k))
			return true;
	return false;
}

static void owner_leave(struct l2 *l, struct owner *o)
{
	if (o->leaving)
		return;
	if (!l->grace_ms || !o->ipv4_n || !is_announcing(l, o)) {
		owner_end(l, o, L2_AT_ONCE);
		return;
	}
	owner_unchanged(l, o);
	o->leaving = true;
	o->until = l->now + l->grace_ms;
	DL_APPEND(l->leaving, o);
	l->generation++;
}

void l2_withdraw(struct l2 *l, const char *key, uint64_t now_ms)
{
	struct owner *o;

	l->now = now_ms;
	HASH_FIND_STR(l->owners, key, o);
	if (o)
		owner_leave(l, o);
}

void l2_withdraw_all(struct l2 *l, uint64_t now_ms)
{
	struct owner *o, *next;

	l->now = now_ms;
	for (o = l->owners; o; o = next) {
		next = o->hh.next;
		owner_leave(l, o);
	}
}

/* Each of its addresses was taken over by another host. */
static bool is_succeeded(const struct owner *o)
{
	for (size_t i = 0; i < o->vips_n; i++)
		if (!o->vips[i]->succeeded)
			return false;
	return true;
}

void l2_tick(struct l2 *l, uint64_t now_ms)
{
	struct owner *o, *next;

	l->now = now_ms;
	bursts_wake(l);
	if (l->succession)
		DL_FOREACH_SAFE(l->leaving, o, next)
	if (is_succeeded(o))
		owner_end(l, o, L2_AFTER_SUCCESSOR);
	l->succession = false;
	while (l->leaving && l->leaving->until <= l->now)
		owner_end(l, l->leaving, L2_AFTER_GRACE);
}

static void event(struct l2_event *ev, enum l2_happened what, const struct owner *o)
{
	*ev = (struct l2_event){
		.what = what,
		.key = o->key,
		.uid = o->uid,
		.addresses = o->addresses,
		.addresses_n = o->addresses_n,
		.interfaces = { (const char *const *)o->interfaces, o->interfaces_n },
		.why = o->why,
		.successor = o->successor,
	};
}

bool l2_next_event(struct l2 *l, struct l2_event *ev)
{
	owner_free(l->spent);
	l->spent = NULL;
	if (l->ended) {
		l->spent = l->ended;
		DL_DELETE(l->ended, l->spent);
		event(ev, L2_ENDED, l->spent);
		return true;
	}
	while (l->changed) {
		struct owner *o = l->changed;
		bool announcing;

		if (o->tell_no_ipv6) {
			o->tell_no_ipv6 = false;
			event(ev, L2_NO_IPV6, o);
			return true;
		}
		owner_unchanged(l, o);
		announcing = is_announcing(l, o);
		if (!o->ipv4_n || (o->told && o->told_announcing == announcing))
			continue;
		o->told = true;
		o->told_announcing = announcing;
		event(ev, announcing ? L2_ANNOUNCING : L2_NO_LINK, o);
		return true;
	}
	return false;
}
