/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/known.h"

#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* One piece of memory each: namespace, name, uid and resourceVersion, every one with its NUL. */
struct entry {
	UT_hash_handle hh;
	uint32_t mark;
	uint32_t key_len; /* namespace, NUL, name */
	uint32_t uid_at;
	uint32_t version_at;
	char text[];
};

struct known {
	struct entry *entries;
	uint32_t mark;
};

struct known *known_new(struct err *e)
{
	struct known *k = calloc(1, sizeof(*k));

	if (!k)
		err_memory(e);
	return k;
}

void known_free(struct known *k)
{
	struct entry *at, *next;

	if (!k)
		return;
	HASH_ITER(hh, k->entries, at, next)
	{
		HASH_DEL(k->entries, at);
		free(at);
	}
	free(k);
}

size_t known_count(const struct known *k)
{
	return HASH_COUNT(k->entries);
}

void known_begin(struct known *k)
{
	k->mark++;
}

static struct entry *entry_new(const struct known_object *o)
{
	const char *parts[] = { o->namespace, o->name, o->uid, o->resource_version };
	size_t lens[ARRAY_LEN(parts)], at = 0;
	struct entry *n;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		lens[i] = strlen(parts[i]) + 1;
		at += lens[i];
	}
	n = calloc(1, sizeof(*n) + at);
	if (!n)
		return NULL;
	at = 0;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		memcpy(n->text + at, parts[i], lens[i]);
		at += lens[i];
	}
	n->key_len = (uint32_t)(lens[0] + lens[1] - 1);
	n->uid_at = n->key_len + 1;
	n->version_at = (uint32_t)(n->uid_at + lens[2]);
	return n;
}

static struct entry *find(struct known *k, const struct entry *like)
{
	struct entry *at;

	HASH_FIND(hh, k->entries, like->text, like->key_len, at);
	return at;
}

static enum known_change compare(const struct entry *old, const struct entry *now)
{
	const char *version = now->text + now->version_at;

	if (!old)
		return KNOWN_ADDED;
	if (strcmp(old->text + old->uid_at, now->text + now->uid_at) != 0)
		return KNOWN_REPLACED;
	/* A server that gives no versions is told of again rather than missed. */
	return *version && !strcmp(old->text + old->version_at, version) ? KNOWN_SAME : KNOWN_MODIFIED;
}

int known_put(struct known *k, const struct known_object *o, enum known_change *change, struct err *e)
{
	struct entry *now = entry_new(o), *old;

	if (!now)
		return err_memory(e);
	now->mark = k->mark;
	old = find(k, now);
	*change = compare(old, now);
	if (*change == KNOWN_SAME) {
		old->mark = k->mark;
		free(now);
		return 0;
	}
	if (old) {
		HASH_DEL(k->entries, old);
		free(old);
	}
	HASH_ADD_KEYPTR(hh, k->entries, now->text, now->key_len, now);
	if (!now->hh.tbl) {
		free(now);
		return err_memory(e);
	}
	return 0;
}

bool known_remove(struct known *k, const struct known_object *o)
{
	struct entry *like = entry_new(o), *old;

	old = like ? find(k, like) : NULL;
	free(like);
	if (!old)
		return false;
	HASH_DEL(k->entries, old);
	free(old);
	return true;
}

bool known_stale(struct known *k, struct known_object *out)
{
	for (struct entry *at = k->entries; at; at = at->hh.next) {
		if (at->mark == k->mark)
			continue;
		*out = (struct known_object){ at->text, at->text + strlen(at->text) + 1,
			at->text + at->uid_at, at->text + at->version_at };
		return true;
	}
	return false;
}
