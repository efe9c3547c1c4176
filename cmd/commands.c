/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"

const struct cmd *const commands[] = {
	NULL,
};
