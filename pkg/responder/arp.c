/* SPDX-License-Identifier: Apache-2.0 */
/* The part that answers ARP requests.  It answers what l2_receive_arp() would, and leaves to it
 * whatever is not the plain case. */
#include <linux/if_packet.h>
#include <stddef.h>

#include "pkg/arp/arp.h"
#include "pkg/responder/program.h"

enum {
	/* offsets in the frame */
	AT_PACKET = 14,
	AT_OPERATION = 20,
	AT_SENDER_MAC = 22,
	AT_SENDER_IP = 28,
	AT_TARGET_IP = 38,

	REPLY = -80, /* on the stack */
};

static void write_reply(struct program *p, const struct program_link *l)
{
	asm_copy(p, REPLY, PROGRAM_FRAME, AT_SENDER_MAC, MAC_LEN);
	asm_copy_mac(p, REPLY + MAC_LEN, &l->mac);
	asm_copy(p, REPLY + 12, PROGRAM_FRAME, 12, AT_OPERATION - 12);
	asm_store_value(p, BPF_H, REPLY + AT_OPERATION, htons(ARP_REPLY));
	asm_copy_mac(p, REPLY + AT_SENDER_MAC, &l->mac);
	asm_copy(p, REPLY + AT_SENDER_IP, PROGRAM_FRAME, AT_TARGET_IP, 4);
	asm_copy(p, REPLY + AT_SENDER_IP + 4, PROGRAM_FRAME, AT_SENDER_MAC, MAC_LEN + 4);
}

/* Without the padding, in which the sender's would go back. */
static void cut(struct program *p)
{
	asm_load(p, BPF_W, BPF_REG_2, PROGRAM_SKB, offsetof(struct __sk_buff, len));
	asm_skip_if(p, BPF_JEQ, BPF_REG_2, ARP_FRAME_LEN, 5);
	asm_move(p, BPF_REG_1, PROGRAM_SKB);
	asm_set(p, BPF_REG_2, ARP_FRAME_LEN);
	asm_set(p, BPF_REG_3, 0);
	asm_call(p, BPF_FUNC_skb_change_tail);
	asm_pass_if(p, BPF_JNE, BPF_REG_0, 0);
}

void program_arp(struct program *p, const struct program_link *l)
{
	static const uint8_t request[8] = { 0, 1, 8, 0, 6, 4, 0, ARP_REQUEST }; /* Ethernet, IPv4 */
	uint64_t word;

	memcpy(&word, request, sizeof(word));
	program_begin(p, l, ARP_ETHERTYPE, PACKET_BROADCAST, ARP_FRAME_LEN);
	asm_load(p, BPF_DW, BPF_REG_2, PROGRAM_FRAME, AT_PACKET);
	asm_set_wide(p, BPF_REG_3, word);
	asm_pass_if_with(p, BPF_JNE, BPF_REG_2, BPF_REG_3);
	program_same_mac(p, AT_SENDER_MAC);
	asm_load(p, BPF_W, BPF_REG_2, PROGRAM_FRAME, AT_SENDER_IP);
	asm_pass_if(p, BPF_JEQ, BPF_REG_2, 0); /* a probe */
	program_find(p, l, AT_TARGET_IP, 4);
	asm_pass_if(p, BPF_JEQ, BPF_REG_0, 0);
	asm_move(p, PROGRAM_COUNT, BPF_REG_0);
	program_find(p, l, AT_SENDER_IP, 4);
	asm_pass_if(p, BPF_JNE, BPF_REG_0, 0); /* a claim */
	program_may_answer(p, l);
	write_reply(p, l);
	cut(p);
	program_answer(p, l, REPLY, ARP_FRAME_LEN);
}
