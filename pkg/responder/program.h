/* SPDX-License-Identifier: Apache-2.0 */
/* The program of the responder, and the assembler that it is written with.
 *
 * It has a part for ARP and one for NDP.  A part is a list of demands; the first that isn't met passes
 * the frame on, to the next part or to the host.  What it stores on its stack is aligned, since the
 * verifier of the kernel wants that. */
#ifndef LB_RESPONDER_PROGRAM_H
#define LB_RESPONDER_PROGRAM_H

#include <linux/bpf.h>
#include <netinet/in.h>
#include <string.h>

#include "pkg/addr/addr.h"

enum { PROGRAM_ROOM = 512 }; /* instructions; ours has fewer than 300 */

struct program {
	struct bpf_insn at[PROGRAM_ROOM];
	size_t n;
};

/* Where an address is answered: the key of the map, its value is how often that was done. */
struct responder_key {
	struct in6_addr ip; /* IPv4 as ::ffff:192.0.2.10 */
	int32_t ifindex;
};

/* One MAC of this host, the key of another map. */
struct responder_mac {
	uint8_t bytes[8]; /* the last two are 0 */
};

/* What a program is made for. */
struct program_link {
	int ifindex;
	struct mac mac;
	int answers;     /* a map: struct responder_key, uint64_t */
	int own;         /* a map: struct responder_mac, uint8_t */
	int page;        /* a map of one value: uint64_t words */
	size_t until;    /* offset in it: answer until then, CLOCK_MONOTONIC in nanoseconds */
	size_t answered; /* offset in it: counts what was answered */
};

enum {
	PROGRAM_PASS = -1, /* what it returns for what it leaves to others (TCX_NEXT) */

	/* Registers that keep their value. */
	PROGRAM_SKB = BPF_REG_6,
	PROGRAM_FRAME = BPF_REG_7, /* the Ethernet header */
	PROGRAM_COUNT = BPF_REG_8, /* in `answers`: where to count */
};

/* To run at the ingress of a link (the attach type BPF_TCX_INGRESS). */
void program_make(struct program *p, const struct program_link *l);

/* Its parts. */
void program_arp(struct program *p, const struct program_link *l);
void program_ndp(struct program *p, const struct program_link *l);

/* program.c: the steps of both parts.  Offsets are from PROGRAM_FRAME on.
 *
 * A frame of that EtherType and no VLAN, of that length at least, from a host, to the link's MAC or
 * to many; `most_type`: PACKET_BROADCAST, say, see packet(7). */
void program_begin(
    struct program *p, const struct program_link *l, uint16_t ethertype, int most_type, int len);
void program_same_mac(struct program *p, int offset); /* as the sender of the frame */
/* Looks for the address of 4 or 16 bytes: register 0 is 0 if it isn't answered. */
void program_find(struct program *p, const struct program_link *l, int offset, int len);
void program_may_answer(struct program *p, const struct program_link *l); /* not own; in time */
/* Sends what is at `at` on the stack, and ends the part. */
void program_answer(struct program *p, const struct program_link *l, int at, int len);

/* assembler.c.  Registers are BPF_REG_0 and on; `size` is BPF_B, BPF_H, BPF_W or BPF_DW.  What is
 * stored goes to the stack. */
void asm_load(struct program *p, int size, int to, int from, int offset);
void asm_store(struct program *p, int size, int offset, int from);
void asm_store_value(struct program *p, int size, int offset, int32_t value);
void asm_add_to(struct program *p, int at, int offset, int from); /* in memory, 64 bits, atomic */
void asm_move(struct program *p, int to, int from);
void asm_set(struct program *p, int to, int32_t value);
void asm_set_wide(struct program *p, int to, uint64_t value);
void asm_set_map(struct program *p, int to, int map);
void asm_set_map_value(struct program *p, int to, int map, size_t offset); /* its address */
void asm_do(struct program *p, int op, int to, int32_t value);             /* BPF_ADD and so on */
void asm_do_with(struct program *p, int op, int to, int from);
void asm_call(struct program *p, int helper);
/* Passes the frame on if "reg op value" is true. */
void asm_pass_if(struct program *p, int op, int reg, int32_t value);
void asm_pass_if_with(struct program *p, int op, int reg, int other);
void asm_pass_unless(struct program *p, int reg, int32_t value); /* of 32 bits, equal */
/* Skips the next n instructions if so. */
void asm_skip_if(struct program *p, int op, int reg, int32_t value, int n);
/* An even number of bytes, from the address in `from` plus an offset, to the stack. */
void asm_copy(struct program *p, int to, int from, int offset, int len);
void asm_copy_mac(struct program *p, int to, const struct mac *m);
void asm_end(struct program *p); /* of a part: what is passed on goes behind it */
void asm_pass(struct program *p);

#endif
