/* SPDX-License-Identifier: Apache-2.0 */
/* lbctl arping: asks the network who has an address.
 *
 * What is asked when, and which answer belongs to which question, is pkg/probe's.  This file
 * reads options and operands; arping_link.c finds the interface, arping_run.c asks, arping_nodes.c
 * finds the names of nodes on the side, arping_show.c prints, with --watch arping_news.c. */
#include <string.h>

#include "cmd/arping.h"
#include "cmd/cmd.h"
#include "pkg/log/log.h"

enum {
	MS = 1000,
	UNSET = 0xffffffff,
	COUNT = 3,
	RATE = 1000,
	INTERVAL_MS = 1000,
	SWEEP_INTERVAL_MS = 300,
	WATCH_INTERVAL_MS = 100,
	ANNOUNCE_INTERVAL_MS = 1100, /* receivers may take one a second */
	SETTLE_MS = 200,
};

struct args {
	struct source_options source;
	const char *interface;
	const char *from_address;
	const char *output;
	uint32_t count;
	uint32_t rate;
	uint32_t interval_ms;
	uint32_t deadline_ms;
	bool first;
	bool quiet;
	bool duplicate;
	bool gratuitous;
	bool who;
	bool watch;
	const char *pcap;
	const char *pool;
	const char *lb_class;
};

static const struct opt opts[] = {
	OPT_UINT('c', "count", "N", struct args, count,
	    "ask each address N times, 0: until interrupted; default 3"),
	OPT_DURATION('w', "deadline", "DURATION", struct args, deadline_ms,
	    "end after that time, whatever is outstanding"),
	OPT_DURATION('i', "interval", "DURATION", struct args, interval_ms,
	    "between two probes of an address; default 1s, for ranges 300ms"),
	OPT_STRING('I', "interface", "NAME", struct args, interface,
	    "ask there; default: where the route leads, or the only interface that can"),
	OPT_STRING('s', "source", "ADDRESS", struct args, from_address,
	    "ask from that address of this host, or 0.0.0.0, or ::"),
	OPT_FLAG('1', "first", struct args, first, "end at the first answer"),
	OPT_FLAG('q', "quiet", struct args, quiet, "print nothing; the exit status tells"),
	OPT_FLAG('D', "duplicate", struct args, duplicate,
	    "probe as RFC 5227 does before an address is taken; exit 0: free, 4: taken"),
	OPT_FLAG('U', "gratuitous", struct args, gratuitous,
	    "tell everybody that the address is here, as a speaker does"),
	OPT_FLAG(0, "who", struct args, who, "one line an address: the node that has it, and its MAC"),
	OPT_FLAG(0, "watch", struct args, watch,
	    "ask on and on, ten times a second, and print changes only, with the length of gaps"),
	OPT_STRING(0, "pool", "NAME", struct args, pool,
	    "sweep that pool: who holds, who announces, who answers for each address"),
	OPT_STRING(0, "lb-class", "CLASS", struct args, lb_class,
	    "with --pool: Services of this loadBalancerClass; default: those without one"),
	OPT_STRING(0, "pcap", "FILE", struct args, pcap,
	    "write the frames about the addresses to FILE, for Wireshark"),
	OPT_UINT(0, "rate", "N", struct args, rate, "at most N frames a second; default 1000"),
	OPT_STRING('o', "output", "FORMAT", struct args, output, "text (the default) or json"),
	OPT_INCLUDE(source_opts, struct args, source),
	OPT_END,
};

static enum probe_mode mode_of(const struct args *a)
{
	return a->duplicate ? PROBE_DUPLICATE : a->gratuitous ? PROBE_ANNOUNCE : PROBE_ASK;
}

static int check_args(const struct args *a, struct err *e)
{
	const struct {
		const char *name;
		bool is;
	} modes[] = { { "duplicate", a->duplicate }, { "gratuitous", a->gratuitous },
		{ "watch", a->watch }, { "who", a->who } };

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		for (size_t k = i + 1; k < ARRAY_LEN(modes); k++)
			if (modes[i].is && modes[k].is)
				return err_set(e, ERR_USAGE, "--%s and --%s exclude each other",
				    modes[i].name, modes[k].name);
	if (a->pool && (a->duplicate || a->gratuitous || a->first))
		return err_set(e, ERR_USAGE, "--pool and --%s exclude each other",
		    a->duplicate    ? "duplicate"
		    : a->gratuitous ? "gratuitous"
				    : "first");
	if (a->lb_class && !a->pool)
		return err_set(e, ERR_USAGE, "--lb-class: of use with --pool only");
	if (a->first && a->watch)
		return err_set(e, ERR_USAGE, "--first and --watch exclude each other");
	if (a->output && strcmp(a->output, "json") != 0 && strcmp(a->output, "text") != 0)
		return err_set(e, ERR_USAGE, "-o: want text or json, have '%s'", a->output);
	if (a->pcap && !strcmp(a->pcap, "-"))
		return err_set(e, ERR_USAGE,
		    "--pcap: want a FILE, have '-'; standard output is /dev/stdout, with -q");
	if (a->from_address && (a->duplicate || a->gratuitous))
		return err_set(e, ERR_USAGE, "-s: the source is fixed with --%s",
		    a->duplicate ? "duplicate" : "gratuitous");
	if (a->watch && a->interval_ms == 0)
		return err_set(e, ERR_USAGE, "-i: want at least 1ms with --watch");
	if (a->rate == 0)
		return err_set(e, ERR_USAGE, "--rate: want at least 1 frame a second");
	if (a->count == 0 && a->duplicate)
		return err_set(e, ERR_USAGE, "-c: want at least 1 probe with --duplicate");
	return 0;
}

/* A range may lead through what no host has, or every host for itself, but not begin or end there. */
static int check_askable(const char *text, const struct range *r, struct err *e)
{
	static const char *const words[] = {
		[ADDR_UNICAST] = NULL,
		[ADDR_UNSPECIFIED] = "unspecified, which no host has",
		[ADDR_LOOPBACK] = "loopback, which every host has",
		[ADDR_BROADCAST] = "broadcast, which no host has alone",
		[ADDR_MULTICAST] = "multicast, which no host has alone",
	};
	const char *is = words[addr_kind(&r->first)];

	is = is ? is : words[addr_kind(&r->last)];
	return is ? err_set(e, ERR_USAGE, "%s is %s", text, is) : 0;
}

/* An address, a prefix or a range. */
static int parse_operand(const char *text, struct range *r, struct err *e)
{
	struct addr a;

	if (strchr(text, '/') || strchr(text, '-')) {
		if (range_parse(r, text, e) < 0) {
			e->kind = ERR_USAGE;
			return -1;
		}
	} else {
		if (addr_parse(&a, text, e) < 0) {
			e->kind = ERR_USAGE;
			return -1;
		}
		*r = (struct range){ a, a };
	}
	return check_askable(text, r, e);
}

static uint32_t interval_of(const struct args *a, bool sweep)
{
	if (a->interval_ms != UNSET)
		return a->interval_ms;
	if (a->gratuitous)
		return ANNOUNCE_INTERVAL_MS;
	if (a->duplicate)
		return INTERVAL_MS;
	return a->watch ? WATCH_INTERVAL_MS : sweep || a->who ? SWEEP_INTERVAL_MS : INTERVAL_MS;
}

/* RFC 5227: three probes, one to two seconds apart, and two seconds after the last. */
static struct probe_options options_for(const struct args *a, bool sweep)
{
	enum probe_mode mode = mode_of(a);
	uint32_t interval = interval_of(a, sweep);
	uint32_t wait = mode == PROBE_DUPLICATE ? 2 * interval : interval;

	if (mode == PROBE_ANNOUNCE || wait < SETTLE_MS) /* who objects does so at once */
		wait = SETTLE_MS;
	return (struct probe_options){
		.mode = mode,
		.count = a->count != UNSET ? a->count
			 : a->watch        ? 0
					   : COUNT,
		.rate = a->rate,
		.interval_us = (uint64_t)interval * MS,
		.wait_us = (uint64_t)wait * MS,
		.settle_us = SETTLE_MS * MS,
		.deadline_us = (uint64_t)a->deadline_ms * MS,
		.until_answered = !a->watch && (sweep || a->who || mode == PROBE_DUPLICATE),
		.until_first = a->first,
		.claims = a->watch,
	};
}

static int add_link(struct arping_plan *plan, const struct probe_link *l, struct err *e)
{
	struct probe_link *grown;

	for (size_t i = 0; i < plan->links_n; i++)
		if (plan->links[i].ifindex == l->ifindex)
			return 0;
	grown = reallocarray(plan->links, plan->links_n + 1, sizeof(*grown));
	if (!grown)
		return err_memory(e);
	plan->links = grown;
	grown[plan->links_n++] = *l;
	return 0;
}

static int add_range(
    struct arping_plan *plan, const struct args *a, const struct range *r, struct err *e)
{
	struct probe_link link;

	if (arping_link(&link, &plan->world, a->interface, a->from_address, &r->first, e) < 0)
		return -1;
	if (probe_add(plan->probe, &link, r, e) < 0)
		return -1;
	return add_link(plan, &link, e);
}

/* Of what is too large to sweep, only what is assigned. */
static int add_assigned(
    struct arping_plan *plan, const struct args *a, const struct range *of, struct err *e)
{
	char text[RANGE_TEXT_LEN];

	log_warn(NULL,
	    "with %s it would be more than %d addresses, too many to sweep: of these, only those that "
	    "are "
	    "assigned are asked for",
	    range_format(of, text), PROBE_TARGETS_MAX);
	for (size_t i = 0; i < plan->pool.held_n; i++) {
		struct range one = { plan->pool.held[i].addr, plan->pool.held[i].addr };

		if (range_contains(of, &one.first) && add_range(plan, a, &one, e) < 0)
			return -1;
	}
	return 0;
}

static int add_pool(struct arping_plan *plan, const struct args *a, struct err *e)
{
	uint64_t all = 0;

	for (size_t i = 0; i < plan->pool.ranges_n; i++) {
		const struct range *r = &plan->pool.ranges[i];
		const uint64_t n = range_size(r);
		const bool room = n <= PROBE_TARGETS_MAX - all;

		if ((room ? add_range(plan, a, r, e) : add_assigned(plan, a, r, e)) < 0)
			return -1;
		all += room ? n : 0;
	}
	return 0;
}

/* Before anything is opened: what is asked. */
static int check_operands(const struct args *a, char **at, int n, bool *sweep, struct err *e)
{
	struct range r;

	if (n == 0 && !a->pool)
		return err_set(
		    e, ERR_USAGE, "want an ADDRESS, a prefix or a range to ask for, or --pool");
	if (n > 0 && a->pool)
		return err_set(e, ERR_USAGE, "want --pool or '%s', not both", at[0]);
	*sweep = a->pool != NULL;
	for (int i = 0; i < n; i++) {
		if (parse_operand(at[i], &r, e) < 0)
			return -1;
		*sweep |= !addr_equal(&r.first, &r.last);
	}
	return 0;
}

/* What is asked, and how. */
static int make_plan(
    struct arping_plan *plan, const struct args *a, char **at, int n, bool sweep, struct err *e)
{
	struct probe_options o = options_for(a, sweep);

	if (a->pool && arping_pool_read(&plan->pool, &a->source, a->lb_class, a->pool, e) < 0)
		return -1;
	if (netlink_snapshot(&plan->world, e) < 0)
		return -1;
	plan->probe = probe_new(&o, e);
	if (!plan->probe || add_pool(plan, a, e) < 0)
		return -1;
	if (a->pool && plan->links_n == 0)
		return err_set(e, ERR_NOT_FOUND, "no address of pool '%s' is assigned", a->pool);
	for (int i = 0; i < n; i++) {
		struct range r;

		if (parse_operand(at[i], &r, e) < 0 || add_range(plan, a, &r, e) < 0)
			return -1;
	}
	return 0;
}

static int run(int argc, char **argv, struct err *e)
{
	struct args args = { .count = UNSET, .interval_ms = UNSET, .rate = RATE };
	struct arping_plan plan = { 0 };
	bool sweep = false;
	int n = opts_parse(opts, &args, argc, argv, e);
	int status = n < 0 ? -1 : check_args(&args, e);

	if (status == 0)
		status = check_operands(&args, argv + 1, n, &sweep, e);
	if (status == 0)
		status = make_plan(&plan, &args, argv + 1, n, sweep, e);
	if (status == 0) {
		struct arping_show show = {
			.mode = mode_of(&args),
			.sweep = sweep,
			.who = args.who,
			.watch = args.watch,
			.json = args.output && !strcmp(args.output, "json"),
			.quiet = args.quiet,
			.first = args.first,
			.probe = plan.probe,
			.pool = args.pool ? &plan.pool : NULL,
			.world = &plan.world,
		};

		plan.source = args.source;
		plan.rate = args.rate;
		plan.pcap = args.pcap;
		status = arping_run(&plan, &show, e);
	}
	probe_free(plan.probe);
	arping_pool_release(&plan.pool);
	netlink_world_release(&plan.world);
	free(plan.links);
	return status;
}

const struct cmd cmd_arping = {
	.name = "arping",
	.operands = "[ADDRESS|RANGE|PREFIX]...",
	.summary = "ask the network who has an address",
	.opts = opts,
	.run = run,
};
