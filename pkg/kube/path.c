/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/path.h"

#include <ctype.h>
#include <string.h>

#include "pkg/kube/kube.h"

void path_escape(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 128 && (isalnum(c) || strchr("-._~", c)))
			buf_putc(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static void part(struct buf *out, const char *text)
{
	if (!text || !text[0])
		return;
	buf_putc(out, '/');
	path_escape(out, text);
}

void kube_path(struct buf *out, const struct api_kind *kind, const char *namespace, const char *name,
    const char *subresource)
{
	buf_puts(out, kind->group[0] ? "/apis" : "/api");
	part(out, kind->group);
	part(out, kind->version);
	if (kind->namespaced && namespace && namespace[0])
		part(out, "namespaces");
	if (kind->namespaced)
		part(out, namespace);
	part(out, kind->plural);
	part(out, name);
	part(out, subresource);
}
