/* SPDX-License-Identifier: Apache-2.0 */
/* What a change would do: the engine runs on the snapshot, then on the change, and each time what it
 * wants written is given back to it as if it were so. */
#include <stdio.h>
#include <string.h>

#include "cmd/allocate.h"
#include "pkg/tree/tree.h"

enum { ROUNDS_MAX = 100 };

struct entry { /* a Service that has an address, before or after */
	struct tree_node node;
	char *namespace;
	char *name;
	struct addr before[2], after[2];
	size_t before_n, after_n;
	char *answer;  /* of its last decision since the snapshot */
	char *gave_up; /* what it had, and why; NULL: it did not say */
};

struct write { /* that the engine wants */
	char *namespace;
	char *name;
	char *pool;
	struct addr at[2];
	size_t n;
};

struct what_if {
	struct tree all;
	bool changed; /* the snapshot is complete */
	bool bad;     /* out of memory */
	struct write *writes;
	size_t writes_n;
	size_t writes_cap;
};

static int compare(const struct tree_node *a, const struct tree_node *b)
{
	const struct entry *l = TREE_ITEM(a, const struct entry, node);
	const struct entry *r = TREE_ITEM(b, const struct entry, node);
	int c = strcmp(l->namespace, r->namespace);

	return c ? c : strcmp(l->name, r->name);
}

struct what_if *what_if_new(struct err *e)
{
	struct what_if *w = calloc(1, sizeof(*w));

	if (w)
		w->all = (struct tree)TREE_INIT(compare);
	else
		err_memory(e);
	return w;
}

static void drop_writes(struct what_if *w)
{
	for (size_t i = 0; i < w->writes_n; i++) {
		free(w->writes[i].namespace);
		free(w->writes[i].name);
		free(w->writes[i].pool);
	}
	w->writes_n = 0;
}

static void entry_free(struct entry *x)
{
	free(x->namespace);
	free(x->name);
	free(x->answer);
	free(x->gave_up);
	free(x);
}

void what_if_free(struct what_if *w)
{
	if (!w)
		return;
	while (w->all.root) {
		struct entry *x = TREE_ITEM(w->all.root, struct entry, node);

		tree_remove(&w->all, &x->node);
		entry_free(x);
	}
	drop_writes(w);
	free(w->writes);
	free(w);
}

static struct entry *entry_of(struct what_if *w, const char *namespace, const char *name)
{
	struct entry probe = {
		.namespace = (char *)(uintptr_t) namespace,
		.name = (char *)(uintptr_t)name,
	};
	struct entry *x = TREE_ITEM(tree_find(&w->all, &probe.node), struct entry, node);

	if (x)
		return x;
	x = calloc(1, sizeof(*x));
	if (x) {
		x->namespace = strdup(namespace);
		x->name = strdup(name);
	}
	if (x && x->namespace && x->name) {
		tree_add(&w->all, &x->node);
		return x;
	}
	if (x)
		entry_free(x);
	w->bad = true;
	return NULL;
}

static void note_decision(struct what_if *w, const struct ipam_outcome *o)
{
	struct entry *x = entry_of(w, o->namespace, o->name);

	if (!x)
		return;
	free(x->answer);
	x->answer = strdup(o->answer);
	w->bad = w->bad || !x->answer;
	if (!o->gave_up || x->gave_up)
		return;
	x->gave_up = strdup(o->gave_up);
	w->bad = w->bad || !x->gave_up;
}

static void note_write(struct what_if *w, const struct ipam_outcome *o)
{
	size_t cap = w->writes_cap ? w->writes_cap * 2 : 64;
	struct write *more, *to;

	if (w->writes_n == w->writes_cap) {
		more = reallocarray(w->writes, cap, sizeof(*more));
		if (!more) {
			w->bad = true;
			return;
		}
		w->writes = more;
		w->writes_cap = cap;
	}
	to = &w->writes[w->writes_n++];
	*to = (struct write){
		.namespace = strdup(o->namespace),
		.name = strdup(o->name),
		.pool = o->pool ? strdup(o->pool) : NULL,
		.n = o->addresses_n,
	};
	for (size_t i = 0; i < o->addresses_n && i < ARRAY_LEN(to->at); i++)
		to->at[i] = o->addresses[i];
	w->bad = w->bad || !to->namespace || !to->name || (o->pool && !to->pool);
}

/* It is written. */
static void deliver(struct ipam *m, const struct write *x)
{
	struct api_pair annotation = { "metallb.io/ip-allocated-from-pool", x->pool };
	char text[2][ADDR_TEXT_LEN];
	struct api_ingress ingress[2];
	struct api_service s = {
		.meta = { .namespace = x->namespace,
		    .name = x->name,
		    .annotations = { &annotation, x->pool != NULL } },
		.ingress = ingress,
		.ingress_n = x->n,
	};

	for (size_t i = 0; i < x->n && i < ARRAY_LEN(ingress); i++)
		ingress[i] = (struct api_ingress){ addr_format(&x->at[i], text[i]), "" };
	ipam_service_status(m, &s);
}

int what_if_run(struct what_if *w, struct ipam *m, struct err *e)
{
	struct ipam_outcome o;
	int more;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		while ((more = ipam_next(m, &o, e)) > 0) {
			if (o.write)
				note_write(w, &o);
			if (o.decided && w->changed)
				note_decision(w, &o);
		}
		if (more < 0)
			return -1;
		if (w->bad)
			return err_memory(e);
		if (!w->writes_n)
			return 0;
		for (size_t i = 0; i < w->writes_n; i++)
			deliver(m, &w->writes[i]);
		drop_writes(w);
	}
	return 0;
}

static void note_held(const struct ipam_held *h, void *arg)
{
	struct what_if *w = arg;
	struct entry *x = h->recorded ? NULL : entry_of(w, h->namespace, h->name);
	size_t *n = x ? (w->changed ? &x->after_n : &x->before_n) : NULL;

	if (n && *n < 2)
		(w->changed ? x->after : x->before)[(*n)++] = h->addr;
}

int what_if_snapshot(struct what_if *w, struct ipam *m, struct err *e)
{
	ipam_each_held(m, note_held, w);
	w->changed = true;
	return w->bad ? err_memory(e) : 0;
}

static bool is_in(const struct addr *a, const struct addr *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (addr_equal(a, &at[i]))
			return true;
	return false;
}

static const char *listed(const struct addr *at, size_t n, char out[static 2 * ADDR_TEXT_LEN + 5])
{
	char one[ADDR_TEXT_LEN], two[ADDR_TEXT_LEN];

	addr_format(&at[0], one);
	if (n < 2)
		snprintf(out, 2 * ADDR_TEXT_LEN + 5, "%s", one);
	else
		snprintf(out, 2 * ADDR_TEXT_LEN + 5, "%s and %s", one, addr_format(&at[1], two));
	return out;
}

static void tell(const struct entry *x, size_t kept, struct record_decision *d, struct buf *text)
{
	char before[2 * ADDR_TEXT_LEN + 5], after[2 * ADDR_TEXT_LEN + 5];
	const char *why = x->gave_up ? x->gave_up : "the Service would be gone or another's";

	if (x->before_n && !x->after_n) {
		d->verdict = VERDICT_WAITING;
		d->code = "AddressLost";
		buf_printf(text, "would lose %s, because %s", listed(x->before, x->before_n, before),
		    x->answer && x->gave_up ? x->answer : why);
		if (x->answer && x->gave_up)
			buf_printf(text, "; %s", why);
	} else if (kept < x->before_n) {
		d->verdict = VERDICT_DONE;
		d->code = "AddressMoved";
		buf_printf(text, "would have %s instead of %s", listed(x->after, x->after_n, after),
		    listed(x->before, x->before_n, before));
		if (x->gave_up)
			buf_printf(text, "; %s", why);
	} else if (kept < x->after_n) {
		d->verdict = VERDICT_DONE;
		d->code = "AddressAssigned";
		buf_printf(text, "would get %s", listed(x->after, x->after_n, after));
	} else {
		d->verdict = VERDICT_KEPT;
		d->code = "AddressKept";
		buf_printf(text, "would keep %s", listed(x->after, x->after_n, after));
	}
	d->addresses = x->after_n ? x->after : x->before;
	d->addresses_n = x->after_n ? x->after_n : x->before_n;
}

int what_if_tell(struct what_if *w, struct ipam *m,
    void (*add)(void *arg, const struct record_decision *d), void *arg, struct what_if_sum *sum,
    struct err *e)
{
	*sum = (struct what_if_sum){ 0 };
	ipam_each_held(m, note_held, w);
	for (struct tree_node *n = tree_first(&w->all); n; n = tree_after(&w->all, n)) {
		struct entry *x = TREE_ITEM(n, struct entry, node);
		struct record_decision d = {
			.subject_kind = "Service",
			.namespace = x->namespace,
			.name = x->name,
			.component = "allocate",
		};
		struct buf text = BUF_INIT;
		size_t kept = 0;

		for (size_t i = 0; i < x->before_n; i++)
			kept += is_in(&x->before[i], x->after, x->after_n);
		if (!x->before_n && !x->after_n)
			continue;
		tell(x, kept, &d, &text);
		w->bad = w->bad || text.bad;
		d.message = text.data ? text.data : "";
		sum->lost += x->before_n && !x->after_n;
		sum->moved += x->after_n && kept < x->before_n;
		add(arg, &d);
		buf_release(&text);
	}
	return w->bad ? err_memory(e) : 0;
}

int what_if_verdict(const struct what_if_sum *sum, size_t invalid, struct err *e)
{
	struct err services = ERR_INIT;

	if (sum->moved || sum->lost)
		err_set(&services, ERR_CONFLICT, "%zu Service%s would move, %zu would lose %s",
		    sum->moved, sum->moved == 1 ? "" : "s", sum->lost,
		    sum->lost == 1 ? "its address" : "their addresses");
	if (invalid)
		return err_set(e, ERR_CONFLICT, "%zu object%s would not be used as %s%s%s", invalid,
		    invalid == 1 ? "" : "s", invalid == 1 ? "it is" : "they are",
		    services.kind ? "; " : "", services.text);
	*e = services;
	return services.kind ? -1 : 0;
}
