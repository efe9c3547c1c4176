/* SPDX-License-Identifier: Apache-2.0 */
/* sink: what each place that writes go to implements. */
#ifndef LB_APPLY_SINK_H
#define LB_APPLY_SINK_H

#include "pkg/apply/apply.h"

struct apply_sink_ops {
	void (*start)(void *state, const struct apply_write *w);
	void (*close)(void *state);
	void (*exists)(void *state, const char *namespace, const char *name, bool exists); /* or NULL */
	void (*known)(void *state);                                                        /* or NULL */
};

#endif
