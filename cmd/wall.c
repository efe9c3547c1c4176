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

/* `date` is strftime()'s format of the seconds; the milliseconds and `end` follow. */
static const char *put(
    char out[static WALL_TEXT_LEN], const struct tm *tm, const char *date, int64_t ms, const char *end)
{
	size_t n = strftime(out, WALL_TEXT_LEN, date, tm);

	snprintf(out + n, WALL_TEXT_LEN - n, ".%03d%s", (int)(ms % 1000), end);
	return out;
}

const char *wall_text(int64_t ms, char out[static WALL_TEXT_LEN])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	return put(out, gmtime_r(&s, &tm), "%Y-%m-%dT%H:%M:%S", ms, "Z");
}

const char *wall_clock(int64_t ms, char out[static WALL_TEXT_LEN])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	return put(out, localtime_r(&s, &tm), "%H:%M:%S", ms, "");
}
