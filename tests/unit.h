/* SPDX-License-Identifier: Apache-2.0 */
/* unit: what every unit test includes, in the order that cmocka wants. */
#ifndef LB_UNIT_H
#define LB_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#endif
