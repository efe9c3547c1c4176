/* SPDX-License-Identifier: Apache-2.0 */
/* What of this node the others want to know, as annotations of its Node: its links and addresses
 * (--links, --addresses) for the elections, and addresses in use by other hosts for the allocator. */
#include <string.h>

#include "cmd/announce.h"
#include "pkg/record/record.h"
#include "pkg/tree/tree.h"

/* The addresses of one Announcement. */
struct held {
	struct tree_node node;
	char *key;
	char *addresses; /* with commas */
};

static int compare(const struct tree_node *a, const struct tree_node *b)
{
	return strcmp(TREE_ITEM(a, struct held, node)->key, TREE_ITEM(b, struct held, node)->key);
}

static void drop(struct tree *t, struct held *h)
{
	tree_remove(t, &h->node);
	free(h->key);
	free(h->addresses);
	free(h);
}

void announce_holds(struct announce *a, const char *key, const struct addr *at, size_t n)
{
	struct held probe = { .key = (char *)(uintptr_t)key }, *h;
	struct buf text = BUF_INIT;
	char one[ADDR_TEXT_LEN];

	if (!a->tells_addresses)
		return;
	a->held.compare = compare;
	a->self_changed = true;
	h = TREE_ITEM(tree_find(&a->held, &probe.node), struct held, node);
	if (h)
		drop(&a->held, h);
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s%s", i ? "," : "", addr_format(&at[i], one));
	h = n && !text.bad ? calloc(1, sizeof(*h)) : NULL;
	if (h) {
		h->key = strdup(key);
		h->addresses = strdup(text.data);
	}
	if (h && h->key && h->addresses) {
		tree_add(&a->held, &h->node);
	} else if (h) {
		free(h->key);
		free(h->addresses);
		free(h);
	}
	buf_release(&text);
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

	if (!a->tells_links && !a->tells_addresses && !a->in_use_n && !a->self)
		return;
	buf_puts(&links, "");
	put_links(a, &links);
	buf_puts(&addresses, "");
	for (struct tree_node *n = tree_first(&a->held); n; n = tree_after(&a->held, n))
		buf_printf(&addresses, "%s%s", addresses.len ? "," : "",
		    TREE_ITEM(n, struct held, node)->addresses);
	announce_in_use_put(a, &in_use);
	record_node(&out, a->node, a->tells_links ? links.data : NULL,
	    a->tells_addresses ? addresses.data : NULL, a->in_use_n ? in_use.data : NULL);
	a->self_changed =
	    links.bad || addresses.bad || in_use.bad || out.bad; /* again, when there is memory */
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
	struct tree_node *n;

	while ((n = tree_first(&a->held)))
		drop(&a->held, TREE_ITEM(n, struct held, node));
	free(a->self);
	free(a->in_use);
}
