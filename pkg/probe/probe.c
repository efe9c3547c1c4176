/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/probe/frames.h"

enum {
	EVENTS_FIRST = 16,
	SECOND_US = 1000000,
	BEHIND_US = 10000, /* how much of the rate a delayed caller may make up for at once */
};

struct probe {
	struct probe_options o;
	struct probe_link *links;
	size_t links_n;
	struct probe_target *targets; /* sorted by address after probe_start() */
	size_t targets_n, targets_cap;
	/* Targets to be asked, the one that is due first in front.  All wait for the same interval
	 * after their last probe, so that whoever was asked last belongs to the end. */
	uint32_t *queue;
	size_t queue_at, queue_n;
	struct probe_answer *answers;
	size_t answers_n, answers_cap;
	struct probe_event *events; /* answers to be told */
	size_t events_at, events_n, events_cap;
	uint64_t start_us, slot_us, last_us; /* last_us: of the latest probe, or first answer */
	size_t pending;                      /* targets whose latest probe is unanswered */
	bool half;                           /* the reply form of a gratuitous pair is to come */
	bool stopping, done;
	struct probe_totals totals;
};

struct probe *probe_new(const struct probe_options *o, struct err *e)
{
	struct probe *p = calloc(1, sizeof(*p));

	if (!p) {
		err_memory(e);
		return NULL;
	}
	p->o = *o;
	p->o.rate = o->rate ? o->rate : 1;
	return p;
}

void probe_free(struct probe *p)
{
	if (!p)
		return;
	free(p->links);
	free(p->targets);
	free(p->queue);
	free(p->answers);
	free(p->events);
	free(p);
}

void probe_freep(struct probe **p)
{
	probe_free(*p);
}

/* Room for one more of `size` bytes in *at. */
static int grow(void *at, size_t n, size_t *cap, size_t size, struct err *e)
{
	size_t more = *cap ? *cap * 2 : EVENTS_FIRST;
	void *grown;

	if (n < *cap)
		return 0;
	grown = reallocarray(*(void **)at, more, size);
	if (!grown)
		return err_memory(e);
	*(void **)at = grown;
	*cap = more;
	return 0;
}

static int too_many(const struct probe *p, const struct range *r, struct err *e)
{
	char text[RANGE_TEXT_LEN];

	return err_set(e, ERR_USAGE,
	    "%s: more than %d addresses at once%s; want fewer, a /12 or a /108 at most",
	    range_format(r, text), PROBE_TARGETS_MAX, p->targets_n ? ", with those before it" : "");
}

int probe_add(struct probe *p, const struct probe_link *link, const struct range *r, struct err *e)
{
	uint64_t n = range_size(r);
	struct addr ip = r->first;
	struct probe_link *links;

	if (n > PROBE_TARGETS_MAX || p->targets_n + n > PROBE_TARGETS_MAX)
		return too_many(p, r, e);
	links = reallocarray(p->links, p->links_n + 1, sizeof(*links));
	if (!links)
		return err_memory(e);
	p->links = links;
	links[p->links_n++] = *link;
	for (uint64_t i = 0; i < n; i++) {
		if (grow(&p->targets, p->targets_n, &p->targets_cap, sizeof(*p->targets), e) < 0)
			return -1;
		p->targets[p->targets_n++] =
		    (struct probe_target){ .ip = ip, .link = (uint32_t)(p->links_n - 1) };
		addr_next(&ip);
	}
	return 0;
}

/* By address; of one address, the one that was added first. */
static int compare_targets(const void *a, const void *b)
{
	const struct probe_target *x = a, *y = b;
	int order = addr_compare(&x->ip, &y->ip);

	return order ? order : (x->link > y->link) - (x->link < y->link);
}

int probe_start(struct probe *p, uint64_t now_us, struct err *e)
{
	size_t kept = 0;

	qsort(p->targets, p->targets_n, sizeof(*p->targets), compare_targets);
	for (size_t i = 0; i < p->targets_n; i++)
		if (!kept || !addr_equal(&p->targets[kept - 1].ip, &p->targets[i].ip))
			p->targets[kept++] = p->targets[i];
	p->targets_n = kept;
	p->queue = malloc(kept * sizeof(*p->queue) + 1);
	if (!p->queue)
		return err_memory(e);
	for (size_t i = 0; i < kept; i++)
		p->queue[i] = (uint32_t)i;
	p->queue_n = kept;
	p->start_us = p->slot_us = p->last_us = now_us;
	return 0;
}

size_t probe_targets(const struct probe *p)
{
	return p->targets_n;
}

const struct probe_target *probe_target(const struct probe *p, size_t i)
{
	return &p->targets[i];
}

const struct probe_link *probe_link_of(const struct probe *p, const struct probe_target *t)
{
	return &p->links[t->link];
}

struct addr probe_source(const struct probe *p, const struct probe_target *t)
{
	return frames_source(p->o.mode, probe_link_of(p, t), &t->ip);
}

const struct probe_answer *probe_answer(
    const struct probe *p, const struct probe_target *t, const struct probe_answer *after)
{
	uint32_t at = after ? after->next : t->answers;

	return at ? &p->answers[at - 1] : NULL;
}

struct probe_totals probe_totals(const struct probe *p)
{
	return p->totals;
}

uint64_t probe_interval_us(const struct probe *p)
{
	return p->o.interval_us;
}

static struct probe_target *find(const struct probe *p, const struct addr *ip)
{
	size_t from = 0, to = p->targets_n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int order = addr_compare(&p->targets[mid].ip, ip);

		if (order == 0)
			return &p->targets[mid];
		if (order < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return NULL;
}

const struct probe_target *probe_find(const struct probe *p, const struct addr *ip)
{
	return find(p, ip);
}

/* The answer of that MAC, or a new one.  *fresh tells which; beyond PROBE_MACS_MAX *at is NULL. */
static int answer_of(struct probe *p, struct probe_target *t, const struct mac *mac,
    struct probe_answer **at, bool *fresh, struct err *e)
{
	uint32_t *link = &t->answers;

	*fresh = false;
	for (; *link; link = &p->answers[*link - 1].next) {
		*at = &p->answers[*link - 1];
		if (mac_equal(&(*at)->mac, mac))
			return 0;
	}
	*at = NULL;
	if (t->macs >= PROBE_MACS_MAX)
		return 0;
	if (p->answers_n == p->answers_cap) {
		/* `link` may point into what moves */
		if (grow(&p->answers, p->answers_n, &p->answers_cap, sizeof(*p->answers), e) < 0)
			return -1;
		for (link = &t->answers; *link; link = &p->answers[*link - 1].next)
			;
	}
	*at = &p->answers[p->answers_n++];
	**at = (struct probe_answer){ .mac = *mac };
	*link = (uint32_t)p->answers_n;
	p->totals.answered += t->macs == 0;
	p->totals.conflicting += t->macs == 1;
	t->macs++;
	*fresh = true;
	return 0;
}

int probe_known(struct probe *p, const struct addr *ip, const struct mac *mac, struct err *e)
{
	struct probe_target *t = find(p, ip);
	struct probe_answer *at;
	bool fresh;

	return t ? answer_of(p, t, mac, &at, &fresh, e) : 0;
}

/* The target that something was said about, in the sense of the mode; *claim: not in answer to us. */
static struct probe_target *concerns(const struct probe *p, const struct heard *h, bool *claim)
{
	struct probe_target *t = find(p, &h->owned);

	*claim = false;
	if (t && frames_answers(h, probe_link_of(p, t), p->o.mode))
		return t;
	if (p->o.mode == PROBE_ASK && !p->o.claims)
		return NULL;
	*claim = true;
	if (!t && p->o.mode == PROBE_DUPLICATE)
		t = find(p, &h->wanted);
	return t;
}

static int tell(struct probe *p, const struct probe_event *ev, struct err *e)
{
	if (grow(&p->events, p->events_n, &p->events_cap, sizeof(*p->events), e) < 0)
		return -1;
	p->events[p->events_n++] = *ev;
	return 0;
}

static void mark_answered(struct probe *p, struct probe_target *t, uint64_t now_us)
{
	if (t->replied == t->probes)
		return;
	t->replied = t->probes;
	p->pending--;
	p->last_us = now_us;
	if (p->o.until_first)
		p->stopping = true;
}

/* Keeps an answer; *tells: it is to be told. */
static int note_answer(
    struct probe *p, struct probe_target *t, struct probe_event *ev, bool *tells, struct err *e)
{
	struct probe_answer *at;

	if (answer_of(p, t, &ev->mac, &at, &ev->first, e) < 0)
		return -1;
	if (!at) {
		*tells = t->others < PROBE_TOLD_MAX;
		t->others += *tells;
		return 0;
	}
	if (at->replies++ == 0)
		at->rtt_us = ev->rtt_us;
	if (at->number != t->probes)
		at->told = 0;
	at->number = t->probes;
	*tells = at->told < PROBE_TOLD_MAX;
	at->told += *tells;
	return 0;
}

/* Nobody and a group have no address: such a frame is malformed. */
static bool is_of_a_host(const struct mac *m)
{
	return !mac_equal(m, &(struct mac){ 0 }) && !(m->bytes[0] & 1);
}

int probe_input(struct probe *p, const struct probe_message *m, uint64_t now_us, struct err *e)
{
	const struct heard h = frames_heard(m);
	struct probe_event ev;
	struct probe_target *t;
	bool claim = false, tells = true, answers;

	t = p->done || !is_of_a_host(&h.mac) ? NULL : concerns(p, &h, &claim);
	if (!t || (!claim && !t->probes) || m->ifindex != probe_link_of(p, t)->ifindex ||
	    mac_equal(&h.mac, &probe_link_of(p, t)->mac) ||
	    mac_equal(&h.from, &probe_link_of(p, t)->mac))
		return 0;
	ev = (struct probe_event){
		.what = claim ? PROBE_CLAIM : PROBE_REPLY,
		.target = (uint32_t)(t - p->targets),
		.at_us = now_us,
		.mac = h.mac,
		.number = t->probes,
		.rtt_us = now_us > t->sent_us ? now_us - t->sent_us : 0,
		.unicast = h.unicast,
	};
	answers = !claim || p->o.mode != PROBE_ASK;
	if (answers && note_answer(p, t, &ev, &tells, e) < 0)
		return -1;
	p->totals.replies += answers;
	if (tells && tell(p, &ev, e) < 0)
		return -1;
	if (answers)
		mark_answered(p, t, now_us);
	return 0;
}

/* The target in front is asked no more. */
static bool finished(const struct probe *p, const struct probe_target *t)
{
	return (p->o.count && t->probes >= p->o.count) || (p->o.until_answered && t->replied);
}

static uint32_t front(const struct probe *p)
{
	return p->queue[p->queue_at];
}

static void pop(struct probe *p)
{
	p->queue_at = (p->queue_at + 1) % p->targets_n;
	p->queue_n--;
}

static void push(struct probe *p, uint32_t target)
{
	p->queue[(p->queue_at + p->queue_n) % p->targets_n] = target;
	p->queue_n++;
}

static void drop_finished(struct probe *p)
{
	while (p->queue_n && !p->half && finished(p, &p->targets[front(p)]))
		pop(p);
}

/* When the target in front may be asked. */
static uint64_t due(const struct probe *p)
{
	const struct probe_target *t = &p->targets[front(p)];
	uint64_t at = t->probes ? t->sent_us + p->o.interval_us : p->start_us;

	if (p->half)
		at = p->slot_us;
	return at > p->slot_us ? at : p->slot_us;
}

/* After the last probe: when nobody is waited for any more. */
static uint64_t quiet_us(const struct probe *p)
{
	return p->last_us + (p->pending ? p->o.wait_us : p->o.settle_us);
}

/* When it is over, if nothing more happens. */
static uint64_t end_us(const struct probe *p)
{
	uint64_t end = UINT64_MAX;

	if (p->stopping)
		return 0;
	if (!p->queue_n)
		end = quiet_us(p);
	if (p->o.deadline_us && p->start_us + p->o.deadline_us < end)
		end = p->start_us + p->o.deadline_us;
	return end;
}

static void send_front(struct probe *p, uint64_t now_us, struct probe_event *ev)
{
	struct probe_target *t = &p->targets[front(p)];

	*ev = (struct probe_event){
		.what = PROBE_SEND,
		.target = front(p),
		.number = t->probes + 1,
		.at_us = now_us,
		.message = frames_question(p->o.mode, probe_link_of(p, t), &t->ip, p->half),
	};
	if (p->slot_us + BEHIND_US < now_us)
		p->slot_us = now_us - BEHIND_US;
	p->slot_us += SECOND_US / p->o.rate;
	if (frames_come_in_pairs(p->o.mode, &t->ip) && !p->half) {
		p->half = true;
		return;
	}
	p->half = false;
	pop(p);
	if (t->replied == t->probes)
		p->pending++;
	t->probes++;
	t->others = 0;
	t->sent_us = p->last_us = now_us;
	p->totals.probes++;
	push(p, (uint32_t)(t - p->targets));
}

bool probe_next(struct probe *p, uint64_t now_us, struct probe_event *ev)
{
	if (p->events_at < p->events_n) {
		*ev = p->events[p->events_at++];
		return true;
	}
	p->events_at = p->events_n = 0;
	if (p->done)
		return false;
	drop_finished(p);
	if (now_us >= end_us(p)) {
		p->done = true;
		p->totals.cut_short = p->queue_n || now_us < quiet_us(p);
		*ev = (struct probe_event){ .what = PROBE_DONE, .at_us = now_us };
		return true;
	}
	if (!p->queue_n || now_us < due(p))
		return false;
	send_front(p, now_us, ev);
	return true;
}

uint64_t probe_deadline(const struct probe *p, uint64_t now_us)
{
	uint64_t at = end_us(p);

	if (p->done)
		return UINT64_MAX;
	if (p->events_at < p->events_n)
		return now_us;
	if (p->queue_n && due(p) < at)
		at = due(p);
	return at;
}

void probe_stop(struct probe *p)
{
	p->stopping = true;
}
