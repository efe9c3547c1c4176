/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/exec.h"

#include "tests/unit.h"

#define V1 "client.authentication.k8s.io/v1"
#define CREDENTIAL(status) \
	"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{" status "}}"

static int decode(struct exec_credential *c, const char *text, struct arena *a, struct err *e)
{
	return exec_credential_decode(c, text, strlen(text), V1, a, e);
}

static void a_credential_expires_when_it_says(void **state)
{
	static const struct {
		const char *text;
		int64_t expires;
	} rows[] = {
		{ CREDENTIAL("\"token\":\"t\""), 0 },
		{ CREDENTIAL("\"token\":\"t\",\"expirationTimestamp\":\"2018-03-05T17:30:20Z\""),
		    1520271020 },
		{ CREDENTIAL("\"token\":\"t\",\"expirationTimestamp\":\"2018-03-05T17:30:20.123456Z\""),
		    1520271020 },
		{ CREDENTIAL("\"token\":\"t\",\"expirationTimestamp\":\"2018-03-05T17:30:20-08:00\""),
		    1520299820 },
		{ CREDENTIAL("\"token\":\"t\",\"expirationTimestamp\":\"2018-03-05T17:30:20+05:30\""),
		    1520251220 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct exec_credential c;
		struct arena a = ARENA_INIT;
		struct err e = ERR_INIT;

		assert_int_equal(decode(&c, rows[i].text, &a, &e), 0);
		assert_string_equal(c.token, "t");
		assert_null(c.cert);
		assert_int_equal(c.expires, rows[i].expires);
		arena_release(&a);
	}
}

static void a_certificate_needs_its_key(void **state)
{
	struct exec_credential c = { 0 };
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(
	    decode(&c, CREDENTIAL("\"clientCertificateData\":\"C\",\"clientKeyData\":\"K\""), &a, &e),
	    0);
	assert_string_equal(c.cert, "C");
	assert_string_equal(c.key, "K");
	assert_null(c.token);
	assert_int_equal(decode(&c, CREDENTIAL("\"clientCertificateData\":\"C\""), &a, &e), -1);
	assert_non_null(strstr(e.text, "neither status.token nor"));
	arena_release(&a);
}

static void what_is_no_credential_is_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "", "want an ExecCredential: not JSON" },
		{ "[]", "have kind \"\" of \"\"" },
		{ "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/"
		  "v1beta1\"}",
		    "of \"client.authentication.k8s.io/v1beta1\"" },
		{ CREDENTIAL("\"token\":7"), "neither status.token nor" },
		{ CREDENTIAL("\"token\":\"a\\r\\nX-Evil: b\""), "holds a line break" },
		{ CREDENTIAL("\"token\":\"t\",\"expirationTimestamp\":\"soon\""),
		    "want RFC 3339, have \"soon\"" },
		{ CREDENTIAL("\"token\":\"t\",\"expirationTimestamp\":\"2018-03-05T17:30:20\""),
		    "want RFC 3339" },
		{ CREDENTIAL("\"token\":\"t\",\"expirationTimestamp\":\"2018-03-05T17:30:20+8\""),
		    "want RFC 3339" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct exec_credential c = { .expires = 99 };
		struct arena a = ARENA_INIT;
		struct err e = ERR_INIT;

		assert_int_equal(decode(&c, rows[i].text, &a, &e), -1);
		assert_int_equal(e.kind, ERR_PROTOCOL);
		assert_int_equal(c.expires, 99);
		if (!strstr(e.text, rows[i].says))
			fail_msg("\"%s\" does not say \"%s\"", e.text, rows[i].says);
		arena_release(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_credential_expires_when_it_says),
		cmocka_unit_test(a_certificate_needs_its_key),
		cmocka_unit_test(what_is_no_credential_is_refused),
	};

	return cmocka_run_group_tests_name("exec", tests, NULL, NULL);
}
