/* SPDX-License-Identifier: Apache-2.0 */
/* cost RUNS FILE COMMAND [ARGUMENT...]: runs it with the file as input and nothing as output, and
 * prints the least CPU seconds and the most KiB that it took.  A program, because what starts a process
 * counts in its memory, and this one is small. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void run(char **argv)
{
	int in = open(argv[0], O_RDONLY | O_CLOEXEC), out = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(126);
	execvp(argv[1], argv + 1);
	_exit(127);
}

int main(int argc, char **argv)
{
	double least = 0;
	long most = 0;

	for (int i = 0; argc > 3 && i < atoi(argv[1]); i++) {
		struct rusage u;
		double seconds;
		int status;
		pid_t pid = fork();

		if (pid == 0)
			run(argv + 2);
		if (pid < 0 || wait4(pid, &status, 0, &u) < 0 || status) {
			fprintf(stderr, "cost: %s: %s\n", argv[3], status ? "failed" : strerror(errno));
			return 1;
		}
		seconds = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
			  (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
		if (i == 0 || seconds < least)
			least = seconds;
		if (u.ru_maxrss > most)
			most = u.ru_maxrss;
	}
	printf("%.3f %ld\n", least, most);
	return 0;
}
