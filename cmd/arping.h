/* SPDX-License-Identifier: Apache-2.0 */
/* arping: what the files of lbctl arping share. */
#ifndef LB_CMD_ARPING_H
#define LB_CMD_ARPING_H

#include "pkg/loop/loop.h"
#include "pkg/netlink/netlink.h"
#include "pkg/probe/probe.h"
#include "pkg/source/source.h"

/* arping_link.c: where an address is asked for.  `name` and `source` are the options' or NULL;
 * `to` is the first address of the operand. */
int arping_link(struct probe_link *l, const struct netlink_world *w, const char *name,
    const char *source, const struct addr *to, struct err *e) MUST_CHECK;

/* arping_nodes.c: which node a MAC belongs to.  It lists the Nodes, asks for the MACs of their
 * InternalIPs on the links in use, and is settled when it knows them, or knows that it never will.
 * `changed` is called when there is something new to ask or it has settled. */
struct arping_nodes;
struct arping_nodes_options {
	struct source_options source;
	const struct netlink_world *world; /* borrowed */
	const struct probe_link *links;    /* borrowed */
	size_t links_n;
	bool off; /* nobody will read a name */
	void (*changed)(void *arg);
	void *arg;
};
/* Fails only when a source was named in the options and is no good: no cluster is no error. */
struct arping_nodes *arping_nodes_new(
    struct loop *l, const struct arping_nodes_options *o, struct err *e) MUST_CHECK;
void arping_nodes_free(struct arping_nodes *n);          /* NULL is fine */
bool arping_nodes_named(const struct source_options *o); /* the user asked for node names */
bool arping_nodes_settled(const struct arping_nodes *n);
struct probe *arping_nodes_probe(struct arping_nodes *n); /* NULL until there are Nodes to ask for */
void arping_nodes_event(struct arping_nodes *n, const struct probe_event *ev);
void arping_nodes_give_up(struct arping_nodes *n);
const char *arping_nodes_name(const struct arping_nodes *n, const struct mac *m); /* or NULL */

/* arping_show.c: all that is printed. */
struct arping_show {
	enum probe_mode mode;
	bool sweep; /* ranges: a table at the end */
	bool json;
	bool quiet;
	const struct probe *probe;
	const struct arping_nodes *nodes;
	const struct netlink_world *world;
};
void arping_show_start(const struct arping_show *s);
void arping_show_event(const struct arping_show *s, const struct probe_event *ev);
/* Ends in 0, or -1 with the kind that stands for the answer. */
int arping_show_end(const struct arping_show *s, struct err *e) MUST_CHECK;

/* arping_run.c: asks what the plan says, shows it, and ends as arping_show_end(). */
struct arping_plan {
	struct probe *probe; /* not started */
	struct netlink_world world;
	struct probe_link *links; /* of the operands */
	size_t links_n;
	struct source_options source; /* of the names of nodes */
};
int arping_run(struct arping_plan *plan, const struct arping_show *show, struct err *e) MUST_CHECK;

#endif
