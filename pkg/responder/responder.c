/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/responder/responder.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pkg/cap/cap.h"
#include "pkg/responder/bpf.h"

enum {
	OWN_MACS = 4096,
	HIGH = 400, /* when a process is killed, the kernel closes high descriptors first */
};

/* What the programs read, and count in. */
struct page {
	uint64_t until_ns;
	uint64_t answered[RESPONDER_LINKS];
};

struct attached {
	int ifindex; /* 0: free */
	struct mac mac;
	int link; /* the BPF link */
};

struct responder {
	int answers, own, page_map;
	struct page *page;
	struct mac *macs; /* what is in `own`, sorted */
	size_t macs_n;
	struct attached at[RESPONDER_LINKS];
};

static int open_maps(struct responder *r, struct err *e)
{
	void *page;

	r->answers = bpf_map_new(BPF_MAP_TYPE_HASH, sizeof(struct responder_key), sizeof(uint64_t),
	    RESPONDER_ADDRESSES, BPF_F_NO_PREALLOC);
	r->own = bpf_map_new(BPF_MAP_TYPE_HASH, sizeof(struct responder_mac), sizeof(uint8_t), OWN_MACS,
	    BPF_F_NO_PREALLOC);
	r->page_map =
	    bpf_map_new(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(struct page), 1, BPF_F_MMAPABLE);
	if (r->answers < 0 || r->own < 0 || r->page_map < 0)
		return err_sys(e, errno,
		    "making a map of eBPF, which needs the capabilities CAP_BPF and CAP_NET_ADMIN");
	page = mmap(NULL, sizeof(*r->page), PROT_READ | PROT_WRITE, MAP_SHARED, r->page_map, 0);
	if (page == MAP_FAILED)
		return err_sys(e, errno, "mapping a map of eBPF");
	r->page = page;
	return 0;
}

struct responder *responder_new(struct err *e)
{
	struct responder *r = calloc(1, sizeof(*r));

	if (!r) {
		err_memory(e);
		return NULL;
	}
	r->answers = r->own = r->page_map = -1;
	cap_raise(CAP_BPF);
	cap_raise(CAP_NET_ADMIN);
	if (open_maps(r, e) == 0)
		return r;
	responder_free(r);
	return NULL;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void responder_free(struct responder *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < RESPONDER_LINKS; i++)
		responder_drop_link(r, r->at[i].ifindex);
	if (r->page)
		munmap(r->page, sizeof(*r->page));
	close_fd(r->answers);
	close_fd(r->own);
	close_fd(r->page_map);
	free(r->macs);
	free(r);
}

/* In the map, or not. */
static int put_own(const struct responder *r, const struct mac *m, bool in, struct err *e)
{
	struct responder_mac key = { 0 };
	const uint8_t yes = 1;

	memcpy(key.bytes, m->bytes, MAC_LEN);
	if (!in)
		bpf_map_drop(r->own, &key);
	else if (bpf_map_set(r->own, &key, &yes) < 0)
		return err_sys(e, errno, "adding a MAC to a map of eBPF");
	return 0;
}

/* Those that are in one of both only; both are sorted, with one for each of several equal ones. */
static int put_difference(const struct responder *r, const struct mac *new, size_t new_n, struct err *e)
{
	size_t i = 0, j = 0;

	while (i < r->macs_n || j < new_n) {
		int order = i == r->macs_n ? 1 : j == new_n ? -1 : mac_compare(&r->macs[i], &new[j]);

		if (order < 0)
			put_own(r, &r->macs[i], false, e);
		else if (order > 0 && put_own(r, &new[j], true, e) < 0)
			return -1;
		i += order <= 0;
		j += order >= 0;
	}
	return 0;
}

int responder_set_own(struct responder *r, const struct mac *at, size_t n, struct err *e)
{
	CLEANUP(freep) struct mac *new = malloc(n * sizeof(*new) + 1);
	size_t new_n = 0;

	if (!new)
		return err_memory(e);
	if (n)
		memcpy(new, at, n * sizeof(*new));
	qsort(new, n, sizeof(*new), mac_compare);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || mac_compare(&new[i], &new[new_n - 1]) != 0)
			new[new_n++] = new[i];
	if (put_difference(r, new, new_n, e) < 0)
		return -1;
	free(r->macs);
	r->macs = TAKE(new);
	r->macs_n = new_n;
	return 0;
}

static struct attached *attached_find(const struct responder *r, int ifindex)
{
	for (size_t i = 0; i < RESPONDER_LINKS; i++)
		if (r->at[i].ifindex == ifindex)
			return (struct attached *)&r->at[i];
	return NULL;
}

/* Takes the place of the program that is attached, if there is one. */
static int attach(struct attached *a, int program, struct err *e)
{
	int link;

	if (a->link >= 0 && bpf_is_attached(a->link, a->ifindex) && bpf_replace(a->link, program) == 0)
		return 0;
	close_fd(a->link);
	link = bpf_attach(program, a->ifindex);
	a->link = link < 0 ? -1 : fcntl(link, F_DUPFD_CLOEXEC, HIGH);
	if (a->link < 0)
		err_sys(e, errno, "attaching a program of eBPF to a link");
	close_fd(link);
	return a->link < 0 ? -1 : 0;
}

static int run(struct responder *r, struct attached *a, struct err *e)
{
	const size_t slot = (size_t)(a - r->at);
	const struct program_link l = {
		.ifindex = a->ifindex,
		.mac = a->mac,
		.answers = r->answers,
		.own = r->own,
		.page = r->page_map,
		.until = offsetof(struct page, until_ns),
		.answered = offsetof(struct page, answered) + slot * sizeof(r->page->answered[0]),
	};
	struct program p;
	int program, status;

	program_make(&p, &l);
	program = bpf_load(&p);
	if (program < 0)
		return err_sys(e, errno, "loading a program of eBPF");
	status = attach(a, program, e);
	close(program);
	return status;
}

bool responder_has_link(const struct responder *r, int ifindex)
{
	return attached_find(r, ifindex) != NULL;
}

/* Not so any more after the link has gone, though another may have its number. */
static bool is_in_force(const struct attached *a, const struct mac *mac)
{
	return mac_equal(&a->mac, mac) && bpf_is_attached(a->link, a->ifindex);
}

int responder_set_link(struct responder *r, int ifindex, const struct mac *mac, struct err *e)
{
	struct attached *a = attached_find(r, ifindex);

	if (a && is_in_force(a, mac))
		return 0;
	if (!a) {
		a = attached_find(r, 0);
		if (!a)
			return err_set(e, ERR_EXHAUSTED, "more than %d links", RESPONDER_LINKS);
		*a = (struct attached){ .ifindex = ifindex, .link = -1 };
		r->page->answered[a - r->at] = 0;
	}
	a->mac = *mac;
	if (run(r, a, e) == 0)
		return 0;
	responder_drop_link(r, ifindex);
	return -1;
}

int responder_next_link(const struct responder *r, size_t *i)
{
	while (*i < RESPONDER_LINKS)
		if (r->at[(*i)++].ifindex)
			return r->at[*i - 1].ifindex;
	return 0;
}

void responder_drop_link(struct responder *r, int ifindex)
{
	struct attached *a = ifindex ? attached_find(r, ifindex) : NULL;

	if (!a)
		return;
	close_fd(a->link);
	a->ifindex = 0;
}

static struct responder_key key_of(const struct addr *ip, int ifindex)
{
	return (struct responder_key){ addr_to_mapped(ip), ifindex };
}

int responder_add(struct responder *r, const struct addr *ip, int ifindex, struct err *e)
{
	struct responder_key k = key_of(ip, ifindex);
	const uint64_t none = 0;

	if (bpf_map_set(r->answers, &k, &none) == 0)
		return 0;
	if (errno == E2BIG)
		return err_set(e, ERR_EXHAUSTED, "more than %d addresses", RESPONDER_ADDRESSES);
	return err_sys(e, errno, "adding an address to a map of eBPF");
}

int responder_drop(struct responder *r, const struct addr *ip, int ifindex, struct err *e)
{
	struct responder_key k = key_of(ip, ifindex);

	if (bpf_map_drop(r->answers, &k) == 0 || errno == ENOENT)
		return 0;
	return err_sys(e, errno, "removing an address from a map of eBPF");
}

void responder_answer_until(struct responder *r, uint64_t until_ms)
{
	__atomic_store_n(&r->page->until_ns, until_ms * 1000000, __ATOMIC_RELEASE);
}

uint64_t responder_answered(const struct responder *r, const struct addr *ip, int ifindex)
{
	struct responder_key k = key_of(ip, ifindex);
	uint64_t n = 0;

	return bpf_map_get(r->answers, &k, &n) == 0 ? n : 0;
}

uint64_t responder_answered_on(const struct responder *r, int ifindex)
{
	const struct attached *a = attached_find(r, ifindex);

	return a ? __atomic_load_n(&r->page->answered[a - r->at], __ATOMIC_RELAXED) : 0;
}
