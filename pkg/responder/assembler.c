/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/responder/program.h"

enum { TO_THE_END = INT16_MAX }; /* a jump that asm_end() sets right */

static void emit(struct program *p, int code, int to, int from, int offset, int32_t value)
{
	if (p->n < PROGRAM_ROOM)
		p->at[p->n] = (struct bpf_insn){ .code = (uint8_t)code,
			.dst_reg = (uint8_t)(to & 15),
			.src_reg = (uint8_t)(from & 15),
			.off = (int16_t)offset,
			.imm = value };
	p->n++;
}

void asm_load(struct program *p, int size, int to, int from, int offset)
{
	emit(p, BPF_LDX | BPF_MEM | size, to, from, offset, 0);
}

void asm_store(struct program *p, int size, int offset, int from)
{
	emit(p, BPF_STX | BPF_MEM | size, BPF_REG_10, from, offset, 0);
}

void asm_store_value(struct program *p, int size, int offset, int32_t value)
{
	emit(p, BPF_ST | BPF_MEM | size, BPF_REG_10, 0, offset, value);
}

void asm_add_to(struct program *p, int at, int offset, int from)
{
	emit(p, BPF_STX | BPF_ATOMIC | BPF_DW, at, from, offset, BPF_ADD);
}

void asm_move(struct program *p, int to, int from)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
}

void asm_set(struct program *p, int to, int32_t value)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}

static void set_wide(struct program *p, int to, int kind, uint32_t low, uint32_t high)
{
	emit(p, BPF_LD | BPF_IMM | BPF_DW, to, kind, 0, (int32_t)low);
	emit(p, 0, 0, 0, 0, (int32_t)high);
}

void asm_set_wide(struct program *p, int to, uint64_t value)
{
	set_wide(p, to, 0, (uint32_t)value, (uint32_t)(value >> 32));
}

void asm_set_map(struct program *p, int to, int map)
{
	set_wide(p, to, BPF_PSEUDO_MAP_FD, (uint32_t)map, 0);
}

void asm_set_map_value(struct program *p, int to, int map, size_t offset)
{
	set_wide(p, to, BPF_PSEUDO_MAP_VALUE, (uint32_t)map, (uint32_t)offset);
}

void asm_do(struct program *p, int op, int to, int32_t value)
{
	emit(p, BPF_ALU64 | op | BPF_K, to, 0, 0, value);
}

void asm_do_with(struct program *p, int op, int to, int from)
{
	emit(p, BPF_ALU64 | op | BPF_X, to, from, 0, 0);
}

void asm_call(struct program *p, int helper)
{
	emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

void asm_pass_if(struct program *p, int op, int reg, int32_t value)
{
	emit(p, BPF_JMP | op | BPF_K, reg, 0, TO_THE_END, value);
}

void asm_pass_if_with(struct program *p, int op, int reg, int other)
{
	emit(p, BPF_JMP | op | BPF_X, reg, other, TO_THE_END, 0);
}

void asm_pass_unless(struct program *p, int reg, int32_t value)
{
	emit(p, BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, TO_THE_END, value);
}

void asm_skip_if(struct program *p, int op, int reg, int32_t value, int n)
{
	emit(p, BPF_JMP | op | BPF_K, reg, 0, n, value);
}

void asm_copy(struct program *p, int to, int from, int offset, int len)
{
	while (len > 0) {
		int step = to % 8 == 0 && len >= 8 ? 8 : to % 4 == 0 && len >= 4 ? 4 : 2;
		int size = step == 8 ? BPF_DW : step == 4 ? BPF_W : BPF_H;

		asm_load(p, size, BPF_REG_2, from, offset);
		asm_store(p, size, to, BPF_REG_2);
		to += step;
		offset += step;
		len -= step;
	}
}

void asm_copy_mac(struct program *p, int to, const struct mac *m)
{
	for (int i = 0; i < MAC_LEN; i += 2) {
		uint16_t half;

		memcpy(&half, &m->bytes[i], sizeof(half));
		asm_store_value(p, BPF_H, to + i, half);
	}
}

static bool is_jump(uint8_t code)
{
	return BPF_CLASS(code) == BPF_JMP || BPF_CLASS(code) == BPF_JMP32;
}

void asm_end(struct program *p)
{
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (size_t i = 0; i < p->n && i < PROGRAM_ROOM; i++)
		if (is_jump(p->at[i].code) && p->at[i].off == TO_THE_END)
			p->at[i].off = (int16_t)(p->n - i - 1);
}

void asm_pass(struct program *p)
{
	asm_set(p, BPF_REG_0, PROGRAM_PASS);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}
