/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/kubeconfig_part.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "pkg/kube/base64.h"
#include "pkg/kube/exec.h"

int part_bad(const struct kubeconfig_part *p, const char *key, const char *why, struct err *e)
{
	return err_set(
	    e, ERR_USAGE, "%s: %s, name %s: %s: %s", p->file->path, p->list, p->name, key, why);
}

/* *out is NULL when the field is absent or empty. */
int part_text(
    const struct kubeconfig_part *p, const char *key, struct arena *a, const char **out, struct err *e)
{
	const struct json *j = json_get(p->value, key);
	const char *s = json_string(j);
	char why[80];

	*out = NULL;
	if (json_type(j) == JSON_NULL || (s && !s[0]))
		return 0;
	if (!s) {
		snprintf(why, sizeof(why), "want a string, have %s", json_type_name(json_type(j)));
		return part_bad(p, key, why, e);
	}
	for (const char *c = s; *c; c++)
		if ((unsigned char)*c < ' ' && !strstr(key, "-data"))
			return part_bad(p, key, "holds a control character", e);
	*out = arena_copy(a, s);
	return *out ? 0 : err_memory(e);
}

static int flag(const struct kubeconfig_part *p, const char *key, bool *out, struct err *e)
{
	const struct json *j = json_get(p->value, key);

	*out = false;
	if (json_type(j) != JSON_NULL && !json_bool(j, out))
		return part_bad(p, key, "want true or false", e);
	return 0;
}

/* A file named by `key`, made absolute, or the same as data in "KEY-data", which wins. */
static int path_or_data(const struct kubeconfig_part *p, const char *key, struct arena *a,
    const char **path, struct http_blob *data, struct err *e)
{
	CLEANUP(buf_release) struct buf bytes = BUF_INIT;
	const char *text, *slash = strrchr(p->file->path, '/');
	char key_data[64];

	snprintf(key_data, sizeof(key_data), "%s-data", key);
	if (data) {
		if (part_text(p, key_data, a, &text, e) < 0)
			return -1;
		if (text && !base64_decode(&bytes, text))
			return part_bad(p, key_data, "is not base64", e);
		if (text) {
			*data = (struct http_blob){ arena_copy_n(a, bytes.data, bytes.len), bytes.len };
			return data->data ? 0 : err_memory(e);
		}
	}
	if (part_text(p, key, a, path, e) < 0)
		return -1;
	if (*path && (*path)[0] != '/' && slash)
		*path = arena_printf(a, "%.*s/%s", (int)(slash - p->file->path), p->file->path, *path);
	if (*path && access(*path, R_OK) < 0) {
		char why[300];

		snprintf(why, sizeof(why), "cannot read %s: %s", *path, strerror(errno));
		return part_bad(p, key, why, e);
	}
	return a->bad ? err_memory(e) : 0;
}

static int server(const struct kubeconfig_part *p, struct kubeconfig *c, struct err *e)
{
	struct http_target *t = &c->target;
	const char *server;
	size_t n;

	if (part_text(p, "server", &c->arena, &server, e) < 0)
		return -1;
	if (!server)
		return part_bad(p, "server", "is missing; want a URL, https://HOST:PORT", e);
	if (!strncasecmp(server, "unix:", 5)) {
		t->unix_socket =
		    arena_copy(&c->arena, server + 5 + strspn(server + 5, "/") - (server[5] == '/'));
		t->url = "http://localhost";
		return t->unix_socket ? 0 : err_memory(e);
	}
	if (!strstr(server, "://"))
		server = arena_printf(&c->arena, "%s://%s",
		    t->ca.data || t->ca_file || t->insecure ? "https" : "http", server);
	if (!server)
		return err_memory(e);
	if (strncasecmp(server, "https://", 8) != 0 && strncasecmp(server, "http://", 7) != 0)
		return part_bad(p, "server", "want a URL that begins with https:// or http://", e);
	n = strlen(server);
	while (n && server[n - 1] == '/')
		n--;
	t->url = arena_copy_n(&c->arena, server, n);
	return t->url ? 0 : err_memory(e);
}

int part_cluster(const struct kubeconfig_part *p, struct kubeconfig *c, struct err *e)
{
	struct http_target *t = &c->target;

	if (path_or_data(p, "certificate-authority", &c->arena, &t->ca_file, &t->ca, e) < 0 ||
	    flag(p, "insecure-skip-tls-verify", &t->insecure, e) < 0 || server(p, c, e) < 0 ||
	    part_text(p, "proxy-url", &c->arena, &t->proxy, e) < 0 ||
	    part_text(p, "tls-server-name", &c->arena, &t->server_name, e) < 0)
		return -1;
	if (t->insecure && (t->ca.data || t->ca_file))
		return part_bad(p, "insecure-skip-tls-verify",
		    "cannot be true when certificate-authority is set too; remove one of them", e);
	if (strncasecmp(t->url, "https", 5) != 0)
		t->server_name = NULL;
	return 0;
}

static int impersonate(const struct kubeconfig_part *p, struct kubeconfig *c, struct err *e)
{
	const struct json *groups = json_get(p->value, "as-groups");
	size_t n = 0, room = json_count(groups) + 3;
	const char *as, *uid, **headers;

	if (part_text(p, "as", &c->arena, &as, e) < 0 || part_text(p, "as-uid", &c->arena, &uid, e) < 0)
		return -1;
	if (!as)
		return 0;
	headers = arena_alloc(&c->arena, room * sizeof(*headers));
	if (!headers)
		return err_memory(e);
	headers[n++] = arena_printf(&c->arena, "Impersonate-User: %s", as);
	if (uid)
		headers[n++] = arena_printf(&c->arena, "Impersonate-Uid: %s", uid);
	for (size_t i = 0; json_type(groups) == JSON_ARRAY && i < json_count(groups); i++) {
		const char *group = json_string(json_item(groups, i));

		if (!group || strpbrk(group, "\r\n"))
			return part_bad(p, "as-groups", "want a list of names", e);
		headers[n++] = arena_printf(&c->arena, "Impersonate-Group: %s", group);
	}
	c->impersonate = headers;
	return c->arena.bad ? err_memory(e) : 0;
}

int part_user(const struct kubeconfig_part *p, const struct kubeconfig_part *cluster,
    struct kubeconfig *c, struct err *e)
{
	struct arena *a = &c->arena;

	if (json_type(json_get(p->value, "auth-provider")) != JSON_NULL)
		return part_bad(
		    p, "auth-provider", "is no longer a part of Kubernetes (since 1.26); use exec", e);
	if (path_or_data(p, "client-certificate", a, &c->cert_file, &c->cert, e) < 0 ||
	    path_or_data(p, "client-key", a, &c->key_file, &c->key, e) < 0 ||
	    path_or_data(p, "tokenFile", a, &c->token_file, NULL, e) < 0 ||
	    part_text(p, "token", a, &c->token, e) < 0 ||
	    part_text(p, "username", a, &c->username, e) < 0 ||
	    part_text(p, "password", a, &c->password, e) < 0 || impersonate(p, c, e) < 0)
		return -1;
	if (!(c->cert.data || c->cert_file) != !(c->key.data || c->key_file))
		return part_bad(p, c->cert.data || c->cert_file ? "client-key" : "client-certificate",
		    "is missing; a certificate and its key go together", e);
	if (json_type(json_get(p->value, "exec")) == JSON_NULL)
		return 0;
	if (exec_decode(&c->exec, json_get(p->value, "exec"), cluster->value, p->file->path, a, e) < 0)
		return err_wrap(e, "%s: users, name %s", p->file->path, p->name);
	return 0;
}
