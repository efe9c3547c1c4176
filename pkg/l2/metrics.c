/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/l2/engine.h"

struct family {
	const char *name, *help;
	uint64_t (*value)(const struct l2 *l, const struct place *p);
	bool elsewhere; /* what was answered elsewhere comes on top */
};

static uint64_t requests(const struct l2 *l, const struct place *p)
{
	(void)l;
	return p->requests;
}

static uint64_t answered(const struct l2 *l, const struct place *p)
{
	(void)l;
	return p->answered;
}

static uint64_t gratuitous(const struct l2 *l, const struct place *p)
{
	(void)l;
	return p->gratuitous;
}

static uint64_t conflicts(const struct l2 *l, const struct place *p)
{
	const struct strife *s = strife_find(l, p);

	return s ? s->conflicts : 0;
}

static const struct family families[] = {
	/* In this order there are never more answers than requests, though both go on rising. */
	{ "metallb_layer2_responses_sent", "Answers to requests for an announced address.", answered,
	    true },
	{ "metallb_layer2_requests_received", "Requests for an announced address.", requests, true },
	{ "metallb_layer2_gratuitous_sent", "Frames that announce an address unasked.", gratuitous,
	    false },
	{ "lbctl_layer2_conflicts_total", "Claims of an announced address by other hosts.", conflicts,
	    false },
};

static void head(struct buf *out, const char *name, const char *help, const char *type)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Names of links and nodes can hold what a label can't. */
static void put_label(struct buf *out, const char *text)
{
	for (; *text; text++)
		if (*text == '\n')
			buf_puts(out, "\\n");
		else
			buf_printf(out, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
}

static void put_family(
    const struct l2 *l, const struct l2_elsewhere *x, const struct family *f, struct buf *out)
{
	char text[ADDR_TEXT_LEN];
	const struct place *p;
	struct vip *v;

	head(out, f->name, f->help, "counter");
	for (size_t i = 0; (v = table_next(&l->vips, &i));) {
		struct addr ip = addr_from_mapped(&v->first.ip);

		for (size_t k = 0; (p = vip_next_place(v, &k));) {
			uint64_t n = f->value(l, p);

			if (x && f->elsewhere)
				n += x->answered(x->arg, &ip, p->ifindex);
			buf_printf(out, "%s{ip=\"%s\",interface=\"", f->name, addr_format(&ip, text));
			put_label(out, link_find(l, p->ifindex)->name);
			buf_printf(out, "\"} %llu\n", (unsigned long long)n);
		}
	}
}

static void put_frames(const struct l2 *l, const struct l2_elsewhere *x, struct buf *out)
{
	const char *name = "lbctl_layer2_frames_total";
	const struct link *k;

	head(out, name, "ARP and NDP frames that arrived, by what became of them.", "counter");
	for (size_t i = 0; (k = table_next(&l->links, &i));)
		for (int o = 0; o < L2_OUTCOMES; o++) {
			uint64_t n = k->outcomes[o];

			if (x && o == L2_ANSWERED)
				n += x->answered_on(x->arg, k->ifindex);
			if (!n)
				continue;
			buf_printf(out, "%s{interface=\"", name);
			put_label(out, k->name);
			buf_printf(out, "\",outcome=\"%s\"} %llu\n",
			    l2_outcome_text((enum l2_outcome)o), (unsigned long long)n);
		}
}

static void put_elsewhere(const struct l2 *l, const struct l2_elsewhere *x, struct buf *out)
{
	const char *name = "lbctl_layer2_answered_in_kernel_total";
	const struct link *k;

	head(out, name, "Requests that were answered inside the kernel, counted above too.", "counter");
	for (size_t i = 0; (k = table_next(&l->links, &i));) {
		uint64_t n = k->elsewhere + (x ? x->answered_on(x->arg, k->ifindex) : 0);

		if (!n)
			continue;
		buf_printf(out, "%s{interface=\"", name);
		put_label(out, k->name);
		buf_printf(out, "\"} %llu\n", (unsigned long long)n);
	}
}

static void put_announced(const struct l2 *l, const char *node, struct buf *out)
{
	const char *name = "metallb_speaker_announced";
	char text[ADDR_TEXT_LEN];
	const struct owner *o;

	head(out, name, "Addresses that this node announces.", "gauge");
	for (size_t i = 0; (o = table_next(&l->owners, &i));) {
		for (size_t k = 0; o->state == OWNER_ACTIVE && k < o->vips_n; k++) {
			struct addr ip = addr_from_mapped(&o->vips[k]->first.ip);

			if (!owner_announces(l, o, k))
				continue;
			buf_printf(out, "%s{service=\"", name);
			put_label(out, owner_key(o));
			buf_puts(out, "\",protocol=\"layer2\",node=\"");
			put_label(out, node);
			buf_printf(out, "\",ip=\"%s\"} 1\n", addr_format(&ip, text));
		}
	}
}

void l2_metrics(const struct l2 *l, const struct l2_elsewhere *x, const char *node, struct buf *out)
{
	put_announced(l, node, out);
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		put_family(l, x, &families[i], out);
	put_frames(l, x, out);
	put_elsewhere(l, x, out);
}
