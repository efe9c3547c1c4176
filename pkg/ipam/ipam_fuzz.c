/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as a history: each choice that the property tests draw is one of them.  The rules are the
 * same, checked after each step. */
#define FAIL(...)                             \
	do {                                  \
		fprintf(stderr, __VA_ARGS__); \
		abort();                      \
	} while (0)
#include "pkg/ipam/oracle_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size)
		history(0, data, size, true);
	return 0;
}
