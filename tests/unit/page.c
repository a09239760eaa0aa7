// SPDX-License-Identifier: Apache-2.0
/* The status page, what its listeners are told, and the metrics, as text; a state database in a directory of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../provision/state/service.h"
#include "../../pxe/metrics.h"
#include "../../pxe/status.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define EVIL  "<script>alert('1')</script>\r\n\033[31m&\u202e"

static struct vp_arena *arena;
static char dir[] = "/tmp/page.XXXXXX";
static struct vp_state *db;
static struct vp_buf text;

static int setup(void **state)
{
	(void)state;
	arena = vp_arena_new();
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	return mkdtemp(dir) && (db = vp_state_open(dir, false, NULL)) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	vp_state_close(db);
	vp_remove_tree(dir, NULL);
	vp_buf_free(&text);
	vp_arena_free(arena);
	return 0;
}

static void put(const char *name, enum vp_life life, enum vp_health health)
{
	const struct vp_node_row row = {
		.name = name, .life = life, .health = health, .token = TOKEN, .config = "PASSWORD=$6$salt$0123456789abcdef", .since = 1700000000
	};

	assert_int_equal(vp_state_put(db, &row, NULL), 0);
}

static void put_console(const char *name, const char *what)
{
	const char *consoles = vp_printf(arena, "%s/console", dir);

	vp_mkdirs(consoles, 0755, NULL);
	assert_int_equal(vp_write_file(vp_printf(arena, "%s/%s.log", consoles, name), what, strlen(what), 0644, NULL), 0);
}

/* What a listener that has seen *seen is told once the board may look again. */
static const char *told(struct vp_board *b, uint64_t *seen)
{
	usleep(950000);
	assert_int_equal(vp_board_look(b, NULL), 0);
	vp_buf_free(&text);
	vp_board_events(b, seen, &text);
	return vp_buf_str(&text);
}

static const char *card(const struct vp_node_row *row, const struct vp_events *events, const char *console)
{
	struct vp_page_node n = { .row = row, .console = console };

	if (events)
		n.events = *events;
	vp_buf_free(&text);
	vp_page_node(&n, &text);
	return text.data;
}

static void everything_is_escaped(void **state)
{
	struct vp_event event = { .time = 1, .node = EVIL, .source = EVIL, .text = EVIL };
	const struct vp_events events = { .items = &event, .n = 1 };
	const struct vp_node_row row = { .name = EVIL,
					 .virt = EVIL,
					 .host = EVIL,
					 .mac = EVIL,
					 .ip = EVIL,
					 .life = VP_INSTALLING,
					 .health = VP_FAILED,
					 .phase = EVIL,
					 .percent = 4000,
					 .reason = EVIL };
	const char *html = card(&row, &events, vp_page_console(arena, EVIL, strlen(EVIL)));

	(void)state;
	assert_null(strstr(html, "<script"));
	assert_null(strchr(html, '\r'));
	assert_null(strchr(html, '\033'));
	assert_null(strstr(html, "\u202e"));
	assert_non_null(strstr(html, "&lt;script&gt;alert(&apos;1&apos;)&lt;/script&gt;"));
	/* The row is one line: it goes into an event as it is. */
	assert_ptr_equal(strchr(html, '\n'), html + strlen(html) - 1);
}

static void secrets_are_hidden(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "vprov.token=" TOKEN " quiet", "vprov.token=[hidden] quiet" },
		{ TOKEN, "[hidden]" },
		{ TOKEN "0", TOKEN "0" },
		{ "0123456789abcdef", "0123456789abcdef" },
		{ "root:$6$salt$abcdefghij./0123:1", "root:[hidden]:1" },
		{ "$y$j9T$abcdefghijkl$mnop x", "[hidden] x" },
		{ "$1 costs $2", "$1 costs $2" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++)
		assert_string_equal(vp_page_hide(arena, cases[i].in), cases[i].out);
}

static void consoles_become_text(void **state)
{
	static const char bytes[] =
		"\033[2J\033[1;1Hfirst\r\n\n 10 %\r 20 %\r 30 %\n\033]0;title\007a\0b\tc\xff\n$6$salt$0123456789abcdef\nlast, without an end";
	vp_cleanup(vp_buf_free) struct vp_buf many = { 0 };
	const char *got;
	size_t lines = 1;

	(void)state;
	assert_string_equal(vp_page_console(arena, bytes, sizeof(bytes) - 1), "first\n 30 %\nab c?\n[hidden]\nlast, without an end");
	assert_string_equal(vp_page_console(arena, "", 0), "");
	for (int i = 0; i < 1000; i++)
		vp_buf_addf(&many, "line %d %0500d\n", i, 0);
	got = vp_page_console(arena, many.data, many.len);
	for (const char *p = got; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 14);
	assert_true(strlen(got) < 14 * 181);
	assert_non_null(strstr(got, "line 999 "));
}

static void each_state_has_a_word_and_a_sign(void **state)
{
	static const struct {
		enum vp_life life;
		enum vp_health health;
		const char *task, *sign, *word, *where;
	} cases[] = {
		{ VP_DEFINED, VP_OK, "", "#i-wait", "</svg>defined<", "not installed" },
		{ VP_ARMED, VP_OK, "", "#i-wait", "</svg>armed<", "armed" },
		{ VP_KERNEL, VP_OK, "", "#i-busy", "</svg>kernel<", "kernel" },
		{ VP_INSTALLING, VP_OK, "", "#i-busy", "</svg>installing<", "unpack 40 %" },
		{ VP_INSTALLING, VP_SLOW, "", "#i-slow", "</svg>slow<", "unpack 40 %" },
		{ VP_INSTALLING, VP_STALLED, "", "#i-bad", "</svg>stalled<", "unpack 40 %" },
		{ VP_INSTALLING, VP_FAILED, "", "#i-bad", "</svg>failed<", "unpack 40 %" },
		{ VP_DHCP, VP_UNKNOWN, "", "#i-bad", "</svg>unknown<", "dhcp" },
		{ VP_UP, VP_OK, "verify R1", "#i-busy", "</svg>up<", "being measured" },
		{ VP_UP, VP_OK, "", "#i-done", "</svg>up<", "runs from its disk" },
		{ VP_VERIFIED, VP_OK, "", "#i-done", "</svg>verified<", "measured, good" },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		bool installs = cases[i].life == VP_INSTALLING;
		const struct vp_node_row row = { .name = "n",
						 .life = cases[i].life,
						 .health = cases[i].health,
						 .task = cases[i].task,
						 .phase = installs ? "unpack" : "",
						 .percent = installs ? 40 : 0,
						 .reason = "",
						 .virt = "",
						 .host = "" };
		const char *html = card(&row, NULL, "");

		assert_non_null(strstr(html, cases[i].sign));
		assert_non_null(strstr(html, cases[i].word));
		assert_non_null(strstr(html, vp_printf(arena, "class=\"where\">%s<", cases[i].where)));
	}
}

static void listeners_are_told_what_changed(void **state)
{
	struct vp_board *b = vp_board_new(db, dir);
	uint64_t seen = 0, late = 0;
	const char *got;

	(void)state;
	assert_non_null(strstr(told(b, &seen), "event: names\ndata: \n\n"));
	put("a.x", VP_ARMED, VP_OK);
	put("b.x", VP_ARMED, VP_OK);
	got = told(b, &seen);
	assert_non_null(strstr(got, "event: node\ndata: a.x\ndata: <tbody"));
	assert_non_null(strstr(got, "event: node\ndata: b.x\n"));
	assert_non_null(strstr(got, "event: counts\n"));
	assert_string_equal(told(b, &seen), "");

	assert_int_equal(vp_state_evidence(db, "b.x", VP_EV_LEASE, NULL, -1, "lease 10.0.0.1", NULL), 0);
	got = told(b, &seen);
	assert_null(strstr(got, "data: a.x\n"));
	assert_non_null(strstr(got, "lease 10.0.0.1"));

	put_console("a.x", "Booting\n");
	got = told(b, &seen);
	assert_non_null(strstr(got, "data: a.x\n"));
	assert_non_null(strstr(got, "Booting"));
	assert_null(strstr(got, "event: counts"));

	assert_int_equal(vp_state_drop(db, "a.x", NULL), 0);
	assert_non_null(strstr(told(b, &seen), "event: gone\ndata: a.x\n\n"));
	/* One that comes later is told everything that is. */
	got = told(b, &late);
	assert_non_null(strstr(got, "event: names\ndata: \ndata: b.x\n\n"));
	assert_null(strstr(got, "a.x"));
	vp_board_free(b);
}

static void hostile_names_cannot_frame_events(void **state)
{
	struct vp_board *b = vp_board_new(db, dir);
	uint64_t seen = 0;
	const char *got;

	(void)state;
	put("x\n\nevent: gone\ndata: y", VP_ARMED, VP_OK);
	put("../../../etc/passwd", VP_KERNEL, VP_OK);
	got = told(b, &seen);
	assert_null(strstr(got, "\nevent: gone"));
	assert_null(strstr(got, "root:"));
	vp_board_free(b);
}

static void the_page_shows_no_secret(void **state)
{
	struct vp_board *b = vp_board_new(db, dir);
	const char *bad, *good;

	(void)state;
	put("good.x", VP_UP, VP_OK);
	put("node.x", VP_KERNEL, VP_FAILED);
	vp_state_event(db, "node.x", "http", "GET /boot/node.x/config?token=" TOKEN, NULL);
	put_console("node.x", "Command line: vprov.token=" TOKEN "\n");
	assert_int_equal(vp_board_look(b, NULL), 0);
	vp_board_page(b, "abc", &text);
	assert_null(strstr(text.data, TOKEN));
	assert_null(strstr(text.data, "PASSWORD"));
	assert_non_null(strstr(text.data, "<script nonce=\"abc\">"));
	assert_non_null(strstr(text.data, "<noscript><meta http-equiv=\"refresh\""));
	/* What needs somebody comes first. */
	bad = strstr(text.data, "data-name=\"node.x\"");
	good = strstr(text.data, "data-name=\"good.x\"");
	assert_true(bad && good && bad < good);
	vp_board_free(b);
}

static uint64_t counter(const char *name)
{
	const struct vp_tally none = { 0 };
	const char *at;

	vp_buf_free(&text);
	assert_int_equal(vp_metrics(db, &none, &text, NULL), 0);
	at = strstr(text.data, vp_printf(arena, "\nvprov_installs_%s_total ", name));
	assert_non_null(at);
	return strtoull(strrchr(vp_strndup(arena, at, strcspn(at + 1, "\n") + 1), ' '), NULL, 10);
}

static void installations_are_counted_once(void **state)
{
	struct vp_node_row row = { .name = "n.x", .life = VP_KERNEL, .armed = true, .token = TOKEN };

	(void)state;
	assert_int_equal(vp_state_put(db, &row, NULL), 0);
	assert_int_equal(counter("begun"), 0);
	assert_int_equal(vp_state_take_config(db, "n.x", NULL), 1);
	assert_int_equal(vp_state_take_config(db, "n.x", NULL), 0);
	assert_int_equal(counter("begun"), 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(vp_state_evidence(db, "n.x", VP_EV_CONFIG, NULL, -1, "", NULL), 0);
		assert_int_equal(vp_state_evidence(db, "n.x", VP_EV_UP, NULL, -1, "", NULL), 0);
		assert_int_equal(counter("succeeded"), 1);
	}
	/* A failure of one that is up is none of an installation. */
	assert_int_equal(vp_state_evidence(db, "n.x", VP_EV_VERIFY_FAILED, NULL, -1, "", NULL), 0);
	assert_int_equal(counter("failed"), 0);
	for (int i = 0; i < 2; i++) {
		put("m.x", VP_CONFIG, VP_OK);
		assert_int_equal(vp_state_evidence(db, "m.x", VP_EV_FAILED, NULL, -1, "no disk", NULL), 0);
		assert_int_equal(vp_state_evidence(db, "m.x", VP_EV_FAILED, NULL, -1, "no disk", NULL), 0);
		assert_int_equal(vp_state_health(db, "m.x", VP_FAILED, "the domain is gone", NULL), 0);
		assert_int_equal(counter("failed"), 2 * i + 1);
		put("m.x", VP_CONFIG, VP_OK);
		assert_int_equal(vp_state_health(db, "m.x", VP_FAILED, "the domain is gone", NULL), 0);
		assert_int_equal(counter("failed"), 2 * i + 2);
	}
	/* The nodes go, what was counted stays. */
	assert_int_equal(vp_state_drop(db, "m.x", NULL), 0);
	assert_int_equal(counter("failed"), 4);
}

static void phases_are_kept_as_a_histogram(void **state)
{
	const struct vp_tally none = { 0 };

	(void)state;
	put("n.x", VP_ARMED, VP_OK);
	assert_int_equal(vp_phase_begin(db, "n.x", "switched on", NULL), 0);
	assert_int_equal(vp_state_evidence(db, "n.x", VP_EV_LEASE, NULL, -1, "a lease", NULL), 0);
	assert_int_equal(vp_state_evidence(db, "n.x", VP_EV_CONFIG, NULL, -1, "its configuration", NULL), 0);
	assert_int_equal(vp_metrics(db, &none, &text, NULL), 0);
	assert_null(strstr(text.data, "vprov_phase_seconds_bucket"));
	assert_int_equal(vp_state_evidence(db, "n.x", VP_EV_UP, NULL, -1, "root=/dev/vda1", NULL), 0);
	vp_buf_free(&text);
	assert_int_equal(vp_metrics(db, &none, &text, NULL), 0);
	assert_non_null(strstr(text.data, "vprov_phase_seconds_bucket{phase=\"dhcp\",le=\"3600\"} 1\n"
					  "vprov_phase_seconds_bucket{phase=\"dhcp\",le=\"+Inf\"} 1\nvprov_phase_seconds_sum{phase=\"dhcp\"} "));
	assert_non_null(strstr(text.data, "vprov_phase_seconds_count{phase=\"dhcp\"} 1\n"));
}

static void metrics_are_what_was_tallied(void **state)
{
	struct vp_tally t = { .refused = 7, .listeners = 2 };

	(void)state;
	put("n.x", VP_INSTALLING, VP_SLOW);
	vp_tally_request(&t, VP_ROUTE_IMAGE, 200, 1000);
	vp_tally_request(&t, VP_ROUTE_IMAGE, 206, 10);
	vp_tally_request(&t, VP_ROUTE_IMAGE, 206, 10);
	/* More kinds of status than there is room for are one. */
	for (unsigned i = 0; i < 40; i++)
		vp_tally_request(&t, VP_ROUTE__NONE, 400 + i, 1);
	assert_int_equal(vp_metrics(db, &t, &text, NULL), 0);
	for (const char *const *want = (const char *const[]){ "\nvprov_http_requests_total{route=\"/image/*\",status=\"200\"} 1\n",
							      "\nvprov_http_requests_total{route=\"/image/*\",status=\"206\"} 2\n",
							      "\nvprov_http_sent_bytes_total{route=\"/image/*\"} 1020\n",
							      "\nvprov_http_requests_total{route=\"none\",status=\"0\"} 27\n",
							      "\nvprov_nodes{state=\"installing\",health=\"slow\"} 1\n",
							      "\nvprov_nodes{state=\"installing\",health=\"ok\"} 0\n",
							      "\nvprov_http_refused_total 7\n", "\nvprov_page_listeners 2\n", NULL };
	     *want; want++)
		if (!strstr(text.data, *want))
			fail_msg("no %s in\n%s", *want, text.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(everything_is_escaped, setup, teardown),
		cmocka_unit_test_setup_teardown(secrets_are_hidden, setup, teardown),
		cmocka_unit_test_setup_teardown(consoles_become_text, setup, teardown),
		cmocka_unit_test_setup_teardown(each_state_has_a_word_and_a_sign, setup, teardown),
		cmocka_unit_test_setup_teardown(listeners_are_told_what_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_names_cannot_frame_events, setup, teardown),
		cmocka_unit_test_setup_teardown(the_page_shows_no_secret, setup, teardown),
		cmocka_unit_test_setup_teardown(installations_are_counted_once, setup, teardown),
		cmocka_unit_test_setup_teardown(phases_are_kept_as_a_histogram, setup, teardown),
		cmocka_unit_test_setup_teardown(metrics_are_what_was_tallied, setup, teardown),
	};

	return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
