/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/ndp/ndp.h"

#include <assert.h>
#include <string.h>

#include "pkg/wire/wire.h"

enum {
	ETHERNET_LEN = 14,
	IPV6_LEN = 40,
	PACKET_LEN = 24, /* of the ICMPv6 message, without options */
	NEXT_ICMPV6 = 58,
	HOP_LIMIT = 255,
	OPTION_SOURCE_MAC = 1,
	OPTION_TARGET_MAC = 2,
	OPTION_NONCE = 14,
	FLAG_ROUTER = 0x80,
	FLAG_SOLICITED = 0x40,
	FLAG_OVERRIDE = 0x20,
};

const struct in6_addr ndp_all_nodes = { .s6_addr = { 0xff, 2, [15] = 1 } };

struct in6_addr ndp_solicited_node(const struct in6_addr *target)
{
	struct in6_addr group = { .s6_addr = { 0xff, 2, [11] = 1, [12] = 0xff } };

	memcpy(&group.s6_addr[13], &target->s6_addr[13], 3);
	return group;
}

struct mac ndp_multicast_mac(const struct in6_addr *group)
{
	struct mac m = { { 0x33, 0x33 } };

	memcpy(&m.bytes[2], &group->s6_addr[12], 4);
	return m;
}

static uint32_t sum(uint32_t s, const uint8_t *p, size_t n)
{
	for (; n > 1; p += 2, n -= 2)
		s += (uint32_t)(p[0] << 8 | p[1]);
	return n ? s + (uint32_t)(p[0] << 8) : s;
}

/* Over the pseudo header and the message; of a message with its checksum in place it is 0. */
static uint16_t checksum(
    const struct in6_addr *source, const struct in6_addr *destination, const uint8_t *p, size_t n)
{
	uint32_t s = sum(sum((uint32_t)n + NEXT_ICMPV6, source->s6_addr, 16), destination->s6_addr, 16);

	s = sum(s, p, n);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static bool is_solicited_node(const struct in6_addr *a)
{
	static const uint8_t prefix[13] = { 0xff, 2, [11] = 1, [12] = 0xff };

	return !memcmp(a, prefix, sizeof(prefix));
}

static bool is_unspecified(const struct in6_addr *a)
{
	return IN6_IS_ADDR_UNSPECIFIED(a);
}

static int get_option(struct wire_reader *r, struct ndp_frame *f, struct err *e)
{
	uint8_t type = wire_get_u8(r);
	uint8_t len = wire_get_u8(r);
	struct wire_reader body = wire_get_sub(r, len ? 8 * (size_t)len - 2 : 0);
	bool is_mac = type == (f->type == NDP_SOLICITATION ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC);

	if (r->bad || body.bad || len == 0)
		return err_set(
		    e, ERR_PROTOCOL, "NDP option %u of length %u in %zu bytes", type, len, body.len);
	if (is_mac && len != 1)
		return err_set(e, ERR_PROTOCOL,
		    "NDP option link-layer address of %u bytes, want 6 (Ethernet)", 8 * len - 2);
	if (is_mac && !f->has_mac) {
		f->has_mac = true;
		wire_get_bytes(&body, f->mac.bytes, MAC_LEN);
	}
	if (type == OPTION_NONCE && !f->has_nonce) {
		f->has_nonce = true; /* of a longer one the beginning is enough to know it by */
		wire_get_bytes(&body, f->nonce, NDP_NONCE_LEN);
	}
	return 0;
}

static int get_message(struct wire_reader *r, struct ndp_frame *f, struct err *e)
{
	uint8_t type = wire_get_u8(r);
	uint8_t code = wire_get_u8(r);
	uint8_t flags;

	wire_skip(r, 2); /* the checksum */
	flags = wire_get_u8(r);
	wire_skip(r, 3);
	wire_get_bytes(r, &f->target, 16);
	if (type != NDP_SOLICITATION && type != NDP_ADVERTISEMENT)
		return err_set(e, ERR_PROTOCOL, "ICMPv6 type %u, want 135 or 136", type);
	if (code != 0)
		return err_set(e, ERR_PROTOCOL, "NDP with the code %u, want 0", code);
	f->type = type;
	if (type == NDP_ADVERTISEMENT) {
		f->router = flags & FLAG_ROUTER;
		f->solicited = flags & FLAG_SOLICITED;
		f->override = flags & FLAG_OVERRIDE;
	}
	while (wire_more(r))
		if (get_option(r, f, e) < 0)
			return -1;
	return 0;
}

/* What is true of the whole, RFC 4861 sections 7.1.1 and 7.1.2. */
static int check(const struct ndp_frame *f, struct err *e)
{
	if (IN6_IS_ADDR_MULTICAST(&f->source))
		return err_set(e, ERR_PROTOCOL, "NDP from a multicast address");
	if (IN6_IS_ADDR_MULTICAST(&f->target))
		return err_set(e, ERR_PROTOCOL, "NDP about a multicast address");
	if (f->type == NDP_ADVERTISEMENT) {
		if (f->solicited && IN6_IS_ADDR_MULTICAST(&f->destination))
			return err_set(
			    e, ERR_PROTOCOL, "an advertisement to a group that says it was solicited");
		return 0;
	}
	if (is_unspecified(&f->source) && !is_solicited_node(&f->destination))
		return err_set(
		    e, ERR_PROTOCOL, "a solicitation from :: that is not to a solicited-node group");
	if (is_unspecified(&f->source) && f->has_mac)
		return err_set(e, ERR_PROTOCOL, "a solicitation from :: with a link-layer address");
	return 0;
}

static int get_ipv6(struct wire_reader *r, struct ndp_frame *f, struct err *e)
{
	uint8_t version = wire_get_u8(r) >> 4;
	uint16_t len;
	uint8_t next, hops;
	struct wire_reader message;

	wire_skip(r, 3); /* the rest of the traffic class, the flow label */
	len = wire_get_u16(r);
	next = wire_get_u8(r);
	hops = wire_get_u8(r);
	wire_get_bytes(r, &f->source, 16);
	wire_get_bytes(r, &f->destination, 16);
	message = wire_get_sub(r, len);
	if (r->bad || message.bad || len < PACKET_LEN)
		return err_set(e, ERR_PROTOCOL, "NDP packet is too short");
	if (version != 6 || next != NEXT_ICMPV6)
		return err_set(e, ERR_PROTOCOL,
		    "IP version %u with next header %u, want 6 with 58 (ICMPv6)", version, next);
	if (hops != HOP_LIMIT)
		return err_set(e, ERR_PROTOCOL,
		    "NDP with the hop limit %u, want 255: it comes from another network", hops);
	if (checksum(&f->source, &f->destination, message.buf, message.len) != 0)
		return err_set(e, ERR_PROTOCOL, "NDP with a wrong checksum");
	return get_message(&message, f, e);
}

int ndp_frame_decode(struct ndp_frame *f, const void *buf, size_t len, struct err *e)
{
	struct wire_reader r = wire_reader(buf, len);
	struct ndp_frame got = { 0 };
	uint16_t ethertype;

	wire_get_bytes(&r, got.to.bytes, MAC_LEN);
	wire_get_bytes(&r, got.from.bytes, MAC_LEN);
	ethertype = wire_get_u16(&r);
	if (r.bad)
		return err_set(
		    e, ERR_PROTOCOL, "frame of %zu bytes is shorter than an Ethernet header", len);
	if (ethertype != NDP_ETHERTYPE)
		return err_set(e, ERR_PROTOCOL, "EtherType 0x%04x, want 0x86dd (IPv6)", ethertype);
	if (get_ipv6(&r, &got, e) < 0 || check(&got, e) < 0)
		return -1;
	*f = got;
	return 0;
}

static void put_options(struct wire_writer *w, const struct ndp_frame *f)
{
	if (f->has_mac) {
		wire_put_u8(w, f->type == NDP_SOLICITATION ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC);
		wire_put_u8(w, 1);
		wire_put_bytes(w, f->mac.bytes, MAC_LEN);
	}
	if (f->has_nonce) {
		wire_put_u8(w, OPTION_NONCE);
		wire_put_u8(w, 1);
		wire_put_bytes(w, f->nonce, NDP_NONCE_LEN);
	}
}

size_t ndp_frame_encode(const struct ndp_frame *f, uint8_t out[static NDP_FRAME_MAX])
{
	struct wire_writer w = wire_writer(out, NDP_FRAME_MAX);
	size_t len = PACKET_LEN + (f->has_mac ? 8 : 0) + (f->has_nonce ? 8 : 0);
	uint8_t *message = out + ETHERNET_LEN + IPV6_LEN;
	uint16_t c;

	wire_put_bytes(&w, f->to.bytes, MAC_LEN);
	wire_put_bytes(&w, f->from.bytes, MAC_LEN);
	wire_put_u16(&w, NDP_ETHERTYPE);
	wire_put_u32(&w, 0x60000000);
	wire_put_u16(&w, (uint16_t)len);
	wire_put_u8(&w, NEXT_ICMPV6);
	wire_put_u8(&w, HOP_LIMIT);
	wire_put_bytes(&w, &f->source, 16);
	wire_put_bytes(&w, &f->destination, 16);
	wire_put_u8(&w, (uint8_t)f->type);
	wire_put_u8(&w, 0);
	wire_put_u16(&w, 0);
	wire_put_u8(&w, (uint8_t)((f->router ? FLAG_ROUTER : 0) | (f->solicited ? FLAG_SOLICITED : 0) |
				  (f->override ? FLAG_OVERRIDE : 0)));
	wire_put_u8(&w, 0);
	wire_put_u16(&w, 0);
	wire_put_bytes(&w, &f->target, 16);
	put_options(&w, f);
	assert(!w.bad && w.len == ETHERNET_LEN + IPV6_LEN + len);
	c = checksum(&f->source, &f->destination, message, len);
	message[2] = (uint8_t)(c >> 8);
	message[3] = (uint8_t)c;
	return w.len;
}

struct ndp_frame ndp_solicit(
    const struct mac *mac, const struct in6_addr *source, const struct in6_addr *target)
{
	struct in6_addr group = ndp_solicited_node(target);

	struct ndp_frame f = {
		.to = ndp_multicast_mac(&group),
		.from = *mac,
		.source = *source,
		.destination = group,
		.type = NDP_SOLICITATION,
		.has_mac = !is_unspecified(source),
		.target = *target,
	};

	if (f.has_mac)
		f.mac = *mac;
	return f;
}

struct ndp_frame ndp_unsolicited(const struct mac *mac, const struct in6_addr *target)
{
	return (struct ndp_frame){
		.to = ndp_multicast_mac(&ndp_all_nodes),
		.from = *mac,
		.source = *target,
		.destination = ndp_all_nodes,
		.type = NDP_ADVERTISEMENT,
		.override = true,
		.has_mac = true,
		.mac = *mac,
		.target = *target,
	};
}

struct ndp_frame ndp_answer(const struct ndp_frame *asked, const struct mac *mac)
{
	struct ndp_frame f = ndp_unsolicited(mac, &asked->target);

	if (is_unspecified(&asked->source))
		return f;
	f.to = asked->has_mac ? asked->mac : asked->from;
	f.destination = asked->source;
	f.solicited = true;
	return f;
}
