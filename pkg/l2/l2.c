/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/l2/l2.h"

#include "pkg/l2/engine.h"

static int compile(struct l2 *l, const struct l2_names *patterns, struct err *e)
{
	char why[128];

	l->except = patterns->n ? calloc(patterns->n, sizeof(*l->except)) : NULL;
	if (patterns->n && !l->except)
		return err_memory(e);
	for (size_t i = 0; i < patterns->n; i++) {
		const char *text = patterns->at[i];
		regex_t *next = &l->except[l->except_n];
		int got = text[0] ? regcomp(next, text, REG_EXTENDED | REG_NOSUB) : 0;

		if (got == 0) {
			l->except_n += text[0] != 0; /* "" excludes nothing */
			continue;
		}
		regerror(got, next, why, sizeof(why));
		return err_set(e, ERR_USAGE,
		    "\"%s\" is no extended regular expression for names of interfaces: %s", text, why);
	}
	return 0;
}

struct l2 *l2_new(const struct l2_options *o, struct err *e)
{
	struct l2 *l = calloc(1, sizeof(*l));

	if (!l) {
		err_memory(e);
		return NULL;
	}
	l->grace_ms = o->grace_ms;
	l->only = names_copy(&o->only, e);
	l->only_n = l->only ? o->only.n : 0;
	if (l->only_n != o->only.n || compile(l, &o->except, e) < 0) {
		l2_free(l);
		return NULL;
	}
	return l;
}

void l2_free(struct l2 *l)
{
	struct owner *o;
	struct vip *v;

	if (!l)
		return;
	while ((v = l->vips)) {
		bursts_stop(l, v);
		HASH_DEL(l->vips, v);
		free(v->owners);
		free(v);
	}
	while ((o = l->owners)) {
		HASH_DEL(l->owners, o);
		owner_free(o);
	}
	while ((o = l->ended)) {
		DL_DELETE(l->ended, o);
		owner_free(o);
	}
	owner_free(l->spent);
	links_free(l);
	names_free(l->only, l->only_n);
	for (size_t i = 0; i < l->except_n; i++)
		regfree(&l->except[i]);
	free(l->except);
	free(l);
}

static struct vip *vip_find(const struct l2 *l, struct in_addr ip)
{
	struct vip *v;

	HASH_FIND(hh, l->vips, &ip, sizeof(ip), v);
	return v;
}

/* Another host says that it has the address: if all that we still do is bridge the gap, stop. */
static bool is_succeeded(struct l2 *l, const struct arp_packet *p)
{
	struct vip *v = vip_find(l, p->sender_ip);

	if (!v || v->succeeded)
		return false;
	for (size_t i = 0; i < v->owners_n; i++)
		if (!v->owners[i]->leaving)
			return false;
	v->succeeded = l->succession = true;
	for (size_t i = 0; i < v->owners_n; i++)
		v->owners[i]->successor = p->sender_mac;
	return true;
}

enum l2_outcome l2_receive(struct l2 *l, const struct arp_message *m, struct arp_message *reply)
{
	const struct arp_frame *f = &m->frame;
	const struct link *k = link_find(l, m->ifindex);
	const struct vip *v;

	if (mac_is_own(l, &f->from) || mac_is_own(l, &f->packet.sender_mac))
		return L2_OWN_FRAME;
	if (l->leaving && k && k->fits && is_succeeded(l, &f->packet))
		return L2_SUCCESSOR;
	if (f->packet.op != ARP_REQUEST)
		return L2_NOT_A_REQUEST;
	v = vip_find(l, f->packet.target_ip);
	if (!v)
		return L2_NOT_ANNOUNCED;
	if (!k || !vip_allowed(v, k, NULL, true))
		return L2_NOT_HERE;
	if (!mac_equal(&f->to, &arp_broadcast) && !mac_equal(&f->to, &k->mac))
		return L2_NOT_TO_US;
	if (f->packet.sender_mac.bytes[0] & 1)
		return L2_BAD_SENDER;
	reply->ifindex = m->ifindex;
	reply->frame = arp_reply(&f->packet, &k->mac);
	return L2_ANSWERED;
}

const char *l2_outcome_text(enum l2_outcome o)
{
	static const char *const text[] = {
		[L2_ANSWERED] = "answered",
		[L2_NOT_A_REQUEST] = "not a request",
		[L2_NOT_ANNOUNCED] = "not announced",
		[L2_NOT_HERE] = "not announced on this link",
		[L2_NOT_TO_US] = "sent to another host",
		[L2_OWN_FRAME] = "from this host",
		[L2_BAD_SENDER] = "the sender's MAC is a group address",
		[L2_SUCCESSOR] = "another host has taken over",
	};

	return text[o];
}

size_t l2_listens(const struct l2 *l, struct in_addr *out, size_t max, unsigned *match)
{
	size_t n = 0;

	for (const struct vip *v = l->vips; v; v = v->hh.next, n++)
		if (n < max)
			out[n] = v->ip;
	*match = ARP_MATCH_ASKED | (l->leaving ? ARP_MATCH_SENDER : 0);
	return n;
}

int l2_first_link(const struct l2 *l, struct in_addr ip)
{
	const struct vip *v = vip_find(l, ip);
	int first = 0;

	for (const struct link *k = v ? l->links : NULL; k; k = k->hh.next)
		if ((!first || k->ifindex < first) && vip_allowed(v, k, NULL, true))
			first = k->ifindex;
	return first;
}

uint64_t l2_generation(const struct l2 *l)
{
	return l->generation;
}

uint64_t l2_deadline(const struct l2 *l)
{
	uint64_t at = l->due || l->succession ? l->now : l->waiting ? l->waiting->at : UINT64_MAX;

	return l->leaving && l->leaving->until < at ? l->leaving->until : at;
}

bool l2_is_idle(const struct l2 *l)
{
	return !l->owners;
}
