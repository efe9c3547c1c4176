/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as text in tests. */
#ifndef LB_TESTS_ADDR_H
#define LB_TESTS_ADDR_H

#include "pkg/addr/addr.h"
#include "tests/unit.h"

static inline struct addr address(const char *text)
{
	struct err e = ERR_INIT;
	struct addr a = { 0 };

	if (addr_parse(&a, text, &e) < 0)
		fail_msg("%s", e.text);
	return a;
}

#endif
