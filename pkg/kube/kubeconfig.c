/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/kubeconfig.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pkg/kube/kubeconfig_part.h"
#include "pkg/yaml/yaml.h"

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

const struct opt kube_opts[] = {
	OPT_STRING(0, "kubeconfig", "FILE", struct kube_options, kubeconfig,
	    "how to reach the API server; else $KUBECONFIG, in-cluster or ~/.kube/config"),
	OPT_STRING(0, "context", "NAME", struct kube_options, context, "a context of the kubeconfig"),
	OPT_END,
};

enum { FILES_MAX = 32, FILE_MAX = 16 << 20 };

struct files {
	struct kubeconfig_file at[FILES_MAX];
	size_t n;
};

int kubeconfig_read(struct buf *out, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	buf_reset(out);
	for (;;) {
		char *to = buf_room(out, 16384);

		n = to ? read(fd, to, 16384) : -1;
		if (n <= 0 || out->len + (size_t)n > FILE_MAX)
			break;
		out->len += (size_t)n;
		out->data[out->len] = 0;
	}
	if (n != 0) {
		err_sys(e, n > 0 ? EFBIG : out->bad ? ENOMEM : errno, "%s", path);
		close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

/* --- files ----------------------------------------------------------------------------- */

static void files_release(struct files *fs)
{
	for (size_t i = 0; i < fs->n; i++) {
		free(fs->at[i].path);
		json_free(fs->at[i].tree);
	}
}

static int add_file(struct files *fs, const char *path, struct err *e)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT;
	struct kubeconfig_file f = { 0 };

	if (fs->n == FILES_MAX)
		return err_set(e, ERR_USAGE, "KUBECONFIG names more than %d files", FILES_MAX);
	if (kubeconfig_read(&text, path, e) < 0)
		return -1;
	if (yaml_parse(text.data ? text.data : "", text.len, &f.tree, e) < 0) {
		e->kind = ERR_USAGE;
		return err_wrap(e, "%s", path);
	}
	f.path = strdup(path);
	fs->at[fs->n++] = f;
	return f.path ? 0 : err_memory(e);
}

/* $KUBECONFIG: files that do not exist are passed over, as by kubectl. */
static int add_listed(struct files *fs, const char *list, struct err *e)
{
	CLEANUP(freep) char *copy = strdup(list);
	char *rest = copy, *path;

	if (!copy)
		return err_memory(e);
	while ((path = strsep(&rest, ":"))) {
		if (!path[0] || (access(path, F_OK) < 0 && errno == ENOENT))
			continue;
		if (add_file(fs, path, e) < 0)
			return -1;
	}
	if (!fs->n)
		return err_set(e, ERR_NOT_FOUND,
		    "KUBECONFIG is %s, and there is no such file; correct it, unset it, or give "
		    "--kubeconfig",
		    list);
	return 0;
}

static const char *text_at(const struct json *j, const char *key)
{
	const char *s = json_string(json_get(j, key));

	return s ? s : "";
}

/* The first of that name in any file, e.g. users[name=NAME].user. */
static bool find_part(const struct files *fs, const char *list, const char *field, const char *name,
    struct kubeconfig_part *p)
{
	for (size_t i = 0; i < fs->n; i++) {
		const struct json *all = json_get(fs->at[i].tree, list);

		for (size_t k = 0; k < json_count(all); k++) {
			const struct json *item = json_item(all, k);

			if (strcmp(text_at(item, "name"), name) != 0)
				continue;
			*p = (struct kubeconfig_part){ &fs->at[i], list, name, json_get(item, field) };
			return true;
		}
	}
	return false;
}

/* "a, b, c": the names in a list, for messages. */
static void names_of(const struct files *fs, const char *list, struct buf *out)
{
	for (size_t i = 0; i < fs->n; i++) {
		const struct json *all = json_get(fs->at[i].tree, list);

		for (size_t k = 0; k < json_count(all); k++)
			buf_printf(
			    out, "%s%s", out->len ? ", " : "", text_at(json_item(all, k), "name"));
	}
	if (!out->len)
		buf_puts(out, "none");
}

/* --- which ----------------------------------------------------------------------------- */

static int no_context(const struct files *fs, const char *name, struct err *e)
{
	CLEANUP(buf_release) struct buf names = BUF_INIT;

	names_of(fs, "contexts", &names);
	if (!name)
		return err_set(e, ERR_USAGE,
		    "%s: current-context is not set; give --context NAME or run kubectl config "
		    "use-context NAME; "
		    "there are: %.200s",
		    fs->at[0].path, names.bad ? "" : names.data);
	return err_set(e, ERR_USAGE, "%s%s: no context %s; there are: %.200s", fs->at[0].path,
	    fs->n > 1 ? " and the other files of KUBECONFIG" : "", name, names.bad ? "" : names.data);
}

static int from_files(struct kubeconfig *c, const struct files *fs, const char *context, struct err *e)
{
	struct kubeconfig_part ctx, cluster, user;
	const char *cluster_name, *user_name, *namespace;

	for (size_t i = 0; i < fs->n && !context; i++) {
		const struct json *current = json_get(fs->at[i].tree, "current-context");

		if (json_type(current) != JSON_NULL && !json_string(current))
			return err_set(e, ERR_USAGE,
			    "%s: current-context: want a string, have %s; put it in quotes",
			    fs->at[i].path, json_type_name(json_type(current)));
		if (text_at(fs->at[i].tree, "current-context")[0])
			context = json_string(current);
	}
	if (!context || !find_part(fs, "contexts", "context", context, &ctx))
		return no_context(fs, context, e);
	if (part_text(&ctx, "cluster", &c->arena, &cluster_name, e) < 0 ||
	    part_text(&ctx, "user", &c->arena, &user_name, e) < 0 ||
	    part_text(&ctx, "namespace", &c->arena, &namespace, e) < 0)
		return -1;
	if (!cluster_name)
		return part_bad(&ctx, "cluster", "is missing; want the name of an item of clusters", e);
	if (!find_part(fs, "clusters", "cluster", cluster_name, &cluster))
		return part_bad(&ctx, "cluster", "no item of clusters has that name", e);
	if (part_cluster(&cluster, c, e) < 0)
		return -1;
	if (user_name && !find_part(fs, "users", "user", user_name, &user))
		return part_bad(&ctx, "user", "no item of users has that name", e);
	if (user_name && part_user(&user, &cluster, c, e) < 0)
		return -1;
	c->namespace = namespace ? namespace : "";
	c->where = user_name ? arena_printf(&c->arena, "%s: users, name %s", user.file->path, user_name)
			     : arena_printf(
				   &c->arena, "%s: context %s without a user", ctx.file->path, context);
	return c->where ? 0 : err_memory(e);
}

static bool in_pod(void)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");

	return host && host[0] && port && port[0];
}

static int from_pod(struct kubeconfig *c, const char *dir, struct err *e)
{
	CLEANUP(buf_release) struct buf namespace = BUF_INIT;
	const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
	bool v6 = strchr(host, ':');
	CLEANUP(buf_release) struct buf path = BUF_INIT;
	struct err ignored = ERR_INIT; /* not every Pod has its namespace mounted */

	c->target.url =
	    arena_printf(&c->arena, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);
	c->target.ca_file = arena_printf(&c->arena, "%s/ca.crt", dir);
	c->token_file = arena_printf(&c->arena, "%s/token", dir);
	c->where = arena_printf(&c->arena, "the Pod's ServiceAccount in %s", dir);
	buf_printf(&path, "%s/namespace", dir);
	if (path.bad)
		return err_memory(e);
	c->namespace = "";
	if (kubeconfig_read(&namespace, path.data, &ignored) == 0 && namespace.len)
		c->namespace =
		    arena_copy_n(&c->arena, namespace.data, strcspn(namespace.data, " \t\r\n"));
	if (c->arena.bad)
		return err_memory(e);
	if (access(c->target.ca_file, R_OK) < 0)
		return err_sys(e, errno, "%s", c->target.ca_file);
	return 0;
}

static int from_home(struct files *fs, struct err *e)
{
	CLEANUP(buf_release) struct buf path = BUF_INIT;
	const char *home = getenv("HOME");

	buf_printf(&path, "%s/.kube/config", home ? home : "");
	if (path.bad)
		return err_memory(e);
	if (access(path.data, F_OK) < 0)
		return err_set(e, ERR_NOT_FOUND,
		    "no Kubernetes cluster is configured: there is no %s, KUBECONFIG is not set, and "
		    "this is no "
		    "Pod; give --kubeconfig FILE, or --from DIR for a directory of manifests",
		    path.data);
	return add_file(fs, path.data, e);
}

static int load(struct kubeconfig *c, struct files *fs, const struct kube_options *o, struct err *e)
{
	const char *dir = o->service_account ? o->service_account : SERVICE_ACCOUNT;
	const char *list = getenv("KUBECONFIG");
	CLEANUP(buf_release) struct buf token = BUF_INIT;

	if (o->kubeconfig) {
		if (add_file(fs, o->kubeconfig, e) < 0)
			return -1;
	} else if (list && list[0]) {
		if (add_listed(fs, list, e) < 0)
			return -1;
	} else {
		buf_printf(&token, "%s/token", dir);
		if (token.bad)
			return err_memory(e);
		if (in_pod() && !o->context && access(token.data, F_OK) == 0)
			return from_pod(c, dir, e);
		if (from_home(fs, e) < 0)
			return in_pod() ? err_wrap(e, "%s is not mounted", token.data) : -1;
	}
	return from_files(c, fs, o->context, e);
}

int kubeconfig_load(struct kubeconfig *c, const struct kube_options *o, struct err *e)
{
	struct files fs = { 0 };
	int status;

	*c = (struct kubeconfig){ 0 };
	status = load(c, &fs, o, e);
	files_release(&fs);
	if (status < 0)
		kubeconfig_release(c);
	return status;
}

void kubeconfig_release(struct kubeconfig *c)
{
	arena_release(&c->arena);
	*c = (struct kubeconfig){ 0 };
}
