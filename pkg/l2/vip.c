/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses, and where each of them is announced and answered. */
#include <string.h>

#include "pkg/l2/engine.h"

bool slots_add(void **slots, size_t n, size_t i, void *item)
{
	void **at = n > 1 ? *slots : NULL;

	if (n == 0) {
		*slots = item;
		return true;
	}
	if ((n & (n - 1)) == 0) { /* its room is a power of two */
		void **more = reallocarray(at, 2 * n, sizeof(*at));

		if (!more)
			return false;
		at = more;
		if (n == 1)
			at[0] = *slots;
		*slots = at;
	}
	memmove(&at[i + 1], &at[i], (n - i) * sizeof(*at));
	at[i] = item;
	return true;
}

void slots_drop(void **slots, size_t n, size_t i)
{
	void **at = *slots, *other;

	if (n == 1) {
		*slots = NULL;
	} else if (n == 2) {
		other = at[!i];
		free(at);
		*slots = other;
	} else {
		memmove(&at[i], &at[i + 1], (n - i - 1) * sizeof(*at));
	}
}

uint32_t vip_hash(const void *vip)
{
	return table_hash(&((const struct vip *)vip)->first.ip, sizeof(struct in6_addr));
}

static bool has_ip(const void *vip, const void *ip)
{
	return !memcmp(&((const struct vip *)vip)->first.ip, ip, sizeof(struct in6_addr));
}

struct vip *vip_find(const struct l2 *l, const struct in6_addr *ip)
{
	return table_find(&l->vips, table_hash(ip, sizeof(*ip)), has_ip, ip);
}

static size_t others_n(const struct vip *v)
{
	return v->others ? v->others->n : 0;
}

static size_t others_index(const struct vip *v, int ifindex)
{
	size_t from = 0, to = others_n(v);

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (v->others->at[mid]->ifindex < ifindex)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

struct place *place_find(struct vip *v, int ifindex)
{
	size_t i;

	if (ifindex && v->first.ifindex == ifindex)
		return &v->first;
	i = others_index(v, ifindex);
	return i < others_n(v) && v->others->at[i]->ifindex == ifindex ? v->others->at[i] : NULL;
}

struct place *vip_next_place(struct vip *v, size_t *i)
{
	if (*i == 0 && (*i)++ == 0 && v->first.ifindex)
		return &v->first;
	return *i <= others_n(v) ? v->others->at[(*i)++ - 1] : NULL;
}

void vip_owners_changed(struct l2 *l, const struct vip *v)
{
	for (size_t i = 0; i < v->owners_n; i++)
		owner_changed(l, vip_owner(v, i));
}

static void place_changed(struct l2 *l, const struct vip *v)
{
	l->groups_generation += ip_is_ipv6(&v->first.ip);
	vip_owners_changed(l, v);
}

static struct place *others_add(struct vip *v, int ifindex)
{
	size_t n = others_n(v), i = others_index(v, ifindex);
	struct place *p = malloc(sizeof(*p));
	struct places *more =
	    p ? realloc(v->others, sizeof(*more) + (n + 1) * sizeof(more->at[0])) : NULL;

	if (!more) {
		free(p);
		return NULL;
	}
	memmove(&more->at[i + 1], &more->at[i], (n - i) * sizeof(more->at[0]));
	more->at[i] = p;
	more->n = n + 1;
	v->others = more;
	return p;
}

static void others_drop(struct vip *v, struct place *p)
{
	struct places *o = v->others;
	size_t i = others_index(v, p->ifindex);

	memmove(&o->at[i], &o->at[i + 1], (--o->n - i) * sizeof(o->at[0]));
	if (o->n == 0) {
		free(o);
		v->others = NULL;
	}
	free(p);
}

/* NULL when there is no memory: then the address is not answered there. */
static struct place *place_new(struct l2 *l, struct vip *v, int ifindex)
{
	struct place *p = v->first.ifindex ? others_add(v, ifindex) : &v->first;

	if (!p)
		return NULL;
	*p = (struct place){ .ip = v->first.ip, .ifindex = ifindex };
	places_added(l, p);
	return p;
}

static void place_free(struct l2 *l, struct vip *v, struct place *p)
{
	burst_stop(l, p);
	places_gone(l, p);
	if (p == &v->first)
		p->ifindex = 0;
	else
		others_drop(v, p);
}

static void may(const struct vip *v, const struct link *k, bool *announce, bool *answer)
{
	*announce = *answer = false;
	if (!link_carries(k, &v->first.ip))
		return;
	for (size_t i = 0; !v->blocked && i < v->owners_n && !*announce; i++) {
		const struct owner *o = vip_owner(v, i);

		if (o->state == OWNER_ENDED || !owner_allows(o, k))
			continue;
		*announce = o->state == OWNER_ACTIVE;
		*answer |= *announce || !v->succeeded;
	}
}

void vip_update_on(struct l2 *l, struct vip *v, const struct link *k)
{
	struct place *p = place_find(v, k->ifindex);
	bool announce, answer, answered = p != NULL;

	if (v->blocked)
		probing_link_changed(l, v, k);
	may(v, k, &announce, &answer);
	if (!p && answer)
		p = place_new(l, v, k->ifindex);
	if (!p)
		return;
	if (!answer) {
		place_free(l, v, p);
		place_changed(l, v);
		return;
	}
	if (announce == p->announced)
		return;
	p->announced = announce;
	if (!announce)
		burst_stop(l, p);
	else if (answered)
		burst_resume(l, p);
	else
		burst_start(l, p);
	place_changed(l, v);
}

void vip_update(struct l2 *l, struct vip *v)
{
	const struct link *k;

	for (size_t i = 0; (k = table_next(&l->links, &i));)
		vip_update_on(l, v, k);
}

void vip_succeed(struct l2 *l, struct vip *v, const struct mac *by)
{
	v->succeeded = l->succession = true;
	for (size_t i = 0; i < v->owners_n; i++)
		if (vip_owner(v, i)->state == OWNER_LEAVING)
			vip_owner(v, i)->successor = *by;
	vip_update(l, v);
}

bool vip_is_wanted(const struct vip *v)
{
	for (size_t i = 0; i < v->owners_n; i++)
		if (vip_owner(v, i)->state != OWNER_ENDED)
			return true;
	return false;
}

void vip_free(struct l2 *l, struct vip *v)
{
	struct place *p;

	probing_stop(l, v);
	claims_forget_address(l, &v->first.ip);
	for (size_t i = 0; (p = vip_next_place(v, &i)); i = 0)
		place_free(l, v, p);
	while (v->owners_n)
		slots_drop(&v->owners, v->owners_n--, 0);
	table_remove(&l->vips, v);
	free(v);
}

static struct vip *vip_get(struct l2 *l, const struct in6_addr *ip)
{
	struct vip *v = vip_find(l, ip);

	if (v)
		return v;
	v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	v->first.ip = *ip;
	if (!table_add(&l->vips, v)) {
		free(v);
		return NULL;
	}
	return v;
}

struct vip *vip_attach(struct l2 *l, const struct in6_addr *ip, struct owner *o)
{
	struct vip *v = vip_get(l, ip);

	if (!v || (v->owners_n && vip_owner(v, v->owners_n - 1) == o))
		return v;
	if (slots_add(&v->owners, v->owners_n, v->owners_n, o)) {
		v->owners_n++;
		return v;
	}
	vip_detach(l, v, o); /* it goes, if it is new */
	return NULL;
}

void vip_detach(struct l2 *l, struct vip *v, const struct owner *o)
{
	for (size_t i = v->owners_n; i-- > 0;)
		if (vip_owner(v, i) == o)
			slots_drop(&v->owners, v->owners_n--, i);
	if (v->owners_n == 0)
		vip_free(l, v);
}
