/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/kube/libcurl.h"

#include <dlfcn.h>

#define SONAME "libcurl.so.4" /* since 2006 */

struct libcurl libcurl;

static const struct {
	const char *name;
	void **to;
} functions[] = {
	{ "curl_easy_cleanup", (void **)&libcurl.easy_cleanup },
	{ "curl_easy_getinfo", (void **)&libcurl.easy_getinfo },
	{ "curl_easy_init", (void **)&libcurl.easy_init },
	{ "curl_easy_pause", (void **)&libcurl.easy_pause },
	{ "curl_easy_setopt", (void **)&libcurl.easy_setopt },
	{ "curl_easy_strerror", (void **)&libcurl.easy_strerror },
	{ "curl_global_cleanup", (void **)&libcurl.global_cleanup },
	{ "curl_global_init", (void **)&libcurl.global_init },
	{ "curl_multi_add_handle", (void **)&libcurl.multi_add_handle },
	{ "curl_multi_assign", (void **)&libcurl.multi_assign },
	{ "curl_multi_cleanup", (void **)&libcurl.multi_cleanup },
	{ "curl_multi_info_read", (void **)&libcurl.multi_info_read },
	{ "curl_multi_init", (void **)&libcurl.multi_init },
	{ "curl_multi_remove_handle", (void **)&libcurl.multi_remove_handle },
	{ "curl_multi_setopt", (void **)&libcurl.multi_setopt },
	{ "curl_multi_socket_action", (void **)&libcurl.multi_socket_action },
	{ "curl_slist_append", (void **)&libcurl.slist_append },
	{ "curl_slist_free_all", (void **)&libcurl.slist_free_all },
};

static int missing(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "speaking to a cluster needs libcurl: %s", dlerror());
}

int libcurl_load(struct err *e)
{
	static void *library;

	if (library)
		return 0;
	library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; library && i < ARRAY_LEN(functions); i++) {
		*functions[i].to = dlsym(library, functions[i].name);
		if (!*functions[i].to) {
			missing(e);
			dlclose(library);
			library = NULL;
			return -1;
		}
	}
	return library ? 0 : missing(e);
}
