// SPDX-License-Identifier: Apache-2.0
/* The guest program as a program, against a server of ours that answers badly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../provision/base/base.h"

#define IMAGE_SIZE 300000

/* How the image is served; BUSY answers nothing else until all of it is read. */
enum manner { WHOLE, CUT, CUT_NO_RANGE, LONGER, REFUSED, BUSY };

struct server {
	int fd;
	pthread_t thread;
	char url[64];
	enum manner manner;
	char image[IMAGE_SIZE];
	char sha256[65];
	/* Requests for the image; everything else in words, "METHOD PATH BODY\n". */
	unsigned images;
	struct vp_buf seen;
	/* What GET .../task answers until "done" is posted. */
	const char *task;
	pthread_mutex_t lock;
	struct vp_arena *a;
};

static void send_text(int fd, const char *head, const void *body, size_t len)
{
	if (send(fd, head, strlen(head), MSG_NOSIGNAL) > 0 && len)
		send(fd, body, len, MSG_NOSIGNAL);
}

static void serve_image(struct server *s, int fd, const char *request)
{
	const char *range = strstr(request, "Range: bytes=");
	size_t from = range && s->manner != CUT_NO_RANGE ? strtoul(range + 13, NULL, 10) : 0;
	size_t left = sizeof(s->image) - from;
	/* Each connection gets a little further, also where it starts anew. */
	size_t give = s->manner == CUT ? 100000 : s->manner == CUT_NO_RANGE ? 100000 * (s->images + 1) : left;
	char head[256];

	s->images++;
	if (s->manner == BUSY)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof(int));
	if (s->manner == REFUSED) {
		send_text(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", NULL, 0);
		return;
	}
	snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Range: bytes %zu-%zu/%zu\r\nContent-Length: %zu\r\n\r\n",
		 from ? "206 Partial Content" : "200 OK", from, sizeof(s->image) - 1, sizeof(s->image), left);
	send_text(fd, s->manner == LONGER ? "HTTP/1.1 200 OK\r\n\r\n" : head, s->image + from, give < left ? give : left);
	if (s->manner == LONGER)
		send_text(fd, "and more", NULL, 0);
}

static void answer(struct server *s, int fd, const char *request, const char *body)
{
	char head[128], method[8] = "", path[256] = "";
	const char *text = "";

	sscanf(request, "%7s %255s", method, path);
	vp_buf_addf(&s->seen, "%s %s %s\n", method, path, body);
	if (strstr(path, "/done"))
		s->task = "none";
	if (strstr(path, "/task"))
		text = s->task;
	else if (!strcmp(method, "GET"))
		text = "hello";
	snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", strstr(path, "forbidden") ? "403 Forbidden" : "200 OK",
		 strlen(text));
	send_text(fd, head, text, strlen(text));
}

static void handle(struct server *s, int fd)
{
	static char request[1 << 20];
	const char *length;
	size_t n = 0, want = 0;
	char *end = NULL;

	do {
		ssize_t got = recv(fd, request + n, sizeof(request) - 1 - n, 0);

		if (got <= 0)
			return;
		n += (size_t)got;
		request[n] = '\0';
		end = strstr(request, "\r\n\r\n");
		length = strstr(request, "Content-Length: ");
		if (end)
			want = (size_t)(end + 4 - request) + (length ? strtoul(length + 16, NULL, 10) : 0);
	} while (!end || n < want);
	*end = '\0';
	pthread_mutex_lock(&s->lock);
	if (strstr(request, "GET /image"))
		serve_image(s, fd, request);
	else
		answer(s, fd, request, end + 4);
	pthread_mutex_unlock(&s->lock);
}

static void *loop(void *arg)
{
	struct server *s = arg;

	for (int fd; (fd = accept(s->fd, NULL, NULL)) >= 0; close(fd))
		handle(s, fd);
	return NULL;
}

static int setup(void **state)
{
	struct server *s = calloc(1, sizeof(*s));
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	s->a = vp_arena_new();
	for (size_t i = 0; i < sizeof(s->image); i++)
		s->image[i] = (char)(i * 7 + i / 251);
	vp_sha256_hex(s->image, sizeof(s->image), s->sha256);
	pthread_mutex_init(&s->lock, NULL);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->fd, (struct sockaddr *)&at, len) || listen(s->fd, 8) || getsockname(s->fd, (struct sockaddr *)&at, &len))
		return -1;
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u", ntohs(at.sin_port));
	*state = s;
	return pthread_create(&s->thread, NULL, loop, s);
}

static int teardown(void **state)
{
	struct server *s = *state;

	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	vp_buf_free(&s->seen);
	vp_arena_free(s->a);
	free(s);
	return 0;
}

/* BUILD/tests/guest -> BUILD/guest/vprov-guest */
static const char *program(struct vp_arena *a)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	assert_true(n > 0);
	exe[n] = '\0';
	for (int i = 0; i < 2; i++)
		*strrchr(exe, '/') = '\0';
	return vp_printf(a, "%s/guest/vprov-guest", exe);
}

/* Runs vprov-guest with up to four arguments; its exit status. */
static int guest(struct server *s, struct vp_buf *out, const char *a, const char *b, const char *c, const char *d, const char *e)
{
	const char *argv[] = { program(s->a), a, b, c, d, e, NULL };
	struct vp_err err;
	const char *at;

	if (!vp_run(&(struct vp_child){ .argv = argv, .out = out, .timeout_ms = 60000 }, &err))
		return 0;
	at = strstr(err.msg, "exited with status ");
	return at ? atoi(at + 19) : -1;
}

static int fetch(struct server *s, struct vp_buf *out, const char *sha256)
{
	return guest(s, out, "fetch", vp_printf(s->a, "%s/image/x", s->url), sha256, vp_printf(s->a, "%d", IMAGE_SIZE),
		     vp_printf(s->a, "%s/event", s->url));
}

static void test_fetch(void **state)
{
	static const struct {
		enum manner manner;
		unsigned requests;
	} cases[] = { { WHOLE, 1 }, { CUT, 3 }, { CUT_NO_RANGE, 3 }, { BUSY, 1 }, { LONGER, 1 } };
	struct server *s = *state;
	size_t before = 0;
	int told = 0;

	for (size_t i = 0; i < vp_count(cases); i++) {
		struct vp_buf out = { 0 };

		s->manner = cases[i].manner;
		s->images = 0;
		if (cases[i].manner == BUSY)
			before = s->seen.len;
		assert_int_equal(fetch(s, &out, s->sha256), 0);
		assert_int_equal(out.len, sizeof(s->image));
		assert_memory_equal(out.data, s->image, sizeof(s->image));
		assert_int_equal(s->images, cases[i].requests);
		vp_buf_free(&out);
	}
	assert_non_null(strstr(vp_buf_str(&s->seen), "POST /event unpack "));
	/* What was told to the busy one in vain, at two seconds each, is seen by now. */
	for (const char *p = vp_buf_str(&s->seen) + before; (p = strstr(p, "unpack ")); p++)
		told++;
	assert_in_range(told, 1, 5);
}

static void test_fetch_wrong(void **state)
{
	struct server *s = *state;
	char other[65];

	vp_sha256_hex("x", 1, other);
	assert_int_equal(fetch(s, NULL, other), 1);
	s->image[150000] ^= 1;
	assert_int_equal(fetch(s, NULL, s->sha256), 1);
	s->manner = REFUSED;
	assert_int_equal(fetch(s, NULL, s->sha256), 3);
}

static void test_calls(void **state)
{
	struct vp_buf out = { 0 };
	struct server *s = *state;

	assert_int_equal(guest(s, &out, "get", vp_printf(s->a, "%s/a?token=t", s->url), NULL, NULL, NULL), 0);
	assert_string_equal(vp_buf_str(&out), "hello");
	assert_int_equal(guest(s, NULL, "get", vp_printf(s->a, "%s/forbidden", s->url), NULL, NULL, NULL), 3);
	assert_int_equal(guest(s, NULL, "post", vp_printf(s->a, "%s/b", s->url), "/proc/sys/kernel/ostype", NULL, NULL), 0);
	assert_non_null(strstr(vp_buf_str(&s->seen), "POST /b Linux\n"));
	/* Nobody there, and what is no URL of ours. */
	assert_int_equal(guest(s, NULL, "get", "http://127.0.0.1:1/x", NULL, NULL, NULL), 1);
	assert_int_equal(guest(s, NULL, "get", "https://127.0.0.1/x", NULL, NULL, NULL), 1);
	assert_int_equal(guest(s, NULL, "get", "http://host/x", NULL, NULL, NULL), 1);
	assert_int_equal(guest(s, NULL, "nonsense", NULL, NULL, NULL, NULL), 2);
	vp_buf_free(&out);
}

/* The checksum is the same on every sound machine, every time. */
static void test_cpu(void **state)
{
	struct vp_buf out = { 0 };
	struct server *s = *state;
	unsigned laps = 0;

	assert_int_equal(guest(s, &out, "cpu", "3", NULL, NULL, NULL), 0);
	for (const char *p = vp_buf_str(&out); (p = strstr(p, "checksum=")); p++)
		laps += !strncmp(p, "checksum=277485097.246616\n", 26);
	assert_int_equal(laps, 3);
	vp_buf_free(&out);
}

static bool saw(struct server *s, const char *what)
{
	bool yes;

	pthread_mutex_lock(&s->lock);
	yes = strstr(vp_buf_str(&s->seen), what);
	pthread_mutex_unlock(&s->lock);
	return yes;
}

static void write_tool(struct vp_arena *a, const char *dir, const char *name, const char *text)
{
	struct vp_err err;

	if (vp_write_file(vp_printf(a, "%s/%s", dir, name), text, strlen(text), 0755, &err))
		fail_msg("%s", err.msg);
}

/* Up with proof, a whole task with tools of ours, done; then it goes on asking. */
static void test_agent(void **state)
{
	static const char *const wanted[] = {
		"POST /node/n1/up?token=t disk=",
		"POST /node/n1/result/r7/proof?token=t disk=",
		"POST /node/n1/result/r7/cpu?token=t lap=1",
		"POST /node/n1/result/r7/iperf3_send?token=t {\"x\":\"-c 127.0.0.1 -t 3\"}",
		"POST /node/n1/result/r7/iperf3_receive?token=t {\"x\":\"-c 127.0.0.1 -t 3 -R\"}",
		"POST /node/n1/result/r7/timings?token=t name=proof",
		"POST /node/n1/result/r7/done?token=t",
	};
	struct server *s = *state;
	char dir[] = "/tmp/vprov-guest-XXXXXX";
	const char *conf;
	pid_t pid;

	assert_non_null(mkdtemp(dir));
	s->task = "verify r7 1 3 64\n";
	write_tool(s->a, dir, "systemctl", "#!/bin/sh\n");
	write_tool(s->a, dir, "bonnie++", "#!/bin/sh\necho bonnie \"$@\"\n");
	/* Busy at first, as the real one says it: with exit status 0. */
	write_tool(s->a, dir, "iperf3",
		   vp_printf(s->a,
			     "#!/bin/sh\n[ -e %s/been ] || { touch %s/been; echo '{\"error\": \"busy\"}'; exit 0; }\nshift 3\n"
			     "printf '{\"x\":\"%%s\"}' \"$*\"\n",
			     dir, dir));
	conf = vp_printf(s->a, "%s/conf", dir);
	write_tool(s->a, dir, "conf", vp_printf(s->a, "url=%s\nnode=n1\ntoken=t\n", s->url));
	pid = fork();
	if (!pid) {
		setenv("PATH", vp_printf(s->a, "%s:/usr/bin:/bin", dir), 1);
		execl(program(s->a), "vprov-guest", "agent", conf, NULL);
		_exit(127);
	}
	for (int i = 0; i < 600 && !saw(s, "/done"); i++)
		usleep(50000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (size_t i = 0; i < vp_count(wanted); i++)
		if (!saw(s, wanted[i]))
			fail_msg("not seen: %s\n%s", wanted[i], vp_buf_str(&s->seen));
	assert_false(saw(s, "busy"));
	vp_remove_tree(dir, NULL);
}

static void must_hold(struct server *s, const char *root, const char *file, const char *text, mode_t mode)
{
	const char *path = vp_printf(s->a, "%s%s", root, file);
	vp_cleanup(vp_buf_free) struct vp_buf data = { 0 };
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
	assert_int_equal(vp_read_file(path, 64u << 20, &data, NULL), 0);
	assert_non_null(strstr(vp_buf_str(&data), text));
}

/* What an installer leaves behind: with systemd, and in a system that has none. */
static void test_setup(void **state)
{
	struct server *s = *state;

	for (int systemd = 0; systemd < 2; systemd++) {
		char root[] = "/tmp/vprov-guest-XXXXXX", link[64] = "";

		assert_non_null(mkdtemp(root));
		if (systemd) {
			assert_int_equal(vp_mkdirs(vp_printf(s->a, "%s/lib/systemd", root), 0755, NULL), 0);
			write_tool(s->a, vp_printf(s->a, "%s/lib/systemd", root), "systemd", "");
		}
		for (int again = 0; again < 2; again++)
			assert_int_equal(guest(s, NULL, "setup", root, "http://10.9.8.1:8420", "n1.x", "secret"), 0);
		must_hold(s, root, "/etc/vprov/agent.conf", "url=http://10.9.8.1:8420\nnode=n1.x\ntoken=secret\n", 0600);
		must_hold(s, root, "/usr/local/sbin/vprov-guest", "ELF", 0755);
		if (systemd) {
			must_hold(s, root, "/etc/systemd/system/vprov-agent.service", "ExecStart=/usr/local/sbin/vprov-guest agent\n", 0644);
			assert_true(readlink(vp_printf(s->a, "%s/etc/systemd/system/multi-user.target.wants/vprov-agent.service", root), link,
					     sizeof(link) - 1) > 0);
			assert_string_equal(link, "../vprov-agent.service");
		} else {
			must_hold(s, root, "/etc/rc.d/rc.local", "/usr/local/sbin/vprov-guest agent", 0755);
		}
		vp_remove_tree(root, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fetch, setup, teardown), cmocka_unit_test_setup_teardown(test_fetch_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(test_calls, setup, teardown), cmocka_unit_test_setup_teardown(test_cpu, setup, teardown),
		cmocka_unit_test_setup_teardown(test_agent, setup, teardown), cmocka_unit_test_setup_teardown(test_setup, setup, teardown),
	};

	return cmocka_run_group_tests_name("guest", tests, NULL, NULL);
}
