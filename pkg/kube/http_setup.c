/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "pkg/kube/http_state.h"
#include "pkg/kube/kube.h"

enum {
	CONNECT_MS = 10000,
	IDLE_S = 30,        /* of a connection until TCP asks whether the other side is there */
	UNACKED_MS = 30000, /* until what was sent counts as lost */
	ANSWER_BUF = 64 << 10,
};

/* A peer that vanished without a word is noticed within a minute. */
static int on_sockopt(void *arg, curl_socket_t s, curlsocktype purpose)
{
	int ms = UNACKED_MS, probes = 3;

	(void)arg;
	(void)purpose;
	/* Neither works on a unix socket, where neither is needed. */
	(void)setsockopt(s, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	(void)setsockopt(s, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	return CURL_SOCKOPT_OK;
}

/* The name in the certificate goes into the URL, which libcurl takes it from; where to connect and
 * what to call the server stay what they were. */
static void put_server_name(struct http_call *c, const char *path, struct buf *url)
{
	const struct http_target *t = c->http->target;
	const char *host = strstr(t->url, "://") + 3;
	size_t host_len = strcspn(host, "/");
	const char *colon = memrchr(host, ':', host_len), *bracket = memrchr(host, ']', host_len);
	size_t name_len = colon && (!bracket || colon > bracket) ? (size_t)(colon - host) : host_len;
	CLEANUP(buf_release) struct buf line = BUF_INIT;

	buf_printf(url, "https://%s%s%s", t->server_name, host + name_len, path);
	buf_printf(&line, "::%.*s:", (int)name_len, host);
	if (!line.bad)
		c->connect_to = curl_slist_append(NULL, line.data);
	buf_reset(&line);
	buf_printf(&line, "Host: %.*s", (int)host_len, host);
	if (!line.bad)
		c->headers = curl_slist_append(c->headers, line.data);
}

static int set_url(struct http_call *c, const char *path)
{
	const struct http_target *t = c->http->target;
	CLEANUP(buf_release) struct buf url = BUF_INIT;
	int bad = 0;

	if (t->server_name) {
		put_server_name(c, path, &url);
		if (!c->connect_to || !c->headers)
			return -1;
		bad |= curl_easy_setopt(c->easy, CURLOPT_CONNECT_TO, c->connect_to);
	} else {
		buf_printf(&url, "%s%s", t->url, path);
	}
	if (url.bad)
		return -1;
	bad |= curl_easy_setopt(c->easy, CURLOPT_URL, url.data);
	if (t->unix_socket)
		bad |= curl_easy_setopt(c->easy, CURLOPT_UNIX_SOCKET_PATH, t->unix_socket);
	return bad ? -1 : 0;
}

static int blob(CURL *easy, CURLoption option, const struct http_blob *b)
{
	struct curl_blob theirs = { (void *)(uintptr_t)b->data, b->len, CURL_BLOB_COPY };

	return curl_easy_setopt(easy, option, &theirs);
}

static int set_tls(CURL *easy, const struct http_target *t, const struct http_identity *id)
{
	int bad = 0;

	bad |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	bad |= curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L); /* the file may be replaced */
	if (t->insecure) {
		bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	} else if (t->ca.data) {
		bad |= blob(easy, CURLOPT_CAINFO_BLOB, &t->ca);
	} else if (t->ca_file) {
		bad |= curl_easy_setopt(easy, CURLOPT_CAINFO, t->ca_file);
	}
	if (id->cert.data)
		bad |= blob(easy, CURLOPT_SSLCERT_BLOB, &id->cert);
	else if (id->cert_file)
		bad |= curl_easy_setopt(easy, CURLOPT_SSLCERT, id->cert_file);
	if (id->key.data)
		bad |= blob(easy, CURLOPT_SSLKEY_BLOB, &id->key);
	else if (id->key_file)
		bad |= curl_easy_setopt(easy, CURLOPT_SSLKEY, id->key_file);
	return bad;
}

static int add_header(struct http_call *c, const char *line)
{
	struct curl_slist *more = curl_slist_append(c->headers, line);

	if (!more)
		return -1;
	c->headers = more;
	return 0;
}

static int set_request(struct http_call *c, const struct http_request *r)
{
	CURL *easy = c->easy;
	char line[128];
	int bad = 0;

	bad |= add_header(c, r->metadata_only ? "Accept: application/json;as=PartialObjectMetadata;"
						"g=meta.k8s.io;v=v1, application/json"
					      : "Accept: application/json");
	for (const char *const *h = r->identity->headers; h && *h; h++)
		bad |= add_header(c, *h);
	if (strcmp(r->method, "GET") != 0)
		bad |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
	if (r->content_type) {
		snprintf(line, sizeof(line), "Content-Type: %s", r->content_type);
		bad |= add_header(c, line) | add_header(c, "Expect:");
		c->body = malloc(r->body_len + 1);
		if (!c->body)
			return -1;
		memcpy(c->body, r->body, r->body_len);
		bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, c->body);
		bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
	}
	bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, c->headers);
	if (!r->endless)
		bad |= curl_easy_setopt(
		    easy, CURLOPT_TIMEOUT_MS, (long)(r->timeout_ms ? r->timeout_ms : KUBE_TIMEOUT_MS));
	return bad;
}

static int set_connection(struct http_call *c)
{
	const struct http_target *t = c->http->target;
	CURL *easy = c->easy;
	int bad = 0;

	bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, (char *)c);
	bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->text);
	bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "lbctl");
	bad |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, http_on_header);
	bad |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
	bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, http_on_body);
	bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
	bad |= curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	bad |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)ANSWER_BUF);
	bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	bad |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	bad |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)IDLE_S);
	bad |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)IDLE_S / 3);
	bad |= curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_sockopt);
	bad |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	/* Rather wait for the first connection to be multiplexed than open another. */
	bad |= curl_easy_setopt(easy, CURLOPT_PIPEWAIT, strncmp(t->url, "https", 5) ? 0L : 1L);
	if (t->proxy)
		bad |= curl_easy_setopt(easy, CURLOPT_PROXY, t->proxy);
	return bad;
}

int http_setup(struct http_call *c, const struct http_request *r)
{
	return set_url(c, r->path) || set_connection(c) ||
		       set_tls(c->easy, c->http->target, r->identity) || set_request(c, r)
		   ? -1
		   : 0;
}
