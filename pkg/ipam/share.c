/* SPDX-License-Identifier: Apache-2.0 */
/* Services with one sharing key: which addresses they hold, which ports of those are taken, and who
 * waits for a port.  So that what one of them does costs the same however many there are. */
#include "pkg/ipam/engine.h"

static int shared_compare(const struct tree_node *a, const struct tree_node *b)
{
	return addr_compare(&TREE_ITEM(a, const struct shared, node)->used->addr,
	    &TREE_ITEM(b, const struct shared, node)->used->addr);
}

static int port_compare(const struct tree_node *a, const struct tree_node *b)
{
	const struct shared_port *l = TREE_ITEM(a, const struct shared_port, node);
	const struct shared_port *r = TREE_ITEM(b, const struct shared_port, node);

	if (l->port.port != r->port.port)
		return l->port.port < r->port.port ? -1 : 1;
	if (l->port.protocol != r->port.protocol)
		return l->port.protocol < r->port.protocol ? -1 : 1;
	return strcmp(l->backend, r->backend);
}

/* One without a Service is before all of its address. */
static int taken_compare(const struct tree_node *a, const struct tree_node *b)
{
	const struct hold *l = TREE_ITEM(a, const struct taken, node)->hold;
	const struct hold *r = TREE_ITEM(b, const struct taken, node)->hold;
	int c = addr_compare(&l->used->addr, &r->used->addr);

	if (c || l == r)
		return c;
	if (!l->service || !r->service)
		return l->service ? 1 : -1;
	c = by_service_age(l->service, r->service);
	return c ? c : (uintptr_t)l < (uintptr_t)r ? -1 : 1;
}

static void sharing_free(struct ipam *m, struct sharing *sh)
{
	if (sh->hh.tbl)
		HASH_DEL(m->sharings, sh);
	free(sh->key);
	free(sh);
}

static struct sharing *sharing_new(struct ipam *m, const char *key)
{
	struct sharing *sh = calloc(1, sizeof(*sh));

	if (!sh)
		return NULL;
	sh->order = ++m->sharings_made;
	sh->addresses.compare = shared_compare;
	sh->ports.compare = port_compare;
	sh->key = strdup(key);
	if (sh->key)
		HASH_ADD_KEYPTR(hh, m->sharings, sh->key, strlen(sh->key), sh);
	if (sh->hh.tbl)
		return sh;
	sharing_free(m, sh);
	return NULL;
}

void sharing_unlink(struct ipam *m, struct service *s)
{
	struct sharing *sh = s->sharing;

	s->sharing = NULL;
	if (sh && --sh->services_n == 0)
		sharing_free(m, sh);
}

static void free_shared(struct tree_node *n)
{
	free(TREE_ITEM(n, struct shared, node));
}

static void free_port(struct tree_node *n)
{
	struct shared_port *p = TREE_ITEM(n, struct shared_port, node);

	free(p->backend);
	free(p);
}

void sharing_free_all(struct ipam *m)
{
	struct sharing *sh, *next;

	HASH_ITER(hh, m->sharings, sh, next)
	{
		tree_clear(&sh->addresses, free_shared);
		tree_clear(&sh->ports, free_port);
		sharing_free(m, sh);
	}
}

void sharing_link(struct ipam *m, struct service *s)
{
	const char *key = s->facts->sharing;
	struct sharing *sh;

	sharing_unlink(m, s);
	if (!key[0])
		return;
	HASH_FIND_STR(m->sharings, key, sh);
	if (!sh)
		sh = sharing_new(m, key);
	m->bad = m->bad || !sh;
	s->sharing = sh;
	if (sh)
		sh->services_n++;
}

const char *sharing_refusal(const struct facts *a, const struct facts *b)
{
	if (!a || !b || !a->sharing[0] || !b->sharing[0])
		return "NotShared";
	if (strcmp(a->sharing, b->sharing) != 0)
		return "SharingKeyDiffers";
	if (strcmp(a->backend, b->backend) != 0)
		return "BackendDiffers";
	return NULL;
}

/* ---- ports ---- */

static struct shared_port *port_find(const struct service *s, size_t i)
{
	struct shared_port probe = { .backend = (char *)(uintptr_t)s->facts->backend,
		.port = s->facts->ports[i] };

	return TREE_ITEM(tree_find(&s->sharing->ports, &probe.node), struct shared_port, node);
}

static struct shared_port *port_of(const struct service *s, size_t i)
{
	struct shared_port *p = port_find(s, i);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->backend = strdup(s->facts->backend);
	if (!p->backend) {
		free(p);
		return NULL;
	}
	p->port = s->facts->ports[i];
	p->taken.compare = taken_compare;
	tree_add(&s->sharing->ports, &p->node);
	return p;
}

static void port_drop(struct sharing *sh, struct shared_port *p)
{
	if (p->taken.n || p->waiting)
		return;
	tree_remove(&sh->ports, &p->node);
	free(p->backend);
	free(p);
}

const struct taken *sharing_taken(
    const struct service *s, size_t i, const struct addr *a, const struct taken *after)
{
	const struct shared_port *p = port_find(s, i);
	struct used used = { .addr = *a };
	const struct hold first = { .used = &used };
	const struct taken probe = { .hold = &first }, *t;

	if (!p)
		return NULL;
	t = TREE_ITEM(
	    tree_after(&p->taken, after ? &after->node : &probe.node), const struct taken, node);
	return t && addr_equal(&t->hold->used->addr, a) ? t : NULL;
}

bool sharing_is_full(const struct service *s)
{
	for (size_t i = 0; i < s->facts->ports_n; i++) {
		const struct shared_port *p = port_find(s, i);

		if (p && p->taken.n >= s->sharing->addresses.n)
			return true;
	}
	return !s->sharing->addresses.n;
}

/* ---- holds ---- */

static struct shared *shared_find(const struct sharing *sh, struct used *u)
{
	struct shared probe = { .used = u };

	return TREE_ITEM(tree_find(&sh->addresses, &probe.node), struct shared, node);
}

/* All that wait and have this key may have a place there. */
static struct shared *shared_new(struct ipam *m, struct sharing *sh, struct used *u)
{
	struct shared *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->used = u;
	tree_add(&sh->addresses, &a->node);
	for (struct class *c = sh->waiting; c; c = c->sharing_next)
		wait_wake(m, c);
	return a;
}

void sharing_take(struct ipam *m, struct hold *h)
{
	const struct service *s = h->service;
	struct shared *a = shared_find(s->sharing, h->used);
	size_t n = s->facts->ports_n;

	if (!a)
		a = shared_new(m, s->sharing, h->used);
	h->taken = calloc(n + 1, sizeof(*h->taken));
	if (a)
		a->n++;
	m->bad = m->bad || !a || !h->taken;
	for (size_t i = 0; h->taken && i < n; i++) {
		struct shared_port *p = port_of(s, i);

		h->taken[i].hold = h;
		m->bad = m->bad || !p;
		if (p && !tree_add(&p->taken, &h->taken[i].node))
			h->taken[i].port = p; /* else it names the port twice */
	}
}

void sharing_drop(struct hold *h)
{
	struct sharing *sh = h->service->sharing;
	struct shared *a = shared_find(sh, h->used);

	for (size_t i = 0; h->taken && i < h->service->facts->ports_n; i++) {
		struct shared_port *p = h->taken[i].port;

		if (!p)
			continue;
		tree_remove(&p->taken, &h->taken[i].node);
		port_drop(sh, p);
	}
	free(h->taken);
	h->taken = NULL;
	if (!a || --a->n)
		return;
	tree_remove(&sh->addresses, &a->node);
	free(a);
}

/* ---- who waits ---- */

void sharing_wait(struct ipam *m, struct class *c, const struct service *s)
{
	size_t n = s->facts->ports_n;

	c->sharing = s->sharing;
	c->sharing_next = c->sharing->waiting;
	if (c->sharing_next)
		c->sharing_next->sharing_prev = c;
	c->sharing->waiting = c;
	c->ports = calloc(n + 1, sizeof(*c->ports));
	m->bad = m->bad || !c->ports;
	for (size_t i = 0; c->ports && i < n; i++) {
		struct port_waiter *w = &c->ports[c->ports_n];

		*w = (struct port_waiter){ .class = c, .port = port_of(s, i) };
		if (!w->port) {
			m->bad = true;
			return;
		}
		DL_APPEND(w->port->waiting, w);
		c->ports_n++;
	}
}

void sharing_wait_no_more(struct class *c)
{
	struct sharing *sh = c->sharing;

	if (!sh)
		return;
	for (size_t i = 0; i < c->ports_n; i++) {
		struct shared_port *p = c->ports[i].port;

		DL_DELETE(p->waiting, &c->ports[i]);
		port_drop(sh, p);
	}
	free(c->ports);
	if (c->sharing_prev)
		c->sharing_prev->sharing_next = c->sharing_next;
	else
		sh->waiting = c->sharing_next;
	if (c->sharing_next)
		c->sharing_next->sharing_prev = c->sharing_prev;
	c->sharing = NULL;
}

void sharing_wake_ports(struct ipam *m, const struct hold *h)
{
	for (size_t i = 0; h->taken && i < h->service->facts->ports_n; i++)
		if (h->taken[i].port)
			for (struct port_waiter *w = h->taken[i].port->waiting; w; w = w->next)
				wait_wake(m, w->class);
}
