/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/elect_lease.h"

#include <signal.h>
#include <string.h>

#include "cmd/elect_command.h"
#include "pkg/log/log.h"

const struct opt elect_lease_opts[] = {
	OPT_STRING(0, "lease", "NAME", struct elect_lease_args, name,
	    "run COMMAND, and only while holding this Lease"),
	OPT_DURATION(0, "lease-duration", "TIME", struct elect_lease_args, duration_ms,
	    "how long the others wait for a holder that is silent (15s)"),
	OPT_DURATION(0, "renew-deadline", "TIME", struct elect_lease_args, renew_deadline_ms,
	    "how long to try to renew the Lease before COMMAND is stopped (10s)"),
	OPT_DURATION(0, "retry-period", "TIME", struct elect_lease_args, retry_ms,
	    "between two tries to take or renew the Lease (2s)"),
	OPT_INCLUDE(kube_opts, struct elect_lease_args, server),
	OPT_END,
};

struct contender {
	struct loop *loop;
	struct loop_signal *signals[3];
	struct kube *kube;
	struct kube_lease *lease;
	struct command *command; /* NULL: it does not run */
	char **argv;
	const char *namespace, *name;
	int status;       /* COMMAND's */
	struct err error; /* why it is over, if not because COMMAND ended */
};

static void give_up(struct contender *c, const struct err *e)
{
	if (!c->error.kind)
		c->error = *e;
	kube_lease_stop(c->lease);
}

static void on_ended(void *arg, int status)
{
	struct contender *c = arg;

	command_free(TAKE(c->command));
	c->status = status;
	log_info(NULL, "the command ended with status %d; giving the Lease back", status);
	kube_lease_stop(c->lease);
}

static void on_held(void *arg, uint64_t until_ms)
{
	struct contender *c = arg;
	struct err e = ERR_INIT;

	if (c->command) {
		command_until(c->command, until_ms);
		return;
	}
	log_info(NULL, "holding the Lease %s/%s as %s", c->namespace, c->name,
	    kube_lease_identity(c->lease));
	c->command = command_start(c->loop, c->argv, until_ms, on_ended, c, &e);
	if (!c->command)
		give_up(c, &e);
}

static void on_lost(void *arg, const struct err *why)
{
	struct contender *c = arg;

	c->error = *why;
	if (!c->command) {
		kube_lease_stop(c->lease);
		return;
	}
	log_error(NULL, "%s; stopping the command", why->text);
	command_signal(c->command, SIGTERM);
}

static void on_waiting(void *arg, const char *holder)
{
	struct contender *c = arg;

	log_info(NULL, "the Lease %s/%s is held by %s; waiting for it", c->namespace, c->name, holder);
}

static void on_trouble(void *arg, const struct err *why)
{
	struct contender *c = arg;

	if (!why)
		log_info(NULL, "the API server answers again");
	else if (why->kind == ERR_USAGE && !c->command) /* nothing that waiting would mend */
		give_up(c, why);
	else
		log_warn(NULL, "%s; trying again until it works", why->text);
}

static void on_over(void *arg)
{
	struct contender *c = arg;

	loop_stop(c->loop);
}

/* COMMAND decides what a signal means; until it runs, it means the end. */
static void on_signal(int number, void *arg)
{
	struct contender *c = arg;

	if (c->command)
		command_signal(c->command, number);
	else
		kube_lease_stop(c->lease);
}

static int open_all(struct contender *c, const struct elect_lease_args *a, struct err *e)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
	struct kube_lease_options o = { c->namespace, c->name, a->duration_ms, a->renew_deadline_ms,
		a->retry_ms };
	struct kube_lease_events ev = { on_held, on_lost, on_waiting, on_trouble, on_over, c };

	c->loop = loop_new(e);
	c->kube = c->loop ? kube_open(c->loop, &a->server, e) : NULL;
	c->lease = c->kube ? kube_lease_open(c->kube, &o, &ev, e) : NULL;
	for (size_t i = 0; c->lease && i < ARRAY_LEN(numbers); i++)
		if (!(c->signals[i] = loop_signal_add(c->loop, numbers[i], on_signal, c, e)))
			return -1;
	return c->lease ? 0 : -1;
}

int elect_lease_run(const struct elect_lease_args *a, const char *namespace, char **argv, struct err *e)
{
	struct contender c = { .argv = argv, .namespace = namespace, .name = a->name };
	int status = 0;

	if (!a->name[0])
		status = err_set(e, ERR_USAGE, "--lease: want the name of a Lease");
	else if (!argv[0])
		status = err_set(e, ERR_USAGE,
		    "--lease needs a command to run: lbctl elect --lease NAME -- COMMAND...");
	if (status == 0)
		status = open_all(&c, a, e);
	if (status == 0)
		status = loop_run(c.loop, e);
	command_free(c.command);
	kube_lease_close(c.lease);
	kube_close(c.kube);
	for (size_t i = 0; i < ARRAY_LEN(c.signals); i++)
		loop_signal_remove(c.signals[i]);
	loop_free(c.loop);
	if (status == 0 && c.error.kind) {
		*e = c.error;
		status = -1;
	}
	return status < 0 ? status : c.status;
}
