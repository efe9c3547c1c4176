/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes and Members.  A change of them concerns many addresses, so only a change that can matter
 * counts: a Node's heartbeat does not. */
#include <string.h>

#include "pkg/election/world.h"

int node_compare(const struct tree_node *a, const struct tree_node *b)
{
	return strcmp(
	    TREE_ITEM(a, struct node, in_nodes)->name, TREE_ITEM(b, struct node, in_nodes)->name);
}

struct node *node_find(const struct election *el, const char *name)
{
	struct node probe = { .name = (char *)(uintptr_t)name };

	return TREE_ITEM(tree_find(&el->nodes, &probe.in_nodes), struct node, in_nodes);
}

bool election_has_node(const struct election *el, const char *name)
{
	const struct node *n = node_find(el, name);

	return n && n->known;
}

void node_free(struct election *el, struct node *n)
{
	tree_remove(&el->nodes, &n->in_nodes);
	el->roll_stale = true;
	arena_release(&n->arena);
	free(n->name);
	free(n->reason);
	free(n->held);
	free(n);
}

static void drop_if_empty(struct election *el, struct node *n)
{
	if (n->known || n->member)
		return;
	vips_forget(el, n);
	set_put(el->able, n->id, false);
	set_put(el->homes, n->id, false);
	el->by_id[n->id] = NULL;
	el->free_ids[el->free_ids_n++] = n->id;
	node_free(el, n);
}

static bool is_among(const struct election_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->at[i], name))
			return true;
	return false;
}

static struct node *get(struct election *el, const char *name, struct err *e)
{
	struct node *n = node_find(el, name);

	if (n)
		return n;
	if (!el->free_ids_n && el->next_id == el->words * 64 && nodes_grow(el, e) < 0)
		return NULL;
	n = calloc(1, sizeof(*n));
	if (n)
		n->name = strdup(name);
	if (!n || !n->name) {
		free(n);
		err_memory(e);
		return NULL;
	}
	n->id = el->free_ids_n ? el->free_ids[--el->free_ids_n] : el->next_id++;
	el->by_id[n->id] = n;
	n->down = is_among(&el->options.down, name);
	n->drained = is_among(&el->options.drained, name);
	n->added = is_among(&el->options.added, name);
	n->hash = hash_text(FNV_BEGIN, name);
	tree_add(&el->nodes, &n->in_nodes);
	el->roll_stale = true;
	el->covers_stale = true;
	return n;
}

/* Why the node can't be reached, NULL when it can. */
static const char *dead(
    const struct election *el, const struct node *n, struct arena *a, const char **message)
{
	*message = "it counts as down";
	if (n->down)
		return "NodeDown";
	if (n->added && n->known)
		return NULL;
	*message = "its speaker is known, but there is no Node of this name";
	if (!n->known)
		return "NodeMissing";
	if (el->members_seen) {
		*message = "no speaker on it is known";
		if (!n->member)
			return "NoMember";
		*message = n->alive || !n->reason[0] || !a
			       ? "its speaker is down"
			       : arena_printf(a, "its speaker is down: %s", n->reason);
		return n->alive ? NULL : "MemberDown";
	}
	*message = "its condition Ready is not True";
	return n->observed.ready ? NULL : "NodeNotReady";
}

const char *node_refused(
    const struct election *el, const struct node *n, struct arena *a, const char **message)
{
	const char *code = dead(el, n, a, message);

	if (code)
		return code;
	*message = "it counts as drained";
	if (n->drained)
		return "NodeDrained";
	*message = "its condition NetworkUnavailable is True";
	if (n->observed.network_unavailable)
		return "NodeNetworkUnavailable";
	*message = "it has the label node.kubernetes.io/exclude-from-external-load-balancers";
	if (n->observed.excluded && !el->options.ignore_exclude)
		return "NodeExcluded";
	*message = "";
	return NULL;
}

/* Something about the node is another. */
static int changed(struct election *el, struct node *n, struct err *e)
{
	const char *ignored;

	set_put(el->able, n->id, !node_refused(el, n, NULL, &ignored));
	set_put(el->homes, n->id, n->known && (!n->observed.excluded || el->options.ignore_exclude));
	return vips_touch_node(el, n, e);
}

static bool same_labels(const struct api_map *a, const struct api_map *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->at[i].key, b->at[i].key) != 0 ||
		    strcmp(a->at[i].value, b->at[i].value) != 0)
			return false;
	return true;
}

static bool same_links(const struct api_node *a, const struct api_node *b)
{
	const char *x = api_map_get(&a->meta.annotations, NODE_LINKS);
	const char *y = api_map_get(&b->meta.annotations, NODE_LINKS);

	return x && y ? !strcmp(x, y) : x == y;
}

static bool matters(const struct election *el, const struct node *n, const struct api_node *got)
{
	return !n->known || (!el->members_seen && n->observed.ready != got->ready) ||
	       n->observed.network_unavailable != got->network_unavailable ||
	       !same_labels(&n->observed.meta.labels, &got->meta.labels) ||
	       !same_links(&n->observed, got);
}

int node_put(struct election *el, const struct json *object, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct api_node got;
	struct node *n;
	bool news;

	if (api_node_decode(&got, object, &a, e) < 0) {
		arena_release(&a);
		return -1;
	}
	n = get(el, got.meta.name, e);
	if (!n) {
		arena_release(&a);
		return -1;
	}
	news = matters(el, n, &got);
	el->covers_stale |= news;
	arena_release(&n->arena);
	n->arena = a;
	n->observed = got;
	n->known = true;
	if (node_take_addresses(el, n, e) < 0)
		return -1;
	return news ? changed(el, n, e) : 0;
}

/* As kubelet would make it; the youngest of all. */
static int add(struct election *el, const char *name, struct err *e)
{
	CLEANUP(json_freep) struct json *j = NULL;
	struct buf text = BUF_INIT;
	struct json_writer w = json_writer(&text);

	json_begin(&w, '{');
	json_key(&w, "metadata");
	json_begin(&w, '{');
	json_field(&w, "name", name);
	json_field(&w, "creationTimestamp", "9999-12-31T23:59:59Z");
	json_key(&w, "labels");
	json_begin(&w, '{');
	json_field(&w, "kubernetes.io/hostname", name);
	json_field(&w, "kubernetes.io/os", "linux");
	json_end(&w, '}');
	json_end(&w, '}');
	json_end(&w, '}');
	j = text.bad ? NULL : json_parse(text.data, text.len, e);
	if (text.bad)
		err_memory(e);
	buf_release(&text);
	return j ? node_put(el, j, e) : -1;
}

int nodes_add(struct election *el, struct err *e)
{
	for (size_t i = 0; i < el->options.added.n; i++)
		if (add(el, el->options.added.at[i], e) < 0)
			return err_wrap(e, "--add %s", el->options.added.at[i]);
	return 0;
}

int node_remove(struct election *el, const struct json *object, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct api_meta meta;
	int rc = api_meta_decode(&meta, object, &a, e);
	struct node *n = rc == 0 ? node_find(el, meta.name) : NULL;

	if (n && n->known) {
		arena_release(&n->arena);
		n->observed = (struct api_node){ 0 };
		n->known = false;
		rc = node_take_addresses(el, n, e);
		el->covers_stale = true;
		if (rc == 0)
			rc = changed(el, n, e);
		drop_if_empty(el, n);
	}
	arena_release(&a);
	return rc;
}

/* From now on Members tell who is alive. */
static void see_members(struct election *el)
{
	const char *ignored;

	if (el->members_seen)
		return;
	el->members_seen = true;
	for (unsigned id = 0; id < el->next_id; id++)
		if (el->by_id[id])
			set_put(el->able, id, !node_refused(el, el->by_id[id], NULL, &ignored));
	vip_touch_all(el);
}

int member_put(struct election *el, const struct json *object, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct api_member got;
	struct node *n = NULL;
	char *reason = NULL;
	bool news;
	int rc = api_member_decode(&got, object, &a, e);

	if (rc == 0) {
		n = get(el, got.meta.name, e);
		reason = strdup(got.reason);
		if (!n || !reason)
			rc = err_memory(e);
	}
	arena_release(&a);
	if (rc < 0) {
		free(reason);
		return rc;
	}
	see_members(el);
	election_clock(el, got.since_ms);
	n->since_ms = got.since_ms;
	news = !n->member || n->alive != got.alive || (!got.alive && strcmp(n->reason, reason) != 0);
	free(n->reason);
	n->reason = reason;
	n->alive = got.alive;
	n->member = true;
	return news ? changed(el, n, e) : 0;
}

int member_remove(struct election *el, const struct json *object, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct api_meta meta;
	int rc = api_meta_decode(&meta, object, &a, e);
	struct node *n = rc == 0 ? node_find(el, meta.name) : NULL;

	if (rc == 0)
		see_members(el);
	if (n && n->member) {
		n->member = false;
		n->alive = false;
		rc = changed(el, n, e);
		drop_if_empty(el, n);
	}
	arena_release(&a);
	return rc;
}
