// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"

static const struct vp_cmd commands[] = {
	{ "check", "PROFILE...", "read and validate profiles; every problem with file, line and profile path", vp_cmd_check, 1, ~0u },
	{ "show", "PROFILE...", "the node as vprov understands it, with where each value came from", vp_cmd_show, 1, ~0u },
	{ "render", "KIND PROFILE", "print one artefact: domain, kickstart, preseed, autoinstall, pxelinux, ipxe, grub, dnsmasq ...", vp_cmd_render,
	  2, 2 },
	{ "plan", "PROFILE...", "what apply would do, and why; changes nothing", vp_cmd_plan, 1, ~0u },
	{ "apply", "PROFILE...", "make it so: network, disks, domain, installation, verification", vp_cmd_apply, 1, ~0u },
	{ "status", "[NODE...]", "what each node is doing and whether it is well", vp_cmd_status, 0, ~0u },
	{ "log", "[NODE]", "events of a node", vp_cmd_log, 0, 1 },
	{ "console", "NODE", "its serial console: the log, or with a terminal the live console", vp_cmd_console, 1, 1 },
	{ "verify", "NODE...", "measure again, and judge against a baseline; --recheck judges a certificate", vp_cmd_verify, 0, ~0u },
	{ "compare", "[NODE...]", "what was measured side by side: losses with their intervals, ranks where there are any", vp_cmd_compare, 0, ~0u },
	{ "report", "[NODE...]", "all of it as a page, as CSV or JSON", vp_cmd_report, 0, ~0u },
	{ "rebuild", "NODE...", "the same node again from nothing, by its profile", vp_cmd_rebuild, 1, ~0u },
	{ "destroy", "NODE...", "gone without a trace: domain, disks, taps, bridge, leases, state", vp_cmd_destroy, 1, ~0u },
	{ "net", "up|down|show [PROFILE...]", "the host's own network, bridges and taps alone; confirm, rollback: a change that waits", vp_cmd_net, 1,
	  ~0u },
	{ "pxe", "list|arm|disarm|rescue [NODE...]", "what nodes boot from the network, and how to change it", vp_cmd_pxe, 1, ~0u },
	{ "serve", "", "the boot service in the foreground: DHCP, TFTP, HTTP for the nodes of the state directory", vp_cmd_serve, 0, 0 },
	{ "schema", "", "the profile paths that vprov reads", vp_cmd_schema, 0, 0 },
	{ "help", "[COMMAND|CODE]", "this page, a command, or the meaning of an error code", vp_cmd_help, 0, 1 },
	{ "version", "", "version of vprov and of its libraries", vp_cmd_version, 0, 0 },
};

/* One row per option: parses and prints the help. `only` lists the commands that know it; NULL: all. */
static const struct vp_option {
	const char *name;
	char letter;
	const char *arg;
	const char *only;
	const char *help;
} options[] = {
	{ "connect", 'c', "URI", NULL, "libvirt connection" },
	{ "state-dir", 's', "DIR", NULL, "where vprov keeps its state" },
	{ "config", 'C', "FILE", NULL, "site configuration (default /etc/vprov/vprov.conf)" },
	{ "virt", 'V', "TYPE", NULL, "xen-para, xen-hvm, kvm or qemu; decides over the profile" },
	{ "json", 'j', NULL, NULL, "machine-readable output" },
	{ "quiet", 'q', NULL, NULL, "errors only" },
	{ "verbose", 'v', NULL, NULL, "say more" },
	{ "no-color", 'n', NULL, NULL, "no colour" },
	{ "help", 'h', NULL, NULL, "help of the command" },
	{ "unused", 'U', NULL, "show", "what no rule reads: ignored on purpose, and unknown; with -v every path" },
	{ "markdown", 'm', NULL, "schema", "as docs/profile-reference.md" },
	{ "exit-code", 'x', NULL, "plan", "exit 3 where changes are pending" },
	{ "output", 'o', "FILE", "plan verify report", "save the plan; a signed certificate; the report: .html, .csv, .json or .hep.json" },
	{ "restart", 'R', NULL, "apply", "restart running guests for changes that need it" },
	{ "reinstall", 'I', NULL, "plan apply", "install nodes anew that have a system" },
	{ "watch", 'w', NULL, "status", "show again whenever something changes" },
	{ "follow", 'f', NULL, "log console", "go on as it grows" },
	{ "run", 'r', "RUN", "verify", "print an earlier run's table instead of measuring" },
	{ "suite", 'S', "SUITE", "verify", "quick: one run (the default); standard: 6, for an interval; full: up to 18, until it is clear" },
	{ "runs", 'N', "N", "verify", "so many runs instead of a suite's" },
	{ "boots", 'B', "N", "verify", "start the nodes anew between the runs, so that these are of so many boots" },
	{ "only", 'O', "GROUP,...", "verify", "measure these alone: cpu, disk, net, clock, or tests of the site's own by their names" },
	{ "peer", 'p', "NODE|ADDRESS", "verify", "measure the network to that node, or to a machine where iperf3 -s runs, too" },
	{ "host", 'H', NULL, "verify", "measure this machine itself, as it would be that node: a baseline" },
	{ "together", 'T', NULL, "verify", "measure the nodes while all of them work: each, and the total" },
	{ "durability", 'D', NULL, "verify", "cut the power of a guest with such a disk, and look for what it had acknowledged" },
	{ "recheck", 'K', "FILE", "verify", "compute the verdict of a certificate again, from the raw outputs in it" },
	{ "by", 'b', "PROPERTY", "compare report", "of the environment: virt (the default), disk_driver, disk_format, nic_driver, kernel, node ..." },
	{ "until-done", 'u', NULL, "serve", "end when no node is being installed or measured" },
	{ "yes", 'y', NULL, "destroy", "do not ask" },
	{ "confirm", 'P', "STRING", "destroy apply pxe rebuild", "the data of this node may go: its name, or what a protected one's profile says" },
	{ "confirm-within", 'W', "SECONDS", "net apply", "the host's own network goes back unless `net confirm` comes so soon, or its hosts answer" },
	{ "for", 'F', "TOOL", "render", "network of a hypervisor: networkd, ifupdown, NetworkManager or ifcfg; without it what runs here" },
	{ "adopt", 'a', NULL, "pxe", "list unknown machines, too" },
	{ "keep-disks", 'k', NULL, "destroy rebuild", "leave the disk images" },
};

/* True where the blank-separated list is NULL or holds the word. */
static bool listed(const char *list, const char *word)
{
	size_t n = strlen(word);

	if (!list)
		return true;
	for (const char *p = list; (p = strstr(p, word)); p += n)
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

static const struct vp_cmd *find_command(const char *name)
{
	for (size_t i = 0; i < vp_count(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void print_options(FILE *f, const char *command)
{
	for (size_t i = 0; i < vp_count(options); i++) {
		const struct vp_option *o = &options[i];
		char left[40];

		if (command ? !listed(o->only, command) : !!o->only)
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
		fprintf(f, "  -%c, %-22s %s\n", o->letter, left, o->help);
	}
}

static void print_help(FILE *f, const struct vp_cmd *cmd)
{
	if (cmd) {
		fprintf(f, "usage: vprov %s [OPTIONS] %s\n\n%s.\n\n", cmd->name, cmd->args, cmd->summary);
		print_options(f, cmd->name);
		return;
	}
	fputs("usage: vprov COMMAND [OPTIONS] [PROFILE|NODE...]\n\n", f);
	for (size_t i = 0; i < vp_count(commands); i++)
		fprintf(f, "  %-9s %-26s %s\n", commands[i].name, commands[i].args, commands[i].summary);
	fputs("\nOptions of every command:\n", f);
	print_options(f, NULL);
	fputs("\nExit status: 0 done or nothing to do, 1 failed, 2 usage, 3 changes pending (plan --exit-code),\n"
	      "4 verification failed, 5 profile invalid, 6 interrupted.\n",
	      f);
}

int vp_cmd_help(struct vp_ctx *c)
{
	const struct vp_cmd *cmd;
	enum vp_code code;

	if (!c->nargs) {
		print_help(stdout, NULL);
		return VP_EXIT_OK;
	}
	cmd = find_command(c->args[0]);
	if (cmd) {
		print_help(stdout, cmd);
		return VP_EXIT_OK;
	}
	code = vp_code_find(c->args[0]);
	if (code == VP_E__COUNT) {
		fprintf(stderr, "vprov: '%s' is no command and no error code\n", c->args[0]);
		return VP_EXIT_USAGE;
	}
	printf("%s: %s.\nWhat to do: %s.\nExit status %d.\n", vp_code_text(code), vp_code_what(code), vp_code_todo(code), (int)vp_code_exit(code));
	return VP_EXIT_OK;
}

static void on_signal(int sig)
{
	vp_interrupted = sig;
}

static int apply_option(struct vp_ctx *c, const struct vp_option *o, const char *value)
{
	uint64_t n;

	switch (o->letter) {
	case 'c':
		if (c->nconnects == vp_count(c->connects)) {
			fprintf(stderr, "vprov: more than %zu hypervisors at a time\n", c->nconnects);
			return VP_EXIT_USAGE;
		}
		c->connects[c->nconnects++] = c->connect = value;
		break;
	case 's': c->state_dir = value; break;
	case 'C': c->config = value; break;
	case 'o': c->output = value; break;
	case 'P': c->confirm = value; break;
	case 'r': c->run = value; break;
	case 'S': c->suite = value; break;
	case 'O': c->only = value; break;
	case 'p': c->peer = value; break;
	case 'N':
		if (!vp_parse_u64(value, 1, 1000, &n)) {
			fprintf(stderr, "vprov: --runs %s: from 1 to 1000\n", value);
			return -1;
		}
		c->runs = (unsigned)n;
		break;
	case 'B':
		if (!vp_parse_u64(value, 1, 1000, &n)) {
			fprintf(stderr, "vprov: --boots %s: from 1 to 1000\n", value);
			return -1;
		}
		c->boots = (unsigned)n;
		break;
	case 'b': c->by = value; break;
	case 'K': c->recheck = value; break;
	case 'H': c->host = true; break;
	case 'T': c->together = true; break;
	case 'D': c->durability = true; break;
	case 'j': c->json = true; break;
	case 'q': vp_out.level = -1; break;
	case 'v': vp_out.level = 1; break;
	case 'n': vp_out.color = false; break;
	case 'U': c->unused = true; break;
	case 'm': c->markdown = true; break;
	case 'x': c->exit_code = true; break;
	case 'R': c->restart = true; break;
	case 'I': c->reinstall = true; break;
	case 'w': c->watch = true; break;
	case 'f': c->follow = true; break;
	case 'u': c->until_done = true; break;
	case 'y': c->yes = true; break;
	case 'k': c->keep = true; break;
	case 'a': c->adopt = true; break;
	case 'F': c->tool = value; break;
	case 'W':
		if (!vp_parse_u64(value, 1, 86400, &n)) {
			fprintf(stderr, "vprov: --confirm-within %s: seconds, from 1 to 86400\n", value);
			return -1;
		}
		c->confirm_within = (unsigned)n;
		break;
	case 'V':
		c->virt = vp_virt_find(value);
		if (c->virt < 0) {
			fprintf(stderr, "vprov: --virt %s: not xen-para, xen-hvm, kvm or qemu\n", value);
			return -1;
		}
		break;
	default: return -1;
	}
	return 0;
}

/* 0, or -1 after a message; 1 where help was printed. */
static int parse_options(struct vp_ctx *c, const struct vp_cmd *cmd, int argc, char **argv)
{
	struct option longs[vp_count(options) + 1];
	char shorts[2 * vp_count(options) + 1];
	size_t n = 0, s = 0;
	int ch;

	for (size_t i = 0; i < vp_count(options); i++) {
		if (!listed(options[i].only, cmd->name))
			continue;
		longs[n++] = (struct option){ options[i].name, options[i].arg ? required_argument : no_argument, NULL, options[i].letter };
		shorts[s++] = options[i].letter;
		if (options[i].arg)
			shorts[s++] = ':';
	}
	longs[n] = (struct option){ 0 };
	shorts[s] = '\0';
	while ((ch = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct vp_option *o = NULL;

		for (size_t i = 0; i < vp_count(options); i++)
			if (options[i].letter == ch)
				o = &options[i];
		if (ch == 'h') {
			print_help(stdout, cmd);
			return 1;
		}
		if (!o || apply_option(c, o, optarg)) {
			fprintf(stderr, "see `vprov help %s`\n", cmd->name);
			return -1;
		}
	}
	c->args = (const char *const *)argv + optind;
	c->nargs = (size_t)(argc - optind);
	if (c->nargs >= cmd->min_args && c->nargs <= cmd->max_args)
		return 0;
	fprintf(stderr, "usage: vprov %s [OPTIONS] %s\n", cmd->name, cmd->args);
	return -1;
}

int main(int argc, char **argv)
{
	const struct sigaction sa = { .sa_handler = on_signal };
	struct vp_ctx c = { .virt = -1 };
	const struct vp_cmd *cmd;
	int rc;

	/* As PID 1 of a namespace or container: libvirt waits 40 s for each zombie that nobody reaps. */
	vp_be_init();
	vp_out = (struct vp_out){ .tty = isatty(STDOUT_FILENO), .color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR") };
	if (argc < 2) {
		print_help(stderr, NULL);
		return VP_EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		argv[1] = (char *)"help";
	else if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		argv[1] = (char *)"version";
	cmd = find_command(argv[1]);
	if (!cmd) {
		fprintf(stderr, "vprov: no command '%s'; see `vprov help`\n", argv[1]);
		return VP_EXIT_USAGE;
	}
	c.command = cmd->name;
	rc = parse_options(&c, cmd, argc - 1, argv + 1);
	if (rc)
		return rc < 0 ? VP_EXIT_USAGE : VP_EXIT_OK;
	c.arena = vp_arena_new();
	c.diags.arena = c.arena;
	c.program = vp_ctx_program(&c);
	c.state_dir = vp_ctx_state_dir(&c);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	rc = cmd->run(&c);
	if ((fflush(stdout) || ferror(stdout)) && !rc && errno != EPIPE) {
		fprintf(stderr, "vprov: writing the output: %s\n", strerror(errno));
		rc = VP_EXIT_FAILED;
	}
	vp_diags_free(&c.diags);
	if (c.memo)
		vp_render_memo_free(c.memo);
	vp_arena_free(c.arena);
	return rc;
}
