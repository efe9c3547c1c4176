/* SPDX-License-Identifier: Apache-2.0 */
/* An interpreter of classic BPF that counts its steps and refuses what the kernel would refuse:
 * jumps out of the program, a program without an end, unknown codes. */
#ifndef LB_TESTS_BPF_H
#define LB_TESTS_BPF_H

#include <linux/filter.h>
#include <linux/if_packet.h>

#include "pkg/packet/packet.h"
#include "tests/unit.h"

struct run {
	uint32_t result;
	size_t steps;
};

static inline uint32_t bpf_load(const uint8_t *p, size_t n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

/* One instruction.  False when it was a return, with the value in *a. */
static inline bool bpf_step(const struct sock_filter *i, const uint8_t *frame, size_t len, uint8_t type,
    uint32_t *a, size_t *pc)
{
	size_t width = BPF_SIZE(i->code) == BPF_W ? 4 : BPF_SIZE(i->code) == BPF_H ? 2 : 1;
	bool yes;

	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
		assert_int_equal(BPF_MODE(i->code), BPF_ABS);
		if (i->k == (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)) {
			*a = type;
		} else if (i->k + width > len) { /* as the kernel: the frame is dropped */
			*a = 0;
			return false;
		} else {
			*a = bpf_load(frame + i->k, width);
		}
		return true;
	case BPF_JMP:
		if (BPF_OP(i->code) == BPF_JA) {
			*pc += i->k;
			return true;
		}
		assert_int_equal(BPF_SRC(i->code), BPF_K);
		yes = BPF_OP(i->code) == BPF_JEQ   ? *a == i->k
		      : BPF_OP(i->code) == BPF_JGT ? *a > i->k
						   : *a >= i->k;
		assert_true(yes || BPF_OP(i->code) == BPF_JEQ || BPF_OP(i->code) == BPF_JGT ||
			    BPF_OP(i->code) == BPF_JGE);
		*pc += yes ? i->jt : i->jf;
		return true;
	case BPF_RET:
		assert_int_equal(i->code, BPF_RET | BPF_K);
		*a = i->k;
		return false;
	default:
		fail_msg("code %#x", i->code);
		return false;
	}
}

static inline struct run run(
    const struct packet_filter *f, const uint8_t *frame, size_t len, uint8_t type)
{
	struct run r = { 0 };
	size_t pc = 0;

	do {
		assert_true(pc < f->n);
		r.steps++;
	} while (bpf_step(&f->at[pc++], frame, len, type, &r.result, &pc));
	return r;
}

/* Every jump must stay inside, and the last instruction must be a return. */
static inline void assert_kernel_would_take(const struct packet_filter *f, size_t max)
{
	assert_true(f->n > 0 && f->n <= max);
	assert_int_equal(BPF_CLASS(f->at[f->n - 1].code), BPF_RET);
	for (size_t i = 0; i < f->n; i++) {
		const struct sock_filter *at = &f->at[i];

		if (at->code == (BPF_JMP | BPF_JA))
			assert_true(at->k < f->n - i - 1);
		else if (BPF_CLASS(at->code) == BPF_JMP)
			assert_true((size_t)at->jt + 1 < f->n - i && (size_t)at->jf + 1 < f->n - i);
	}
}

#endif
