/* SPDX-License-Identifier: Apache-2.0 */
/* lease_record: the fields of a coordination.k8s.io/v1 Lease, as client-go reads and writes them. */
#ifndef LB_KUBE_LEASE_RECORD_H
#define LB_KUBE_LEASE_RECORD_H

#include "pkg/json/json.h"

const char *record_holder(const struct json *lease);   /* "" when nobody has it */
const char *record_version(const struct json *lease);  /* resourceVersion, "" when absent */
uint64_t record_duration_ms(const struct json *lease); /* 0 when absent or negative */

#define RECORD_KEEP INT64_MIN

struct record {
	const char *holder; /* "": nobody */
	int64_t duration_s;
	int64_t renewed_us;  /* since the Unix epoch */
	int64_t acquired_us; /* or RECORD_KEEP */
	bool taken;          /* from another: one transition more */
};
/* NULL: memory is short.  What others keep in the Lease stays. */
struct json *record_new(const char *namespace, const char *name, const struct record *r);
struct json *record_changed(const struct json *lease, const struct record *r);

#endif
