// SPDX-License-Identifier: Apache-2.0
/*
 * site make DIR N PROFILE...   N profiles in DIR, from these in turn: names, MAC and IP addresses of each are its own
 * site floor DIR               walks all of them with libxml2's reader, and does nothing
 * site touch DIR               one profile gets another memory size
 * site peak COMMAND...         runs it; prints the most memory that it and all its children had: with shared pages once, and in each of them
 */
#include <dirent.h>
#include <fcntl.h>
#include <libxml/xmlreader.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../provision/base/base.h"

#define SMALL (200u << 10)

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static char *read_all(const char *path, size_t *len)
{
	static char *data;
	static size_t cap;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		die(path);
	if ((size_t)st.st_size + 1 > cap) {
		cap = (size_t)st.st_size + 1;
		data = vp_xrealloc(data, cap);
	}
	*len = 0;
	while ((n = read(fd, data + *len, cap - 1 - *len)) > 0)
		*len += (size_t)n;
	data[*len] = '\0';
	close(fd);
	return data;
}

/* --- make --- */

/* Text of the last element of this name (/system comes last), "" for none. */
static const char *text_of(const char *xml, const char *name, char *out, size_t size)
{
	const char *p = "<";
	char tag[64];

	snprintf(tag, sizeof(tag), " name=\"%s\">", name);
	while ((xml = strstr(xml, tag)))
		p = xml += strlen(tag);
	snprintf(out, size, "%.*s", (int)strcspn(p, "<"), p);
	return out;
}

/* Real ones have accounts and packages in such numbers; a small example gets packages. */
static void pad(FILE *f, size_t len)
{
	fputs("<nlist name=\"software\"><nlist name=\"packages\">", f);
	for (unsigned i = 0; len + (size_t)i * 130 < SMALL; i++)
		fprintf(f,
			"<nlist name=\"package%05u\"><nlist name=\"_31_2e2\"><nlist name=\"arch\"><string name=\"x86_64\">os</string></nlist></nlist>"
			"</nlist>\n",
			i);
	fputs("</nlist></nlist>\n", f);
}

/* Its own name, its addresses; the addresses of all hosts of one round are in one network. */
static void vary(FILE *f, const char *xml, const char *host, const char *fqdn, unsigned i, unsigned round)
{
	const char *p = xml;
	unsigned nics = 0;

	while (*p) {
		size_t plain = strcspn(p, "\"1<abcdefghijklmnopqrstuvwxyz");

		if (plain) {
			fwrite(p, 1, plain, f);
			p += plain;
		} else if (!strncmp(p, "192.168.0.", 10)) {
			fprintf(f, "10.%u.%u.", round / 32, round % 32 * 8);
			p += 10;
		} else if (*fqdn && !strncmp(p, fqdn, strlen(fqdn))) {
			fprintf(f, "%s-%05u%s", host, i, fqdn + strlen(host));
			p += strlen(fqdn);
		} else if (!strncmp(p, "\"hostname\">", 11) && !strncmp(p + 11, host, strlen(host))) {
			fprintf(f, "\"hostname\">%s-%05u", host, i);
			p += 11 + strlen(host);
		} else if (!strncmp(p, "\"hwaddr\">", 9)) {
			fprintf(f, "\"hwaddr\">52:54:%02x:%02x:%02x:%02x", i >> 16, i >> 8 & 255, i & 255, nics++);
			p += 9 + 17;
		} else if (!strncmp(p, "<nlist name=\"system\">", 21) && strlen(xml) < SMALL && !strstr(xml, "name=\"packages\"")) {
			pad(f, strlen(xml));
			fputc(*p++, f);
		} else {
			fputc(*p++, f);
		}
	}
}

static void make(const char *dir, unsigned n, char **bases, unsigned nbases)
{
	char host[256], domain[256], fqdn[600], path[4096];
	size_t len;

	for (unsigned i = 0; i < n; i++) {
		const char *xml = read_all(bases[i % nbases], &len);
		FILE *f;

		text_of(xml, "hostname", host, sizeof(host));
		text_of(xml, "domainname", domain, sizeof(domain));
		snprintf(fqdn, sizeof(fqdn), "%s.%s", host, domain);
		snprintf(path, sizeof(path), "%s/%s-%05u.%s.xml", dir, host, i, domain);
		f = fopen(path, "w");
		if (!f)
			die(path);
		vary(f, xml, host, fqdn, i, i / nbases);
		if (fclose(f))
			die(path);
	}
}

/* --- floor, touch --- */

static int is_profile(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int list(const char *dir, struct dirent ***names)
{
	int n = scandir(dir, names, is_profile, alphasort);

	if (n <= 0)
		die(dir);
	return n;
}

static void walk_floor(const char *dir)
{
	struct dirent **names;
	int n = list(dir, &names);
	char path[4096];
	size_t len;

	for (int i = 0; i < n; i++) {
		const char *xml;
		xmlTextReader *r;

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		xml = read_all(path, &len);
		r = xmlReaderForMemory(xml, (int)len, path, NULL, XML_PARSE_NONET);
		while (xmlTextReaderRead(r) == 1)
			;
		xmlFreeTextReader(r);
	}
}

static void touch(const char *dir)
{
	struct dirent **names;
	int n = list(dir, &names);
	char path[4096], *xml, *p;
	size_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, names[n / 2]->d_name);
	xml = read_all(path, &len);
	p = strstr(xml, " name=\"size\">");
	if (!p)
		die(path);
	/* "4096" and "8192", say, in turn: as many digits. */
	p[13] = p[13] == '4' ? '8' : '4';
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0 || write(fd, xml, len) != (ssize_t)len)
		die(path);
	close(fd);
}

/* --- peak --- */

#define MAX_PIDS 4096
static struct {
	pid_t pid;
	long kib;
} seen[MAX_PIDS];
static unsigned nseen;

static long highest(pid_t pid, pid_t *parent)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "PPid:", 5))
			*parent = (pid_t)atol(line + 5);
		if (!strncmp(line, "VmHWM:", 6))
			kib = atol(line + 6);
	}
	fclose(f);
	return kib;
}

static void note(pid_t pid, long kib)
{
	unsigned i = 0;

	while (i < nseen && seen[i].pid != pid)
		i++;
	if (i == MAX_PIDS)
		return;
	nseen += i == nseen;
	seen[i].pid = pid;
	if (kib > seen[i].kib)
		seen[i].kib = kib;
}

/* Its part of the resident memory, where each shared page is divided among those that share it. */
static long part(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "Pss:", 4))
			kib = atol(line + 4);
	if (f)
		fclose(f);
	return kib;
}

/* Sum of the parts. */
static long look(pid_t root)
{
	DIR *d = opendir("/proc");
	long sum = 0;

	for (const struct dirent *e; d && (e = readdir(d));) {
		pid_t pid = (pid_t)atol(e->d_name), parent = 0;
		long kib = pid > 1 ? highest(pid, &parent) : 0;

		if (!kib || (pid != root && parent != root))
			continue;
		note(pid, kib);
		sum += part(pid);
	}
	if (d)
		closedir(d);
	return sum;
}

static int peak(char **argv)
{
	posix_spawn_file_actions_t quiet;
	const struct timespec pause = { 0, 20000000 };
	struct rusage usage = { 0 };
	long sum = 0, most = 0;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environ))
		die(argv[0]);
	while (!wait4(pid, &status, WNOHANG, &usage)) {
		long now = look(pid);

		most = now > most ? now : most;
		nanosleep(&pause, NULL);
	}
	/* What was over before it was looked at. */
	note(pid, usage.ru_maxrss);
	most = most ? most : usage.ru_maxrss;
	for (unsigned i = 0; i < nseen; i++)
		sum += seen[i].kib;
	printf("%9.1f MiB (%.1f with shared pages in each of %u processes)\n", (double)most / 1024, (double)sum / 1024, nseen);
	return status ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc > 4 && !strcmp(argv[1], "make"))
		make(argv[2], (unsigned)atol(argv[3]), argv + 4, (unsigned)argc - 4);
	else if (argc == 3 && !strcmp(argv[1], "floor"))
		walk_floor(argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "touch"))
		touch(argv[2]);
	else if (argc > 2 && !strcmp(argv[1], "peak"))
		return peak(argv + 2);
	else
		return 2;
	return 0;
}
