/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/l2/bind.h"

#include <string.h>

#include "pkg/log/log.h"

enum {
	VALID_S = 10,
	RENEW_MS = 3000,
	PUT_BACK_MS = 100, /* between two times, against whoever removes it each time */
	MOST_A_TURN = 64,  /* changes before ARP has its turn again */
};

struct bound {
	struct addr ip;
	int ifindex;
	uint64_t put_at, renew_at;
	bool kept;   /* while the set is compared */
	bool there;  /* while the kernel's are looked through */
	bool theirs; /* is there for good: not ours to touch */
};

struct bind {
	const char *interface;
	const struct netlink_world *world;
	struct bound *at; /* sorted by address */
	size_t n;
	bool more; /* to be done in the next turn */
};

static uint8_t host_len(const struct addr *a)
{
	return (uint8_t)(8 * addr_len(a));
}

static int remove_address(int ifindex, const struct addr *a, struct err *e)
{
	return netlink_address_remove(ifindex, a, host_len(a), e);
}

/* Asks to remove what nobody can have, to learn whether we may. */
static int check_permission(const struct netlink_world *w, struct err *e)
{
	const struct netlink_link *lo = netlink_link_by_name(w, "lo");
	const struct addr nobodys = { .family = ADDR_IPV4 };
	struct err why = ERR_INIT;

	if (remove_address(lo ? lo->ifindex : 1, &nobodys, &why) == 0 || why.kind != ERR_PERMISSION)
		return 0;
	return err_set(e, ERR_PERMISSION,
	    "putting addresses on an interface (--bind) needs the capability CAP_NET_ADMIN: run as "
	    "root, or give the program or its container NET_ADMIN");
}

struct bind *bind_new(const char *interface, const struct netlink_world *w, struct err *e)
{
	struct bind *b;

	if (check_permission(w, e) < 0)
		return NULL;
	if (interface && !netlink_link_by_name(w, interface)) {
		err_set(
		    e, ERR_NOT_FOUND, "there is no interface \"%s\" to put addresses on", interface);
		return NULL;
	}
	b = calloc(1, sizeof(*b));
	if (!b) {
		err_memory(e);
		return NULL;
	}
	b->interface = interface;
	b->world = w;
	return b;
}

static void take_back(const struct bound *o)
{
	struct err e = ERR_INIT; /* gone already is fine, and its lifetime ends it otherwise */

	if (!o->theirs && o->ifindex && remove_address(o->ifindex, &o->ip, &e) < 0)
		log_debug("l2", "%s", e.text);
}

void bind_free(struct bind *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++)
		take_back(&b->at[i]);
	free(b->at);
	free(b);
}

static int by_address(const void *x, const void *y)
{
	const struct bound *a = x, *b = y;

	return addr_compare(&a->ip, &b->ip);
}

static struct bound *find(const struct bind *b, const struct addr *ip)
{
	struct bound key = { .ip = *ip };

	return b->n ? bsearch(&key, b->at, b->n, sizeof(key), by_address) : NULL;
}

/* Where the address shall be; 0: nowhere. */
static int place(const struct bind *b, const struct l2 *l, const struct addr *ip)
{
	int answered = l2_first_link(l, ip);
	const struct netlink_link *k =
	    b->interface ? netlink_link_by_name(b->world, b->interface) : NULL;

	if (!answered || !b->interface)
		return answered;
	return k ? k->ifindex : 0;
}

static bool is_theirs(const struct netlink_world *w, int ifindex, const struct addr *a)
{
	for (size_t i = 0; i < w->addresses_n; i++) {
		const struct netlink_address *have = &w->addresses[i];

		if (have->ifindex == ifindex && have->len == host_len(a) && have->permanent &&
		    addr_equal(&have->addr, a))
			return true;
	}
	return false;
}

/* Puts it where it shall be, for as long as it shall be there.  1 if that asked the kernel. */
static int renew(
    struct bound *o, int ifindex, const struct netlink_world *w, uint64_t now_ms, struct err *e)
{
	if (o->ifindex != ifindex) {
		take_back(o);
		o->ifindex = ifindex;
		o->theirs = ifindex && is_theirs(w, ifindex, &o->ip);
		o->renew_at = now_ms;
	}
	if (!ifindex || o->theirs || o->renew_at > now_ms)
		return 0;
	o->put_at = now_ms;
	o->renew_at = now_ms + RENEW_MS;
	return netlink_address_set(ifindex, &o->ip, host_len(&o->ip), VALID_S, VALID_S, e) < 0 ? -1 : 1;
}

/* Takes over what is known of each address of the set, and takes back the others. */
static int compare(struct bind *b, const struct addr *set, size_t n, struct err *e)
{
	struct bound *next = calloc(n + 1, sizeof(*next));

	if (!next)
		return err_memory(e);
	for (size_t i = 0; i < n; i++) {
		struct bound *have = find(b, &set[i]);

		next[i].ip = set[i];
		if (have) {
			next[i] = *have;
			have->kept = true;
		}
	}
	for (size_t i = 0; i < b->n; i++)
		if (!b->at[i].kept)
			take_back(&b->at[i]);
	qsort(next, n, sizeof(*next), by_address);
	free(b->at);
	b->at = next;
	b->n = n;
	return 0;
}

/* What the kernel told of ours: one that somebody has made permanent is his, one that is gone comes
 * back. */
static void look(struct bind *b)
{
	const struct netlink_world *w = b->world;

	for (size_t i = 0; i < b->n; i++)
		b->at[i].there = false;
	for (size_t i = 0; i < w->addresses_n; i++) {
		const struct netlink_address *have = &w->addresses[i];
		struct bound *o = find(b, &have->addr);

		if (!o || o->ifindex != have->ifindex || have->len != host_len(&o->ip))
			continue;
		o->there = true;
		o->theirs |= have->permanent;
	}
	for (size_t i = 0; i < b->n; i++) {
		struct bound *o = &b->at[i];

		if (!o->ifindex || o->there)
			continue;
		o->theirs = false;
		if (o->put_at + PUT_BACK_MS < o->renew_at)
			o->renew_at = o->put_at + PUT_BACK_MS;
	}
}

int bind_sync(struct bind *b, const struct l2 *l, const struct addr *set, size_t n, bool news,
    uint64_t now_ms, struct err *e)
{
	int changes = 0;

	if (compare(b, set, n, e) < 0)
		return -1;
	if (news)
		look(b);
	b->more = false;
	for (size_t i = 0; i < b->n && !b->more; i++) {
		int one = renew(&b->at[i], place(b, l, &b->at[i].ip), b->world, now_ms, e);

		if (one < 0) {
			b->more = true;
			return -1;
		}
		changes += one;
		b->more = changes == MOST_A_TURN;
	}
	return 0;
}

uint64_t bind_deadline(const struct bind *b)
{
	uint64_t at = b->more ? 0 : UINT64_MAX;

	for (size_t i = 0; i < b->n; i++)
		if (b->at[i].ifindex && !b->at[i].theirs && b->at[i].renew_at < at)
			at = b->at[i].renew_at;
	return at;
}
