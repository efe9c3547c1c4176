/* SPDX-License-Identifier: Apache-2.0 */
/* Services that wait.
 *
 * Two Services for which every rule says the same, and which want the same, get the same answer:
 * they are one class.  A class sleeps once its oldest member was refused.  It wakes when an
 * address of one of its pools, or the address that it asks for, becomes free or shareable; then
 * its oldest is tried first, and when that is refused so would be all others.
 *
 * Of those that share, only those with the same key, backend and ports; of those that ask for
 * addresses, only those that ask for the same.  A Service that may have back what it had is a class
 * of its own.
 *
 * Who waits behind others is not told again who is in the way now; only when the code changes. */
#include "pkg/ipam/engine.h"

static int member_compare(const struct tree_node *a, const struct tree_node *b)
{
	return by_service_age(TREE_ITEM(a, const struct service, wait_node),
	    TREE_ITEM(b, const struct service, wait_node));
}

static struct service *oldest(const struct class *c)
{
	return TREE_ITEM(tree_first(&c->members), struct service, wait_node);
}

static void unready(struct ipam *m, struct class *c)
{
	if (c->queue)
		queue_leave(c);
	if (c->head)
		tree_remove(&m->ready, &c->ready_node);
	c->head = NULL;
}

/* Back into the ready tree, in its new place. */
static void reready(struct ipam *m, struct class *c)
{
	if (!c->ready || c->head)
		return;
	c->head = oldest(c);
	tree_add(&m->ready, &c->ready_node);
}

void wait_wake(struct ipam *m, struct class *c)
{
	if (c->queue)
		queue_leave(c);
	c->ready = true;
	reready(m, c);
}

void wait_sleep(struct ipam *m, struct class *c)
{
	unready(m, c);
	c->ready = false;
	if (c->scouts)
		queue_scouted(m, c, true);
	queue_join(m, c);
}

struct class *wait_next(const struct ipam *m)
{
	return TREE_ITEM(tree_first(&m->ready), struct class, ready_node);
}

void wait_list(struct class *c, struct pool_waiter *waits, struct queue *q)
{
	for (size_t i = 0; i < c->pools_n; i++) {
		waits[i] = (struct pool_waiter){ .class = q ? NULL : c, .queue = q };
		DL_APPEND(c->pools[i]->waiters, &waits[i]);
	}
}

void wait_unlist(const struct class *c, struct pool_waiter *waits)
{
	for (size_t i = 0; i < c->pools_n; i++)
		DL_DELETE(c->pools[i]->waiters, &waits[i]);
}

static void class_free(struct ipam *m, struct class *c)
{
	unready(m, c);
	if (c->waits)
		wait_unlist(c, c->waits);
	free(c->waits);
	for (size_t i = 0; i < c->awaited_n; i++)
		tree_remove(&m->awaited, &c->awaited[i].node);
	sharing_wait_no_more(c);
	if (c->hh.tbl)
		HASH_DEL(m->classes, c);
	free(c->pools);
	free(c->key);
	free(c);
}

void wait_leave(struct ipam *m, struct service *s)
{
	struct class *c = s->class;

	if (!c)
		return;
	if (c->scouts)
		queue_scouted(m, c, false);
	unready(m, c);
	if (s == oldest(c))
		tree_pop(&c->members);
	else
		tree_remove(&c->members, &s->wait_node);
	c->fresh_n -= s->fresh;
	s->class = NULL;
	s->fresh = false;
	if (c->members.n)
		reready(m, c);
	else
		class_free(m, c);
}

/* An address in its status that it gave up, which nobody else may have, it may have again. */
static bool is_alone(const struct ipam *m, const struct service *s, const struct class *like)
{
	return rest_own(m, s) || (s->seen->n && (s->sharing || like->wants == WANTS_ASKED));
}

/* What tells classes apart. */
static void make_key(
    const struct ipam *m, const struct service *s, const struct class *like, struct buf *b)
{
	const struct facts *f = s->facts;
	uint8_t head[] = { (uint8_t)like->wants, (uint8_t)like->need, like->primary,
		is_alone(m, s, like) };
	uint64_t sharing = s->sharing ? s->sharing->order : 0;

	buf_add(b, head, sizeof(head));
	buf_add(b, &like->pinned_n, sizeof(like->pinned_n));
	if (is_alone(m, s, like)) {
		buf_add(b, s->key, s->key_len);
		return;
	}
	buf_add(b, &like->pools_n, sizeof(like->pools_n));
	if (like->pools_n)
		buf_add(b, like->pools, like->pools_n * sizeof(*like->pools));
	for (size_t i = 0; like->wants == WANTS_ASKED && i < f->asked_n; i++) {
		buf_add(b, &f->asked[i].family, sizeof(f->asked[i].family));
		buf_add(b, f->asked[i].bytes, sizeof(f->asked[i].bytes));
	}
	buf_add(b, &sharing, sizeof(sharing));
	for (size_t i = 0; sharing && i < f->ports_n; i++) {
		buf_add(b, &f->ports[i].protocol, sizeof(f->ports[i].protocol));
		buf_add(b, &f->ports[i].port, sizeof(f->ports[i].port));
	}
	if (sharing)
		buf_puts(b, f->backend);
}

static struct class *class_new(
    struct ipam *m, const struct service *s, const struct class *like, struct buf *key)
{
	struct class *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->key_len = key->len;
	c->key = TAKE(key->data);
	c->wants = like->wants;
	c->need = like->need;
	c->primary = like->primary;
	c->pinned_n = like->pinned_n;
	c->members.compare = member_compare;
	c->alone = is_alone(m, s, like);
	c->pools = calloc(like->pools_n + 1, sizeof(*c->pools));
	c->waits = c->wants == WANTS_ASKED ? NULL : calloc(like->pools_n + 1, sizeof(*c->waits));
	if (c->pools && (c->waits || c->wants == WANTS_ASKED))
		HASH_ADD_KEYPTR(hh, m->classes, c->key, c->key_len, c);
	if (!c->hh.tbl) {
		class_free(m, c);
		return NULL;
	}
	for (size_t i = 0; i < like->pools_n; i++)
		c->pools[c->pools_n++] = like->pools[i];
	if (c->waits)
		wait_list(c, c->waits, NULL);
	for (size_t i = 0; c->wants == WANTS_ASKED && i < s->facts->asked_n; i++) {
		c->awaited[i] = (struct awaited){ .addr = s->facts->asked[i],
			.sharing = s->sharing ? s->sharing->order : 0,
			.class = c };
		tree_add(&m->awaited, &c->awaited[i].node);
		c->awaited_n = i + 1;
	}
	if (s->sharing)
		sharing_wait(m, c, s);
	return c;
}

bool wait_join(struct ipam *m, struct service *s, const struct class *like)
{
	struct buf key = BUF_INIT;
	struct class *c = NULL;
	bool sleeps;

	make_key(m, s, like, &key);
	if (!key.bad)
		HASH_FIND(hh, m->classes, key.data, key.len, c);
	if (!key.bad && !c)
		c = class_new(m, s, like, &key);
	buf_release(&key);
	if (!c) {
		m->bad = true;
		return false;
	}
	sleeps = c->members.n && !c->ready;
	unready(m, c);
	tree_add(&c->members, &s->wait_node);
	s->class = c;
	s->fresh = !sleeps;
	c->fresh_n += s->fresh;
	if (!sleeps)
		wait_wake(m, c);
	return sleeps;
}

static struct awaited *awaited_from(const struct ipam *m, const struct awaited *probe)
{
	return TREE_ITEM(tree_at_least(&m->awaited, &probe->node), struct awaited, node);
}

void wait_wake_others(struct ipam *m, const struct addr *a, const struct sharing *sh)
{
	const struct awaited any = { .addr = *a }, beyond = { .addr = *a, .sharing = sh->order + 1 };
	const struct awaited *w = awaited_from(m, &any);

	while (w && addr_equal(&w->addr, a)) {
		if (w->sharing == sh->order) {
			w = awaited_from(m, &beyond);
			continue;
		}
		wait_wake(m, w->class);
		w = TREE_ITEM(tree_after(&m->awaited, &w->node), struct awaited, node);
	}
}

void wait_wake_address(struct ipam *m, const struct addr *a)
{
	const struct place *at = space_find(m, a);
	const struct awaited any = { .addr = *a };
	struct awaited *w = awaited_from(m, &any);

	for (; w && addr_equal(&w->addr, a);
	     w = TREE_ITEM(tree_after(&m->awaited, &w->node), struct awaited, node))
		wait_wake(m, w->class);
	for (struct pool_waiter *p = at ? at->pool->waiters : NULL, *next; p; p = next) {
		next = p->next;
		if (p->queue)
			queue_wake(m, p->queue);
		else
			wait_wake(m, p->class);
	}
}

/* All classes; their members wait no more. */
void wait_free(struct ipam *m)
{
	struct class *c, *next;

	queue_free_all(m);
	HASH_ITER(hh, m->classes, c, next)
	{
		struct service *s;

		unready(m, c);
		while ((s = TREE_ITEM(tree_pop(&c->members), struct service, wait_node))) {
			s->class = NULL;
			s->fresh = false;
		}
		class_free(m, c);
	}
}
