/* SPDX-License-Identifier: Apache-2.0 */
/* base64: RFC 4648, the border to libcrypto. */
#ifndef LB_KUBE_BASE64_H
#define LB_KUBE_BASE64_H

#include "pkg/buf/buf.h"

/* Line breaks in `text` are ignored.  False when it is not base64. */
bool base64_decode(struct buf *out, const char *text) MUST_CHECK;
void base64_encode(struct buf *out, const char *bytes, size_t n);

#endif
