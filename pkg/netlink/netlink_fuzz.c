/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: every message is inside its datagram, texts end, addresses have a family and a
 * prefix that fits, the world stays sorted, and a message taken twice changes nothing. */
#include <assert.h>
#include <string.h>

#include "pkg/netlink/netlink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(const struct netlink_message *m)
{
	assert(memchr(m->link.name, 0, sizeof(m->link.name)));
	assert(memchr(m->link.kind, 0, sizeof(m->link.kind)));
	assert(memchr(m->error_text, 0, sizeof(m->error_text)));
	assert(m->error >= 0);
	assert(m->tells != NETLINK_TELLS_LINK || m->link.name[0]);
	assert((m->tells != NETLINK_TELLS_ADDRESS && m->tells != NETLINK_TELLS_ADDRESS_GONE) ||
	       (m->address.addr.family && m->address.len <= 8 * addr_len(&m->address.addr)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(netlink_world_release) struct netlink_world w = NETLINK_WORLD_INIT;
	CLEANUP(freep) uint8_t *aligned = malloc(size ? size : 1);
	const uint8_t *at = aligned;
	size_t left = size;
	struct netlink_message m;
	struct err e = ERR_INIT;
	int got;

	memcpy(aligned, data, size);
	while ((got = netlink_decode(&at, &left, &m, &e)) > 0) {
		assert(at + left == aligned + size);
		check_message(&m);
		assert(netlink_world_apply(&w, &m, &e) >= 0);
		assert(netlink_world_apply(&w, &m, &e) == 0);
	}
	assert(got == 0 ? left == 0 : e.kind == ERR_PROTOCOL && e.text[0]);
	for (size_t i = 1; i < w.links_n; i++)
		assert(w.links[i - 1].ifindex < w.links[i].ifindex);
	return 0;
}
