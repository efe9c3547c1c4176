/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"

extern const struct cmd cmd_allocate;
extern const struct cmd cmd_announce;
extern const struct cmd cmd_apply;
extern const struct cmd cmd_arping;
extern const struct cmd cmd_elect;
extern const struct cmd cmd_members;
extern const struct cmd cmd_watch;

const struct cmd *const commands[] = {
	&cmd_allocate,
	&cmd_announce,
	&cmd_apply,
	&cmd_arping,
	&cmd_elect,
	&cmd_members,
	&cmd_watch,
	NULL,
};
