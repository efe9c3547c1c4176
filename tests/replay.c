/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over the files of its corpus instead of under a fuzzer, so that every
 * input that ever mattered is checked by `make check` with any compiler.
 *
 * The corpus is tests/corpus/NAME for a program called NAME_fuzz. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *exact = NULL; /* exact size, so that ASan sees one byte too many */
	size_t n = 0, cap = 0;

	if (!f) {
		perror(path);
		return -1;
	}
	for (int c; (c = getc(f)) != EOF; n++) {
		if (n == cap)
			exact = realloc(exact, cap = cap ? cap * 2 : 256);
		exact[n] = (uint8_t)c;
	}
	fclose(f);
	exact = realloc(exact, n ? n : 1);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	const char *program = strrchr(argv[0], '/');
	struct dirent **names;
	char dir[256];
	int n, tests = 0;

	program = program ? program + 1 : argv[0];
	(void)argc;
	snprintf(dir, sizeof(dir), "tests/corpus/%.*s", (int)strcspn(program, "_"), program);
	n = scandir(dir, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char path[600];

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && replay(path) == 0) {
			printf("ok %d - %s\n", ++tests, path);
			fflush(stdout);
		}
		free(names[i]);
	}
	if (n > 0)
		free(names);
	if (!tests)
		printf("not ok 1 - %s is empty\n", dir);
	printf("1..%d\n", tests ? tests : 1);
	return !tests;
}
