/* SPDX-License-Identifier: Apache-2.0 */
/* The rules, in the order in which MetalLB asks them: of the Service, then of each node. */
#include <string.h>

#include "pkg/election/world.h"

/* One election under way. */
struct ballot {
	struct election *el;
	const struct config *c;
	struct service *s;
	struct election_result *r;
	struct arena *a;
	const struct config_pool *pool;
	const struct config_l2 **ads; /* of the pool, that select the Service */
	size_t ads_n;
};

struct vote {
	const struct node *node;
	const char *code;
	const char *message;
	uint64_t score;
	uint64_t key;
};

/* The Service isn't announced at all.  Returns false for `return say_no(...)`. */
static bool say_no(struct ballot *b, const char *code, const char *message)
{
	b->r->code = code;
	b->r->message = message;
	return false;
}

static const char *first_address(struct ballot *b)
{
	char text[ADDR_TEXT_LEN];

	return arena_copy(b->a, addr_format(&b->r->addresses[0], text));
}

static bool has_addresses(struct ballot *b)
{
	const struct service *s = b->s;
	const struct api_ingress *in = s->overlaid ? s->ingress : s->observed.ingress;
	size_t n = s->overlaid ? s->ingress_n : s->observed.ingress_n;
	struct addr *at = arena_alloc(b->a, n * sizeof(*at));

	if (!n)
		return say_no(b, "NoAddress", "the Service has no address yet");
	for (size_t i = 0; at && i < n; i++) {
		const char *text = in[i].ip[0] ? in[i].ip : in[i].hostname;
		struct err ignored = ERR_INIT;

		if (addr_parse(&at[i], in[i].ip, &ignored) == 0)
			continue;
		return say_no(b, "InvalidAddress",
		    arena_printf(b->a,
			"status.loadBalancer.ingress[%zu] has %s \"%s\", which is no IP address", i,
			in[i].ip[0] ? "ip" : "hostname", strlen(text) > 100 ? "(long)" : text));
	}
	b->r->addresses = at;
	b->r->addresses_n = at ? n : 0;
	return true;
}

static bool in_one_pool(struct ballot *b)
{
	const struct election_result *r = b->r;

	b->pool = config_pool_of(b->c, &r->addresses[0]);
	for (size_t i = 1; b->pool && i < r->addresses_n; i++)
		if (!config_pool_holds(b->pool, &r->addresses[i]))
			b->pool = NULL;
	if (!b->pool)
		return say_no(b, "NotInPool",
		    arena_printf(b->a, "no pool holds %s%s%s", first_address(b),
			r->addresses_n > 1 ? " and the Service's other addresses" : "",
			b->c->incomplete ? "; a pool that is wrong may be meant to" : ""));
	b->r->pool = arena_copy(b->a, b->pool->name);
	return true;
}

static bool has_endpoints(struct ballot *b)
{
	for (const struct slice *s = b->s->slices; s; s = s->next)
		if (s->usable)
			return true;
	return say_no(b, "NoEndpoints",
	    b->s->slices ? "none of its endpoints is ready or serving"
			 : "it has no EndpointSlices, so there is nothing to send traffic to");
}

static bool is_advertised(struct ballot *b)
{
	bool of_pool = false;

	b->ads = arena_alloc(b->a, b->c->l2_n * sizeof(*b->ads));
	for (size_t i = 0; b->ads && i < b->c->l2_n; i++) {
		const struct config_l2 *l = &b->c->l2[i];

		if (!config_l2_covers_pool(l, b->pool))
			continue;
		of_pool = true;
		if (config_selectors_match(&l->service_selectors, &b->s->observed.meta.labels))
			b->ads[b->ads_n++] = l;
	}
	if (b->ads_n)
		return true;
	return say_no(b, "NoAdvertisement",
	    arena_printf(b->a,
		of_pool ? "no L2Advertisement of pool %s selects the Service by its labels"
			: "no L2Advertisement is for pool %s",
		b->pool->name));
}

static bool may_share(struct ballot *b)
{
	if (!api_annotation(&b->s->observed.meta, "allow-shared-ip"))
		return true;
	for (size_t i = 0; i < b->ads_n; i++)
		if (b->ads[i]->service_selectors.n)
			return say_no(b, "SharedAddressWithSelectors",
			    arena_printf(b->a,
				"the annotation metallb.io/allow-shared-ip and the serviceSelectors of "
				"L2Advertisement %s exclude each other",
				b->ads[i]->name));
	return true;
}

static bool covers(const struct config_l2 *l, const struct node *n)
{
	return config_selectors_match(&l->node_selectors, &n->observed.meta.labels);
}

static bool selected(const struct ballot *b, const struct node *n)
{
	for (size_t i = 0; i < b->ads_n; i++)
		if (covers(b->ads[i], n))
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
		if (s->nodes_n && bsearch(node, s->nodes, s->nodes_n, sizeof(*s->nodes), by_text))
			return true;
	return false;
}

/* Why the node can't be reached, NULL when it can. */
static const char *dead(const struct ballot *b, const struct node *n, const char **message)
{
	*message = "it counts as down";
	if (n->down)
		return "NodeDown";
	*message = "its speaker is known, but there is no Node of this name";
	if (!n->known)
		return "NodeMissing";
	if (b->el->members_seen) {
		*message = "no speaker on it is known";
		if (!n->member)
			return "NoMember";
		*message = n->alive || !n->reason[0]
			       ? "its speaker is down"
			       : arena_printf(b->a, "its speaker is down: %s", n->reason);
		return n->alive ? NULL : "MemberDown";
	}
	*message = "its condition Ready is not True";
	return n->observed.ready ? NULL : "NodeNotReady";
}

/* The first rule that refuses the node, NULL when none does. */
static const char *refused(const struct ballot *b, const struct node *n, const char **message)
{
	const char *code = dead(b, n, message);

	if (code)
		return code;
	*message = "its condition NetworkUnavailable is True";
	if (n->observed.network_unavailable)
		return "NodeNetworkUnavailable";
	*message = "it has the label node.kubernetes.io/exclude-from-external-load-balancers";
	if (n->observed.excluded && !b->el->options.ignore_exclude)
		return "NodeExcluded";
	*message = "the nodeSelectors of the L2Advertisements do not select it";
	if (!selected(b, n))
		return "NodeNotSelected";
	*message = "externalTrafficPolicy is Local, and no usable endpoint is on it";
	if (b->s->observed.external_traffic_local && !has_endpoint_on(b, n->name))
		return "NoLocalEndpoint";
	*message = "";
	return NULL;
}

/* The weights of all preferences that match, of the advertisements that select the node. */
static uint64_t score(const struct ballot *b, const struct node *n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < b->ads_n; i++)
		for (size_t k = 0; k < b->ads[i]->preferences_n && covers(b->ads[i], n); k++)
			if (api_selector_matches(
				&b->ads[i]->preferences[k].selector, &n->observed.meta.labels))
				sum += b->ads[i]->preferences[k].weight;
	return sum;
}

/* Candidates first, in their order; then the others, by name. */
static int by_rank(const void *x, const void *y, void *ballot)
{
	const struct vote *a = x, *b = y;
	const struct ballot *of = ballot;
	int tie;

	if (!a->code != !b->code)
		return a->code ? 1 : -1;
	if (a->code)
		return strcmp(a->node->name, b->node->name);
	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	tie = rank_tie(of->el->ranks, of->s->rank, a->node->name, b->node->name);
	return tie ? tie : strcmp(a->node->name, b->node->name);
}

static int get_rank(struct ballot *b, struct err *e)
{
	const struct addr *first = &b->r->addresses[0];
	struct service *s = b->s;

	if (s->rank && addr_equal(rank_addr(s->rank), first))
		return 0;
	rank_put(b->el->ranks, s->rank);
	s->rank = rank_get(b->el->ranks, first, e);
	return s->rank ? 0 : -1;
}

uint64_t hash_text(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return (h ^ 0xff) * UINT64_C(0x100000001b3); /* the end of one text */
}

/* Walking the tree takes log n steps a node; a change of the nodes is rare. */
static int call_the_roll(struct election *el, struct err *e)
{
	size_t n = 0;

	if (!el->roll_stale)
		return 0;
	if (el->nodes.n > el->roll_cap) {
		const struct node **more = realloc(el->roll, 2 * el->nodes.n * sizeof(*more));

		if (!more)
			return err_memory(e);
		el->roll = more;
		el->roll_cap = 2 * el->nodes.n;
	}
	for (struct tree_node *at = tree_first(&el->nodes); at; at = tree_after(&el->nodes, at))
		el->roll[n++] = TREE_ITEM(at, struct node, in_nodes);
	el->roll_stale = false;
	return 0;
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
		v->score = score(b, node);
		if (rank_key(el->ranks, b->s->rank, node->id, node->name, &v->key, e) < 0)
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

	for (size_t i = 0; i < b->ads_n; i++) {
		if (!covers(b->ads[i], winner))
			continue;
		if (!b->ads[i]->interfaces.n)
			return;
		most += b->ads[i]->interfaces.n;
	}
	at = arena_alloc(b->a, most * sizeof(*at));
	for (size_t i = 0; at && i < b->ads_n; i++) {
		const struct config_names *names = &b->ads[i]->interfaces;

		for (size_t k = 0; k < names->n && covers(b->ads[i], winner); k++) {
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
	const char *why = "";

	if (!n)
		return "no Node is known";
	for (size_t i = 0; why && i < n && i < 3; i++)
		why = arena_printf(
		    b->a, "%s%s%s: %s", why, i ? "; " : "", votes[i].node->name, votes[i].message);
	return arena_printf(b->a, "none of %zu nodes may announce %s (%s%s)", n, first_address(b),
	    why ? why : "", n > 3 ? "; ..." : "");
}

static void announce(struct ballot *b, const struct vote *votes, size_t n)
{
	struct record_considered *nodes = arena_alloc(b->a, n * sizeof(*nodes));
	struct election_result *r = b->r;

	for (size_t i = 0; nodes && i < n; i++) {
		const struct vote *v = &votes[i];

		nodes[i].name = v->node->name;
		nodes[i].code = v->code ? v->code : i == 0 ? "" : "Standby";
		nodes[i].message = v->score && !v->code ? arena_printf(b->a, "preference %llu",
							      (unsigned long long)v->score)
							: v->message;
	}
	r->nodes = nodes;
	r->nodes_n = nodes ? n : 0;
	if (r->candidates_n) {
		r->code = "Elected";
		r->message = "";
		r->winner = nodes ? nodes[0].name : "";
		union_of_interfaces(b, votes[0].node);
	} else {
		say_no(b, "NoCandidate", why_nobody(b, votes, n));
	}
}

static uint64_t digest_of(const struct election_result *r, const struct vote *votes, size_t n)
{
	uint64_t h = hash_text(HASH_BEGIN, r->message);

	for (size_t i = 0; i < (r->winner ? r->candidates_n : n); i++) {
		h = (h ^ votes[i].node->hash) * UINT64_C(0x100000001b3);
		if (!r->winner)
			h = hash_text(hash_text(h, votes[i].code), votes[i].message);
	}
	return h;
}

/* The rules about the Service have let it through: now its nodes. */
static int elect_node(struct ballot *b, uint64_t *digest, struct err *e)
{
	size_t n = b->el->nodes.n;
	struct vote *votes = calloc(n + 1, sizeof(*votes));
	int rc = votes ? get_rank(b, e) : err_memory(e);

	if (rc == 0)
		rc = call_the_roll(b->el, e);
	if (rc == 0)
		rc = vote(b, votes, e);
	if (rc == 0 && !b->a->bad) {
		qsort_r(votes, n, sizeof(*votes), by_rank, b);
		announce(b, votes, n);
	}
	if (rc == 0 && !b->a->bad) /* else a text may be missing */
		*digest = digest_of(b->r, votes, n);
	free(votes);
	return rc;
}

int elect_service(struct election *el, const struct config *c, struct service *s,
    struct election_result *r, uint64_t *digest, struct arena *a, struct err *e)
{
	struct ballot b = { .el = el, .c = c, .s = s, .r = r, .a = a };

	*r = (struct election_result){ .code = "", .message = "", .pool = "" };
	el->count++;
	if (has_addresses(&b) && !a->bad && in_one_pool(&b) && has_endpoints(&b) && is_advertised(&b) &&
	    may_share(&b) && !a->bad) {
		if (elect_node(&b, digest, e) < 0)
			return -1;
	} else {
		*digest = hash_text(HASH_BEGIN, r->message ? r->message : "");
	}
	return a->bad ? err_memory(e) : 0;
}
