/* SPDX-License-Identifier: Apache-2.0 */
/* status: what the API server's answer means, in words. */
#ifndef LB_KUBE_STATUS_H
#define LB_KUBE_STATUS_H

#include "pkg/json/json.h"

struct status_answer {
	const char *method;
	const char *path; /* its query is left out of messages */
	int status;
	const char *body;
	size_t body_len;
};

/* For a status that is not 2xx.  `object` is the parsed body, NULL when it was not JSON.  A
 * refusal (401, 403) is ERR_PERMISSION and says who may not do what, as the server put it. */
int status_error(struct err *e, const struct status_answer *a, const struct json *object);

/* For a body that should have been JSON: says what it looks like instead. */
int status_not_json(struct err *e, const struct status_answer *a);

#endif
