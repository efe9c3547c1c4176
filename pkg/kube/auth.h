/* SPDX-License-Identifier: Apache-2.0 */
/* auth: who we are to the server, kept fresh. */
#ifndef LB_KUBE_AUTH_H
#define LB_KUBE_AUTH_H

#include "pkg/kube/kubeconfig.h"

enum auth_answer { AUTH_FAILED = -1, AUTH_WAIT, AUTH_READY };

struct auth;
/* `c` is borrowed.  ready() is called from the loop when what was AUTH_WAIT has been decided. */
struct auth *auth_new(struct loop *l, const struct kubeconfig *c, void (*ready)(void *arg), void *arg,
    struct err *e) MUST_CHECK;
void auth_free(struct auth *a); /* NULL is fine */

/* AUTH_READY: *id is good for requests until the next call of anything here, and *generation
 * names what it was made of.  AUTH_FAILED: *e; the next call tries again. */
enum auth_answer auth_identity(
    struct auth *a, struct http_identity *id, uint64_t *generation, struct err *e) MUST_CHECK;

/* The server does not know who sent that.  Whether asking again may give something better. */
bool auth_refused(struct auth *a, uint64_t generation);

#endif
