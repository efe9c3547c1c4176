/* SPDX-License-Identifier: Apache-2.0 */
/* verdicts: what is wrong with objects of the configuration, as Decisions.
 *
 * One Decision an object, when what is wrong with it changes, and one when nothing is any more. */
#ifndef LB_VERDICTS_H
#define LB_VERDICTS_H

#include "pkg/config/config.h"
#include "pkg/record/record.h"

struct verdicts;
struct verdicts *verdicts_new(struct err *e) MUST_CHECK;
void verdicts_free(struct verdicts *v); /* NULL is fine */

/* All that is wrong with the configuration now, as config_store_problems() has it.  Returns of how many
 * objects it told that they are invalid. */
size_t verdicts_config(struct verdicts *v, const struct config_problem *problems, size_t n,
    void (*add)(void *arg, const struct record_decision *d), void *arg);

#endif
