/* SPDX-License-Identifier: Apache-2.0 */
/* bind: puts the announced addresses on an interface, for hosts where nothing else takes in what
 * is sent to them.
 *
 * Each gets a lifetime of a few seconds that is renewed while it is announced, so that the kernel
 * takes it away when the process can't.  An address that the interface has for good, before or
 * after, is somebody else's and left as it is; one that somebody takes away is put back. */
#ifndef LB_L2_BIND_H
#define LB_L2_BIND_H

#include "pkg/l2/l2.h"

struct bind;

/* `interface`: where to put them, or NULL: on the first link where each is answered.
 * The world is borrowed, and looked at in each call.  ERR_PERMISSION names CAP_NET_ADMIN. */
struct bind *bind_new(const char *interface, const struct netlink_world *w, struct err *e) MUST_CHECK;
void bind_free(struct bind *b); /* takes all back; NULL is fine */

/* Puts on what is answered now and isn't there, takes back what is there and isn't answered, and
 * renews what is due.  news: the world was read since the last call, so it has all that was done then.
 */
int bind_sync(struct bind *b, const struct l2 *l, const struct addr *set, size_t n, bool news,
    uint64_t now_ms, struct err *e) MUST_CHECK;
uint64_t bind_deadline(const struct bind *b); /* when to call it at the latest; UINT64_MAX: never */

#endif
