/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/stream/stream.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "tests/unit.h"

#define SERVICE                                                                                        \
	"{\"type\":\"ADDED\",\"object\":{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{}}}" \
	"\n"
#define POOL                                                              \
	"{\"type\":\"MODIFIED\",\"object\":{\"apiVersion\":\"metallb.io/" \
	"v1beta1\",\"kind\":\"IPAddressPool\","                           \
	"\"spec\":{}}}\n"

static struct stream_reader *reader_of(const char *text, size_t n)
{
	struct err e = ERR_INIT;
	struct stream_reader *r = stream_reader_new(&e);
	size_t room;

	assert_non_null(r);
	while (n) {
		char *to = stream_reader_room(r, &room);
		size_t part = n < room ? n : room;

		memcpy(to, text, part);
		stream_reader_fed(r, part);
		text += part;
		n -= part;
	}
	return r;
}

static void headers_are_told_without_a_parse(void **state)
{
	struct stream_reader *r = reader_of(SERVICE POOL, strlen(SERVICE POOL));
	struct record rec;

	(void)state;
	assert_true(stream_reader_next(r, &rec));
	assert_int_equal(rec.type, RECORD_ADDED);
	assert_true(record_is(&rec, "Service", ""));
	assert_false(record_is(&rec, "Service", "v1"));
	assert_false(record_is(&rec, "Serv", ""));
	assert_null(rec.parsed);
	assert_int_equal(rec.len, strlen(SERVICE));
	assert_memory_equal(rec.text, SERVICE, rec.len);
	assert_true(stream_reader_next(r, &rec));
	assert_int_equal(rec.type, RECORD_MODIFIED);
	assert_true(record_is(&rec, "IPAddressPool", "metallb.io"));
	assert_int_equal(rec.line, 2);
	assert_false(stream_reader_next(r, &rec));
	stream_reader_free(r);
}

static void other_orders_and_spaces_are_understood(void **state)
{
	static const char text[] =
	    "{\"object\": {\"metadata\":{},\"kind\":\"Node\",\"apiVersion\":\"v1\"}, \"type\": "
	    "\"DELETED\"}\n{\"type\":\"NEWER\",\"object\":{}}";
	struct stream_reader *r = reader_of(text, strlen(text));
	struct record rec;

	(void)state;
	assert_true(stream_reader_next(r, &rec));
	assert_int_equal(rec.type, RECORD_DELETED);
	assert_true(record_is(&rec, "Node", ""));
	assert_non_null(rec.parsed);
	assert_false(stream_reader_next(r, &rec)); /* no newline yet */
	stream_reader_end(r);
	assert_true(stream_reader_next(r, &rec));
	assert_int_equal(rec.type, RECORD_OTHER);
	assert_int_equal(rec.text[rec.len - 1], '\n');
	stream_reader_free(r);
}

static void a_bad_line_is_reported_with_its_number_and_the_rest_is_read(void **state)
{
	static const char *const bad[] = { "nonsense\n", "[]\n", "{\"type\":1,\"object\":{}}\n",
		"{\"type\":\"ADDED\"}\n",
		"{\"type\":\"ADDED\",\"object\":{\"kind\":\"Service\",\"apiVersion\":\"v1\",\n",
		"\xff\xff\n", "{\"type\":\"ADDED\",\"object\":[]}\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[400];
		struct stream_reader *r;
		struct record rec;

		snprintf(text, sizeof(text), "\n%s%s", bad[i], SERVICE);
		r = reader_of(text, strlen(text));
		assert_true(stream_reader_next(r, &rec));
		assert_int_equal(rec.type, RECORD_BAD);
		assert_non_null(rec.bad);
		assert_int_equal(rec.line, 2);
		assert_true(stream_reader_next(r, &rec));
		assert_true(record_is(&rec, "Service", ""));
		assert_int_equal(rec.line, 3);
		stream_reader_free(r);
	}
}

static void the_bound_is_exact(void **state)
{
	static const char head[] =
	    "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Blob\",\"apiVersion\":\"v1\",\"x\":\"";
	size_t cap = STREAM_RECORD_MAX + 1 + strlen(SERVICE);
	char *text = malloc(cap);

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		size_t len = STREAM_RECORD_MAX + over;
		struct stream_reader *r;
		struct record rec;

		memset(text, 'x', len);
		memcpy(text, head, strlen(head));
		memcpy(text + len - 4, "\"}}\n", 4);
		memcpy(text + len, SERVICE, strlen(SERVICE));
		r = reader_of(text, len + strlen(SERVICE));
		assert_true(stream_reader_next(r, &rec));
		assert_int_equal(rec.type, over ? RECORD_BAD : RECORD_ADDED);
		assert_true(stream_reader_next(r, &rec));
		assert_true(record_is(&rec, "Service", ""));
		stream_reader_free(r);
	}
	free(text);
}

static void an_endless_line_costs_no_more_than_the_bound(void **state)
{
	struct err e = ERR_INIT;
	struct stream_reader *r = stream_reader_new(&e);
	struct record rec;
	size_t room, total = 0, most = 0;
	int bad = 0;

	(void)state;
	while (total < 4u * STREAM_RECORD_MAX) {
		char *to = stream_reader_room(r, &room);

		most = room > most ? room : most;
		memset(to, 'x', room);
		stream_reader_fed(r, room);
		total += room;
		while (stream_reader_next(r, &rec))
			bad += rec.type == RECORD_BAD;
	}
	assert_int_equal(bad, 1);
	assert_true(most <= 2u * STREAM_RECORD_MAX);
	memcpy(stream_reader_room(r, &room), "\n" SERVICE, strlen(SERVICE) + 1);
	stream_reader_fed(r, strlen(SERVICE) + 1);
	assert_true(stream_reader_next(r, &rec));
	assert_true(record_is(&rec, "Service", ""));
	assert_int_equal(rec.line, 2);
	stream_reader_free(r);
}

static void every_split_gives_the_same_records(void **state)
{
	static const char text[] = SERVICE "bad\n\n" POOL SERVICE;

	(void)state;
	for (size_t cut = 0; cut <= strlen(text); cut++) {
		struct stream_reader *r = reader_of(text, cut);
		struct record rec;
		int good = 0, bad = 0;
		size_t room;

		while (stream_reader_next(r, &rec))
			*(rec.type == RECORD_BAD ? &bad : &good) += 1;
		memcpy(stream_reader_room(r, &room), text + cut, strlen(text) - cut);
		stream_reader_fed(r, strlen(text) - cut);
		while (stream_reader_next(r, &rec))
			*(rec.type == RECORD_BAD ? &bad : &good) += 1;
		assert_int_equal(good, 3);
		assert_int_equal(bad, 1);
		stream_reader_free(r);
	}
}

struct output {
	struct loop *loop;
	struct stream_writer *writer;
	int pipe[2];
	enum err_kind closed;
	int drained;
};

static void on_closed(void *arg, const struct err *e)
{
	struct output *o = arg;

	o->closed = e->kind;
	loop_stop(o->loop);
}

static void on_drained(void *arg)
{
	struct output *o = arg;

	o->drained++;
	loop_stop(o->loop);
}

static void output_open(struct output *o)
{
	struct stream_writer_events ev = { on_closed, on_drained, o };
	struct err e = ERR_INIT;

	*o = (struct output){ .loop = loop_new(&e) };
	assert_int_equal(pipe(o->pipe), 0);
	o->writer = stream_writer_new(o->loop, o->pipe[1], &ev, &e);
	assert_non_null(o->writer);
}

static void output_close(struct output *o)
{
	stream_writer_free(o->writer);
	close(o->pipe[0]);
	close(o->pipe[1]);
	loop_free(o->loop);
}

static void a_round_leaves_whole_and_in_order(void **state)
{
	struct output o;
	struct err e = ERR_INIT;
	char got[100] = "";

	(void)state;
	output_open(&o);
	stream_writer_add(o.writer, "one\n", 4);
	stream_writer_add(o.writer, "two\nthree\n", 10);
	assert_int_equal(stream_writer_queued(o.writer), 14);
	assert_int_equal(loop_run(o.loop, &e), 0);
	assert_int_equal(read(o.pipe[0], got, sizeof(got)), 14);
	assert_string_equal(got, "one\ntwo\nthree\n");
	assert_int_equal(o.drained, 1);
	output_close(&o);
}

static void a_reader_that_goes_is_noticed_while_idle(void **state)
{
	struct output o;
	struct err e = ERR_INIT;

	(void)state;
	output_open(&o);
	close(o.pipe[0]);
	assert_int_equal(loop_run(o.loop, &e), 0);
	assert_int_equal(o.closed, ERR_CLOSED);
	o.pipe[0] = open("/dev/null", O_RDONLY);
	output_close(&o);
}

enum { LINES = 5000, LINE = 1000 };

struct consumer {
	struct output out;
	char *got;
	size_t len;
};

static void consume(int what, void *arg)
{
	struct consumer *c = arg;
	ssize_t n = read(c->out.pipe[0], c->got + c->len, LINES * LINE - c->len);

	(void)what;
	assert_true(n > 0);
	c->len += (size_t)n;
	if (c->len == LINES * LINE)
		loop_stop(c->out.loop);
}

static void count_drained(void *arg)
{
	((struct output *)arg)->drained++;
}

static void a_full_pipe_is_waited_for_not_blocked_on(void **state)
{
	struct consumer c = { .got = malloc(LINES * LINE) };
	struct err e = ERR_INIT;
	struct loop_fd *in;

	(void)state;
	c.out.loop = loop_new(&e);
	assert_int_equal(pipe(c.out.pipe), 0);
	c.out.writer = stream_writer_new(c.out.loop, c.out.pipe[1],
	    &(struct stream_writer_events){ on_closed, count_drained, &c.out }, &e);
	for (int i = 0; i < LINES; i++) {
		char line[LINE];

		memset(line, 'a' + i % 26, sizeof(line));
		line[sizeof(line) - 1] = '\n';
		stream_writer_add(c.out.writer, line, sizeof(line));
	}
	assert_true(stream_writer_queued(c.out.writer) > STREAM_QUEUE_MAX / 2);
	in = loop_fd_add(c.out.loop, c.out.pipe[0], LOOP_READ, consume, &c, &e);
	assert_int_equal(loop_run(c.out.loop, &e), 0);
	for (size_t i = 0; i < LINES; i++) {
		assert_int_equal(c.got[i * LINE], 'a' + i % 26);
		assert_int_equal(c.got[i * LINE + LINE - 1], '\n');
	}
	assert_true(c.out.drained >= 2); /* below half, and empty */
	loop_fd_remove(in);
	output_close(&c.out);
	free(c.got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_told_without_a_parse),
		cmocka_unit_test(other_orders_and_spaces_are_understood),
		cmocka_unit_test(a_bad_line_is_reported_with_its_number_and_the_rest_is_read),
		cmocka_unit_test(the_bound_is_exact),
		cmocka_unit_test(an_endless_line_costs_no_more_than_the_bound),
		cmocka_unit_test(every_split_gives_the_same_records),
		cmocka_unit_test(a_round_leaves_whole_and_in_order),
		cmocka_unit_test(a_reader_that_goes_is_noticed_while_idle),
		cmocka_unit_test(a_full_pipe_is_waited_for_not_blocked_on),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
