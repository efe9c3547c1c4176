/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/yaml/yaml.h"

#include "tests/unit.h"

/* `yaml` reads as the JSON text `want`. */
static void reads(const char *yaml, const char *want)
{
	CLEANUP(json_freep) struct json *j = NULL;
	CLEANUP(buf_release) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	if (yaml_parse(yaml, strlen(yaml), &j, &e) < 0)
		fail_msg("%s: %s", yaml, e.text);
	json_write(j, &out);
	if (strcmp(out.data, want) != 0)
		fail_msg("%s: have %s, want %s", yaml, out.data, want);
}

/* `yaml` is refused, with exactly this text when it is not NULL. */
static void refused_n(const char *yaml, size_t len, const char *want)
{
	struct json *j = (struct json *)&j;
	struct err e = ERR_INIT;

	if (yaml_parse(yaml, len, &j, &e) == 0)
		fail_msg("%.200s: was read", yaml);
	assert_int_equal(e.kind, ERR_PROTOCOL);
	assert_ptr_equal(j, &j); /* an output is written only on success */
	if (want && strcmp(e.text, want) != 0)
		fail_msg("%.200s: have '%s', want '%s'", yaml, e.text, want);
	assert_true(!strncmp(e.text, "line ", 5));
}

static void refused(const char *yaml, const char *want)
{
	refused_n(yaml, strlen(yaml), want);
}

static void words_are_what_kubernetes_reads(void **state)
{
	(void)state;
	reads("[y, Yes, TRUE, on, N, no, False, OFF]", "[true,true,true,true,false,false,false,false]");
	reads("[~, null, Null, NULL, '']", "[null,null,null,null,\"\"]");
	reads(
	    "a:\nb: yES\nc: \"yes\"\nd: nul", "{\"a\":null,\"b\":\"yES\",\"c\":\"yes\",\"d\":\"nul\"}");
}

static void numbers_are_what_kubernetes_reads(void **state)
{
	(void)state;
	reads("[0777, 0o17, 089, 0x1F, 0b11, -0b11, 1_000, 1_, +1, -0, 00, 0_8]",
	    "[511,15,89,31,3,-3,1000,1,1,0,0,8]");
	reads("[1.5, .5, 5., -.5, +.5, 1.5e-7, 007.25]", "[1.5,0.5,5,-0.5,0.5,1.5e-7,7.25]");
	reads("[18446744073709551615, 9223372036854775807, -9223372036854775808]",
	    "[18446744073709551615,9223372036854775807,-9223372036854775808]");
	reads("[-18446744073709551615, 99999999999999999999999]",
	    "[-1.8446744073709552e+19,9.9999999999999992e+22]");
	reads("[192.0.2.1, 12:30:45, 2001-01-01, 2001-12-14T21:59:43Z, _1, 1e999, 1.2.3, '5', -, =]",
	    "[\"192.0.2.1\",\"12:30:45\",\"2001-01-01\",\"2001-12-14T21:59:43Z\",\"_1\",\"1e999\","
	    "\"1.2.3\",\"5\",\"-\",\"=\"]");
}

static void infinity_is_refused(void **state)
{
	(void)state;
	refused("a: .inf", "line 1, column 4: '.inf' is not a number that JSON can hold");
	refused("a: -.Inf", NULL);
	refused("a: .NaN", NULL);
}

static void tags_are_obeyed(void **state)
{
	(void)state;
	reads("[!!str 3, !!int '3', !!float 3, !!bool 'yes', !!null '', !odd 3, ! 3]",
	    "[\"3\",3,3,true,null,\"3\",\"3\"]");
	refused("a: !!bool 3", "line 1, column 4: '3' is not what its tag says");
	refused("a: !!int yes", NULL);
	refused("a: !!binary aGk=", NULL);
}

static void keys_become_text(void **state)
{
	(void)state;
	reads("{on: 1, 2: b, 1.5: c, 0x10: d}", "{\"true\":1,\"2\":\"b\",\"1.5\":\"c\",\"16\":\"d\"}");
	reads("'': 1", "{\"\":1}");
	refused("~: 1", "line 1, column 1: a key must be a string");
	refused("? [a]\n: 1", NULL);
	refused("\"a\\0b\": 1", "line 1, column 1: a NUL in a key");
}

static void a_key_twice_is_refused_with_its_place(void **state)
{
	(void)state;
	refused("a:\n  b: 1\n  c: 2\n  b: 3\n", "line 4, column 3: key 'b' is here twice");
	refused("{a: ~, a: ~}", "line 1, column 8: key 'a' is here twice");
	refused("{1: x, '1': y}", NULL);
}

static void tabs_as_indentation_are_refused_with_their_place(void **state)
{
	(void)state;
	refused("a:\n\tb: 1\n", "line 2, column 1: a tab as indentation; indent with spaces");
	refused("a:\n  b:\n  \tc: 1\n", "line 3, column 3: a tab as indentation; indent with spaces");
	reads("a: {\n\tb: 1 }", "{\"a\":{\"b\":1}}"); /* no indentation in there */
	reads("a: \tb", "{\"a\":\"b\"}");
}

static void text_must_be_utf8(void **state)
{
	(void)state;
	refused("a: 1\nb: x\xff\n", "line 2, column 5: the text is not UTF-8");
	refused("\xff\xfe"
		"a",
	    NULL);
	refused("a: \xc3", NULL);
	refused_n("a: b\0c", 6, "line 1, column 5: control characters are not allowed");
	reads("\xef\xbb\xbf"
	      "a: \xc3\xa4",
	    "{\"a\":\"\xc3\xa4\"}");
}

static void merge_keys_go_under_the_mapping_itself(void **state)
{
	(void)state;
	reads("base: &b {x: 1, z: 2}\none:\n  z: 3\n  <<: *b\n",
	    "{\"base\":{\"x\":1,\"z\":2},\"one\":{\"x\":1,\"z\":3}}");
	reads("{<<: [{a: 1}, {a: 2, b: 3}], c: 4}", "{\"a\":1,\"b\":3,\"c\":4}");
	reads("{'<<': {a: 1}}", "{\"<<\":{\"a\":1}}");
	refused("{<<: 1}", "line 1, column 6: '<<' merges a mapping or a list of mappings");
	refused("{<<: [1]}", NULL);
}

static void aliases_are_copies(void **state)
{
	(void)state;
	reads("a: &x [1]\nb: *x\nc: &x 2\nd: *x", "{\"a\":[1],\"b\":[1],\"c\":2,\"d\":2}");
	refused("a: *x", "line 1, column 4: an alias to an anchor that is not there");
	refused("a: &x [*x]", "line 1, column 8: an alias inside of what it stands for");
	refused("--- &x 1\n--- *x\n", NULL); /* anchors end with their document */
}

static void alias_bombs_are_refused_before_they_go_off(void **state)
{
	CLEANUP(buf_release) struct buf b = BUF_INIT;

	(void)state;
	buf_puts(&b, "a0: &a0 [lol, lol]\n");
	for (int i = 1; i < 40; i++)
		buf_printf(&b, "a%d: &a%d [*a%d, *a%d]\n", i, i, i - 1, i - 1);
	refused(b.data, NULL);
	buf_reset(&b);
	buf_puts(&b, "a0: &a0 '");
	for (int i = 0; i < 1000; i++)
		buf_puts(&b, "0123456789012345678901234567890123456789012345678901234567890123456789");
	buf_puts(&b, "'\nb: [");
	for (int i = 0; i < 1000; i++)
		buf_puts(&b, "*a0, ");
	buf_puts(&b, "1]");
	refused(b.data, NULL);
}

static void depth_is_bounded_through_aliases_too(void **state)
{
	char deep[2 * YAML_DEPTH_MAX + 3] = "";
	CLEANUP(buf_release) struct buf b = BUF_INIT;

	(void)state;
	memset(deep, '[', YAML_DEPTH_MAX);
	memset(deep + YAML_DEPTH_MAX, ']', YAML_DEPTH_MAX);
	reads(deep, deep);
	memset(deep, '[', YAML_DEPTH_MAX + 1);
	memset(deep + YAML_DEPTH_MAX + 1, ']', YAML_DEPTH_MAX + 1);
	refused(deep, "line 1, column 65: nested more than 64 levels deep");
	buf_puts(&b, "a0: &a0 [[[[[[[[1]]]]]]]]\n");
	for (int i = 1; i < 10; i++)
		buf_printf(&b, "a%d: &a%d [[[[[[[[*a%d]]]]]]]]\n", i, i, i - 1);
	refused(b.data, NULL);
}

static void documents_come_one_by_one_with_their_lines(void **state)
{
	static const char text[] = "# first\na: 1\n---\n# nothing\n---\nb: 2\n...\n";
	struct err e = ERR_INIT;
	CLEANUP(yaml_closep) struct yaml_reader *r = yaml_open(text, strlen(text), &e);
	static const struct {
		size_t line;
		enum json_type type;
	} want[] = { { 2, JSON_OBJECT }, { 3, JSON_NULL }, { 5, JSON_OBJECT } };

	(void)state;
	assert_non_null(r);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		CLEANUP(json_freep) struct json *doc = NULL;
		size_t line = 0;

		assert_int_equal(yaml_next(r, &doc, &line, &e), 1);
		assert_int_equal(line, want[i].line);
		assert_int_equal(json_type(doc), want[i].type);
	}
	assert_int_equal(yaml_next(r, NULL, NULL, &e), 0);
	assert_int_equal(yaml_next(r, NULL, NULL, &e), 0);
}

static void one_document_is_one_document(void **state)
{
	(void)state;
	reads("", "null");
	reads("# nothing\n", "null");
	reads("--- {a: 1}\n---\n", "{\"a\":1}");
	refused("a: 1\n---\nb: 2\n", "line 2, column 1: a second document, where one is wanted");
}

static void every_truncation_is_read_or_refused(void **state)
{
	static const char text[] = "a: &x {b: [1, \"\\u00e4\", |\n  c\n"
				   "d: !!str 5\ne:\n  - *x\n  - ? k\n    : v\n...\n--- 'f'\n";

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		CLEANUP(json_freep) struct json *j = NULL;
		struct err e = ERR_INIT;

		if (yaml_parse(text, n, &j, &e) < 0)
			assert_non_null(strstr(e.text, "line "));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_what_kubernetes_reads),
		cmocka_unit_test(numbers_are_what_kubernetes_reads),
		cmocka_unit_test(infinity_is_refused),
		cmocka_unit_test(tags_are_obeyed),
		cmocka_unit_test(keys_become_text),
		cmocka_unit_test(a_key_twice_is_refused_with_its_place),
		cmocka_unit_test(tabs_as_indentation_are_refused_with_their_place),
		cmocka_unit_test(text_must_be_utf8),
		cmocka_unit_test(merge_keys_go_under_the_mapping_itself),
		cmocka_unit_test(aliases_are_copies),
		cmocka_unit_test(alias_bombs_are_refused_before_they_go_off),
		cmocka_unit_test(depth_is_bounded_through_aliases_too),
		cmocka_unit_test(documents_come_one_by_one_with_their_lines),
		cmocka_unit_test(one_document_is_one_document),
		cmocka_unit_test(every_truncation_is_read_or_refused),
	};

	return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
