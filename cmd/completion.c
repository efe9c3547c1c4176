/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/completion.h"

#include <string.h>

#include "cmd/cmd.h"

/* What is known of an option's value from its placeholder, in words that each shell maps. */
enum values { VALUES_NONE, VALUES_FILES, VALUES_FORMATS, VALUES_LEVELS };

static enum values values_of(const struct opt *o)
{
	if (!o->arg)
		return VALUES_NONE;
	if (!strcmp(o->name, "output"))
		return VALUES_FORMATS;
	if (!strcmp(o->name, "log"))
		return VALUES_LEVELS;
	if (strstr(o->arg, "DIR") || strstr(o->arg, "FILE"))
		return VALUES_FILES;
	return VALUES_NONE;
}

#define LEVELS "error warn info debug"

/* The formats that the option's help names. */
static void put_formats(const struct opt *o, FILE *out)
{
	static const char *const formats[] = { "json", "table", "text", "wide", "name" };
	const char *gap = "";

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (!strstr(o->help, formats[i]))
			continue;
		fprintf(out, "%s%s", gap, formats[i]);
		gap = " ";
	}
}

static bool bash_option(const struct opt *o, void *out)
{
	fprintf(out, " --%s", o->name);
	if (o->key)
		fprintf(out, " -%c", o->key);
	return true;
}

struct of_command {
	FILE *out;
	const char *command;
};

static bool bash_formats(const struct opt *o, void *arg)
{
	struct of_command *f = arg;

	if (values_of(o) != VALUES_FORMATS)
		return true;
	fprintf(f->out, "\t\t%s) words='", f->command);
	put_formats(o, f->out);
	fputs("' ;;\n", f->out);
	return true;
}

static void bash(FILE *out)
{
	fputs("# bash completion for lbctl; written by `make completions`\n"
	      "_lbctl() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n"
	      "\tcase $prev in\n"
	      "\t-o|--output)\n"
	      "\t\tcase ${COMP_WORDS[1]} in\n",
	    out);
	for (const struct cmd *const *c = commands; *c; c++)
		opts_each((*c)->opts, bash_formats, &(struct of_command){ out, (*c)->name });
	fputs("\t\tesac ;;\n"
	      "\t--log) words='" LEVELS "' ;;\n"
	      "\tesac\n"
	      "\tif [ -z \"$words\" ]; then\n"
	      "\t\tcase ${COMP_WORDS[1]} in\n",
	    out);
	for (const struct cmd *const *c = commands; *c; c++) {
		fprintf(out, "\t\t%s) words='", (*c)->name);
		opts_each((*c)->opts, bash_option, out);
		fputs(" --help' ;;\n", out);
	}
	fputs("\t\tesac\n"
	      "\t\t[ \"$COMP_CWORD\" -gt 1 ] || words='--help --version help",
	    out);
	for (const struct cmd *const *c = commands; *c; c++)
		fprintf(out, " %s", (*c)->name);
	fputs("'\n"
	      "\tfi\n"
	      "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	      "\t[ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	      "}\n"
	      "complete -o filenames -F _lbctl lbctl\n",
	    out);
}

/* Single quotes, brackets and colons mean something to zsh's _arguments. */
static void zsh_text(const char *s, FILE *out)
{
	for (; *s; s++) {
		if (strchr("[]:", *s))
			fputc('\\', out);
		if (*s == '\'')
			fputs("'\\'", out);
		fputc(*s, out);
	}
}

static void zsh_values(const struct opt *o, FILE *out)
{
	fputc(':', out);
	switch (values_of(o)) {
	case VALUES_FILES:
		fputs("_files", out);
		break;
	case VALUES_FORMATS:
		fputc('(', out);
		put_formats(o, out);
		fputc(')', out);
		break;
	case VALUES_LEVELS:
		fputs("(" LEVELS ")", out);
		break;
	case VALUES_NONE:
		break;
	}
}

static bool zsh_option(const struct opt *o, void *out)
{
	for (int i = 0; i < 2; i++) {
		if (i == 1 && !o->key)
			break;
		fputs(" \\\n\t\t\t'", out);
		if (o->type == OPT_TYPE_LIST)
			fputc('*', out);
		if (i == 0)
			fprintf(out, "--%s%s[", o->name, o->arg ? "=" : "");
		else
			fprintf(out, "-%c%s[", o->key, o->arg ? "+" : "");
		zsh_text(o->help, out);
		fputc(']', out);
		if (o->arg) {
			fputc(':', out);
			zsh_text(o->arg, out);
			zsh_values(o, out);
		}
		fputc('\'', out);
	}
	return true;
}

static void zsh(FILE *out)
{
	fputs("#compdef lbctl\n"
	      "# zsh completion for lbctl; written by `make completions`\n"
	      "_lbctl() {\n"
	      "\tif ((CURRENT == 2)); then\n"
	      "\t\tlocal -a names=(\n",
	    out);
	for (const struct cmd *const *c = commands; *c; c++) {
		fprintf(out, "\t\t\t'%s:", (*c)->name);
		zsh_text((*c)->summary, out);
		fputs("'\n", out);
	}
	fputs("\t\t\t'help:tell the options of a command'\n"
	      "\t\t)\n"
	      "\t\t_describe command names\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tshift words\n"
	      "\t((CURRENT--))\n"
	      "\tcase $words[1] in\n",
	    out);
	for (const struct cmd *const *c = commands; *c; c++) {
		fprintf(out, "\t%s)\n\t\t_arguments", (*c)->name);
		opts_each((*c)->opts, zsh_option, out);
		fputs(" \\\n\t\t\t'*:operand:_files' ;;\n", out);
	}
	fputs("\tesac\n}\n_lbctl \"$@\"\n", out);
}

static void fish_quoted(const char *s, FILE *out)
{
	fputc('\'', out);
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			fputc('\\', out);
		fputc(*s, out);
	}
	fputc('\'', out);
}

static bool fish_option(const struct opt *o, void *arg)
{
	struct of_command *f = arg;

	fprintf(
	    f->out, "complete -c lbctl -n '__fish_seen_subcommand_from %s' -l %s", f->command, o->name);
	if (o->key)
		fprintf(f->out, " -s %c", o->key);
	switch (values_of(o)) {
	case VALUES_FILES:
		fputs(" -r -F", f->out);
		break;
	case VALUES_FORMATS:
		fputs(" -x -a '", f->out);
		put_formats(o, f->out);
		fputc('\'', f->out);
		break;
	case VALUES_LEVELS:
		fputs(" -x -a '" LEVELS "'", f->out);
		break;
	case VALUES_NONE:
		if (o->arg)
			fputs(" -x", f->out);
		break;
	}
	fputs(" -d ", f->out);
	fish_quoted(o->help, f->out);
	fputc('\n', f->out);
	return true;
}

static void fish(FILE *out)
{
	fputs("# fish completion for lbctl; written by `make completions`\n", out);
	for (const struct cmd *const *c = commands; *c; c++) {
		struct of_command f = { out, (*c)->name };

		fprintf(out, "complete -c lbctl -n __fish_use_subcommand -f -a %s -d ", (*c)->name);
		fish_quoted((*c)->summary, out);
		fputc('\n', out);
		opts_each((*c)->opts, fish_option, &f);
	}
}

int completion_write(const char *shell, FILE *out, struct err *e)
{
	if (!strcmp(shell, "bash"))
		bash(out);
	else if (!strcmp(shell, "zsh"))
		zsh(out);
	else if (!strcmp(shell, "fish"))
		fish(out);
	else
		return err_set(e, ERR_USAGE, "--completion: want bash, zsh or fish, have '%s'", shell);
	return 0;
}
