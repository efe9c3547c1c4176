/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/api/api_test.h"

static const struct api_pair pairs[] = { { "app", "web" }, { "empty", "" }, { "zone", "b" } };
static const struct api_map labels = { pairs, 3 };

static const struct {
	const char *selector;
	bool matches;
} cases[] = {
	{ "null", true },
	{ "{}", true },
	{ "{'matchLabels':null,'matchExpressions':null}", true },
	{ "{'matchLabels':{},'matchExpressions':[]}", true },
	{ "{'matchLabels':{'app':'web'}}", true },
	{ "{'matchLabels':{'app':'db'}}", false },
	{ "{'matchLabels':{'app':'web','zone':'b'}}", true },
	{ "{'matchLabels':{'app':'web','zone':'a'}}", false },
	{ "{'matchLabels':{'other':''}}", false }, /* absent is not empty */
	{ "{'matchLabels':{'empty':''}}", true },
	{ "{'matchLabels':{'empty':null}}", true },
	{ "{'match-labels':{'app':'web'}}", true },
	{ "{'match-labels':{'app':'db'}}", false },
	{ "{'matchExpressions':[{'key':'zone','operator':'In','values':['a','b']}]}", true },
	{ "{'matchExpressions':[{'key':'zone','operator':'In','values':['a','c']}]}", false },
	{ "{'matchExpressions':[{'key':'other','operator':'In','values':['a']}]}", false },
	{ "{'matchExpressions':[{'key':'zone','operator':'NotIn','values':['a','c']}]}", true },
	{ "{'matchExpressions':[{'key':'zone','operator':'NotIn','values':['a','b']}]}", false },
	{ "{'matchExpressions':[{'key':'other','operator':'NotIn','values':['a']}]}", true },
	{ "{'matchExpressions':[{'key':'empty','operator':'Exists'}]}", true },
	{ "{'matchExpressions':[{'key':'other','operator':'Exists','values':[]}]}", false },
	{ "{'matchExpressions':[{'key':'other','operator':'DoesNotExist','values':null}]}", true },
	{ "{'matchExpressions':[{'key':'empty','operator':'DoesNotExist'}]}", false },
	{ "{'match-expressions':[{'key':'zone','operator':'In','values':['b']}]}", true },
	{ "{'match-expressions':[{'key':'zone','operator':'In','values':['a']}]}", false },
	{ "{'matchLabels':{'app':'web'},'matchExpressions':[{'key':'zone','operator':'In',"
	  "'values':['a']}]}",
	    false },
	{ "{'matchLabels':{'app':'db'},'matchExpressions':[{'key':'zone','operator':'In',"
	  "'values':['b']}]}",
	    false },
};

static void a_selector_matches_as_in_kubernetes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a = ARENA_INIT;
		struct err e = ERR_INIT;
		struct json *j = NULL;
		struct api_selector s;

		if (strcmp(cases[i].selector, "null") != 0)
			j = parse(cases[i].selector);
		if (api_selector_decode(&s, j, "spec.selector", &a, &e) < 0)
			fail_msg("%s: %s", cases[i].selector, e.text);
		json_free(j);
		if (api_selector_matches(&s, &labels) != cases[i].matches)
			fail_msg("%s: wrong", cases[i].selector);
		arena_release(&a);
	}
}

static const struct {
	const char *selector;
	const char *text;
} wrong[] = {
	{ "'app=web'", "spec.s[0]: want an object, have \"app=web\"" },
	{ "{'matchlabels':{}}",
	    "spec.s[0].matchlabels: no such field; want matchLabels or matchExpressions" },
	{ "{'matchLabels':['a']}", "spec.s[0].matchLabels: want an object, have a list" },
	{ "{'matchLabels':{'a':1}}", "spec.s[0].matchLabels[a]: want a string, have 1" },
	{ "{'matchLabels':{'a':'b c'}}", "spec.s[0].matchLabels[a]: want a label's value, at most 63 "
					 "letters, digits and -_. inside, have \"b c\"" },
	{ "{'matchLabels':{'':'b'}}", "spec.s[0].matchLabels[]: the key is wrong; want a label's key "
				      "such as app or example.com/app" },
	{ "{'match-labels':{'a/':'b'}}", "spec.s[0].match-labels[a/]: the key is wrong; want a label's "
					 "key such as app or example.com/app" },
	{ "{'matchExpressions':{}}", "spec.s[0].matchExpressions: want a list, have an object" },
	{ "{'matchExpressions':['a']}", "spec.s[0].matchExpressions[0]: want an object, have \"a\"" },
	{ "{'matchExpressions':[null]}",
	    "spec.s[0].matchExpressions[0]: want an object, have nothing" },
	{ "{'matchExpressions':[{'operator':'Exists'}]}",
	    "spec.s[0].matchExpressions[0].key: want a label's key such as app or example.com/app, "
	    "have nothing" },
	{ "{'matchExpressions':[{'key':'a b','operator':'Exists'}]}",
	    "spec.s[0].matchExpressions[0].key: want a label's key such as app or example.com/app, "
	    "have \"a b\"" },
	{ "{'matchExpressions':[{'key':'a'}]}", "spec.s[0].matchExpressions[0].operator: want In, "
						"NotIn, Exists or DoesNotExist, have nothing" },
	{ "{'matchExpressions':[{'key':'a','operator':'in'}]}",
	    "spec.s[0].matchExpressions[0].operator: want In, NotIn, Exists or DoesNotExist, have "
	    "\"in\"" },
	{ "{'matchExpressions':[{'key':'a','operator':'In'}]}",
	    "spec.s[0].matchExpressions[0].values: want at least one value for In and NotIn, have "
	    "nothing" },
	{ "{'matchExpressions':[{'key':'a','operator':'Exists','values':['b']}]}",
	    "spec.s[0].matchExpressions[0].values: want no values for Exists and DoesNotExist, have "
	    "[\"b\"]" },
	{ "{'matchExpressions':[{'key':'a','operator':'NotIn','values':'b'}]}",
	    "spec.s[0].matchExpressions[0].values: want a list, have \"b\"" },
	{ "{'matchExpressions':[{'key':'a','operator':'In','values':[]}]}",
	    "spec.s[0].matchExpressions[0].values: want at least one value for In and NotIn, have []" },
	{ "{'matchExpressions':[{'key':'a','op':'Exists'}]}",
	    "spec.s[0].matchExpressions[0].op: no such field; want key, operator or values" },
	{ "{'match-expressions':[{'key':'a','operator':'In','values':['b',1]}]}",
	    "spec.s[0].match-expressions[0].values[1]: want a string, have 1" },
	{ "{'matchExpressions':[{'key':'a','operator':'In','values':[null]}]}",
	    "spec.s[0].matchExpressions[0].values[0]: want a label's value, at most 63 letters, digits "
	    "and -_. inside, have nothing" },
};

static void a_wrong_selector_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct arena a = ARENA_INIT;
		struct err e = ERR_INIT;
		struct json *j = parse(wrong[i].selector);
		struct api_selector s;

		if (api_selector_decode(&s, j, "spec.s[0]", &a, &e) == 0)
			fail_msg("accepted: %s", wrong[i].selector);
		assert_string_equal(e.text, wrong[i].text);
		json_free(j);
		arena_release(&a);
	}
}

static void a_labels_key_and_value_have_their_syntax(void **state)
{
	static const char *const good[] = { "a", "A1", "a-b_c.d", "example.com/a",
		"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg" };
	static const char *const bad[] = { "-a", "a-", "a b", "/a", "Example.com/a", "a/b/c",
		"\xc3\xa9", "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good) + ARRAY_LEN(bad); i++) {
		bool want = i < ARRAY_LEN(good);
		struct arena a = ARENA_INIT;
		struct err e = ERR_INIT;
		struct api_selector s;
		char text[200];
		struct json *j;

		snprintf(text, sizeof(text), "{'matchLabels':{'%s':'x'}}",
		    want ? good[i] : bad[i - ARRAY_LEN(good)]);
		j = parse(text);
		if ((api_selector_decode(&s, j, "s", &a, &e) == 0) != want)
			fail_msg("%s", text);
		json_free(j);
		arena_release(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_selector_matches_as_in_kubernetes),
		cmocka_unit_test(a_wrong_selector_is_refused),
		cmocka_unit_test(a_labels_key_and_value_have_their_syntax),
	};

	return cmocka_run_group_tests_name("api selector", tests, NULL, NULL);
}
