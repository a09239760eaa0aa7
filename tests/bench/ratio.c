// SPDX-License-Identifier: Apache-2.0
/*
 * ratio LABEL ROUNDS OURS... -- OTHERS...
 * Runs both commands in turn, as often as told after one round that does not count, and prints the median wall-clock times and their ratio.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_ROUNDS 1000

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double run(char **argv)
{
	posix_spawn_file_actions_t quiet;
	double start = now();
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environ) || waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "ratio: %s failed\n", argv[0]);
		exit(1);
	}
	posix_spawn_file_actions_destroy(&quiet);
	return now() - start;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

int main(int argc, char **argv)
{
	double ours[MAX_ROUNDS], others[MAX_ROUNDS];
	size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	int split = 3;

	while (split < argc && strcmp(argv[split], "--"))
		split++;
	if (!rounds || rounds > MAX_ROUNDS || split == 3 || split + 1 >= argc) {
		fputs("usage: ratio LABEL ROUNDS OURS... -- OTHERS...\n", stderr);
		return 2;
	}
	argv[split] = NULL;
	run(argv + 3);
	run(argv + split + 1);
	for (size_t i = 0; i < rounds; i++) {
		ours[i] = run(argv + 3);
		others[i] = run(argv + split + 1);
	}
	printf("%-58s %9.1f ms %9.1f ms %7.3f\n", argv[1], 1000 * median(ours, rounds), 1000 * median(others, rounds),
	       median(ours, rounds) / median(others, rounds));
	return 0;
}
