/* SPDX-License-Identifier: Apache-2.0 */
/* client: what kube.h's requests and watches stand on: an http call that waits for the
 * credentials, and is sent once more with fresh ones when the server refuses the old. */
#ifndef LB_KUBE_CLIENT_H
#define LB_KUBE_CLIENT_H

#include "pkg/kube/http.h"
#include "pkg/kube/kube.h"

struct client_events {
	struct http_events http;
	void (*dropped)(void *arg); /* instead of done(): kube_close() came first */
};

struct client_call;
/* As http_start(); the request is copied, its identity is not used.  All errors come by done(). */
struct client_call *client_start(struct kube *k, const struct http_request *r,
    const struct client_events *ev, struct err *e) MUST_CHECK;
void client_cancel(struct client_call *c); /* NULL is fine */
void client_resume(struct client_call *c); /* after body() returned false */

struct loop *client_loop(struct kube *k);
void client_reconnect(struct kube *k); /* http_reconnect() */

#endif
