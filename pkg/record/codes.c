/* SPDX-License-Identifier: Apache-2.0 */
/* The codes of Decisions.  lbctl-stream(5) has the same table, and a test compares them. */
#include "pkg/record/record.h"

const struct record_code record_codes[] = {
	{ "AnnouncementEnded",
	    "The node does not answer for the addresses any more; the message tells who does." },
	{ "Announcing", "The node answers for the addresses, on the interfaces without a code." },
	{ "IPv6NotAnnounced", "IPv6 addresses are not announced: this version has no NDP." },
	{ "NoInterface", "No interface of the node fits, so the addresses are not announced." },
	{ NULL, NULL },
};
