/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/err/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	e->kind = kind;
	e->sys = 0;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -1;
}

int err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	e->kind = errnum == EPERM || errnum == EACCES ? ERR_PERMISSION : ERR_SYSTEM;
	e->sys = errnum;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof(e->text) - n, ": %s", strerror(errnum));
	return -1;
}

int err_memory(struct err *e)
{
	return err_set(e, ERR_SYSTEM, "out of memory");
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char inner[sizeof(e->text)];
	va_list ap;
	size_t n;

	memcpy(inner, e->text, sizeof(inner));
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof(e->text) - n, ": %s", inner);
	return -1;
}

int err_exit_code(enum err_kind kind)
{
	static const int code[] = {
		[ERR_NONE] = 0,
		[ERR_SYSTEM] = 1,
		[ERR_USAGE] = 2,
		[ERR_NOT_FOUND] = 3,
		[ERR_CONFLICT] = 4,
		[ERR_EXHAUSTED] = 5,
		[ERR_PROTOCOL] = 6,
		[ERR_PERMISSION] = 7,
		[ERR_CLOSED] = 141,
	};

	return code[kind];
}
