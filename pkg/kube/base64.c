/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/base64.h"

#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

bool base64_decode(struct buf *out, const char *text)
{
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	size_t n = strlen(text);
	unsigned char *to = n < INT_MAX / 2 ? (unsigned char *)buf_room(out, n + 4) : NULL;
	int got = 0, last = 0;
	bool good = ctx && to;

	if (good) {
		EVP_DecodeInit(ctx);
		good = EVP_DecodeUpdate(ctx, to, &got, (const unsigned char *)text, (int)n) >= 0 &&
		       EVP_DecodeFinal(ctx, to + got, &last) > 0;
	}
	EVP_ENCODE_CTX_free(ctx);
	if (!good)
		return false;
	out->len += (size_t)(got + last);
	out->data[out->len] = 0;
	return true;
}

void base64_encode(struct buf *out, const char *bytes, size_t n)
{
	unsigned char *to = n < INT_MAX / 2 ? (unsigned char *)buf_room(out, n * 4 / 3 + 4) : NULL;

	if (to)
		out->len += (size_t)EVP_EncodeBlock(to, (const unsigned char *)bytes, (int)n);
}
