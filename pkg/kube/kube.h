/* SPDX-License-Identifier: Apache-2.0 */
/* kube: the Kubernetes API server: who we are to it, requests, and watches; the border to
 * libcurl.
 *
 * A client belongs to one loop and does everything on it: all requests and watches share
 * one connection where the server speaks HTTP/2.  No callback is made from inside one of
 * the calls below, only from the loop; a callback may call anything here, closing its own
 * request, watch or client included.
 *
 * Credentials are kept fresh without the caller: a token file is read again before each
 * request, an `exec` plugin is run again when its credential expires, and a 401 is tried
 * once more with what both then say. */
#ifndef LB_KUBE_H
#define LB_KUBE_H

#include "pkg/api/api.h"
#include "pkg/json/json.h"
#include "pkg/loop/loop.h"
#include "pkg/opts/opts.h"

struct kube_options {
	const char *kubeconfig;      /* a file; NULL: $KUBECONFIG, in-cluster, ~/.kube/config */
	const char *context;         /* NULL: current-context */
	const char *service_account; /* in-cluster credentials; NULL: where the kubelet mounts them */
};
/* --kubeconfig, --context: for every command that asks an API server. */
extern const struct opt kube_opts[];

struct kube;
/* Reads the configuration; connects only when there is something to ask.  ERR_USAGE with the
 * file, the field and the remedy when the configuration is wrong, ERR_NOT_FOUND when there is
 * none. */
struct kube *kube_open(struct loop *l, const struct kube_options *o, struct err *e) MUST_CHECK;
void kube_close(struct kube *k); /* cancels what is under way; NULL is fine */
void kube_freep(struct kube **k);

const char *kube_server(const struct kube *k);    /* "https://192.0.2.1:6443", for messages */
const char *kube_namespace(const struct kube *k); /* of the context or of the Pod, "" when not set */

/* "/api/v1/namespaces/NS/services/NAME/status"; every part after `kind` may be NULL or "" and is
 * then left out; names are percent-encoded. */
void kube_path(struct buf *out, const struct api_kind *kind, const char *namespace, const char *name,
    const char *subresource);

enum {
	KUBE_RESPONSE_MAX = 64 << 20, /* bytes of a response's body */
	KUBE_TIMEOUT_MS = 75000,      /* of a request; the API server itself gives up after 60 s */
};

struct kube_request {
	const char *method;       /* "GET", "POST", "PUT", "PATCH", "DELETE" */
	const char *path;         /* from kube_path(), with its query */
	const char *content_type; /* of the body: "application/apply-patch+yaml"; NULL without a body */
	const char *body;
	size_t body_len;
	uint32_t timeout_ms; /* 0: KUBE_TIMEOUT_MS */
	bool metadata_only;  /* of the answer, which is cheaper for both; a server may send all */
};

/* Everything is borrowed for the callback. */
struct kube_response {
	int status;              /* of HTTP; 0: no answer, or none that an API server gives */
	const struct err *error; /* NULL when status is 2xx; else who refused what, for people */
	const char *reason;      /* of the API's Status: "Conflict", "Expired"; "" when it said none */
	const struct json *object; /* the answer, NULL when there was none or it was not JSON */
	uint32_t retry_after;      /* seconds; 0: the server did not say */
};
typedef void kube_response_fn(const struct kube_response *r, void *arg);

/* Sends a request, which is copied; fn is called once, unless kube_cancel() comes first.  The call
 * is forgotten after fn returned. */
struct kube_call;
struct kube_call *kube_send(struct kube *k, const struct kube_request *r, kube_response_fn *fn,
    void *arg, struct err *e) MUST_CHECK;
void kube_cancel(struct kube_call *c); /* NULL is fine */

/* Lists and watches: for every kind what exists as ADDED records, then a BOOKMARK with
 * k8s.io/initial-events-end, then changes.  A kind that the server does not have counts as
 * empty, and its objects come as ADDED when it appears.  What happened during an outage comes
 * as the difference: nothing is told twice, nothing is missed.  A DELETED record that comes of
 * such a difference has no more than kind, apiVersion, and the object's namespace, name, uid
 * and resourceVersion.
 *
 * Records are those of lbctl-stream(5): kind and apiVersion first, without managedFields and
 * the last-applied annotation unless `full`. */
struct kube_watch_options {
	const struct api_kind *const *kinds; /* ends in NULL; borrowed */
	const char *namespace;               /* where configuration lives */
	bool once;                           /* end after the last kind's initial-events-end */
	bool full;
};
struct kube_watch_events {
	void (*record)(void *arg, const char *text, size_t len); /* one whole record with its newline */
	void (*ended)(void *arg);                                /* with `once`: no more will come */
	/* Cannot go on: a permission has been missing for 30 seconds (ERR_PERMISSION; two with `once`:
	 * a server that has just started refuses everybody for a moment), the certificate is not
	 * trusted, or, with `once`, the server stays away.  No more will come. */
	void (*failed)(void *arg, const struct err *e);
	/* The server went away, and is asked again until it is back; once per outage, and once more if
	 * then it refuses us.  NULL: it is back, and what was missed has been told.  May be NULL. */
	void (*trouble)(void *arg, const struct err *e);
	void *arg;
};
struct kube_watch;
struct kube_watch *kube_watch_open(struct kube *k, const struct kube_watch_options *o,
    const struct kube_watch_events *ev, struct err *e) MUST_CHECK;
void kube_watch_close(struct kube_watch *w); /* NULL is fine */
/* While paused no record comes, and what the server sends waits in the network. */
void kube_watch_pause(struct kube_watch *w, bool paused);

/* A Lease (coordination.k8s.io/v1) that one contender at a time holds, by the rules of client-go's
 * leader election.  It is contended for at once, renewed while held, and not contended for again
 * once it was lost. */
struct kube_lease_options {
	const char *namespace;
	const char *name;
	uint32_t duration_ms;       /* whole seconds; client-go: 15 s */
	uint32_t renew_deadline_ms; /* 10 s */
	uint32_t retry_ms;          /* 2 s */
};
struct kube_lease_events {
	/* It is ours, or was renewed: nobody else can hold it before `until_ms` of CLOCK_BOOTTIME. */
	void (*held)(void *arg, uint64_t until_ms);
	void (*lost)(void *arg,
	    const struct err *e); /* ERR_CONFLICT: another has it; ERR_SYSTEM: nobody answers */
	void (*waiting)(void *arg, const char *holder); /* another has it; when that changes */
	void (*trouble)(
	    void *arg, const struct err *e); /* the server refuses, or is away; NULL: no more */
	void (*over)(void *arg);             /* after kube_lease_stop() */
	void *arg;
};
struct kube_lease;
struct kube_lease *kube_lease_open(struct kube *k, const struct kube_lease_options *o,
    const struct kube_lease_events *ev, struct err *e) MUST_CHECK;
void kube_lease_stop(struct kube_lease *l);  /* releases it, if it is ours; over() follows */
void kube_lease_close(struct kube_lease *l); /* leaves it as it is; NULL is fine */
const char *kube_lease_identity(const struct kube_lease *l); /* the holderIdentity that we write */

#endif
