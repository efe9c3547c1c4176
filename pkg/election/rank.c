/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/election/rank.h"

#include <openssl/evp.h>
#include <string.h>

#include "pkg/tree/tree.h"

enum { DIGEST_LEN = 32 };

struct ranks {
	struct tree all;
	EVP_MD *md;
	EVP_MD_CTX *ctx;
};

struct rank {
	struct tree_node node;
	struct addr addr;
	char text[ADDR_TEXT_LEN];
	size_t users;
	size_t cap; /* ids that there is room for */
	uint64_t *keys;
	bool *computed;
};

static int compare(const struct tree_node *a, const struct tree_node *b)
{
	return addr_compare(
	    &TREE_ITEM(a, struct rank, node)->addr, &TREE_ITEM(b, struct rank, node)->addr);
}

struct ranks *ranks_new(struct err *e)
{
	struct ranks *rs = calloc(1, sizeof(*rs));

	if (rs) {
		rs->all = (struct tree)TREE_INIT(compare);
		rs->md = EVP_MD_fetch(NULL, "SHA256", NULL);
		rs->ctx = EVP_MD_CTX_new();
	}
	if (rs && rs->md && rs->ctx && EVP_DigestInit_ex2(rs->ctx, rs->md, NULL) == 1)
		return rs;
	ranks_free(rs);
	err_set(e, ERR_SYSTEM, "libcrypto has no SHA-256");
	return NULL;
}

void ranks_free(struct ranks *rs)
{
	if (!rs)
		return;
	EVP_MD_CTX_free(rs->ctx);
	EVP_MD_free(rs->md);
	free(rs);
}

struct rank *rank_get(struct ranks *rs, const struct addr *a, struct err *e)
{
	struct rank probe = { .addr = *a };
	struct rank *r = TREE_ITEM(tree_find(&rs->all, &probe.node), struct rank, node);

	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r) {
			err_memory(e);
			return NULL;
		}
		r->addr = *a;
		addr_format(a, r->text);
		tree_add(&rs->all, &r->node);
	}
	r->users++;
	return r;
}

void rank_put(struct ranks *rs, struct rank *r)
{
	if (!r || --r->users > 0)
		return;
	tree_remove(&rs->all, &r->node);
	free(r->keys);
	free(r->computed);
	free(r);
}

const struct addr *rank_addr(const struct rank *r)
{
	return &r->addr;
}

void ranks_forget(struct ranks *rs, unsigned id)
{
	for (struct tree_node *n = tree_first(&rs->all); n; n = tree_after(&rs->all, n)) {
		struct rank *r = TREE_ITEM(n, struct rank, node);

		if (id < r->cap)
			r->computed[id] = false;
	}
}

static bool digest(struct ranks *rs, const struct rank *r, const char *node, uint8_t out[DIGEST_LEN])
{
	return EVP_DigestInit_ex2(rs->ctx, NULL, NULL) == 1 &&
	       EVP_DigestUpdate(rs->ctx, node, strlen(node)) == 1 &&
	       EVP_DigestUpdate(rs->ctx, "#", 1) == 1 &&
	       EVP_DigestUpdate(rs->ctx, r->text, strlen(r->text)) == 1 &&
	       EVP_DigestFinal_ex(rs->ctx, out, NULL) == 1;
}

static int grow(struct rank *r, unsigned id, struct err *e)
{
	size_t cap = r->cap ? r->cap : 8;
	uint64_t *keys;
	bool *computed;

	while (cap <= id)
		cap *= 2;
	keys = realloc(r->keys, cap * sizeof(*keys));
	if (keys)
		r->keys = keys;
	computed = realloc(r->computed, cap * sizeof(*computed));
	if (computed)
		r->computed = computed;
	if (!keys || !computed)
		return err_memory(e);
	memset(computed + r->cap, 0, (cap - r->cap) * sizeof(*computed));
	r->cap = cap;
	return 0;
}

int rank_key(
    struct ranks *rs, struct rank *r, unsigned id, const char *node, uint64_t *key, struct err *e)
{
	uint8_t bytes[DIGEST_LEN];
	uint64_t v = 0;

	if (id >= r->cap && grow(r, id, e) < 0)
		return -1;
	if (!r->computed[id]) {
		if (!digest(rs, r, node, bytes))
			return err_set(e, ERR_SYSTEM, "libcrypto could not compute SHA-256");
		for (int i = 0; i < 8; i++)
			v = v << 8 | bytes[i];
		r->keys[id] = v;
		r->computed[id] = true;
	}
	*key = r->keys[id];
	return 0;
}

int rank_tie(struct ranks *rs, const struct rank *r, const char *a, const char *b)
{
	uint8_t x[DIGEST_LEN] = { 0 }, y[DIGEST_LEN] = { 0 };

	(void)digest(rs, r, a, x); /* it could a moment ago */
	(void)digest(rs, r, b, y);
	return memcmp(x, y, sizeof(x));
}
