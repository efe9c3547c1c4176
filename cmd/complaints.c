/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/complaints.h"

#include <string.h>

#include "pkg/log/log.h"
#include "pkg/tree/tree.h"

struct complaint {
	struct tree_node node;
	char *about; /* "Service default/web", "IPAddressPool lb/p spec.addresses[0]" */
	char *text;
	bool config;
	bool current; /* of the configuration as it is now */
};

struct complaints {
	struct tree all;
};

static int compare(const struct tree_node *a, const struct tree_node *b)
{
	return strcmp(
	    TREE_ITEM(a, struct complaint, node)->about, TREE_ITEM(b, struct complaint, node)->about);
}

struct complaints *complaints_new(struct err *e)
{
	struct complaints *c = calloc(1, sizeof(*c));

	if (c)
		c->all = (struct tree)TREE_INIT(compare);
	else
		err_memory(e);
	return c;
}

static void drop(struct complaints *c, struct complaint *one)
{
	tree_remove(&c->all, &one->node);
	free(one->about);
	free(one->text);
	free(one);
}

void complaints_free(struct complaints *c)
{
	struct tree_node *n;

	if (!c)
		return;
	while ((n = tree_first(&c->all)))
		drop(c, TREE_ITEM(n, struct complaint, node));
	free(c);
}

static struct complaint *find(const struct complaints *c, const char *about)
{
	struct complaint probe = { .about = (char *)(uintptr_t)about };

	return TREE_ITEM(tree_find(&c->all, &probe.node), struct complaint, node);
}

static struct complaint *add(struct complaints *c, const char *about)
{
	struct complaint *one = calloc(1, sizeof(*one));

	if (one)
		one->about = strdup(about);
	if (!one || !one->about) {
		free(one);
		return NULL;
	}
	tree_add(&c->all, &one->node);
	return one;
}

/* True when it is to be told.  Without memory for it everything is. */
static bool is_new(struct complaints *c, const char *about, const char *text, bool config)
{
	struct complaint *one = find(c, about);
	char *copy;

	if (!one)
		one = add(c, about);
	if (!one)
		return true;
	one->config = config;
	one->current = true;
	if (one->text && !strcmp(one->text, text))
		return false;
	copy = strdup(text);
	if (copy) {
		free(one->text);
		one->text = copy;
	}
	return true;
}

/* The text has no control characters: they are the objects', and this goes to a terminal. */
static void tell(const char *about, const char *text, const char *then)
{
	struct buf line = BUF_INIT;

	buf_printf(&line, "%s: %s; %s", about, text, then);
	buf_plain(&line, 0);
	if (!line.bad)
		log_warn(NULL, "%s", line.data);
	buf_release(&line);
}

static void put_name(struct buf *about, const char *kind, const char *namespace, const char *name)
{
	buf_printf(about, "%s %s%s%s", kind, namespace ? namespace : "",
	    namespace && *namespace ? "/" : "", name && *name ? name : "without a name");
}

static void name_of(struct buf *about, const char *kind, const struct json *object)
{
	put_name(about, kind, json_string(json_at(object, "metadata", "namespace", NULL)),
	    json_string(json_at(object, "metadata", "name", NULL)));
}

static void complain(struct complaints *c, const char *kind, const struct json *object,
    const char *text, const char *then)
{
	struct buf about = BUF_INIT;

	name_of(&about, kind, object);
	if (!about.bad && is_new(c, about.data, text, false))
		tell(about.data, text, then);
	buf_release(&about);
}

void complaints_object(
    struct complaints *c, const char *kind, const struct json *object, const char *text)
{
	complain(c, kind, object, text, "this version is ignored");
}

void complaints_part(struct complaints *c, const char *kind, const struct json *object,
    const char *want, const char *have)
{
	struct buf text = BUF_INIT;

	buf_printf(&text, "%s, have %s%.60s%s", want, have ? "\"" : "", have ? have : "another type",
	    have ? "\"" : "");
	if (!text.bad)
		complain(c, kind, object, text.data, "that part is ignored");
	buf_release(&text);
}

void complaints_over(struct complaints *c, const char *kind, const struct json *object)
{
	struct buf about = BUF_INIT;
	struct complaint *one;

	if (!c->all.n)
		return;
	name_of(&about, kind, object);
	one = about.bad ? NULL : find(c, about.data);
	if (one)
		drop(c, one);
	buf_release(&about);
}

void complaints_config(struct complaints *c, const struct config_problem *problems, size_t n)
{
	struct tree_node *at, *next;

	for (at = tree_first(&c->all); at; at = tree_after(&c->all, at))
		TREE_ITEM(at, struct complaint, node)->current = false;
	for (size_t i = 0; i < n; i++) {
		const struct config_problem *p = &problems[i];
		struct buf about = BUF_INIT;

		put_name(&about, p->kind, p->namespace, p->name);
		buf_printf(&about, "%s%s", p->path[0] ? ": " : "", p->path);
		if (!about.bad && is_new(c, about.data, p->message, true))
			tell(about.data, p->message,
			    p->harmless ? "that part is ignored"
			    : p->kept   ? "its last good version stays in force"
					: "it is not used");
		buf_release(&about);
	}
	for (at = tree_first(&c->all); at; at = next) {
		struct complaint *one = TREE_ITEM(at, struct complaint, node);

		next = tree_after(&c->all, at);
		if (one->config && !one->current)
			drop(c, one);
	}
}
