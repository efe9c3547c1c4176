/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/arp/arp.h"

#include <assert.h>

#include "pkg/wire/wire.h"

enum { HTYPE_ETHERNET = 1, PTYPE_IPV4 = 0x0800, IPV4_LEN = 4 };

const struct mac arp_broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

/* Bytes may be left over: Ethernet pads short frames to 60 bytes. */
static int get_packet(struct wire_reader *r, struct arp_packet *p, struct err *e)
{
	size_t len = r->bad ? 0 : r->len - r->at;
	uint16_t htype = wire_get_u16(r);
	uint16_t ptype = wire_get_u16(r);
	uint8_t hlen = wire_get_u8(r);
	uint8_t plen = wire_get_u8(r);
	uint16_t op = wire_get_u16(r);
	struct arp_packet got = { 0 };

	wire_get_bytes(r, got.sender_mac.bytes, MAC_LEN);
	wire_get_bytes(r, &got.sender_ip, IPV4_LEN);
	wire_get_bytes(r, got.target_mac.bytes, MAC_LEN);
	wire_get_bytes(r, &got.target_ip, IPV4_LEN);
	if (r->bad)
		return err_set(e, ERR_PROTOCOL, "ARP packet of %zu bytes is too short, want %d", len,
		    ARP_PACKET_LEN);
	if (htype != HTYPE_ETHERNET || hlen != MAC_LEN)
		return err_set(e, ERR_PROTOCOL,
		    "ARP for hardware type %u with addresses of %u bytes, want 1 (Ethernet) with 6",
		    htype, hlen);
	if (ptype != PTYPE_IPV4 || plen != IPV4_LEN)
		return err_set(e, ERR_PROTOCOL,
		    "ARP for protocol 0x%04x with addresses of %u bytes, want 0x0800 (IPv4) with 4",
		    ptype, plen);
	if (op != ARP_REQUEST && op != ARP_REPLY)
		return err_set(e, ERR_PROTOCOL, "ARP operation %u, want 1 (request) or 2 (reply)", op);
	got.op = op;
	*p = got;
	return 0;
}

static void put_packet(struct wire_writer *w, const struct arp_packet *p)
{
	wire_put_u16(w, HTYPE_ETHERNET);
	wire_put_u16(w, PTYPE_IPV4);
	wire_put_u8(w, MAC_LEN);
	wire_put_u8(w, IPV4_LEN);
	wire_put_u16(w, (uint16_t)p->op);
	wire_put_bytes(w, p->sender_mac.bytes, MAC_LEN);
	wire_put_bytes(w, &p->sender_ip, IPV4_LEN);
	wire_put_bytes(w, p->target_mac.bytes, MAC_LEN);
	wire_put_bytes(w, &p->target_ip, IPV4_LEN);
}

int arp_decode(struct arp_packet *p, const void *buf, size_t len, struct err *e)
{
	struct wire_reader r = wire_reader(buf, len);

	return get_packet(&r, p, e);
}

void arp_encode(const struct arp_packet *p, uint8_t out[static ARP_PACKET_LEN])
{
	struct wire_writer w = wire_writer(out, ARP_PACKET_LEN);

	put_packet(&w, p);
	assert(!w.bad && w.len == ARP_PACKET_LEN);
}

int arp_frame_decode(struct arp_frame *f, const void *buf, size_t len, struct err *e)
{
	struct wire_reader r = wire_reader(buf, len);
	struct arp_frame got = { 0 };
	uint16_t ethertype;

	wire_get_bytes(&r, got.to.bytes, MAC_LEN);
	wire_get_bytes(&r, got.from.bytes, MAC_LEN);
	ethertype = wire_get_u16(&r);
	if (r.bad)
		return err_set(
		    e, ERR_PROTOCOL, "frame of %zu bytes is shorter than an Ethernet header", len);
	if (ethertype != ARP_ETHERTYPE)
		return err_set(e, ERR_PROTOCOL, "EtherType 0x%04x, want 0x0806 (ARP)", ethertype);
	if (get_packet(&r, &got.packet, e) < 0)
		return -1;
	*f = got;
	return 0;
}

size_t arp_frame_encode(const struct arp_frame *f, uint8_t out[static ARP_FRAME_LEN])
{
	struct wire_writer w = wire_writer(out, ARP_FRAME_LEN);

	wire_put_bytes(&w, f->to.bytes, MAC_LEN);
	wire_put_bytes(&w, f->from.bytes, MAC_LEN);
	wire_put_u16(&w, ARP_ETHERTYPE);
	put_packet(&w, &f->packet);
	assert(!w.bad && w.len == ARP_FRAME_LEN);
	return w.len;
}

struct arp_frame arp_request(const struct mac *mac, struct in_addr sender, struct in_addr target)
{
	return (struct arp_frame){
		.to = arp_broadcast,
		.from = *mac,
		.packet = { .op = ARP_REQUEST,
		    .sender_mac = *mac,
		    .sender_ip = sender,
		    .target_ip = target },
	};
}

struct arp_frame arp_reply(const struct arp_packet *request, const struct mac *mac)
{
	return (struct arp_frame){
		.to = request->sender_mac,
		.from = *mac,
		.packet = { .op = ARP_REPLY,
		    .sender_mac = *mac,
		    .sender_ip = request->target_ip,
		    .target_mac = request->sender_mac,
		    .target_ip = request->sender_ip },
	};
}

struct arp_frame arp_gratuitous(enum arp_op op, const struct mac *mac, struct in_addr ip)
{
	return (struct arp_frame){
		.to = arp_broadcast,
		.from = *mac,
		.packet = { .op = op,
		    .sender_mac = *mac,
		    .sender_ip = ip,
		    .target_mac = arp_broadcast,
		    .target_ip = ip },
	};
}
