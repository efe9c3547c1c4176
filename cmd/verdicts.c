/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/verdicts.h"

#include <string.h>

#include "pkg/tree/tree.h"

struct verdict {
	struct tree_node node;
	char *kind;
	char *namespace;
	char *name;
	char *text;
	bool current;
};

struct verdicts {
	struct tree all;
};

static int compare(const struct tree_node *a, const struct tree_node *b)
{
	const struct verdict *l = TREE_ITEM(a, const struct verdict, node);
	const struct verdict *r = TREE_ITEM(b, const struct verdict, node);
	int c = strcmp(l->kind, r->kind);

	c = c ? c : strcmp(l->namespace, r->namespace);
	return c ? c : strcmp(l->name, r->name);
}

struct verdicts *verdicts_new(struct err *e)
{
	struct verdicts *v = calloc(1, sizeof(*v));

	if (v)
		v->all = (struct tree)TREE_INIT(compare);
	else
		err_memory(e);
	return v;
}

static void drop(struct verdicts *v, struct verdict *one)
{
	tree_remove(&v->all, &one->node);
	free(one->kind);
	free(one->namespace);
	free(one->name);
	free(one->text);
	free(one);
}

void verdicts_free(struct verdicts *v)
{
	if (!v)
		return;
	while (v->all.root)
		drop(v, TREE_ITEM(v->all.root, struct verdict, node));
	free(v);
}

/* The verdict about the object, made if need be; NULL when out of memory. */
static struct verdict *verdict_of(struct verdicts *v, const struct config_problem *p)
{
	struct verdict probe = {
		.kind = (char *)(uintptr_t)p->kind,
		.namespace = (char *)(uintptr_t)p->namespace,
		.name = (char *)(uintptr_t)p->name,
	};
	struct verdict *one = TREE_ITEM(tree_find(&v->all, &probe.node), struct verdict, node);

	if (one)
		return one;
	one = calloc(1, sizeof(*one));
	if (!one)
		return NULL;
	one->kind = strdup(p->kind);
	one->namespace = strdup(p->namespace);
	one->name = strdup(p->name);
	if (one->kind && one->namespace && one->name) {
		tree_add(&v->all, &one->node);
		return one;
	}
	free(one->kind);
	free(one->namespace);
	free(one->name);
	free(one);
	return NULL;
}

static bool same_object(const struct config_problem *a, const struct config_problem *b)
{
	return !strcmp(a->kind, b->kind) && !strcmp(a->namespace, b->namespace) &&
	       !strcmp(a->name, b->name);
}

typedef void add_fn(void *arg, const struct record_decision *d);

static void tell(const struct verdict *one, enum record_verdict verdict, const char *code,
    const char *message, add_fn *add, void *arg)
{
	const struct record_decision d = {
		.subject_kind = one->kind,
		.namespace = one->namespace,
		.name = one->name,
		.component = "allocate",
		.verdict = verdict,
		.code = code,
		.message = message,
	};

	add(arg, &d);
}

/* The n problems of one object, as one text; what is harmless makes it not invalid.  True: it was told.
 */
static bool tell_object(
    struct verdicts *v, const struct config_problem *p, size_t n, add_fn *add, void *arg)
{
	struct verdict *one;
	struct buf text = BUF_INIT;
	bool kept = true, told = false;

	for (size_t i = 0; i < n; i++) {
		if (p[i].harmless)
			continue;
		buf_printf(&text, "%s%s%s%s", text.len ? "; " : "", p[i].path, p[i].path[0] ? ": " : "",
		    p[i].message);
		kept = kept && p[i].kept;
	}
	if (!text.len && !text.bad)
		return false;
	one = verdict_of(v, p);
	if (kept)
		buf_puts(&text, "; its last good version stays in force");
	if (one)
		one->current = true;
	if (one && !text.bad && (!one->text || strcmp(one->text, text.data) != 0)) {
		tell(one, kept ? VERDICT_KEPT : VERDICT_REFUSED, "ConfigurationInvalid", text.data, add,
		    arg);
		free(one->text);
		one->text = TAKE(text.data);
		told = true;
	}
	buf_release(&text);
	return told;
}

size_t verdicts_config(
    struct verdicts *v, const struct config_problem *problems, size_t n, add_fn *add, void *arg)
{
	struct tree_node *at, *next;
	size_t told = 0;

	for (at = tree_first(&v->all); at; at = tree_after(&v->all, at))
		TREE_ITEM(at, struct verdict, node)->current = false;
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i + 1; k < n && same_object(&problems[i], &problems[k]); k++)
			;
		told += tell_object(v, &problems[i], k - i, add, arg);
	}
	for (at = tree_first(&v->all); at; at = next) {
		struct verdict *one = TREE_ITEM(at, struct verdict, node);

		next = tree_after(&v->all, at);
		if (one->current)
			continue;
		tell(one, VERDICT_DONE, "ConfigurationValid", "nothing is wrong with it any more", add,
		    arg);
		drop(v, one);
	}
	return told;
}
