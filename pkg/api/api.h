/* SPDX-License-Identifier: Apache-2.0 */
/* api: the Kubernetes objects that lbctl reads, as structs, and the kinds it knows.
 *
 * A decoder takes the JSON of one object, copies what lbctl uses into the caller's arena
 * and keeps nothing else, so the tree can go at once.  A field of the wrong type, or a
 * value that the API would refuse, is ERR_PROTOCOL naming the field ("spec.ports[1].port:
 * want an integer from 1 to 65535, have \"http\""); a field that is absent takes the
 * API's default.  Strings are never NULL unless it says so.
 *
 * Source: the Kubernetes API reference, v1.37: core/v1 Service, Node, Namespace,
 * discovery.k8s.io/v1 EndpointSlice, meta/v1 LabelSelector. */
#ifndef LB_API_H
#define LB_API_H

#include "pkg/addr/addr.h"
#include "pkg/arena/arena.h"
#include "pkg/json/json.h"

/* A kind of object, how to ask the API server for it, and who needs it. */
struct api_kind {
	const char *kind;       /* "Service" */
	const char *group;      /* "" for core, "metallb.io" */
	const char *version;    /* "v1" */
	const char *plural;     /* "services" */
	const char *short_name; /* "svc", as kubectl knows it, or "" */
	bool namespaced;
	bool configuration; /* lives in MetalLB's own namespace only */
	const char *only;   /* the one name that lbctl reads ("config"), or NULL */
	unsigned presets;   /* API_CONTROLLER | API_SPEAKER */
};
enum { API_CONTROLLER = 1, API_SPEAKER = 2 };

extern const struct api_kind api_kinds[]; /* ends in { NULL } */

const struct api_kind *api_kind_find(const char *kind, const char *group);
/* As a person types it: "Service", "services", "service", "svc", "ipaddresspools.metallb.io". */
const struct api_kind *api_kind_by_word(const char *word);

/* "v1" or "metallb.io/v1beta1" */
void api_version_text(const struct api_kind *k, char *out, size_t size);

struct api_pair {
	const char *key;
	const char *value;
};
struct api_map { /* sorted by key */
	const struct api_pair *at;
	size_t n;
};
const char *api_map_get(const struct api_map *m, const char *key); /* NULL when absent */

struct api_meta {
	const char *namespace; /* "" for a cluster-scoped object */
	const char *name;
	const char *uid;              /* "" when the source has none */
	const char *resource_version; /* "" when the source has none */
	int64_t created;              /* creationTimestamp, seconds of the Unix epoch; 0 when absent */
	struct api_map labels;
	struct api_map annotations; /* metallb.io/, metallb.universe.tf/ and lbctl.dev/ only */
};

/* A MetalLB annotation: metallb.io/NAME, or else the deprecated metallb.universe.tf/NAME.  The
 * stable spelling wins when present, even if empty.  NULL when neither is there. */
const char *api_annotation(const struct api_meta *m, const char *name);
/* Is there any metallb.universe.tf/ annotation?  *key is the first. */
bool api_annotation_deprecated(const struct api_meta *m, const char **key);

enum api_protocol { API_TCP, API_UDP, API_SCTP };
const char *api_protocol_name(enum api_protocol p);

struct api_port {
	enum api_protocol protocol;
	uint16_t port;
};

enum api_family_policy { API_SINGLE_STACK, API_PREFER_DUAL_STACK, API_REQUIRE_DUAL_STACK };

struct api_ingress {    /* status.loadBalancer.ingress[] */
	const char *ip; /* as written, "" when absent; not necessarily an address */
	const char *hostname;
};

struct api_service {
	struct api_meta meta;
	bool load_balancer;              /* spec.type is LoadBalancer */
	const char *load_balancer_class; /* NULL when absent */
	const char *load_balancer_ip;    /* "" when absent */
	const char *const *cluster_ips;  /* spec.clusterIPs, or clusterIP; "None" left out.  At most
					    one of each family, each a valid address */
	size_t cluster_ips_n;
	bool headless;          /* clusterIP is "None" */
	uint8_t ip_families[2]; /* enum addr_family, as in spec.ipFamilies; ADDR_NONE when absent */
	enum api_family_policy ip_family_policy;
	bool external_traffic_local; /* externalTrafficPolicy: Local */
	struct api_map selector;
	const struct api_port *ports;
	size_t ports_n;
	const struct api_ingress *ingress;
	size_t ingress_n;
};
int api_service_decode(
    struct api_service *s, const struct json *object, struct arena *a, struct err *e) MUST_CHECK;

struct api_node {
	struct api_meta meta;
	bool ready;               /* condition Ready is True */
	bool network_unavailable; /* condition NetworkUnavailable is True */
	bool excluded; /* label node.kubernetes.io/exclude-from-external-load-balancers, any value */
	const struct addr *internal_ips;
	size_t internal_ips_n;
};
int api_node_decode(
    struct api_node *n, const struct json *object, struct arena *a, struct err *e) MUST_CHECK;

struct api_endpoint {
	const char *node; /* "" when absent */
	bool usable;      /* ready is absent or true, or serving is true (as MetalLB counts) */
};
struct api_endpoint_slice {
	struct api_meta meta;
	const char *service; /* label kubernetes.io/service-name, "" when absent */
	uint8_t family;      /* enum addr_family, by addressType; ADDR_NONE: names, or it is absent */
	const struct api_endpoint *endpoints;
	size_t endpoints_n;
};
int api_endpoint_slice_decode(
    struct api_endpoint_slice *s, const struct json *object, struct arena *a, struct err *e) MUST_CHECK;

struct api_namespace {
	struct api_meta meta;
};
int api_namespace_decode(
    struct api_namespace *n, const struct json *object, struct arena *a, struct err *e) MUST_CHECK;

/* lbctl.dev/v1: a speaker's liveness, as `members` tells it. */
struct api_member {
	struct api_meta meta; /* name: the node */
	bool alive;
	int64_t since_ms; /* status.since, milliseconds of the Unix epoch; 0 when absent */
	const char *reason;
};
int api_member_decode(
    struct api_member *m, const struct json *object, struct arena *a, struct err *e) MUST_CHECK;

/* Just the metadata, of any kind: also what a DELETED record needs. */
int api_meta_decode(
    struct api_meta *m, const struct json *object, struct arena *a, struct err *e) MUST_CHECK;

/* meta/v1 LabelSelector. */
enum api_operator { API_IN, API_NOT_IN, API_EXISTS, API_DOES_NOT_EXIST };
struct api_requirement {
	const char *key;
	enum api_operator op;
	const char *const *values;
	size_t values_n;
};
struct api_selector { /* no requirements: matches everything */
	const struct api_requirement *at;
	size_t n;
};
/* `where` is the selector's path, for messages.  Absent: matches everything.  The ConfigMap of
 * MetalLB 0.12 spells the keys match-labels and match-expressions; both spellings are read, any
 * other key is refused.  The requirements stand in the order: labels by key, then expressions. */
int api_selector_decode(struct api_selector *s, const struct json *selector, const char *where,
    struct arena *a, struct err *e) MUST_CHECK;
bool api_selector_matches(const struct api_selector *s, const struct api_map *labels);

#endif
