/* SPDX-License-Identifier: Apache-2.0 */
/* Other hosts that claim an address which is announced here. */
#include <string.h>

#include "pkg/l2/engine.h"

enum {
	HANDOVER_MS = 2000, /* peers may claim for that long, all together */
	QUIET_MS = 60000,  /* after that much silence a claim is a new conflict; told again meanwhile */
	DEFEND_MS = 10000, /* DEFEND_INTERVAL of RFC 5227 */
	/* A storm of spoofed claims of all addresses must not become a storm of records. */
	NEWS_MS = 50,                    /* between two that are told, */
	NEWS_AT_ONCE_MS = 100 * NEWS_MS, /* after a hundred at once */
};

int macs_copy(struct mac **out, const struct mac *at, size_t n, struct err *e)
{
	struct mac *copy = malloc(n * sizeof(*copy) + 1);

	if (!copy)
		return err_memory(e);
	if (n)
		memcpy(copy, at, n * sizeof(*copy));
	qsort(copy, n, sizeof(*copy), mac_compare);
	free(*out);
	*out = copy;
	return 0;
}

static bool has_mac(const struct mac *at, size_t n, const struct mac *m)
{
	return n && bsearch(m, at, n, sizeof(*at), mac_compare);
}

int l2_set_peers(struct l2 *l, const struct mac *at, size_t n, struct err *e)
{
	if (macs_copy(&l->peers, at, n, e) < 0)
		return -1;
	l->peers_n = n;
	return 0;
}

bool mac_is_peer(const struct l2 *l, const struct mac *m)
{
	return has_mac(l->peers, l->peers_n, m);
}

bool l2_met_stranger(struct l2 *l)
{
	bool met = l->met_stranger;

	l->met_stranger = false;
	return met;
}

bool mac_is_ignored(const struct l2 *l, const struct mac *m)
{
	return has_mac(l->ignore, l->ignore_n, m);
}

uint32_t strife_hash(const void *strife)
{
	const struct strife *s = strife;

	return table_hash(&s->ip, sizeof(s->ip)) + (uint32_t)s->ifindex;
}

static bool is_at(const void *strife, const void *place)
{
	const struct strife *s = strife;
	const struct place *p = place;

	return s->ifindex == p->ifindex && !memcmp(&s->ip, &p->ip, sizeof(s->ip));
}

struct strife *strife_find(const struct l2 *l, const struct place *p)
{
	struct strife key = { .ip = p->ip, .ifindex = p->ifindex };

	return table_find(&l->strifes, strife_hash(&key), is_at, p);
}

static struct strife *strife_get(struct l2 *l, const struct place *p)
{
	struct strife *s = strife_find(l, p);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->ip = p->ip;
	s->ifindex = p->ifindex;
	if (!table_add(&l->strifes, s)) {
		free(s);
		return NULL;
	}
	return s;
}

static void forget(struct l2 *l, const struct in6_addr *ip, int ifindex)
{
	struct strife *s = strife_find(l, &(struct place){ .ip = *ip, .ifindex = ifindex });

	if (!s)
		return;
	if (s->untold)
		DL_DELETE(l->strife_news, s);
	table_remove(&l->strifes, s);
	free(s);
}

void claims_forget_address(struct l2 *l, const struct in6_addr *ip)
{
	const struct link *k;

	for (size_t i = 0; l->strifes.n && (k = table_next(&l->links, &i));)
		forget(l, ip, k->ifindex);
}

void claims_forget_link(struct l2 *l, int ifindex)
{
	const struct vip *v;

	for (size_t i = 0; l->strifes.n && (v = table_next(&l->vips, &i));)
		forget(l, &v->first.ip, ifindex);
}

/* When the next conflict may be told. */
static uint64_t news_time(const struct l2 *l)
{
	return l->news_until < l->now + NEWS_AT_ONCE_MS ? l->now : l->news_until - NEWS_AT_ONCE_MS + 1;
}

uint64_t claims_deadline(const struct l2 *l)
{
	return l->strife_news ? news_time(l) : UINT64_MAX;
}

/* Where it is announced, or NULL. */
static struct place *announced_at(const struct l2 *l, const struct strife *s)
{
	struct vip *v = vip_find(l, &s->ip);
	struct place *p = v ? place_find(v, s->ifindex) : NULL;

	return p && p->announced ? p : NULL;
}

/* A peer claims: whether an election may be on its way.  That several claim in turn does not make it
 * last longer. */
static bool is_handover(const struct l2 *l, struct strife *s)
{
	if (!s->peers || l->now - s->peers_last_at >= QUIET_MS)
		s->peers_first_at = l->now;
	s->peers = true;
	s->peers_last_at = l->now;
	return l->now - s->peers_first_at < HANDOVER_MS;
}

/* A claimant that was a stranger turns out to be a peer: it is judged anew. */
static bool is_no_conflict(struct l2 *l, struct strife *s, struct place *p, struct claimant *c)
{
	if (c->peer || !mac_is_peer(l, &c->mac))
		return false;
	c->peer = true;
	if (!is_handover(l, s))
		return false;
	c->claims = 0;
	burst_soon(l, p);
	return true;
}

/* Of those that have to be told of, who has been silent for longest; or NULL. */
static struct claimant *next_untold(struct strife *s)
{
	for (size_t i = s->claimants_n; i-- > 0;)
		if (s->claimants[i].untold)
			return &s->claimants[i];
	return NULL;
}

/* Last in the line, so that many claimants of one address don't hold up the others. */
static void want_told(struct l2 *l, struct strife *s)
{
	if (s->untold)
		return;
	s->untold = true;
	DL_APPEND(l->strife_news, s);
}

struct claimant *claim_untold(struct l2 *l, const struct strife **of)
{
	struct claimant *c;
	struct strife *s;
	struct place *p;

	while ((s = l->strife_news) && news_time(l) <= l->now) {
		DL_DELETE(l->strife_news, s);
		s->untold = false;
		c = next_untold(s);
		c->untold = false;
		if (next_untold(s))
			want_told(l, s);
		p = announced_at(l, s);
		if (!p || is_no_conflict(l, s, p, c))
			continue;
		l->news_until = (l->news_until > l->now ? l->news_until : l->now) + NEWS_MS;
		c->told = true;
		c->told_at = l->now;
		*of = s;
		return c;
	}
	return NULL;
}

static bool is_no_news(const struct l2 *l, const struct claimant *c)
{
	return c->told && l->now - c->told_at < QUIET_MS;
}

/* It is the first one now.  A new one takes the place of who has been silent for longest; NULL when
 * each has to be told of or was in the last minute, so that one who always has another MAC is not told
 * more often than those. */
static struct claimant *claimant(const struct l2 *l, struct strife *s, const struct mac *by)
{
	struct claimant c = { .mac = *by };
	size_t i = 0;

	while (i < s->claimants_n && !mac_equal(&s->claimants[i].mac, by))
		i++;
	if (i < s->claimants_n) {
		c = s->claimants[i];
	} else if (i < CLAIMANTS) {
		s->claimants_n++;
	} else {
		while (i > 0 && (s->claimants[i - 1].untold || is_no_news(l, &s->claimants[i - 1])))
			i--;
		if (i-- == 0)
			return NULL;
	}
	memmove(&s->claimants[1], &s->claimants[0], i * sizeof(c));
	s->claimants[0] = c;
	return &s->claimants[0];
}

static void tell(struct l2 *l, struct strife *s, const struct mac *by)
{
	struct claimant *c = claimant(l, s, by);

	if (!c)
		return;
	c->claims++;
	c->peer = mac_is_peer(l, by);
	if (is_no_news(l, c))
		return;
	c->untold = true;
	l->met_stranger |= !c->peer;
	want_told(l, s);
}

static void defend(struct l2 *l, struct strife *s, struct place *p)
{
	bool first = !s->defended_at || l->now - s->defended_at >= DEFEND_MS;

	if (l->defend == L2_DEFEND_NEVER || (l->defend == L2_DEFEND_ONCE && !first))
		return;
	s->defended_at = l->now;
	burst_defend(l, p);
}

enum l2_outcome claim(struct l2 *l, struct place *p, const struct mac *by)
{
	struct strife *s;

	if (l->late && mac_is_peer(l, by))
		return L2_PEER_CLAIM; /* it may have taken over */
	s = strife_get(l, p);
	if (!s)
		return L2_FOREIGN_CLAIM;
	s->last_at = l->now;
	s->by = *by;
	if (mac_is_peer(l, by) && is_handover(l, s)) {
		burst_soon(l, p);
		return L2_PEER_CLAIM;
	}
	s->conflicts++;
	tell(l, s, by);
	defend(l, s, p);
	return L2_FOREIGN_CLAIM;
}
