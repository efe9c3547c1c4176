/* SPDX-License-Identifier: Apache-2.0 */
/* Where addresses are answered, told as what has changed.
 *
 * A place knows whether it was told, and how many were not is counted; those that have gone stand in a
 * list, which is empty as long as nobody asks. */
#include "pkg/l2/engine.h"

void places_added(struct l2 *l, struct place *p)
{
	p->told = false;
	l->untold_n++;
}

void places_gone(struct l2 *l, const struct place *p)
{
	if (!p->told) {
		l->untold_n--;
		return;
	}
	if (l->gone_n == l->gone_size) {
		size_t size = l->gone_size ? 2 * l->gone_size : 16;
		struct l2_place *more = reallocarray(l->gone, size, sizeof(*more));

		if (!more) {
			l->places_lost = true;
			return;
		}
		l->gone = more;
		l->gone_size = size;
	}
	l->gone[l->gone_n++] = (struct l2_place){ addr_from_mapped(&p->ip), p->ifindex };
}

static struct place *untold_on(struct vip *v)
{
	struct place *p;

	for (size_t i = 0; (p = vip_next_place(v, &i));)
		if (!p->told)
			return p;
	return NULL;
}

/* There is one; the search goes on where the last one was found. */
static struct place *untold(struct l2 *l)
{
	struct place *p = NULL;

	while (!p) {
		size_t here = l->untold_at;
		struct vip *v = table_next(&l->vips, &l->untold_at);

		p = v ? untold_on(v) : NULL;
		l->untold_at = !v ? 0 : p ? here : l->untold_at;
	}
	return p;
}

bool l2_next_gone(struct l2 *l, struct l2_place *out)
{
	if (l->gone_n) {
		*out = l->gone[--l->gone_n];
		return true;
	}
	free(l->gone);
	l->gone = NULL;
	l->gone_size = 0;
	return false;
}

bool l2_next_place(struct l2 *l, struct l2_place *out)
{
	struct place *p = l->untold_n ? untold(l) : NULL;

	if (!p)
		return false;
	p->told = true;
	l->untold_n--;
	*out = (struct l2_place){ addr_from_mapped(&p->ip), p->ifindex };
	return true;
}

bool l2_places_lost(const struct l2 *l)
{
	return l->places_lost;
}

void l2_end_elsewhere(struct l2 *l, const struct l2_elsewhere *x)
{
	struct link *k;
	struct place *p;
	struct vip *v;

	for (size_t i = 0; (k = table_next(&l->links, &i));) {
		uint64_t n = x->answered_on(x->arg, k->ifindex);

		k->outcomes[L2_ANSWERED] += n;
		k->elsewhere += n;
	}
	for (size_t i = 0; (v = table_next(&l->vips, &i));)
		for (size_t j = 0; (p = vip_next_place(v, &j));) {
			const struct addr ip = addr_from_mapped(&p->ip);
			uint32_t n = p->told ? (uint32_t)x->answered(x->arg, &ip, p->ifindex) : 0;

			p->requests += n;
			p->answered += n;
			l->untold_n += p->told;
			p->told = false;
		}
	l->gone_n = 0;
	l->places_lost = false;
}
