/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl, loaded when a cluster is first spoken to: it brings thirty libraries with it, 5 MiB and
 * several milliseconds, which the stages that speak to none, and answer ARP in less than one, are
 * spared.  Its functions have their own names here. */
#ifndef LB_KUBE_LIBCURL_H
#define LB_KUBE_LIBCURL_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "pkg/err/err.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

struct libcurl {
	__typeof__(&curl_easy_cleanup) easy_cleanup;
	__typeof__(&curl_easy_getinfo) easy_getinfo;
	__typeof__(&curl_easy_init) easy_init;
	__typeof__(&curl_easy_pause) easy_pause;
	__typeof__(&curl_easy_setopt) easy_setopt;
	__typeof__(&curl_easy_strerror) easy_strerror;
	__typeof__(&curl_global_cleanup) global_cleanup;
	__typeof__(&curl_global_init) global_init;
	__typeof__(&curl_multi_add_handle) multi_add_handle;
	__typeof__(&curl_multi_assign) multi_assign;
	__typeof__(&curl_multi_cleanup) multi_cleanup;
	__typeof__(&curl_multi_info_read) multi_info_read;
	__typeof__(&curl_multi_init) multi_init;
	__typeof__(&curl_multi_remove_handle) multi_remove_handle;
	__typeof__(&curl_multi_setopt) multi_setopt;
	__typeof__(&curl_multi_socket_action) multi_socket_action;
	__typeof__(&curl_slist_append) slist_append;
	__typeof__(&curl_slist_free_all) slist_free_all;
};
extern struct libcurl libcurl;

/* Before any other function here; again is fine.  ERR_SYSTEM says what is missing. */
int libcurl_load(struct err *e) MUST_CHECK;

#define curl_easy_cleanup libcurl.easy_cleanup
#define curl_easy_getinfo libcurl.easy_getinfo
#define curl_easy_init libcurl.easy_init
#define curl_easy_pause libcurl.easy_pause
#define curl_easy_setopt libcurl.easy_setopt
#define curl_easy_strerror libcurl.easy_strerror
#define curl_global_cleanup libcurl.global_cleanup
#define curl_global_init libcurl.global_init
#define curl_multi_add_handle libcurl.multi_add_handle
#define curl_multi_assign libcurl.multi_assign
#define curl_multi_cleanup libcurl.multi_cleanup
#define curl_multi_info_read libcurl.multi_info_read
#define curl_multi_init libcurl.multi_init
#define curl_multi_remove_handle libcurl.multi_remove_handle
#define curl_multi_setopt libcurl.multi_setopt
#define curl_multi_socket_action libcurl.multi_socket_action
#define curl_slist_append libcurl.slist_append
#define curl_slist_free_all libcurl.slist_free_all

#endif
