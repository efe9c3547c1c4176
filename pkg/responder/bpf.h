/* SPDX-License-Identifier: Apache-2.0 */
/* The system call bpf(2).  Each returns -1 with errno; descriptors are closed with close(). */
#ifndef LB_RESPONDER_BPF_H
#define LB_RESPONDER_BPF_H

#include "pkg/responder/program.h"

int bpf_map_new(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t most, uint32_t flags);
int bpf_map_set(int map, const void *key, const void *value);
int bpf_map_get(int map, const void *key, void *value);
int bpf_map_drop(int map, const void *key);

int bpf_load(const struct program *p);
/* At the ingress of a link, behind others; the BPF link ends with its last descriptor. */
int bpf_attach(int program, int ifindex);
int bpf_replace(int link, int program);
/* False: the link of the network has gone, be it to another network namespace. */
bool bpf_is_attached(int link, int ifindex);

#endif
