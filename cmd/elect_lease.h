/* SPDX-License-Identifier: Apache-2.0 */
/* elect_lease: `lbctl elect --lease NAME -- COMMAND...`, which runs COMMAND while it holds a Lease. */
#ifndef LB_CMD_ELECT_LEASE_H
#define LB_CMD_ELECT_LEASE_H

#include "pkg/kube/kube.h"
#include "pkg/opts/opts.h"

struct elect_lease_args {
	struct kube_options server;
	const char *name; /* NULL: it is not this that is asked for */
	uint32_t duration_ms, renew_deadline_ms, retry_ms;
};
extern const struct opt elect_lease_opts[];
#define ELECT_LEASE_DEFAULTS                                                        \
	{                                                                           \
		.duration_ms = 15000, .renew_deadline_ms = 10000, .retry_ms = 2000, \
	}

/* COMMAND's exit status, or -1; argv ends in NULL. */
int elect_lease_run(
    const struct elect_lease_args *a, const char *namespace, char **argv, struct err *e) MUST_CHECK;

#endif
