/* SPDX-License-Identifier: Apache-2.0 */
/* The codes of Decisions.  lbctl-stream(5) has the same table, and a test compares them. */
#include "pkg/record/record.h"

const struct record_code record_codes[] = {
	{ NULL, NULL },
};
