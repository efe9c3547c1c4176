/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/json/json.h"

#include "tests/unit.h"

static struct json *parse(const char *text)
{
	struct err e = ERR_INIT;
	struct json *j = json_parse(text, strlen(text), &e);

	if (!j)
		fail_msg("%s: %s", text, e.text);
	return j;
}

static void assert_writes(const struct json *j, const char *want)
{
	struct buf out = BUF_INIT;

	json_write(j, &out);
	assert_string_equal(out.data, want);
	buf_release(&out);
}

static void text_survives_a_round_trip(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"\"\"",
		"1",
		"-9223372036854775808",
		"1.50",
		"1e3",
		"true",
		"{\"b\":1,\"a\":[null,{\"c\":\"/\\\"\\\\\\n\xc3\xa9\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct json *j = parse(texts[i]);

		assert_writes(j, texts[i]);
		json_free(j);
	}
}

static void what_is_not_json_is_refused_with_its_place(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"{",
		"{\"a\":1",
		"{\"a\":1}}",
		"{\"a\":1} x",
		"[1,]",
		"{'a':1}",
		"nul",
		"null",
		"[NaN]",
		"[Infinity]",
		"[-Infinity]",
		"\"\xff\"",
		"\"\xc3\"",
		"/* c */ 1",
		"<html>",
		"01x",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct err e = ERR_INIT;
		struct json *j = json_parse(texts[i], strlen(texts[i]), &e);

		if (j)
			fail_msg("accepted %s", texts[i]);
		assert_int_equal(e.kind, ERR_PROTOCOL);
		assert_non_null(strstr(e.text, "at byte"));
	}
}

static void words_inside_strings_are_no_numbers(void **state)
{
	struct json *j = parse("{\"a\":\"NaN\",\"b\":\"Infinity\"}");

	(void)state;
	assert_string_equal(json_string(json_get(j, "a")), "NaN");
	json_free(j);
}

static void depth_is_bounded(void **state)
{
	char text[2 * JSON_DEPTH + 3];
	struct err e = ERR_INIT;
	struct json *j;

	(void)state;
	memset(text, '[', JSON_DEPTH);
	memset(text + JSON_DEPTH, ']', JSON_DEPTH);
	j = json_parse(text, 2 * JSON_DEPTH, &e);
	assert_non_null(j);
	json_free(j);
	memset(text, '[', JSON_DEPTH + 1);
	memset(text + JSON_DEPTH + 1, ']', JSON_DEPTH + 1);
	assert_null(json_parse(text, 2 * JSON_DEPTH + 2, &e));
	assert_int_equal(e.kind, ERR_PROTOCOL);
}

static void every_truncation_is_refused(void **state)
{
	static const char text[] = "{\"a\":[1,2.5,{\"b\":\"\\u00e9\"}],\"c\":true,\"d\":null}";

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		struct err e = ERR_INIT;

		assert_null(json_parse(text, n, &e));
	}
}

static void reading_never_fails(void **state)
{
	struct json *j = parse("{\"a\":{\"b\":[\"x\",7]},\"n\":null,\"d\":3.0,\"f\":3.5}");
	int64_t v = 99;
	bool b = true;

	(void)state;
	assert_string_equal(json_string(json_item(json_at(j, "a", "b", NULL), 0)), "x");
	assert_null(json_string(json_item(json_at(j, "a", "b", NULL), 1)));
	assert_null(json_item(json_at(j, "a", "b", NULL), 2));
	assert_null(json_at(j, "a", "x", "y", NULL));
	assert_null(json_get(NULL, "a"));
	assert_int_equal(json_type(json_get(j, "n")), JSON_NULL);
	assert_false(json_int(json_get(j, "f"), &v));
	assert_int_equal(v, 99);
	assert_true(json_int(json_get(j, "d"), &v));
	assert_int_equal(v, 3);
	assert_false(json_bool(json_get(j, "d"), &b));
	assert_int_equal(json_count(j), 4);
	json_free(j);
}

static void each_goes_in_order(void **state)
{
	struct json *j = parse("{\"z\":1,\"a\":null,\"m\":3}");
	struct json_iter it = { 0 };
	struct buf keys = BUF_INIT;

	(void)state;
	while (json_each(j, &it))
		buf_puts(&keys, it.key);
	assert_string_equal(keys.data, "zam");
	buf_release(&keys);
	json_free(j);
}

/* The examples of RFC 7396, appendix A. */
static void merge_is_rfc_7396(void **state)
{
	static const struct {
		const char *target, *patch, *want;
	} rows[] = {
		{ "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
		{ "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
		{ "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
		{ "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
		{ "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
		{ "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
		{ "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
		    "{\"a\":{\"b\":\"d\"}}" },
		{ "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
		{ "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
		{ "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json *target = parse(rows[i].target), *patch = parse(rows[i].patch);

		assert_int_equal(json_merge(target, patch), 0);
		assert_writes(target, rows[i].want);
		json_free(target);
		json_free(patch);
	}
}

static void the_writer_writes_what_the_parser_reads(void **state)
{
	static const char nasty[] = "q\" b\\ n\n t\t e\x1b /\xe2\x82\xac";
	struct buf out = BUF_INIT;
	struct json_writer w = json_writer(&out);
	struct json *j;

	(void)state;
	json_begin(&w, '{');
	json_field(&w, "type", "APPLY");
	json_key_of(&w, nasty);
	json_put(&w, nasty);
	json_key(&w, "list");
	json_begin(&w, '[');
	json_put_int(&w, -1);
	json_put_bool(&w, true);
	json_put(&w, NULL);
	json_begin(&w, '{');
	json_end(&w, '}');
	json_end(&w, ']');
	json_field(&w, "last", "");
	json_end(&w, '}');
	j = parse(out.data);
	assert_string_equal(json_string(json_get(j, nasty)), nasty);
	assert_writes(json_get(j, "list"), "[-1,true,null,{}]");
	assert_string_equal(json_string(json_get(j, "last")), "");
	json_free(j);
	buf_release(&out);
}

#define NONE "\xef\xbf\xbd" /* U+FFFD */
static void what_is_no_utf8_is_written_as_the_replacement_character(void **state)
{
	static const char *const pairs[][2] = {
		{ "caf\xc3", "caf" NONE }, /* cut inside of a character */
		{ "\xe2\x82", NONE NONE },
		{ "\xf0\x9f\x98", NONE NONE NONE },
		{ "\xc3\xa9\xc3z", "\xc3\xa9" NONE "z" },
		{ "\x80\xff", NONE NONE },
		{ "\xc0\xaf", NONE NONE },          /* longer than need be */
		{ "\xed\xa0\x80", NONE NONE NONE }, /* half of a pair of UTF-16 */
		{ "\xf4\x90\x80\x80", NONE NONE NONE NONE },
		{ "\xf4\x8f\xbf\xbf\xed\x9f\xbf", "\xf4\x8f\xbf\xbf\xed\x9f\xbf" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct buf out = BUF_INIT;
		struct json_writer w = json_writer(&out);
		struct json *j;

		json_put(&w, pairs[i][0]);
		j = parse(out.data);
		assert_string_equal(json_string(j), pairs[i][1]);
		json_free(j);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_survives_a_round_trip),
		cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
		cmocka_unit_test(words_inside_strings_are_no_numbers),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(reading_never_fails),
		cmocka_unit_test(each_goes_in_order),
		cmocka_unit_test(merge_is_rfc_7396),
		cmocka_unit_test(the_writer_writes_what_the_parser_reads),
		cmocka_unit_test(what_is_no_utf8_is_written_as_the_replacement_character),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
