/* SPDX-License-Identifier: Apache-2.0 */
/* Who has an address now, as the Nodes' annotations tell it, and the time. */
#include <string.h>

#include "pkg/election/world.h"

static int by_address(const void *a, const void *b)
{
	return addr_compare(a, b);
}

bool node_holds(const struct node *n, const struct addr *a)
{
	return n->held_n && bsearch(a, n->held, n->held_n, sizeof(*n->held), by_address);
}

/* What is no address is passed over. */
static int parse(const char *text, struct addr **out, size_t *n, struct err *e)
{
	size_t most = 1;
	struct addr *at;

	for (const char *p = text; *p; p++)
		most += *p == ',';
	at = calloc(most, sizeof(*at));
	if (!at)
		return err_memory(e);
	*n = 0;
	while (*text) {
		size_t len = strcspn(text, ",");
		struct err ignored = ERR_INIT;
		char one[ADDR_TEXT_LEN];

		if (len < sizeof(one)) {
			memcpy(one, text, len);
			one[len] = 0;
			*n += addr_parse(&at[*n], one, &ignored) == 0;
		}
		text += len + (text[len] != 0);
	}
	qsort(at, *n, sizeof(*at), by_address);
	*out = at;
	return 0;
}

int node_take_addresses(struct election *el, struct node *n, struct err *e)
{
	const char *text = api_map_get(&n->observed.meta.annotations, NODE_ADDRESSES);
	struct addr *was = n->held, *is = NULL;
	size_t was_n = n->held_n, is_n = 0, i = 0, k = 0;

	if (el->options.failback == ELECTION_FAILBACK_IMMEDIATE)
		return 0;
	if (text && parse(text, &is, &is_n, e) < 0)
		return -1;
	while (i < was_n || k < is_n) {
		int order = i == was_n ? 1 : k == is_n ? -1 : addr_compare(&was[i], &is[k]);

		if (order)
			vip_touch_address(el, order < 0 ? &was[i] : &is[k]);
		i += order <= 0;
		k += order >= 0;
	}
	free(was);
	n->held = is;
	n->held_n = is_n;
	return 0;
}

void election_clock(struct election *el, int64_t now_ms)
{
	if (now_ms <= el->now_ms)
		return;
	el->now_ms = now_ms;
	if (now_ms < el->wake_ms)
		return;
	el->wake_ms = INT64_MAX;
	vip_touch_all(el);
}

int64_t election_deadline(const struct election *el)
{
	return el->wake_ms;
}
