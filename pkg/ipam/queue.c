/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of which only the first needs to be tried, so that an address that becomes free costs the
 * same however many sharing keys wait for it.
 *
 * Classes that differ only in what they share, and whose keys have no address anywhere, get the same
 * answer of the same pools.  Once each was told that, and while nothing of those pools is withheld,
 * which would change the words, they sleep in a queue.  When a pool has an address, the oldest of
 * them is the scout: if it is refused, so would be all, and they need not hear the same again; if
 * it gets something, the next is tried. */
#include "pkg/ipam/words.h"

static bool withholds(const struct ipam *m, const struct class *c)
{
	for (size_t i = 0; i < c->pools_n; i++)
		if (pool_withholds(m, c->pools[i]))
			return true;
	return false;
}

static void queue_free(struct ipam *m, struct queue *q)
{
	if (q->hh.tbl)
		HASH_DEL(m->queues, q);
	free(q->like.pools);
	free(q->like.waits);
	free(q->key);
	free(q);
}

static struct queue *queue_new(struct ipam *m, const struct class *c, struct buf *key)
{
	struct queue *q = calloc(1, sizeof(*q));
	size_t key_len = key->len;

	if (!q)
		return NULL;
	q->key = TAKE(key->data);
	q->classes.compare = m->ready.compare;
	q->like.pools = calloc(c->pools_n + 1, sizeof(*q->like.pools));
	q->like.waits = calloc(c->pools_n + 1, sizeof(*q->like.waits));
	if (q->like.pools && q->like.waits)
		HASH_ADD_KEYPTR(hh, m->queues, q->key, key_len, q);
	if (!q->hh.tbl) {
		queue_free(m, q);
		return NULL;
	}
	memcpy(q->like.pools, c->pools, c->pools_n * sizeof(*c->pools));
	q->like.pools_n = c->pools_n;
	wait_list(&q->like, q->like.waits, q);
	return q;
}

/* The queue of those that need the same of the same pools, made if need be; NULL: out of memory. */
static struct queue *queue_of(struct ipam *m, const struct class *c)
{
	struct buf key = BUF_INIT;
	struct queue *q = NULL;
	uint8_t head[] = { (uint8_t)c->need, c->primary };

	buf_add(&key, head, sizeof(head));
	buf_add(&key, &c->pinned_n, sizeof(c->pinned_n));
	buf_add(&key, c->pools, c->pools_n * sizeof(*c->pools));
	if (!key.bad)
		HASH_FIND(hh, m->queues, key.data, key.len, q);
	if (!key.bad && !q)
		q = queue_new(m, c, &key);
	buf_release(&key);
	m->bad = m->bad || !q;
	return q;
}

void queue_join(struct ipam *m, struct class *c)
{
	if (c->wants != WANTS_ANY || c->alone || !c->sharing || c->sharing->addresses.n ||
	    withholds(m, c))
		return;
	c->queue = queue_of(m, c);
	if (!c->queue)
		return;
	wait_unlist(c, c->waits);
	c->head = TREE_ITEM(tree_first(&c->members), struct service, wait_node);
	tree_add(&c->queue->classes, &c->ready_node);
}

void queue_leave(struct class *c)
{
	tree_remove(&c->queue->classes, &c->ready_node);
	c->head = NULL;
	c->queue = NULL;
	wait_list(c, c->waits, NULL);
}

void queue_wake(struct ipam *m, struct queue *q)
{
	struct class *c = TREE_ITEM(tree_first(&q->classes), struct class, ready_node);

	if (!c || (q->scout && by_service_age(q->scout->head, c->head) < 0))
		return;
	if (q->scout)
		q->scout->scouts = NULL;
	q->scout = c;
	c->scouts = q;
	wait_wake(m, c);
}

void queue_scouted(struct ipam *m, struct class *c, bool refused)
{
	struct queue *q = c->scouts;
	struct class *other;

	c->scouts = NULL;
	q->scout = NULL;
	if (!refused)
		queue_wake(m, q);
	else if (withholds(m, c)) /* that is news to all */
		while ((other = TREE_ITEM(tree_first(&q->classes), struct class, ready_node)))
			wait_wake(m, other);
}

void queue_free_all(struct ipam *m)
{
	struct queue *q, *next;

	HASH_ITER(hh, m->queues, q, next)
	{
		struct class *c;

		while ((c = TREE_ITEM(tree_first(&q->classes), struct class, ready_node)))
			queue_leave(c);
		if (q->scout)
			q->scout->scouts = NULL;
		wait_unlist(&q->like, q->like.waits);
		queue_free(m, q);
	}
}
