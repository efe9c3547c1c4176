/* SPDX-License-Identifier: Apache-2.0 */
/* All nodes at once: sets of them, the list by name, and those that each advertisement selects. */
#include <string.h>

#include "pkg/election/world.h"

/* `size` bytes more, zeroed; on failure the old memory stays. */
static void *widen(void *at, size_t words, size_t size)
{
	char *p = realloc(at, (words + 1) * size);

	if (p)
		memset(p + words * size, 0, size);
	return p;
}

int nodes_grow(struct election *el, struct err *e)
{
	static const size_t set = sizeof(uint64_t), list = 64 * sizeof(void *);
	size_t w = el->words;
	uint64_t *able = widen(el->able, w, set);
	uint64_t *homes = widen(el->homes, w, set);
	uint64_t *candidates = widen(el->candidates, w, set);
	uint64_t *scratch = widen(el->scratch, w, set);
	struct node **by_id = widen(el->by_id, w, list);
	const struct node **roll = widen(el->roll, w, list);
	unsigned *free_ids = widen(el->free_ids, w, 64 * sizeof(*free_ids));

	el->able = able ? able : el->able;
	el->homes = homes ? homes : el->homes;
	el->candidates = candidates ? candidates : el->candidates;
	el->scratch = scratch ? scratch : el->scratch;
	el->by_id = by_id ? by_id : el->by_id;
	el->roll = roll ? roll : el->roll;
	el->free_ids = free_ids ? free_ids : el->free_ids;
	if (!able || !homes || !candidates || !scratch || !by_id || !roll || !free_ids)
		return err_memory(e);
	covers_free(el); /* theirs are as wide as they were */
	el->words++;
	return 0;
}

void covers_free(struct election *el)
{
	for (size_t i = 0; i < el->covers_n; i++) {
		free(el->covers[i].nodes);
		free(el->covers[i].scores);
	}
	free(el->covers);
	el->covers = NULL;
	el->covers_n = 0;
	el->covers_stale = true;
}

bool node_has_link(const struct node *n, const char *name)
{
	const char *at = api_map_get(&n->observed.meta.annotations, NODE_LINKS);
	size_t len = name ? strlen(name) : 0;

	if (!at)
		return true;
	while (*at) {
		size_t here = strcspn(at, ",");

		if (here && (!name || (here == len && !memcmp(at, name, len))))
			return true;
		at += here + (at[here] != 0);
	}
	return false;
}

static bool has_link(const struct config_l2 *l, const struct node *n)
{
	for (size_t i = 0; i < l->interfaces.n; i++)
		if (node_has_link(n, l->interfaces.at[i]))
			return true;
	return !l->interfaces.n && node_has_link(n, NULL);
}

static int make_cover(struct election *el, const struct config_l2 *l, struct cover *to, struct err *e)
{
	el->scores_digest = hash_text(el->scores_digest, l->name);
	to->nodes = calloc(el->words + 1, sizeof(*to->nodes));
	to->scores = l->preferences_n ? calloc(el->words * 64 + 1, sizeof(*to->scores)) : NULL;
	if (!to->nodes || (l->preferences_n && !to->scores))
		return err_memory(e);
	for (size_t i = 0; i < el->nodes.n; i++) {
		const struct node *n = el->roll[i];
		const struct api_map *labels = &n->observed.meta.labels;

		if (!config_selectors_match(&l->node_selectors, labels) || !has_link(l, n))
			continue;
		set_put(to->nodes, n->id, true);
		for (size_t k = 0; k < l->preferences_n; k++)
			if (api_selector_matches(&l->preferences[k].selector, labels))
				to->scores[n->id] += l->preferences[k].weight;
		if (to->scores)
			el->scores_digest = hash_text(
			    (el->scores_digest ^ to->scores[n->id]) * UINT64_C(0x100000001b3), n->name);
	}
	return 0;
}

int nodes_refresh(struct election *el, const struct config *c, struct err *e)
{
	size_t n = 0;

	if (el->roll_stale)
		for (struct tree_node *at = tree_first(&el->nodes); at; at = tree_after(&el->nodes, at))
			el->roll[n++] = TREE_ITEM(at, struct node, in_nodes);
	el->roll_stale = false;
	if (!el->covers_stale)
		return 0;
	covers_free(el);
	el->scores_digest = FNV_BEGIN;
	el->covers = calloc(c->l2_n + 1, sizeof(*el->covers));
	if (!el->covers)
		return err_memory(e);
	el->covers_n = c->l2_n;
	for (size_t i = 0; i < c->l2_n; i++)
		if (make_cover(el, &c->l2[i], &el->covers[i], e) < 0)
			return -1; /* still stale */
	el->covers_stale = false;
	return 0;
}
