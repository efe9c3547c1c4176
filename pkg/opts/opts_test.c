/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/opts/opts.h"

#include "tests/unit.h"

struct shared {
	const char *from;
	bool once;
};

struct args {
	const char *output;
	bool quiet;
	bool wide;
	uint32_t count;
	uint32_t wait;
	struct opt_list down;
	struct shared shared;
};

static const struct opt shared_opts[] = {
	OPT_STRING(0, "from", "DIR", struct shared, from, "read a directory"),
	OPT_FLAG('1', "once", struct shared, once, "stop after what exists"),
	OPT_END,
};

static const struct opt opts[] = {
	OPT_STRING('o', "output", "FORMAT", struct args, output, "how to print"),
	OPT_FLAG('q', "quiet", struct args, quiet, "say less"),
	OPT_FLAG('w', "wide", struct args, wide, "say more"),
	OPT_UINT('c', "count", "N", struct args, count, "how often"),
	OPT_DURATION('t', "timeout", "DURATION", struct args, wait, "how long"),
	OPT_LIST('d', "down", "NODE", struct args, down, "nodes that are down"),
	OPT_INCLUDE(shared_opts, struct args, shared),
	OPT_END,
};

/* Parses the words of `line`; the operands come back joined by "|". */
static int parse(const char *line, struct args *args, char *operands, struct err *e)
{
	static char copy[200];
	char *argv[20] = { (char *)"test" }, *rest = copy, *word;
	int argc = 1, n;

	*args = (struct args){ 0 };
	snprintf(copy, sizeof(copy), "%s", line);
	while ((word = strsep(&rest, " ")))
		if (*word)
			argv[argc++] = word;
	n = opts_parse(opts, args, argc, argv, e);
	operands[0] = 0;
	for (int i = 1; i <= n; i++)
		sprintf(operands + strlen(operands), "%s%s", i > 1 ? "|" : "", argv[i]);
	return n;
}

static void options_and_operands_mix(void **state)
{
	struct args a;
	struct err e = ERR_INIT;
	char operands[200];

	(void)state;
	assert_int_equal(
	    parse("x -qo json y --count=3 --from dir - -t1.5s -- -z", &a, operands, &e), 4);
	assert_string_equal(operands, "x|y|-|-z");
	assert_true(a.quiet);
	assert_false(a.wide);
	assert_string_equal(a.output, "json");
	assert_int_equal(a.count, 3);
	assert_int_equal(a.wait, 1500);
	assert_string_equal(a.shared.from, "dir");
	assert_false(a.shared.once);
}

static void short_flags_bundle_and_values_glue(void **state)
{
	struct args a;
	struct err e = ERR_INIT;
	char operands[200];

	(void)state;
	assert_int_equal(parse("-qw1ojson -c 7", &a, operands, &e), 0);
	assert_true(a.quiet && a.wide && a.shared.once);
	assert_string_equal(a.output, "json");
	assert_int_equal(a.count, 7);
}

static void a_list_takes_commas_and_repeats(void **state)
{
	struct args a;
	struct err e = ERR_INIT;
	char operands[200];

	(void)state;
	assert_int_equal(parse("--down n1,n2 -dn3 --down=,n4, --down=", &a, operands, &e), 0);
	assert_int_equal(a.down.n, 4);
	assert_string_equal(a.down.at[0], "n1");
	assert_string_equal(a.down.at[1], "n2");
	assert_string_equal(a.down.at[2], "n3");
	opt_list_release(&a.down);
}

/* As from a variable that isn't set: to take it as not given could mean more than was meant. */
static void nothing_as_a_value_is_refused(void **state)
{
	struct err e = ERR_INIT;
	char operands[200];
	struct args a;

	(void)state;
	assert_int_equal(parse("--output=", &a, operands, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_string_equal(e.text, "--output: want FORMAT, have ''");
}

static void durations_are_those_of_go(void **state)
{
	static const struct {
		const char *text;
		uint32_t ms;
	} rows[] = { { "0s", 0 }, { "300ms", 300 }, { "1m30s", 90000 }, { "1.5h", 5400000 },
		{ "2m", 120000 }, { "5", 5000 }, { "576h", 2073600000 } };
	struct args a;
	struct err e = ERR_INIT;
	char operands[200], line[60];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(line, sizeof(line), "--timeout %s", rows[i].text);
		assert_int_equal(parse(line, &a, operands, &e), 0);
		assert_int_equal(a.wait, rows[i].ms);
	}
}

static void each_mistake_is_named(void **state)
{
	static const struct {
		const char *line, *want;
	} rows[] = {
		{ "--nope", "unknown option --nope; --help lists them" },
		{ "--nope=1", "unknown option --nope; --help lists them" },
		{ "-qz", "unknown option -z; --help lists them" },
		{ "--quiet=1", "--quiet takes no value" },
		{ "--output", "--output needs FORMAT" },
		{ "-o", "-o needs FORMAT" },
		{ "-c -1", "--count: want a whole number from 0 to 4294967295, have '-1'" },
		{ "-c 4294967296",
		    "--count: want a whole number from 0 to 4294967295, have '4294967296'" },
		{ "-c 1x", "--count: want a whole number from 0 to 4294967295, have '1x'" },
		{ "-t 5d", "--timeout: want a duration such as 300ms, 1.5s or 5m, have '5d'" },
		{ "-t -1s", "--timeout: want a duration such as 300ms, 1.5s or 5m, have '-1s'" },
		{ "-t 576h1ms", "--timeout: at most 576h (24 days) will do, have '576h1ms'" },
		{ "-t 9999999h", "--timeout: at most 576h (24 days) will do, have '9999999h'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct args a;
		struct err e = ERR_INIT;
		char operands[200];

		assert_int_equal(parse(rows[i].line, &a, operands, &e), -1);
		assert_string_equal(e.text, rows[i].want);
		assert_int_equal(e.kind, ERR_USAGE);
		opt_list_release(&a.down);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_operands_mix),
		cmocka_unit_test(short_flags_bundle_and_values_glue),
		cmocka_unit_test(a_list_takes_commas_and_repeats),
		cmocka_unit_test(nothing_as_a_value_is_refused),
		cmocka_unit_test(durations_are_those_of_go),
		cmocka_unit_test(each_mistake_is_named),
	};

	return cmocka_run_group_tests_name("opts", tests, NULL, NULL);
}
