// SPDX-License-Identifier: Apache-2.0
/*
 * The agent of an installed node: tells the boot service that the node is up,
 * with proof, and runs what the service asks for. A node whose service is gone
 * is not disturbed: one small request a minute, and nothing waits for it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

#define MAX_OUTPUT (4u << 20)
#define MAX_ANSWER 4096
#define WORK_DIR   "/var/tmp/vprov-verify"
/* A site's own tests: programs NAME.TOOL, which print what that tool prints ("lines" is the simple one). They leave nothing behind. */
#define OWN_DIR	    "/etc/vprov/verify.d"
#define OWN_SECONDS 86400
/* Clocks are compared for so long, twice: for each second of the network's, and at most. */
#define CLOCK_SHARE   6
#define CLOCK_SECONDS 12
/*
 * Seconds between questions while the service answers, which after work, when more of it is to be expected, are fewer for a while; and while it does
 * not, after the first two minutes of one question a second.
 */
#define POLL	  5
#define BUSY	  30
#define POLL_LOST 60
#define SOON	  120

struct agent {
	char url[256];
	char node[256];
	char token[128];
	/* Address part of the URL. */
	char server[64];
};

/* One output in the making: a memory stream. */
struct text {
	char *data;
	size_t len;
	FILE *f;
};

static void text_open(struct text *t)
{
	*t = (struct text){ 0 };
	t->f = open_memstream(&t->data, &t->len);
	if (!t->f)
		abort();
}

static void text_free(struct text *t)
{
	fclose(t->f);
	free(t->data);
}

/* url=, node=, token= lines. */
static int read_conf(struct agent *a, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[512];

	if (!f) {
		perror(path);
		return -1;
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		sscanf(line, "url=%255s", a->url);
		sscanf(line, "node=%255s", a->node);
		sscanf(line, "token=%127s", a->token);
	}
	fclose(f);
	if (!*a->node || !*a->token || sscanf(a->url, "http://%63[0-9.]", a->server) != 1) {
		fprintf(stderr, "vprov-guest: %s: needs url=http://ADDRESS..., node= and token=\n", path);
		return -1;
	}
	return 0;
}

/* A call below /node/NODE by HTTP; status or -1. */
static int call_http(const struct agent *a, const char *method, const char *what, const struct text *body, char **answer)
{
	char url[1024];

	snprintf(url, sizeof(url), "%s/node/%s/%s?token=%s", a->url, a->node, what, a->token);
	if (body)
		fflush(body->f);
	return vp_http_call(method, url, body ? body->data : NULL, body ? body->len : 0, answer, MAX_ANSWER, 5);
}

/* The same; by the channel while the host listens there, which leaves the network to what is measured. */
static int call(const struct agent *a, const char *method, const char *what, const struct text *body, char **answer)
{
	char path[512];
	int status;

	snprintf(path, sizeof(path), "/node/%s/%s", a->node, what);
	if (body)
		fflush(body->f);
	status = vp_channel_call(method, path, body ? body->data : NULL, body ? body->len : 0, answer, MAX_ANSWER, 20);
	return status > 0 ? status : call_http(a, method, what, body, answer);
}

/* Results must arrive: the run is worthless without them. */
static int deliver(const struct agent *a, const char *run, const char *name, const struct text *body)
{
	char what[256];

	snprintf(what, sizeof(what), "result/%s/%s", run, name);
	for (int i = 0; i < 10; i++) {
		int status = call(a, "POST", what, body, NULL);

		if (status >= 200 && status < 300)
			return 0;
		if (status >= 400 && status < 500)
			return -1;
		sleep(3);
	}
	return -1;
}

/* Moves what the pipe has into t; false at its end. */
static bool take(int fd, struct text *t)
{
	char block[4096];
	ssize_t n;

	if (poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 1000) <= 0)
		return true;
	n = read(fd, block, sizeof(block));
	if (n <= 0)
		return n < 0 && errno == EINTR;
	fflush(t->f);
	if (t->len < MAX_OUTPUT)
		fwrite(block, 1, (size_t)n, t->f);
	return true;
}

/* What went wrong with the last measurement, in one line: the last words of its program on stderr. "" for nothing. */
static char said[160];

/* The last line of a file that is not empty. */
static void last_words(int fd)
{
	char text[512];
	off_t size = lseek(fd, 0, SEEK_END);
	off_t from = size > (off_t)sizeof(text) - 1 ? size - (off_t)sizeof(text) + 1 : 0;
	ssize_t n = pread(fd, text, sizeof(text) - 1, from);
	const char *line;

	while (n > 0 && (unsigned char)text[n - 1] <= ' ')
		n--;
	text[n > 0 ? n : 0] = '\0';
	line = strrchr(text, '\n');
	snprintf(said, sizeof(said), "%.*s", (int)sizeof(said) - 1, line ? line + 1 : text);
}

/* Runs a program with its stdout going into t, at most limit_s seconds. Its exit status, or -1. */
static int run(const char *const argv[], struct text *t, int limit_s)
{
	double end = vp_guest_clock(CLOCK_MONOTONIC) + limit_s;
	int fds[2], status = -1, words = memfd_create("stderr", MFD_CLOEXEC);
	bool more = true;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) || (pid = fork()) < 0)
		return -1;
	if (!pid) {
		setpgid(0, 0);
		dup2(fds[1], 1);
		dup2(words, 2);
		execvp(argv[0], (char *const *)argv);
		perror(argv[0]);
		_exit(127);
	}
	close(fds[1]);
	while (more && vp_guest_clock(CLOCK_MONOTONIC) < end)
		more = take(fds[0], t);
	if (more)
		kill(-pid, SIGKILL);
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	last_words(words);
	close(words);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct task {
	char run[64];
	unsigned laps, net_seconds, disk_mib;
	/* Groups of measurements, with commas between them; "": all. */
	char only[256];
	/* Whom the network is measured to besides; "": nobody. */
	char peer[64];
	/* Of work together with other nodes; "" for the measurements by itself. */
	char kind[16];
	unsigned warm, seconds;
};

/* The directory that is measured has to be on the root disk, and on a disk at all. */
static bool on_root_disk(const char *dir)
{
	struct stat root, here;
	char disk[64];

	if (stat("/", &root) || stat(dir, &here) || root.st_dev != here.st_dev)
		return false;
	vp_guest_disk_of(here.st_dev, disk, sizeof(disk));
	return *disk != '\0';
}

/*
 * A lap that took longer than its CPU time had company, as after a boot: that is waited out, for no longer than about the measurement itself. If it
 * does not end, the host will see.
 */
static void wait_for_cpu(unsigned laps)
{
	for (unsigned i = 0; i < laps; i++) {
		double wall = vp_guest_clock(CLOCK_MONOTONIC), cpu = vp_guest_clock(CLOCK_PROCESS_CPUTIME_ID);

		vp_guest_lap();
		cpu = vp_guest_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu;
		wall = vp_guest_clock(CLOCK_MONOTONIC) - wall;
		if (wall <= cpu * 1.02)
			return;
		sleep(2);
	}
}

static int do_cpu(const struct agent *a, const struct task *k, struct text *t)
{
	(void)a;
	wait_for_cpu(k->laps);
	return vp_guest_cpu(t->f, k->laps);
}

/* For what is measured on the disk; false, with what it is, where it cannot be. */
static bool make_work_dir(void)
{
	if (mkdir(WORK_DIR, 0700) && errno != EEXIST)
		snprintf(said, sizeof(said), "%s: %s", WORK_DIR, strerror(errno));
	else if (!on_root_disk(WORK_DIR))
		snprintf(said, sizeof(said), "%s is not on the root disk", WORK_DIR);
	else
		return true;
	return false;
}

static int do_bonnie(const struct agent *a, const struct task *k, struct text *t)
{
	unsigned mib =
		k->disk_mib ? k->disk_mib : (unsigned)((unsigned long long)sysconf(_SC_PHYS_PAGES) * (unsigned long long)sysconf(_SC_PAGESIZE) >> 19);
	char size[32], ram[32];
	int rc = -1;

	snprintf(size, sizeof(size), "%u", mib);
	snprintf(ram, sizeof(ram), "%u", mib / 2);
	if (make_work_dir())
		rc = run((const char *const[]){ "bonnie++", "-q", "-d", WORK_DIR, "-u", "root", "-m", a->node, "-n", "0", "-f", "-D", "-s", size,
						"-r", ram, NULL },
			 t, 3600);
	rmdir(WORK_DIR);
	return rc;
}

/* How long a small write takes until it is durable. Where fio is installed: it is large. */
static int do_fio(const struct agent *a, const struct task *k, struct text *t)
{
	int rc = -1;

	(void)a;
	(void)k;
	if (make_work_dir())
		rc = run((const char *const[]){ "fio", "--output-format=json", "--name=durable", "--directory=" WORK_DIR, "--rw=write", "--bs=4k",
						"--size=4m", "--fdatasync=1", "--time_based", "--runtime=5", NULL },
			 t, 120);
	unlink(WORK_DIR "/durable.0.0");
	rmdir(WORK_DIR);
	return rc;
}

/*
 * iperf3 exits with 0 where the server was busy or away: what it printed says so. Tries again for a while, a short one where the network does not
 * lead there at all.
 */
static int iperf3(const char *server, const struct task *k, struct text *t, const char *reverse)
{
	char seconds[32];
	int rc = -1, lost = 0;

	snprintf(seconds, sizeof(seconds), "%u", k->net_seconds);
	for (int i = 0; i < 30 && lost < 3; i++) {
		if (i) {
			sleep(2);
			text_free(t);
			text_open(t);
		}
		rc = run((const char *const[]){ "iperf3", "-J", "--connect-timeout", "5000", "-c", server, "-t", seconds, reverse, NULL }, t,
			 (int)k->net_seconds + 60);
		fflush(t->f);
		if (!rc && !strstr(t->data, "\"error\":"))
			return 0;
		lost += strstr(t->data, "timed out") || strstr(t->data, "unreachable") || strstr(t->data, "No route");
	}
	return rc ? rc : -1;
}

static int do_send(const struct agent *a, const struct task *k, struct text *t)
{
	return iperf3(a->server, k, t, NULL);
}

static int do_receive(const struct agent *a, const struct task *k, struct text *t)
{
	return iperf3(a->server, k, t, "-R");
}

static int do_peer_send(const struct agent *a, const struct task *k, struct text *t)
{
	(void)a;
	return iperf3(k->peer, k, t, NULL);
}

static int do_peer_receive(const struct agent *a, const struct task *k, struct text *t)
{
	(void)a;
	return iperf3(k->peer, k, t, "-R");
}

static int do_proof(const struct agent *a, const struct task *k, struct text *t)
{
	(void)k;
	vp_guest_proof(t->f, a->server);
	return 0;
}

/* Who asks the service, and for which task. */
struct asker {
	const struct agent *a;
	const struct task *k;
};

/* By HTTP: the time that it takes is part of what is measured. */
static char *ask_service(const void *agent)
{
	const struct asker *t = agent;
	char *answer = NULL;

	if (call_http(t->a, "GET", "task", NULL, &answer) == 200)
		return answer;
	free(answer);
	return NULL;
}

static int do_clock(const struct agent *a, const struct task *k, struct text *t)
{
	unsigned seconds = k->net_seconds < CLOCK_SECONDS / CLOCK_SHARE ? CLOCK_SHARE * k->net_seconds : CLOCK_SECONDS;
	struct asker asker = { a, k };

	return vp_guest_clocks(t->f, seconds, ask_service, &asker);
}

/* Of the group "" always; "peer_..." only where there is one. */
static const struct measurement {
	const char *name, *group;
	int (*run)(const struct agent *a, const struct task *k, struct text *t);
} measurements[] = {
	{ "proof", "", do_proof },
	{ "cpu", "cpu", do_cpu },
	{ "bonnie", "disk", do_bonnie },
	{ "fio", "disk", do_fio },
	{ "iperf3_send", "net", do_send },
	{ "iperf3_receive", "net", do_receive },
	{ "peer_send", "net", do_peer_send },
	{ "peer_receive", "net", do_peer_receive },
	{ "clock", "clock", do_clock },
};

/* Whether the first n characters of that name are a group that was asked for. */
static bool is_meant(const struct task *k, const char *name, size_t n)
{
	for (const char *at = k->only; *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == n && !strncmp(at, name, n))
			return true;
	return !*k->only;
}

/* Nothing is measured while the system still starts; one that cannot tell is not waited for. */
static void wait_for_quiet(void)
{
	struct text t;

	text_open(&t);
	run((const char *const[]){ "systemctl", "is-system-running", "--wait", NULL }, &t, 180);
	text_free(&t);
}

/* Bytes that all cards have moved. */
static unsigned long long net_bytes(void)
{
	static const char *const names[] = { "rx_bytes", "tx_bytes" };
	unsigned long long sum = 0;
	DIR *d = opendir("/sys/class/net");

	for (struct dirent *e; d && (e = readdir(d));) {
		char path[512];

		snprintf(path, sizeof(path), "/sys/class/net/%s/device", e->d_name);
		for (size_t i = 0; i < 2 && !access(path, F_OK); i++) {
			char file[600];
			unsigned long long n = 0;
			FILE *f;

			snprintf(file, sizeof(file), "/sys/class/net/%s/statistics/%s", e->d_name, names[i]);
			f = fopen(file, "re");
			if (f && fscanf(f, "%llu", &n) == 1)
				sum += n;
			if (f)
				fclose(f);
		}
	}
	if (d)
		closedir(d);
	return sum;
}

/* One measurement that went into t: noted with its times, and what all cards moved meanwhile, and told. 0 where it arrived. */
static int told(const struct agent *a, const struct task *k, const char *name, double start, int status, struct text *t, FILE *times)
{
	static unsigned long long before;
	unsigned long long now = net_bytes();
	int rc;

	fprintf(times, "name=%s start=%.3f end=%.3f status=%d net_bytes=%llu said=%s\n", name, start, vp_guest_clock(CLOCK_BOOTTIME), status,
		now - before, status ? said : "");
	before = now;
	*said = '\0';
	rc = deliver(a, k->run, name, t);
	text_free(t);
	return rc;
}

static int is_own(const struct dirent *e)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t n = strspn(e->d_name, safe);

	return n && e->d_name[n] == '.' && e->d_name[n + 1] && strspn(e->d_name + n + 1, safe) == strlen(e->d_name + n + 1);
}

static int own_tests(const struct agent *a, const struct task *k, FILE *times)
{
	struct dirent **list = NULL;
	int n = scandir(OWN_DIR, &list, is_own, alphasort), rc = 0;

	for (int i = 0; i < n; i++) {
		double start = vp_guest_clock(CLOCK_BOOTTIME);
		char path[512];
		struct text t;

		snprintf(path, sizeof(path), OWN_DIR "/%s", list[i]->d_name);
		if (!rc && !access(path, X_OK) && is_meant(k, list[i]->d_name, strcspn(list[i]->d_name, "."))) {
			text_open(&t);
			rc = told(a, k, list[i]->d_name, start, run((const char *const[]){ path, NULL }, &t, OWN_SECONDS), &t, times);
		}
		free(list[i]);
	}
	free(list);
	return rc;
}

/* Every measurement in turn, each told as it ends, whatever became of it: the host judges. 0 where all of it arrived. */
static int verify(const struct agent *a, const struct task *k)
{
	struct text times;
	int rc = 0;

	wait_for_quiet();
	text_open(&times);
	for (size_t i = 0; i < sizeof(measurements) / sizeof(measurements[0]) && !rc; i++) {
		double start = vp_guest_clock(CLOCK_BOOTTIME);
		struct text t;

		if ((*measurements[i].group && !is_meant(k, measurements[i].group, strlen(measurements[i].group))) ||
		    (!strncmp(measurements[i].name, "peer_", 5) && !*k->peer))
			continue;
		text_open(&t);
		rc = told(a, k, measurements[i].name, start, measurements[i].run(a, k, &t), &t, times.f);
	}
	if (!rc)
		rc = own_tests(a, k, times.f);
	if (!rc)
		rc = deliver(a, k->run, "timings", &times);
	text_free(&times);
	return rc;
}

/* --- Together with other nodes --- */

static int together_tell(const void *agent, const char *what)
{
	const struct asker *t = agent;
	struct text none;
	int rc;

	text_open(&none);
	rc = deliver(t->a, t->k->run, what, &none);
	text_free(&none);
	return rc;
}

static int together(const struct agent *a, const struct task *k)
{
	struct asker t = { a, k };
	char url[300];
	struct vp_together_task task = { k->kind, k->warm, k->seconds, k->disk_mib, WORK_DIR, url, ask_service, together_tell, &t };
	struct text out;
	int rc;

	snprintf(url, sizeof(url), "%s/boot/initrd", a->url);

	wait_for_quiet();
	text_open(&out);
	vp_guest_proof(out.f, a->server);
	rc = deliver(a, k->run, "proof", &out);
	text_free(&out);
	text_open(&out);
	if (!strcmp(k->kind, "disk") && !make_work_dir())
		fprintf(out.f, "%s\n", said);
	else if (!rc)
		vp_guest_together(out.f, &task);
	rmdir(WORK_DIR);
	rc = rc ? rc : deliver(a, k->run, "together", &out);
	text_free(&out);
	return rc;
}

static bool is_verify(const char *answer, struct task *k)
{
	const char *only = strstr(answer, " only="), *peer = strstr(answer, " peer=");

	if (only)
		sscanf(only, " only=%255[A-Za-z0-9_,-]", k->only);
	if (peer)
		sscanf(peer, " peer=%63[0-9.]", k->peer);
	return sscanf(answer, "verify %63[A-Za-z0-9._:-] %u %u %u", k->run, &k->laps, &k->net_seconds, &k->disk_mib) == 4;
}

static bool is_together(const char *answer, struct task *k)
{
	return sscanf(answer, "verify %63[A-Za-z0-9._:-] together %15[a-z] %u %u %u", k->run, k->kind, &k->warm, &k->seconds, &k->disk_mib) == 5;
}

/* Listens as long as others are to measure the network to this node. */
static void listen_for(bool wanted)
{
	static pid_t pid;

	if (pid > 0 && (!wanted || waitpid(pid, NULL, WNOHANG) == pid)) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pid = 0;
	}
	if (!wanted || pid > 0)
		return;
	pid = fork();
	if (!pid) {
		execlp("iperf3", "iperf3", "-s", NULL);
		_exit(127);
	}
}

/* 0 where the service answered; *when it last had work. */
static int work(const struct agent *a, char *last, double *when)
{
	struct task k = { 0 };
	char *answer = NULL;
	int status = call(a, "GET", "task", NULL, &answer), rc = status < 0 ? -1 : 0;

	listen_for(status == 200 && !strncmp(answer, "serve ", 6));
	if (status == 200 && (is_verify(answer, &k) || is_together(answer, &k))) {
		struct text none;

		/* A run whose end was not heard of is not done again. */
		if (strcmp(last, k.run) != 0)
			rc = *k.kind ? together(a, &k) : verify(a, &k);
		*when = vp_guest_clock(CLOCK_BOOTTIME);
		text_open(&none);
		if (!rc && !(rc = deliver(a, k.run, "done", &none)))
			snprintf(last, sizeof(k.run), "%s", k.run);
		text_free(&none);
	}
	free(answer);
	return rc;
}

/* True once the service has taken the proof. */
static bool report_up(const struct agent *a)
{
	struct text t;
	int status;

	text_open(&t);
	vp_guest_proof(t.f, a->server);
	status = call_http(a, "POST", "up", &t, NULL);
	text_free(&t);
	return status >= 200 && status < 300;
}

int vp_guest_agent(const char *conf)
{
	double contact = vp_guest_clock(CLOCK_BOOTTIME), busy = -BUSY;
	struct agent a = { 0 };
	char last[64] = "";
	bool up = false;

	if (read_conf(&a, conf))
		return VP_GUEST_USAGE;
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		double now = vp_guest_clock(CLOCK_BOOTTIME);
		int rc;

		if (!up)
			up = report_up(&a);
		/* One whose network is not there is measured all the same. */
		rc = up || vp_channel_there() ? work(&a, last, &busy) : -1;
		if (!rc)
			contact = now;
		sleep(rc ? (now - contact < SOON ? 1 : POLL_LOST) : (now - busy < BUSY ? 1 : POLL));
	}
}
