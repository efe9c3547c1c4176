/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold in every world: random facts that change one at a time, from fixed seeds. */
#include "pkg/election/election_test.h"

enum { NODES = 6, SERVICES = 5, SLICES = 2 * SERVICES, ADS = 3, STEPS = 400 };

struct facts {
	bool members;  /* there are Members in this world */
	bool balanced; /* and addresses are spread */
	struct {
		bool there, ready, unavailable, excluded;
		unsigned zone, member; /* member: 0 none, 1 alive, 2 dead */
	} node[NODES];
	struct {
		bool there, local, shared;
		unsigned ip, app;
	} service[SERVICES];
	struct {
		bool there;
		unsigned on; /* a bit a node */
	} slice[SLICES];
	struct {
		bool there;
		unsigned zone, app, prefer, interface; /* 0: none */
	} ad[ADS];
};

static uint64_t roll(uint64_t *seed) /* xorshift64* */
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(2685821657736338717) >> 33;
}

static bool likely(uint64_t *seed)
{
	return roll(seed) % 4 != 0;
}

static void tell_node(struct world *w, const struct facts *f, int i)
{
	tell(w, f->node[i].there ? PUT : REMOVE,
	    "{'kind':'Node','metadata':{'name':'node-%d','labels':{'zone':'z%u'%s}},'status':"
	    "{'conditions':[{'type':'Ready','status':'%s'},"
	    "{'type':'NetworkUnavailable','status':'%s'}]}}",
	    i, f->node[i].zone,
	    f->node[i].excluded ? ",'node.kubernetes.io/exclude-from-external-load-balancers':''" : "",
	    f->node[i].ready ? "True" : "Unknown", f->node[i].unavailable ? "True" : "False");
}

static void tell_member(struct world *w, const struct facts *f, int i)
{
	if (f->members)
		tell(w, f->node[i].member ? PUT : REMOVE,
		    "{'kind':'Member','metadata':{'name':'node-%d'},'status':{'alive':%s}}", i,
		    f->node[i].member == 1 ? "true" : "false");
}

static void tell_service(struct world *w, const struct facts *f, int i)
{
	tell(w, f->service[i].there ? PUT : REMOVE,
	    "{'kind':'Service','metadata':{'namespace':'default','name':'web%d','labels':{'app':'a%u'}"
	    "%s},'spec':{'type':'LoadBalancer','externalTrafficPolicy':'%s'},"
	    "'status':{'loadBalancer':{'ingress':[{'ip':'192.0.2.%u'}]}}}",
	    i, f->service[i].app,
	    f->service[i].shared ? ",'annotations':{'metallb.io/allow-shared-ip':'k'}" : "",
	    f->service[i].local ? "Local" : "Cluster", f->service[i].ip);
}

static void tell_slice(struct world *w, const struct facts *f, int i)
{
	char endpoints[1000] = "";

	for (unsigned n = 0; n < NODES; n++)
		if (f->slice[i].on & 1u << n)
			snprintf(endpoints + strlen(endpoints), sizeof(endpoints) - strlen(endpoints),
			    "%s{'nodeName':'node-%u'}", endpoints[0] ? "," : "", n);
	tell(w, f->slice[i].there ? PUT : REMOVE,
	    "{'kind':'EndpointSlice','metadata':{'namespace':'default','name':'s%d','labels':"
	    "{'kubernetes.io/service-name':'web%d'}},'endpoints':[%s]}",
	    i, i % SERVICES, endpoints);
}

static void tell_ad(struct world *w, const struct facts *f, int i)
{
	char spec[1000] = "'ipAddressPools':['p']";
	size_t room = sizeof(spec);

#define MORE(...) snprintf(spec + strlen(spec), room - strlen(spec), __VA_ARGS__)
	if (f->ad[i].zone)
		MORE(",'nodeSelectors':[{'matchLabels':{'zone':'z%u'}}]", f->ad[i].zone);
	if (f->ad[i].app)
		MORE(",'serviceSelectors':[{'matchLabels':{'app':'a%u'}}]", f->ad[i].app);
	if (f->ad[i].prefer)
		MORE(",'preferredNodeSelectors':[{'weight':%d,'preference':{'matchLabels':{'zone':'z%u'"
		     "}}}]",
		    i + 1, f->ad[i].prefer);
	if (f->ad[i].interface)
		MORE(",'interfaces':['eth%u']", f->ad[i].interface);
#undef MORE
	tell(w, f->ad[i].there ? PUT : REMOVE,
	    "{'kind':'L2Advertisement','apiVersion':'metallb.io/v1beta1',"
	    "'metadata':{'namespace':'lb','name':'ad%d'},'spec':{%s}}",
	    i, spec);
}

enum { FACTS = 2 * NODES + SERVICES + SLICES + ADS };

enum what { A_NODE, A_MEMBER, A_SERVICE, A_SLICE, AN_AD };

/* The fact number i is what, and which of them. */
static enum what fact(int i, int *which)
{
	static const int of[] = { NODES, NODES, SERVICES, SLICES, ADS };
	int what = A_NODE;

	while (what < AN_AD && i >= of[what])
		i -= of[what++];
	*which = i;
	return (enum what)what;
}

static void tell_fact(struct world *w, const struct facts *f, int number)
{
	static void (*const tell_one[])(struct world *, const struct facts *, int) = { tell_node,
		tell_member, tell_service, tell_slice, tell_ad };
	int i;
	enum what what = fact(number, &i);

	tell_one[what](w, f, i);
}

static void change_fact(struct facts *f, int number, uint64_t *seed)
{
	int i;

	switch (fact(number, &i)) {
	case A_NODE:
		f->node[i].there = likely(seed);
		f->node[i].ready = likely(seed);
		f->node[i].unavailable = !likely(seed);
		f->node[i].excluded = !likely(seed);
		f->node[i].zone = (unsigned)(roll(seed) % 3 + 1);
		break;
	case A_MEMBER:
		f->node[i].member = (unsigned)(roll(seed) % 3);
		break;
	case A_SERVICE:
		f->service[i].there = likely(seed);
		f->service[i].local = !likely(seed);
		f->service[i].shared = !likely(seed);
		f->service[i].ip = (unsigned)(roll(seed) % 4 + 1);
		f->service[i].app = (unsigned)(roll(seed) % 2 + 1);
		break;
	case A_SLICE:
		f->slice[i].there = likely(seed);
		f->slice[i].on = (unsigned)(roll(seed) % (1u << NODES));
		break;
	case AN_AD:
		f->ad[i].there = likely(seed);
		f->ad[i].zone = (unsigned)(roll(seed) % 4);
		f->ad[i].app = (unsigned)(roll(seed) % 3);
		f->ad[i].prefer = (unsigned)(roll(seed) % 4);
		f->ad[i].interface = (unsigned)(roll(seed) % 3);
		break;
	}
}

/* What each Service came to, as far as it is told: who was refused counts only if all were. */
struct ends {
	char text[SERVICES][300];
	char winner[SERVICES][20];
};

static void read_ends(struct world *w, struct ends *to)
{
	struct err e = ERR_INIT;
	const struct config *c = config_store_get(w->store, &e);
	struct election_outcome o;

	assert_non_null(c);
	while (election_next(w->el, c, &o, &e) == 1) {
		int i = o.name[3] - '0';
		char *text = to->text[i];
		size_t room = sizeof(to->text[i]);
		const struct election_address *a;

		text[0] = to->winner[i][0] = 0;
		if (!o.now)
			continue;
		assert_int_equal(o.now->addresses_n, 1);
		a = &o.now->addresses[0];
		snprintf(text, room, "%s %s", a->code, a->message);
		for (size_t k = 0; k < (a->winner ? a->candidates_n : a->nodes_n); k++)
			snprintf(text + strlen(text), room - strlen(text), " %s:%s", a->nodes[k].name,
			    a->nodes[k].code);
		for (size_t k = 0; k < a->interfaces_n; k++)
			snprintf(text + strlen(text), room - strlen(text), " %s", a->interfaces[k]);
		if (a->winner)
			snprintf(to->winner[i], sizeof(to->winner[i]), "%s", a->winner);
	}
}

static void begin(struct world *w, const struct facts *f)
{
	struct election_options o = { .balanced = f->balanced };

	world_open(w, &o);
	pool(w, "p", "'192.0.2.0/24'");
	if (f->members)
		member(w, "ghost", true, "");
}

/* A speaker that starts now: it reads what there is, in some order, and decides once. */
static void start_late(const struct facts *f, uint64_t *seed, struct ends *to)
{
	int order[FACTS] = { 0 };
	struct world w;

	for (int i = 0; i < FACTS; i++) {
		int k = (int)(roll(seed) % (unsigned)(i + 1));

		order[i] = order[k];
		order[k] = i;
	}
	begin(&w, f);
	for (int i = 0; i < FACTS; i++)
		tell_fact(&w, f, order[i]);
	*to = (struct ends){ 0 };
	read_ends(&w, to);
	world_close(&w);
}

/* Services that share an address have one announcer. */
static void check_shared(const struct facts *f, const struct ends *ends, int step)
{
	for (int i = 0; i < SERVICES; i++)
		for (int k = 0; k < i; k++)
			if (f->service[i].ip == f->service[k].ip && ends->winner[i][0] &&
			    ends->winner[k][0] && strcmp(ends->winner[i], ends->winner[k]) != 0)
				fail_msg("step %d: %s and %s announce 192.0.2.%u", step,
				    ends->winner[i], ends->winner[k], f->service[i].ip);
}

static void compare(const struct ends *a, const struct ends *b, int step)
{
	for (int i = 0; i < SERVICES; i++)
		if (strcmp(a->text[i], b->text[i]) != 0)
			fail_msg("step %d, web%d: \"%s\", but who starts now says \"%s\"", step, i,
			    a->text[i], b->text[i]);
}

static int live(uint64_t seed, bool members, bool balanced)
{
	struct facts f = { .members = members, .balanced = balanced };
	struct ends grown = { 0 }, late;
	struct world w;
	int elected = 0;

	begin(&w, &f);
	for (int step = 0; step < STEPS; step++) {
		int i = (int)(roll(&seed) % FACTS);

		change_fact(&f, i, &seed);
		tell_fact(&w, &f, i);
		read_ends(&w, &grown);
		if (step % 4)
			continue;
		start_late(&f, &seed, &late);
		compare(&grown, &late, step);
		check_shared(&f, &late, step);
		for (int s = 0; s < SERVICES; s++)
			elected += late.winner[s][0] != 0;
	}
	world_close(&w);
	return elected;
}

static void all_who_know_the_same_facts_agree_whatever_the_order(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		/* enough of the worlds have something to agree on */
		assert_in_range(live(seed, seed % 2, seed > 2), STEPS / 8, STEPS * SERVICES);
	}
}

static void without_a_node_that_did_not_win_nothing_moves(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 60; round++) {
		struct facts f = { .members = round % 2 };
		struct ends before, after;
		int gone = (int)(roll(&seed) % NODES);
		char name[20];

		for (int i = 0; i < FACTS; i++)
			change_fact(&f, i, &seed);
		start_late(&f, &seed, &before);
		f.node[gone].there = false;
		start_late(&f, &seed, &after);
		snprintf(name, sizeof(name), "node-%d", gone);
		for (int s = 0; s < SERVICES; s++)
			if (before.winner[s][0] && strcmp(before.winner[s], name) != 0)
				assert_string_equal(before.winner[s], after.winner[s]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_who_know_the_same_facts_agree_whatever_the_order),
		cmocka_unit_test(without_a_node_that_did_not_win_nothing_moves),
	};

	return cmocka_run_group_tests_name("election property", tests, NULL, NULL);
}
