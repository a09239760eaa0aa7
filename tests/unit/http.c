// SPDX-License-Identifier: Apache-2.0
/* The HTTP half of the boot service for real: libmicrohttpd on 127.0.0.1, a state database in a directory of its own, raw sockets as clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../pxe/agent.h"
#include "../../pxe/http.h"

#define TOKEN  "0123456789abcdef0123456789abcdef"
#define DIGEST "abababababababababababababababababababababababababababababababab"
#define IMAGE  (3u << 20)

static struct vp_arena *arena;
static char dir[] = "/tmp/http.XXXXXX";
static struct vp_state *db;
static struct vp_http *http;
static char *image;
static unsigned changes;
/* What the database said when the answer was published. */
static bool armed_when_changed;

static struct vp_node_row row_of(const char *name)
{
	struct vp_node_row row = { 0 };

	assert_int_equal(vp_state_node(db, arena, name, &row, NULL), 1);
	return row;
}

static void on_changed(void *arg)
{
	assert_ptr_equal(arg, dir);
	changes++;
	armed_when_changed = row_of("n1.x").armed;
}

static void put_file(const char *name, const void *data, size_t len)
{
	struct vp_err err = { 0 };

	if (vp_write_file(vp_printf(arena, "%s/%s", dir, name), data, len, 0644, &err))
		fail_msg("%s", err.msg);
}

/* n1.x lives at 127.0.0.1, n2.x elsewhere. */
static void put_nodes(void)
{
	struct vp_node_row row = { .name = "n1.x",
				   .mac = "52:54:00:00:00:01",
				   .ip = "127.0.0.1",
				   .life = VP_LOADER,
				   .token = TOKEN,
				   .armed = true,
				   .token_live = true,
				   .virt = "qemu",
				   .host = "",
				   .config = "NODE='n1.x'\n",
				   .image = "key",
				   .task = "verify R1 1 2 3" };

	assert_int_equal(vp_state_put(db, &row, NULL), 0);
	row.name = "n2.x";
	row.mac = "52:54:00:00:00:02";
	row.ip = "127.0.0.2";
	row.reason = "<script>alert(1)</script>";
	assert_int_equal(vp_state_put(db, &row, NULL), 0);
}

static int setup_all(void **state)
{
	const char *const address = "127.0.0.1";
	struct vp_err err = { 0 };

	(void)state;
	arena = vp_arena_new();
	if (!mkdtemp(dir) || !(db = vp_state_open(dir, false, &err)))
		return -1;
	vp_mkdirs(vp_printf(arena, "%s/old", dir), 0755, NULL);
	vp_mkdirs(vp_printf(arena, "%s/key", dir), 0755, NULL);
	image = vp_alloc(arena, IMAGE);
	for (size_t i = 0; i < IMAGE; i++)
		image[i] = (char)(i * 2654435761u >> 13);
	put_file(DIGEST ".tar.zst", image, IMAGE);
	put_file("old/vmlinuz", "old", 3);
	put_file("key/vmlinuz", "kernel", 6);
	put_file("key/initrd", "", 0);
	http = vp_http_start(&(struct vp_http_opts){ .state = db,
						     .image_dir = dir,
						     .loader_dir = dir,
						     .guest = vp_printf(arena, "%s/vprov-guest", dir),
						     .addresses = &address,
						     .naddresses = 1,
						     .changed = on_changed,
						     .arg = dir },
			     &err);
	if (!http)
		print_message("%s\n", err.msg);
	return http ? 0 : -1;
}

static int teardown_all(void **state)
{
	(void)state;
	vp_http_stop(http);
	vp_state_close(db);
	vp_remove_tree(dir, NULL);
	vp_arena_free(arena);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	put_nodes();
	changes = 0;
	return 0;
}

static int connect_to_it(void)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons((uint16_t)vp_http_port(http)),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* Runs the server for what is there to do, and waits at most so long for more. */
static void turn(int fd, int ms)
{
	struct pollfd pfd[2] = { { vp_http_fd(http, 0), POLLIN, 0 }, { fd, POLLIN, 0 } };
	int wait = vp_http_run(http);

	poll(pfd, 2, wait >= 0 && wait < ms ? wait : ms);
	vp_http_run(http);
}

/* Sends it all, whether or not the server is still interested, and reads until the server closes. */
static struct vp_buf talk(const void *request, size_t len)
{
	int fd = connect_to_it();
	struct vp_buf out = { 0 };
	const char *p = request;
	char block[65536];

	for (;;) {
		ssize_t n = len ? send(fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else if (n < 0 && errno != EAGAIN) {
			len = 0;
		}
		turn(fd, len ? 0 : 2000);
		n = recv(fd, block, sizeof(block), MSG_DONTWAIT);
		if (n > 0)
			vp_buf_add(&out, block, (size_t)n);
		else if (n == 0 || errno != EAGAIN)
			break;
	}
	close(fd);
	vp_http_run(http);
	return out;
}

static const char *ask(const char *method, const char *path, const char *headers, const char *body)
{
	char *request = vp_printf(arena, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s", method, path, headers);
	struct vp_buf out;

	if (body)
		request = vp_printf(arena, "%sContent-Length: %zu\r\n\r\n%s", request, strlen(body), body);
	else
		request = vp_printf(arena, "%s\r\n", request);
	out = talk(request, strlen(request));
	request = vp_strndup(arena, vp_buf_str(&out), out.len);
	vp_buf_free(&out);
	return request;
}

static int status_of(const char *answer)
{
	return strncmp(answer, "HTTP/1.1 ", 9) ? 0 : atoi(answer + 9);
}

static int status(const char *method, const char *path, const char *body)
{
	return status_of(ask(method, path, "", body));
}

static const char *body_of(const char *answer)
{
	const char *p = strstr(answer, "\r\n\r\n");

	return p ? p + 4 : "";
}

/* How many events of a node hold the text. */
static unsigned events(const char *node, const char *text)
{
	struct vp_events all = { 0 };
	unsigned n = 0;

	assert_int_equal(vp_state_events(db, arena, node, 0, &all, NULL), 0);
	for (size_t i = 0; i < all.n; i++)
		n += !!strstr(all.items[i].text, text);
	return n;
}

static void the_configuration_is_handed_out_once(void **state)
{
	const char *first;

	(void)state;
	first = ask("GET", "/boot/n1.x/config?token=" TOKEN, "", NULL);
	assert_int_equal(status_of(first), 200);
	assert_string_equal(body_of(first), "NODE='n1.x'\n");
	assert_non_null(strstr(first, "Cache-Control: no-store"));
	/* The boot answer was turned to the disk, and the database knew it by then. */
	assert_int_equal(changes, 1);
	assert_false(armed_when_changed);
	assert_int_equal(row_of("n1.x").life, VP_CONFIG);
	assert_int_equal(row_of("n1.x").installs, 1);
	assert_int_equal(status("GET", "/boot/n1.x/config?token=" TOKEN, NULL), 409);
	assert_int_equal(row_of("n1.x").installs, 1);
	assert_int_equal(changes, 1);
}

/* Changes one value of n1.x. */
static void set_life(enum vp_life life, const char *json)
{
	struct vp_node_row row = row_of("n1.x");

	row.life = life;
	row.health = VP_OK;
	row.json = json;
	assert_int_equal(vp_state_put(db, &row, NULL), 0);
}

static void loaders_get_the_boot_answer(void **state)
{
	const char *script;

	(void)state;
	set_life(VP_DHCP, "{}");
	script = ask("GET", "/boot/ipxe?mac=52:54:00:00:00:01", "", NULL);
	assert_int_equal(status_of(script), 200);
	assert_non_null(strstr(script, "Cache-Control: no-store"));
	assert_int_equal(strncmp(body_of(script), "#!ipxe\n", 7), 0);
	assert_non_null(strstr(script, vp_printf(arena, "kernel --name kernel http://127.0.0.1:%u/boot/vmlinuz ", vp_http_port(http))));
	assert_non_null(strstr(script, "vprov.token=" TOKEN));
	assert_int_equal(row_of("n1.x").life, VP_LOADER);
	assert_int_equal(events("n1.x", "boot answer: install"), 1);
	script = ask("GET", "/boot/grub", "", NULL);
	assert_non_null(strstr(script, "'vprov.token=" TOKEN "'"));
	/* Another card at this address: a lease that is not true any more. */
	assert_int_equal(status("GET", "/boot/ipxe?mac=52:54:00:00:00:02", NULL), 403);
	assert_int_equal(status("HEAD", "/boot/ipxe", NULL), 405);
	assert_int_equal(status("GET", "/boot/lilo", NULL), 404);
	/* Once the configuration is out, it is the disk; and who asks has not booted from it. */
	assert_int_equal(status("GET", "/boot/n1.x/config?token=" TOKEN, NULL), 200);
	script = ask("GET", "/boot/ipxe", "", NULL);
	assert_null(strstr(script, TOKEN));
	assert_non_null(strstr(script, "exit 1\n"));
	assert_int_equal(row_of("n1.x").health, VP_FAILED);
	/* What is installed may look at the network first. */
	set_life(VP_ACKED, "{}");
	assert_int_equal(status("GET", "/boot/ipxe", NULL), 200);
	assert_int_equal(row_of("n1.x").health, VP_OK);
}

static void loaders_themselves_are_files(void **state)
{
	const char *file;

	(void)state;
	set_life(VP_DHCP, "{}");
	put_file("x.efi", "MZ", 2);
	file = ask("GET", "/boot/x.efi", "", NULL);
	assert_string_equal(body_of(file), "MZ");
	assert_int_equal(row_of("n1.x").life, VP_LOADER);
	assert_int_equal(status("GET", "/boot/.efi", NULL), 404);
	assert_int_equal(status("GET", "/boot/y.efi", NULL), 404);
}

static void who_is_not_the_node_is_refused(void **state)
{
	static const struct {
		const char *method, *path, *event;
	} cases[] = {
		{ "GET", "/boot/n1.x/config", "configuration refused: from 127.0.0.1, wrong token" },
		{ "GET", "/boot/n1.x/config?token=", NULL },
		{ "GET", "/boot/n1.x/config?token=0123456789abcdef0123456789abcdee", NULL },
		{ "GET", "/boot/n1.x/config?token=" TOKEN "0", NULL },
		{ "GET", "/boot/n2.x/config?token=" TOKEN, "configuration refused: from 127.0.0.1, not the node's address" },
		{ "GET", "/boot/n3.x/config?token=" TOKEN, NULL },
		{ "POST", "/node/n2.x/ack?token=" TOKEN, "ack refused: from 127.0.0.1, not the node's address" },
		{ "POST", "/node/n2.x/event?token=" TOKEN, NULL },
		{ "POST", "/node/n2.x/failed?token=" TOKEN, NULL },
		{ "POST", "/node/n2.x/up?token=" TOKEN, NULL },
		{ "POST", "/node/n2.x/result/R1/cpu?token=" TOKEN, NULL },
		{ "GET", "/node/n2.x/task?token=" TOKEN, NULL },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		const char *node = strstr(cases[i].path, "n2.x") ? "n2.x" : "n1.x";

		assert_int_equal(status(cases[i].method, cases[i].path, cases[i].method[0] == 'P' ? "unpack 1" : NULL), 403);
		assert_true(!cases[i].event || events(node, cases[i].event) > 0);
	}
	for (size_t i = 0; i < 2; i++) {
		struct vp_node_row r = row_of(i ? "n1.x" : "n2.x");

		assert_true(r.armed && !r.installs && r.life == VP_LOADER && r.health == VP_OK && r.task[0]);
	}
	assert_int_equal(changes, 0);
}

static void an_ended_or_empty_token_opens_nothing(void **state)
{
	struct vp_node_row r = row_of("n1.x");

	(void)state;
	r.token_live = false;
	vp_state_put(db, &r, NULL);
	assert_int_equal(status("POST", "/node/n1.x/ack?token=" TOKEN, ""), 403);
	r.token_live = true;
	r.token = "";
	vp_state_put(db, &r, NULL);
	assert_int_equal(status("POST", "/node/n1.x/ack?token=", ""), 403);
	r.token = TOKEN;
	r.ip = "";
	vp_state_put(db, &r, NULL);
	assert_int_equal(status("POST", "/node/n1.x/ack?token=" TOKEN, ""), 403);
	assert_int_equal(row_of("n1.x").life, VP_LOADER);
}

static void a_flood_of_forgeries_is_recorded_in_part(void **state)
{
	unsigned before = events("n2.x", "task refused"), after;

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(status("GET", "/node/n2.x/task?token=" TOKEN, NULL), 403);
	after = events("n2.x", "task refused");
	assert_in_range(after - before, 0, 60);
}

static void progress_failure_and_ack(void **state)
{
	(void)state;
	/* Before its configuration there is nothing that could be acknowledged; it stays armed. */
	assert_int_equal(status("POST", "/node/n1.x/ack?token=" TOKEN, ""), 403);
	assert_true(row_of("n1.x").armed && row_of("n1.x").life < VP_CONFIG);
	assert_int_equal(status("GET", "/boot/n1.x/config?token=" TOKEN, NULL), 200);
	assert_int_equal(status("POST", "/node/n1.x/event?token=" TOKEN, "unpack 40 of the image\n"), 200);
	assert_string_equal(row_of("n1.x").phase, "unpack");
	assert_int_equal(row_of("n1.x").percent, 40);
	assert_int_equal(row_of("n1.x").life, VP_INSTALLING);
	assert_int_equal(status("POST", "/node/n1.x/event?token=" TOKEN, "unpack 140"), 400);
	assert_int_equal(status("POST", "/node/n1.x/event?token=" TOKEN, ""), 400);
	changes = 0;
	assert_int_equal(status("POST", "/node/n1.x/ack?token=" TOKEN, NULL), 200);
	assert_int_equal(changes, 1);
	assert_int_equal(row_of("n1.x").life, VP_ACKED);
	/* Repeated: taken, and nothing happens. */
	assert_int_equal(status("POST", "/node/n1.x/ack?token=" TOKEN, ""), 200);
	assert_int_equal(changes, 1);
	assert_int_equal(status("POST", "/node/n1.x/up?token=" TOKEN, "root=/dev/vda1\nuuid=1\n"), 200);
	assert_int_equal(row_of("n1.x").life, VP_UP);
	assert_int_equal(events("n1.x", "root=/dev/vda1 uuid=1"), 1);
	assert_int_equal(status("POST", "/node/n1.x/up?token=" TOKEN, "root=/dev/vda1\n"), 200);
	/* Late: too late to fail. */
	assert_int_equal(status("POST", "/node/n1.x/failed?token=" TOKEN, "disk full"), 200);
	assert_int_equal(row_of("n1.x").health, VP_OK);
}

#define AII "/cgi-bin/aii-installack.cgi"

/* What a kickstart made for AII says at its end, without any token; and what AII answers. */
static void an_unmodified_kickstart_acknowledges(void **state)
{
	static const char *const claims[] = { AII, AII "?node=n1.x", AII "?node=n1&cdburl=http%3A%2F%2Fs%2Fprofiles", AII "?node=" };

	(void)state;
	for (size_t i = 0; i < vp_count(claims); i++) {
		const char *answer;

		put_nodes();
		changes = 0;
		answer = ask("GET", claims[i], "", NULL);
		assert_int_equal(status_of(answer), 200);
		assert_non_null(strstr(answer, "Content-Type: text/plain"));
		assert_string_equal(body_of(answer), "[INFO] aii-installack: host 'n1.x' configured to boot from local disk\n");
		assert_int_equal(row_of("n1.x").life, VP_ACKED);
		assert_false(row_of("n1.x").armed);
		assert_int_equal(changes, 1);
		/* Repeated: the same answer, and nothing happens. */
		assert_int_equal(status("GET", claims[i], NULL), 200);
		assert_int_equal(changes, 1);
	}
}

static void nobody_else_acknowledges(void **state)
{
	struct vp_node_row r;

	(void)state;
	assert_int_equal(status("GET", AII "?node=n2.x", NULL), 403);
	assert_int_equal(events("n1.x", "ack refused: from 127.0.0.1, 127.0.0.1 is not 'n2.x'"), 1);
	assert_int_equal(status("GET", AII "?node=n", NULL), 403);
	assert_int_equal(status("POST", AII, ""), 405);
	r = row_of("n1.x");
	r.life = VP_DHCP;
	assert_int_equal(vp_state_put(db, &r, NULL), 0);
	assert_non_null(strstr(ask("GET", AII, "", NULL), "[ERROR] aii-installack: host 'n1.x' is not being installed"));
	assert_int_equal(row_of("n1.x").life, VP_DHCP);
	assert_true(row_of("n1.x").armed);
	r.ip = "127.0.0.3";
	assert_int_equal(vp_state_put(db, &r, NULL), 0);
	assert_non_null(strstr(ask("GET", AII, "", NULL), "[ERROR] aii-installack: invalid hostname (127.0.0.1)"));
	assert_int_equal(changes, 0);
}

static void a_failure_has_its_reason(void **state)
{
	(void)state;
	assert_int_equal(status("POST", "/node/n1.x/failed?token=" TOKEN, "no disk\033[31m of 20 GiB"), 200);
	assert_int_equal(row_of("n1.x").health, VP_FAILED);
	assert_string_equal(row_of("n1.x").reason, "no disk?[31m of 20 GiB");
	assert_int_equal(status("POST", "/node/n1.x/ack?token=" TOKEN, ""), 403);
	assert_int_equal(row_of("n1.x").health, VP_FAILED);
	assert_int_not_equal(row_of("n1.x").life, VP_ACKED);
}

static void tasks_and_results(void **state)
{
	char *raw = vp_alloc(arena, VP_MAX_HTTP_BODY + 2);
	struct vp_results all = { 0 };
	const char *body;

	(void)state;
	memset(raw, 'x', VP_MAX_HTTP_BODY);
	body = body_of(ask("GET", "/node/n1.x/task?token=" TOKEN, "", NULL));
	assert_int_equal(strncmp(body, "verify R1 1 2 3\nhost=", 21), 0);
	assert_true(fabs(strtod(body + 21, NULL) - vp_wall()) < 60);
	assert_int_equal(status("POST", "/node/n1.x/result/R1/cpu?token=" TOKEN, "line\n"), 200);
	assert_int_equal(status("POST", "/node/n1.x/result/R1/large?token=" TOKEN, raw), 200);
	assert_int_equal(status("POST", "/node/n1.x/result/R/cpu?token=" TOKEN, "x"), 409);
	assert_int_equal(status("POST", "/node/n1.x/result/R2/cpu?token=" TOKEN, "x"), 409);
	assert_int_equal(status("POST", "/node/n1.x/result/R2/done?token=" TOKEN, ""), 200);
	assert_string_equal(row_of("n1.x").task, "verify R1 1 2 3");
	assert_int_equal(status("POST", "/node/n1.x/result/R1/done?token=" TOKEN, ""), 200);
	assert_string_equal(row_of("n1.x").task, "");
	assert_int_equal(status("POST", "/node/n1.x/result/R1/done?token=" TOKEN, ""), 200);
	assert_string_equal(body_of(ask("GET", "/node/n1.x/task?token=" TOKEN, "", NULL)), "none\n");
	assert_int_equal(vp_state_results(db, arena, "n1.x", NULL, &all, NULL), 0);
	assert_int_equal(all.n, 2);
	assert_string_equal(all.items[0].data, "line\n");
	assert_int_equal(all.items[1].len, VP_MAX_HTTP_BODY);
}

static void bodies_end_at_their_limits(void **state)
{
	char *text = vp_alloc(arena, VP_MAX_HTTP_BODY + 2);
	struct vp_buf chunked = { 0 }, out;

	(void)state;
	memset(text, 'x', VP_MAX_HTTP_BODY + 1);
	assert_int_equal(status("POST", "/node/n1.x/result/R1/cpu?token=" TOKEN, text), 413);
	text[VP_MAX_EVENT + 1] = '\0';
	assert_int_equal(status("POST", "/node/n1.x/event?token=" TOKEN, text), 413);
	memcpy(text, "unpack 50 ", 10);
	text[VP_MAX_EVENT] = '\0';
	assert_int_equal(status("POST", "/node/n1.x/event?token=" TOKEN, text), 200);
	/* Without a length there is nothing to look at beforehand: the connection ends. */
	vp_buf_adds(&chunked, "POST /node/n1.x/event?token=" TOKEN " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 20; i++)
		vp_buf_addf(&chunked, "400\r\n%.*s\r\n", 0x400, text);
	out = talk(chunked.data, chunked.len);
	assert_int_not_equal(status_of(vp_buf_str(&out)), 200);
	vp_buf_free(&chunked);
	vp_buf_free(&out);
	assert_int_equal(status("GET", "/status.json", NULL), 200);
}

static void methods_and_paths(void **state)
{
	static const struct {
		const char *method, *path;
		int want;
	} cases[] = {
		{ "GET", "/", 200 },
		{ "HEAD", "/", 200 },
		{ "GET", "/status.json", 200 },
		{ "POST", "/", 405 },
		{ "PUT", "/boot/vmlinuz", 405 },
		{ "DELETE", "/status.json", 405 },
		{ "HEAD", "/boot/n1.x/config?token=" TOKEN, 405 },
		{ "GET", "/node/n1.x/ack?token=" TOKEN, 405 },
		{ "POST", "/boot/n1.x/config?token=" TOKEN, 405 },
		{ "GE", "/", 405 },
		{ "GET,", "/", 405 },
		{ "GET", "/boot/vmlinuz", 200 },
		{ "GET", "/boot/initrd", 200 },
		{ "GET", "/boot/image.json", 404 },
		{ "GET", "/boot/", 404 },
		{ "GET", "/boot", 404 },
		{ "GET", "//boot/vmlinuz", 404 },
		{ "GET", "/boot/vmlinuz/", 404 },
		{ "GET", "/image/" DIGEST ".tar.zst", 200 },
		{ "GET", "/image/" DIGEST, 404 },
		{ "GET", "/image/" DIGEST ".tar.zst/x", 404 },
		{ "GET", "/image/efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef.tar.zst", 404 },
		{ "GET", "/image/../vprov.db", 404 },
		{ "GET", "/image/%2e%2e/vprov.db", 404 },
		{ "GET", "/image/%2e%2e%2fvprov.db", 404 },
		{ "GET", "/image/" DIGEST ".tar.zst%00", 200 },
		{ "GET", "/vprov.db", 404 },
		{ "GET", "/boot/..%2f..%2fn1.x/config?token=" TOKEN, 404 },
		{ "POST", "/node/n1.x/result/../cpu?token=" TOKEN, 404 },
		{ "POST", "/node/n1.x/result/R1/.cpu?token=" TOKEN, 404 },
		{ "POST", "/node/n1.x/result/R1/a%2fb?token=" TOKEN, 404 },
		{ "POST", "/node/n1.x/result/R1?token=" TOKEN, 404 },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		int got = status(cases[i].method, cases[i].path, cases[i].method[0] == 'P' ? "" : NULL);

		if (got != cases[i].want)
			fail_msg("%s %s: %d instead of %d", cases[i].method, cases[i].path, got, cases[i].want);
	}
	assert_non_null(strstr(ask("POST", "/status.json", "", ""), "Allow: GET, HEAD\r\n"));
	assert_int_equal(row_of("n1.x").installs, 0);
}

static void the_kernel_belongs_to_the_image(void **state)
{
	struct vp_node_row r = row_of("n1.x");

	(void)state;
	assert_string_equal(body_of(ask("GET", "/boot/vmlinuz", "", NULL)), "kernel");
	assert_int_equal(row_of("n1.x").life, VP_KERNEL);
	assert_int_equal(status("GET", "/boot/initrd", NULL), 200);
	r.image = "gone";
	vp_state_put(db, &r, NULL);
	assert_int_equal(status("GET", "/boot/vmlinuz", NULL), 404);
	/* A peer that is no node at all. */
	r.ip = "127.0.0.9";
	vp_state_put(db, &r, NULL);
	assert_int_equal(status("GET", "/boot/vmlinuz", NULL), 404);
}

/* n1.x, armed with a distribution's installer */
static void arm_with_installer(void)
{
	struct vp_node_row r = row_of("n1.x");

	put_file("linux", "its kernel", 10);
	r.method = "preseed";
	r.uuid = "11111111-2222-4333-8444-555555555555";
	r.kernel = vp_printf(arena, "%s/linux", dir);
	r.initrd = "http://mirror/initrd";
	r.cmdline = "auto=true";
	r.script = "#!/bin/sh\n";
	assert_int_equal(vp_state_put(db, &r, NULL), 0);
}

static void an_installer_is_for_the_armed_node_only(void **state)
{
	struct vp_node_row r;
	const char *got;

	(void)state;
	/* Armed with vprov's own image: there is none. */
	assert_int_equal(status("GET", "/boot/n1.x/kernel", NULL), 404);
	arm_with_installer();
	got = ask("GET", "/boot/n1.x/kernel", "Range: bytes=4-9\r\n", NULL);
	assert_int_equal(status_of(got), 206);
	assert_string_equal(body_of(got), "kernel");
	assert_int_equal(row_of("n1.x").life, VP_KERNEL);
	assert_int_equal(events("n1.x", "GET /boot/n1.x/kernel"), 1);
	/* Not from here: the loader has its URL. */
	assert_int_equal(status("GET", "/boot/n1.x/initrd", NULL), 404);
	assert_int_equal(status("GET", "/boot/n1.x/linux", NULL), 404);
	assert_int_equal(status("GET", "/boot/n1.x/../kernel", NULL), 404);
	assert_int_equal(status("GET", "/boot/n2.x/kernel", NULL), 403);
	assert_int_equal(events("n2.x", "installer refused: from 127.0.0.1, not the node's address"), 1);
	assert_int_equal(status("GET", "/boot/n3.x/kernel", NULL), 403);
	r = row_of("n1.x");
	r.armed = false;
	vp_state_put(db, &r, NULL);
	assert_int_equal(status("GET", "/boot/n1.x/kernel", NULL), 403);
	assert_int_equal(events("n1.x", "installer refused: from 127.0.0.1, the node is not armed"), 1);
}

#define SEED "/boot/n1.x/" TOKEN "/"

static void cloud_init_has_its_three_files(void **state)
{
	(void)state;
	arm_with_installer();
	for (int i = 0; i < 2; i++) {
		assert_string_equal(body_of(ask("GET", SEED "meta-data", "", NULL)),
				    "instance-id: 11111111-2222-4333-8444-555555555555\nlocal-hostname: n1\n");
		assert_int_equal(status("GET", SEED "vendor-data", NULL), 200);
		assert_string_equal(body_of(ask("GET", SEED "script", "", NULL)), "#!/bin/sh\n");
		assert_int_equal(status("GET", SEED "network-config", NULL), 404);
		assert_int_equal(row_of("n1.x").installs, (unsigned)i);
		assert_int_equal(status("GET", SEED "user-data", NULL), i ? 409 : 200);
	}
	assert_int_equal(changes, 1);
	assert_int_equal(row_of("n1.x").life, VP_CONFIG);
	assert_int_equal(status("GET", "/boot/n1.x/0123456789abcdef0123456789abcdee/meta-data", NULL), 403);
	assert_int_equal(status("GET", "/boot/n2.x/" TOKEN "/user-data", NULL), 403);
	assert_int_equal(row_of("n2.x").installs, 0);
	/* It does not matter what else is said. */
	assert_int_equal(status("GET", "/boot/n1.x/0123456789abcdef0123456789abcdee/meta-data?token=" TOKEN, NULL), 403);
	assert_int_equal(status("HEAD", SEED "user-data", NULL), 405);
}

static void the_program_of_nodes_is_for_everybody(void **state)
{
	(void)state;
	put_file("vprov-guest", "ELF", 3);
	assert_string_equal(body_of(ask("GET", "/guest/vprov-guest", "", NULL)), "ELF");
	assert_int_equal(status("GET", "/guest/vmlinuz", NULL), 404);
	assert_int_equal(status("GET", "/guest/old/vmlinuz", NULL), 404);
}

static void ranges(void **state)
{
	static const struct {
		const char *range;
		int want;
		size_t first, len;
	} cases[] = {
		{ "", 200, 0, IMAGE },
		{ "Range: bytes=0-0\r\n", 206, 0, 1 },
		{ "Range: bytes=1000000-\r\n", 206, 1000000, IMAGE - 1000000 },
		{ "Range: bytes=5-9\r\n", 206, 5, 5 },
		{ "Range: bytes=5-99999999999\r\n", 206, 5, IMAGE - 5 },
		{ "Range: bytes=-10\r\n", 206, IMAGE - 10, 10 },
		{ "Range: bytes=-99999999999\r\n", 206, 0, IMAGE },
		{ "Range: bytes=3145728-\r\n", 416, 0, 0 },
		{ "Range: bytes=-0\r\n", 416, 0, 0 },
		{ "Range: bytes=9-5\r\n", 200, 0, IMAGE },
		{ "Range: bytes=0-1,3-4\r\n", 200, 0, IMAGE },
		{ "Range: lines=1-2\r\n", 200, 0, IMAGE },
		{ "Range: bytes=99999999999999999999-\r\n", 200, 0, IMAGE },
		{ "Range: bytes=-\r\n", 200, 0, IMAGE },
		{ "Range: bytes=5-9\r\nIf-Range: \"x\"\r\n", 200, 0, IMAGE },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		char *request = vp_printf(arena, "GET /image/" DIGEST ".tar.zst HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", cases[i].range);
		struct vp_buf out = talk(request, strlen(request));
		const char *body = body_of(vp_buf_str(&out));

		assert_int_equal(status_of(out.data), cases[i].want);
		if (cases[i].want == 206)
			assert_non_null(strstr(out.data, vp_printf(arena, "Content-Range: bytes %zu-%zu/%u\r\n", cases[i].first,
								   cases[i].first + cases[i].len - 1, IMAGE)));
		if (cases[i].want != 416) {
			assert_int_equal(out.len - (size_t)(body - out.data), cases[i].len);
			assert_memory_equal(body, image + cases[i].first, cases[i].len);
		}
		vp_buf_free(&out);
	}
	assert_non_null(strstr(ask("HEAD", "/image/" DIGEST ".tar.zst", "", NULL), "Content-Length: 3145728\r\n"));
}

/* An installer that says nothing: what was acknowledged tells how far it is. */
static void downloads_are_progress(void **state)
{
	/* Sparse, and far larger than what sockets hold. */
	static const char large[] = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd.tar.zst";
	const char *request = vp_printf(arena, "GET /image/%s HTTP/1.1\r\nHost: x\r\nRange: bytes=33554432-\r\n\r\n", large);
	char block[65536];
	int fd, small = 65536;
	size_t got = 0;

	(void)state;
	put_file(large, "", 0);
	assert_int_equal(truncate(vp_printf(arena, "%s/%s", dir, large), 64 << 20), 0);
	assert_int_equal(status("GET", "/boot/n1.x/config?token=" TOKEN, NULL), 200);
	fd = connect_to_it();
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
	while (got < (8u << 20)) {
		ssize_t n;

		turn(fd, 1000);
		n = recv(fd, block, sizeof(block), MSG_DONTWAIT);
		if (n > 0)
			got += (size_t)n;
	}
	vp_http_tick(http);
	assert_string_equal(row_of("n1.x").phase, "unpack");
	/* It resumed at half of the file; what the client has read is the least that was acknowledged. */
	assert_in_range(row_of("n1.x").percent, 50 + 8 * 100 / 64, 99);
	assert_int_equal(status("POST", "/node/n1.x/event?token=" TOKEN, "unpack 7"), 200);
	turn(fd, 0);
	vp_http_tick(http);
	/* One that does say something is believed. */
	assert_int_equal(row_of("n1.x").percent, 7);
	close(fd);
	turn(-1, 100);
	vp_http_tick(http);
}

static void the_pages_hide_secrets_and_escape(void **state)
{
	const char *page, *json;

	(void)state;
	page = ask("GET", "/", "", NULL);
	json = ask("GET", "/status.json", "", NULL);
	assert_non_null(strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt;"));
	assert_null(strstr(page, "<script>"));
	assert_non_null(strstr(page, "\r\nContent-Security-Policy: default-src 'none'; script-src 'nonce-"));
	assert_null(strstr(page, TOKEN));
	assert_null(strstr(json, TOKEN));
	assert_null(strstr(json, "NODE="));
	for (const char *const *key = (const char *const[]){ "name", "state", "since", "reason", "virt", "host", "progress", NULL }; *key; key++)
		assert_non_null(strstr(json, vp_printf(arena, "\"%s\":", *key)));
	assert_non_null(strstr(json, "\"state\": \"loader\""));
}

static const char *metrics(void)
{
	return ask("GET", "/metrics", "", NULL);
}

static void requests_are_counted(void **state)
{
	(void)state;
	assert_int_equal(status("GET", "/nowhere", NULL), 404);
	assert_int_equal(status_of(ask("GET", "/boot/vmlinuz", "Range: bytes=0-1\r\n", NULL)), 206);
	assert_non_null(strstr(metrics(), "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_non_null(strstr(metrics(), "vprov_http_requests_total{route=\"none\",status=\"404\"} "));
	assert_non_null(strstr(metrics(), "vprov_http_requests_total{route=\"/boot/*\",status=\"206\"} "));
	/* Whole files were sent by then. */
	assert_true(strtoull(strchr(strstr(metrics(), "sent_bytes_total{route=\"/image/*\"}"), ' '), NULL, 10) > IMAGE);
}

/* Reads what there is within some turns. */
static const char *hear(int fd, int turns)
{
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	char block[65536];

	for (int i = 0; i < turns; i++) {
		ssize_t n;

		turn(fd, 20);
		n = recv(fd, block, sizeof(block), MSG_DONTWAIT);
		if (n > 0)
			vp_buf_add(&out, block, (size_t)n);
	}
	return vp_strdup(arena, vp_buf_str(&out));
}

static void listeners_hear_and_are_bounded(void **state)
{
	static const char request[] = "GET /live HTTP/1.1\r\nHost: x\r\n\r\n";
	int fds[9];
	const char *got;

	(void)state;
	for (size_t i = 0; i < vp_count(fds); i++) {
		fds[i] = connect_to_it();
		assert_int_equal(send(fds[i], request, strlen(request), 0), strlen(request));
		got = hear(fds[i], 5);
		assert_int_equal(status_of(got), i < 8 ? 200 : 503);
		assert_int_equal(!!strstr(got, "event: names\n"), i < 8);
	}
	assert_int_equal(vp_state_evidence(db, "n1.x", VP_EV_KERNEL, NULL, -1, "a kernel was fetched", NULL), 0);
	usleep(950000);
	vp_http_tick(http);
	got = hear(fds[3], 5);
	assert_non_null(strstr(got, "data: n1.x\n"));
	assert_non_null(strstr(got, "a kernel was fetched"));
	assert_non_null(strstr(metrics(), "\nvprov_page_listeners 8\n"));
	for (size_t i = 0; i < vp_count(fds); i++)
		close(fds[i]);
	/* That they are gone is noticed when there is something to say, or a heartbeat is due. */
	for (int i = 0; i < 2; i++) {
		vp_state_event(db, "n1.x", "http", vp_printf(arena, "news %d", i), NULL);
		usleep(950000);
		vp_http_tick(http);
		turn(-1, 20);
		turn(-1, 20);
	}
	assert_non_null(strstr(metrics(), "\nvprov_page_listeners 0\n"));
}

static void the_page_can_have_an_address_of_its_own(void **state)
{
	const char *const address = "127.0.0.1", *const other = "127.0.0.3";
	struct vp_http *mine = http;
	struct vp_err err = { 0 };
	int seen;

	(void)state;
	http = vp_http_start(
		&(struct vp_http_opts){ .state = db, .image_dir = dir, .status = { .address = address }, .addresses = &other, .naddresses = 1 },
		&err);
	assert_non_null(http);
	/* Whichever descriptor it has: all are served by a turn. */
	seen = status("GET", "/status.json", NULL);
	assert_int_equal(seen, 200);
	assert_int_equal(status("GET", "/metrics", NULL), 200);
	assert_int_equal(status("GET", "/boot/vmlinuz", NULL), 404);
	/* The networks change; a network's address has what nodes need only. */
	assert_int_equal(vp_http_listen(http, NULL, 0, &err), 0);
	assert_int_equal(vp_http_fd(http, 1), -1);
	assert_int_equal(status("GET", "/status.json", NULL), 200);
	vp_http_stop(http);
	http = vp_http_start(
		&(struct vp_http_opts){ .state = db, .image_dir = dir, .status = { .address = other }, .addresses = &address, .naddresses = 1 },
		&err);
	assert_non_null(http);
	assert_int_equal(status("GET", "/", NULL), 404);
	assert_int_equal(status("GET", "/live", NULL), 404);
	assert_int_equal(status("GET", "/boot/vmlinuz", NULL), 200);
	vp_http_stop(http);
	http = mine;
}

/* Sends without waiting for an answer, and goes. */
static void throw_at_it(const char *data, size_t len)
{
	int fd = connect_to_it();

	for (int i = 0; i < 100 && len; i++) {
		ssize_t n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			break;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
		turn(-1, 1);
	}
	close(fd);
	turn(-1, 1);
}

static void garbage_is_survived(void **state)
{
	char *noise = vp_alloc(arena, 200000);
	struct vp_buf out;

	(void)state;
	for (unsigned i = 0; i < 200000; i++)
		noise[i] = (char)((i + 1) * 2654435761u >> 11);
	for (size_t len = 1; len < 200000; len = len * 3 + 1) {
		throw_at_it(noise, len);
		/* The same behind a request that is not complete. */
		memcpy(noise, "POST /node/n1.x/ack HTTP/1.1\r\n", 30);
		throw_at_it(noise, len);
	}
	memset(noise, 'a', 100000);
	memcpy(noise, "GET /", 5);
	memcpy(noise + 100000, " HTTP/1.1\r\n\r\n", 13);
	out = talk(noise, 100013);
	assert_in_range(status_of(vp_buf_str(&out)), 400, 499);
	vp_buf_free(&out);
	assert_int_equal(status("GET", "/", NULL), 200);
}

static void one_address_cannot_take_all_connections(void **state)
{
	int fds[64];

	(void)state;
	for (size_t i = 0; i < vp_count(fds); i++) {
		fds[i] = connect_to_it();
		turn(-1, 0);
	}
	/* The last ones are closed at once, the first ones still wait for a request. */
	turn(-1, 50);
	assert_int_equal(recv(fds[63], &(char){ 0 }, 1, MSG_DONTWAIT), 0);
	assert_int_equal(recv(fds[0], &(char){ 0 }, 1, MSG_DONTWAIT), -1);
	for (size_t i = 0; i < vp_count(fds); i++)
		close(fds[i]);
	turn(-1, 50);
	turn(-1, 50);
	assert_int_equal(status("GET", "/", NULL), 200);
}

static void a_taken_port_is_told(void **state)
{
	const char *const address = "127.0.0.1", *const wrong = "127.0.0.1x";
	struct vp_http_opts o = {
		.state = db, .image_dir = dir, .loader_dir = dir, .addresses = &address, .naddresses = 1, .port = vp_http_port(http)
	};
	struct vp_err err = { 0 };

	(void)state;
	assert_null(vp_http_start(&o, &err));
	assert_int_equal(err.code, VP_E_HTTP);
	assert_non_null(strstr(err.msg, "Address already in use"));
	o.addresses = &wrong;
	assert_null(vp_http_start(&o, &err));
}

static void give_task(const char *task)
{
	struct vp_node_row row = row_of("n1.x");

	row.task = task;
	assert_int_equal(vp_state_put(db, &row, NULL), 0);
}

/* One look at what a guest has written; the answer, and how many frames were taken. */
static const char *frames(struct vp_buf *in, const char *text, int *taken)
{
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	struct vp_err err = { 0 };

	vp_buf_adds(in, text);
	for (*taken = 0; vp_agent_frame(db, "n1.x", in, &out, &err) == 1; ++*taken)
		;
	assert_string_equal(err.msg, "");
	return vp_strdup(arena, vp_buf_str(&out));
}

static void a_channel_asks_as_http_does(void **state)
{
	vp_cleanup(vp_buf_free) struct vp_buf in = { 0 };
	struct vp_results raw = { 0 };
	const char *said;
	int taken;

	(void)state;
	/* Whether it is up, the network tells. */
	assert_string_equal(frames(&in, "VPROV 1.a GET /node/n1.x/task 0\n", &taken), "VPROV 1.a 409 0\n");
	set_life(VP_UP, "{}");
	give_task("verify C1 1 2 3");
	said = frames(&in, "VPROV 1.b GET /node/n1.x/task 0\n", &taken);
	assert_non_null(strstr(said, " 200 "));
	assert_non_null(strstr(said, "\nverify C1 1 2 3\nhost="));
	/* In pieces; two at once. */
	assert_string_equal(frames(&in, "VPROV 2 POST /node/n1.x/resu", &taken), "");
	assert_string_equal(frames(&in, "lt/C1/cpu 4\nab", &taken), "");
	assert_int_equal(taken, 0);
	assert_string_equal(frames(&in, "\n\nVPROV 3 POST /node/n1.x/result/C1/x 1\nyVPROV 4", &taken), "VPROV 2 200 0\nVPROV 3 200 0\n");
	assert_int_equal(vp_state_results(db, arena, "n1.x", "C1", &raw, NULL), 0);
	assert_int_equal(raw.n, 2);
	assert_memory_equal(raw.items[0].data, "ab\n\n", 4);
	assert_true(events("n1.x", "result cpu of C1, 4 bytes, by its channel") > 0);
	/* What is left of another life of the guest is no frame; the next line is one. */
	assert_string_equal(frames(&in, " \nrubbish\nVPROV 5 POST /node/n1.x/result/C1/done 0\n", &taken), "VPROV 5 200 0\n");
	assert_string_equal(row_of("n1.x").task, "");
	assert_int_equal(in.len, 0);
}

static void a_channel_opens_nothing_else(void **state)
{
	static const struct {
		const char *frame, *answer;
	} cases[] = {
		/* Another node; what a guest has to prove by its address and its secret. */
		{ "VPROV 1 GET /node/n2.x/task 0\n", "VPROV 1 404 0\n" },
		{ "VPROV 1 POST /node/n1.x/ack 0\n", "VPROV 1 404 0\n" },
		{ "VPROV 1 POST /node/n1.x/failed 0\n", "VPROV 1 404 0\n" },
		{ "VPROV 1 GET /boot/n1.x/config 0\n", "VPROV 1 404 0\n" },
		{ "VPROV 1 POST /node/n1.x/result/../x 0\n", "VPROV 1 404 0\n" },
		{ "VPROV 1 POST /node/n1.x/task 0\n", "VPROV 1 405 0\n" },
		{ "VPROV 1 POST /node/n1.x/result/R2/cpu 1\nx", "VPROV 1 409 0\n" },
		/* No frames. */
		{ "VPROV 1 GET /node/n1.x/task\n", "" },
		{ "VPROV 1 GET /node/n1.x/task 1x\n", "" },
		{ "VPROV 1 GET /node/n1.x/task -1\n", "" },
		{ "VPROV 1 POST /node/n1.x/result/C1/cpu 99999999\n", "" },
		{ "VPROV 99999999999999999999999999999999 GET /node/n1.x/task 0\n", "" },
		{ "VPROV  GET /node/n1.x/task 0\n", "" },
		{ "vprov 1 GET /node/n1.x/task 0\n", "" },
	};
	struct vp_frame f;
	int taken;

	(void)state;
	set_life(VP_UP, "{}");
	give_task("verify C1 1 2 3");
	for (size_t i = 0; i < vp_count(cases); i++) {
		vp_cleanup(vp_buf_free) struct vp_buf in = { 0 };

		assert_string_equal(frames(&in, cases[i].frame, &taken), cases[i].answer);
		assert_int_equal(in.len, 0);
	}
	assert_int_equal(vp_frame_parse("VPROV 1 GET /\0 0\n", 18, &f), -1);
	assert_int_equal(vp_frame_parse(image, 5000, &f), -1);
	assert_true(f.head > 0);
	assert_string_equal(row_of("n1.x").task, "verify C1 1 2 3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_configuration_is_handed_out_once, setup),
		cmocka_unit_test_setup(loaders_get_the_boot_answer, setup),
		cmocka_unit_test_setup(loaders_themselves_are_files, setup),
		cmocka_unit_test_setup(who_is_not_the_node_is_refused, setup),
		cmocka_unit_test_setup(an_installer_is_for_the_armed_node_only, setup),
		cmocka_unit_test_setup(an_ended_or_empty_token_opens_nothing, setup),
		cmocka_unit_test_setup(an_unmodified_kickstart_acknowledges, setup),
		cmocka_unit_test_setup(nobody_else_acknowledges, setup),
		cmocka_unit_test_setup(a_flood_of_forgeries_is_recorded_in_part, setup),
		cmocka_unit_test_setup(progress_failure_and_ack, setup),
		cmocka_unit_test_setup(a_failure_has_its_reason, setup),
		cmocka_unit_test_setup(tasks_and_results, setup),
		cmocka_unit_test_setup(a_channel_asks_as_http_does, setup),
		cmocka_unit_test_setup(a_channel_opens_nothing_else, setup),
		cmocka_unit_test_setup(bodies_end_at_their_limits, setup),
		cmocka_unit_test_setup(methods_and_paths, setup),
		cmocka_unit_test_setup(the_kernel_belongs_to_the_image, setup),
		cmocka_unit_test_setup(cloud_init_has_its_three_files, setup),
		cmocka_unit_test_setup(the_program_of_nodes_is_for_everybody, setup),
		cmocka_unit_test_setup(ranges, setup),
		cmocka_unit_test_setup(downloads_are_progress, setup),
		cmocka_unit_test_setup(the_pages_hide_secrets_and_escape, setup),
		cmocka_unit_test_setup(requests_are_counted, setup),
		cmocka_unit_test_setup(listeners_hear_and_are_bounded, setup),
		cmocka_unit_test_setup(the_page_can_have_an_address_of_its_own, setup),
		cmocka_unit_test_setup(garbage_is_survived, setup),
		cmocka_unit_test_setup(one_address_cannot_take_all_connections, setup),
		cmocka_unit_test_setup(a_taken_port_is_told, setup),
	};

	return cmocka_run_group_tests_name("http", tests, setup_all, teardown_all);
}
