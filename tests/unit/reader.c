// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../provision/model/bind.h"
#include "../../provision/model/place.h"
#include "../../provision/profile/build.h"
#include "../../provision/profile/pack.h"
#include "../../provision/profile/reader.h"
#include "../../provision/profile/sandbox.h"
#include "../../templates/render.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?><nlist format=\"pan\" name=\"profile\">\n"

/* What the callback saw. */
struct seen {
	size_t n, trees;
	struct vp_buf text;
	/* Called before anything else for each job. */
	void (*hook)(size_t job);
	/* What the callback answers for job `stop`. */
	int answer;
	size_t stop;
};

static char dir[4096];
static unsigned compared;

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/readerXXXXXX", tmp ? tmp : "/tmp");
	*state = vp_xcalloc(1, sizeof(struct seen));
	return !mkdtemp(dir);
}

static int teardown(void **state)
{
	struct seen *s = *state;

	vp_interrupted = 0;
	vp_buf_free(&s->text);
	free(s);
	return vp_remove_tree(dir, NULL);
}

/* Static memory, overwritten by the 64th call after it. */
static const char *path_of(const char *name)
{
	static char paths[64][4200];
	static unsigned i;
	char *p = paths[i++ % 64];

	snprintf(p, sizeof(paths[0]), "%s/%s", dir, name);
	return p;
}

static const char *put(const char *name, const char *text, size_t len)
{
	const char *path = path_of(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
	return path;
}

/* "LABEL ok TEXT-OF-/a" or "LABEL: LINE PATH: MESSAGE CODE", a line each. */
static int note(void *arg, size_t job, const struct vp_profile *p, const struct stat *st, const struct vp_diags *diags)
{
	struct seen *s = arg;

	assert_int_equal(job, s->n);
	if (s->hook)
		s->hook(job);
	s->n++;
	s->trees += p != NULL;
	if (p) {
		const struct vp_val *v = vp_get(p->root, "/a");

		assert_int_not_equal(st->st_mode, 0);
		assert_int_equal(strlen(p->digest), 64);
		vp_buf_addf(&s->text, "%s ok %s\n", p->file, v ? v->text : "-");
	}
	for (size_t i = 0; i < diags->n; i++)
		vp_buf_addf(&s->text, "%s:%u %s: %s %s\n", diags->items[i].file, diags->items[i].line, diags->items[i].path, diags->items[i].message,
			    vp_code_text(diags->items[i].code));
	return s->answer && job == s->stop ? s->answer : 0;
}

static int run(struct seen *s, const struct vp_read_job *jobs, size_t n, unsigned workers)
{
	struct vp_read_opts o = { .workers = workers };
	struct vp_err err = { 0 };
	int rc = vp_read_profiles(jobs, n, &o, note, s, &err);

	if (rc < 0)
		vp_buf_addf(&s->text, "%s %s\n", err.msg, vp_code_text(err.code));
	return rc;
}

/* Descriptors and children of this process, as text. */
static void things_left(char *out, size_t size)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;
	char path[64];
	FILE *f;

	while (readdir(d))
		n++;
	closedir(d);
	snprintf(out, size, "%zu descriptors, children:", n);
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "r");
	if (f) {
		n = strlen(out);
		out[n + fread(out + n, 1, size - n - 1, f)] = '\0';
		fclose(f);
	}
}

/* The i-th child of this process, from the newest. */
static pid_t child_of(unsigned i)
{
	char text[4096], *at;

	things_left(text, sizeof(text));
	at = strrchr(text, ':');
	while (i--)
		at = strchr(at + 1, ' ');
	return at ? (pid_t)strtol(at + 1, NULL, 10) : 0;
}

static void test_order(void **state)
{
	struct seen *s = *state;
	struct vp_read_job jobs[100];
	static char labels[100][16];
	char before[4096], after[4096];
	vp_cleanup(vp_buf_free) struct vp_buf want = { 0 };

	for (unsigned i = 0; i < 100; i++) {
		vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

		snprintf(labels[i], sizeof(labels[i]), "host%u", i);
		vp_buf_addf(&text, HEAD "<long name=\"a\">%u</long>", i);
		/* Some take far longer than others. */
		for (unsigned j = 0; j < (i % 7 ? 3 : 3000); j++)
			vp_buf_addf(&text, "<string name=\"b%04u\">%u</string>", j, j);
		vp_buf_adds(&text, "</nlist>");
		jobs[i] = (struct vp_read_job){ labels[i], strdup(put(labels[i], text.data, text.len)) };
		vp_buf_addf(&want, "host%u ok %u\n", i, i);
	}
	things_left(before, sizeof(before));
	for (unsigned workers = 0; workers < 6; workers++) {
		s->n = s->text.len = 0;
		assert_int_equal(run(s, jobs, 100, workers), 0);
		assert_string_equal(s->text.data, want.data);
	}
	things_left(after, sizeof(after));
	assert_string_equal(before, after);
	for (unsigned i = 0; i < 100; i++)
		free((char *)(uintptr_t)jobs[i].path);
}

static void test_bad_files(void **state)
{
	struct seen *s = *state;
	const struct vp_read_job jobs[] = {
		{ "missing", path_of("missing") },
		{ "dir", dir },
		{ "broken", put("broken", HEAD "\n<long name=\"a\">x</long></nlist>", strlen(HEAD) + 32) },
		{ "empty", put("empty", "", 0) },
		{ "null", "/dev/null" },
		{ "good", put("good", HEAD "<long name=\"a\">1</long></nlist>", strlen(HEAD) + 31) },
		{ "big", put("big", "", 0) },
	};

	assert_int_equal(truncate(jobs[6].path, (off_t)VP_MAX_PROFILE + 1), 0);
	assert_int_equal(run(s, jobs, vp_count(jobs), 2), 0);
	assert_string_equal(s->text.data, "missing:0 : No such file or directory VP-P01\n"
					  "dir:0 : Is a directory VP-P01\n"
					  "broken:3 /a: long: \"x\" is not a whole number of 64 bits VP-P04\n"
					  "empty:1 : the file is empty VP-P02\n"
					  "null:0 : neither a regular file nor a pipe VP-P01\n"
					  "good ok 1\n"
					  "big:0 : larger than 64 MiB VP-P03\n");
}

static void test_pipes(void **state)
{
	static const char text[] = HEAD "<long name=\"a\">5</long></nlist>";
	struct seen *s = *state;
	const struct vp_read_job jobs[] = { { "fifo", path_of("fifo") }, { "-", "-" }, { "again", "-" } };
	int saved = dup(STDIN_FILENO), in[2];
	pid_t writer;

	assert_int_equal(mkfifo(jobs[0].path, 0600), 0);
	writer = fork();
	if (!writer) {
		int fd = open(jobs[0].path, O_WRONLY);

		/* In two parts: no end in between. */
		_exit(write(fd, text, 20) != 20 || usleep(20000) || write(fd, text + 20, sizeof(text) - 21) < 0);
	}
	assert_int_equal(pipe(in), 0);
	assert_int_equal(write(in[1], text, sizeof(text) - 1), sizeof(text) - 1);
	close(in[1]);
	dup2(in[0], STDIN_FILENO);
	close(in[0]);
	assert_int_equal(run(s, jobs, vp_count(jobs), 1), 0);
	dup2(saved, STDIN_FILENO);
	close(saved);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
	assert_string_equal(s->text.data, "fifo ok 5\n- ok 5\nagain:1 : the file is empty VP-P02\n");
}

/* Some tens of MiB from each child, more than any socket holds, in both directions of waiting. */
static void test_large(void **state)
{
	struct seen *s = *state;
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	struct vp_read_job jobs[12];
	const struct vp_read_opts o = { .workers = 3, .whole = true };

	vp_buf_adds(&text, HEAD "<list name=\"l\">");
	for (unsigned i = 0; i < 200000; i++)
		vp_buf_addf(&text, "<string>%060u</string>\n", i);
	vp_buf_adds(&text, "</list></nlist>");
	for (unsigned i = 0; i < vp_count(jobs); i++)
		jobs[i] = (struct vp_read_job){ "large", i ? jobs[0].path : put("large", text.data, text.len) };
	assert_int_equal(vp_read_profiles(jobs, vp_count(jobs), &o, note, s, NULL), 0);
	assert_int_equal(s->trees, vp_count(jobs));
}

static void test_stopped_by_callback(void **state)
{
	struct seen *s = *state;
	struct vp_read_job jobs[20];
	char before[4096], after[4096];

	for (unsigned i = 0; i < vp_count(jobs); i++)
		jobs[i] = (struct vp_read_job){ "x", i ? jobs[0].path : put("x", HEAD "</nlist>", strlen(HEAD) + 8) };
	things_left(before, sizeof(before));
	s->stop = 3;
	s->answer = 42;
	assert_int_equal(run(s, jobs, vp_count(jobs), 2), 42);
	assert_int_equal(s->n, 4);
	things_left(after, sizeof(after));
	assert_string_equal(before, after);
}

static void interrupt(size_t job)
{
	vp_interrupted = job == 2 ? SIGINT : 0;
}

static void test_interrupted(void **state)
{
	struct seen *s = *state;
	struct vp_read_job jobs[20];
	char before[4096], after[4096];

	for (unsigned i = 0; i < vp_count(jobs); i++)
		jobs[i] = (struct vp_read_job){ "x", i ? jobs[0].path : put("x", HEAD "</nlist>", strlen(HEAD) + 8) };
	things_left(before, sizeof(before));
	s->hook = interrupt;
	assert_int_equal(run(s, jobs, vp_count(jobs), 2), -1);
	assert_int_equal(s->n, 3);
	assert_non_null(strstr(s->text.data, "VP-X01"));
	things_left(after, sizeof(after));
	assert_string_equal(before, after);
}

/* Between two answers, from outside: the child of job 3 dies of it, as does that of job 8. */
static void kill_one(size_t job)
{
	if (job == 1 || job == 6) {
		kill(child_of(0), SIGSEGV);
		usleep(100000);
	}
}

static void test_killed(void **state)
{
	struct seen *s = *state;
	struct vp_read_job jobs[20];
	char before[4096], after[4096];
	unsigned died = 0;

	for (unsigned i = 0; i < vp_count(jobs); i++) {
		vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

		/* More than what is answered ahead. */
		vp_buf_adds(&text, HEAD "<list name=\"l\">");
		for (unsigned j = 0; !i && j < 20000; j++)
			vp_buf_addf(&text, "<string>%060u</string>\n", j);
		vp_buf_adds(&text, "</list></nlist>");
		jobs[i] = (struct vp_read_job){ "x", i ? jobs[0].path : put("x", text.data, text.len) };
	}
	things_left(before, sizeof(before));
	s->hook = kill_one;
	assert_int_equal(run(s, jobs, vp_count(jobs), 1), 0);
	assert_int_equal(s->n, vp_count(jobs));
	for (const char *at = s->text.data; (at = strstr(at, "ended by SIGSEGV VP-P11")); at++)
		died++;
	assert_int_equal(died, 2);
	assert_int_equal(s->trees, vp_count(jobs) - 2);
	things_left(after, sizeof(after));
	assert_string_equal(before, after);
}

static void freeze_one(size_t job)
{
	if (!job)
		kill(child_of(0), SIGSTOP);
}

static void test_hangs(void **state)
{
	struct seen *s = *state;
	struct vp_read_job jobs[20];
	const struct vp_read_opts o = { .workers = 1, .seconds = 1 };
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

	vp_buf_adds(&text, HEAD "<list name=\"l\">");
	for (unsigned j = 0; j < 20000; j++)
		vp_buf_addf(&text, "<string>%060u</string>\n", j);
	vp_buf_adds(&text, "</list></nlist>");
	for (unsigned i = 0; i < vp_count(jobs); i++)
		jobs[i] = (struct vp_read_job){ "x", i ? jobs[0].path : put("x", text.data, text.len) };
	s->hook = freeze_one;
	assert_int_equal(vp_read_profiles(jobs, vp_count(jobs), &o, note, s, NULL), 0);
	assert_non_null(strstr(s->text.data, "the process that parsed it took too long VP-P11\n"));
	assert_int_equal(s->trees, vp_count(jobs) - 1);
}

/* --- The sandbox, from inside --- */

static void try_open(void)
{
	open("/etc/passwd", O_RDONLY);
}

static void try_socket(void)
{
	socket(AF_INET, SOCK_STREAM, 0);
}

static void try_fork(void)
{
	fork();
}

static void try_exec(void)
{
	execl("/bin/true", "true", NULL);
}

static void try_code(void)
{
	(void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void try_kill(void)
{
	kill(getppid(), SIGUSR1);
}

static void try_write(void)
{
	if (write(STDOUT_FILENO, "x", 1) < 0)
		_exit(0);
}

/* Ends with 1 where the seccomp filter was refused, with 2 where `attempt` came back. */
static int status_of(void (*attempt)(void))
{
	int pair[2], status = 0;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = fork();
	if (!pid) {
		if (vp_sandbox_enter(pair[1]) & 1u << 4)
			_exit(1);
		attempt();
		_exit(2);
	}
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_sandbox_kills(void **state)
{
	static void (*const attempts[])(void) = { try_open, try_socket, try_fork, try_exec, try_code, try_kill, try_write };

	(void)state;
	for (size_t i = 0; i < vp_count(attempts); i++) {
		int status = status_of(attempts[i]);

		if (WIFEXITED(status) && WEXITSTATUS(status) == 1) {
			print_message("no seccomp in this kernel\n");
			skip();
		}
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("attempt %zu ended with status %x", i, (unsigned)status);
	}
}

/* What parsers and the C library do without asking. */
static void live(void)
{
	char *p = vp_xcalloc(1, 10 << 20);

	memset(p, 1, 10 << 20);
	free(vp_xrealloc(p, 100 << 20));
	setenv("x", "y", 1);
	vp_now_ns();
}

static void test_sandbox_lets_live(void **state)
{
	int status = status_of(live);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 2 || WEXITSTATUS(status) == 1);
}

/* The sanitizer needs more address space than any limit: this is for the build without. */
#ifndef __SANITIZE_ADDRESS__
static void try_memory(void)
{
	for (;;)
		vp_xcalloc(1, 64 << 20);
}

static void test_sandbox_limits_memory(void **state)
{
	int status = status_of(try_memory);

	(void)state;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
#endif

static char child_status[8192];
static unsigned child_files;

static void look_at_child(size_t job)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	char path[64];
	struct dirent *e;
	DIR *d;

	if (job)
		return;
	snprintf(path, sizeof(path), "/proc/%d/status", child_of(0));
	assert_int_equal(vp_read_file(path, sizeof(child_status) - 1, &text, NULL), 0);
	snprintf(child_status, sizeof(child_status), "%s", text.data);
	snprintf(path, sizeof(path), "/proc/%d/fd", child_of(0));
	d = opendir(path);
	while (d && (e = readdir(d)))
		child_files += atoi(e->d_name) > 2;
	closedir(d);
}

static void test_child_has_nothing(void **state)
{
	struct seen *s = *state;
	struct vp_read_job jobs[20];
	int extra = dup(STDIN_FILENO);

	if (geteuid()) {
		print_message("not root: what a child of root is, cannot be seen\n");
		skip();
	}
	for (unsigned i = 0; i < vp_count(jobs); i++)
		jobs[i] = (struct vp_read_job){ "x", i ? jobs[0].path : put("x", HEAD "</nlist>", strlen(HEAD) + 8) };
	s->hook = look_at_child;
	child_files = 0;
	assert_int_equal(run(s, jobs, vp_count(jobs), 1), 0);
	close(extra);
	assert_non_null(strstr(child_status, "\nUid:\t65534\t65534\t65534\t65534\n"));
	assert_non_null(strstr(child_status, "\nGid:\t65534\t65534\t65534\t65534\n"));
	assert_non_null(strstr(child_status, "\nGroups:\t \n"));
	assert_non_null(strstr(child_status, "\nCapEff:\t0000000000000000\n"));
	assert_non_null(strstr(child_status, "\nNoNewPrivs:\t1\n"));
	/* Its socket, and the profile that it reads just then. */
	assert_in_range(child_files, 1, 2);
}

/* --- Packs --- */

static struct vp_profile *parse(struct vp_arena *a, const char *text, size_t len, struct vp_diags *diags)
{
	return vp_profile_parse(a, "t", text, len, diags);
}

static bool same_tree(const struct vp_val *x, const struct vp_val *y)
{
	if (x->type != y->type || x->line != y->line || x->index != y->index || !x->key != !y->key || (x->key && strcmp(x->key, y->key)) ||
	    x->len != y->len || !x->text != !y->text || (x->text && memcmp(x->text, y->text, x->len + 1)))
		return false;
	for (x = x->child, y = y->child; x && y; x = x->next, y = y->next)
		if (!same_tree(x, y))
			return false;
	return !x && !y;
}

static const char every_type[] = HEAD "<nlist name=\"d\"><string name=\"s\">\xc3\xa4</string><long name=\"l\">-5</long></nlist>\n<list name=\"e\">"
				      "<list><double>1.5</double></list><boolean>true</boolean><string/>\n</list><nlist name=\"n\"/></nlist>";

static void test_pack_whole(void **state)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	vp_cleanup(vp_diags_free) struct vp_diags diags = { .arena = a }, got = { .arena = a };
	vp_cleanup(vp_buf_free) struct vp_buf packed = { 0 };
	struct vp_profile *p = parse(a, every_type, sizeof(every_type) - 1, &diags), *q;

	(void)state;
	vp_diag(&diags, VP_WARNING, VP_E_ODD, "t", 7, "/a/b", "odd");
	vp_diag(&diags, VP_NOTE, VP_E_ODD, "t", 0, "", "note");
	vp_pack(&packed, p, &diags, true);
	assert_int_equal(vp_unpack(a, "label", packed.data, packed.len, &q, &got), 0);
	assert_true(same_tree(p->root, q->root));
	assert_string_equal(p->digest, q->digest);
	assert_string_equal(q->file, "label");
	assert_int_equal(got.n, 2);
	assert_int_equal(got.errors, 0);
	assert_int_equal(got.warnings, 1);
	assert_string_equal(got.items[0].file, "label");
	assert_string_equal(got.items[0].path, "/a/b");
	assert_string_equal(got.items[0].message, "odd");
	assert_int_equal(got.items[0].line, 7);
}

/* More warnings than are kept; the only error, which comes last, is. */
static void test_pack_diags(void **state)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	vp_cleanup(vp_diags_free) struct vp_diags diags = { .arena = a }, got = { .arena = a };
	vp_cleanup(vp_buf_free) struct vp_buf packed = { 0 };
	struct vp_profile *q;

	(void)state;
	for (unsigned i = 0; i < VP_MAX_DIAGS + 5; i++)
		vp_diag(&diags, VP_WARNING, VP_E_ODD, "t", i, "", "odd");
	vp_diag(&diags, VP_ERROR, VP_E_SYNTAX, "t", 1, "", "wrong");
	vp_pack(&packed, NULL, &diags, true);
	assert_int_equal(vp_unpack(a, "label", packed.data, packed.len, &q, &got), 0);
	assert_null(q);
	assert_int_equal(got.n, VP_MAX_DIAGS + 1);
	assert_int_equal(got.dropped, 5);
	assert_int_equal(got.errors, 1);
	assert_int_equal(got.warnings, VP_MAX_DIAGS + 5);
}

/* Exactly as many bytes as there are, so that the sanitizer sees a read past them. */
static int unpack_exactly(const char *data, size_t len)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	vp_cleanup(vp_diags_free) struct vp_diags diags = { .arena = a };
	vp_cleanup(vp_freep) char *copy = vp_xcalloc(1, len);
	struct vp_profile *q;
	int rc;

	memcpy(copy, data, len);
	rc = vp_unpack(a, "t", copy, len, &q, &diags);
	assert_true(rc || !q == (diags.errors > 0));
	return rc;
}

static void test_pack_cut(void **state)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	vp_cleanup(vp_diags_free) struct vp_diags diags = { .arena = a };
	vp_cleanup(vp_buf_free) struct vp_buf packed = { 0 };

	(void)state;
	vp_pack(&packed, parse(a, every_type, sizeof(every_type) - 1, &diags), &diags, true);
	for (size_t len = 0; len < packed.len; len++)
		assert_int_equal(unpack_exactly(packed.data, len), -1);
	assert_int_equal(unpack_exactly(packed.data, packed.len), 0);
	vp_buf_add(&packed, "", 1);
	assert_int_equal(unpack_exactly(packed.data, packed.len), -1);
}

static void test_pack_flipped(void **state)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	vp_cleanup(vp_diags_free) struct vp_diags diags = { .arena = a };
	vp_cleanup(vp_buf_free) struct vp_buf packed = { 0 };
	struct vp_profile *p = parse(a, every_type, sizeof(every_type) - 1, &diags);
	unsigned refused = 0;

	(void)state;
	vp_diag(&diags, VP_WARNING, VP_E_ODD, "t", 7, "/a/b", "odd");
	vp_pack(&packed, p, &diags, true);
	for (size_t i = 0; i < packed.len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			packed.data[i] = (char)(packed.data[i] ^ 1 << bit);
			refused += unpack_exactly(packed.data, packed.len) != 0;
			packed.data[i] = (char)(packed.data[i] ^ 1 << bit);
		}
	/* Most of the rest are lines and letters. */
	assert_in_range(refused, packed.len * 3, packed.len * 7);
}

/* What each lie is, in the place of what a parser would have sent. */
static void test_pack_lies(void **state)
{
	struct {
		const char *what;
		struct vp_val v;
	} lies[] = {
		{ "a key with a slash", { .type = VP_LIST, .key = "a/b" } },
		{ "an empty key", { .type = VP_LIST, .key = "" } },
		{ "a key that is not UTF-8", { .type = VP_LIST, .key = "\xff" } },
		{ "a text that is not UTF-8", { .type = VP_STRING, .key = "a", .text = "\xc0\xaf", .len = 2 } },
		{ "a long that is none", { .type = VP_LONG, .key = "a", .text = "x", .len = 1 } },
		{ "a boolean that is none", { .type = VP_BOOL, .key = "a", .text = "1", .len = 1 } },
		{ "no such type", { .type = (enum vp_type)6, .key = "a", .text = "x", .len = 1 } },
	};

	(void)state;
	for (size_t i = 0; i <= vp_count(lies); i++) {
		vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
		vp_cleanup(vp_diags_free) struct vp_diags diags = { .arena = a };
		vp_cleanup(vp_buf_free) struct vp_buf packed = { 0 };
		struct vp_val good = { .type = VP_STRING, .key = "a", .text = "x", .len = 1 }, root = { .type = VP_DICT };
		struct vp_profile p = { .file = "t", .root = &root };

		memset(p.digest, 'a', 64);
		root.child = i < vp_count(lies) ? &lies[i].v : &good;
		vp_pack(&packed, &p, &diags, true);
		if (unpack_exactly(packed.data, packed.len) != (i < vp_count(lies) ? -1 : 0))
			fail_msg("%s", i < vp_count(lies) ? lies[i].what : "the truth");
	}
}

/* --- Pruning --- */

static const char *in_tree(const char *path)
{
	static char full[4096];
	const char *top = getenv("VP_TOP");

	snprintf(full, sizeof(full), "%s/%s", top ? top : ".", path);
	return full;
}

/* All that the model makes of a profile, as one text. */
static void add_model(struct vp_buf *out, struct vp_arena *a, const struct vp_profile *p)
{
	/* By whose names roles are told. */
	static const char *const signs[] = { "/software/packages", "/software/components", "/software/components/metaconfig/services", "/system/vo" };
	const struct vp_bind_opts opts = { .virt = -1, .state_dir = "/var/lib/vprov" };
	vp_cleanup(vp_diags_free) struct vp_diags diags = { .arena = a };
	struct vp_placements placements = { 0 };
	struct vp_node *n = vp_bind(a, p, NULL, &opts, &diags);

	if (n) {
		json_t *j = vp_node_json(n);
		char *text = json_dumps(j, JSON_SORT_KEYS | JSON_INDENT(1));

		vp_buf_adds(out, text);
		free(text);
		json_decref(j);
	}
	vp_placements_of(a, p, &placements, &diags);
	for (size_t i = 0; i < placements.n; i++)
		vp_buf_addf(out, "\n%s on %s, %ju bytes, %zu disks", placements.items[i].guest, placements.items[i].host,
			    (uintmax_t)placements.items[i].memory, placements.items[i].ndisks);
	for (size_t i = 0; i < diags.n; i++)
		vp_buf_addf(out, "\n%u %s %s", diags.items[i].line, diags.items[i].path, diags.items[i].message);
	vp_buf_addf(out, "\n%scluster", vp_is_cluster(p) ? "" : "no ");
	for (size_t i = 0; i < vp_count(signs); i++) {
		const struct vp_val *v = vp_get(p->root, signs[i]);

		for (v = v ? v->child : NULL; v; v = v->next)
			vp_buf_addf(out, "\n%s/%s", signs[i], v->key ? v->key : "");
	}
}

/* The model from what is sent is the model from the whole. */
static void compare(const char *path)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	vp_cleanup(vp_diags_free) struct vp_diags diags = { .arena = a }, got = { .arena = a };
	vp_cleanup(vp_buf_free) struct vp_buf data = { 0 }, packed = { 0 }, whole = { 0 }, pruned = { 0 };
	struct vp_profile *p, *q;

	if (vp_read_file(path, VP_MAX_PROFILE, &data, NULL) || !data.len)
		return;
	p = vp_profile_parse(a, "t", data.data, data.len, &diags);
	if (!p)
		return;
	vp_pack(&packed, p, &diags, false);
	assert_int_equal(vp_unpack(a, "t", packed.data, packed.len, &q, &got), 0);
	add_model(&whole, a, p);
	add_model(&pruned, a, q);
	if (strcmp(whole.data, pruned.data))
		fail_msg("%s: whole:\n%s\npruned:\n%s", path, whole.data, pruned.data);
	compared++;
}

static int compare_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)ftw;
	if (type == FTW_F)
		compare(path);
	return 0;
}

static void test_prune_own(void **state)
{
	(void)state;
	compared = 0;
	assert_int_equal(nftw(in_tree("profiles"), compare_file, 8, FTW_PHYS), 0);
	assert_in_range(compared, 2, 1000);
}

static void test_prune_shared(void **state)
{
	const char *shared = getenv("VP_SHARED");
	char path[4200];

	(void)state;
	snprintf(path, sizeof(path), "%s/profiles", shared ? shared : in_tree("../shared"));
	if (access(path, R_OK)) {
		print_message("no sample profiles here\n");
		skip();
	}
	compared = 0;
	assert_int_equal(nftw(path, compare_file, 8, FTW_PHYS), 0);
	assert_in_range(compared, 150, 10000);
}

/* No row of the table reads what is left out. */
static void test_prune_rows(void **state)
{
	size_t n;
	const struct vp_row *const *rows = vp_rows_all(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		char copy[256];
		const char *keys[VP_MAX_DEPTH];
		size_t depth = 0;
		enum vp_keep keep = VP_KEEP_SOME;

		if (rows[i]->path[0] != '/')
			continue;
		snprintf(copy, sizeof(copy), "%s", rows[i]->path);
		for (char *at = copy, *key; keep == VP_KEEP_SOME && (key = strtok_r(at, "/", &at));) {
			keys[depth++] = key;
			keep = vp_prune(keys, depth);
		}
		if (keep != VP_KEEP_WHOLE)
			fail_msg("%s is not kept", rows[i]->path);
	}
}

/* That less is sent at all. */
static void test_prune_leaves_out(void **state)
{
	static const char text[] =
		HEAD "<nlist name=\"hardware\"><nlist name=\"x\"><long name=\"y\">1</long></nlist></nlist><nlist name=\"software\">"
		     "<nlist name=\"components\"><nlist name=\"spma\"><long name=\"y\">1</long></nlist><nlist name=\"xen\">"
		     "<long name=\"y\">1</long></nlist></nlist><nlist name=\"packages\"><nlist name=\"p\"><long name=\"y\">1</long>"
		     "</nlist></nlist><nlist name=\"groups\"/></nlist></nlist>";
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	vp_cleanup(vp_diags_free) struct vp_diags diags = { .arena = a };
	vp_cleanup(vp_buf_free) struct vp_buf packed = { 0 };
	struct vp_profile *q;

	(void)state;
	vp_pack(&packed, parse(a, text, sizeof(text) - 1, &diags), &diags, false);
	assert_int_equal(vp_unpack(a, "t", packed.data, packed.len, &q, &diags), 0);
	assert_non_null(vp_get(q->root, "/hardware/x/y"));
	assert_non_null(vp_get(q->root, "/software/components/spma"));
	assert_null(vp_get(q->root, "/software/components/spma/y"));
	assert_non_null(vp_get(q->root, "/software/components/xen/y"));
	assert_non_null(vp_get(q->root, "/software/packages/p"));
	assert_null(vp_get(q->root, "/software/packages/p/y"));
	assert_null(vp_get(q->root, "/software/groups"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pipes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stopped_by_callback, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interrupted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hangs, setup, teardown),
		cmocka_unit_test(test_sandbox_kills),
		cmocka_unit_test(test_sandbox_lets_live),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(test_sandbox_limits_memory),
#endif
		cmocka_unit_test_setup_teardown(test_child_has_nothing, setup, teardown),
		cmocka_unit_test(test_pack_whole),
		cmocka_unit_test(test_pack_diags),
		cmocka_unit_test(test_pack_cut),
		cmocka_unit_test(test_pack_flipped),
		cmocka_unit_test(test_pack_lies),
		cmocka_unit_test(test_prune_own),
		cmocka_unit_test(test_prune_shared),
		cmocka_unit_test(test_prune_rows),
		cmocka_unit_test(test_prune_leaves_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
