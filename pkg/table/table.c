/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing, at most three quarters full.  What is removed leaves no mark:
 * those behind it move up. */
#include "pkg/table/table.h"

#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 8 };

static size_t home(const struct table *t, const void *item)
{
	return t->hash(item) & (t->size - 1);
}

static size_t after(const struct table *t, size_t i)
{
	return (i + 1) & (t->size - 1);
}

void *table_find(const struct table *t, uint32_t hash, table_equal_fn *equal, const void *key)
{
	if (!t->size)
		return NULL;
	for (size_t i = hash & (t->size - 1); t->at[i]; i = after(t, i))
		if (equal(t->at[i], key))
			return t->at[i];
	return NULL;
}

static void put(struct table *t, void *item)
{
	size_t i = home(t, item);

	while (t->at[i])
		i = after(t, i);
	t->at[i] = item;
}

static bool resize(struct table *t, size_t size)
{
	struct table next = { calloc(size, sizeof(void *)), t->n, size, t->hash };

	if (!next.at)
		return false;
	for (size_t i = 0; i < t->size; i++)
		if (t->at[i])
			put(&next, t->at[i]);
	free(t->at);
	*t = next;
	return true;
}

bool table_add(struct table *t, void *item)
{
	size_t size = t->size;

	if (4 * (t->n + 1) > 3 * size)
		size = size ? 2 * size : SMALLEST;
	else if (size > SMALLEST && 8 * (t->n + 1) < size)
		size /= 2;
	if (size != t->size && !resize(t, size) && size > t->size)
		return false; /* a larger one than needed will do */
	put(t, item);
	t->n++;
	return true;
}

void table_remove(struct table *t, const void *item)
{
	size_t hole;

	if (!t->size)
		return;
	for (hole = home(t, item); t->at[hole] != item; hole = after(t, hole))
		if (!t->at[hole])
			return;
	t->at[hole] = NULL;
	t->n--;
	for (size_t i = after(t, hole); t->at[i]; i = after(t, i)) {
		/* Does the way from its home lead over the hole? */
		size_t from = (i - home(t, t->at[i])) & (t->size - 1);
		size_t gap = (i - hole) & (t->size - 1);

		if (from < gap)
			continue;
		t->at[hole] = t->at[i];
		t->at[i] = NULL;
		hole = i;
	}
	if (t->n == 0)
		table_release(t);
}

void table_release(struct table *t)
{
	free(t->at);
	*t = (struct table){ NULL, 0, 0, t->hash };
}

void *table_next(const struct table *t, size_t *i)
{
	while (*i < t->size) {
		void *item = t->at[(*i)++];

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
