/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever decodes must encode to the bytes it was decoded from, and a session must take it; with
 * a secret, what was not signed must not decode. */
#include <assert.h>
#include <string.h>

#include "pkg/bfd/bfd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_session(const struct bfd_packet *p)
{
	static const struct bfd_options o = { .interval_us = 100000, .multiplier = 3, .seed = 1 };
	struct bfd_session s;
	struct bfd_packet out;
	uint64_t now = 1000000;

	bfd_session_init(&s, &o, now);
	for (int i = 0; i < 8; i++) {
		int sent = 0;

		bfd_session_input(&s, p, now);
		while (bfd_session_output(&s, &out, now))
			sent += out.my_discriminator ? 1 : 100;
		assert(sent <= 2);
		assert(bfd_session_deadline(&s) > now);
		assert(bfd_session_detection_us(&s) <= BFD_DETECTION_MAX_US);
		now =
		    bfd_session_deadline(&s) < now + 5000000 ? bfd_session_deadline(&s) : now + 5000000;
		bfd_session_tick(&s, now);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct bfd_key key = { .id = 1, .bytes = "secret" };
	struct err e = ERR_INIT;
	struct bfd_packet p;
	uint8_t out[BFD_PACKET_MAX];

	if (bfd_decode(&p, data, size, &key, &e) == 0) {
		assert(bfd_encode(&p, &key, out) == BFD_PACKET_MAX);
		out[BFD_HEADER_LEN + 3] = data[BFD_HEADER_LEN + 3]; /* reserved */
		assert(memcmp(out, data, BFD_PACKET_MAX - BFD_KEY_LEN) == 0);
	}
	if (bfd_decode(&p, data, size, NULL, &e) < 0) {
		assert(e.kind == ERR_PROTOCOL && e.text[0]);
		return 0;
	}
	bfd_encode(&p, NULL, out);
	out[3] = data[3]; /* a packet may be longer than we make it */
	assert(memcmp(out, data, BFD_HEADER_LEN) == 0);
	check_session(&p);
	return 0;
}
