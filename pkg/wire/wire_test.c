/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/wire/wire.h"

#include "tests/unit.h"

static void failure_is_sticky(void **state)
{
	(void)state;
	const uint8_t buf[] = { 1, 2, 3 };
	struct wire_reader r = wire_reader(buf, sizeof(buf));

	assert_true(wire_get_u16(&r) == 0x0102);
	assert_true(wire_get_u16(&r) == 0 && r.bad);
	assert_true(wire_get_u8(&r) == 0); /* one byte is left, but the reader is spent */
	assert_true(!wire_more(&r) && !wire_finish(&r));
}

static void child_cannot_leave_its_bounds(void **state)
{
	(void)state;
	const uint8_t tlv[] = { 7, 2, 0xaa, 0xbb, 0xcc };
	struct wire_reader r = wire_reader(tlv, sizeof(tlv));

	wire_skip(&r, 1);
	struct wire_reader body = wire_get_sub(&r, wire_get_u8(&r));

	assert_true(wire_get_u16(&body) == 0xaabb && wire_finish(&body));
	assert_true(wire_get_u8(&body) == 0 && body.bad);
	assert_true(wire_get_u8(&r) == 0xcc && wire_finish(&r));
}

static void length_is_patched_in(void **state)
{
	(void)state;
	uint8_t buf[6];
	struct wire_writer w = wire_writer(buf, sizeof(buf));
	size_t mark = wire_open_u16(&w);

	wire_put_u32(&w, 0xdeadbeef);
	wire_close_u16(&w, mark);
	assert_true(!w.bad && w.len == 6 && buf[1] == 4);
	wire_put_u8(&w, 1);
	assert_true(w.bad && w.len == 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failure_is_sticky),
		cmocka_unit_test(child_cannot_leave_its_bounds),
		cmocka_unit_test(length_is_patched_in),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
