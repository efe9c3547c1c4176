/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the folder share. */
#ifndef LB_LOOP_STATE_H
#define LB_LOOP_STATE_H

#include "pkg/loop/loop.h"

struct event_base;
struct event_base *loop_base(struct loop *l);

#endif
