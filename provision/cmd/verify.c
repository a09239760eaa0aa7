// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../verify/certificate.h"
#include "../verify/tools.h"
#include "durability.h"
#include "hosts.h"
#include "together.h"

/* How often everything is measured: one run tells that a node works, a block how fast it is, more blocks what one cannot. */
static const struct suite {
	const char *name;
	unsigned runs;
} suites[] = { { "quick", 1 }, { "standard", VP_STAT_BLOCK }, { "full", VP_STAT_BLOCK *VP_STAT_LOOKS } };

static const struct suite *suite_of(const struct vp_ctx *c, struct vp_err *err)
{
	static struct suite own = { "own", 0 };
	const char *name = c->suite ? c->suite : "quick";

	own.runs = c->runs;
	if (c->runs && !c->suite)
		return &own;
	if (c->runs) {
		vp_fail(err, VP_E_USAGE, "--runs or --suite, not both");
		return NULL;
	}
	for (size_t i = 0; i < vp_count(suites); i++)
		if (!strcmp(suites[i].name, name))
			return &suites[i];
	vp_fail(err, VP_E_USAGE, "--suite %s: not quick, standard or full", name);
	return NULL;
}

static const char *session_name(struct vp_arena *a)
{
	time_t now = (time_t)vp_wall();
	char stamp[32];

	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime(&now));
	return vp_strdup(a, stamp);
}

/* Runs of a session sort by their names. */
static const char *run_name(struct vp_arena *a, const char *session, unsigned i, unsigned n)
{
	return n > 1 ? vp_printf(a, "%s.%02u", session, i) : session;
}

int vp_find_node(struct vp_state *s, struct vp_arena *a, const char *name, struct vp_node_row *row, struct vp_err *err)
{
	int rc = vp_state_node(s, a, name, row, err);

	return rc == 1 ? 0 : rc < 0 ? -1 : vp_fail(err, VP_E_NOTFOUND, "there is no node '%s'", name);
}

/* --- Guests --- */

/* What of a session is to be: so that a verdict knows whether this is its last look. */
struct plan {
	const char *session;
	unsigned runs;
	/* Groups of metrics; "": all. */
	const char *only;
	/* Whom they measure the network to besides, and its address; "": nobody. */
	const char *peer, *address;
	/* After so many runs each node is started anew; 0: never. */
	unsigned each;
};

/* A guest that does not turn itself off in this time is turned off; a hypervisor may take a while until it can be started again. */
#define OFF_SECONDS   90
#define START_SECONDS 10

/* The node's agent asks for a task at least once a minute: it is left in its row. */
static int ask(struct vp_world *w, const struct plan *p, const char *name, const char *run, struct vp_err *err)
{
	const char *design = vp_printf(w->arena, "runs=%u\nonly=%s\npeer=%s\n", p->runs, p->only, p->peer);
	struct vp_node_row row;
	json_t *j, *v;

	if (vp_find_node(w->state, w->arena, name, &row, err))
		return -1;
	if (row.life < VP_UP)
		return vp_fail(err, VP_E_VERIFY, "node %s is not up (%s)", row.name, vp_life_name(row.life));
	j = json_loads(row.json, 0, NULL);
	v = json_object_get(j, "verify");
	row.task = vp_printf(w->arena, "verify %s %lld %lld %lld%s%s%s%s", run, (long long)json_integer_value(json_object_get(v, "cpu_laps")),
			     (long long)json_integer_value(json_object_get(v, "net_seconds")),
			     (long long)json_integer_value(json_object_get(v, "disk_mib")), *p->only ? " only=" : "", p->only,
			     *p->address ? " peer=" : "", p->address);
	json_decref(j);
	if (vp_state_result_put(w->state, name, run, "design", design, strlen(design), err))
		return -1;
	row.life = VP_UP;
	row.health = VP_OK;
	row.last_evidence = vp_wall();
	return vp_state_put(w->state, &row, err) || w->service(w, err) ? -1 : 0;
}

static bool is_off(struct vp_hv *hv, const char *node)
{
	struct vp_virt_dom dom = { 0 };

	return hv->ops->lookup(hv, node, &dom, NULL) == 1 && !dom.active;
}

/* Off and on: memory, caches and placement are others in each life of a machine. */
static int boot_anew(struct vp_world *w, const char *node, struct vp_err *err)
{
	struct vp_hv *hv = w->hv;
	double end = vp_wall() + OFF_SECONDS;
	int rc;

	if (!hv)
		return vp_fail(err, VP_E_VIRT, "node %s cannot be started anew: its hypervisor cannot be reached", node);
	hv->ops->shutdown(hv, node, NULL);
	while (!is_off(hv, node) && vp_wall() < end && !vp_interrupted)
		usleep(200000);
	if (!is_off(hv, node) && hv->ops->destroy(hv, node, err))
		return -1;
	end = vp_wall() + START_SECONDS;
	while ((rc = hv->ops->start(hv, node, NULL, err)) && vp_wall() < end && !vp_interrupted)
		sleep(1);
	return rc ? -1 : vp_state_event(w->state, node, "vprov", "started anew, to be measured in another life of its machine", err);
}

/* Every node once more, each by itself, there and back: what changes with time changes for all of them. An exit status, the worst. */
static int one_run(struct vp_ctx *c, struct vp_world *w, const struct plan *p, unsigned i, bool show, struct vp_err *err)
{
	const char *run = run_name(c->arena, p->session, i, p->runs);
	int level = vp_out.level, worst = VP_EXIT_OK;

	for (size_t k = 0; k < c->nargs; k++) {
		const char *node = c->args[i % 2 ? k : c->nargs - 1 - k];
		int rc;

		if ((p->each && i > 1 && (i - 1) % p->each == 0 && boot_anew(w, node, err)) || ask(w, p, node, run, err))
			return vp_ctx_error(c, err);
		vp_out.level = show ? level : -1;
		rc = vp_watch(w, &node, NULL, 1, err);
		vp_out.level = level;
		if (rc && rc != VP_EXIT_VERIFY)
			return rc;
		worst = rc ? rc : worst;
	}
	return worst;
}

/* Whether more runs could tell more: of a metric that is judged by its loss and is not clear yet. */
static bool unclear(struct vp_world *w, const char *const *nodes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct vp_verification v = { 0 };
		struct vp_node_row row;
		json_t *expect;

		if (vp_find_node(w->state, w->arena, nodes[i], &row, NULL))
			continue;
		expect = json_loads(row.json, 0, NULL);
		if (!vp_verify_stored(w->state, w->arena, nodes[i], NULL, expect, NULL, NULL, &v, NULL))
			for (size_t k = 0; k < v.n; k++)
				if (v.metrics[k].verdict == VP_INCONCLUSIVE && v.metrics[k].nbase) {
					json_decref(expect);
					return true;
				}
		json_decref(expect);
	}
	return false;
}

/* The node that listens while others measure the network to it; not one of these. */
static int serve(struct vp_world *w, const struct plan *p, bool begin, struct vp_err *err)
{
	struct vp_node_row row;

	if (vp_find_node(w->state, w->arena, p->peer, &row, err))
		return -1;
	if (begin && row.life < VP_UP)
		return vp_fail(err, VP_E_VERIFY, "node %s, the peer, is not up (%s)", row.name, vp_life_name(row.life));
	row.task = begin ? vp_printf(w->arena, "serve %s", p->session) : "";
	return vp_state_put(w->state, &row, err);
}

/* Whom: a node, whose address is in its row and which then listens (1), or an address (0). -1 where it is neither. */
static int find_peer(struct vp_ctx *c, struct vp_world *w, struct plan *p, struct vp_err *err)
{
	struct vp_node_row row;
	struct in_addr in;
	json_t *j, *nic;

	p->peer = p->address = "";
	if (!c->peer)
		return 0;
	p->peer = c->peer;
	p->address = c->peer;
	if (inet_pton(AF_INET, c->peer, &in) == 1)
		return 0;
	for (size_t i = 0; i < c->nargs; i++)
		if (!strcmp(c->args[i], c->peer))
			return vp_fail(err, VP_E_USAGE, "--peer %s: it is one of those that measure", c->peer);
	if (vp_find_node(w->state, w->arena, c->peer, &row, err))
		return -1;
	j = json_loads(row.json, 0, NULL);
	nic = json_array_get(json_object_get(j, "nics"), 0);
	p->address = vp_strdup(c->arena, json_string_value(json_object_get(nic, "ip")) ? json_string_value(json_object_get(nic, "ip")) : "");
	json_decref(j);
	if (!*p->address)
		return vp_fail(err, VP_E_VERIFY, "node %s, the peer, has no address in its profile", c->peer);
	return serve(w, p, true, err) ? -1 : 1;
}

static int measure(struct vp_ctx *c, const struct suite *suite, struct vp_err *err)
{
	struct plan p = { .session = session_name(c->arena), .runs = suite->runs, .only = c->only ? c->only : "" };
	struct vp_world w;
	int rc = vp_world_open(c, true, &w), serves;

	if (rc)
		return rc;
	p.each = c->boots > 1 ? (p.runs + c->boots - 1) / c->boots : 0;
	serves = find_peer(c, &w, &p, err);
	if (serves < 0) {
		vp_world_close(&w);
		return vp_ctx_error(c, err);
	}
	for (unsigned i = 1; i <= suite->runs; i++) {
		if (suite->runs > 1 && !c->json)
			vp_say("run %u of %s%u", i, suite->runs > VP_STAT_BLOCK ? "at most " : "", suite->runs);
		rc = one_run(c, &w, &p, i, suite->runs == 1 && !c->json, err);
		if (rc && rc != VP_EXIT_VERIFY)
			break;
		if (i % VP_STAT_BLOCK == 0 && !unclear(&w, c->args, c->nargs))
			break;
	}
	if (serves && serve(&w, &p, false, err))
		vp_warn("%s", err->msg);
	if (rc != VP_EXIT_INTERRUPTED && vp_service_idle(&w) && vp_service_stop(w.state_dir, err))
		vp_warn("%s", err->msg);
	vp_world_close(&w);
	return rc;
}

/* --- The machine itself --- */

#define OWN_DIR "/etc/vprov/verify.d"

struct bare {
	struct vp_ctx *c;
	struct vp_state *state;
	/* "host:NAME", and the settings of the node that it is to be compared with. */
	const char *name;
	json_t *expect;
	const char *guest, *dir;
};

static int run_tool(struct bare *b, const char *run, const char *result, const char *const *argv, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	struct vp_child child = { .argv = argv, .out = &out, .timeout_ms = 3600 * 1000 };

	return vp_run(&child, err) || vp_state_result_put(b->state, b->name, run, result, vp_buf_str(&out), out.len, err) ? -1 : 0;
}

/* The floor of what a node's disk can promise: as the node does it; where fio is installed. */
static int bare_fio(struct bare *b, const char *run, struct vp_err *err)
{
	const char *dir = vp_printf(b->c->arena, "--directory=%s", b->dir), *file = vp_printf(b->c->arena, "%s/durable.0.0", b->dir);
	int rc = access("/usr/bin/fio", X_OK)
			 ? 0
			 : run_tool(b, run, "fio",
				    (const char *const[]){ "fio", "--output-format=json", "--name=durable", dir, "--rw=write", "--bs=4k", "--size=4m",
							   "--fdatasync=1", "--time_based", "--runtime=5", NULL },
				    err);

	unlink(file);
	return rc;
}

/* Names a tool that there is: as agents of nodes take them. */
static int is_own(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return dot && dot != e->d_name && vp_tool_known(dot + 1);
}

/* The site's own tests, which the machine has in the same place as nodes. */
static int bare_own(struct bare *b, const char *run, struct vp_err *err)
{
	struct dirent **list = NULL;
	int n = scandir(OWN_DIR, &list, is_own, alphasort), rc = 0;

	for (int i = 0; i < n; i++) {
		const char *path = vp_printf(b->c->arena, OWN_DIR "/%s", list[i]->d_name);

		if (!rc && !access(path, X_OK))
			rc = run_tool(b, run, vp_strdup(b->c->arena, list[i]->d_name), (const char *const[]){ path, NULL }, err);
		free(list[i]);
	}
	free(list);
	return rc;
}

static int bare_run(struct bare *b, const char *run, struct vp_err *err)
{
	struct vp_arena *a = b->c->arena;
	json_t *v = json_object_get(b->expect, "verify");
	uint64_t mib = (uint64_t)json_integer_value(json_object_get(v, "disk_mib"));
	const char *laps = vp_printf(a, "%lld", (long long)json_integer_value(json_object_get(v, "cpu_laps")));
	const char *size, *ram;

	/* As the node does it: twice its memory, not the machine's. */
	mib = mib ? mib : 2 * (uint64_t)json_integer_value(json_object_get(b->expect, "memory_mib"));
	size = vp_printf(a, "%ju", (uintmax_t)mib);
	ram = vp_printf(a, "%ju", (uintmax_t)mib / 2);
	return run_tool(b, run, "proof", (const char *const[]){ b->guest, "proof", "127.0.0.1", NULL }, err) ||
	       run_tool(b, run, "cpu", (const char *const[]){ b->guest, "cpu", laps, NULL }, err) ||
	       run_tool(b, run, "bonnie",
			(const char *const[]){ "bonnie++", "-q", "-d", b->dir, "-u", "root", "-n", "0", "-f", "-D", "-s", size, "-r", ram, NULL },
			err) ||
	       bare_fio(b, run, err) || bare_own(b, run, err);
}

/* Under the node's settings, so that both do the same work. */
static int bare_expect(struct bare *b, const char *node, struct vp_err *err)
{
	struct vp_node_row row;
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	b->name = vp_printf(b->c->arena, "host:%s", vp_printable(b->c->arena, host, 64));
	if (vp_find_node(b->state, b->c->arena, node, &row, err))
		return -1;
	b->expect = json_loads(row.json, 0, NULL);
	if (!b->expect)
		return vp_fail(err, VP_E_STATE, "node %s: its row is damaged", node);
	json_object_set_new(b->expect, "name", json_string(b->name));
	json_object_set_new(b->expect, "virt", json_string("host"));
	/* Nothing is asked of the machine: it is what others are compared with. */
	json_object_del(json_object_get(b->expect, "verify"), "tolerances");
	return 0;
}

static int measure_bare(struct vp_ctx *c, const struct suite *suite, struct vp_err *err)
{
	struct bare b = { .c = c, .guest = vp_printf(c->arena, "%s/vprov-guest", vp_ctx_lib(c, "guest")) };
	const char *session = session_name(c->arena);
	struct vp_verification v = { 0 };
	int rc = 0;

	b.state = vp_state_open(c->state_dir, false, err);
	b.dir = vp_printf(c->arena, "%s/verify", c->state_dir);
	if (!b.state || bare_expect(&b, c->args[0], err) || vp_mkdirs(b.dir, 0700, err))
		rc = -1;
	for (unsigned i = 1; !rc && i <= suite->runs; i++) {
		if (!c->json)
			vp_say("run %u of %u", i, suite->runs);
		rc = bare_run(&b, run_name(c->arena, session, i, suite->runs), err);
	}
	rmdir(b.dir);
	if (!rc)
		rc = vp_verify_finish(b.state, c->arena, b.name, b.expect, &v, err);
	if (!rc && c->json)
		vp_print_json(json_pack("{s:[o]}", "nodes", vp_verify_json(&v)));
	else if (!rc && vp_out.level >= 0)
		vp_verify_print(&v, stdout);
	json_decref(b.expect);
	vp_state_close(b.state);
	if (rc)
		return vp_ctx_error(c, err);
	return v.verdict == VP_PASS || v.verdict == VP_INCONCLUSIVE ? VP_EXIT_OK : VP_EXIT_VERIFY;
}

/* --- What is stored --- */

static int write_certificate(struct vp_ctx *c, const struct vp_verification *v, const struct vp_results *raw, json_t *expect,
			     const struct vp_samples *known, struct vp_err *err)
{
	json_t *j = vp_certificate_make(c->arena, c->state_dir, v, raw, expect, known, err);
	char *text;
	int rc;

	if (!j)
		return -1;
	text = json_dumps(j, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
	rc = vp_write_file(c->output, text, strlen(text), 0644, err);
	free(text);
	json_decref(j);
	return rc;
}

/* A stored run, judged again from its raw outputs. */
static int print_stored(struct vp_ctx *c, struct vp_state *s, const char *node, json_t *list, struct vp_err *err)
{
	struct vp_verification v = { 0 };
	struct vp_results raw = { 0 };
	struct vp_samples known = { 0 };
	struct vp_node_row row;
	json_t *expect;
	int rc;

	if (vp_find_node(s, c->arena, node, &row, err))
		return -1;
	expect = json_loads(row.json, 0, NULL);
	rc = vp_verify_stored(s, c->arena, node, c->run && strcmp(c->run, "last") ? c->run : NULL, expect, &raw, &known, &v, err);
	if (!rc && c->output)
		rc = write_certificate(c, &v, &raw, expect, &known, err);
	json_decref(expect);
	if (rc)
		return -1;
	json_array_append_new(list, vp_verify_json(&v));
	if (!c->json && vp_out.level >= 0)
		vp_verify_print(&v, stdout);
	return v.verdict == VP_PASS || v.verdict == VP_INCONCLUSIVE ? 0 : vp_fail(err, VP_E_VERIFY, "node %s: verification failed", node);
}

static int recheck(struct vp_ctx *c, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	struct vp_certificate cert;

	if (vp_read_file(c->recheck, VP_MAX_CERTIFICATE, &text, err) || vp_certificate_check(c->arena, c->state_dir, vp_buf_str(&text), &cert, err))
		return vp_context(err, "%s", c->recheck);
	if (c->json)
		vp_print_json(json_pack("{s:[o], s:s, s:b, s:s}", "nodes", vp_verify_json(&cert.v), "signer", cert.signer, "ours", cert.ours,
					"differs", cert.differs));
	else
		vp_certificate_print(&cert, stdout);
	if (*cert.differs)
		return vp_fail(err, VP_E_VERIFY, "%s: %s", c->recheck, cert.differs);
	return cert.v.verdict == VP_PASS || cert.v.verdict == VP_INCONCLUSIVE ? 0
									      : vp_fail(err, VP_E_VERIFY, "node %s: verification failed", cert.node);
}

/* --- Power cuts --- */

static int durability(struct vp_ctx *c, struct vp_err *err)
{
	json_t *list = json_array();
	struct vp_world w;
	int rc = vp_world_open(c, true, &w), worst = rc;

	for (size_t i = 0; !rc && i < c->nargs && !vp_interrupted; i++) {
		*err = (struct vp_err){ 0 };
		if (vp_durability(c, c->args[i], &w, list, err))
			worst = vp_ctx_error(c, err);
	}
	if (!rc)
		vp_world_close(&w);
	if (c->json)
		vp_print_json(json_pack("{s:O}", "durability", list));
	json_decref(list);
	return worst;
}

/* What makes no sense together. */
static int check_options(const struct vp_ctx *c, struct vp_err *err)
{
	if (c->recheck && (c->nargs || c->durability || c->run || c->suite || c->host || c->output))
		return vp_fail(err, VP_E_USAGE, "--recheck takes a file and nothing else");
	if (c->boots && (c->recheck || c->run || c->host || c->together || c->durability))
		return vp_fail(err, VP_E_USAGE, "--boots is of what nodes measure by themselves");
	if (c->peer && (c->recheck || c->run || c->host || c->together || c->durability))
		return vp_fail(err, VP_E_USAGE, "--peer is of what nodes measure by themselves");
	if (c->only && (c->recheck || c->run || c->host || c->durability))
		return vp_fail(err, VP_E_USAGE, "--only is of what nodes measure");
	if (c->only && strspn(c->only, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_,") != strlen(c->only))
		return vp_fail(err, VP_E_USAGE, "--only %s: names of groups with commas between them", vp_printable(c->arena, c->only, 64));
	if (!c->recheck && !c->nargs)
		return vp_fail(err, VP_E_USAGE, "which node?");
	if (c->host && (c->nargs != 1 || c->run || c->output))
		return vp_fail(err, VP_E_USAGE, "--host takes one node, as which the machine is measured");
	if (c->output && c->nargs != 1)
		return vp_fail(err, VP_E_USAGE, "a certificate is of one node");
	if (c->durability && (c->together || c->host || c->run || c->output || c->suite))
		return vp_fail(err, VP_E_USAGE, "--durability takes nodes and nothing else");
	if (c->together && (c->host || c->run || c->output || c->recheck))
		return vp_fail(err, VP_E_USAGE, "--together measures nodes, and keeps what they do");
	if (c->run && (c->suite || c->runs))
		return vp_fail(err, VP_E_USAGE, "--run prints what was measured, --suite measures");
	return 0;
}

static int verify_all(struct vp_ctx *c, void *arg)
{
	vp_cleanup(vp_state_closep) struct vp_state *s = NULL;
	json_t *list;
	struct vp_err err = { 0 };
	const struct suite *suite = suite_of(c, &err);
	bool shown;
	int rc = 0;

	(void)arg;
	if (!suite || check_options(c, &err))
		return vp_ctx_error(c, &err);
	if (c->recheck)
		return recheck(c, &err) ? vp_ctx_error(c, &err) : VP_EXIT_OK;
	if (c->host)
		return measure_bare(c, suite, &err);
	if (c->durability)
		return durability(c, &err);
	if (c->together)
		return vp_together(c, session_name(c->arena), suite->runs, &err);
	if (!c->run)
		rc = measure(c, suite, &err);
	/* One run has printed its table by itself. */
	shown = !c->run && suite->runs == 1 && !c->json && !c->output;
	if (shown || rc == VP_EXIT_FAILED || rc == VP_EXIT_INTERRUPTED || rc == VP_EXIT_USAGE)
		return rc;
	list = json_array();
	s = vp_state_open(c->state_dir, !c->output, &err);
	for (size_t i = 0; i < c->nargs; i++)
		if (!s || print_stored(c, s, c->args[i], list, &err))
			rc = vp_ctx_error(c, &err);
	if (c->json)
		vp_print_json(json_pack("{s:O}", "nodes", list));
	json_decref(list);
	return rc;
}

int vp_cmd_verify(struct vp_ctx *c)
{
	/* Those that are measured together are so by one service. */
	return c->together || c->recheck || !c->nargs ? verify_all(c, NULL) : vp_on_their_hypervisors(c, verify_all, NULL);
}
