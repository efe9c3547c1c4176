/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/election/rank.h"

#include <openssl/evp.h>
#include <string.h>

enum { DIGEST_LEN = 32 };

struct ranks {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
};

struct ranks *ranks_new(struct err *e)
{
	struct ranks *rs = calloc(1, sizeof(*rs));

	if (rs) {
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

void rank_release(struct rank *r)
{
	free(r->keys);
	r->keys = NULL;
	r->cap = 0;
}

void rank_forget(struct rank *r, unsigned id)
{
	if (id < r->cap)
		r->keys[id] = 0;
}

static bool digest(struct ranks *rs, const struct rank *r, const char *node, uint8_t out[DIGEST_LEN])
{
	char text[ADDR_TEXT_LEN];

	addr_format(&r->addr, text);
	return EVP_DigestInit_ex2(rs->ctx, NULL, NULL) == 1 &&
	       EVP_DigestUpdate(rs->ctx, node, strlen(node)) == 1 &&
	       EVP_DigestUpdate(rs->ctx, "#", 1) == 1 &&
	       EVP_DigestUpdate(rs->ctx, text, strlen(text)) == 1 &&
	       EVP_DigestFinal_ex(rs->ctx, out, NULL) == 1;
}

static int grow(struct rank *r, unsigned id, struct err *e)
{
	size_t cap = r->cap ? r->cap : 4;
	uint32_t *keys;

	while (cap <= id)
		cap += cap / 2;
	keys = realloc(r->keys, cap * sizeof(*keys));
	if (!keys)
		return err_memory(e);
	memset(keys + r->cap, 0, (cap - r->cap) * sizeof(*keys));
	r->keys = keys;
	r->cap = cap;
	return 0;
}

int rank_key(
    struct ranks *rs, struct rank *r, unsigned id, const char *node, uint32_t *key, struct err *e)
{
	uint8_t bytes[DIGEST_LEN];

	if (id >= r->cap && grow(r, id, e) < 0)
		return -1;
	if (!r->keys[id]) {
		if (!digest(rs, r, node, bytes))
			return err_set(e, ERR_SYSTEM, "libcrypto could not compute SHA-256");
		for (int i = 0; i < 4; i++)
			r->keys[id] = r->keys[id] << 8 | bytes[i];
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
