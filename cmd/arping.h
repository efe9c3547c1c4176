/* SPDX-License-Identifier: Apache-2.0 */
/* arping: what the files of lbctl arping share. */
#ifndef LB_CMD_ARPING_H
#define LB_CMD_ARPING_H

#include "pkg/arena/arena.h"
#include "pkg/loop/loop.h"
#include "pkg/netlink/netlink.h"
#include "pkg/probe/probe.h"
#include "pkg/source/source.h"

/* arping_link.c: where an address is asked for.  `name` and `source` are the options' or NULL;
 * `to` is the first address of the operand. */
int arping_link(struct probe_link *l, const struct netlink_world *w, const char *name,
    const char *source, const struct addr *to, struct err *e) MUST_CHECK;
/* This host answers nobody's question about itself, least of all its own: what it would answer. */
int arping_know_own(struct probe *p, const struct netlink_world *w, struct err *e) MUST_CHECK;

/* arping_pool.c: what a cluster has given of a pool, and to whom, at one moment. */
struct arping_held {
	struct addr addr;
	const char *service; /* "default/web", several with commas */
	const char *elected; /* a node, or NULL */
	const char *code;    /* why none */
};
struct arping_pool {
	const char *name;
	const struct range *ranges;
	size_t ranges_n;
	const struct arping_held *held; /* by address */
	size_t held_n;
	struct buf nodes;   /* the records of the Nodes */
	struct arena arena; /* holds the rest */
};
/* ERR_NOT_FOUND names the pools that there are. */
int arping_pool_read(struct arping_pool *p, const struct source_options *source, const char *lb_class,
    const char *name, struct err *e) MUST_CHECK;
void arping_pool_release(struct arping_pool *p); /* one that is all zero is fine */
const struct arping_held *arping_pool_find(const struct arping_pool *p, const struct addr *a);

/* arping_nodes.c: which node a MAC belongs to.  It lists the Nodes, asks for the MACs of their
 * InternalIPs on the links in use, and is settled when it knows them, or knows that it never will.
 * `changed` is called when there is something new to ask or it has settled. */
struct arping_nodes;
struct arping_nodes_options {
	struct source_options source;
	const struct netlink_world *world; /* borrowed */
	const struct probe_link *links;    /* borrowed */
	size_t links_n;
	uint32_t rate;             /* frames a second at most */
	const struct buf *records; /* of the Nodes, if they are known already; borrowed */
	bool off;                  /* nobody will read a name */
	bool needed;               /* it is names that were asked for */
	void (*changed)(void *arg);
	void *arg;
};
/* Fails only when names are needed or a source was named in the options, and it is no good: else no
 * cluster is no error. */
struct arping_nodes *arping_nodes_new(
    struct loop *l, const struct arping_nodes_options *o, struct err *e) MUST_CHECK;
void arping_nodes_free(struct arping_nodes *n);                 /* NULL is fine */
bool arping_nodes_wanted(const struct arping_nodes_options *o); /* the user asked for node names */
bool arping_nodes_settled(const struct arping_nodes *n);
struct probe *arping_nodes_probe(struct arping_nodes *n); /* NULL until there are Nodes to ask for */
void arping_nodes_event(struct arping_nodes *n, const struct probe_event *ev);
void arping_nodes_give_up(struct arping_nodes *n);
const char *arping_nodes_name(const struct arping_nodes *n, const struct mac *m); /* or NULL */
bool arping_nodes_is_here(const struct arping_nodes *n, const char *name);        /* it is this host */

/* arping_show.c: all that is printed. */
struct arping_show {
	enum probe_mode mode;
	bool sweep; /* ranges: a table at the end */
	bool who;   /* one line an address: who has it */
	bool watch; /* changes only, as they come */
	bool json;
	bool quiet;
	bool first; /* the first answer is enough */
	const struct probe *probe;
	const struct probe_watch *watched; /* with `watch` */
	const struct arping_nodes *nodes;
	const struct arping_pool *pool; /* with --pool, or NULL */
	const struct netlink_world *world;
};
void arping_show_start(const struct arping_show *s);
void arping_show_event(const struct arping_show *s, const struct probe_event *ev);
void arping_show_news(const struct arping_show *s, const struct probe_news *n); /* arping_news.c */
/* Ends in 0, or -1 with the kind that stands for the answer. */
int arping_show_end(const struct arping_show *s, struct err *e) MUST_CHECK;

/* The pieces of that. */
const char *arping_link_name(const struct arping_show *s, const struct probe_target *t);
bool arping_is_unasked(const struct probe_target *t); /* so nothing is known */
/* "02:00:00:00:00:01 (node-a)" */
void arping_put_owner(const struct arping_show *s, const struct mac *m, struct buf *out);
void arping_write_out(struct buf *b); /* to standard output; *b is empty then */
struct arping_count {
	const char *key;
	uint64_t value;
};
void arping_write_summary(const struct arping_count *at, size_t n); /* the last record of -o json */
void arping_widen(int *width, const char *text);                    /* NULL: no text */
const char *arping_rtt_text(uint64_t us, char out[static 32]);
/* arping_table.c: a pool's addresses, and how they are. */
void arping_table(const struct arping_show *s);
int arping_table_judge(const struct arping_show *s, struct err *e) MUST_CHECK;
/* arping_news.c: what --watch says at the end, and how it was. */
void arping_news_summary(const struct arping_show *s);
int arping_news_judge(const struct arping_show *s, struct err *e) MUST_CHECK;

/* arping_out.c: standard output.  That the reader of a pipe has gone is noticed at once, also while
 * nothing is printed. */
struct arping_out {
	void (*failed)(void *arg, const struct err *e);
	void *arg;
	struct loop_fd *watch;
};
int arping_out_flush(struct err *e) MUST_CHECK; /* ERR_CLOSED: the reader has gone */
int arping_out_watch(struct arping_out *o, struct loop *l, struct err *e) MUST_CHECK;
void arping_out_release(struct arping_out *o); /* one that is all zero is fine */

/* arping_run.c: asks what the plan says, shows it, and ends as arping_show_end(). */
struct arping_plan {
	struct probe *probe; /* not started */
	struct netlink_world world;
	struct probe_link *links; /* of the operands */
	size_t links_n;
	struct source_options source; /* of the names of nodes */
	uint32_t rate;                /* of the questions for those */
	const char *pcap;             /* a file, or NULL */
	struct arping_pool pool;      /* all zero without --pool */
};
int arping_run(struct arping_plan *plan, const struct arping_show *show, struct err *e) MUST_CHECK;

#endif
