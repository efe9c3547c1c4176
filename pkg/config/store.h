/* SPDX-License-Identifier: Apache-2.0 */
/* store: the objects that were put, and what of each is in force; inside pkg/config only. */
#ifndef LB_CONFIG_STORE_H
#define LB_CONFIG_STORE_H

#include "pkg/config/decode.h"

/* One pool or advertisement of one object. */
struct slot {
	char *name;            /* of the pool in its ConfigMap; "" for the one of a resource */
	struct version *force; /* in the configuration, or NULL */
	struct version *next;  /* good in itself, and newer; NULL when force is the newest */
	const struct object *object;
	size_t entry; /* its place in the ConfigMap, or NO_ENTRY */
	bool listed;  /* in the newest version of its object */
	/* While it is being settled: */
	bool refused;                     /* next is in the way of another */
	const struct range_node *overlap; /* of the other, NULL when it is the name */
	const struct version *rival;
	size_t index; /* of next's range that overlaps */
};

struct object {
	struct tree_node node;
	char *kind;
	char *namespace;
	char *name;
	int64_t created;
	struct buf text; /* all that matters of the newest version */
	struct slot **slots;
	size_t slots_n;
	struct faults *faults; /* of the newest version, NULL for none */
	bool unsure;           /* pools that the newest version doesn't list may still be wanted */
};

struct config_store {
	char *namespace;
	struct tree objects; /* by kind, namespace, name */
	struct config *now;  /* NULL before the first get */
	struct config_problem *problems;
	size_t problems_n;
	struct version **retired; /* no more in force, but perhaps in `now` */
	size_t retired_n;
	bool changed;
	bool bad; /* out of memory, once */
};

/* Keeps v until the next configuration is made. */
void store_retire(struct config_store *s, struct version *v);

/* Settles what is in force, and makes the configuration and the list of problems. */
int store_settle(struct config_store *s, struct err *e) MUST_CHECK;
void store_free_config(struct config_store *s);

#endif
