/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pkg/bfd/bfd.h"

#include "tests/addr.h"

static uint16_t port_of(const struct bfd_socket *s)
{
	struct sockaddr_in6 at; /* the port is where IPv4 has it */
	socklen_t len = sizeof(at);

	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &len), 0);
	return ntohs(at.sin6_port);
}

static struct bfd_datagram say(
    const struct addr *to, enum bfd_state state, bool poll, uint32_t sequence)
{
	static const struct bfd_key key = { .id = 1, .bytes = "secret" };
	struct bfd_packet p = { .state = state,
		.poll = poll,
		.multiplier = 3,
		.my_discriminator = 1,
		.your_discriminator = 2,
		.sequence = sequence };
	struct bfd_datagram d = { .peer = *to };

	d.len = (uint16_t)bfd_encode(&p, &key, d.bytes);
	return d;
}

static void wait_for(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 60000), 1);
}

static void assert_is(const struct bfd_datagram *in, const struct bfd_datagram *out)
{
	assert_true(addr_equal(&in->peer, &out->peer));
	assert_int_equal(in->len, out->len);
	assert_memory_equal(in->bytes, out->bytes, out->len);
}

/* The kernel begins to note arrivals a moment after it was asked to; before, they seem to be now. */
static void wait_for_ages(const struct bfd_socket *s, const struct bfd_datagram *any)
{
	struct bfd_datagram in[BFD_BATCH] = { 0 };
	struct err e = ERR_INIT;

	for (int tries = 0; tries < 30000 && in[0].age_ns < 2000000; tries++) {
		assert_int_equal(bfd_send(s, port_of(s), any, 1, &e), 0);
		wait_for(s->fd);
		usleep(2000);
		assert_int_equal(bfd_receive(s, in, &e), 1);
	}
	assert_true(in[0].age_ns >= 2000000);
}

/* Two packets are read in the order they were sent in, each from the socket where it belongs. */
static void pass(const struct bfd_socket *s, const struct bfd_datagram *first, int first_fd,
    const struct bfd_datagram *second, int second_fd)
{
	struct bfd_datagram in[BFD_BATCH];
	struct err e = ERR_INIT;

	assert_int_equal(bfd_send(s, port_of(s), first, 1, &e), 0);
	wait_for(first_fd);
	assert_int_equal(bfd_send(s, port_of(s), second, 1, &e), 0);
	wait_for(second_fd);
	assert_int_equal(bfd_receive(s, in, &e), 2);
	assert_is(&in[0], first);
	assert_is(&in[1], second);
	assert_true(in[0].age_ns > in[1].age_ns);
	assert_int_equal(bfd_receive(s, in, &e), 0);
}

static void what_is_quiet_waits_in_its_own_socket_and_is_read_in_its_turn(void **state)
{
	(void)state;
	static const char *const texts[] = { "127.0.0.1", "::1" };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct addr at = address(texts[i]);
		struct bfd_datagram up = say(&at, BFD_UP, false, 1), poll = say(&at, BFD_UP, true, 2),
				    down = say(&at, BFD_DOWN, false, 3);
		struct bfd_socket s, other;

		assert_int_equal(bfd_open(&s, &at, 0, &e), 0);
		assert_true(s.quiet >= 0);
		assert_int_equal(bfd_open(&other, &at, port_of(&s), &e), -1);
		assert_int_equal(e.kind, ERR_CONFLICT);
		wait_for_ages(&s, &poll);
		pass(&s, &up, s.quiet, &poll, s.fd);
		pass(&s, &down, s.fd, &up, s.quiet);
		bfd_close(&s);
		assert_int_equal(s.fd, -1);
		bfd_close(&s);
	}
}

static void only_an_up_that_neither_asks_nor_answers_is_quiet(void **state)
{
	(void)state;
	for (unsigned second = 0; second < 256; second++) {
		uint8_t bytes[] = { 0x20, (uint8_t)second };
		bool up = second >> 6 == BFD_UP, poll = second & 0x20, final = second & 0x10;

		assert_int_equal(bfd_is_quiet(bytes, 2), up && !poll && !final);
		assert_false(bfd_is_quiet(bytes, 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_quiet_waits_in_its_own_socket_and_is_read_in_its_turn),
		cmocka_unit_test(only_an_up_that_neither_asks_nor_answers_is_quiet),
	};

	return cmocka_run_group_tests_name("socket", tests, NULL, NULL);
}
