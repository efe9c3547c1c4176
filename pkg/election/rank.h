/* SPDX-License-Identifier: Apache-2.0 */
/* rank: the order of nodes for an address, sha256(node "#" address), computed once a pair.
 *
 * Of each digest only the first 4 bytes are kept, so that 10,000 addresses and 100 nodes cost
 * 4 MB; of two that are equal there the digests are computed again and compared whole. */
#ifndef LB_ELECTION_RANK_H
#define LB_ELECTION_RANK_H

#include "pkg/addr/addr.h"

struct ranks; /* what computes them */
struct ranks *ranks_new(struct err *e) MUST_CHECK;
void ranks_free(struct ranks *rs); /* NULL is fine */

/* Of one address; { .addr = ... } is one that knows nothing yet. */
struct rank {
	struct addr addr;
	uint32_t *keys; /* by id; 0: not computed */
	size_t cap;
};
void rank_release(struct rank *r);

/* The name that belonged to this id does not any more. */
void rank_forget(struct rank *r, unsigned id);

/* The digest's first 4 bytes as a big-endian number.  `id` is the node's, small. */
int rank_key(struct ranks *rs, struct rank *r, unsigned id, const char *node, uint32_t *key,
    struct err *e) MUST_CHECK;
/* For two nodes whose keys are equal: negative, 0 or positive, as the whole digests compare. */
int rank_tie(struct ranks *rs, const struct rank *r, const char *a, const char *b);

#endif
