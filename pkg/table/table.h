/* SPDX-License-Identifier: Apache-2.0 */
/* table: structs found by a key inside them, in the order in which they were added.  Its memory
 * shrinks when something is added to what has become empty.
 *
 * An item costs 17 to 37 bytes here and none in itself, where uthash takes 56 in each item and 16 a
 * bucket: for tables of which every item is small and there are many.  Items are only looked at when
 * their hash is right.  The table owns nothing but its arrays.  Keys of items that are in it must not
 * change. */
#ifndef LB_TABLE_H
#define LB_TABLE_H

#include "pkg/base/base.h"

struct table {
	size_t n;
	size_t used;      /* of the arrays of items and hashes, with what was removed */
	size_t size;      /* of the index: 0, or a power of two */
	void **items;     /* NULL: removed */
	uint32_t *hashes; /* of items */
	uint32_t *index;  /* by hash: 1 + the item's place; 0: free */
	uint32_t (*hash)(const void *item);
};

#define TABLE_INIT(hash_fn)       \
	{                         \
		.hash = (hash_fn) \
	}

typedef bool table_equal_fn(const void *item, const void *key);

/* `hash` is what the table's function gives for an item of that key. */
void *table_find(const struct table *t, uint32_t hash, table_equal_fn *equal, const void *key);
/* An item whose key isn't there.  False when there is no memory. */
bool table_add(struct table *t, void *item) MUST_CHECK;
void table_remove(struct table *t, const void *item); /* one that is not there is fine */
void table_release(struct table *t);

/* The items, the oldest first; NULL after the last.  *i is 0 at the start.  Meanwhile any may be
 * removed, but none added. */
void *table_next(const struct table *t, size_t *i);

uint32_t table_hash(const void *bytes, size_t n);

#endif
