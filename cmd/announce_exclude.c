/* SPDX-License-Identifier: Apache-2.0 */
/* MetalLB's list of interfaces to leave alone: a ConfigMap that is mounted as a file. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cmd/announce.h"
#include "pkg/yaml/yaml.h"

#define LIST "announcedInterfacesToExclude"

enum { FILE_MAX = 1 << 20 };

static int read_all(const char *path, struct buf *out, struct err *e)
{
	char piece[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0 && out->len < FILE_MAX) {
		n = read(fd, piece, sizeof(piece));
		if (n > 0)
			buf_add(out, piece, (size_t)n);
	}
	if (n < 0)
		err_sys(e, errno, "reading --exclude-file %s", path);
	else if (n > 0)
		err_set(e, ERR_PROTOCOL, "--exclude-file %s is larger than 1 MiB", path);
	else if (out->bad)
		n = err_memory(e);
	if (fd >= 0)
		close(fd);
	return n == 0 ? 0 : -1;
}

static int take_list(struct announce_excludes *x, const char *path, struct err *e)
{
	const struct json *list = json_get(x->file, LIST);

	if (json_type(list) != JSON_ARRAY)
		return err_set(e, ERR_PROTOCOL, "%s: " LIST ": want a list, have %s", path,
		    list ? json_type_name(json_type(list)) : "none");
	for (size_t i = 0; i < json_count(list); i++) {
		const char *text = json_string(json_item(list, i));

		if (!text)
			return err_set(e, ERR_PROTOCOL, "%s: " LIST "[%zu]: want a string", path, i);
		if (l2_pattern_check(text, e) < 0) {
			e->kind = ERR_PROTOCOL;
			return err_wrap(e, "%s: " LIST "[%zu]", path, i);
		}
		x->at[x->n++] = text;
	}
	return 0;
}

int announce_excludes_read(
    struct announce_excludes *x, const struct opt_list *given, const char *path, struct err *e)
{
	struct buf text = BUF_INIT;
	int status = 0;

	if (path)
		status = read_all(path, &text, e);
	if (status == 0 && path && yaml_parse(text.data ? text.data : "", text.len, &x->file, e) < 0)
		status = err_wrap(e, "%s", path);
	buf_release(&text);
	if (status < 0)
		return -1;
	x->at = calloc(given->n + json_count(json_get(x->file, LIST)) + 1, sizeof(*x->at));
	if (!x->at)
		return err_memory(e);
	for (; x->n < given->n; x->n++) {
		if (l2_pattern_check(given->at[x->n], e) < 0)
			return err_wrap(e, "--exclude");
		x->at[x->n] = given->at[x->n];
	}
	return path ? take_list(x, path, e) : 0;
}

void announce_excludes_release(struct announce_excludes *x)
{
	free(x->at);
	json_free(x->file);
	*x = (struct announce_excludes){ 0 };
}
