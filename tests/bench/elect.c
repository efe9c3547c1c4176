/* SPDX-License-Identifier: Apache-2.0 */
/* elect SERVICES NODES SPREAD: what one event costs the election, on one of the nodes: from the
 * parsed object to the last outcome.  Prints "WHAT<TAB>FIGURE<TAB>RATIO". */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pkg/election/election.h"

struct world {
	struct election *el;
	struct config_store *store;
	int services, nodes;
};

static void die(const char *what, const struct err *e)
{
	fprintf(stderr, "%s: %s\n", what, e->text);
	exit(1);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

PRINTF(1, 2) static struct json *object(const char *fmt, ...)
{
	struct err e = ERR_INIT;
	char text[1000];
	struct json *j;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	j = json_parse(text, strlen(text), &e);
	if (!j)
		die(text, &e);
	return j;
}

static void put(struct world *w, enum election_kind kind, struct json *j)
{
	struct err e = ERR_INIT;

	if (election_put(w->el, kind, j, &e) < 0)
		die("put", &e);
	json_free(j);
}

static void configure(struct world *w, struct json *j)
{
	config_store_put(w->store, j);
	json_free(j);
}

static int settle(struct world *w, double *ms)
{
	struct err e = ERR_INIT;
	const struct config *c = config_store_get(w->store, &e);
	struct election_outcome o;
	int told = 0, rc = c ? 0 : -1;
	double from = now_ms();

	while (c && (rc = election_next(w->el, c, &o, &e)) == 1)
		told++;
	if (rc < 0)
		die("settle", &e);
	*ms += now_ms() - from;
	return told;
}

static struct json *member(int i, bool alive)
{
	return object("{'kind':'Member','metadata':{'name':'node-%03d'},'status':{'alive':%s}}", i,
	    alive ? "true" : "false");
}

/* Version 1 has another address. */
static struct json *service(int i, int version)
{
	return object("{'kind':'Service','metadata':{'namespace':'team-%d','name':'service-%d',"
		      "'labels':{'version':'%d'},'creationTimestamp':'2024-01-%02dT%02d:%02d:00Z'},'"
		      "spec':{'type':'LoadBalancer'},'status':"
		      "{'loadBalancer':{'ingress':[{'ip':'198.18.%d.%d'}]}}}",
	    i % 50, i, version, i / 1440 + 1, i / 60 % 24, i % 60, (version == 1) << 7 | i >> 8,
	    i & 255);
}

static void fill(struct world *w)
{
	configure(w, object("{'kind':'IPAddressPool','apiVersion':'metallb.io/v1beta1','metadata':"
			    "{'namespace':'lb','name':'p'},'spec':{'addresses':['198.18.0.0/15']}}"));
	configure(w, object("{'kind':'L2Advertisement','apiVersion':'metallb.io/v1beta1','metadata':"
			    "{'namespace':'lb','name':'all'},'spec':{}}"));
	election_config_changed(w->el);
	for (int i = 0; i < w->nodes; i++) {
		put(w, ELECTION_NODE,
		    object("{'kind':'Node','metadata':{'name':'node-%03d','labels':"
			   "{'kubernetes.io/hostname':'node-%03d','zone':'%c'}}}",
			i, i, 'a' + i % 3));
		put(w, ELECTION_MEMBER, member(i, true));
	}
	for (int i = 0; i < w->services; i++) {
		put(w, ELECTION_SERVICE, service(i, 0));
		put(w, ELECTION_ENDPOINT_SLICE,
		    object("{'kind':'EndpointSlice','metadata':{'namespace':'team-%d','name':'s-%d',"
			   "'labels':{'kubernetes.io/service-name':'service-%d'}},'endpoints':[{}]}",
			i % 50, i, i));
	}
}

struct event {
	const char *what;
	struct json *(*make)(const struct world *, int round);
	enum election_kind kind;
};

static struct json *death(const struct world *w, int round)
{
	return member(1 + round % (w->nodes - 1), false);
}

static struct json *life(const struct world *w, int round)
{
	return member(1 + round % (w->nodes - 1), true);
}

static struct json *change(const struct world *w, int round)
{
	return service(round * 97 % w->services, 1);
}

static struct json *move(const struct world *w, int round)
{
	return service(round * 97 % w->services, 2);
}

/* The rounds of an event and of its opposite, in turn; prints the median and the longest. */
static void measure(struct world *w, const char *spread, const struct event pair[static 2])
{
	enum { ROUNDS = 50 };
	double ms[2][ROUNDS] = { 0 };
	int told[2] = { 0 };

	for (int r = 0; r < ROUNDS; r++)
		for (int k = 0; k < 2; k++) {
			struct json *j = pair[k].make(w, r);
			double from = now_ms();

			put(w, pair[k].kind, j);
			ms[k][r] = now_ms() - from;
			told[k] += settle(w, &ms[k][r]);
		}
	for (int k = 0; k < 2; k++) {
		for (int i = 1; i < ROUNDS; i++)
			for (int m = i; m > 0 && ms[k][m - 1] > ms[k][m]; m--) {
				double t = ms[k][m];

				ms[k][m] = ms[k][m - 1];
				ms[k][m - 1] = t;
			}
		printf("%s, %d Services, %d nodes, %s\t%.3f ms, longest %.3f ms\t%.0f told\n",
		    pair[k].what, w->services, w->nodes, spread, ms[k][ROUNDS / 2], ms[k][ROUNDS - 1],
		    (double)told[k] / ROUNDS);
	}
}

int main(int argc, char **argv)
{
	static const struct event members[] = { { "a member dies", death, ELECTION_MEMBER },
		{ "a member returns", life, ELECTION_MEMBER } };
	static const struct event services[] = { { "a Service gets another address", change,
						     ELECTION_SERVICE },
		{ "a Service gets its address back", move, ELECTION_SERVICE } };
	struct election_options o = { .self = "node-000",
		.balanced = argc == 4 && !strcmp(argv[3], "balanced") };
	struct err e = ERR_INIT;
	struct world w = { 0 };
	double ms = 0, from;

	if (argc != 4)
		return 2;
	w.services = atoi(argv[1]);
	w.nodes = atoi(argv[2]);
	w.el = election_new(&o, &e);
	w.store = config_store_new("lb", &e);
	if (!w.el || !w.store)
		die("new", &e);
	from = now_ms();
	fill(&w);
	ms = now_ms() - from;
	settle(&w, &ms);
	printf("all, %d Services, %d nodes, %s\t%.0f ms\t\n", w.services, w.nodes, argv[3], ms);
	measure(&w, argv[3], members);
	measure(&w, argv[3], services);
	election_free(w.el);
	config_store_free(w.store);
	return 0;
}
