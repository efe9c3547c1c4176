/* SPDX-License-Identifier: Apache-2.0 */
/* backend: what each kind of source implements. */
#ifndef LB_SOURCE_BACKEND_H
#define LB_SOURCE_BACKEND_H

#include "pkg/source/source.h"

struct source_backend {
	void *(*open)(struct loop *l, const struct source_options *o,
	    const struct api_kind *const *kinds, const struct source_events *ev, struct err *e);
	void (*close)(void *s); /* never NULL */
	void (*pause)(void *s, bool paused);
};

extern const struct source_backend source_cluster;
extern const struct source_backend source_directory;
extern const struct source_backend source_recording;

#endif
