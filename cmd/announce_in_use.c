/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses were found in use by other hosts, so that the cluster gives them to nobody: an
 * annotation of the Node, for lbctl allocate. */
#include "cmd/announce.h"

enum {
	MOST_IN_USE = 1024, /* of the 256 KiB that the annotations of an object may have, a quarter */
	IN_USE_MS = 600000, /* after this long without being heard it may be free */
};

static struct announce_in_use *find(struct announce *a, const struct addr *address)
{
	for (size_t i = 0; i < a->in_use_n; i++)
		if (addr_equal(&a->in_use[i].address, address))
			return &a->in_use[i];
	return NULL;
}

static void drop(struct announce *a, size_t i)
{
	for (a->in_use_n--; i < a->in_use_n; i++)
		a->in_use[i] = a->in_use[i + 1];
	a->self_changed = true;
}

/* The one that was heard last is the last one. */
static struct announce_in_use *make(struct announce *a, const struct addr *address)
{
	struct announce_in_use *u = find(a, address);

	if (u)
		drop(a, (size_t)(u - a->in_use));
	else if (a->in_use_n == MOST_IN_USE)
		drop(a, 0);
	u = reallocarray(a->in_use, a->in_use_n + 1, sizeof(*u));
	if (!u)
		return NULL;
	a->in_use = u;
	return &u[a->in_use_n++];
}

static void await_end(struct announce *a)
{
	uint64_t now = loop_now_ms(stage_loop(a->stage));

	if (a->in_use_n)
		loop_timer_set(
		    a->in_use_ends, a->in_use[0].until_ms > now ? a->in_use[0].until_ms - now : 0);
	else
		loop_timer_stop(a->in_use_ends);
}

void announce_in_use_add(struct announce *a, const struct addr *address, const struct mac *by)
{
	struct announce_in_use *u = make(a, address);

	if (u)
		*u = (struct announce_in_use){ *address, *by,
			loop_now_ms(stage_loop(a->stage)) + IN_USE_MS };
	a->self_changed = true;
	await_end(a);
}

void announce_in_use_review(struct announce *a)
{
	uint64_t now = loop_now_ms(stage_loop(a->stage));

	for (size_t i = a->in_use_n; i-- > 0;)
		if (a->in_use[i].until_ms <= now ||
		    l2_first_link(l2_port_engine(a->port), &a->in_use[i].address))
			drop(a, i);
	await_end(a);
}

void announce_in_use_put(const struct announce *a, struct buf *out)
{
	char address[ADDR_TEXT_LEN], by[MAC_TEXT_LEN];

	for (size_t i = 0; i < a->in_use_n; i++)
		buf_printf(out, "%s%s=%s", i ? "," : "", addr_format(&a->in_use[i].address, address),
		    mac_format(&a->in_use[i].by, by));
}
