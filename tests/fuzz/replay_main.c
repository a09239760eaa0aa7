// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a fuzz target once over nothing and over every file of the directories given: what `make check` does with a corpus. One test in TAP; the
 * input is named before it is tried, so that a crash tells which one it was.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(size ? size : 1);

	/* Exactly as many bytes as the file has: the sanitizer sees a read past the end. */
	if (!f || !data || fread(data, 1, size, f) != size) {
		perror(path);
		exit(1);
	}
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

static unsigned try_dir(const char *dir)
{
	struct dirent **names;
	struct stat st;
	unsigned tried = 0;
	int n = scandir(dir, &names, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		if (!stat(path, &st) && S_ISREG(st.st_mode)) {
			printf("# %s\n", path);
			try_file(path, (size_t)st.st_size);
			tried++;
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return tried;
}

int main(int argc, char **argv)
{
	unsigned tried = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("1..1\n# empty input");
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		tried += try_dir(argv[i]);
	printf("%s 1 - corpus of %u inputs\n", tried ? "ok" : "not ok", tried);
	return tried ? 0 : 1;
}
