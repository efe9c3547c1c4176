/* SPDX-License-Identifier: Apache-2.0 */
/* The part that answers Neighbor Solicitations as most hosts send them: with the source link-layer
 * address, and no other option.  It answers what l2_receive_ndp() would. */
#include <linux/if_packet.h>
#include <stddef.h>

#include "pkg/ndp/ndp.h"
#include "pkg/responder/program.h"

enum {
	/* offsets in the frame */
	AT_VERSION = 14,
	AT_LEN = 18,
	AT_SOURCE = 22,
	AT_DESTINATION = 38,
	AT_TYPE = 54,
	AT_CHECKSUM = 56,
	AT_FLAGS = 58,
	AT_TARGET = 62,
	AT_OPTION = 78,
	AT_OPTION_MAC = 80,
	LEN = 86,

	REPLY = -128,             /* on the stack */
	SUMMED = LEN - AT_SOURCE, /* both addresses and the message */
	PSEUDO_REST = 32 + 58,    /* the rest of the pseudo header: length and next header */
};

static int32_t word(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (int32_t)htonl((uint32_t)a << 24 | (uint32_t)b << 16 | (uint32_t)c << 8 | d);
}

static void demand_word(struct program *p, int offset, int32_t mask, int32_t want)
{
	asm_load(p, BPF_W, BPF_REG_2, PROGRAM_FRAME, offset);
	if (mask)
		asm_do(p, BPF_AND, BPF_REG_2, mask);
	asm_pass_unless(p, BPF_REG_2, want);
}

/* To register 0, of what begins at `from` plus an offset. */
static void checksum(struct program *p, int from, int offset)
{
	asm_set(p, BPF_REG_1, 0);
	asm_set(p, BPF_REG_2, 0);
	asm_move(p, BPF_REG_3, from);
	asm_do(p, BPF_ADD, BPF_REG_3, offset + AT_SOURCE);
	asm_set(p, BPF_REG_4, SUMMED);
	asm_set(p, BPF_REG_5, htons(PSEUDO_REST));
	asm_call(p, BPF_FUNC_csum_diff);
	for (int i = 0; i < 2; i++) {
		asm_move(p, BPF_REG_2, BPF_REG_0);
		asm_do(p, BPF_RSH, BPF_REG_2, 16);
		asm_do(p, BPF_AND, BPF_REG_0, 0xffff);
		asm_do_with(p, BPF_ADD, BPF_REG_0, BPF_REG_2);
	}
	asm_do(p, BPF_XOR, BPF_REG_0, 0xffff);
}

static void write_reply(struct program *p, const struct program_link *l)
{
	asm_copy(p, REPLY, PROGRAM_FRAME, 6, MAC_LEN);
	asm_copy_mac(p, REPLY + MAC_LEN, &l->mac);
	asm_copy(p, REPLY + 12, PROGRAM_FRAME, 12, 2);
	asm_store_value(p, BPF_H, REPLY + AT_VERSION, htons(0x6000));
	asm_store_value(p, BPF_H, REPLY + AT_VERSION + 2, 0);
	asm_copy(p, REPLY + AT_LEN, PROGRAM_FRAME, AT_LEN, 4);
	asm_copy(p, REPLY + AT_SOURCE, PROGRAM_FRAME, AT_TARGET, 16);
	asm_copy(p, REPLY + AT_DESTINATION, PROGRAM_FRAME, AT_SOURCE, 16);
	asm_store_value(p, BPF_H, REPLY + AT_TYPE, htons(NDP_ADVERTISEMENT << 8));
	asm_store_value(p, BPF_H, REPLY + AT_CHECKSUM, 0);
	asm_store_value(p, BPF_H, REPLY + AT_FLAGS, htons(0x6000)); /* solicited, override */
	asm_store_value(p, BPF_H, REPLY + AT_FLAGS + 2, 0);
	asm_copy(p, REPLY + AT_TARGET, PROGRAM_FRAME, AT_TARGET, 16);
	asm_store_value(p, BPF_H, REPLY + AT_OPTION, htons(0x0201)); /* target link-layer address */
	asm_copy_mac(p, REPLY + AT_OPTION_MAC, &l->mac);
	checksum(p, BPF_REG_10, REPLY);
	asm_store(p, BPF_H, REPLY + AT_CHECKSUM, BPF_REG_0);
}

void program_ndp(struct program *p, const struct program_link *l)
{
	program_begin(p, l, NDP_ETHERTYPE, PACKET_MULTICAST, LEN);
	demand_word(p, AT_LEN, 0, word(0, 32, 58, 255)); /* ICMPv6, from this network */
	demand_word(p, AT_VERSION, word(0xf0, 0, 0, 0), word(0x60, 0, 0, 0));
	demand_word(p, AT_TYPE, word(255, 255, 0, 0), word(NDP_SOLICITATION, 0, 0, 0));
	demand_word(p, AT_OPTION, word(255, 255, 0, 0), word(1, 1, 0, 0));
	program_same_mac(p, AT_OPTION_MAC);
	asm_load(p, BPF_W, BPF_REG_2, PROGRAM_SKB, offsetof(struct __sk_buff, len));
	asm_pass_if(p, BPF_JNE, BPF_REG_2, LEN);
	asm_load(p, BPF_DW, BPF_REG_2, PROGRAM_FRAME, AT_SOURCE);
	asm_pass_if(p, BPF_JEQ, BPF_REG_2, 0); /* from ::, or the like */
	asm_load(p, BPF_B, BPF_REG_2, PROGRAM_FRAME, AT_SOURCE);
	asm_pass_if(p, BPF_JEQ, BPF_REG_2, 0xff);
	asm_load(p, BPF_DW, BPF_REG_2, PROGRAM_FRAME, AT_TARGET);
	asm_pass_if(p, BPF_JEQ, BPF_REG_2, 0); /* not the key of an IPv4 address */
	program_find(p, l, AT_TARGET, 16);
	asm_pass_if(p, BPF_JEQ, BPF_REG_0, 0);
	asm_move(p, PROGRAM_COUNT, BPF_REG_0);
	program_may_answer(p, l);
	checksum(p, PROGRAM_FRAME, 0);
	asm_pass_if(p, BPF_JNE, BPF_REG_0, 0);
	write_reply(p, l);
	program_answer(p, l, REPLY, LEN);
}
