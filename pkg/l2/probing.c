/* SPDX-License-Identifier: Apache-2.0 */
/* Duplicate detection: is an address that is new to the cluster free? */
#include <string.h>

#include "pkg/l2/engine.h"

enum {
	QUESTIONS = 3,
	RETRY_MS = 60000,
};

struct probing *probing_find(const struct l2 *l, const struct in6_addr *ip)
{
	struct probing *p;

	DL_FOREACH(l->probings, p)
	if (!memcmp(&p->ip, ip, sizeof(*ip)))
		return p;
	return NULL;
}

/* Whether the question can be put on the link. */
static bool is_asked_on(const struct vip *v, const struct link *k)
{
	for (size_t i = 0; link_carries(k, &v->first.ip) && i < v->owners_n; i++)
		if (vip_owner(v, i)->state == OWNER_ACTIVE && owner_allows(vip_owner(v, i), k))
			return true;
	return false;
}

static bool is_asked_anywhere(const struct l2 *l, const struct vip *v)
{
	const struct link *k;

	for (size_t i = 0; (k = table_next(&l->links, &i));)
		if (is_asked_on(v, k))
			return true;
	return false;
}

static void begin(struct l2 *l, struct probing *p)
{
	p->next_at = l->now;
	p->until = l->now + l->probe_ms;
}

void probing_start(struct l2 *l, struct vip *v)
{
	struct probing *p;

	if (!l->probe_ms || !is_asked_anywhere(l, v))
		return;
	p = calloc(1, sizeof(*p));
	if (!p)
		return;
	p->ip = v->first.ip;
	begin(l, p);
	v->blocked = true;
	DL_APPEND(l->probings, p);
}

static void asking(struct l2 *l, struct probing *p, bool yes)
{
	l->asking += (size_t)yes - (size_t)p->asking;
	p->asking = yes;
	p->cursor = 0;
}

static void drop(struct l2 *l, struct probing *p)
{
	asking(l, p, false);
	DL_DELETE(l->probings, p);
	free(p);
}

void probing_stop(struct l2 *l, struct vip *v)
{
	struct probing *p = v->blocked ? probing_find(l, &v->first.ip) : NULL;

	v->blocked = false;
	if (p)
		drop(l, p);
}

/* That a peer has it means that it isn't new after all. */
bool probing_taken(struct l2 *l, const struct vip *v, const struct mac *by, int ifindex)
{
	struct probing *p = probing_find(l, &v->first.ip);

	if (!p || mac_is_peer(l, by))
		return false;
	p->untold |= !p->taken || !mac_equal(&p->by, by);
	p->taken = true;
	p->by = *by;
	p->ifindex = ifindex;
	p->until = l->now + RETRY_MS;
	asking(l, p, false);
	return true;
}

static void free_to_use(struct l2 *l, struct probing *p)
{
	struct vip *v = vip_find(l, &p->ip);

	drop(l, p);
	v->blocked = false;
	vip_update(l, v);
	vip_owners_changed(l, v);
}

void probings_tick(struct l2 *l)
{
	struct probing *p, *next;

	for (p = l->probings; p; p = next) {
		next = p->next;
		if (p->until <= l->now && p->taken) {
			p->taken = false; /* perhaps it has gone by now */
			begin(l, p);
		} else if (p->until <= l->now) {
			free_to_use(l, p);
			continue;
		}
		if (p->taken || p->next_at > l->now)
			continue;
		asking(l, p, true);
		p->next_at = l->now + (l->probe_ms + QUESTIONS - 1) / QUESTIONS;
	}
}

uint64_t probings_deadline(const struct l2 *l)
{
	uint64_t first = UINT64_MAX;
	const struct probing *p;

	DL_FOREACH(l->probings, p)
	{
		uint64_t at = p->untold || p->asking ? l->now : p->until;

		if (!p->taken && p->next_at < at)
			at = p->next_at;
		if (at < first)
			first = at;
	}
	return first;
}

bool probing_next_frame(struct l2 *l, struct l2_frame *out)
{
	struct probing *p;
	const struct link *k;

	if (!l->asking)
		return false;
	DL_FOREACH(l->probings, p)
	{
		const struct vip *v = p->asking ? vip_find(l, &p->ip) : NULL;

		while (v && (k = table_next(&l->links, &p->cursor))) {
			if (!is_asked_on(v, k))
				continue;
			out->ifindex = k->ifindex;
			out->ipv6 = ip_is_ipv6(&p->ip);
			if (out->ipv6)
				out->ndp = ndp_solicit(&k->mac, &in6addr_any, &p->ip);
			else
				out->arp =
				    arp_request(&k->mac, (struct in_addr){ 0 }, addr_unmap(&p->ip));
			return true;
		}
		asking(l, p, false);
	}
	return false;
}

bool l2_is_probing(const struct l2 *l)
{
	const struct probing *p;

	DL_FOREACH(l->probings, p)
	if (!p->taken)
		return true;
	return false;
}

struct probing *probing_untold(struct l2 *l)
{
	struct probing *p;

	DL_FOREACH(l->probings, p)
	if (p->untold) {
		p->untold = false;
		return p;
	}
	return NULL;
}
