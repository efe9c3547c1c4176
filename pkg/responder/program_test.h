/* SPDX-License-Identifier: Apache-2.0 */
/* The program on a bench: frames are given to it without a link (BPF_PROG_TEST_RUN). */
#ifndef LB_PROGRAM_TEST_H
#define LB_PROGRAM_TEST_H

#include <sys/syscall.h>

#include "pkg/responder/responder_test.h"

enum { REDIRECTED = 7 }; /* TC_ACT_REDIRECT */

struct bench {
	struct program_link link;
	int program;
};

/* The one value of the map `page`. */
struct bench_page {
	uint64_t until_ns;
	uint64_t answered;
};

struct outcome {
	int result;
	size_t len;
	uint8_t bytes[FRAME_ROOM];
};

static inline struct responder_key key_of(const char *ip, int ifindex)
{
	struct responder_key k = { .ifindex = ifindex };

	assert_int_equal(inet_pton(AF_INET6, ip, &k.ip), 1);
	return k;
}

static inline void bench_add(const struct bench *b, const char *ip, int ifindex)
{
	const struct responder_key k = key_of(ip, ifindex);
	const uint64_t none = 0;

	assert_int_equal(bpf_map_set(b->link.answers, &k, &none), 0);
}

static inline void bench_until(const struct bench *b, uint64_t until_ns)
{
	const struct bench_page page = { .until_ns = until_ns };
	const uint32_t first = 0;

	assert_int_equal(bpf_map_set(b->link.page, &first, &page), 0);
}

static inline int load(const struct bench *b)
{
	struct program p;
	int fd;

	program_make(&p, &b->link);
	assert_true(p.n <= PROGRAM_ROOM);
	fd = bpf_load(&p);
	if (fd < 0)
		fail_msg("bpf_load: %s", strerror(errno));
	return fd;
}

/* For v0 with that MAC. */
static inline struct bench *bench_new(const struct mac *mac)
{
	struct bench *b = calloc(1, sizeof(*b));

	b->link = (struct program_link){
		.ifindex = LINK,
		.mac = *mac,
		.answers = bpf_map_new(BPF_MAP_TYPE_HASH, sizeof(struct responder_key),
		    sizeof(uint64_t), 64, BPF_F_NO_PREALLOC),
		.own = bpf_map_new(
		    BPF_MAP_TYPE_HASH, sizeof(struct responder_mac), 1, 64, BPF_F_NO_PREALLOC),
		.page = bpf_map_new(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct bench_page), 1, 0),
		.until = offsetof(struct bench_page, until_ns),
		.answered = offsetof(struct bench_page, answered),
	};
	assert_true(b->link.answers >= 0 && b->link.own >= 0 && b->link.page >= 0);
	bench_add(b, "::ffff:192.0.2.10", LINK);
	bench_add(b, "2001:db8::10", LINK);
	bench_until(b, now_ns() + UINT64_C(60000000000));
	b->program = load(b);
	return b;
}

static inline void bench_free(struct bench *b)
{
	close(b->program);
	close(b->link.answers);
	close(b->link.own);
	close(b->link.page);
	free(b);
}

/* What a test run wants: the whole header of what the EtherType says, or one byte. */
static inline size_t shortest(const uint8_t *frame)
{
	unsigned type = (unsigned)(frame[12] << 8 | frame[13]);

	return 14 + (type == 0x86dd ? 40 : type == 0x0800 ? 20 : 1);
}

/* As if it came in by v0. */
static inline struct outcome offer(const struct bench *b, const uint8_t *frame, size_t len)
{
	const struct __sk_buff ctx = { .ifindex = LINK };
	struct outcome o = { 0 };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)b->program;
	attr.test.data_in = (uintptr_t)frame;
	attr.test.data_size_in = (uint32_t)len;
	attr.test.data_out = (uintptr_t)o.bytes;
	attr.test.data_size_out = sizeof(o.bytes);
	attr.test.ctx_in = (uintptr_t)&ctx;
	attr.test.ctx_size_in = sizeof(ctx);
	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) < 0)
		fail_msg("a test run with %zu bytes: %s", len, strerror(errno));
	o.result = (int)attr.test.retval;
	o.len = attr.test.data_size_out;
	if (o.result != REDIRECTED) {
		assert_int_equal(o.result, PROGRAM_PASS);
		assert_int_equal(o.len, len);
		assert_memory_equal(o.bytes, frame, len);
	}
	return o;
}

/* Sets the checksum of a message of as many bytes as the frame has. */
static inline void set_checksum(uint8_t *frame, size_t size)
{
	uint32_t s = (uint32_t)size - 54 + 58;

	frame[56] = frame[57] = 0;
	for (size_t i = 22; i < size; i++)
		s += i % 2 ? (uint32_t)frame[i] : (uint32_t)frame[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	frame[56] = (uint8_t)(~s >> 8);
	frame[57] = (uint8_t)~s;
}

#endif
