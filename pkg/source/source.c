/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/source/source.h"

#include <string.h>
#include <sys/stat.h>

#include "pkg/source/backend.h"

struct source {
	const struct source_backend *backend;
	void *state;
};

const struct opt source_opts[] = {
	OPT_STRING('f', "from", "DIR|FILE|-", struct source_options, from,
	    "a directory of manifests or a recording instead of an API server"),
	OPT_INCLUDE(kube_opts, struct source_options, server),
	OPT_STRING(0, "namespace", "NAME", struct source_options, namespace,
	    "where the configuration lives; else $METALLB_NAMESPACE or metallb-system"),
	OPT_END,
};

const char *source_namespace(const struct source_options *o)
{
	const char *environment = getenv("METALLB_NAMESPACE");

	if (o->namespace)
		return o->namespace;
	return environment && environment[0] ? environment : "metallb-system";
}

static const struct source_backend *choose(const struct source_options *o)
{
	struct stat st;

	if (!o->from)
		return &source_cluster;
	if (strcmp(o->from, "-") != 0 && stat(o->from, &st) == 0 && S_ISDIR(st.st_mode))
		return &source_directory;
	return &source_recording;
}

struct source *source_open(struct loop *l, const struct source_options *o,
    const struct api_kind *const *kinds, const struct source_events *ev, struct err *e)
{
	struct source *s = calloc(1, sizeof(*s));

	if (!s) {
		err_memory(e);
		return NULL;
	}
	s->backend = choose(o);
	s->state = s->backend->open(l, o, kinds, ev, e);
	if (s->state)
		return s;
	free(s);
	return NULL;
}

void source_close(struct source *s)
{
	if (!s)
		return;
	s->backend->close(s->state);
	free(s);
}

void source_pause(struct source *s, bool paused)
{
	s->backend->pause(s->state, paused);
}
