/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the responder share: a network namespace with a pair of links, v0 of this host and
 * v1 of the client's, and the plain questions with their answers. */
#ifndef LB_RESPONDER_TEST_H
#define LB_RESPONDER_TEST_H

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "pkg/arp/arp.h"
#include "pkg/ndp/ndp.h"
#include "pkg/responder/bpf.h"
#include "tests/unit.h"

enum { LO = 1, LINK = 7, PEER = 8, FRAME_ROOM = 2048 };

static const struct mac node = { { 2, 0, 0, 0, 0, 9 } }, client = { { 2, 0, 0, 0, 0, 0x64 } };

/* clang-format off */
/* 192.0.2.100 asks for 192.0.2.10, and what v0 answers */
static const uint8_t request[42] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0x64, 8, 6,
	0, 1, 8, 0, 6, 4, 0, 1,
	2, 0, 0, 0, 0, 0x64, 192, 0, 2, 100,
	0, 0, 0, 0, 0, 0, 192, 0, 2, 10,
};
static const uint8_t reply[42] = {
	2, 0, 0, 0, 0, 0x64, 2, 0, 0, 0, 0, 9, 8, 6,
	0, 1, 8, 0, 6, 4, 0, 2,
	2, 0, 0, 0, 0, 9, 192, 0, 2, 10,
	2, 0, 0, 0, 0, 0x64, 192, 0, 2, 100,
};
/* 2001:db8::64 asks for 2001:db8::10, and what v0 answers */
static const uint8_t solicitation[86] = {
	0x33, 0x33, 0xff, 0, 0, 0x10, 2, 0, 0, 0, 0, 0x64, 0x86, 0xdd,
	0x60, 0, 0, 0, 0, 32, 58, 255,
	0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x64,
	0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0x10,
	135, 0, 0x1b, 0x45, 0, 0, 0, 0,
	0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	1, 1, 2, 0, 0, 0, 0, 0x64,
};
static const uint8_t advertisement[86] = {
	2, 0, 0, 0, 0, 0x64, 2, 0, 0, 0, 0, 9, 0x86, 0xdd,
	0x60, 0, 0, 0, 0, 32, 58, 255,
	0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x64,
	136, 0, 0x89, 0xeb, 0x60, 0, 0, 0,
	0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	2, 1, 2, 0, 0, 0, 0, 9,
};
/* clang-format on */

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline void shell(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

/* Whose carrier is known to all of the kernel, which drops what a link sends until then. */
static inline void await_links(const char *one, const char *other)
{
	char command[200];

	snprintf(command, sizeof(command),
	    "timeout 60 sh -c 'for link in %s %s; do "
	    "until ip link show $link | grep -q \"state UP\"; do sleep 0.01; done; done'",
	    one, other);
	shell(command);
}

/* Nothing speaks on them by itself. */
static inline void make_links(void)
{
	shell("ip link add v0 index 7 address 02:00:00:00:00:09 type veth "
	      "peer name v1 index 8 address 02:00:00:00:00:64");
	shell("{ ip link set v0 addrgenmode none; ip link set v1 addrgenmode none; } 2>/dev/null; "
	      "ip link set v0 up && ip link set v1 up");
	await_links("v0", "v1");
}

static inline void skip_all(const char *why)
{
	printf("ok 1 - the responder # skip %s: %s\n1..1\n", why, strerror(errno));
	exit(0);
}

/* What the kernel and the permission must allow, so that everything else is our fault. */
static inline void demand_tcx(void)
{
	int map = bpf_map_new(BPF_MAP_TYPE_HASH, 4, 4, 1, BPF_F_NO_PREALLOC), program, link;
	struct program p = { 0 };

	if (map < 0)
		skip_all("no map of eBPF");
	asm_set(&p, BPF_REG_0, 0);
	asm_pass_if(&p, BPF_JEQ, BPF_REG_0, 0);
	asm_end(&p);
	asm_pass(&p);
	program = bpf_load(&p);
	if (program < 0)
		skip_all("no program of eBPF");
	link = bpf_attach(program, LO);
	if (link < 0)
		skip_all("no hook tcx");
	close(link);
	close(program);
	close(map);
}

static inline int enter_namespace(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) < 0)
		skip_all("no network namespace");
	demand_tcx();
	make_links();
	return 0;
}

#endif
