/* SPDX-License-Identifier: Apache-2.0 */
/* rank: the order of nodes for an address, sha256(node "#" address), computed once a pair.
 *
 * Of each digest only the first 8 bytes are kept; two that are equal there are computed
 * again and compared whole. */
#ifndef LB_ELECTION_RANK_H
#define LB_ELECTION_RANK_H

#include "pkg/addr/addr.h"

struct ranks; /* of all addresses */
struct rank;  /* of one address */

struct ranks *ranks_new(struct err *e) MUST_CHECK;
void ranks_free(struct ranks *rs); /* after all ranks were put back; NULL is fine */

/* One address's, shared by all that ask for it; each puts it back. */
struct rank *rank_get(struct ranks *rs, const struct addr *a, struct err *e) MUST_CHECK;
void rank_put(struct ranks *rs, struct rank *r); /* NULL is fine */
const struct addr *rank_addr(const struct rank *r);

/* The name that belonged to this id does not any more. */
void ranks_forget(struct ranks *rs, unsigned id);

/* The digest's first 8 bytes as a big-endian number.  `id` is the node's, small. */
int rank_key(struct ranks *rs, struct rank *r, unsigned id, const char *node, uint64_t *key,
    struct err *e) MUST_CHECK;
/* For two nodes whose keys are equal. */
int rank_tie(struct ranks *rs, const struct rank *r, const char *a, const char *b);

#endif
