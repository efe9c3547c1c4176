/* SPDX-License-Identifier: Apache-2.0 */
/* Announcements: what comes, changes and goes. */
#include <string.h>

#include "pkg/l2/engine.h"

enum {
	JUST_NOW_MS = 500,
	OVERLAP_MS = 20, /* what is left of the grace when a successor was heard before it began */
};

void names_free(char **names, size_t n)
{
	for (size_t i = 0; names && i < n; i++)
		free(names[i]);
	free(names);
}

char **names_copy(const struct l2_names *n, struct err *e)
{
	char **copy = n->n ? calloc(n->n, sizeof(*copy)) : NULL;

	for (size_t i = 0; copy && i < n->n; i++) {
		copy[i] = strdup(n->at[i]);
		if (!copy[i]) {
			names_free(copy, i);
			copy = NULL;
		}
	}
	if (n->n && !copy)
		err_memory(e);
	return copy;
}

uint8_t *owner_told(struct owner *o)
{
	return (uint8_t *)&o->vips[o->vips_n];
}

/* Behind the vips stand what was told of each, the key, the names of the interfaces up to an empty one,
 * and the uid. */
const char *owner_key(const struct owner *o)
{
	return (const char *)&o->vips[o->vips_n] + o->vips_n;
}

const char *owner_interfaces(const struct owner *o)
{
	return text_after(owner_key(o));
}

const char *owner_uid(const struct owner *o, char room[static UUID_TEXT_LEN])
{
	const char *at = owner_interfaces(o);

	while (*at)
		at = text_after(at);
	at++;
	return o->has_uuid ? uuid_text((const uint8_t *)at, room) : at;
}

static const char *uid_of(const struct l2_announcement *a)
{
	return a->uid ? a->uid : "";
}

uint32_t owner_hash(const void *owner)
{
	const char *key = owner_key(owner);

	return table_hash(key, strlen(key));
}

static bool has_key(const void *owner, const void *key)
{
	return !((const struct owner *)owner)->is_rest && !strcmp(owner_key(owner), key);
}

static struct owner *owner_find(const struct l2 *l, const char *key)
{
	return table_find(&l->owners, table_hash(key, strlen(key)), has_key, key);
}

bool owner_allows(const struct owner *o, const struct link *k)
{
	if (!o->chooses_links)
		return true;
	for (const char *name = owner_interfaces(o); *name; name = text_after(name))
		if (!strcmp(name, k->name))
			return true;
	return false;
}

static void owners_append(struct owner_list *list, struct owner *o)
{
	o->next = NULL;
	if (list->first)
		list->last->next = o;
	else
		list->first = o;
	list->last = o;
}

struct owner *owners_pop(struct owner_list *list)
{
	struct owner *o = list->first;

	if (o)
		list->first = o->next;
	return o;
}

/* `before` it in the list, or NULL. */
static void owners_cut(struct owner_list *list, struct owner *o, struct owner *before)
{
	if (before)
		before->next = o->next;
	else
		list->first = o->next;
	if (list->last == o)
		list->last = before;
}

static struct owner_list *grace_list(struct l2 *l, const struct owner *o)
{
	return o->is_relieved ? &l->relieved : &l->leaving;
}

/* Seldom from far behind: what is announced again mostly comes in the order in which it went. */
static void owners_remove(struct owner_list *list, struct owner *o)
{
	struct owner *before = NULL;

	for (struct owner *at = list->first; at != o; at = at->next)
		before = at;
	owners_cut(list, o, before);
}

void owner_changed(struct l2 *l, struct owner *o)
{
	if (o->changed || o->state != OWNER_ACTIVE)
		return;
	o->changed = true;
	owners_append(&l->changed, o);
}

void owner_unchanged(struct l2 *l, struct owner *o)
{
	if (o->changed)
		owners_remove(&l->changed, o);
	o->changed = false;
}

static void owner_update(struct l2 *l, struct owner *o)
{
	for (size_t i = 0; i < o->vips_n; i++)
		vip_update(l, o->vips[i]);
}

void owner_detach(struct l2 *l, struct owner *o)
{
	for (size_t i = 0; i < o->vips_n; i++)
		vip_detach(l, o->vips[i], o);
}

static int owner_attach(struct l2 *l, struct owner *o, const struct l2_announcement *a, struct err *e)
{
	for (size_t i = 0; i < a->addresses_n; i++) {
		struct in6_addr ip = addr_to_mapped(&a->addresses[i]);
		struct vip *v;
		uint32_t before;

		if (a->addresses[i].family == ADDR_NONE)
			continue;
		v = vip_find(l, &ip);
		before = v ? v->owners_n : 0;
		v = vip_attach(l, &ip, o);
		if (!v) {
			owner_detach(l, o);
			return err_memory(e);
		}
		if (v->owners_n > before)
			o->vips[o->vips_n++] = v;
	}
	return 0;
}

static size_t texts_size(const struct l2_announcement *a)
{
	size_t n = strlen(a->key) + 2;
	uint8_t uuid[UUID_LEN];

	for (size_t i = 0; i < a->interfaces.n; i++)
		n += strlen(a->interfaces.at[i]) + 1;
	return n + (uuid_pack(uuid, uid_of(a)) ? UUID_LEN : strlen(uid_of(a)) + 1);
}

static void write_texts(struct owner *o, const struct l2_announcement *a)
{
	char *to = stpcpy((char *)owner_told(o) + o->vips_n, a->key) + 1;

	o->chooses_links = a->interfaces.n > 0;
	for (size_t i = 0; i < a->interfaces.n; i++)
		if (a->interfaces.at[i][0])
			to = stpcpy(to, a->interfaces.at[i]) + 1;
	*to++ = 0;
	o->has_uuid = uuid_pack((uint8_t *)to, uid_of(a));
	if (!o->has_uuid)
		strcpy(to, uid_of(a));
}

/* In one piece, attached to its vips. */
static struct owner *owner_new(struct l2 *l, const struct l2_announcement *a, struct err *e)
{
	size_t a_vip = sizeof(struct vip *) + 1;
	struct owner *o = calloc(1, sizeof(*o) + a->addresses_n * a_vip + texts_size(a));

	if (!o) {
		err_memory(e);
		return NULL;
	}
	if (owner_attach(l, o, a, e) < 0) {
		free(o);
		return NULL;
	}
	write_texts(o, a);
	return o;
}

/* In another order, or with one twice, it counts as another; that changes nothing that is seen. */
static bool is_same(const struct owner *o, const struct l2_announcement *a)
{
	const char *name = owner_interfaces(o);
	char uid[UUID_TEXT_LEN];

	if (o->vips_n != a->addresses_n || o->chooses_links != (a->interfaces.n > 0) ||
	    strcmp(owner_uid(o, uid), uid_of(a)) != 0)
		return false;
	for (size_t i = 0; i < a->interfaces.n; i++, name = text_after(name))
		if (!*name || strcmp(name, a->interfaces.at[i]) != 0)
			return false;
	if (*name)
		return false;
	for (size_t i = 0; i < o->vips_n; i++) {
		struct in6_addr ip = addr_to_mapped(&a->addresses[i]);

		if (memcmp(&o->vips[i]->first.ip, &ip, sizeof(ip)) != 0)
			return false;
	}
	return true;
}

static bool vip_has_owner(const struct vip *v, const struct owner *o)
{
	for (size_t i = 0; i < v->owners_n; i++)
		if (vip_owner(v, i) == o)
			return true;
	return false;
}

/* Both are attached. */
static bool has_same_addresses(const struct owner *o, const struct owner *old)
{
	for (size_t i = 0; i < o->vips_n; i++)
		if (!vip_has_owner(o->vips[i], old))
			return false;
	return o->vips_n == old->vips_n;
}

/* Of what is in use elsewhere, or being probed, nothing has to end. */
static void keep_announced(struct l2 *l, struct owner *o)
{
	owner_note_announced(l, o);
	for (size_t i = o->vips_n; i-- > 0;)
		if (owner_told(o)[i] != TOLD_ANNOUNCED)
			owner_drop(l, o, i);
	l->generation++;
}

/* It is in no list of its grace any more. */
static void owner_end(struct l2 *l, struct owner *o, enum l2_why why)
{
	if (o->state == OWNER_ACTIVE)
		keep_announced(l, o);
	owner_unchanged(l, o);
	table_remove(&l->owners, o);
	o->state = OWNER_ENDED;
	o->why = why;
	owner_update(l, o);
	l->generation++;
	if (o->vips_n)
		owners_append(&l->ended, o);
	else
		free(o);
}

/* Where it is announced no more. */
static const struct strife *claimed_just_now(const struct l2 *l, struct vip *v)
{
	const struct place *p;

	for (size_t n = 0; (p = vip_next_place(v, &n));) {
		const struct strife *s = p->announced ? NULL : strife_find(l, p);

		if (s && l->now - s->last_at < JUST_NOW_MS)
			return s;
	}
	return NULL;
}

/* Whether a successor was heard a moment before we were told to leave.  It can't be told from the last
 * frame of a node that we took over from, whose speaker has come back and answers in a moment only. */
static bool is_relieved(const struct l2 *l, struct owner *o)
{
	for (size_t i = 0; i < o->vips_n; i++) {
		const struct strife *s = claimed_just_now(l, o->vips[i]);

		if (!s)
			return false;
		o->successor = s->by;
	}
	return true;
}

/* True when it ended at once. */
static bool owner_leave(struct l2 *l, struct owner *o)
{
	uint32_t grace = l->grace_ms;

	if (o->state != OWNER_ACTIVE)
		return false;
	if (!l->grace_ms || !owner_is_announcing(l, o)) {
		owner_end(l, o, L2_AT_ONCE);
		return true;
	}
	owner_unchanged(l, o);
	keep_announced(l, o);
	o->state = OWNER_LEAVING;
	for (size_t i = 0; i < o->vips_n; i++)
		o->vips[i]->succeeded = false;
	owner_update(l, o);
	o->is_relieved = is_relieved(l, o);
	if (o->is_relieved && grace > OVERLAP_MS)
		grace = OVERLAP_MS;
	o->until = (uint32_t)(l->now + grace);
	owners_append(grace_list(l, o), o);
	return false;
}

void owner_discard(struct l2 *l, struct owner *o)
{
	if (o->state == OWNER_LEAVING)
		owners_remove(grace_list(l, o), o);
	owner_unchanged(l, o);
	table_remove(&l->owners, o);
	free(o);
}

/* Each of its addresses was taken over by another host. */
static bool is_succeeded(const struct owner *o)
{
	for (size_t i = 0; i < o->vips_n; i++)
		if (!o->vips[i]->succeeded)
			return false;
	return true;
}

static void end_succeeded(struct l2 *l, struct owner_list *list)
{
	struct owner *o, *next, *before = NULL;

	for (o = list->first; o; o = next) {
		next = o->next;
		if (!is_succeeded(o)) {
			before = o;
			continue;
		}
		owners_cut(list, o, before);
		owner_end(l, o, L2_AFTER_SUCCESSOR);
	}
}

/* Before anything of theirs may come again. */
static void end_all_succeeded(struct l2 *l)
{
	if (l->succession) {
		end_succeeded(l, &l->leaving);
		end_succeeded(l, &l->relieved);
	}
	l->succession = false;
}

/* What the new one has not is withdrawn, if it wasn't before. */
static void owner_replace(struct l2 *l, struct owner *old, struct owner *o)
{
	if (old && has_same_addresses(o, old)) /* no takeover: only other links */
		o->told_no_link = old->told_no_link;
	owner_inherit(l, o, old);
	if (!old)
		return;
	old->is_rest = true;
	o->regrouped |= old->vips_n > 0;
	if (old->vips_n)
		owner_leave(l, old);
	else
		owner_discard(l, old);
}

int l2_announce(struct l2 *l, const struct l2_announcement *a, uint64_t now_ms, struct err *e)
{
	struct owner *old, *o;

	l->now = now_ms;
	end_all_succeeded(l);
	old = owner_find(l, a->key);
	if (old && old->state == OWNER_ACTIVE && is_same(old, a))
		return 0;
	o = owner_new(l, a, e);
	if (!o)
		return -1;
	if (!table_add(&l->owners, o)) {
		owner_detach(l, o);
		free(o);
		return err_memory(e);
	}
	probings_new(l, a);
	owner_replace(l, old, o);
	probings_changed(l, a);
	owner_update(l, o);
	l->generation++;
	owner_changed(l, o);
	return 0;
}

void l2_withdraw(struct l2 *l, const char *key, uint64_t now_ms)
{
	struct owner *o = owner_find(l, key);

	l->now = now_ms;
	if (o)
		owner_leave(l, o);
}

void l2_withdraw_all(struct l2 *l, uint64_t now_ms)
{
	struct owner *o;

	l->now = now_ms;
	for (size_t i = 0; (o = table_next(&l->owners, &i));)
		if (owner_leave(l, o))
			i--;
}

void l2_lose_all(struct l2 *l, uint64_t now_ms)
{
	struct owner *o;

	l->now = now_ms;
	while ((o = owners_pop(&l->leaving)) || (o = owners_pop(&l->relieved)))
		owner_end(l, o, L2_AT_ONCE);
	for (size_t i = 0; (o = table_next(&l->owners, &i)); i--)
		owner_end(l, o, L2_AT_ONCE);
}

static uint64_t list_deadline(const struct l2 *l, const struct owner_list *list)
{
	return list->first ? whole_time(l, list->first->until) : UINT64_MAX;
}

uint64_t owners_deadline(const struct l2 *l)
{
	uint64_t leaving = list_deadline(l, &l->leaving), relieved = list_deadline(l, &l->relieved);

	return leaving < relieved ? leaving : relieved;
}

void owners_tick(struct l2 *l)
{
	end_all_succeeded(l);
	while (list_deadline(l, &l->leaving) <= l->now)
		owner_end(l, owners_pop(&l->leaving), L2_AFTER_GRACE);
	while (list_deadline(l, &l->relieved) <= l->now)
		owner_end(l, owners_pop(&l->relieved), L2_AFTER_SUCCESSOR);
}
