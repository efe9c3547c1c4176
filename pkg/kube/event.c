/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/event.h"

#include <string.h>

static const char *text(const struct json *j)
{
	const char *s = json_string(j);

	return s ? s : "";
}

static enum event_type type_of(const char *name)
{
	static const char *const names[] = {
		[EVENT_ADDED] = "ADDED",
		[EVENT_MODIFIED] = "MODIFIED",
		[EVENT_DELETED] = "DELETED",
		[EVENT_BOOKMARK] = "BOOKMARK",
		[EVENT_ERROR] = "ERROR",
	};

	for (size_t i = EVENT_ADDED; i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i], name))
			return (enum event_type)i;
	return EVENT_OTHER;
}

int event_decode(struct event *ev, const char *line, size_t len, struct err *e)
{
	struct json *tree = json_parse(line, len, e);
	struct event got = { .tree = tree };
	const char *type, *end;

	if (!tree)
		return -1;
	type = json_string(json_get(tree, "type"));
	got.object = json_get(tree, "object");
	if (!type || json_type(got.object) != JSON_OBJECT) {
		json_free(tree);
		return err_set(e, ERR_PROTOCOL, "not a watch event: no type or no object");
	}
	got.type = type_of(type);
	got.version = text(json_at(got.object, "metadata", "resourceVersion", NULL));
	end = text(json_at(got.object, "metadata", "annotations", "k8s.io/initial-events-end", NULL));
	got.initial_events_end = got.type == EVENT_BOOKMARK && !strcmp(end, "true");
	*ev = got;
	return 0;
}

int page_decode(struct page *p, const char *body, size_t len, struct err *e)
{
	struct json *tree = json_parse(body, len, e);
	struct page got = { .tree = tree };

	if (!tree)
		return -1;
	got.items = json_get(tree, "items");
	got.version = text(json_at(tree, "metadata", "resourceVersion", NULL));
	got.more = text(json_at(tree, "metadata", "continue", NULL));
	if ((json_type(got.items) != JSON_ARRAY && json_type(got.items) != JSON_NULL) ||
	    !got.version[0]) {
		json_free(tree);
		return err_set(e, ERR_PROTOCOL, "not a list: no items or no metadata.resourceVersion");
	}
	*p = got;
	return 0;
}
