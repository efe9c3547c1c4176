/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/apply/sink.h"

void apply_sink_start(struct apply_sink *s, const struct apply_write *w)
{
	s->ops->start(s->state, w);
}

void apply_sink_exists(struct apply_sink *s, const char *namespace, const char *name, bool exists)
{
	if (s->ops->exists)
		s->ops->exists(s->state, namespace, name, exists);
}

void apply_sink_known(struct apply_sink *s)
{
	if (s->ops->known)
		s->ops->known(s->state);
}

void apply_sink_close(struct apply_sink *s)
{
	if (s->ops)
		s->ops->close(s->state);
	*s = (struct apply_sink){ 0 };
}

/* --dry-run: everything succeeds. */
struct nothing {
	struct apply_sink_events ev;
};

static void nothing_start(void *state, const struct apply_write *w)
{
	struct nothing *n = state;
	struct apply_result r = { .outcome = APPLY_SAME };

	n->ev.done(n->ev.arg, w->id, &r);
}

static const struct apply_sink_ops nothing_ops = { nothing_start, free, NULL, NULL };

int apply_to_nothing(struct apply_sink *s, const struct apply_sink_events *ev, struct err *e)
{
	struct nothing *n = calloc(1, sizeof(*n));

	if (!n)
		return err_memory(e);
	n->ev = *ev;
	s->ops = &nothing_ops;
	s->state = n;
	return 0;
}
