/* SPDX-License-Identifier: Apache-2.0 */
/* An announcement that comes again, changed: what it has now that its key had before was never gone.
 * Whatever it has not goes its way by itself, see owner.is_rest. */
#include <string.h>

#include "pkg/l2/engine.h"

static size_t texts_size(const struct owner *o)
{
	const char *at = owner_interfaces(o);

	while (*at)
		at = text_after(at);
	at++;
	return (size_t)(at - owner_key(o)) + (o->has_uuid ? UUID_LEN : strlen(at) + 1);
}

/* What stands behind it moves up. */
void owner_drop(struct l2 *l, struct owner *o, size_t i)
{
	size_t n = o->vips_n - i - 1, texts = texts_size(o);
	uint8_t *told = owner_told(o);

	vip_detach(l, o->vips[i], o);
	memmove(&told[i], &told[i + 1], n + texts);
	memmove(&o->vips[i], &o->vips[i + 1], n * sizeof(o->vips[0]) + o->vips_n - 1 + texts);
	o->vips_n--;
}

/* The other one of its key that has the address; there is one at most. */
static struct owner *namesake(const struct vip *v, const struct owner *o)
{
	for (size_t i = 0; i < v->owners_n; i++) {
		struct owner *x = vip_owner(v, i);

		if (x != o && x->state != OWNER_ENDED && !strcmp(owner_key(x), owner_key(o)))
			return x;
	}
	return NULL;
}

/* Backwards, for most often both have the same in the same order. */
void owner_inherit(struct l2 *l, struct owner *o, const struct owner *old)
{
	for (size_t i = o->vips_n; i-- > 0;) {
		struct owner *x = namesake(o->vips[i], o);
		size_t k = x ? x->vips_n : 0;

		while (k > 0 && x->vips[k - 1] != o->vips[i])
			k--;
		if (!k)
			continue;
		if (!o->vips[i]->succeeded)
			owner_told(o)[i] = owner_told(x)[k - 1];
		o->regrouped |= x != old;
		owner_drop(l, x, k - 1);
		if (x != old && !x->vips_n)
			owner_discard(l, x);
	}
}
