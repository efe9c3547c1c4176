/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever decodes must encode to the bytes it was decoded from. */
#include <assert.h>
#include <string.h>

#include "pkg/arp/arp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct arp_frame f;
	uint8_t out[ARP_FRAME_LEN];

	if (arp_frame_decode(&f, data, size, &e) < 0) {
		assert(e.kind == ERR_PROTOCOL && e.text[0]);
		return 0;
	}
	arp_frame_encode(&f, out);
	assert(memcmp(out, data, sizeof(out)) == 0);
	return 0;
}
