/* SPDX-License-Identifier: Apache-2.0 */
/* The outcome for one Service: what to write, the events, and the decision if it is another than
 * the last.  Events go with a decision that changed, so that nothing is told twice. */
#include <stdarg.h>
#include <stdio.h>

#include "pkg/ipam/words.h"

static const char component[] = "metallb-controller"; /* as MetalLB's users filter events */

static uint64_t mix(uint64_t h, const void *bytes, size_t n)
{
	return fnv_end(fnv(h, bytes, n));
}

static uint64_t mix_text(uint64_t h, const char *text)
{
	return mix(h, text ? text : "\1", text ? strlen(text) : 1);
}

static uint64_t hash_addresses(const struct addr *at, size_t n, bool odd)
{
	uint64_t h = mix(FNV_BEGIN, &odd, sizeof(odd));

	for (size_t i = 0; i < n; i++) {
		h = mix(h, &at[i].family, sizeof(at[i].family));
		h = mix(h, at[i].bytes, sizeof(at[i].bytes));
	}
	return h;
}

void tell_begin(struct ipam *m, struct service *s)
{
	arena_reset(&m->scratch);
	m->out = (struct ipam_outcome){
		.namespace = arena_copy(&m->scratch, SERVICE_NAMESPACE(s)),
		.name = arena_copy(&m->scratch, s->name),
	};
}

bool tell_anything(const struct ipam *m)
{
	return m->out.write || m->out.events_n || m->out.decided;
}

void tell_event(
    struct ipam *m, const struct service *s, bool warning, const char *reason, const char *message)
{
	if (m->out.events_n == IPAM_EVENTS_MAX)
		return;
	m->out.events[m->out.events_n++] = (struct record_event){
		.namespace = m->out.namespace,
		.name = m->out.name,
		.uid = s->facts ? arena_copy(&m->scratch, s->facts->uid) : "",
		.warning = warning,
		.reason = reason,
		.message = message,
		.component = component,
		.host = "",
	};
}

void tell_loss(struct ipam *m, struct service *s, const char *go, const char *fmt, ...)
{
	struct loss *l = s->loss ? s->loss : calloc(1, sizeof(*l));
	char text[480];
	va_list ap;

	if (!l) {
		m->bad = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	free(l->sentence);
	free(l->go);
	l->sentence = strdup(text);
	l->go = go ? strdup(go) : NULL;
	m->bad = m->bad || !l->sentence || (go && !l->go);
	s->loss = l;
}

void tell_forget(struct service *s)
{
	if (!s->loss)
		return;
	free(s->loss->sentence);
	free(s->loss->go);
	free(s->loss);
	s->loss = NULL;
}

/* The decision's message. */
static void say(struct ipam *m, const struct service *s, const char *message)
{
	const char *sentence = s->loss ? s->loss->sentence : NULL;

	m->out.answer = m->out.decision.message = arena_copy(&m->scratch, message);
	if (!sentence)
		return;
	m->out.gave_up = arena_copy(&m->scratch, sentence);
	m->out.decision.message = arena_printf(&m->scratch, "%s; %s", message, sentence);
}

static void loss_event(struct ipam *m, const struct service *s)
{
	if (s->loss && s->loss->go)
		tell_event(m, s, false, "ClearAssignment",
		    arena_printf(&m->scratch,
			"current IP for \"%s\" not allowed by config, will attempt for new IP "
			"assignment: %s",
			tell_name(m, s), s->loss->go));
}

/* What the decision is about. */
static void about(struct ipam *m, const struct addr *at, size_t n)
{
	struct addr *copy = m->out.decided ? arena_alloc(&m->scratch, n * sizeof(*copy)) : NULL;

	if (!copy || !n)
		return;
	memcpy(copy, at, n * sizeof(*copy));
	m->out.decision.addresses = copy;
	m->out.decision.addresses_n = n;
}

/* False, and nothing is told, when it is the last decision again. */
static bool decide(struct ipam *m, struct service *s, const struct refusal *r)
{
	uint64_t h =
	    mix_text(mix_text(mix(FNV_BEGIN, &r->verdict, sizeof(r->verdict)), r->code), r->message);

	for (size_t i = 0; i < r->considered_n; i++)
		h = mix_text(mix_text(mix_text(h, r->considered[i].name), r->considered[i].code),
		    r->considered[i].message);
	if (s->code == r->code && s->decided == h && !s->loss)
		return false;
	s->code = r->code;
	s->decided = h;
	m->out.decided = true;
	m->out.decision = (struct record_decision){
		.subject_kind = "Service",
		.namespace = m->out.namespace,
		.name = m->out.name,
		.component = "allocate",
		.verdict = r->verdict,
		.code = r->code,
		.considered = r->considered,
		.considered_n = r->considered_n,
	};
	say(m, s, r->message);
	return true;
}

/* What it holds was given from this pool, even if the pool is not there now. */
static const char *pool_of(struct ipam *m, struct service *s)
{
	const struct place *at = s->holds_n ? space_find(m, &s->holds[0].used->addr) : NULL;

	if (!s->holds_n)
		s->pool = NULL;
	else if (!s->pool && s->seen->pool)
		s->pool = space_name(m, s->seen->pool);
	if (at && !space_lacks(m, s->pool))
		s->pool = space_name(m, at->pool->config->name);
	return s->pool;
}

/* Wants the status to say what s holds, unless it says so or was told so. */
static void write_status(struct ipam *m, struct service *s)
{
	size_t n = s->holds_n;
	const char *pool = n ? pool_of(m, s) : NULL;
	uint64_t addresses, name = mix_text(FNV_BEGIN, pool), from, from_pool;

	for (size_t i = 0; i < n && i < 2; i++)
		m->out_addresses[i] = s->holds[i].used->addr;
	addresses = hash_addresses(m->out_addresses, n, false);
	from = hash_addresses(s->seen->at, s->seen->n, s->seen->odd);
	from_pool = mix_text(FNV_BEGIN, s->seen->pool);
	/* While a write is under way, it is that which is undone, not what is seen. */
	if (s->writing ? s->to_addresses == addresses && s->to_pool == name
		       : from == addresses && from_pool == name)
		return;
	s->writing = true;
	s->from_addresses = from;
	s->from_pool = from_pool;
	s->to_addresses = addresses;
	s->to_pool = name;
	m->out.write = true;
	m->out.addresses = m->out_addresses;
	m->out.addresses_n = n;
	m->out.pool = pool ? arena_copy(&m->scratch, pool) : NULL;
	m->out.old = s->seen->old;
	if (n && s->facts->deprecated)
		tell_event(m, s, true, "deprecatedAnnotation",
		    arena_printf(
			&m->scratch, "Service uses deprecated annotation %s", s->facts->deprecated));
}

/* Whether what is seen now is only on its way to what we wrote. */
void tell_seen(struct service *s)
{
	uint64_t a = hash_addresses(s->seen->at, s->seen->n, s->seen->odd);
	uint64_t p = mix_text(FNV_BEGIN, s->seen->pool);
	bool between =
	    (a == s->from_addresses || a == s->to_addresses) && (p == s->from_pool || p == s->to_pool);
	bool there = a == s->to_addresses && p == s->to_pool;

	if (s->writing && (there || !between))
		s->writing = false;
}

void tell_refused(struct ipam *m, struct service *s, const struct refusal *r)
{
	bool quiet = !m->pools_n && !s->loss; /* without any pool nothing else happens */

	if (!quiet)
		write_status(m, s);
	s->decided_holds = 0;
	if (decide(m, s, r)) {
		loss_event(m, s);
		if (r->go && !quiet)
			tell_event(m, s, !r->normal, r->reason, r->go);
	}
	tell_forget(s);
}

void tell_holding(struct ipam *m, struct service *s, const struct refusal *r, bool second)
{
	write_status(m, s);
	if (!second)
		s->decided_holds = 0;
	if (decide(m, s, r) && r->go)
		tell_event(m, s, !r->normal, r->reason, r->go);
}

static void copy_holds(const struct service *s, struct addr at[2])
{
	for (size_t i = 0; i < s->holds_n && i < 2; i++)
		at[i] = s->holds[i].used->addr;
}

/* What the pools have against it, which it keeps all the same (--on-pool-change keep); or NULL. */
static const char *despite(struct ipam *m, const struct service *s)
{
	const struct place *place = space_find(m, &s->holds[0].used->addr);
	const char *code;

	if (!m->keep)
		return NULL;
	for (size_t i = 0; i < s->holds_n; i++) {
		const struct place *at = space_find(m, &s->holds[i].used->addr);

		if (!place || !at)
			return "in no pool any more";
		if (at->pool != place->pool)
			return "in two pools now";
		if (space_avoids(at->pool, &s->holds[i].used->addr))
			return arena_printf(&m->scratch, "excluded by avoidBuggyIPs of pool \"%s\"",
			    at->pool->config->name);
	}
	code = choose_refusal(s, place->pool);
	if (!code)
		return NULL;
	return arena_printf(&m->scratch, "of pool \"%s\", which %s", place->pool->config->name,
	    explain_refusal(m, place->pool, code));
}

static uint64_t hash_holds(struct ipam *m, struct service *s)
{
	struct addr at[2] = { { 0 }, { 0 } };
	bool outside = !space_find(m, &s->holds[0].used->addr);

	copy_holds(s, at);
	return mix_text(
	    mix_text(hash_addresses(at, s->holds_n, outside), pool_of(m, s)), despite(m, s));
}

void tell_assigned(struct ipam *m, struct service *s, const struct addr *had)
{
	struct addr at[2] = { { 0 }, { 0 } };
	struct refusal r = { .verdict = VERDICT_DONE, .code = "AddressAssigned" };
	const char *pool = s->pool =
	    space_name(m, space_find(m, &s->holds[0].used->addr)->pool->config->name);

	copy_holds(s, at);
	write_status(m, s);
	r.message = arena_join(&m->scratch, had ? "has now " : "gave ",
	    tell_addresses(m, at, s->holds_n), " of pool \"", pool ? pool : "", "\"", NULL);
	if (decide(m, s, &r)) {
		loss_event(m, s);
		if (had) {
			tell_event(m, s, false, "IPAllocated",
			    arena_printf(&m->scratch, "Assigned additional IP %s",
				tell_go(m, &at[addr_equal(&at[0], had)], 1)));
		} else {
			tell_event(m, s, false, "IPAllocated",
			    arena_join(&m->scratch, "Assigned IP ", tell_go(m, at, s->holds_n), NULL));
		}
	}
	about(m, at, s->holds_n);
	s->decided_holds = hash_holds(m, s);
	tell_forget(s);
}

/* Why it keeps addresses that are in no pool. */
static const char *outside(const struct ipam *m)
{
	if (m->pools_n || (m->config && m->config->incomplete))
		return "in no pool that is valid, but a pool is wrong and may be its own";
	return "in no pool, because there is no pool at all";
}

void tell_kept(struct ipam *m, struct service *s, bool second)
{
	uint64_t h = hash_holds(m, s);
	const struct place *place = space_find(m, &s->holds[0].used->addr);
	struct refusal r = { .verdict = VERDICT_KEPT, .code = "AddressKept" };
	struct addr at[2] = { { 0 }, { 0 } };
	const char *against = despite(m, s);
	bool told =
	    s->code && (!strcmp(s->code, "AddressAssigned") || !strcmp(s->code, "AddressKept") ||
			   (second && !strcmp(s->code, "SecondAddressPending")));

	copy_holds(s, at);
	write_status(m, s);
	tell_forget(s);
	if (told && s->decided_holds == h)
		return;
	if (against)
		r.message = arena_printf(&m->scratch,
		    "keeps %s until it goes or asks for another, though it is %s",
		    tell_addresses(m, at, s->holds_n), against);
	else if (place && space_lacks(m, s->pool))
		r.message = arena_printf(&m->scratch,
		    "keeps %s, which pool \"%s\" gave; there is no such pool, but one is wrong and may "
		    "be it",
		    tell_addresses(m, at, s->holds_n), s->pool);
	else if (place)
		r.message = arena_join(&m->scratch, "keeps ", tell_addresses(m, at, s->holds_n),
		    " of pool \"", place->pool->config->name, "\"", NULL);
	else
		r.message = arena_printf(&m->scratch, "keeps %s, which is %s",
		    tell_addresses(m, at, s->holds_n), outside(m));
	decide(m, s, &r);
	about(m, at, s->holds_n);
	s->decided_holds = h;
}

void tell_released(struct ipam *m, struct service *s, const struct addr *at, size_t n, const char *why)
{
	struct refusal r = { .verdict = VERDICT_RELEASED, .code = "AddressReleased" };

	if (n)
		r.message = arena_printf(
		    &m->scratch, "gave back %s, because %s", tell_addresses(m, at, n), why);
	else
		r.message = arena_printf(&m->scratch, "its status is cleared, because %s", why);
	if (!s->gone)
		write_status(m, s);
	s->decided_holds = 0;
	decide(m, s, &r);
	about(m, at, n);
	tell_forget(s);
}

void tell_only(struct ipam *m, struct service *s, enum record_verdict verdict, const char *code,
    const char *message)
{
	const struct refusal r = { .verdict = verdict, .code = code, .message = message };

	s->decided_holds = 0;
	decide(m, s, &r);
	tell_forget(s);
}

const char *tell_name(struct ipam *m, const struct service *s)
{
	return arena_printf(&m->scratch, "%s/%s", SERVICE_NAMESPACE(s), s->name);
}

const char *tell_addresses(struct ipam *m, const struct addr *at, size_t n)
{
	struct buf b = BUF_INIT;
	char text[ADDR_TEXT_LEN];
	const char *copy;

	if (n == 1)
		return arena_copy(&m->scratch, addr_format(at, text));
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s", !i ? "" : i + 1 < n ? ", " : " and ", addr_format(&at[i], text));
	copy = arena_copy(&m->scratch, b.data ? b.data : "");
	buf_release(&b);
	return copy;
}

/* A list of addresses as Go prints it with %q. */
const char *tell_go(struct ipam *m, const struct addr *at, size_t n)
{
	char one[ADDR_TEXT_LEN], two[ADDR_TEXT_LEN];

	addr_format(&at[0], one);
	if (n < 2)
		return arena_join(&m->scratch, "[\"", one, "\"]", NULL);
	return arena_printf(&m->scratch, "[\"%s\" \"%s\"]", one, addr_format(&at[1], two));
}
