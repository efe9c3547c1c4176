/* SPDX-License-Identifier: Apache-2.0 */
/* http: requests to one server, all on one connection where it speaks HTTP/2.  The one place
 * that knows libcurl.
 *
 * head() and body() are called from the midst of libcurl: they may note what they got, but
 * not call anything here.  done() may. */
#ifndef LB_KUBE_HTTP_H
#define LB_KUBE_HTTP_H

#include "pkg/loop/loop.h"

struct http_blob {
	const char *data; /* NULL for none */
	size_t len;
};

struct http_target {             /* borrowed, and unchanged, while the http lives */
	const char *url;         /* "https://192.0.2.1:6443/prefix", without a "/" at its end */
	const char *unix_socket; /* NULL: TCP to where url says */
	const char *proxy;       /* NULL: as the environment says */
	const char *server_name; /* in the certificate; NULL: url's host */
	bool insecure;
	const char *ca_file; /* NULL: ca, or else the system's */
	struct http_blob ca;
};

struct http_identity {
	struct http_blob cert, key; /* PEM; or else */
	const char *cert_file;      /* NULL for none */
	const char *key_file;
	const char *const *headers; /* "Authorization: Bearer ...", ends in NULL; may be NULL */
};

struct http_request {
	const char *method;
	const char *path;
	const char *content_type; /* NULL without a body */
	const char *body;
	size_t body_len;
	bool endless;        /* a watch: the answer takes as long as it takes */
	uint32_t timeout_ms; /* of all others; 0: KUBE_TIMEOUT_MS */
	bool metadata_only;  /* the answer may be a PartialObjectMetadata */
	const struct http_identity *identity;
};

struct http_events {
	void (*head)(void *arg, int status, uint32_t retry_after);
	/* False: keep the bytes and come again with them after http_resume(). */
	bool (*body)(void *arg, const char *bytes, size_t n);
	/* NULL: the answer is whole.  ERR_USAGE: the server's certificate or our own is not trusted,
	 * which waiting won't mend; else ERR_SYSTEM. */
	void (*done)(void *arg, const struct err *e);
	void *arg;
};

struct http;
struct http *http_new(struct loop *l, const struct http_target *t, struct err *e) MUST_CHECK;
void http_free(struct http *h); /* no more callbacks; also from within done(); NULL is fine */

struct http_call;
struct http_call *http_start(struct http *h, const struct http_request *r, const struct http_events *ev,
    struct err *e) MUST_CHECK;
void http_cancel(struct http_call *c); /* without done(); NULL is fine */
void http_resume(struct http_call *c);

/* The server does not answer on the connections there are: all that is under way ends with an
 * error, and what comes next connects anew. */
void http_reconnect(struct http *h);

#endif
