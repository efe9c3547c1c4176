/* SPDX-License-Identifier: Apache-2.0 */
/* exec: a program that gives credentials, as kubeconfig's users[].user.exec names it.
 *
 * Source: client.authentication.k8s.io/v1 and v1beta1, ExecCredential.  The program gets no
 * terminal: it runs beside whatever the stage is doing. */
#ifndef LB_KUBE_EXEC_H
#define LB_KUBE_EXEC_H

#include "pkg/kube/kubeconfig.h"

enum {
	EXEC_TIMEOUT_MS = 60000,
	EXEC_OUTPUT_MAX = 1 << 20,
};

/* `exec` and `cluster` are the items of the kubeconfig file `path`. */
int exec_decode(struct kubeconfig_exec *x, const struct json *exec, const struct json *cluster,
    const char *path, struct arena *a, struct err *e) MUST_CHECK;

struct exec_credential {
	const char *token; /* NULL for none */
	const char *cert;  /* PEM, NULL for none */
	const char *key;
	int64_t expires; /* seconds of the Unix epoch; 0: when the server refuses it */
};
/* What the program printed; copied into the arena. */
int exec_credential_decode(struct exec_credential *c, const char *text, size_t len,
    const char *api_version, struct arena *a, struct err *e) MUST_CHECK;

/* Runs the program; fn is called once from the loop, with what it printed or an error. */
typedef void exec_done_fn(const char *output, size_t len, const struct err *e, void *arg);
struct exec_run;
struct exec_run *exec_start(struct loop *l, const struct kubeconfig_exec *x, exec_done_fn *fn,
    void *arg, struct err *e) MUST_CHECK;
void exec_cancel(struct exec_run *r); /* kills it; NULL is fine */

#endif
