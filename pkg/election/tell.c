/* SPDX-License-Identifier: Apache-2.0 */
/* What came out for a Service, in words: its candidates in their order, and what refused the others. */
#include <string.h>

#include "pkg/election/world.h"

/* One address of a Service. */
struct ballot {
	struct election *el;
	const struct config *c;
	struct service *s;
	struct vip *vip;
	struct election_address *r;
	struct arena *a;
};

struct vote {
	const struct node *node;
	const char *code;
	const char *message;
	uint64_t score;
	uint32_t key;
};

static bool covers(const struct ballot *b, size_t ad, const struct node *n)
{
	return set_has(b->el->covers[ad].nodes, n->id);
}

static bool covered(const struct ballot *b, const struct node *n)
{
	for (size_t i = 0; i < b->s->ads_n; i++)
		if (covers(b, b->s->ads[i], n))
			return true;
	return false;
}

static bool selected(const struct ballot *b, const struct node *n)
{
	for (size_t i = 0; i < b->s->ads_n; i++)
		if (config_selectors_match(
			&b->c->l2[b->s->ads[i]].node_selectors, &n->observed.meta.labels))
			return true;
	return false;
}

static int by_text(const void *key, const void *at)
{
	return strcmp(key, *(const char *const *)at);
}

static bool has_endpoint_on(const struct ballot *b, const char *node)
{
	for (const struct slice *s = b->s->slices; s; s = s->next)
		if (s->nodes_n && slice_is_of(s, b->r->addr.family) &&
		    bsearch(node, s->nodes, s->nodes_n, sizeof(*s->nodes), by_text))
			return true;
	return false;
}

/* The first rule that refuses the node, NULL when none does. */
static const char *refused(const struct ballot *b, const struct node *n, const char **message)
{
	const char *code = node_refused(b->el, n, b->a, message);

	if (code)
		return code;
	if (!covered(b, n)) {
		*message = "the nodeSelectors of the L2Advertisements do not select it";
		if (!selected(b, n))
			return "NodeNotSelected";
		*message = "none of its interfaces that the L2Advertisements are for is up";
		return "NodeWithoutInterface";
	}
	*message = "externalTrafficPolicy is Local, and no usable endpoint is on it";
	if (b->s->observed.external_traffic_local && !has_endpoint_on(b, n->name))
		return "NoLocalEndpoint";
	*message = "another Service that shares the address can't be announced there";
	if (!set_has(b->el->candidates, n->id))
		return "SharedAddressElsewhere";
	*message = "";
	return NULL;
}

/* Candidates first, the winner before them, in their order; then the others, by name. */
static int by_rank(const void *x, const void *y, void *ballot)
{
	const struct vote *a = x, *b = y;
	const struct ballot *of = ballot;
	int tie;

	if (!a->code != !b->code)
		return a->code ? 1 : -1;
	if (a->code)
		return strcmp(a->node->name, b->node->name);
	if (a->node == of->vip->winner || b->node == of->vip->winner)
		return a->node == of->vip->winner ? -(a != b) : 1;
	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	tie = rank_tie(of->el->ranks, &of->vip->rank, a->node->name, b->node->name);
	return tie ? tie : strcmp(a->node->name, b->node->name);
}

uint64_t hash_text(uint64_t h, const char *text)
{
	return fnv_end(fnv(h, text, strlen(text)));
}

static int vote(struct ballot *b, struct vote *votes, struct err *e)
{
	struct election *el = b->el;

	for (size_t i = 0; i < el->nodes.n; i++) {
		const struct node *node = el->roll[i];
		struct vote *v = &votes[i];

		v->node = node;
		v->code = refused(b, node, &v->message);
		if (v->code)
			continue;
		v->score = vip_score(el, b->vip, node);
		if (rank_key(el->ranks, &b->vip->rank, node->id, node->name, &v->key, e) < 0)
			return -1;
		b->r->candidates_n++;
	}
	return 0;
}

/* The union of those of the advertisements that select the node, none when any has none. */
static void union_of_interfaces(struct ballot *b, const struct node *winner)
{
	size_t most = 0, n = 0;
	const char **at;

	for (size_t i = 0; i < b->s->ads_n; i++) {
		const struct config_l2 *l = &b->c->l2[b->s->ads[i]];

		if (!covers(b, b->s->ads[i], winner))
			continue;
		if (!l->interfaces.n)
			return;
		most += l->interfaces.n;
	}
	at = arena_alloc(b->a, most * sizeof(*at));
	for (size_t i = 0; at && i < b->s->ads_n; i++) {
		const struct config_names *names = &b->c->l2[b->s->ads[i]].interfaces;

		for (size_t k = 0; k < names->n && covers(b, b->s->ads[i], winner); k++) {
			size_t to = 0;

			while (to < n && strcmp(at[to], names->at[k]) < 0)
				to++;
			if (to < n && !strcmp(at[to], names->at[k]))
				continue;
			memmove(&at[to + 1], &at[to], (n - to) * sizeof(*at));
			at[to] = arena_copy(b->a, names->at[k]);
			n++;
		}
	}
	b->r->interfaces = at;
	b->r->interfaces_n = n;
}

/* "none of 9 nodes may announce 192.0.2.10 (node-a: ...; node-b: ...; node-c: ...; ...)" */
static const char *why_nobody(struct ballot *b, const struct vote *votes, size_t n)
{
	char address[ADDR_TEXT_LEN];
	const char *why = "";

	if (!n)
		return "no Node is known";
	for (size_t i = 0; why && i < n && i < 3; i++)
		why = arena_printf(
		    b->a, "%s%s%s: %s", why, i ? "; " : "", votes[i].node->name, votes[i].message);
	return arena_printf(b->a, "none of %zu nodes may announce %s (%s%s)", n,
	    addr_format(&b->r->addr, address), why ? why : "", n > 3 ? "; ..." : "");
}

/* The winner would be the first without being put there. */
static bool is_first(const struct vote *votes)
{
	const struct vote *w = &votes[0], *next = &votes[1];

	return w->score != next->score ? w->score > next->score : w->key <= next->key;
}

static void announce(struct ballot *b, const struct vote *votes, size_t n)
{
	struct record_considered *nodes = arena_alloc(b->a, n * sizeof(*nodes));
	struct election_address *r = b->r;

	for (size_t i = 0; nodes && i < n; i++) {
		const struct vote *v = &votes[i];

		nodes[i].name = v->node->name;
		nodes[i].code = v->code ? v->code : i == 0 ? "" : "Standby";
		nodes[i].message = v->score && !v->code ? arena_printf(b->a, "preference %llu",
							      (unsigned long long)v->score)
							: v->message;
	}
	if (nodes && r->candidates_n > 1 && !is_first(votes))
		nodes[0].message = b->el->options.balanced ? "balance" : "having it already";
	r->nodes = nodes;
	r->nodes_n = nodes ? n : 0;
	if (r->candidates_n) {
		r->code = "Elected";
		r->message = "";
		r->winner = nodes ? nodes[0].name : "";
		union_of_interfaces(b, votes[0].node);
	} else {
		r->code = "NoCandidate";
		r->message = why_nobody(b, votes, n);
	}
}

static uint64_t digest_of(const struct election_address *r, const struct vote *votes, size_t n)
{
	uint64_t h = hash_text(FNV_BEGIN, r->message ? r->message : "");

	for (size_t i = 0; i < (r->winner ? r->candidates_n : n); i++) {
		h = (h ^ votes[i].node->hash) * UINT64_C(0x100000001b3);
		if (!r->winner)
			h = hash_text(hash_text(h, votes[i].code), votes[i].message);
	}
	return h;
}

static bool has_endpoints(const struct ballot *b)
{
	for (const struct slice *s = b->s->slices; s; s = s->next)
		if (s->usable && slice_is_of(s, b->r->addr.family))
			return true;
	return false;
}

/* The first Service whose nodes count for the address. */
static const struct service *holder(const struct vip *v)
{
	const struct claim *c = v->claims;

	while (!c->admitted)
		c = c->next;
	return c->service;
}

static int tell_address(struct ballot *b, const struct claim *claim, uint64_t *digest, struct err *e)
{
	size_t n = b->el->nodes.n;
	struct vote *votes;
	int rc;

	vip_candidates(b->el, b->vip, b->el->able);
	if (!has_endpoints(b)) {
		b->r->code = "NoEndpoints";
		b->r->message = b->r->addr.family == ADDR_IPV6
				    ? "none of its IPv6 endpoints is ready or serving"
				    : "none of its IPv4 endpoints is ready or serving";
	} else if (claim->refused) {
		const struct service *other = holder(b->vip);

		b->r->code = "SharedAddressElsewhere";
		b->r->message = arena_printf(b->a,
		    "it shares the address with %s/%s, and no node may announce both", other->namespace,
		    other->name);
	}
	if (b->r->code[0]) {
		*digest = hash_text(FNV_BEGIN, b->r->message ? b->r->message : "");
		return 0;
	}
	votes = calloc(n + 1, sizeof(*votes));
	rc = votes ? vote(b, votes, e) : err_memory(e);
	if (rc == 0 && !b->a->bad) {
		qsort_r(votes, n, sizeof(*votes), by_rank, b);
		announce(b, votes, n);
	}
	if (rc == 0 && !b->a->bad) /* else a text may be missing */
		*digest = digest_of(b->r, votes, n);
	free(votes);
	return rc;
}

int tell_service(struct election *el, const struct config *c, struct service *s,
    struct election_result *r, uint64_t *digests, struct arena *a, struct err *e)
{
	size_t n = s->code[0] ? s->addresses_n : s->claims_n;
	struct election_address *at = arena_alloc(a, n * sizeof(*at));

	*r = (struct election_result){ .code = s->code,
		.message = arena_copy(a, s->message),
		.pool = s->pool ? arena_copy(a, s->pool->name) : "",
		.addresses = at,
		.addresses_n = at ? n : 0 };
	for (size_t i = 0; at && i < n; i++) {
		struct ballot b = { .el = el, .c = c, .s = s, .r = &at[i], .a = a };

		at[i] = (struct election_address){ .code = s->code, .message = r->message };
		at[i].addr = s->code[0] ? s->addresses[i] : s->claims[i]->vip->rank.addr;
		digests[i] = hash_text(FNV_BEGIN, r->message ? r->message : "");
		if (s->code[0])
			continue;
		b.vip = s->claims[i]->vip;
		if (tell_address(&b, s->claims[i], &digests[i], e) < 0)
			return -1;
	}
	return a->bad ? err_memory(e) : 0;
}
