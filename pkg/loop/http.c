/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "pkg/loop/loop.h"
#include "pkg/loop/loop_state.h"

enum {
	BACKLOG = 16,
	SECONDS = 5,       /* for one request and its answer */
	MOST_BYTES = 8192, /* of a request */
};

struct loop_http {
	struct evhttp *http;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	loop_http_fn *fn;
	void *arg;
};

static void answer(struct evhttp_request *r, void *arg)
{
	struct loop_http *h = arg;
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(r));
	struct buf text = BUF_INIT;
	bool found = h->fn(h->arg, path ? path : "/", &text);
	struct evbuffer *body = evhttp_request_get_output_buffer(r);

	if (!found) {
		evhttp_send_error(r, HTTP_NOTFOUND, NULL);
	} else if (text.bad || evbuffer_add(body, text.data ? text.data : "", text.len) < 0) {
		evhttp_send_error(r, HTTP_INTERNAL, NULL);
	} else {
		evhttp_add_header(evhttp_request_get_output_headers(r), "Content-Type",
		    "text/plain; version=0.0.4; charset=utf-8");
		evhttp_send_reply(r, HTTP_OK, NULL, NULL);
	}
	buf_release(&text);
}

/* What a process that was killed has left is in nobody's way; what one listens on is, and whatever is
 * no socket. */
static int make_way(int fd, const struct sockaddr_un *to, struct err *e)
{
	const char *path = to->sun_path;
	int why = connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 ? 0 : errno;
	struct stat is;

	if (why == 0)
		return err_set(e, ERR_CONFLICT, "%s: another process listens there", path);
	if (lstat(path, &is) < 0)
		return 0; /* bind() tells whether that is another error */
	if (!S_ISSOCK(is.st_mode))
		return err_set(e, ERR_CONFLICT, "%s is there already, and no socket", path);
	if (why == ECONNREFUSED)
		unlink(path);
	return 0;
}

static int listen_on(const char *path, struct err *e)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const struct sockaddr *at = (const struct sockaddr *)&to;
	mode_t mask;
	int bound;

	if (fd < 0)
		return err_sys(e, errno, "opening a unix socket");
	memcpy(to.sun_path, path, strlen(path));
	if (make_way(fd, &to, e) < 0) {
		close(fd);
		return -1;
	}
	mask = umask(0177);
	bound = bind(fd, at, sizeof(to));
	umask(mask);
	if (bound < 0 || listen(fd, BACKLOG) < 0) {
		err_sys(e, errno, "listening on %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

struct loop_http *loop_http_new(
    struct loop *l, const char *path, loop_http_fn *fn, void *arg, struct err *e)
{
	struct loop_http *h = calloc(1, sizeof(*h));
	int fd;

	if (!h) {
		err_memory(e);
		return NULL;
	}
	h->fn = fn;
	h->arg = arg;
	if (strlen(path) >= sizeof(h->path)) {
		err_set(e, ERR_USAGE, "%s: a path of a unix socket has at most %zu bytes", path,
		    sizeof(h->path) - 1);
		free(h);
		return NULL;
	}
	fd = listen_on(path, e);
	if (fd < 0) {
		free(h);
		return NULL;
	}
	memcpy(h->path, path, strlen(path));
	h->http = evhttp_new(loop_base(l));
	if (!h->http || evhttp_accept_socket(h->http, fd) < 0) {
		close(fd);
		err_memory(e);
		loop_http_free(h);
		return NULL;
	}
	evhttp_set_allowed_methods(h->http, EVHTTP_REQ_GET);
	evhttp_set_timeout(h->http, SECONDS);
	evhttp_set_max_headers_size(h->http, MOST_BYTES);
	evhttp_set_max_body_size(h->http, MOST_BYTES);
	evhttp_set_gencb(h->http, answer, h);
	return h;
}

void loop_http_free(struct loop_http *h)
{
	if (!h)
		return;
	if (h->http)
		evhttp_free(h->http);
	unlink(h->path);
	free(h);
}
