/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/probe/probe.h"

enum {
	OWNERS_MAX = 4, /* of one address at a time; more are not looked at */
	CLAIMS_MAX = 4, /* told between two probes */
	NEWS_FIRST = 16,
	GONE = 2,           /* probes unanswered */
	ANSWER_US = 200000, /* for longer no answer is waited for */
};

struct owner {
	struct mac mac;
	uint8_t missed; /* probes in succession */
	bool answered;  /* the latest probe */
	bool known;     /* told; false: since the latest probe */
};

struct seen {
	struct owner owners[OWNERS_MAX];
	uint8_t owners_n;
	uint8_t claims;       /* told since the latest probe */
	bool asked;           /* at all */
	bool silent;          /* and told so */
	bool found;           /* once */
	bool strangers;       /* more owners answered the latest probe than are looked at */
	struct mac announced; /* the last claim that was told */
	struct mac home;      /* the owner that it was found at or moved to last */
	uint32_t lost_now;    /* in succession */
	uint64_t sent_us;     /* the latest probe */
	uint64_t lost_us;     /* the first of those lost now */
	uint64_t answer_us;   /* first answer of an unknown owner to the latest probe */
	struct probe_watched sum;
};

struct probe_watch {
	size_t targets;
	uint64_t answer_us; /* a probe that was cut off earlier could have been answered yet */
	struct seen *seen;
	struct probe_news *news;
	size_t news_at, news_n, news_cap;
};

struct probe_watch *probe_watch_new(size_t targets, uint64_t interval_us, struct err *e)
{
	struct probe_watch *w = calloc(1, sizeof(*w));

	if (w) {
		w->targets = targets;
		w->answer_us = interval_us / 2 < ANSWER_US ? interval_us / 2 : ANSWER_US;
		w->seen = calloc(targets + 1, sizeof(*w->seen));
	}
	if (w && w->seen)
		return w;
	free(w);
	err_memory(e);
	return NULL;
}

void probe_watch_free(struct probe_watch *w)
{
	if (!w)
		return;
	free(w->seen);
	free(w->news);
	free(w);
}

bool probe_watch_next(struct probe_watch *w, struct probe_news *news)
{
	if (w->news_at == w->news_n) {
		w->news_at = w->news_n = 0;
		return false;
	}
	*news = w->news[w->news_at++];
	return true;
}

struct probe_watched probe_watch_target(const struct probe_watch *w, size_t target)
{
	struct probe_watched sum = w->seen[target].sum;

	sum.found = w->seen[target].found;
	sum.owners = w->seen[target].silent ? 0 : w->seen[target].owners_n;
	sum.owner = w->seen[target].owners[0].mac;
	return sum;
}

static int tell(struct probe_watch *w, const struct probe_news *news, struct err *e)
{
	if (w->news_n == w->news_cap) {
		size_t cap = w->news_cap ? 2 * w->news_cap : NEWS_FIRST;
		struct probe_news *grown = reallocarray(w->news, cap, sizeof(*grown));

		if (!grown)
			return err_memory(e);
		w->news = grown;
		w->news_cap = cap;
	}
	w->news[w->news_n++] = *news;
	return 0;
}

static struct owner *owner_of(struct seen *s, const struct mac *mac)
{
	for (size_t i = 0; i < s->owners_n; i++)
		if (mac_equal(&s->owners[i].mac, mac))
			return &s->owners[i];
	return NULL;
}

static void gap_lasted(struct seen *s, uint64_t gap_us)
{
	if (gap_us > s->sum.longest_gap_us)
		s->sum.longest_gap_us = gap_us;
}

static int found_again(struct probe_watch *w, struct seen *s, struct probe_news *news, struct err *e)
{
	bool tells = s->silent || news->what != PROBE_BACK;

	if (s->lost_now) {
		news->gap_us = news->at_us - s->lost_us;
		if (tells && s->found)
			gap_lasted(s, news->gap_us);
	}
	if (news->what == PROBE_FOUND)
		news->gap_us = 0;
	s->sum.moves += news->what == PROBE_MOVED;
	s->lost_now = 0;
	s->silent = false;
	s->found = true;
	if (news->what != PROBE_BACK)
		s->home = news->mac;
	s->announced = (struct mac){ 0 };
	return tells ? tell(w, news, e) : 0;
}

/* Nobody else has it. */
static void become_only(struct seen *s, const struct mac *mac)
{
	s->owners[0] = (struct owner){ .mac = *mac, .answered = true, .known = true };
	s->owners_n = 1;
}

static int on_reply(struct probe_watch *w, struct seen *s, const struct probe_event *ev, struct err *e)
{
	struct probe_news news = { .target = ev->target, .mac = ev->mac, .at_us = ev->at_us };
	struct owner *o = owner_of(s, &ev->mac);

	if (o) {
		o->answered = true;
		news.what = PROBE_BACK;
		return s->lost_now ? found_again(w, s, &news, e) : 0;
	}
	if (!s->owners_n || s->lost_now) { /* whoever had it is silent */
		news.what = s->owners_n ? PROBE_MOVED : PROBE_FOUND;
		news.before = s->owners[0].mac;
		become_only(s, &ev->mac);
		return found_again(w, s, &news, e);
	}
	s->strangers = s->owners_n == OWNERS_MAX;
	if (s->strangers)
		return 0;
	s->owners[s->owners_n++] = (struct owner){ .mac = ev->mac, .answered = true };
	s->answer_us = ev->at_us;
	return 0;
}

static int on_claim(struct probe_watch *w, struct seen *s, const struct probe_event *ev, struct err *e)
{
	const struct probe_news news = {
		.what = PROBE_ANNOUNCED, .target = ev->target, .mac = ev->mac, .at_us = ev->at_us
	};

	if ((owner_of(s, &ev->mac) && !s->lost_now) || mac_equal(&s->announced, &ev->mac) ||
	    s->claims == CLAIMS_MAX)
		return 0;
	s->announced = ev->mac;
	s->claims++;
	return tell(w, &news, e);
}

static int lose(struct probe_watch *w, struct seen *s, uint32_t target, struct err *e)
{
	struct probe_news news = { .what = PROBE_SILENT, .target = target, .mac = s->owners[0].mac };

	if (s->lost_now++ == 0)
		s->lost_us = s->sent_us;
	s->sum.lost++;
	if (s->lost_now < GONE || s->silent)
		return 0;
	s->silent = true;
	news.at_us = s->lost_us;
	return tell(w, &news, e);
}

static void forget(struct seen *s, size_t i)
{
	s->owners_n--;
	for (; i < s->owners_n; i++)
		s->owners[i] = s->owners[i + 1];
}

/* When one joined and the other left afterwards, that was a move as well. */
static void settle_home(struct seen *s)
{
	if (owner_of(s, &s->home))
		return;
	s->home = s->owners[0].mac;
	s->sum.moves++;
}

/* One that is new took the place of those who were silent at once, or came beside those who weren't. */
static int take_in(
    struct probe_watch *w, struct seen *s, uint32_t target, bool known_answered, struct err *e)
{
	for (size_t i = 0; i < s->owners_n; i++) {
		struct owner *o = &s->owners[i];
		struct probe_news news = { .what = known_answered ? PROBE_JOINED : PROBE_MOVED,
			.target = target,
			.mac = o->mac,
			.before = s->owners[0].mac,
			.at_us = s->answer_us };

		if (o->known)
			continue;
		o->known = true;
		if (!known_answered) {
			struct mac mac = o->mac;

			become_only(s, &mac);
			return found_again(w, s, &news, e);
		}
		if (tell(w, &news, e) < 0)
			return -1;
	}
	return 0;
}

/* What the answers to the latest probe come to, now that no more of them will be looked at. */
static int conclude(struct probe_watch *w, struct seen *s, uint32_t target, struct err *e)
{
	bool answered = s->strangers, known_answered = answered;

	for (size_t i = 0; i < s->owners_n; i++) {
		struct owner *o = &s->owners[i];

		answered |= o->answered;
		known_answered |= o->answered && o->known;
		if (o->answered)
			o->missed = 0;
		else if (o->missed < GONE)
			o->missed++;
	}
	if (!answered)
		return lose(w, s, target, e);
	if (take_in(w, s, target, known_answered, e) < 0)
		return -1;
	for (size_t i = s->owners_n; i-- > 0 && s->owners_n > 1;) {
		const struct probe_news news = { .what = PROBE_LEFT,
			.target = target,
			.mac = s->owners[i].mac,
			.at_us = s->sent_us };

		if (s->owners[i].missed < GONE)
			continue;
		forget(s, i);
		if (tell(w, &news, e) < 0)
			return -1;
	}
	settle_home(s);
	return 0;
}

static int on_probe(struct probe_watch *w, struct seen *s, const struct probe_event *ev, struct err *e)
{
	if (s->asked && conclude(w, s, ev->target, e) < 0)
		return -1;
	for (size_t i = 0; i < s->owners_n; i++)
		s->owners[i].answered = false;
	s->asked = true;
	s->strangers = false;
	s->claims = 0;
	s->sent_us = ev->at_us;
	return 0;
}

static bool all_answered(const struct seen *s)
{
	for (size_t i = 0; i < s->owners_n; i++)
		if (!s->owners[i].answered)
			return false;
	return s->owners_n > 0;
}

static int on_done(struct probe_watch *w, uint64_t now_us, struct err *e)
{
	for (size_t i = 0; i < w->targets; i++) {
		struct seen *s = &w->seen[i];

		if (s->asked && (now_us - s->sent_us >= w->answer_us || all_answered(s)) &&
		    conclude(w, s, (uint32_t)i, e) < 0)
			return -1;
		s->asked = false;
		if (s->silent && s->found)
			gap_lasted(s, now_us - s->lost_us);
	}
	return 0;
}

int probe_watch_event(struct probe_watch *w, const struct probe_event *ev, struct err *e)
{
	struct seen *s = &w->seen[ev->target];

	switch (ev->what) {
	case PROBE_SEND:
		return on_probe(w, s, ev, e);
	case PROBE_REPLY:
		return on_reply(w, s, ev, e);
	case PROBE_CLAIM:
		return on_claim(w, s, ev, e);
	case PROBE_DONE:
		return on_done(w, ev->at_us, e);
	}
	return 0;
}
