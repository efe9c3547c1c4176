/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

#include "pkg/bfd/bfd.h"
#include "pkg/wire/wire.h"

enum {
	VERSION = 1,
	FLAG_POLL = 0x20,
	FLAG_FINAL = 0x10,
	FLAG_INDEPENDENT = 0x08,
	FLAG_AUTH = 0x04,
	FLAG_DEMAND = 0x02,
	FLAG_MULTIPOINT = 0x01,
	AUTH_METICULOUS_SHA1 = 5,
	DIGEST_AT = BFD_PACKET_MAX - BFD_KEY_LEN,
};

const char *bfd_state_name(enum bfd_state state)
{
	static const char *const names[] = { "AdminDown", "Down", "Init", "Up" };

	return names[state & 3];
}

const char *bfd_diag_name(enum bfd_diag diag)
{
	static const char *const names[] = {
		"No Diagnostic",
		"Control Detection Time Expired",
		"Echo Function Failed",
		"Neighbor Signaled Session Down",
		"Forwarding Plane Reset",
		"Path Down",
		"Concatenated Path Down",
		"Administratively Down",
		"Reverse Concatenated Path Down",
	};

	return (size_t)diag < ARRAY_LEN(names) ? names[diag] : "Unknown Diagnostic";
}

int bfd_key_make(struct bfd_key *k, const void *secret, size_t len, struct err *e)
{
	struct bfd_key got = { .id = 1 };

	if (!len)
		return err_set(e, ERR_USAGE, "the secret is empty");
	if (len <= BFD_KEY_LEN)
		memcpy(got.bytes, secret, len);
	else
		SHA1(secret, len, got.bytes);
	*k = got;
	return 0;
}

/* Over the whole packet, with the key where the digest will be. */
static void digest(const struct bfd_key *k, const uint8_t *packet, uint8_t out[static BFD_KEY_LEN])
{
	uint8_t with_key[BFD_PACKET_MAX];

	memcpy(with_key, packet, DIGEST_AT);
	memcpy(with_key + DIGEST_AT, k->bytes, BFD_KEY_LEN);
	SHA1(with_key, sizeof(with_key), out);
}

static int check_auth(
    struct wire_reader *r, const struct bfd_key *key, struct bfd_packet *p, struct err *e)
{
	uint8_t type = wire_get_u8(r), len = wire_get_u8(r), id = wire_get_u8(r), want[BFD_KEY_LEN];

	wire_skip(r, 1);
	p->sequence = wire_get_u32(r);
	if (type != AUTH_METICULOUS_SHA1)
		return err_set(
		    e, ERR_PROTOCOL, "authentication of type %u, want 5 (Meticulous Keyed SHA1)", type);
	if (len != BFD_AUTH_LEN || r->len != BFD_PACKET_MAX || r->bad)
		return err_set(e, ERR_PROTOCOL,
		    "authentication section of %u bytes in a packet of %zu, want %d in %d", len, r->len,
		    BFD_AUTH_LEN, BFD_PACKET_MAX);
	if (id != key->id)
		return err_set(e, ERR_PROTOCOL, "key %u, want %u", id, key->id);
	digest(key, r->buf, want);
	if (CRYPTO_memcmp(want, r->buf + DIGEST_AT, sizeof(want)) != 0)
		return err_set(e, ERR_PROTOCOL, "it was signed with another secret, or altered");
	return 0;
}

bool bfd_is_quiet(const void *buf, size_t len)
{
	const uint8_t *p = buf;

	return len > 1 && (p[1] & BFD_QUIET_MASK) == BFD_QUIET;
}

static int check_fields(const struct bfd_packet *p, uint8_t version, uint8_t flags, struct err *e)
{
	if (version != VERSION)
		return err_set(e, ERR_PROTOCOL, "BFD of version %u, want 1", version);
	if (flags & FLAG_MULTIPOINT)
		return err_set(e, ERR_PROTOCOL, "the Multipoint bit is set");
	if (!p->multiplier)
		return err_set(e, ERR_PROTOCOL, "Detect Mult is 0");
	if (!p->my_discriminator)
		return err_set(e, ERR_PROTOCOL, "My Discriminator is 0");
	if (!p->your_discriminator && p->state > BFD_DOWN)
		return err_set(
		    e, ERR_PROTOCOL, "Your Discriminator is 0 in state %s", bfd_state_name(p->state));
	return 0;
}

int bfd_decode(
    struct bfd_packet *p, const void *buf, size_t len, const struct bfd_key *key, struct err *e)
{
	struct wire_reader r = wire_reader(buf, len);
	uint8_t first = wire_get_u8(&r), second = wire_get_u8(&r);
	struct bfd_packet got = {
		.diag = first & 0x1f,
		.state = second >> 6,
		.poll = second & FLAG_POLL,
		.final = second & FLAG_FINAL,
		.control_plane_independent = second & FLAG_INDEPENDENT,
		.demand = second & FLAG_DEMAND,
		.multiplier = wire_get_u8(&r),
	};
	size_t own = wire_get_u8(&r);

	got.my_discriminator = wire_get_u32(&r);
	got.your_discriminator = wire_get_u32(&r);
	got.desired_min_tx_us = wire_get_u32(&r);
	got.required_min_rx_us = wire_get_u32(&r);
	got.required_min_echo_rx_us = wire_get_u32(&r);
	if (r.bad || own < BFD_HEADER_LEN || own > len)
		return err_set(e, ERR_PROTOCOL,
		    "BFD packet of %zu bytes with the length %zu, want at least %d and no more than "
		    "there are",
		    len, own, BFD_HEADER_LEN);
	r.len = own;
	if (check_fields(&got, first >> 5, second, e) < 0)
		return -1;
	if (!(second & FLAG_AUTH) != !key)
		return err_set(e, ERR_PROTOCOL, "it is %s",
		    key ? "not authenticated, and we have a secret"
			: "authenticated, and we have no secret");
	if (key && check_auth(&r, key, &got, e) < 0)
		return -1;
	*p = got;
	return 0;
}

size_t bfd_encode(
    const struct bfd_packet *p, const struct bfd_key *key, uint8_t out[static BFD_PACKET_MAX])
{
	struct wire_writer w = wire_writer(out, BFD_PACKET_MAX);

	wire_put_u8(&w, (uint8_t)(VERSION << 5 | (p->diag & 0x1f)));
	wire_put_u8(
	    &w, (uint8_t)(p->state << 6 | (p->poll ? FLAG_POLL : 0) | (p->final ? FLAG_FINAL : 0) |
			  (p->control_plane_independent ? FLAG_INDEPENDENT : 0) |
			  (key ? FLAG_AUTH : 0) | (p->demand ? FLAG_DEMAND : 0)));
	wire_put_u8(&w, p->multiplier);
	wire_put_u8(&w, key ? BFD_PACKET_MAX : BFD_HEADER_LEN);
	wire_put_u32(&w, p->my_discriminator);
	wire_put_u32(&w, p->your_discriminator);
	wire_put_u32(&w, p->desired_min_tx_us);
	wire_put_u32(&w, p->required_min_rx_us);
	wire_put_u32(&w, p->required_min_echo_rx_us);
	if (key) {
		wire_put_u8(&w, AUTH_METICULOUS_SHA1);
		wire_put_u8(&w, BFD_AUTH_LEN);
		wire_put_u8(&w, key->id);
		wire_put_u8(&w, 0);
		wire_put_u32(&w, p->sequence);
		digest(key, out, out + DIGEST_AT);
		w.len += BFD_KEY_LEN;
	}
	assert(!w.bad);
	return w.len;
}
