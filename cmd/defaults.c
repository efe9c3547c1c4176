/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <unistd.h>

#include "cmd/cmd.h"

static const char *first_of(const char *option, const char *variable, const char *otherwise)
{
	const char *v = option ? option : getenv(variable);

	return v && v[0] ? v : otherwise;
}

const char *default_node(const char *option, char host[static 256])
{
	if (gethostname(host, 255) < 0)
		host[0] = 0;
	host[255] = 0;
	return first_of(option, "NODE_NAME", host);
}

const char *default_namespace(const char *option)
{
	return first_of(option, "METALLB_NAMESPACE", "metallb-system");
}
