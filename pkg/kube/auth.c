/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/auth.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "pkg/kube/base64.h"
#include "pkg/kube/exec.h"

enum {
	EARLY_S = 5, /* before it expires, a credential is asked for anew */
	HEADERS_MAX = 64,
};

struct auth {
	struct loop *loop;
	const struct kubeconfig *config;
	void (*ready)(void *arg);
	void *arg;
	uint64_t generation; /* counts what we were */
	struct buf token;    /* of the token file, when last read */
	struct buf header;   /* Authorization */
	const char *headers[HEADERS_MAX];

	/* exec */
	struct exec_run *run;
	struct arena arena; /* owns credential */
	struct exec_credential credential;
	bool have, failed;
	bool fresh; /* not used yet: good for one round, however soon it says to expire */
	struct err error;
};

struct auth *auth_new(
    struct loop *l, const struct kubeconfig *c, void (*ready)(void *arg), void *arg, struct err *e)
{
	struct auth *a = calloc(1, sizeof(*a));

	if (!a) {
		err_memory(e);
		return NULL;
	}
	*a = (struct auth){ .loop = l, .config = c, .ready = ready, .arg = arg, .generation = 1 };
	return a;
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	exec_cancel(a->run);
	arena_release(&a->arena);
	buf_release(&a->token);
	buf_release(&a->header);
	free(a);
}

/* --- a program ------------------------------------------------------------------------- */

static void on_exec(const char *output, size_t len, const struct err *e, void *arg)
{
	struct auth *a = arg;

	a->run = NULL;
	arena_release(&a->arena);
	a->have = a->failed = false;
	a->generation++;
	if (e)
		a->error = *e;
	else if (exec_credential_decode(&a->credential, output, len, a->config->exec.api_version,
		     &a->arena, &a->error) < 0)
		err_wrap(&a->error, "exec: %s", a->config->exec.command);
	else
		a->have = true;
	if (!a->have)
		err_wrap(&a->error, "%s", a->config->where);
	a->failed = !a->have;
	a->fresh = a->have;
	a->ready(a->arg);
}

static enum auth_answer from_exec(struct auth *a, struct err *e)
{
	int64_t now = time(NULL);

	if (a->run)
		return AUTH_WAIT;
	if (a->failed) {
		a->failed = false;
		*e = a->error;
		return AUTH_FAILED;
	}
	if (a->have && !a->fresh && a->credential.expires && now + EARLY_S >= a->credential.expires)
		a->have = false;
	a->fresh = false;
	if (a->have)
		return AUTH_READY;
	a->run = exec_start(a->loop, &a->config->exec, on_exec, a, e);
	if (a->run)
		return AUTH_WAIT;
	err_wrap(e, "%s", a->config->where);
	return AUTH_FAILED;
}

/* --- a token --------------------------------------------------------------------------- */

static int set_header(struct auth *a, const char *scheme, const char *value, struct err *e)
{
	buf_reset(&a->header);
	buf_printf(&a->header, "Authorization: %s %s", scheme, value);
	return a->header.bad ? err_memory(e) : 0;
}

/* The kubelet replaces the file while its old token is still good for a while. */
static int from_file(struct auth *a, struct err *e)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT;
	const char *path = a->config->token_file;

	if (kubeconfig_read(&text, path, e) < 0)
		return err_wrap(e, "%s: reading its token", a->config->where);
	while (text.len && isspace((unsigned char)text.data[text.len - 1]))
		text.data[--text.len] = 0;
	if (!text.len)
		return err_set(e, ERR_USAGE, "%s: %s is empty", a->config->where, path);
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] <= ' ')
			return err_set(e, ERR_USAGE,
			    "%s: %s is not a token: it holds blanks or line breaks", a->config->where,
			    path);
	if (a->token.len == text.len && !memcmp(a->token.data, text.data, text.len))
		return 0;
	a->generation++;
	buf_reset(&a->token);
	buf_add(&a->token, text.data, text.len);
	return set_header(a, "Bearer", text.data, e);
}

static int from_password(struct auth *a, struct err *e)
{
	CLEANUP(buf_release) struct buf plain = BUF_INIT, text = BUF_INIT;

	buf_printf(
	    &plain, "%s:%s", a->config->username, a->config->password ? a->config->password : "");
	base64_encode(&text, plain.data ? plain.data : "", plain.len);
	if (plain.bad || text.bad)
		return err_memory(e);
	return set_header(a, "Basic", text.data, e);
}

/* --- all together ---------------------------------------------------------------------- */

static void put_headers(struct auth *a, struct http_identity *id)
{
	size_t n = 0;

	if (a->header.len)
		a->headers[n++] = a->header.data;
	for (const char *const *h = a->config->impersonate; h && *h && n < HEADERS_MAX - 1; h++)
		a->headers[n++] = *h;
	a->headers[n] = NULL;
	id->headers = a->headers;
}

enum auth_answer auth_identity(
    struct auth *a, struct http_identity *id, uint64_t *generation, struct err *e)
{
	const struct kubeconfig *c = a->config;
	struct http_identity got = { c->cert, c->key, c->cert_file, c->key_file, NULL };
	enum auth_answer answer = AUTH_READY;
	int status = 0;

	if (c->exec.command) {
		answer = from_exec(a, e);
		if (answer != AUTH_READY)
			return answer;
		if (a->credential.token)
			status = set_header(a, "Bearer", a->credential.token, e);
		if (a->credential.cert)
			got = (struct http_identity){
				.cert = { a->credential.cert, strlen(a->credential.cert) },
				.key = { a->credential.key, strlen(a->credential.key) },
			};
	} else if (c->token_file) {
		status = from_file(a, e);
	} else if (c->token) {
		status = set_header(a, "Bearer", c->token, e);
	} else if (c->username) {
		status = from_password(a, e);
	}
	if (status < 0)
		return AUTH_FAILED;
	put_headers(a, &got);
	*id = got;
	*generation = a->generation;
	return AUTH_READY;
}

bool auth_refused(struct auth *a, uint64_t generation)
{
	struct err ignored = ERR_INIT; /* then there is nothing better, which is all that matters */

	if (a->config->exec.command) {
		if (generation == a->generation)
			a->have = false;
		return true;
	}
	if (!a->config->token_file || from_file(a, &ignored) < 0)
		return false;
	return generation != a->generation;
}
