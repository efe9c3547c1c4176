/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of lbctl announce share. */
#ifndef LB_CMD_ANNOUNCE_H
#define LB_CMD_ANNOUNCE_H

#include "pkg/l2/l2.h"
#include "pkg/log/log.h"
#include "pkg/opts/opts.h"
#include "pkg/record/record.h"
#include "pkg/stage/stage.h"

/* Addresses that no node of the cluster has announced yet. */
struct announce_new {
	uint64_t *seen; /* all that Services have had, and whether it is new */
	size_t n, size;
};
void announce_new_service(struct announce_new *n, const struct json *service, bool listed);
void announce_new_decision(struct announce_new *n, const struct json *decision);
bool announce_new_has(const struct announce_new *n, const struct addr *a);
void announce_new_set(struct announce_new *n, const struct addr *a, bool is_new);
void announce_new_release(struct announce_new *n);

struct announce_in_use {
	struct addr address;
	struct mac by;
	uint64_t until_ms; /* by the loop's clock */
};

struct announce_peers;
struct announce_members;

struct announce {
	struct stage *stage;
	struct l2_port *port;
	struct announce_peers *peers;
	struct announce_members *members;
	struct loop_http *http;
	struct announce_new new;
	const char *node;
	bool draining;
	bool tells_links, tells_addresses;
	struct announce_in_use *in_use; /* by other hosts: the one heard last is the last */
	size_t in_use_n;
	struct loop_timer *in_use_ends; /* when the first is over */
	char *self;                     /* the record that was told last */
	bool self_changed;              /* since then, maybe */
	struct log_limit conflicts;
};

struct announce_peers *announce_peers_new(struct announce *a, struct err *e) MUST_CHECK;
void announce_peers_free(struct announce_peers *p); /* NULL is fine */
void announce_peers_node(
    struct announce_peers *p, const char *name, const struct json *node, bool gone);
void announce_peers_member(struct announce_peers *p, const char *name, bool alive);
/* A stranger claims an address: one of the nodes may have another MAC now. */
void announce_peers_stranger(struct announce_peers *p);
/* The node that is at the MAC, or NULL. */
const char *announce_peers_name(const struct announce_peers *p, const struct mac *m);

struct announce_members *announce_members_new(struct announce *a, struct err *e) MUST_CHECK;
void announce_members_free(struct announce_members *m); /* NULL is fine */
void announce_member(
    struct announce_members *m, const char *name, const struct json *object, bool gone);
void announce_members_expired(struct announce_members *m); /* the port has no time to speak left */
void announce_members_end(struct announce_members *m);     /* no more input will come */

/* Announces what it tells this node to, or withdraws it.  One that is malformed changes nothing. */
void announce_announcement(struct announce *a, const struct record *r, const struct json *object);

/* Adds what happened to the stream, as Events and Decisions. */
void announce_tell(struct announce *a, const struct l2_event *ev);

/* An address that was to be announced is in use by another host. */
void announce_in_use_add(struct announce *a, const struct addr *address, const struct mac *by);
/* Drops those that are announced by now, and those not heard for long. */
void announce_in_use_review(struct announce *a);
/* "192.0.2.10=02:00:00:00:00:64", with commas */
void announce_in_use_put(const struct announce *a, struct buf *out);

/* What the annotations of this node's Node tell, if it is new. */
void announce_self(struct announce *a);
void announce_self_release(struct announce *a);

/* The regular expressions of --exclude and, unless `path` is NULL, those of MetalLB's file
 * excludel2.yaml.  Borrows what was given. */
struct announce_excludes {
	const char **at;
	size_t n;
	struct json *file;
};
int announce_excludes_read(struct announce_excludes *x, const struct opt_list *given, const char *path,
    struct err *e) MUST_CHECK;
void announce_excludes_release(struct announce_excludes *x);

#endif
