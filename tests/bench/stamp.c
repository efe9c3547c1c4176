/* SPDX-License-Identifier: Apache-2.0 */
/* stamp FILE: passes its input on at once, and appends to FILE each line of it with the time at which
 * it came, in milliseconds of the Unix epoch.  It ends as soon as nobody reads its output, as
 * the stages of a pipeline do. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool pass_on(const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, len);

		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static void note(FILE *f, struct timespec t, const char *bytes, size_t len)
{
	static bool within; /* a line whose beginning came before */

	while (len > 0) {
		const char *end = memchr(bytes, '\n', len);
		size_t part = end ? (size_t)(end - bytes) + 1 : len;

		if (!within)
			fprintf(f, "%lld.%03ld ", (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000,
			    t.tv_nsec / 1000 % 1000);
		fwrite(bytes, 1, part, f);
		within = !end;
		bytes += part;
		len -= part;
	}
	fflush(f);
}

int main(int argc, char **argv)
{
	FILE *f = argc == 2 ? fopen(argv[1], "a") : NULL;
	struct pollfd at[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = STDOUT_FILENO } };
	static char bytes[1 << 16];

	if (!f)
		return fputs("usage: stamp FILE\n", stderr), 2;
	while (poll(at, 2, -1) >= 0 || errno == EINTR) {
		struct timespec t;
		ssize_t n;

		if (at[1].revents)
			return 1;
		n = read(STDIN_FILENO, bytes, sizeof(bytes));
		if (n <= 0)
			return n < 0;
		clock_gettime(CLOCK_REALTIME, &t);
		if (!pass_on(bytes, (size_t)n))
			return 1;
		note(f, t, bytes, (size_t)n);
	}
	return 1;
}
