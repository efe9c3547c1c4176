/* SPDX-License-Identifier: Apache-2.0 */
/* frames: what a probe says in either protocol, and what frames say to it; inside pkg/probe only. */
#ifndef LB_PROBE_FRAMES_H
#define LB_PROBE_FRAMES_H

#include "pkg/probe/probe.h"

/* Whom the question for `ip` is from; all zero: nobody. */
struct addr frames_source(enum probe_mode mode, const struct probe_link *l, const struct addr *ip);

/* The frame that asks for or announces `ip`; `half`: the second one of an announcement. */
struct probe_message frames_question(
    enum probe_mode mode, const struct probe_link *l, const struct addr *ip, bool half);
bool frames_come_in_pairs(enum probe_mode mode, const struct addr *ip);

struct heard {
	struct addr owned;  /* the sender says that it is at `mac`; ADDR_NONE: of none */
	struct addr wanted; /* the sender asks whether it is free; ADDR_NONE: of none */
	struct mac mac;
	struct mac from;
	bool answer;       /* in the form of an answer */
	struct addr to;    /* whose question it answers */
	struct mac to_mac; /* ARP: likewise */
	bool unicast;
};
struct heard frames_heard(const struct probe_message *m);
/* Is it the answer to a question that was asked on that link? */
bool frames_answers(const struct heard *h, const struct probe_link *l, enum probe_mode mode);

#endif
