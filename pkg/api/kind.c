/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pkg/api/api.h"

enum { BOTH = API_CONTROLLER | API_SPEAKER };

const struct api_kind api_kinds[] = {
	{ .kind = "Service",
	    .group = "",
	    .version = "v1",
	    .plural = "services",
	    .short_name = "svc",
	    .namespaced = true,
	    .presets = BOTH },
	{ .kind = "EndpointSlice",
	    .group = "discovery.k8s.io",
	    .version = "v1",
	    .plural = "endpointslices",
	    .short_name = "",
	    .namespaced = true,
	    .presets = API_SPEAKER },
	{ .kind = "Node",
	    .group = "",
	    .version = "v1",
	    .plural = "nodes",
	    .short_name = "no",
	    .presets = BOTH },
	{ .kind = "Namespace",
	    .group = "",
	    .version = "v1",
	    .plural = "namespaces",
	    .short_name = "ns",
	    .presets = API_CONTROLLER },
	{ .kind = "ConfigMap",
	    .group = "",
	    .version = "v1",
	    .plural = "configmaps",
	    .short_name = "cm",
	    .namespaced = true,
	    .configuration = true,
	    .only = "config",
	    .presets = BOTH },
	{ .kind = "IPAddressPool",
	    .group = "metallb.io",
	    .version = "v1beta1",
	    .plural = "ipaddresspools",
	    .short_name = "",
	    .namespaced = true,
	    .configuration = true,
	    .presets = BOTH },
	{ .kind = "AddressPool",
	    .group = "metallb.io",
	    .version = "v1beta1",
	    .plural = "addresspools",
	    .short_name = "",
	    .namespaced = true,
	    .configuration = true,
	    .presets = BOTH },
	{ .kind = "L2Advertisement",
	    .group = "metallb.io",
	    .version = "v1beta1",
	    .plural = "l2advertisements",
	    .short_name = "",
	    .namespaced = true,
	    .configuration = true,
	    .presets = API_SPEAKER },
	{ .kind = "Event",
	    .group = "",
	    .version = "v1",
	    .plural = "events",
	    .short_name = "ev",
	    .namespaced = true },
	{ .kind = "Member",
	    .group = "lbctl.dev",
	    .version = "v1",
	    .plural = "members",
	    .short_name = "" },
	{ .kind = "Announcement",
	    .group = "lbctl.dev",
	    .version = "v1",
	    .plural = "announcements",
	    .short_name = "",
	    .namespaced = true },
	{ .kind = "Decision",
	    .group = "lbctl.dev",
	    .version = "v1",
	    .plural = "decisions",
	    .short_name = "",
	    .namespaced = true },
	{ .kind = NULL },
};

const struct api_kind *api_kind_find(const char *kind, const char *group)
{
	for (const struct api_kind *k = api_kinds; k->kind; k++)
		if (!strcmp(k->kind, kind) && !strcmp(k->group, group))
			return k;
	return NULL;
}

/* word is `text` or `text`.group, in any case of letters. */
static bool is_word(const struct api_kind *k, const char *text, const char *word)
{
	size_t n = strlen(text);

	if (!n || strncasecmp(word, text, n) != 0)
		return false;
	return !word[n] || (word[n] == '.' && k->group[0] && !strcasecmp(word + n + 1, k->group));
}

const struct api_kind *api_kind_by_word(const char *word)
{
	for (const struct api_kind *k = api_kinds; k->kind; k++)
		if (is_word(k, k->kind, word) || is_word(k, k->plural, word) ||
		    is_word(k, k->short_name, word))
			return k;
	return NULL;
}

void api_version_text(const struct api_kind *k, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s", k->group, k->group[0] ? "/" : "", k->version);
}
