/* SPDX-License-Identifier: Apache-2.0 */
/* kubeconfig: which cluster, and who we are to it, from kubeconfig files or from the Pod that
 * we run in.
 *
 * Several files are merged as kubectl does it: of every cluster, user and context of one name
 * the first file's counts, current-context is that of the first file that sets it, and relative
 * paths are relative to their file. */
#ifndef LB_KUBE_KUBECONFIG_H
#define LB_KUBE_KUBECONFIG_H

#include "pkg/arena/arena.h"
#include "pkg/kube/http.h"
#include "pkg/kube/kube.h"

/* A program that gives credentials,
 * https://kubernetes.io/docs/reference/config-api/client-authentication.v1/ */
struct kubeconfig_exec {
	const char *command;     /* NULL for none; a path or a name to look for in $PATH */
	const char *const *args; /* with the command first, ends in NULL */
	const char *const *env;  /* "NAME=VALUE", ends in NULL */
	const char *info;        /* KUBERNETES_EXEC_INFO */
	const char *api_version;
	const char *install_hint; /* "" for none */
};

struct kubeconfig {
	struct arena arena;    /* owns all the rest */
	const char *where;     /* "/etc/kubeconfig: user admin", for messages about credentials */
	const char *namespace; /* "" when not set */
	struct http_target target;
	struct http_blob cert, key;
	const char *cert_file, *key_file;
	const char *token;
	const char *token_file; /* rather than token */
	const char *username, *password;
	const char *const *impersonate; /* headers, ends in NULL; NULL for none */
	struct kubeconfig_exec exec;
};

/* Fills *c, which kubeconfig_release() frees; what is in the environment is read here. */
int kubeconfig_load(struct kubeconfig *c, const struct kube_options *o, struct err *e) MUST_CHECK;
void kubeconfig_release(struct kubeconfig *c);

/* A whole file, at most 16 MiB. */
int kubeconfig_read(struct buf *out, const char *path, struct err *e) MUST_CHECK;

#endif
