/* SPDX-License-Identifier: Apache-2.0 */
/* What if: a second election of the same facts, with the nodes as they are, to compare with. */
#include <string.h>

#include "cmd/elect.h"
#include "pkg/record/record.h"

static int tell_share(struct elect *x, const char *kind, const char *name,
    const struct record_share *share, const struct buf *message, struct err *e)
{
	struct record_decision d = {
		.subject_kind = kind,
		.namespace = "",
		.name = name,
		.component = "elect",
		.verdict = VERDICT_DONE,
		.code = !strcmp(kind, "Node") ? "NodeShare" : "Fairness",
		.message = message->data,
		.share = share,
	};
	struct buf out = BUF_INIT;

	if (message->bad)
		return err_memory(e);
	record_decision(&out, &d);
	return elect_add(x, &out, e);
}

/* "most 3, least 1, mean 2.0 on 3 nodes" */
static size_t put_spread(struct buf *out, const struct election_share *all, size_t n)
{
	size_t most = 0, least = SIZE_MAX, sum = 0, able = 0;

	for (size_t i = 0; i < n; i++) {
		sum += all[i].n;
		if (!all[i].able)
			continue;
		able++;
		most = all[i].n > most ? all[i].n : most;
		least = all[i].n < least ? all[i].n : least;
	}
	if (able)
		buf_printf(out, "most %zu, least %zu, mean %.1f on %zu node%s", most, least,
		    (double)sum / (double)able, able, able == 1 ? "" : "s");
	else
		buf_puts(out, "no node may announce");
	return sum;
}

static size_t find(const struct election_share *all, size_t n, const char *node)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i].node, node))
			return i;
	return n;
}

/* A node that --add has made is only in `then`. */
static int tell_all(struct elect *x, const struct election_share *now, size_t now_n,
    const struct election_share *then, size_t then_n, struct err *e)
{
	CLEANUP(buf_release) struct buf text = BUF_INIT;
	size_t moved = election_moved(x->plain, x->election);
	struct record_share sum = { 0 };

	for (size_t i = 0; i < then_n; i++) {
		size_t k = find(now, now_n, then[i].node);
		struct record_share share = { k < now_n ? now[k].n : 0, then[i].n };

		buf_reset(&text);
		buf_printf(
		    &text, "it announces %zu address%s", share.then, share.then == 1 ? "" : "es");
		if (share.now != share.then)
			buf_printf(&text, ", without the change %zu", share.now);
		if (tell_share(x, "Node", then[i].node, &share, &text, e) < 0)
			return -1;
	}
	buf_reset(&text);
	buf_printf(&text, "%zu address%s; now ", moved, moved == 1 ? " moves" : "es move");
	sum.now = put_spread(&text, now, now_n);
	buf_puts(&text, "; then ");
	sum.then = put_spread(&text, then, then_n);
	return tell_share(x, "Cluster", "all", &sum, &text, e);
}

int elect_summary(struct elect *x, struct err *e)
{
	struct election_share *now = NULL, *then = NULL;
	size_t now_n = 0, then_n = 0;
	int rc = election_shares(x->plain, &now, &now_n, e);

	if (rc == 0)
		rc = election_shares(x->election, &then, &then_n, e);
	if (rc == 0)
		rc = tell_all(x, now, now_n, then, then_n, e);
	free(now);
	free(then);
	return rc;
}
