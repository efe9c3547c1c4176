/* SPDX-License-Identifier: Apache-2.0 */
/* The input, and the order of the work.
 *
 * Whatever is put in only marks Services as dirty.  The work is done as the answers are asked
 * for: first every dirty Service is reviewed, those with a recorded address before the others and
 * the older before the younger, so that what is recorded is adopted before anything is given;
 * then the classes of waiting Services are tried, always the one with the oldest member. */
#include "pkg/ipam/words.h"

static int used_compare(const struct tree_node *a, const struct tree_node *b)
{
	return addr_compare(
	    &TREE_ITEM(a, const struct used, node)->addr, &TREE_ITEM(b, const struct used, node)->addr);
}

static int dirty_compare(const struct tree_node *a, const struct tree_node *b)
{
	const struct service *l = TREE_ITEM(a, const struct service, dirty_node);
	const struct service *r = TREE_ITEM(b, const struct service, dirty_node);

	if (l->rank != r->rank)
		return l->rank < r->rank ? -1 : 1;
	return by_service_age(l, r);
}

static int ready_compare(const struct tree_node *a, const struct tree_node *b)
{
	return by_service_age(TREE_ITEM(a, const struct class, ready_node)->head,
	    TREE_ITEM(b, const struct class, ready_node)->head);
}

static int awaited_compare(const struct tree_node *a, const struct tree_node *b)
{
	const struct awaited *l = TREE_ITEM(a, const struct awaited, node);
	const struct awaited *r = TREE_ITEM(b, const struct awaited, node);
	int c = addr_compare(&l->addr, &r->addr);

	if (c)
		return c;
	if (l->sharing != r->sharing)
		return l->sharing < r->sharing ? -1 : 1;
	return l->class == r->class ? 0 : (uintptr_t)l->class < (uintptr_t)r->class ? -1 : 1;
}

static int former_compare(const struct tree_node *a, const struct tree_node *b)
{
	return addr_compare(&TREE_ITEM(a, const struct former, node)->addr,
	    &TREE_ITEM(b, const struct former, node)->addr);
}

static int order_compare(const struct tree_node *a, const struct tree_node *b)
{
	const struct former *l = TREE_ITEM(a, const struct former, order_node);
	const struct former *r = TREE_ITEM(b, const struct former, order_node);

	return l->order < r->order ? -1 : l->order > r->order;
}

static int barred_compare(const struct tree_node *a, const struct tree_node *b)
{
	const struct barred *l = TREE_ITEM(a, const struct barred, node);
	const struct barred *r = TREE_ITEM(b, const struct barred, node);
	int c = addr_compare(&l->addr, &r->addr);

	return c ? c : strcmp(l->report ? l->report->by : "", r->report ? r->report->by : "");
}

static uint32_t service_hash(const void *service)
{
	return ((const struct service *)service)->key_hash;
}

struct ipam *ipam_new(const struct ipam_options *o, struct err *e)
{
	struct ipam *m = calloc(1, sizeof(*m));

	if (m && o->lb_class)
		m->lb_class = strdup(o->lb_class);
	if (!m || (o->lb_class && !m->lb_class)) {
		free(m);
		err_memory(e);
		return NULL;
	}
	m->services = (struct table)TABLE_INIT(service_hash);
	m->used.compare = used_compare;
	m->dirty.compare = dirty_compare;
	m->ready.compare = ready_compare;
	m->awaited.compare = awaited_compare;
	m->formers.compare = former_compare;
	m->released.compare = order_compare;
	m->barred.compare = barred_compare;
	m->keep = o->keep;
	m->sticky = o->sticky;
	m->reuse_delay = o->reuse_delay_ms;
	return m;
}

void ipam_time(struct ipam *m, uint64_t now_ms)
{
	if (now_ms <= m->now)
		return;
	m->now = now_ms;
	rest_time(m);
}

uint64_t ipam_deadline(const struct ipam *m)
{
	return m->resting ? m->resting->since + m->reuse_delay : UINT64_MAX;
}

static void clean(struct ipam *m, struct service *s)
{
	if (s->dirty)
		tree_remove(&m->dirty, &s->dirty_node);
	s->dirty = false;
}

void soil(struct ipam *m, struct service *s)
{
	if (s->dirty)
		return;
	s->dirty = true;
	s->rank = !(s->holds_n || (s->seen && s->seen->pool));
	tree_add(&m->dirty, &s->dirty_node);
}

/* Out of every tree whose order its facts decide. */
static void detach(struct ipam *m, struct service *s)
{
	clean(m, s);
	wait_leave(m, s);
}

static void namespace_drop(struct ipam *m, struct namespace *ns)
{
	if (ns->known || ns->services)
		return;
	HASH_DEL(m->namespaces, ns);
	free((void *)(uintptr_t)ns->labels.at);
	free(ns->name);
	free(ns);
}

static struct namespace *namespace_of(struct ipam *m, const char *name)
{
	struct namespace *ns;
	bool ok = false;

	HASH_FIND_STR(m->namespaces, name, ns);
	if (ns)
		return ns;
	ns = calloc(1, sizeof(*ns));
	if (ns) {
		ns->name = strdup(name);
		ns->labels = labels_new(name, NULL, &ok);
	}
	if (ok && ns->name)
		HASH_ADD_KEYPTR(hh, m->namespaces, ns->name, strlen(ns->name), ns);
	if (ns && ns->hh.tbl)
		return ns;
	if (ns) {
		free((void *)(uintptr_t)ns->labels.at);
		free(ns->name);
	}
	free(ns);
	m->bad = true;
	return NULL;
}

static void namespace_set(struct ipam *m, const char *name, const struct api_map *labels, bool known)
{
	struct namespace *ns = namespace_of(m, name);
	struct api_map fresh;
	bool ok;

	if (!ns)
		return;
	fresh = labels_new(name, labels, &ok);
	if (!ok) {
		m->bad = true;
		return;
	}
	free((void *)(uintptr_t)ns->labels.at);
	ns->labels = fresh;
	ns->known = known;
	for (struct service *s = ns->services; s; s = s->ns_next)
		soil(m, s);
	namespace_drop(m, ns);
}

void ipam_namespace(struct ipam *m, const struct api_namespace *n)
{
	namespace_set(m, n->meta.name, &n->meta.labels, true);
}

void ipam_namespace_gone(struct ipam *m, const char *name)
{
	namespace_set(m, name, NULL, false);
}

void ipam_config(struct ipam *m, const struct config *c)
{
	struct service *s;

	wait_free(m);
	space_build(m, c);
	m->had_pools = m->had_pools || c->pools_n;
	for (size_t i = 0; (s = table_next(&m->services, &i));)
		soil(m, s);
}

struct service_key {
	char text[600]; /* as service.key */
	uint32_t len;
	uint32_t hash;
};

/* False when it is too long to be of any Service. */
static bool key_make(struct service_key *k, const char *namespace, const char *name)
{
	size_t n = strlen(namespace) + 1, len = n + strlen(name);

	if (len >= sizeof(k->text))
		return false;
	memcpy(k->text, namespace, n);
	memcpy(k->text + n, name, len - n + 1);
	k->len = (uint32_t)len;
	k->hash = table_hash(k->text, len);
	return true;
}

static bool service_has_key(const void *service, const void *key)
{
	const struct service *s = service;
	const struct service_key *k = key;

	return s->key_hash == k->hash && s->key_len == k->len && !memcmp(s->key, k->text, k->len);
}

static struct service *service_find(const struct ipam *m, const char *namespace, const char *name)
{
	struct service_key k;

	return key_make(&k, namespace, name) ? table_find(&m->services, k.hash, service_has_key, &k)
					     : NULL;
}

static void service_release(struct service *s)
{
	tell_forget(s);
	free(s->unreadable);
	free(s->facts);
	free(s->seen);
	free(s);
}

static void service_free(struct ipam *m, struct service *s)
{
	detach(m, s);
	hold_drop(m, s);
	hold_record(m, s, NULL, 0);
	sharing_unlink(m, s);
	if (s->ns) {
		if (s->ns_prev)
			s->ns_prev->ns_next = s->ns_next;
		else
			s->ns->services = s->ns_next;
		if (s->ns_next)
			s->ns_next->ns_prev = s->ns_prev;
		namespace_drop(m, s->ns);
	}
	table_remove(&m->services, s);
	service_release(s);
}

static struct service *service_of(struct ipam *m, const char *namespace, const char *name)
{
	struct service *s;
	struct service_key k;

	if (!key_make(&k, namespace, name))
		return NULL;
	s = table_find(&m->services, k.hash, service_has_key, &k);
	if (s)
		return s;
	s = calloc(1, sizeof(*s) + k.len + 1);
	if (!s)
		goto bad;
	s->ns = namespace_of(m, namespace);
	if (!s->ns)
		goto bad;
	memcpy(s->key, k.text, k.len + 1);
	s->key_len = k.len;
	s->key_hash = k.hash;
	s->name = s->key + strlen(namespace) + 1;
	s->ns_next = s->ns->services;
	if (s->ns_next)
		s->ns_next->ns_prev = s;
	s->ns->services = s;
	if (table_add(&m->services, s))
		return s;
bad:
	m->bad = true;
	if (s)
		service_free(m, s);
	return NULL;
}

static bool same_key(const struct facts *a, const struct facts *b)
{
	return a && !strcmp(a->sharing, b->sharing) && !strcmp(a->backend, b->backend);
}

static bool same_ports(const struct facts *a, const struct facts *b)
{
	return a && a->ports_n == b->ports_n &&
	       (!a->ports_n || !memcmp(a->ports, b->ports, a->ports_n * sizeof(*a->ports)));
}

void ipam_service(struct ipam *m, const struct api_service *from)
{
	struct service *s = service_of(m, from->meta.namespace, from->meta.name);
	struct facts *facts = s ? facts_new(from) : NULL, *old;
	struct seen *seen = facts ? seen_new(from) : NULL;
	bool key, loose;

	if (!seen) {
		free(facts);
		m->bad = true;
		return;
	}
	detach(m, s);
	old = s->facts;
	/* A Service that was deleted and made again while nobody looked is another one. */
	if (s->gone || (old && old->uid[0] && facts->uid[0] && strcmp(old->uid, facts->uid) != 0)) {
		hold_drop(m, s);
		s->writing = false;
		s->decided_holds = 0;
		s->code = NULL;
	}
	s->gone = false;
	key = same_key(old, facts);
	loose = !key || !same_ports(old, facts) || s->created != from->meta.created;
	if (loose)
		hold_loosen(m, s);
	s->facts = facts;
	s->created = from->meta.created;
	if (!key)
		sharing_link(m, s);
	if (loose)
		hold_fasten(m, s);
	if (!key)
		hold_changed(m, s);
	free(s->seen);
	s->seen = seen;
	free(s->unreadable);
	s->unreadable = NULL;
	free(old);
	soil(m, s);
}

void ipam_service_gone(struct ipam *m, const char *namespace, const char *name)
{
	struct service *s = service_find(m, namespace, name);

	if (!s)
		return;
	s->gone = true;
	soil(m, s);
}

void ipam_service_status(struct ipam *m, const struct api_service *from)
{
	struct service *s = service_find(m, from->meta.namespace, from->meta.name);
	struct seen *seen = s && s->facts ? seen_new(from) : NULL;

	if (!s || !s->facts)
		return;
	if (!seen) {
		m->bad = true;
		return;
	}
	clean(m, s);
	free(s->seen);
	s->seen = seen;
	soil(m, s);
}

void ipam_service_unreadable(struct ipam *m, const char *namespace, const char *name,
    const struct addr *recorded, size_t n, const char *why)
{
	struct service *s = service_of(m, namespace, name);

	if (!s)
		return;
	detach(m, s);
	s->gone = false;
	free(s->unreadable);
	s->unreadable = strdup(why);
	m->bad = m->bad || !s->unreadable;
	if (!s->facts)
		hold_record(m, s, recorded, n);
	soil(m, s);
}

/* The next member of a class that learns why it waits.  False: that was the last. */
static bool tell_next(struct ipam *m)
{
	const struct tree *members = &m->telling->members;
	const struct service *last = m->telling_all || m->telling->fresh_n ? m->told : NULL;
	struct service *s = NULL;

	while (last &&
	       (s = TREE_ITEM(tree_after(members, &last->wait_node), struct service, wait_node)) &&
	       !m->telling_all && !s->fresh)
		last = s;
	if (!s) {
		m->telling = NULL;
		return false;
	}
	m->told = s;
	m->telling->fresh_n -= s->fresh;
	s->fresh = false;
	tell_begin(m, s);
	tell_waiting(m, s);
	return true;
}

/* One step of the work; false when there is none left. */
static bool step(struct ipam *m)
{
	struct service *s;
	struct class *c;

	if (m->telling && tell_next(m))
		return true;
	s = TREE_ITEM(tree_pop(&m->dirty), struct service, dirty_node);
	if (s) {
		s->dirty = false;
		review(m, s);
		if (s->gone)
			service_free(m, s);
		return true;
	}
	c = wait_next(m);
	if (c)
		review_try(m, c);
	return c != NULL;
}

int ipam_next(struct ipam *m, struct ipam_outcome *o, struct err *e)
{
	bool more;

	do {
		m->out = (struct ipam_outcome){ 0 };
		more = step(m);
		if (m->bad || m->scratch.bad) {
			m->bad = true;
			return err_memory(e);
		}
	} while (more && !tell_anything(m));
	*o = m->out;
	return more;
}

void ipam_free(struct ipam *m)
{
	struct service *s;
	struct namespace *ns, *after;
	struct pool_name *name, *then;

	if (!m)
		return;
	wait_free(m);
	rest_free(m);
	space_free(m);
	/* All goes, so nothing is taken out of the others' order. */
	for (size_t i = 0; (s = table_next(&m->services, &i));) {
		hold_free(s);
		service_release(s);
	}
	table_release(&m->services);
	used_free(m);
	sharing_free_all(m);
	HASH_ITER(hh, m->namespaces, ns, after)
	{
		ns->known = false;
		ns->services = NULL;
		namespace_drop(m, ns);
	}
	HASH_ITER(hh, m->names, name, then)
	{
		HASH_DEL(m->names, name);
		free(name);
	}
	arena_release(&m->scratch);
	free(m->lb_class);
	free(m);
}
