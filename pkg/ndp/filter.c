/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel filter: which solicitations and advertisements are worth waking up for.
 *
 * The last 32 bits of an address are what the addresses of one network differ in, so these are
 * searched for; what stands before them is of few prefixes, compared one after the other. */
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <string.h>

#include "pkg/ndp/ndp.h"

enum {
	/* offsets in the frame */
	AT_ETHERTYPE = 12,
	AT_NEXT_AND_HOPS = 20,
	AT_TYPE_AND_CODE = 54,
	AT_TARGET = 62,

	PREFIXES = 16,             /* compared, at most */
	PREFIX_LEN = 12,           /* bytes */
	PREFIX_COST = 6,           /* instructions */
	AROUND = 20,               /* instructions at most, beside prefixes and search */
	FILTER_SMALLEST = 20 + 44, /* without prefixes */
};

struct prefixes {
	uint32_t at[PREFIXES][3];
	size_t n; /* more than PREFIXES: too many */
};

static void note_prefix(struct prefixes *p, const struct in6_addr *a)
{
	uint32_t words[3];

	memcpy(words, a, PREFIX_LEN);
	for (size_t i = 0; i < p->n && i < PREFIXES; i++)
		if (!memcmp(p->at[i], words, PREFIX_LEN))
			return;
	if (p->n < PREFIXES)
		memcpy(p->at[p->n], words, PREFIX_LEN);
	if (p->n <= PREFIXES)
		p->n++;
}

static void emit_checks(struct packet_program *p, unsigned match)
{
	/* PACKET_HOST, PACKET_BROADCAST or PACKET_MULTICAST */
	packet_emit(p, BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE), 0, 0);
	packet_emit_demand(p, BPF_JGT, PACKET_MULTICAST, false);
	packet_emit(p, BPF_LD | BPF_H | BPF_ABS, AT_ETHERTYPE, 0, 0);
	packet_emit_demand(p, BPF_JEQ, NDP_ETHERTYPE, true);
	packet_emit(p, BPF_LD | BPF_H | BPF_ABS, AT_NEXT_AND_HOPS, 0, 0);
	packet_emit_demand(p, BPF_JEQ, 0x3aff, true); /* ICMPv6, 255 */
	packet_emit(p, BPF_LD | BPF_H | BPF_ABS, AT_TYPE_AND_CODE, 0, 0);
	if (match == (NDP_MATCH_ASKED | NDP_MATCH_CLAIMS))
		packet_emit(p, BPF_JMP | BPF_JEQ | BPF_K, NDP_SOLICITATION << 8, 2, 0);
	if (match & NDP_MATCH_CLAIMS)
		packet_emit_demand(p, BPF_JEQ, NDP_ADVERTISEMENT << 8, true);
	else
		packet_emit_demand(p, BPF_JEQ, NDP_SOLICITATION << 8, true);
}

/* Drops what is of none of them. */
static void emit_prefixes(struct packet_program *p, const struct prefixes *all)
{
	for (size_t i = 0; i < all->n; i++) {
		size_t left = PREFIX_COST * (all->n - i - 1) + 1; /* to behind the last */

		for (uint32_t w = 0; w < 3; w++) {
			size_t next = PREFIX_COST - 2 * w - 2;

			packet_emit(p, BPF_LD | BPF_W | BPF_ABS, AT_TARGET + 4 * w, 0, 0);
			packet_emit(p, BPF_JMP | BPF_JEQ | BPF_K, ntohl(all->at[i][w]),
			    w == 2 ? left : 0, next);
		}
	}
	if (all->n)
		packet_emit(p, BPF_RET | BPF_K, 0, 0, 0);
}

int ndp_filter_make(struct packet_filter *f, const struct in6_addr *set, size_t n, unsigned match,
    size_t max, struct err *e)
{
	CLEANUP(freep) struct sock_filter *at = NULL;
	CLEANUP(freep) uint32_t *words = malloc(n * sizeof(*words) + 1);
	struct packet_words plan = { 0 };
	struct prefixes prefixes = { .n = 0 };
	struct packet_program p;
	bool exact = true, few;
	int got;

	if (max < FILTER_SMALLEST)
		max = FILTER_SMALLEST;
	if (max > PACKET_FILTER_MAX)
		max = PACKET_FILTER_MAX;
	at = malloc(max * sizeof(*at));
	if (!at || !words)
		return err_memory(e);
	for (size_t i = 0; i < n; i++) {
		memcpy(&words[i], &set[i].s6_addr[PREFIX_LEN], sizeof(*words));
		words[i] = ntohl(words[i]);
		note_prefix(&prefixes, &set[i]);
	}
	few = prefixes.n <= PREFIXES && max >= FILTER_SMALLEST + 1 + prefixes.n * PREFIX_COST;
	if (!few)
		prefixes.n = 0;
	p = (struct packet_program){ at, 0 };
	got = packet_words_make(&plan, words, n, e);
	if (got == 0 && plan.n > 0 && match)
		got = packet_words_fit(&plan, max - AROUND - 1 - prefixes.n * PREFIX_COST, &exact, e);
	if (got == 0 && plan.n > 0 && match) {
		emit_checks(&p, match);
		emit_prefixes(&p, &prefixes);
		packet_emit_search(&p, &plan, AT_TARGET + PREFIX_LEN);
	}
	if (got == 0)
		packet_emit(&p, BPF_RET | BPF_K, 0, 0, 0);
	packet_words_release(&plan);
	if (got < 0)
		return -1;
	*f = (struct packet_filter){ TAKE(at), p.n, exact && (prefixes.n == 1 || n == 0) };
	return 0;
}
