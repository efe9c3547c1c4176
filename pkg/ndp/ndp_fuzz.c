/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever decodes must encode to a frame that decodes to the same. */
#include <assert.h>
#include <string.h>

#include "pkg/ndp/ndp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_same(const struct ndp_frame *a, const struct ndp_frame *b)
{
	assert(mac_equal(&a->to, &b->to) && mac_equal(&a->from, &b->from));
	assert(!memcmp(&a->source, &b->source, 16) && !memcmp(&a->target, &b->target, 16));
	assert(!memcmp(&a->destination, &b->destination, 16) && a->type == b->type);
	assert(a->router == b->router && a->solicited == b->solicited && a->override == b->override);
	assert(a->has_mac == b->has_mac && mac_equal(&a->mac, &b->mac));
	assert(a->has_nonce == b->has_nonce && !memcmp(a->nonce, b->nonce, NDP_NONCE_LEN));
}

/* A fuzzer would not find the checksum: it is set right, unless the input's first byte is odd. */
static void set_checksum(uint8_t *frame, size_t size)
{
	size_t len = size >= 54 ? (size_t)(frame[18] << 8 | frame[19]) : 0;
	uint32_t s = (uint32_t)len + 58;

	if (len < 4 || len > size - 54 || frame[0] & 1)
		return;
	frame[56] = frame[57] = 0;
	for (size_t i = 22; i < 54 + len; i++)
		s += i % 2 ? (uint32_t)frame[i] : (uint32_t)frame[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	frame[56] = (uint8_t)(~s >> 8);
	frame[57] = (uint8_t)~s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct ndp_frame f, again;
	uint8_t out[NDP_FRAME_MAX], *copy = malloc(size + 1);
	int got;

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	set_checksum(copy, size);
	got = ndp_frame_decode(&f, copy, size, &e);
	free(copy);
	if (got < 0) {
		assert(e.kind == ERR_PROTOCOL && e.text[0]);
		return 0;
	}
	assert(ndp_frame_decode(&again, out, ndp_frame_encode(&f, out), &e) == 0);
	assert_same(&f, &again);
	return 0;
}
