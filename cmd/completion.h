/* SPDX-License-Identifier: Apache-2.0 */
/* completion: scripts for shells, written from the tables of commands and options. */
#ifndef LB_COMPLETION_H
#define LB_COMPLETION_H

#include <stdio.h>

#include "pkg/err/err.h"

/* shell: bash, zsh or fish. */
int completion_write(const char *shell, FILE *out, struct err *e);

#endif
