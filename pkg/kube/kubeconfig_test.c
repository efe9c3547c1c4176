/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/kubeconfig.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit.h"

#define CLUSTERS                                                                  \
	"clusters: [{name: one, cluster: {server: 'https://192.0.2.1:6443/'}},\n" \
	" {name: two, cluster: {server: 'https://192.0.2.2:6443', insecure-skip-tls-verify: true}}]\n"

static char dir[] = "/tmp/kubeconfig_test.XXXXXX";

static void put(const char *name, const char *text)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static const char *in_dir(const char *name)
{
	static char path[4][300];
	static unsigned at;
	char *p = path[at++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static int load(struct kubeconfig *c, const char *file, const char *context, struct err *e)
{
	struct kube_options o = { .kubeconfig = file ? in_dir(file) : NULL,
		.context = context,
		.service_account = in_dir("sa") };

	return kubeconfig_load(c, &o, e);
}

/* The file `text` is refused with words that hold `says`. */
static void refused(const char *text, const char *says)
{
	struct kubeconfig c;
	struct err e = ERR_INIT;

	put("bad", text);
	assert_int_equal(load(&c, "bad", NULL, &e), -1);
	if (!strstr(e.text, says) || (e.kind != ERR_USAGE && e.kind != ERR_PROTOCOL))
		fail_msg("kind %d, \"%s\" does not say \"%s\"", e.kind, e.text, says);
}

static int in_temporary_directory(void **state)
{
	(void)state;
	return mkdtemp(dir) && !mkdir(in_dir("sub"), 0700) && !mkdir(in_dir("sa"), 0700) ? 0 : -1;
}

static int clean_environment(void **state)
{
	(void)state;
	unsetenv("KUBECONFIG");
	unsetenv("KUBERNETES_SERVICE_HOST");
	unsetenv("KUBERNETES_SERVICE_PORT");
	setenv("HOME", dir, 1);
	return 0;
}

static int remove_directory(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void the_current_context_is_used_unless_another_is_named(void **state)
{
	struct kubeconfig c;
	struct err e = ERR_INIT;

	(void)state;
	put("kc",
	    CLUSTERS "users: [{name: u, user: {token: secret}}]\n"
		     "contexts: [{name: first, context: {cluster: one, user: u, namespace: web}},\n"
		     " {name: second, context: {cluster: two}}]\ncurrent-context: first\n");
	assert_int_equal(load(&c, "kc", NULL, &e), 0);
	assert_string_equal(c.target.url, "https://192.0.2.1:6443");
	assert_string_equal(c.token, "secret");
	assert_string_equal(c.namespace, "web");
	assert_false(c.target.insecure);
	kubeconfig_release(&c);
	assert_int_equal(load(&c, "kc", "second", &e), 0);
	assert_string_equal(c.target.url, "https://192.0.2.2:6443");
	assert_null(c.token);
	assert_true(c.target.insecure);
	kubeconfig_release(&c);
	assert_int_equal(load(&c, "kc", "third", &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_non_null(strstr(e.text, "no context third; there are: first, second"));
}

static void of_several_files_the_first_counts(void **state)
{
	struct kubeconfig c;
	struct err e = ERR_INIT;
	char list[1200];

	(void)state;
	put("a", "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
		 "users: [{name: u, user: {token: from-a}}]\n");
	put("sub/b", "clusters: [{name: c, cluster: {server: 'https://192.0.2.9', "
		     "certificate-authority: ca.pem}}]\n"
		     "users: [{name: u, user: {token: from-b}}]\ncurrent-context: x\n");
	put("sub/ca.pem", "certificate");
	put("c",
	    "current-context: y\nclusters: [{name: c, cluster: {server: 'https://192.0.2.99'}}]\n");
	snprintf(list, sizeof(list), "%s:%s::%s:%s", in_dir("absent"), in_dir("a"), in_dir("sub/b"),
	    in_dir("c"));
	setenv("KUBECONFIG", list, 1);
	assert_int_equal(load(&c, NULL, NULL, &e), 0);
	assert_string_equal(c.target.url, "https://192.0.2.9");
	assert_string_equal(c.token, "from-a");
	assert_string_equal(c.target.ca_file, in_dir("sub/ca.pem"));
	kubeconfig_release(&c);

	setenv("KUBECONFIG", in_dir("absent"), 1);
	assert_int_equal(load(&c, NULL, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(e.text, "KUBECONFIG is "));
}

static void every_way_to_say_who_we_are_is_read(void **state)
{
	struct kubeconfig c;
	struct err e = ERR_INIT;

	(void)state;
	put("cert.pem", "CERT");
	put("key.pem", "KEY");
	put("token", "rotates\n");
	put("kc",
	    "clusters: [{name: c, cluster: {server: 'https://[2001:db8::1]:6443', tls-server-name: "
	    "api,\n"
	    " proxy-url: 'http://192.0.2.3:3128', certificate-authority-data: Q0E=, "
	    "certificate-authority: no}}]\n"
	    "users:\n"
	    "- {name: files, user: {client-certificate: cert.pem, client-key: key.pem}}\n"
	    "- {name: data, user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}}\n"
	    "- {name: tokenfile, user: {tokenFile: token, token: old}}\n"
	    "- {name: password, user: {username: me, password: pw, as: other, as-groups: [g1, g2]}}\n"
	    "contexts:\n"
	    "- {name: files, context: {cluster: c, user: files}}\n"
	    "- {name: data, context: {cluster: c, user: data}}\n"
	    "- {name: tokenfile, context: {cluster: c, user: tokenfile}}\n"
	    "- {name: password, context: {cluster: c, user: password}}\n");
	assert_int_equal(load(&c, "kc", "files", &e), 0);
	assert_string_equal(c.cert_file, in_dir("cert.pem"));
	assert_string_equal(c.key_file, in_dir("key.pem"));
	assert_string_equal(c.target.proxy, "http://192.0.2.3:3128");
	assert_string_equal(c.target.server_name, "api");
	assert_int_equal(c.target.ca.len, 2);
	assert_memory_equal(c.target.ca.data, "CA", 2);
	assert_null(c.target.ca_file);
	kubeconfig_release(&c);
	assert_int_equal(load(&c, "kc", "data", &e), 0);
	assert_string_equal(c.cert.data, "CERT");
	assert_string_equal(c.key.data, "KEY");
	kubeconfig_release(&c);
	assert_int_equal(load(&c, "kc", "tokenfile", &e), 0);
	assert_string_equal(c.token_file, in_dir("token"));
	kubeconfig_release(&c);
	assert_int_equal(load(&c, "kc", "password", &e), 0);
	assert_string_equal(c.username, "me");
	assert_string_equal(c.password, "pw");
	assert_string_equal(c.impersonate[0], "Impersonate-User: other");
	assert_string_equal(c.impersonate[2], "Impersonate-Group: g2");
	assert_null(c.impersonate[3]);
	kubeconfig_release(&c);
}

static void an_exec_plugin_is_read_with_what_it_is_told(void **state)
{
	struct kubeconfig c;
	struct err e = ERR_INIT;

	(void)state;
	put("kc",
	    "clusters: [{name: c, cluster: {server: 'https://192.0.2.1', extensions: [{name: "
	    "client.authentication.k8s.io/exec, extension: {audience: x}}]}}]\n"
	    "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: "
	    "./bin/login,\n"
	    " args: [get, token], env: [{name: PROFILE, value: prod}], provideClusterInfo: true,\n"
	    " interactiveMode: IfAvailable, installHint: get it}}}]\n"
	    "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n");
	assert_int_equal(load(&c, "kc", NULL, &e), 0);
	assert_string_equal(c.exec.command, in_dir("./bin/login"));
	assert_string_equal(c.exec.args[0], c.exec.command);
	assert_string_equal(c.exec.args[2], "token");
	assert_null(c.exec.args[3]);
	assert_string_equal(c.exec.env[0], "PROFILE=prod");
	assert_string_equal(c.exec.install_hint, "get it");
	assert_string_equal(c.exec.info,
	    "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"spec\":{"
	    "\"interactive\":false,\"cluster\":{\"server\":\"https://"
	    "192.0.2.1\",\"config\":{\"audience\":\"x\"}}}}");
	kubeconfig_release(&c);
}

static void a_server_may_be_written_in_several_ways(void **state)
{
	static const struct {
		const char *cluster, *url, *socket;
	} rows[] = {
		{ "server: 'http://127.0.0.1:8080'", "http://127.0.0.1:8080", NULL },
		{ "server: '127.0.0.1:8080'", "http://127.0.0.1:8080", NULL },
		{ "server: 'api.example.com:6443', insecure-skip-tls-verify: true",
		    "https://api.example.com:6443", NULL },
		{ "server: 'https://rancher.example.com/k8s/clusters/c-1/'",
		    "https://rancher.example.com/k8s/clusters/c-1", NULL },
		{ "server: 'unix:///run/api.sock'", "http://localhost", "/run/api.sock" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kubeconfig c;
		struct err e = ERR_INIT;
		char text[400];

		snprintf(text, sizeof(text),
		    "clusters: [{name: c, cluster: {%s}}]\ncontexts: [{name: x, context: {cluster: "
		    "c}}]\n"
		    "current-context: x\n",
		    rows[i].cluster);
		put("kc", text);
		assert_int_equal(load(&c, "kc", NULL, &e), 0);
		assert_string_equal(c.target.url, rows[i].url);
		if (rows[i].socket)
			assert_string_equal(c.target.unix_socket, rows[i].socket);
		kubeconfig_release(&c);
	}
}

#define CONTEXT "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n"
#define CLUSTER "clusters: [{name: c, cluster: {server: 'https://192.0.2.1'}}]\n"
#define USER(fields) CONTEXT CLUSTER "users: [{name: u, user: {" fields "}}]\n"

static void a_mistake_is_named_with_its_place(void **state)
{
	(void)state;
	refused("clusters: [\n", "/bad: line 2");
	refused("", "current-context is not set; give --context NAME");
	refused(
	    "current-context: y\n", "current-context: want a string, have a boolean; put it in quotes");
	refused(CONTEXT, "/bad: contexts, name x: cluster: no item of clusters has that name");
	refused("contexts: [{name: x, context: {user: u}}]\ncurrent-context: x\n",
	    "contexts, name x: cluster: is missing");
	refused(CONTEXT CLUSTER, "contexts, name x: user: no item of users has that name");
	refused(CONTEXT "clusters: [{name: c, cluster: {}}]\n",
	    "clusters, name c: server: is missing; want a URL");
	refused(CONTEXT "clusters: [{name: c, cluster: {server: 7}}]\n",
	    "server: want a string, have an integer");
	refused(CONTEXT "clusters: [{name: c, cluster: {server: 'ftp://x'}}]\n",
	    "begins with https:// or http://");
	refused(CONTEXT
	    "clusters: [{name: c, cluster: {server: 'https://x', certificate-authority: none.pem}}]\n",
	    "certificate-authority: cannot read ");
	refused(CONTEXT
	    "clusters: [{name: c, cluster: {server: 'https://x', certificate-authority-data: '!'}}]\n",
	    "certificate-authority-data: is not base64");
	refused(CONTEXT
	    "clusters: [{name: c, cluster: {server: 'https://x', certificate-authority-data: Q0E=,"
	    " insecure-skip-tls-verify: true}}]\n",
	    "remove one of them");
	refused(CONTEXT
	    "clusters: [{name: c, cluster: {server: 'https://x', insecure-skip-tls-verify: maybe}}]\n",
	    "insecure-skip-tls-verify: want true or false");
	refused(USER("client-certificate-data: Q0E="), "users, name u: client-key: is missing");
	refused(
	    USER("auth-provider: {name: oidc}"), "auth-provider: is no longer a part of Kubernetes");
	refused(USER("token: \"a\\nb\""), "token: holds a control character");
	refused(USER("tokenFile: none"), "tokenFile: cannot read ");
	refused(USER("exec: {}"), "users, name u: exec.command: is missing");
	refused(USER("exec: {command: x, apiVersion: v1}"),
	    "exec.apiVersion: want client.authentication.k8s.io/v1");
	refused(USER("exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: "
		     "Always}"),
	    "needs a terminal");
	refused(USER("exec: {command: x, apiVersion: client.authentication.k8s.io/v1, args: [1]}"),
	    "exec.args[0]: want a string");
	refused(
	    USER("exec: {command: x, apiVersion: client.authentication.k8s.io/v1, env: [{name: a=b}]}"),
	    "exec.env[0].name");
}

static void a_pod_finds_its_cluster(void **state)
{
	struct kubeconfig c;
	struct err e = ERR_INIT;

	(void)state;
	setenv("KUBERNETES_SERVICE_HOST", "2001:db8::1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	assert_int_equal(load(&c, NULL, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(e.text, "sa/token is not mounted"));
	put("sa/token", "t");
	put("sa/ca.crt", "ca");
	put("sa/namespace", "metallb-system\n");
	assert_int_equal(load(&c, NULL, NULL, &e), 0);
	assert_string_equal(c.target.url, "https://[2001:db8::1]:443");
	assert_string_equal(c.token_file, in_dir("sa/token"));
	assert_string_equal(c.target.ca_file, in_dir("sa/ca.crt"));
	assert_string_equal(c.namespace, "metallb-system");
	kubeconfig_release(&c);
	unlink(in_dir("sa/ca.crt"));
	assert_int_equal(load(&c, NULL, NULL, &e), -1);
	assert_non_null(strstr(e.text, "sa/ca.crt: No such file"));
}

static void without_any_configuration_it_says_what_to_do(void **state)
{
	struct kubeconfig c;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(load(&c, NULL, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(e.text, "give --kubeconfig FILE, or --from DIR"));
	assert_int_equal(mkdir(in_dir(".kube"), 0700), 0);
	put(".kube/config", "clusters: [{name: c, cluster: {server: 'https://192.0.2.1'}}]\n"
			    "contexts: [{name: x, context: {cluster: c}}]\ncurrent-context: x\n");
	assert_int_equal(load(&c, NULL, NULL, &e), 0);
	assert_string_equal(c.target.url, "https://192.0.2.1");
	kubeconfig_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    the_current_context_is_used_unless_another_is_named, clean_environment),
		cmocka_unit_test_setup(of_several_files_the_first_counts, clean_environment),
		cmocka_unit_test_setup(every_way_to_say_who_we_are_is_read, clean_environment),
		cmocka_unit_test_setup(an_exec_plugin_is_read_with_what_it_is_told, clean_environment),
		cmocka_unit_test_setup(a_server_may_be_written_in_several_ways, clean_environment),
		cmocka_unit_test_setup(a_mistake_is_named_with_its_place, clean_environment),
		cmocka_unit_test_setup(a_pod_finds_its_cluster, clean_environment),
		cmocka_unit_test_setup(without_any_configuration_it_says_what_to_do, clean_environment),
	};

	return cmocka_run_group_tests_name(
	    "kubeconfig", tests, in_temporary_directory, remove_directory);
}
