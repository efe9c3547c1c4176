/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds which address, and who may hold it together with others. */
#include "pkg/ipam/engine.h"

struct used *hold_find(const struct ipam *m, const struct addr *a)
{
	struct used probe = { .addr = *a };

	return TREE_ITEM(tree_find(&m->used, &probe.node), struct used, node);
}

static struct used *use(struct ipam *m, const struct addr *a)
{
	struct used *u = hold_find(m, a);

	if (u)
		return u;
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	u->addr = *a;
	tree_add(&m->used, &u->node);
	rest_used(m, a);
	return u;
}

/* Those that wait and have the same key may now have a place beside s. */
static void wake_sharers(struct ipam *m, const struct service *s)
{
	for (struct service *o = s->sharing ? s->sharing->services : NULL; o; o = o->sharing_next)
		if (o->class)
			wait_wake(m, o->class);
}

/* Adds holds of these addresses, and returns them; NULL for none or when out of memory. */
static struct hold *take(
    struct ipam *m, struct service *s, const struct addr *at, size_t n, bool recorded, size_t *taken)
{
	struct hold *holds = n ? calloc(n, sizeof(*holds)) : NULL;

	*taken = 0;
	m->bad = m->bad || (n && !holds);
	for (size_t i = 0; holds && i < n; i++) {
		struct used *u = use(m, &at[i]);

		if (!u) {
			m->bad = true;
			break;
		}
		holds[i] =
		    (struct hold){ .used = u, .service = s, .next = u->holds, .recorded = recorded };
		u->holds = &holds[i];
		if (!recorded && u->holders++ == 0)
			space_assigned(m, &u->addr, true);
		*taken = i + 1;
	}
	return holds;
}

static void drop(struct ipam *m, struct hold *holds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct used *u = holds[i].used;
		struct hold **link = &u->holds;
		struct addr a = u->addr;

		while (*link != &holds[i])
			link = &(*link)->next;
		*link = holds[i].next;
		if (!holds[i].recorded && --u->holders == 0)
			space_assigned(m, &a, false);
		if (!u->holds) {
			tree_remove(&m->used, &u->node);
			free(u);
			rest_released(m, &a, holds[i].service);
		}
		wait_wake_address(m, &a);
	}
	free(holds);
}

void hold_take(struct ipam *m, struct service *s, const struct addr *at, size_t n)
{
	struct hold *old = s->holds;
	size_t old_n = s->holds_n;

	s->holds = take(m, s, at, n, false, &s->holds_n);
	drop(m, old, old_n);
	wake_sharers(m, s);
}

void hold_drop(struct ipam *m, struct service *s)
{
	struct hold *old = s->holds;
	size_t old_n = s->holds_n;

	s->holds = NULL;
	s->holds_n = 0;
	drop(m, old, old_n);
}

void hold_record(struct ipam *m, struct service *s, const struct addr *at, size_t n)
{
	struct hold *old = s->records;
	size_t old_n = s->records_n;
	bool same = old_n == n;

	for (size_t i = 0; same && i < n; i++)
		same = addr_equal(&old[i].used->addr, &at[i]);
	if (same)
		return;
	s->records = take(m, s, at, n, true, &s->records_n);
	drop(m, old, old_n);
}

void hold_changed(struct ipam *m, struct service *s)
{
	for (size_t i = 0; i < s->holds_n; i++)
		wait_wake_address(m, &s->holds[i].used->addr);
	if (s->holds_n)
		wake_sharers(m, s);
}

static bool same_port(const struct facts *a, const struct facts *b)
{
	for (size_t i = 0; i < a->ports_n; i++)
		for (size_t k = 0; k < b->ports_n; k++)
			if (a->ports[i].port == b->ports[k].port &&
			    a->ports[i].protocol == b->ports[k].protocol)
				return true;
	return false;
}

/* NULL: both may have one address. */
static const char *refusal(const struct facts *a, const struct facts *b)
{
	if (!a || !b || !a->sharing[0] || !b->sharing[0])
		return "NotShared";
	if (strcmp(a->sharing, b->sharing) != 0)
		return "SharingKeyDiffers";
	if (strcmp(a->backend, b->backend) != 0)
		return "BackendDiffers";
	if (same_port(a, b))
		return "PortInUse";
	return NULL;
}

const struct service *hold_conflict(
    const struct service *s, const struct used *u, bool giving, const char **code)
{
	const struct service *worst = NULL;

	/* Of several, the first by age, so that the answer doesn't depend on history. */
	for (const struct hold *h = u ? u->holds : NULL; h; h = h->next) {
		const char *why = refusal(s->facts, h->service->facts);

		if (h->service == s || !(h->recorded ? giving : why != NULL))
			continue;
		if (!worst || by_service_age(h->service, worst) < 0) {
			worst = h->service;
			*code = !h->recorded ? why : worst->ours ? "StillRecorded" : "HeldByOther";
		}
	}
	return worst;
}

static bool is_rival(const struct service *s, const struct hold *h)
{
	return h->service != s && !h->recorded && refusal(s->facts, h->service->facts);
}

bool hold_precedes(const struct service *s, const struct used *u)
{
	for (const struct hold *h = u->holds; h; h = h->next)
		if (is_rival(s, h) && by_service_age(h->service, s) < 0)
			return false;
	return true;
}

void hold_contest(struct ipam *m, struct service *s)
{
	for (size_t i = 0; i < s->holds_n; i++)
		for (const struct hold *h = s->holds[i].used->holds; h; h = h->next)
			if (is_rival(s, h))
				soil(m, h->service);
}

bool hold_has(const struct service *s, const struct addr *a)
{
	for (size_t i = 0; i < s->holds_n; i++)
		if (addr_equal(&s->holds[i].used->addr, a))
			return true;
	return false;
}

bool hold_equals(const struct service *s, const struct addr *at, size_t n)
{
	if (s->holds_n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!addr_equal(&s->holds[i].used->addr, &at[i]))
			return false;
	return true;
}

void sharing_unlink(struct ipam *m, struct service *s)
{
	struct sharing *sh = s->sharing;

	if (!sh)
		return;
	if (s->sharing_prev)
		s->sharing_prev->sharing_next = s->sharing_next;
	else
		sh->services = s->sharing_next;
	if (s->sharing_next)
		s->sharing_next->sharing_prev = s->sharing_prev;
	s->sharing = NULL;
	s->sharing_next = s->sharing_prev = NULL;
	if (sh->services)
		return;
	HASH_DEL(m->sharings, sh);
	free(sh->key);
	free(sh);
}

void sharing_link(struct ipam *m, struct service *s)
{
	const char *key = s->facts->sharing;
	struct sharing *sh;

	sharing_unlink(m, s);
	if (!key[0])
		return;
	HASH_FIND_STR(m->sharings, key, sh);
	if (!sh) {
		sh = calloc(1, sizeof(*sh));
		if (sh)
			sh->key = strdup(key);
		if (sh && sh->key)
			HASH_ADD_KEYPTR(hh, m->sharings, sh->key, strlen(sh->key), sh);
		if (!sh || !sh->hh.tbl) {
			if (sh)
				free(sh->key);
			free(sh);
			m->bad = true;
			return;
		}
	}
	s->sharing = sh;
	s->sharing_next = sh->services;
	if (sh->services)
		sh->services->sharing_prev = s;
	sh->services = s;
}
