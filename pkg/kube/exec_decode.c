/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pkg/kube/exec.h"

static const char *text(const struct json *j, const char *key)
{
	const char *s = json_string(json_get(j, key));

	return s ? s : "";
}

/* A command with a "/" in it is relative to its file, else it is looked for in $PATH. */
static const char *command_path(const char *command, const char *file, struct arena *a)
{
	const char *slash = strrchr(file, '/');

	if (command[0] == '/' || !strchr(command, '/') || !slash)
		return arena_copy(a, command);
	return arena_printf(a, "%.*s/%s", (int)(slash - file), file, command);
}

static int decode_args(
    struct kubeconfig_exec *x, const struct json *args, struct arena *a, struct err *e)
{
	size_t n = json_type(args) == JSON_ARRAY ? json_count(args) : 0;
	const char **at = arena_alloc(a, (n + 2) * sizeof(*at));

	if (!at)
		return err_memory(e);
	at[0] = x->command;
	for (size_t i = 0; i < n; i++) {
		const char *s = json_string(json_item(args, i));

		if (!s)
			return err_set(e, ERR_USAGE, "exec.args[%zu]: want a string", i);
		at[i + 1] = arena_copy(a, s);
	}
	x->args = at;
	return a->bad ? err_memory(e) : 0;
}

static int decode_env(struct kubeconfig_exec *x, const struct json *env, struct arena *a, struct err *e)
{
	size_t n = json_type(env) == JSON_ARRAY ? json_count(env) : 0;
	const char **at = arena_alloc(a, (n + 1) * sizeof(*at));

	if (!at)
		return err_memory(e);
	for (size_t i = 0; i < n; i++) {
		const struct json *item = json_item(env, i);
		const char *name = text(item, "name");

		if (!name[0] || strchr(name, '='))
			return err_set(
			    e, ERR_USAGE, "exec.env[%zu].name: want the name of a variable", i);
		at[i] = arena_printf(a, "%s=%s", name, text(item, "value"));
	}
	x->env = at;
	return a->bad ? err_memory(e) : 0;
}

static void put_cluster(struct json_writer *w, const struct json *cluster)
{
	static const char *const keys[] = { "server", "tls-server-name", "insecure-skip-tls-verify",
		"certificate-authority-data", "proxy-url", "disable-compression" };
	const struct json *extensions = json_get(cluster, "extensions");

	json_key(w, "cluster");
	json_begin(w, '{');
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (json_type(json_get(cluster, keys[i])) == JSON_NULL)
			continue;
		json_key_of(w, keys[i]);
		json_put_tree(w, json_get(cluster, keys[i]));
	}
	for (size_t i = 0; json_type(extensions) == JSON_ARRAY && i < json_count(extensions); i++) {
		const struct json *x = json_item(extensions, i);

		if (strcmp(text(x, "name"), "client.authentication.k8s.io/exec") != 0)
			continue;
		json_key(w, "config");
		json_put_tree(w, json_get(x, "extension"));
		break;
	}
	json_end(w, '}');
}

static int put_info(
    struct kubeconfig_exec *x, const struct json *cluster, struct arena *a, struct err *e)
{
	CLEANUP(buf_release) struct buf info = BUF_INIT;
	struct json_writer w = json_writer(&info);

	json_begin(&w, '{');
	json_field(&w, "kind", "ExecCredential");
	json_field(&w, "apiVersion", x->api_version);
	json_key(&w, "spec");
	json_begin(&w, '{');
	json_key(&w, "interactive");
	json_put_bool(&w, false);
	if (cluster)
		put_cluster(&w, cluster);
	json_end(&w, '}');
	json_end(&w, '}');
	x->info = info.bad ? NULL : arena_copy_n(a, info.data, info.len);
	return x->info ? 0 : err_memory(e);
}

int exec_decode(struct kubeconfig_exec *x, const struct json *exec, const struct json *cluster,
    const char *path, struct arena *a, struct err *e)
{
	const char *version = text(exec, "apiVersion"), *command = text(exec, "command");
	struct kubeconfig_exec got = { 0 };
	bool wants_cluster = false;

	if (!command[0])
		return err_set(
		    e, ERR_USAGE, "exec.command: is missing; want the program that gives credentials");
	if (strcmp(version, "client.authentication.k8s.io/v1") != 0 &&
	    strcmp(version, "client.authentication.k8s.io/v1beta1") != 0)
		return err_set(e, ERR_USAGE,
		    "exec.apiVersion: want client.authentication.k8s.io/v1 or "
		    "client.authentication.k8s.io/v1beta1, have "
		    "\"%s\"",
		    version);
	if (!strcmp(text(exec, "interactiveMode"), "Always"))
		return err_set(e, ERR_USAGE,
		    "exec.interactiveMode: Always needs a terminal, which lbctl does not hand on; use "
		    "a plugin that "
		    "works without");
	got.command = command_path(command, path, a);
	got.api_version = arena_copy(a, version);
	got.install_hint = arena_copy(a, text(exec, "installHint"));
	if (!got.command || !got.api_version || !got.install_hint)
		return err_memory(e);
	json_bool(json_get(exec, "provideClusterInfo"), &wants_cluster);
	if (decode_args(&got, json_get(exec, "args"), a, e) < 0 ||
	    decode_env(&got, json_get(exec, "env"), a, e) < 0 ||
	    put_info(&got, wants_cluster ? cluster : NULL, a, e) < 0)
		return -1;
	*x = got;
	return 0;
}

/* RFC 3339 with seconds; fractions don't matter. */
static bool parse_time(const char *s, int64_t *out)
{
	struct tm t = { 0 };
	int n = 0, hours, minutes;
	char sign[2];

	if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour,
		&t.tm_min, &t.tm_sec, &n) != 6 ||
	    !n)
		return false;
	t.tm_year -= 1900;
	t.tm_mon--;
	*out = timegm(&t);
	s += n;
	if (*s == '.')
		s += 1 + strspn(s + 1, "0123456789");
	if (!strcmp(s, "Z"))
		return true;
	if (sscanf(s, "%1[+-]%2d:%2d", sign, &hours, &minutes) != 3)
		return false;
	*out -= (sign[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return true;
}

int exec_credential_decode(struct exec_credential *c, const char *output, size_t len,
    const char *api_version, struct arena *a, struct err *e)
{
	struct exec_credential got = { 0 };
	struct json *tree = json_parse(output, len, e);
	const struct json *status = json_get(tree, "status");
	const char *token = text(status, "token"), *cert = text(status, "clientCertificateData");
	const char *key = text(status, "clientKeyData"), *expires = text(status, "expirationTimestamp");
	int bad = 0;

	if (!tree)
		return err_wrap(e, "want an ExecCredential");
	if (strcmp(text(tree, "kind"), "ExecCredential") != 0 ||
	    strcmp(text(tree, "apiVersion"), api_version) != 0)
		bad =
		    err_set(e, ERR_PROTOCOL, "want an ExecCredential of %s, have kind \"%s\" of \"%s\"",
			api_version, text(tree, "kind"), text(tree, "apiVersion"));
	else if (!token[0] && (!cert[0] || !key[0]))
		bad = err_set(e, ERR_PROTOCOL,
		    "the ExecCredential has neither status.token nor status.clientCertificateData with "
		    "status.clientKeyData");
	else if (token[strcspn(token, "\r\n")])
		bad = err_set(e, ERR_PROTOCOL, "status.token holds a line break");
	else if (expires[0] && !parse_time(expires, &got.expires))
		bad = err_set(
		    e, ERR_PROTOCOL, "status.expirationTimestamp: want RFC 3339, have \"%s\"", expires);
	if (!bad) {
		got.token = token[0] ? arena_copy(a, token) : NULL;
		got.cert = cert[0] && key[0] ? arena_copy(a, cert) : NULL;
		got.key = got.cert ? arena_copy(a, key) : NULL;
		bad = a->bad ? err_memory(e) : 0;
	}
	json_free(tree);
	if (!bad)
		*c = got;
	return bad;
}
