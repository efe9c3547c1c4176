/* SPDX-License-Identifier: Apache-2.0 */
/* The lbctl members of this pipeline: that it runs, and what it says.
 *
 * The other nodes take over when they don't hear it, so this one answers for as long as that says
 * (pkg/keepalive).  Where there is none, or one that says nothing, it answers for ever. */
#include <string.h>

#include "cmd/announce.h"
#include "pkg/keepalive/keepalive.h"
#include "pkg/log/log.h"
#include "pkg/member/member.h"
#include "pkg/record/record.h"

enum { PATIENCE_MS = 100 }; /* before it is said that this one is silent */

struct announce_members {
	struct announce *a;
	struct keepalive_end *keepalive;
	struct loop_timer *complaint;
	bool complained;
};

static void on_keepalive(void *arg, uint64_t until_ms)
{
	struct announce_members *m = arg;

	if (m->a->draining)
		return;
	l2_port_speak_until(m->a->port, until_ms);
	if (l2_port_is_silent(m->a->port))
		return;
	loop_timer_stop(m->complaint);
	if (m->complained)
		log_info(NULL, "lbctl members says that this node is alive: announcing again");
	m->complained = false;
}

static void on_complaint(void *arg)
{
	struct announce_members *m = arg;

	m->complained = !l2_port_is_idle(m->a->port);
	if (m->complained)
		log_warn(NULL,
		    "lbctl members does not say that this node is alive, so others take over: "
		    "silent until it does");
}

/* It may have said more, of which the kernel keeps only what comes first while we don't read. */
void announce_members_expired(struct announce_members *m)
{
	keepalive_end_ask(m->keepalive);
	if (l2_port_is_silent(m->a->port))
		loop_timer_set(m->complaint, PATIENCE_MS);
}

/* What it has added last, all that it has read before has come through. */
static void on_self(struct announce_members *m, const struct json *status)
{
	const char *reason = json_string(json_get(status, "reason"));
	pid_t members = record_member_notify(status);

	if (reason && !strcmp(reason, member_reason_text(MEMBER_STALLED)))
		l2_port_lose_all(m->a->port);
	if (!members)
		return;
	l2_port_flush(m->a->port);
	keepalive_end_set(m->keepalive, members, true);
}

void announce_member(struct announce_members *m, const char *name, const struct json *object, bool gone)
{
	const struct json *status = json_get(object, "status");
	bool alive;

	if (!strcmp(name, m->a->node))
		on_self(m, status);
	else if (!gone && json_bool(json_get(status, "alive"), &alive))
		announce_peers_member(m->a->peers, name, alive);
}

/* What comes next is a handover, which takes its moment; but what others have by now is theirs. */
void announce_members_end(struct announce_members *m)
{
	if (l2_port_is_silent(m->a->port))
		l2_port_lose_all(m->a->port);
	else
		l2_port_speak_until(m->a->port, UINT64_MAX);
}

struct announce_members *announce_members_new(struct announce *a, struct err *e)
{
	struct announce_members *m = calloc(1, sizeof(*m));

	if (!m) {
		err_memory(e);
		return NULL;
	}
	m->a = a;
	m->complaint = loop_timer_add(stage_loop(a->stage), on_complaint, m, e);
	m->keepalive =
	    m->complaint ? keepalive_end_new(stage_loop(a->stage), on_keepalive, m, e) : NULL;
	if (m->keepalive)
		return m;
	announce_members_free(m);
	return NULL;
}

void announce_members_free(struct announce_members *m)
{
	if (!m)
		return;
	keepalive_end_free(m->keepalive);
	loop_timer_remove(m->complaint);
	free(m);
}
