/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of lbctl elect share. */
#ifndef LB_CMD_ELECT_H
#define LB_CMD_ELECT_H

#include "cmd/complaints.h"
#include "pkg/election/election.h"
#include "pkg/keepalive/keepalive.h"
#include "pkg/loop/loop.h"
#include "pkg/stage/stage.h"

struct elect {
	struct stage *stage;
	struct election *election;
	struct election *plain; /* without --down, --drain and --add; NULL when there are none */
	struct config_store *store;
	struct complaints *complaints;
	bool config_changed;
	struct loop_timer *ripe; /* see election_deadline() */
	struct keepalive_end *keepalive;
	const char *node;
	bool rows;            /* people read it: one row an address is enough */
	bool wide;            /* of a what-if, also the rows of what stays */
	bool looked_for_node; /* said that this node is not there, if so */
};

/* stage_add(), and releases it. */
int elect_add(struct elect *x, struct buf *record, struct err *e) MUST_CHECK;
/* Adds what one outcome makes of this node's Announcement, and the Decisions. */
int elect_tell(struct elect *x, const struct election_outcome *o, struct err *e) MUST_CHECK;
/* Of a what-if: how many addresses each node has without and with it. */
int elect_summary(struct elect *x, struct err *e) MUST_CHECK;

#endif
