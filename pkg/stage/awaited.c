/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/log/log.h"
#include "pkg/stage/awaited.h"

enum { COMPLAINT_MS = 10000 };

static void on_complaint(void *arg)
{
	struct awaited *a = arg;
	struct buf names = BUF_INIT;

	for (size_t i = 0; a->kinds[i].kind; i++)
		if (a->kinds[i].awaited && !a->seen[i])
			buf_printf(&names, "%s%s", names.len ? ", " : "", a->kinds[i].kind);
	log_warn(NULL,
	    "nothing is decided yet: the initial list of %s has not come; does the source watch it?",
	    names.data);
	buf_release(&names);
}

int awaited_begin(struct awaited *a, const struct stage_kind *kinds, struct loop *l, struct err *e)
{
	a->kinds = kinds;
	a->complaint = loop_timer_add(l, on_complaint, a, e);
	return a->complaint ? 0 : -1;
}

void awaited_end(struct awaited *a)
{
	loop_timer_remove(a->complaint);
}

void awaited_bookmark(struct awaited *a, size_t kind, const struct json *object)
{
	const char *end =
	    json_string(json_at(object, "metadata", "annotations", "k8s.io/initial-events-end", NULL));

	if (end && !strcmp(end, "true"))
		a->seen[kind] = true;
}

bool awaited_is_listed(const struct awaited *a, const char *kind)
{
	for (size_t i = 0; a->kinds[i].kind; i++)
		if (!strcmp(a->kinds[i].kind, kind))
			return a->seen[i];
	return false;
}

bool awaited_is_done(const struct awaited *a)
{
	for (size_t i = 0; a->kinds[i].kind; i++)
		if (a->kinds[i].awaited && !a->seen[i])
			return false;
	return true;
}

void awaited_read(struct awaited *a)
{
	loop_timer_set(a->complaint, COMPLAINT_MS);
}

void awaited_stop(struct awaited *a)
{
	loop_timer_stop(a->complaint);
}
