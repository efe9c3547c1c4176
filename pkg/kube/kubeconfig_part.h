/* SPDX-License-Identifier: Apache-2.0 */
/* One named item of a kubeconfig file: a context, a cluster or a user, and its fields. */
#ifndef LB_KUBE_KUBECONFIG_PART_H
#define LB_KUBE_KUBECONFIG_PART_H

#include "pkg/kube/kubeconfig.h"

struct kubeconfig_file {
	char *path;
	struct json *tree; /* NULL when empty */
};

struct kubeconfig_part {
	const struct kubeconfig_file *file;
	const char *list; /* "users" */
	const char *name;
	const struct json *value;
};

/* "FILE: users, name NAME: KEY: WHY" */
int part_bad(const struct kubeconfig_part *p, const char *key, const char *why, struct err *e);
/* *out is NULL when the field is absent or empty. */
int part_text(const struct kubeconfig_part *p, const char *key, struct arena *a, const char **out,
    struct err *e) MUST_CHECK;

int part_cluster(const struct kubeconfig_part *p, struct kubeconfig *c, struct err *e) MUST_CHECK;
/* After part_cluster(), for what an exec plugin is told. */
int part_user(const struct kubeconfig_part *p, const struct kubeconfig_part *cluster,
    struct kubeconfig *c, struct err *e) MUST_CHECK;

#endif
