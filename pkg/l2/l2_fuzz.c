/* SPDX-License-Identifier: Apache-2.0 */
/* Any frames at any time: an answer is only for an announced address, to one host, with our MAC; what
 * is told of others stays bounded; and nothing breaks.  Each frame is a byte of time (in 64 ms), two of
 * length, and itself. */
#include "pkg/l2/l2.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mac ours = { { 2, 0, 0, 0, 0, 1 } };
static const uint8_t four[4] = { 192, 0, 2, 10 };
static const uint8_t six[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 0x10 };

static struct l2 *announcing(void)
{
	const struct netlink_link eth0 = { .ifindex = 1,
		.name = "eth0",
		.mac = ours,
		.ethernet = true,
		.up = true,
		.running = true,
		.broadcast = true };
	const struct l2_options o = {
		.grace_ms = 1000, .refresh_ms = 240000, .rate = 5000, .probe_ms = 100
	};
	struct addr at[2] = { { .family = ADDR_IPV4 }, { .family = ADDR_IPV6 } };
	const bool is_new[2] = { true, true };
	struct err e = ERR_INIT;
	struct l2 *l = l2_new(&o, &e);

	memcpy(at[0].bytes, four, sizeof(four));
	memcpy(at[1].bytes, six, sizeof(six));
	assert(l && l2_set_links(l, &eth0, 1, 0, &e) == 0);
	assert(l2_announce(l,
		   &(struct l2_announcement){
		       .key = "default/web", .addresses = at, .addresses_n = 2, .is_new = is_new },
		   0, &e) == 0);
	return l;
}

static void hear(struct l2 *l, const uint8_t *frame, size_t len, uint64_t now)
{
	struct arp_message arp = { .ifindex = 1 }, arp_reply;
	struct ndp_message ndp = { .ifindex = 1 }, ndp_reply;
	struct err e = ERR_INIT;

	if (arp_frame_decode(&arp.frame, frame, len, &e) == 0) {
		if (l2_receive_arp(l, &arp, now, &arp_reply) != L2_ANSWERED)
			return;
		assert(!memcmp(&arp_reply.frame.packet.sender_ip, four, sizeof(four)));
		assert(mac_equal(&arp_reply.frame.packet.sender_mac, &ours) &&
		       !(arp_reply.frame.to.bytes[0] & 1));
	} else if (ndp_frame_decode(&ndp.frame, frame, len, &e) == 0) {
		if (l2_receive_ndp(l, &ndp, now, &ndp_reply) != L2_ANSWERED)
			return;
		assert(!memcmp(&ndp_reply.frame.target, six, sizeof(six)));
		assert(mac_equal(&ndp_reply.frame.mac, &ours));
		assert(ndp_reply.frame.solicited == !(ndp_reply.frame.to.bytes[0] & 1));
	}
}

static size_t pump(struct l2 *l, uint64_t now)
{
	struct l2_frame f;
	struct l2_event ev;
	size_t told = 0;

	l2_tick(l, now);
	while (l2_next_frame(l, &f))
		assert(mac_equal(f.ipv6 ? &f.ndp.from : &f.arp.from, &ours));
	while (l2_next_event(l, &ev))
		told++;
	return told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct l2 *l = announcing();
	uint64_t now = 0;
	size_t told = 0;

	while (size > 3) {
		size_t len = (size_t)(data[1] << 8 | data[2]);

		now += 64 * (uint64_t)data[0];
		if (len > size - 3)
			len = size - 3;
		hear(l, data + 3, len, now);
		told += pump(l, now);
		data += 3 + len;
		size -= 3 + len;
	}
	assert(told <= 8 + now / 250); /* about two addresses, each once a second at most */
	l2_withdraw_all(l, now);
	pump(l, now);
	pump(l, now + 1000);
	assert(l2_is_idle(l));
	l2_free(l);
	return 0;
}
