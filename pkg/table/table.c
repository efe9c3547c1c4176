/* SPDX-License-Identifier: Apache-2.0 */
/* The items lie in a row, and an index with open addressing and linear probing, at most three quarters
 * full, tells where.  What is removed leaves no mark in the index: those behind it move up; the row is
 * closed when it is full. */
#include "pkg/table/table.h"

#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 8 };

static size_t room(size_t size)
{
	return size / 4 * 3;
}

static size_t after(const struct table *t, size_t i)
{
	return (i + 1) & (t->size - 1);
}

static uint32_t hash_at(const struct table *t, size_t i)
{
	return t->hashes[t->index[i] - 1];
}

void *table_find(const struct table *t, uint32_t hash, table_equal_fn *equal, const void *key)
{
	if (!t->size)
		return NULL;
	for (size_t i = hash & (t->size - 1); t->index[i]; i = after(t, i))
		if (hash_at(t, i) == hash && equal(t->items[t->index[i] - 1], key))
			return t->items[t->index[i] - 1];
	return NULL;
}

static void put(struct table *t, void *item, uint32_t hash)
{
	size_t i = hash & (t->size - 1);

	while (t->index[i])
		i = after(t, i);
	t->items[t->used] = item;
	t->hashes[t->used] = hash;
	t->index[i] = (uint32_t)++t->used;
	t->n++;
}

static bool rebuild(struct table *t, size_t size)
{
	struct table next = { .size = size, .hash = t->hash };
	size_t n = room(size);

	next.items = calloc(1, n * sizeof(*next.items) + (n + size) * sizeof(uint32_t));
	if (!next.items)
		return false;
	next.hashes = (uint32_t *)(next.items + n);
	next.index = next.hashes + n;
	for (size_t i = 0; i < t->used; i++)
		if (t->items[i])
			put(&next, t->items[i], t->hashes[i]);
	free(t->items);
	*t = next;
	return true;
}

/* The size for one item more: after a rebuild there is room for a third more, so that it is rare. */
static size_t fit(const struct table *t)
{
	size_t size = SMALLEST;

	while (2 * room(size) < 3 * (t->n + 1))
		size *= 2;
	return size;
}

bool table_add(struct table *t, void *item)
{
	bool full = t->used == room(t->size), empty = t->size > SMALLEST && 8 * (t->n + 1) < t->size;

	/* A larger one than needed will do. */
	if ((full || empty) && (t->used == UINT32_MAX || !rebuild(t, fit(t))) && full)
		return false;
	put(t, item, t->hash(item));
	return true;
}

void table_remove(struct table *t, const void *item)
{
	size_t hole, place;

	if (!t->size)
		return;
	for (hole = t->hash(item) & (t->size - 1);; hole = after(t, hole)) {
		if (!t->index[hole])
			return;
		place = t->index[hole] - 1;
		if (t->items[place] == item)
			break;
	}
	t->items[place] = NULL;
	t->index[hole] = 0;
	t->n--;
	for (size_t i = after(t, hole); t->index[i]; i = after(t, i)) {
		/* Does the way from its home lead over the hole? */
		size_t from = (i - hash_at(t, i)) & (t->size - 1);
		size_t gap = (i - hole) & (t->size - 1);

		if (from < gap)
			continue;
		t->index[hole] = t->index[i];
		t->index[i] = 0;
		hole = i;
	}
	if (t->n == 0)
		table_release(t);
}

void table_release(struct table *t)
{
	free(t->items);
	*t = (struct table)TABLE_INIT(t->hash);
}

void *table_next(const struct table *t, size_t *i)
{
	while (*i < t->used) {
		void *item = t->items[(*i)++];

		if (item)
			return item;
	}
	return NULL;
}

/* With a last step that brings every bit down to the low ones. */
uint32_t table_hash(const void *bytes, size_t n)
{
	uint64_t h = fnv(FNV_BEGIN, bytes, n);

	return (uint32_t)(h ^ h >> 32);
}
