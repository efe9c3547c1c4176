/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/l2/engine.h"
#include "tests/unit.h"

static bool matches(const char *pattern, const char *name)
{
	struct err e = ERR_INIT;
	regex_t r;
	bool got;

	if (pattern_compile(&r, pattern, &e) < 0)
		fail_msg("%s", e.text);
	got = regexec(&r, name, 0, NULL, 0) == 0;
	regfree(&r);
	return got;
}

static void expressions_mean_what_they_do_in_go(void **state)
{
	static const struct {
		const char *pattern, *yes, *no;
	} cases[] = {
		{ "^eth\\d$", "eth0", "ethd" },
		{ "^eth\\D$", "ethd", "eth0" },
		{ "^eth\\d+\\.\\d{2,4}$", "eth0.100", "eth0x100" },
		{ "^\\w+$", "a_b0", "a-b" },
		{ "\\W", "a-b", "a_b0" },
		{ "^\\S+$", "eth0", "eth 0" },
		{ "a\\sb", "a b", "asb" },
		{ "\\beth", "my-eth0", "myeth0" },
		{ "\\Aeth0\\z", "eth0", "eth00" },
		{ "^[\\d]$", "1", "d" },
		{ "^[^\\d]$", "d", "1" },
		{ "^[a\\-c]$", "-", "b" },
		{ "^[\\]x]$", "]", "\\" },
		{ "^[]x]$", "]", "\\" },
		{ "^[[.]$", "[", "]" },
		{ "^[\\^a]$", "^", "b" },
		{ "^[\\\\]$", "\\", "a" },
		{ "^[\\w.]+$", "eth0.1", "a-b" },
		{ "^[[:alpha:]]+$", "eth", "eth0" },
		{ "^(?:veth|cali)", "cali1", "eth0" },
		{ "^(veth|cali)", "veth1", "eth0" },
		{ "^a+?$", "aa", "" },
		{ "^a{2}?$", "aa", "a" },
		{ "^a*?$", "aa", "b" },
		{ "x\\<y", "x<y", "xy" },
		{ "a\\_b", "a_b", "ab" },
		{ "\\(\\)\\[\\*\\+\\?\\|\\$", "()[*+?|$", "x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (!matches(cases[i].pattern, cases[i].yes) || matches(cases[i].pattern, cases[i].no))
			fail_msg("%s", cases[i].pattern);
}

static void what_is_not_understood_is_refused(void **state)
{
	static const char *const bad[] = { "(?i)eth", "(?P<x>a)", "\\pL", "\\x41", "\\Qa\\E", "(a)\\1",
		"\\", "[\\D]", "[\\b]", "[\\", "*", "a|*", "(+)", "?", "eth(", "eth)", "eth[", "[z-a]",
		"a{2,1}", "[[:word:]]" };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (l2_pattern_check(bad[i], &e) == 0 || e.kind != ERR_USAGE || !strstr(e.text, bad[i]))
			fail_msg("%s: %s", bad[i], e.text);
	assert_int_equal(l2_pattern_check("\\x41", &e), -1);
	assert_string_equal(e.text, "\"\\x41\": \\x is not understood in a regular expression for "
				    "names of interfaces; write the "
				    "character itself, or [...]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_mean_what_they_do_in_go),
		cmocka_unit_test(what_is_not_understood_is_refused),
	};

	return cmocka_run_group_tests_name("patterns", tests, NULL, NULL);
}
