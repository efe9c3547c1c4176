/* SPDX-License-Identifier: Apache-2.0 */
/* The calendar's time of moments of the loop's clock. */
#include <stdio.h>
#include <time.h>

#include "cmd/cmd.h"
#include "pkg/loop/loop.h"

int64_t wall_ms(uint64_t at_us)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 -
	       (int64_t)(loop_clock_us() - at_us) / 1000;
}

/* After the n bytes of the seconds, the milliseconds and `end`. */
static const char *finish(char out[static WALL_TEXT_LEN], size_t n, int64_t ms, const char *end)
{
	snprintf(out + n, WALL_TEXT_LEN - n, ".%03d%s", (int)(ms % 1000), end);
	return out;
}

const char *wall_text(int64_t ms, char out[static WALL_TEXT_LEN])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	return finish(
	    out, strftime(out, WALL_TEXT_LEN, "%Y-%m-%dT%H:%M:%S", gmtime_r(&s, &tm)), ms, "Z");
}

const char *wall_clock(int64_t ms, char out[static WALL_TEXT_LEN])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	return finish(out, strftime(out, WALL_TEXT_LEN, "%H:%M:%S", localtime_r(&s, &tm)), ms, "");
}
