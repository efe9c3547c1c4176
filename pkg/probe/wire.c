/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>

#include "pkg/probe/probe.h"

struct probe_wire {
	int ifindex;
	int arp, ndp; /* -1: not open */
	struct ndp_groups *groups;
};

struct probe_wire *probe_wire_new(int ifindex, struct err *e)
{
	struct probe_wire *w = malloc(sizeof(*w));

	if (!w) {
		err_memory(e);
		return NULL;
	}
	*w = (struct probe_wire){ .ifindex = ifindex, .arp = -1, .ndp = -1 };
	return w;
}

void probe_wire_free(struct probe_wire *w)
{
	if (!w)
		return;
	ndp_groups_free(w->groups);
	if (w->arp >= 0)
		close(w->arp);
	if (w->ndp >= 0)
		close(w->ndp);
	free(w);
}

int probe_wire_fd(const struct probe_wire *w, enum addr_family family)
{
	return family == ADDR_IPV4 ? w->arp : w->ndp;
}

static size_t count(const struct probe *const *probes, size_t n, enum addr_family family)
{
	size_t all = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; probes[i] && k < probe_targets(probes[i]); k++)
			all += probe_target(probes[i], k)->ip.family == family;
	return all;
}

static int hear_arp(
    struct probe_wire *w, const struct probe *const *probes, size_t n, bool asked, struct err *e)
{
	size_t all = count(probes, n, ADDR_IPV4), at = 0;
	CLEANUP(freep) struct in_addr *set = malloc(all * sizeof(*set) + 1);

	if (!set)
		return err_memory(e);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; probes[i] && k < probe_targets(probes[i]); k++)
			if (probe_target(probes[i], k)->ip.family == ADDR_IPV4)
				set[at++] = addr_to_in(&probe_target(probes[i], k)->ip);
	if (all && w->arp < 0) {
		w->arp = arp_open(w->ifindex, e);
		if (w->arp < 0 || packet_time(w->arp, e) < 0)
			return -1;
	}
	if (w->arp < 0)
		return 0;
	return arp_hear(w->arp, set, all, ARP_MATCH_SENDER | (asked ? ARP_MATCH_ASKED : 0), NULL, e);
}

/* Answers come to us, or to all nodes; a link without IPv6 is not in that group by itself.  Other
 * hosts' questions come to the group of their address. */
static int join(
    struct probe_wire *w, const struct probe *const *probes, size_t n, bool asked, struct err *e)
{
	size_t most = 2 * count(probes, n, ADDR_IPV6), at = 0;
	CLEANUP(freep) struct ndp_group *want = malloc(most * sizeof(*want) + 1);

	if (!want)
		return err_memory(e);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; probes[i] && k < probe_targets(probes[i]); k++) {
			const struct probe_target *t = probe_target(probes[i], k);
			int ifindex = probe_link_of(probes[i], t)->ifindex;
			struct in6_addr ip = addr_to_in6(&t->ip);

			if (t->ip.family != ADDR_IPV6)
				continue;
			if (at == 0 || want[at - 1].ifindex != ifindex)
				want[at++] = (struct ndp_group){ ifindex, ndp_all_nodes, 0 };
			if (asked) /* stays last, so that the one above is not repeated */
				want[at++] = (struct ndp_group){ ifindex, ndp_solicited_node(&ip), 0 };
		}
	if (!w->groups)
		w->groups = ndp_groups_new(e);
	return w->groups ? ndp_groups_sync(w->groups, w->ndp, want, at, e) : -1;
}

static int hear_ndp(
    struct probe_wire *w, const struct probe *const *probes, size_t n, bool asked, struct err *e)
{
	size_t all = count(probes, n, ADDR_IPV6), at = 0;
	CLEANUP(freep) struct in6_addr *set = malloc(all * sizeof(*set) + 1);

	if (!set)
		return err_memory(e);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; probes[i] && k < probe_targets(probes[i]); k++)
			if (probe_target(probes[i], k)->ip.family == ADDR_IPV6)
				set[at++] = addr_to_in6(&probe_target(probes[i], k)->ip);
	if (all && w->ndp < 0) {
		w->ndp = ndp_open(w->ifindex, e);
		if (w->ndp < 0 || packet_time(w->ndp, e) < 0)
			return -1;
	}
	if (w->ndp < 0)
		return 0;
	if (ndp_hear(w->ndp, set, all, NDP_MATCH_CLAIMS | (asked ? NDP_MATCH_ASKED : 0), NULL, e) < 0)
		return -1;
	return join(w, probes, n, asked, e);
}

int probe_wire_hear(
    struct probe_wire *w, const struct probe *const *probes, size_t n, bool asked, struct err *e)
{
	if (hear_arp(w, probes, n, asked, e) < 0)
		return -1;
	return hear_ndp(w, probes, n, asked, e);
}

/* What the link drops is lost, as it might be on the way. */
static int lost(int sent, struct err *e)
{
	return sent < 0 && e->sys == ENOBUFS ? 1 : sent;
}

int probe_wire_send(struct probe_wire *w, const struct probe_message *m, struct err *e)
{
	struct arp_message arp;
	struct ndp_message ndp;

	if (m->family == ADDR_IPV4) {
		arp = (struct arp_message){ m->ifindex, m->arp };
		return lost(arp_send(w->arp, &arp, 1, e), e);
	}
	ndp = (struct ndp_message){ m->ifindex, m->ndp };
	return lost(ndp_send(w->ndp, &ndp, 1, e), e);
}

/* Of one that waited for so long, the clock was rather set. */
static uint32_t age(uint32_t us)
{
	return us < PACKET_AGE_MAX_US ? us : 0;
}

static int receive_arp(int fd, struct probe_batch *b, struct err *e)
{
	struct arp_batch got;

	if (arp_receive(fd, &got, e) < 0)
		return -1;
	for (size_t i = 0; i < got.n; i++) {
		b->at[i] = (struct probe_message){
			.ifindex = got.at[i].ifindex, .family = ADDR_IPV4, .arp = got.at[i].frame
		};
		b->age_us[i] = age(got.age_us[i]);
	}
	b->n = got.n;
	b->more = got.n + got.bad == PACKET_BATCH;
	return 0;
}

static int receive_ndp(int fd, struct probe_batch *b, struct err *e)
{
	struct ndp_batch got;

	if (ndp_receive(fd, &got, e) < 0)
		return -1;
	for (size_t i = 0; i < got.n; i++) {
		b->at[i] = (struct probe_message){
			.ifindex = got.at[i].ifindex, .family = ADDR_IPV6, .ndp = got.at[i].frame
		};
		b->age_us[i] = age(got.age_us[i]);
	}
	b->n = got.n;
	b->more = got.n + got.bad == PACKET_BATCH;
	return 0;
}

int probe_wire_receive(
    struct probe_wire *w, enum addr_family family, struct probe_batch *b, struct err *e)
{
	return family == ADDR_IPV4 ? receive_arp(w->arp, b, e) : receive_ndp(w->ndp, b, e);
}
