// SPDX-License-Identifier: Apache-2.0
/*
 * Work at the same time as other nodes: from the instant that the host names, by the host's clock, until the host has heard from all of them. Each
 * piece of work is told with its times, so that the host can count what was done while everybody worked.
 */
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

/* Nobody waits longer for the others, nor goes on for so long after the end of what counts. */
#define PATIENCE 300
/* A piece takes at least this: a fast machine shall not write more than it works. */
#define PIECE	  0.05
#define BLOCK	  (1u << 20)
#define FILE_NAME "/together"

struct clock_pair {
	double sent, host, got;
};

struct together {
	FILE *out;
	const struct vp_together_task *task;
	/* Best answer of each second: the least time between question and answer. */
	struct clock_pair best, last;
	/* When to begin, by this machine's clock. */
	double go;
	unsigned workers;
	/* End of the last piece of each worker. */
	double *ended;
	/* A line of the workers that is not whole yet. */
	char line[256];
	size_t used;
};

struct worker {
	unsigned id;
	const struct vp_together_task *task;
	double first;
	int fd;
	char *block;
	unsigned at;
};

/* --- A worker --- */

static double now(void)
{
	return vp_guest_clock(CLOCK_MONOTONIC);
}

static bool disk_begin(struct worker *w)
{
	char path[512];

	snprintf(path, sizeof(path), "%s" FILE_NAME "%u", w->task->dir, w->id);
	w->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0600);
	if (w->fd < 0 || unlink(path) || posix_memalign((void **)&w->block, 4096, BLOCK))
		return false;
	for (unsigned i = 0; i < BLOCK; i++)
		w->block[i] = (char)(i * 2654435761u >> 13);
	return true;
}

/* Units of work that it did; 0 where it failed. */
static double disk_piece(struct worker *w)
{
	unsigned mib = w->task->mib ? w->task->mib : 64;

	if (pwrite(w->fd, w->block, BLOCK, (off_t)(w->at++ % mib) * BLOCK) != BLOCK || (w->at % 16 == 0 && fdatasync(w->fd)))
		return 0;
	return 1;
}

static bool net_begin(struct worker *w)
{
	(void)w;
	return true;
}

/* One file of the service, whole: what all of them ask of the same host at the same time. */
static double net_piece(struct worker *w)
{
	static char block[1 << 16];
	struct vp_http h;
	double bytes = 0;
	ssize_t n = 0;

	if (vp_http_open(&h, "GET", w->task->url, 0, NULL, 0, 30))
		return 0;
	while (h.status == 200 && (n = vp_http_read(&h, block, sizeof(block))) > 0)
		bytes += (double)n;
	vp_http_close(&h);
	return n < 0 ? 0 : bytes / (1 << 20);
}

static bool cpu_begin(struct worker *w)
{
	w->first = vp_guest_lap();
	return true;
}

static double cpu_piece(struct worker *w)
{
	double sum = vp_guest_lap();

	return sum < w->first || sum > w->first ? 0 : VP_GUEST_ITERATIONS / 1e6;
}

static const struct kind {
	const char *name;
	bool (*begin)(struct worker *w);
	double (*piece)(struct worker *w);
	/* One a processor, or one a machine. */
	bool each;
} kinds[] = {
	{ "cpu", cpu_begin, cpu_piece, true },
	{ "disk", disk_begin, disk_piece, false },
	{ "net", net_begin, net_piece, false },
};

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

/* Pieces one after the other until the pipe's other end is closed. */
static void work(const struct kind *kind, struct worker *w, double go, int pipe)
{
	bool good = kind->begin(w);

	while (now() < go)
		usleep((useconds_t)(go - now() > 0.01 ? (go - now()) * 5e5 : 200));
	while (good) {
		double start = now(), end, done = 0, one;

		do {
			one = kind->piece(w);
			done += one;
			end = now();
		} while (one > 0 && end - start < PIECE);
		good = one > 0;
		if (dprintf(pipe, "lap %u %.6f %.6f %.6f %.6f\n", w->id, start, end, done, w->first) < 0)
			_exit(0);
	}
	dprintf(pipe, "wrong %u\n", w->id);
	_exit(1);
}

/* --- Their parent --- */

/* What the host says now; notes what its clock says. NULL where it does not answer. */
static char *ask(struct together *t)
{
	struct clock_pair c = { .sent = now() };
	char *answer = t->task->ask(t->task->agent), *host;

	c.got = now();
	host = answer ? strstr(answer, "host=") : NULL;
	if (!host)
		return answer;
	c.host = strtod(host + 5, NULL);
	if (!(t->best.got > 0) || c.got - c.sent < t->best.got - t->best.sent)
		t->best = c;
	t->last = c;
	fprintf(t->out, "clock %.6f %.6f %.6f\n", c.sent, c.host, c.got);
	return answer;
}

/* True once the host has named the instant. */
static bool await_go(struct together *t)
{
	double end = now() + PATIENCE;

	while (now() < end) {
		char *answer = ask(t), *go = answer ? strstr(answer, " go ") : NULL;
		double at = go ? strtod(go + 4, NULL) : 0;

		free(answer);
		if (go) {
			t->go = at - t->best.host + (t->best.sent + t->best.got) / 2;
			fprintf(t->out, "go %.6f %.6f\n", at, t->go);
			return true;
		}
		usleep(250000);
	}
	return false;
}

static void start(struct together *t, const struct kind *kind, int fds[2], pid_t *pids)
{
	for (unsigned i = 0; i < t->workers; i++) {
		struct worker w = { .id = i, .task = t->task };

		pids[i] = fork();
		if (pids[i])
			continue;
		close(fds[0]);
		work(kind, &w, t->go, fds[1]);
	}
	close(fds[1]);
}

static void take_line(struct together *t)
{
	unsigned id;
	double from, to;

	fprintf(t->out, "%s\n", t->line);
	if (sscanf(t->line, "lap %u %lf %lf", &id, &from, &to) == 3 && id < t->workers)
		t->ended[id] = to;
}

/* Moves whole lines of the workers into the output, for no longer than `until`. False where all of them have ended. */
static bool take(struct together *t, int fd, double until)
{
	char block[4096];

	for (double left; (left = until - now()) > 0;) {
		ssize_t n;

		if (poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, (int)(left * 1000) + 1) <= 0)
			continue;
		n = read(fd, block, sizeof(block));
		if (n <= 0)
			return false;
		for (ssize_t i = 0; i < n; i++) {
			if (block[i] == '\n') {
				t->line[t->used] = '\0';
				take_line(t);
				t->used = 0;
			} else if (t->used < sizeof(t->line) - 1) {
				t->line[t->used++] = block[i];
			}
		}
	}
	return true;
}

static bool all_past(const struct together *t, double end)
{
	for (unsigned i = 0; i < t->workers; i++)
		if (t->ended[i] < end)
			return false;
	return true;
}

/* Until the host says that all have done what counts. */
static bool carry(struct together *t, int fd)
{
	double end = t->go + t->task->warm + t->task->seconds;
	bool told = false, stopped = false;

	while (now() < end || !all_past(t, end))
		if (!take(t, fd, fmax(now(), end) + 0.1) || now() > end + PATIENCE)
			return false;
	while (!stopped && now() < end + PATIENCE) {
		char *answer;

		if (!told)
			told = !t->task->tell(t->task->agent, "measured");
		answer = ask(t);
		stopped = answer && (strstr(answer, " stop") || !strncmp(answer, "none", 4));
		free(answer);
		if (!stopped && !take(t, fd, now() + 0.3))
			return false;
	}
	return stopped;
}

int vp_guest_together(FILE *out, const struct vp_together_task *task)
{
	const struct kind *kind = kind_of(task->kind);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct together t = { .out = out, .task = task, .workers = kind && kind->each && cpus > 0 ? (unsigned)cpus : 1 };
	pid_t *pids = calloc(t.workers, sizeof(*pids));
	int fds[2], rc = -1;

	t.ended = calloc(t.workers, sizeof(*t.ended));
	fprintf(out, "kind=%s warm=%u seconds=%u workers=%u\n", task->kind, task->warm, task->seconds, t.workers);
	if (kind && pids && t.ended && !task->tell(task->agent, "ready") && await_go(&t) && !pipe2(fds, O_CLOEXEC)) {
		start(&t, kind, fds, pids);
		rc = carry(&t, fds[0]) ? 0 : -1;
		for (unsigned i = 0; i < t.workers; i++)
			if (pids[i] > 0)
				kill(pids[i], SIGKILL);
		take(&t, fds[0], now() + 1);
		close(fds[0]);
		for (unsigned i = 0; i < t.workers; i++)
			if (pids[i] > 0)
				waitpid(pids[i], NULL, 0);
		for (int i = 0; i < 3; i++)
			free(ask(&t));
	}
	fprintf(out, rc ? "given up\n" : "end\n");
	free(t.ended);
	free(pids);
	return rc;
}
