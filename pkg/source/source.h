/* SPDX-License-Identifier: Apache-2.0 */
/* source: where the world comes from: a Kubernetes API server, a directory of manifests,
 * or a recording.
 *
 * Each gives the same thing: for every kind asked for, what exists as ADDED records, then
 * a BOOKMARK with k8s.io/initial-events-end, then changes as they happen.  With `once` it
 * ends after the last bookmark.  A recording gives its records as they are, all of them and
 * of all kinds, and ends with its last. */
#ifndef LB_SOURCE_H
#define LB_SOURCE_H

#include "pkg/kube/kube.h"

struct source_options {
	const char *from; /* DIR, FILE or "-"; NULL: a Kubernetes API server */
	struct kube_options server;
	const char *namespace; /* of the configuration; NULL: $METALLB_NAMESPACE or metallb-system */
	bool once;
	bool full; /* keep managedFields and the last-applied annotation */
};
/* --from, --kubeconfig, --context, --namespace: for every command that reads the world. */
extern const struct opt source_opts[];

/* Where the configuration lives, of the options, the environment, or MetalLB's own. */
const char *source_namespace(const struct source_options *o);

/* All come from the loop, never from inside of a call below; one may close the source. */
struct source_events {
	void (*record)(void *arg, const char *text, size_t len); /* one whole record with its newline */
	void (*ended)(void *arg);                                /* no more will come */
	void (*failed)(void *arg, const struct err *e);          /* gave up: cannot go on */
	void (*warned)(void *arg, const char *text); /* it goes on; for people.  May be NULL */
	void *arg;
};

struct source;
/* `kinds` ends in NULL and is borrowed. */
struct source *source_open(struct loop *l, const struct source_options *o,
    const struct api_kind *const *kinds, const struct source_events *ev, struct err *e) MUST_CHECK;
void source_close(struct source *s); /* NULL is fine */
/* While paused no record comes (what is under way may still); for a reader that is behind. */
void source_pause(struct source *s, bool paused);

#endif
