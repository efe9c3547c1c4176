/* SPDX-License-Identifier: Apache-2.0 */
/* lbctl: finds the subcommand, runs it, says what went wrong and exits with what it means. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/completion.h"
#include "pkg/log/log.h"
#include "pkg/record/record.h"

static const struct cmd *find(const char *name)
{
	for (const struct cmd *const *c = commands; *c; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

static void help(FILE *out)
{
	fputs("usage: lbctl COMMAND [OPTION...] [OPERAND...]\n\n", out);
	for (const struct cmd *const *c = commands; *c; c++)
		fprintf(out, "  %-10s %s\n", (*c)->name, (*c)->summary);
	fputs("\nlbctl help COMMAND tells the options of one. lbctl --version, lbctl --list.\n", out);
	fputs("Exit status: 0 done, 1 system, 2 usage, 3 not found, 4 conflict, 5 exhausted, 6 "
	      "protocol,\n"
	      "7 permission, 141 the reader of the output has gone.\n",
	    out);
}

static void help_command(const struct cmd *c, FILE *out)
{
	fprintf(out, "usage: lbctl %s [OPTION...]%s%s\n%s\n\n", c->name, c->operands[0] ? " " : "",
	    c->operands, c->summary);
	opts_help(c->opts, out);
}

/* The only place that prints errors. */
static int report(const char *name, const struct err *e)
{
	if (e->text[0])
		fprintf(stderr, "lbctl%s%s: %s\n", name ? " " : "", name ? name : "", e->text);
	return err_exit_code(e->kind);
}

static int flush(const char *name)
{
	struct err e = ERR_INIT;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	if (errno == EPIPE)
		err_set(&e, ERR_CLOSED, "writing standard output: its reader has gone");
	else
		err_sys(&e, errno, "writing standard output");
	return report(name, &e);
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

/* Everything before the subcommand's name; -1 when there is one to run. */
static int run_global(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "--help";
	const struct cmd *c;
	struct err e = ERR_INIT;

	if (!strcmp(word, "--version")) {
		puts("lbctl " LBCTL_VERSION);
	} else if (!strcmp(word, "--list")) { /* for tests/ */
		for (const struct cmd *const *p = commands; *p; p++)
			puts((*p)->name);
	} else if (!strcmp(word, "--codes")) { /* of Decisions, for tests/ */
		for (const struct record_code *r = record_codes; r->code; r++)
			printf("%s\t%s\n", r->code, r->meaning);
	} else if (!strcmp(word, "--completion") && argc == 3) { /* for make completions */
		if (completion_write(argv[2], stdout, &e) < 0)
			return report(NULL, &e);
	} else if (!strcmp(word, "--help") || !strcmp(word, "-h") ||
		   (!strcmp(word, "help") && argc == 2)) {
		help(stdout);
	} else if (!strcmp(word, "help")) {
		c = find(argv[2]);
		if (!c) {
			err_set(&e, ERR_USAGE, "no command '%s'; lbctl help lists them", argv[2]);
			return report(NULL, &e);
		}
		help_command(c, stdout);
	} else {
		return -1;
	}
	return flush(NULL);
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	const struct cmd *c;
	int status = run_global(argc, argv);

	if (status >= 0)
		return status;
	c = find(argv[1]);
	if (!c) {
		err_set(&e, ERR_USAGE, "no command '%s'; lbctl help lists them", argv[1]);
		return report(NULL, &e);
	}
	signal(SIGPIPE, SIG_IGN);
	log_name(c->name);
	if (wants_help(argc - 1, argv + 1)) {
		help_command(c, stdout);
		return flush(c->name);
	}
	status = c->run(argc - 1, argv + 1, &e);
	if (status < 0) {
		fflush(stdout);
		return report(c->name, &e);
	}
	return status ? status : flush(c->name);
}
