/* SPDX-License-Identifier: Apache-2.0 */
/* path: text inside a URL. */
#ifndef LB_KUBE_PATH_H
#define LB_KUBE_PATH_H

#include "pkg/buf/buf.h"

/* Percent-encodes all but the unreserved characters of RFC 3986. */
void path_escape(struct buf *out, const char *text);

#endif
