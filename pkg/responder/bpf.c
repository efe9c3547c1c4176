/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/responder/bpf.h"

#include <sys/syscall.h>
#include <unistd.h>

enum {
	TCX_INGRESS = 46,   /* BPF_TCX_INGRESS of <linux/bpf.h> since Linux 6.6 */
	MOST_PROGRAMS = 64, /* at one hook */
};

/* The kernel wants every byte to be 0 that a command doesn't know, and an initialiser of one member
 * leaves the rest of a union open. */
static void clear(union bpf_attr *attr)
{
	memset(attr, 0, sizeof(*attr));
}

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

int bpf_map_new(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t most, uint32_t flags)
{
	union bpf_attr attr;

	clear(&attr);
	attr.map_type = type;
	attr.key_size = key_size;
	attr.value_size = value_size;
	attr.max_entries = most;
	attr.map_flags = flags;
	return bpf(BPF_MAP_CREATE, &attr);
}

static int element(int command, int map, const void *key, const void *value)
{
	union bpf_attr attr;

	clear(&attr);
	attr.map_fd = (uint32_t)map;
	attr.key = (uintptr_t)key;
	attr.value = (uintptr_t)value;
	return bpf(command, &attr);
}

int bpf_map_set(int map, const void *key, const void *value)
{
	return element(BPF_MAP_UPDATE_ELEM, map, key, value);
}

int bpf_map_get(int map, const void *key, void *value)
{
	return element(BPF_MAP_LOOKUP_ELEM, map, key, value);
}

int bpf_map_drop(int map, const void *key)
{
	return element(BPF_MAP_DELETE_ELEM, map, key, NULL);
}

int bpf_load(const struct program *p)
{
	union bpf_attr attr;

	clear(&attr);
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insn_cnt = (uint32_t)p->n;
	attr.insns = (uintptr_t)p->at;
	attr.license = (uintptr_t) "Apache-2.0";
	memcpy(attr.prog_name, "lbctl", sizeof("lbctl"));
	return bpf(BPF_PROG_LOAD, &attr);
}

int bpf_attach(int program, int ifindex)
{
	union bpf_attr attr;

	clear(&attr);
	attr.link_create.prog_fd = (uint32_t)program;
	attr.link_create.target_ifindex = (uint32_t)ifindex;
	attr.link_create.attach_type = TCX_INGRESS;
	return bpf(BPF_LINK_CREATE, &attr);
}

int bpf_replace(int link, int program)
{
	union bpf_attr attr;

	clear(&attr);
	attr.link_update.link_fd = (uint32_t)link;
	attr.link_update.new_prog_fd = (uint32_t)program;
	return bpf(BPF_LINK_UPDATE, &attr);
}

bool bpf_is_attached(int link, int ifindex)
{
	struct bpf_link_info info;
	uint32_t at[MOST_PROGRAMS];
	union bpf_attr attr;

	memset(&info, 0, sizeof(info));
	clear(&attr);
	attr.info.bpf_fd = (uint32_t)link;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0)
		return false;
	clear(&attr);
	attr.query.target_fd = (uint32_t)ifindex;
	attr.query.attach_type = TCX_INGRESS;
	attr.query.prog_ids = (uintptr_t)at;
	attr.query.prog_cnt = MOST_PROGRAMS;
	if (bpf(BPF_PROG_QUERY, &attr) < 0)
		return false;
	for (uint32_t i = 0; i < attr.query.prog_cnt && i < MOST_PROGRAMS; i++)
		if (at[i] == info.prog_id)
			return true;
	return false;
}
