/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel filter: which ARP frames are worth waking up for. */
#include <linux/filter.h>
#include <linux/if_packet.h>

#include "pkg/arp/arp.h"

enum {
	/* offsets in the frame */
	AT_ETHERTYPE = 12,
	AT_HARDWARE_AND_PROTOCOL = 14,
	AT_LENGTHS = 18,
	AT_OPERATION = 20,
	AT_SENDER_IP = 28,
	AT_TARGET_IP = 38,

	AROUND = 20,          /* instructions at most, beside the searches */
	FILTER_SMALLEST = 64, /* room for the checks of the header and two leaves of one range */
};

static void emit_checks(struct packet_program *p)
{
	/* PACKET_HOST or PACKET_BROADCAST */
	packet_emit(p, BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE), 0, 0);
	packet_emit_demand(p, BPF_JGT, PACKET_BROADCAST, false);
	packet_emit(p, BPF_LD | BPF_H | BPF_ABS, AT_ETHERTYPE, 0, 0);
	packet_emit_demand(p, BPF_JEQ, ARP_ETHERTYPE, true);
	packet_emit(p, BPF_LD | BPF_W | BPF_ABS, AT_HARDWARE_AND_PROTOCOL, 0, 0);
	packet_emit_demand(p, BPF_JEQ, 0x00010800, true); /* Ethernet, IPv4 */
	packet_emit(p, BPF_LD | BPF_H | BPF_ABS, AT_LENGTHS, 0, 0);
	packet_emit_demand(p, BPF_JEQ, 0x0604, true);
	packet_emit(p, BPF_LD | BPF_H | BPF_ABS, AT_OPERATION, 0, 0);
}

static void emit_all(struct packet_program *p, const struct packet_words *plan, unsigned match)
{
	size_t search = packet_words_size(plan);

	emit_checks(p);
	if (match == ARP_MATCH_ASKED) {
		packet_emit_demand(p, BPF_JEQ, ARP_REQUEST, true);
		packet_emit_search(p, plan, AT_TARGET_IP);
	} else if (match == ARP_MATCH_SENDER) {
		packet_emit(p, BPF_JMP | BPF_JEQ | BPF_K, ARP_REQUEST, 2, 0);
		packet_emit_demand(p, BPF_JEQ, ARP_REPLY, true);
		packet_emit_search(p, plan, AT_SENDER_IP);
	} else {
		packet_emit(p, BPF_JMP | BPF_JEQ | BPF_K, ARP_REQUEST, 3, 0);
		packet_emit_demand(p, BPF_JEQ, ARP_REPLY, true);
		packet_emit_jump(p, (uint32_t)search);
		packet_emit_search(p, plan, AT_TARGET_IP);
		packet_emit_search(p, plan, AT_SENDER_IP);
	}
	packet_emit(p, BPF_RET | BPF_K, 0, 0, 0);
}

int arp_filter_make(struct packet_filter *f, const struct in_addr *set, size_t n, unsigned match,
    size_t max, struct err *e)
{
	size_t searches = match == (ARP_MATCH_ASKED | ARP_MATCH_SENDER) ? 2 : 1;
	CLEANUP(freep) struct sock_filter *at = NULL;
	CLEANUP(freep) uint32_t *words = malloc(n * sizeof(*words) + 1);
	struct packet_words plan = { 0 };
	struct packet_program p;
	bool exact = true;
	int got;

	if (max < FILTER_SMALLEST)
		max = FILTER_SMALLEST;
	if (max > PACKET_FILTER_MAX)
		max = PACKET_FILTER_MAX;
	at = malloc(max * sizeof(*at));
	if (!at || !words)
		return err_memory(e);
	for (size_t i = 0; i < n; i++)
		words[i] = ntohl(set[i].s_addr);
	p = (struct packet_program){ at, 0 };
	got = packet_words_make(&plan, words, n, e);
	if (got == 0 && plan.n > 0 && match)
		got = packet_words_fit(&plan, (max - AROUND) / searches, &exact, e);
	if (got == 0 && plan.n > 0 && match)
		emit_all(&p, &plan, match);
	else if (got == 0)
		packet_emit(&p, BPF_RET | BPF_K, 0, 0, 0);
	packet_words_release(&plan);
	if (got < 0)
		return -1;
	*f = (struct packet_filter){ TAKE(at), p.n, exact };
	return 0;
}
