/* SPDX-License-Identifier: Apache-2.0 */
/* What of this node the others want to know, as annotations of its Node: its links and addresses
 * (--links, --addresses) for the elections, and addresses in use by other hosts for the allocator. */
#include <stdlib.h>
#include <string.h>

#include "cmd/announce.h"
#include "pkg/record/record.h"

static int by_address(const void *a, const void *b)
{
	return addr_compare(a, b);
}

/* False when there is no memory. */
static bool put_addresses(struct announce *a, struct buf *out)
{
	const struct l2 *l = l2_port_engine(a->port);
	size_t n = a->tells_addresses ? l2_announced(l, NULL, 0) : 0;
	CLEANUP(freep) struct addr *at = calloc(n + 1, sizeof(*at));
	char text[ADDR_TEXT_LEN];

	if (!at)
		return false;
	l2_announced(l, at, n);
	qsort(at, n, sizeof(*at), by_address);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%s", i ? "," : "", addr_format(&at[i], text));
	return true;
}

static void put_links(struct announce *a, struct buf *out)
{
	const struct netlink_world *w = l2_port_world(a->port);
	const struct l2_names any = { 0 };
	size_t start = out->len;

	for (size_t i = 0; i < w->links_n; i++)
		if (l2_link_fit(l2_port_engine(a->port), &w->links[i], &any) == L2_LINK_FITS)
			buf_printf(out, "%s%s", out->len > start ? "," : "", w->links[i].name);
}

void announce_self(struct announce *a)
{
	struct buf links = BUF_INIT, addresses = BUF_INIT, in_use = BUF_INIT, out = BUF_INIT;
	bool have;

	if (!a->tells_links && !a->tells_addresses && !a->in_use_n && !a->self)
		return;
	buf_puts(&links, "");
	put_links(a, &links);
	buf_puts(&addresses, "");
	have = put_addresses(a, &addresses);
	announce_in_use_put(a, &in_use);
	record_node(&out, a->node, a->tells_links ? links.data : NULL,
	    a->tells_addresses ? addresses.data : NULL, a->in_use_n ? in_use.data : NULL);
	a->self_changed = !have || links.bad || addresses.bad || in_use.bad ||
			  out.bad; /* again, when there is memory */
	if (!a->self_changed && (!a->self || strcmp(a->self, out.data) != 0)) {
		free(a->self);
		a->self = strdup(out.data);
		stage_add(a->stage, &out);
	}
	buf_release(&links);
	buf_release(&addresses);
	buf_release(&in_use);
	buf_release(&out);
}

void announce_self_release(struct announce *a)
{
	free(a->self);
	free(a->in_use);
}
