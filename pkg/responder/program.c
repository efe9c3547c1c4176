/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts for ARP and for NDP have in common. */
#include <linux/if_packet.h>
#include <stddef.h>

#include "pkg/responder/program.h"

enum {
	AT_KEY = -24, /* on the stack */
	AT_OWN = -32,
	FROM = 6, /* offset of the sender's MAC in the frame */
};

/* What was sent to one host: another MAC of this host can be a port of a bridge. */
static void demand_to_us(struct program *p, const struct mac *m)
{
	uint32_t first;
	uint16_t last;

	memcpy(&first, m->bytes, sizeof(first));
	memcpy(&last, m->bytes + sizeof(first), sizeof(last));
	asm_load(p, BPF_W, BPF_REG_2, PROGRAM_SKB, offsetof(struct __sk_buff, pkt_type));
	asm_skip_if(p, BPF_JNE, BPF_REG_2, PACKET_HOST, 4);
	asm_load(p, BPF_W, BPF_REG_2, PROGRAM_FRAME, 0);
	asm_pass_unless(p, BPF_REG_2, (int32_t)first);
	asm_load(p, BPF_H, BPF_REG_2, PROGRAM_FRAME, sizeof(first));
	asm_pass_unless(p, BPF_REG_2, last);
}

void program_begin(
    struct program *p, const struct program_link *l, uint16_t ethertype, int most_type, int len)
{
	asm_load(p, BPF_W, BPF_REG_2, PROGRAM_SKB, offsetof(struct __sk_buff, protocol));
	asm_pass_if(p, BPF_JNE, BPF_REG_2, htons(ethertype));
	asm_load(p, BPF_W, BPF_REG_2, PROGRAM_SKB, offsetof(struct __sk_buff, vlan_present));
	asm_pass_if(p, BPF_JNE, BPF_REG_2, 0); /* it is for a VLAN's link */
	asm_load(p, BPF_W, BPF_REG_2, PROGRAM_SKB, offsetof(struct __sk_buff, pkt_type));
	asm_pass_if(p, BPF_JGT, BPF_REG_2, most_type);
	asm_load(p, BPF_W, PROGRAM_FRAME, PROGRAM_SKB, offsetof(struct __sk_buff, data));
	asm_load(p, BPF_W, BPF_REG_3, PROGRAM_SKB, offsetof(struct __sk_buff, data_end));
	asm_move(p, BPF_REG_2, PROGRAM_FRAME);
	asm_do(p, BPF_ADD, BPF_REG_2, len);
	asm_pass_if_with(p, BPF_JGT, BPF_REG_2, BPF_REG_3);
	asm_load(p, BPF_B, BPF_REG_2, PROGRAM_FRAME, FROM);
	asm_pass_if(p, BPF_JSET, BPF_REG_2, 1); /* from a group */
	demand_to_us(p, &l->mac);
}

void program_same_mac(struct program *p, int offset)
{
	asm_load(p, BPF_W, BPF_REG_2, PROGRAM_FRAME, FROM);
	asm_load(p, BPF_W, BPF_REG_3, PROGRAM_FRAME, offset);
	asm_pass_if_with(p, BPF_JNE, BPF_REG_2, BPF_REG_3);
	asm_load(p, BPF_H, BPF_REG_2, PROGRAM_FRAME, FROM + 4);
	asm_load(p, BPF_H, BPF_REG_3, PROGRAM_FRAME, offset + 4);
	asm_pass_if_with(p, BPF_JNE, BPF_REG_2, BPF_REG_3);
}

static void find(struct program *p, int map, int at)
{
	asm_set_map(p, BPF_REG_1, map);
	asm_move(p, BPF_REG_2, BPF_REG_10);
	asm_do(p, BPF_ADD, BPF_REG_2, at);
	asm_call(p, BPF_FUNC_map_lookup_elem);
}

void program_find(struct program *p, const struct program_link *l, int offset, int len)
{
	if (len == 4) {
		asm_store_value(p, BPF_DW, AT_KEY, 0);
		asm_store_value(p, BPF_W, AT_KEY + 8, (int32_t)htonl(0xffff));
	}
	asm_copy(p, AT_KEY + 16 - len, PROGRAM_FRAME, offset, len);
	asm_store_value(p, BPF_W, AT_KEY + 16, l->ifindex);
	find(p, l->answers, AT_KEY);
}

void program_may_answer(struct program *p, const struct program_link *l)
{
	asm_store_value(p, BPF_DW, AT_OWN, 0);
	asm_copy(p, AT_OWN, PROGRAM_FRAME, FROM, MAC_LEN);
	find(p, l->own, AT_OWN);
	asm_pass_if(p, BPF_JNE, BPF_REG_0, 0);
	asm_call(p, BPF_FUNC_ktime_get_ns);
	asm_set_map_value(p, BPF_REG_1, l->page, l->until);
	asm_load(p, BPF_DW, BPF_REG_2, BPF_REG_1, 0);
	asm_pass_if_with(p, BPF_JGE, BPF_REG_0, BPF_REG_2);
}

void program_answer(struct program *p, const struct program_link *l, int at, int len)
{
	asm_move(p, BPF_REG_1, PROGRAM_SKB);
	asm_set(p, BPF_REG_2, 0);
	asm_move(p, BPF_REG_3, BPF_REG_10);
	asm_do(p, BPF_ADD, BPF_REG_3, at);
	asm_set(p, BPF_REG_4, len);
	asm_set(p, BPF_REG_5, 0);
	asm_call(p, BPF_FUNC_skb_store_bytes);
	asm_pass_if(p, BPF_JNE, BPF_REG_0, 0);
	asm_set(p, BPF_REG_2, 1);
	asm_add_to(p, PROGRAM_COUNT, 0, BPF_REG_2);
	asm_set_map_value(p, BPF_REG_1, l->page, l->answered);
	asm_add_to(p, BPF_REG_1, 0, BPF_REG_2);
	asm_set(p, BPF_REG_1, l->ifindex);
	asm_set(p, BPF_REG_2, 0);
	asm_call(p, BPF_FUNC_redirect);
	asm_end(p);
}

void program_make(struct program *p, const struct program_link *l)
{
	p->n = 0;
	asm_move(p, PROGRAM_SKB, BPF_REG_1);
	program_arp(p, l);
	program_ndp(p, l);
	asm_pass(p);
}
