/* SPDX-License-Identifier: Apache-2.0 */
/* announce --links: which links this node could announce on, for the elections of all nodes. */
#include <string.h>

#include "cmd/announce.h"
#include "pkg/record/record.h"

void announce_links(struct announce *a)
{
	const struct netlink_world *w = l2_port_world(a->port);
	const struct l2_names any = { 0 };
	struct buf names = BUF_INIT, out = BUF_INIT;

	buf_puts(&names, "");
	for (size_t i = 0; i < w->links_n; i++)
		if (l2_link_fit(l2_port_engine(a->port), &w->links[i], &any) == L2_LINK_FITS)
			buf_printf(&names, "%s%s", names.len ? "," : "", w->links[i].name);
	if (!names.bad && (!a->links || strcmp(a->links, names.data) != 0)) {
		free(a->links);
		a->links = strdup(names.data);
		record_node_links(&out, a->node, names.data);
		stage_add(a->stage, &out);
	}
	buf_release(&names);
	buf_release(&out);
}
