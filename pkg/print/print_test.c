/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/print/print.h"

#include "tests/unit.h"

static void add(struct print *p, enum record_type type, const char *text)
{
	struct err e = ERR_INIT;
	struct json *j = json_parse(text, strlen(text), &e);

	if (!j)
		fail_msg("%s", e.text);
	print_record(p, type, j);
	json_free(j);
}

#define WEB                                                                                          \
	"{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"namespace\":\"default\","       \
	"\"name\":\"web\"},"                                                                         \
	"\"spec\":{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.0.7\",\"ports\":[{\"port\":8080," \
	"\"nodePort\":30080}]}}"
#define DNS                                                                                        \
	"{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"namespace\":\"kube-system\"," \
	"\"name\":"                                                                                \
	"\"d\\u001b[31mns\"},\"spec\":{\"ports\":[{\"port\":53,\"protocol\":\"UDP\"}]}}"
#define POOL                                                                             \
	"{\"kind\":\"IPAddressPool\",\"apiVersion\":\"metallb.io/"                       \
	"v1beta1\",\"metadata\":{\"namespace\":"                                         \
	"\"metallb-system\",\"name\":\"first\"},\"spec\":{\"addresses\":[\"203.0.113.0/" \
	"28\",\"192.0.2.1-"                                                              \
	"192.0.2.9\"]}}"

static void assert_prints(enum print_output output, const char *want)
{
	struct err e = ERR_INIT;
	struct print *p = print_new(output, &e);
	struct buf out = BUF_INIT;

	add(p, RECORD_ADDED, WEB);
	add(p, RECORD_DELETED, DNS);
	add(p, RECORD_BOOKMARK, "{\"kind\":\"Service\"}");
	add(p, RECORD_ADDED, POOL);
	print_flush(p, &out);
	assert_string_equal(out.data, want);
	buf_release(&out);
	print_free(p);
}

static void kinds_have_tables_and_control_characters_vanish(void **state)
{
	(void)state;
	assert_prints(PRINT_TABLE,
	    "NAMESPACE     NAME       TYPE           CLUSTER-IP   EXTERNAL-IP   PORT(S)\n"
	    "default       web        LoadBalancer   10.96.0.7    <pending>     8080:30080/TCP\n"
	    "kube-system   d [31mns   ClusterIP      <none>       <none>        53/UDP   (deleted)\n"
	    "\n"
	    "NAMESPACE        NAME    AUTO ASSIGN   AVOID BUGGY IPS   ADDRESSES\n"
	    "metallb-system   first   true          false             "
	    "203.0.113.0/28,192.0.2.1-192.0.2.9\n");
}

static void names_are_those_of_kubectl(void **state)
{
	(void)state;
	assert_prints(PRINT_NAME, "service/web\nservice/d [31mns\nipaddresspool.metallb.io/first\n");
}

static void a_later_row_of_the_same_kind_needs_no_header(void **state)
{
	struct err e = ERR_INIT;
	struct print *p = print_new(PRINT_WIDE, &e);
	struct buf out = BUF_INIT;

	(void)state;
	add(p, RECORD_APPLY,
	    "{\"kind\":\"Service\",\"metadata\":{\"namespace\":\"default\",\"name\":\"web\","
	    "\"annotations\":{"
	    "\"metallb.io/"
	    "ip-allocated-from-pool\":\"first\"}},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":"
	    "\"203.0.113.1\"}]}}}");
	print_flush(p, &out);
	add(p, RECORD_APPLY,
	    "{\"kind\":\"Service\",\"metadata\":{\"namespace\":\"default\",\"name\":\"x\"},\"status\":{"
	    "}}");
	print_flush(p, &out);
	assert_string_equal(out.data, "SERVICE       EXTERNAL-IP   POOL\n"
				      "default/web   203.0.113.1   first\n"
				      "default/x     <none>        <none>\n");
	buf_release(&out);
	print_free(p);
}

#define DECISION(name, code, why)                                                               \
	"{\"kind\":\"Decision\",\"apiVersion\":\"lbctl.dev/v1\",\"metadata\":{\"name\":\"" name \
	"\"},\"spec\":{\"verdict\":\"done\",\"code\":\"" code "\",\"message\":\"" why "\"}}"

static void a_later_row_that_does_not_fit_comes_under_a_header_of_its_own(void **state)
{
	struct err e = ERR_INIT;
	struct print *p = print_new(PRINT_TABLE, &e);
	struct buf out = BUF_INIT;
	static const char *const rows[] = {
		DECISION("a/web", "Allocated", "got 192.0.2.1"),
		DECISION("a/websites", "Allocated", "got 192.0.2.2"),
		DECISION("a/web", "Allocated", "a long last column needs no width of its own"),
		DECISION("a/website-of-10", "Allocated", "fits now"),
		DECISION("a/a-name-that-is-longer-than-any-column-is-worth", "Allocated", "x"),
		DECISION("a/web", "Allocated", "x"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		add(p, RECORD_ADDED, rows[i]);
		print_flush(p, &out);
	}
	assert_string_equal(out.data,
	    "SUBJECT   VERDICT   CODE        MESSAGE\n"
	    "a/web     done      Allocated   got 192.0.2.1\n"
	    "\n"
	    "SUBJECT            VERDICT   CODE        MESSAGE\n"
	    "a/websites         done      Allocated   got 192.0.2.2\n"
	    "a/web              done      Allocated   a long last column needs no width of its own\n"
	    "a/website-of-10    done      Allocated   fits now\n"
	    "a/a-name-that-is-longer-than-any-column-is-worth   done      Allocated   x\n"
	    "a/web              done      Allocated   x\n");
	buf_release(&out);
	print_free(p);
}

static void an_unknown_format_is_refused(void **state)
{
	struct err e = ERR_INIT;
	enum print_output out;

	(void)state;
	assert_int_equal(print_output("yaml", 1, &out, &e), -1);
	assert_string_equal(e.text, "--output: want json, table, wide or name, have 'yaml'");
	assert_int_equal(print_output("name", 1, &out, &e), 0);
	assert_int_equal(out, PRINT_NAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_have_tables_and_control_characters_vanish),
		cmocka_unit_test(names_are_those_of_kubectl),
		cmocka_unit_test(a_later_row_of_the_same_kind_needs_no_header),
		cmocka_unit_test(a_later_row_that_does_not_fit_comes_under_a_header_of_its_own),
		cmocka_unit_test(an_unknown_format_is_refused),
	};

	return cmocka_run_group_tests_name("print", tests, NULL, NULL);
}
