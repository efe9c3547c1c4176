/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of http, shared by http.c (what happens to calls) and http_setup.c (what libcurl
 * is told about one). */
#ifndef LB_KUBE_HTTP_STATE_H
#define LB_KUBE_HTTP_STATE_H

#include "pkg/buf/buf.h"
#include "pkg/kube/http.h"
#include "pkg/kube/libcurl.h"

struct http {
	struct loop *loop;
	const struct http_target *target;
	CURLM *multi;
	struct loop_timer *timer;
	struct http_call *calls;
	struct http_call *given_up; /* by http_reconnect() */
	unsigned depth;             /* of callbacks that we are in */
	bool doomed;                /* free when they have returned */
};

struct http_call {
	struct http *http;
	struct http_call *next, **prev;
	struct http_events ev;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	bool headed, endless;
	uint64_t started_us;
	struct buf what; /* "GET /api/v1/nodes", for the log */
	char *body;
	char text[CURL_ERROR_SIZE];
};

/* Everything but the multi handle; -1: libcurl refused something. */
int http_setup(struct http_call *c, const struct http_request *r) MUST_CHECK;

size_t http_on_header(char *line, size_t size, size_t n, void *arg);
size_t http_on_body(char *bytes, size_t size, size_t n, void *arg);

#endif
