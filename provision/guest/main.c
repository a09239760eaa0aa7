// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

#define MAX_BODY (1u << 20)

static int status_code(int status)
{
	if (status < 0)
		return VP_GUEST_FAILED;
	if (status >= 200 && status < 300)
		return VP_GUEST_OK;
	return status >= 400 && status < 500 ? VP_GUEST_REFUSED : VP_GUEST_FAILED;
}

static int cmd_get(int argc, char **argv)
{
	char *text = NULL;
	int status = vp_http_call("GET", argv[1], NULL, 0, &text, MAX_BODY, 10);

	(void)argc;
	if (status >= 0)
		fputs(text, status_code(status) ? stderr : stdout);
	free(text);
	return status_code(status);
}

static int cmd_post(int argc, char **argv)
{
	FILE *f = argc < 3 ? NULL : strcmp(argv[2], "-") ? fopen(argv[2], "re") : stdin;
	char *body = calloc(1, MAX_BODY);
	int status;

	if (!body || (argc > 2 && !f)) {
		perror(argc > 2 ? argv[2] : "post");
		free(body);
		return VP_GUEST_FAILED;
	}
	status = vp_http_call("POST", argv[1], body, f ? fread(body, 1, MAX_BODY, f) : 0, NULL, MAX_BODY, 5);
	if (f)
		fclose(f);
	free(body);
	return status_code(status);
}

static int cmd_fetch(int argc, char **argv)
{
	return vp_guest_fetch(argv[1], argv[2], strtoull(argv[3], NULL, 10), argc > 4 ? argv[4] : NULL);
}

static int cmd_cpu(int argc, char **argv)
{
	(void)argc;
	return vp_guest_cpu(stdout, (unsigned)strtoul(argv[1], NULL, 10)) ? VP_GUEST_FAILED : VP_GUEST_OK;
}

static int cmd_proof(int argc, char **argv)
{
	(void)argc;
	vp_guest_proof(stdout, argv[1]);
	return VP_GUEST_OK;
}

static int cmd_agent(int argc, char **argv)
{
	return vp_guest_agent(argc > 1 ? argv[1] : "/etc/vprov/agent.conf");
}

static int cmd_setup(int argc, char **argv)
{
	(void)argc;
	return vp_guest_setup(argv[1], argv[2], argv[3], argv[4]);
}

static int cmd_journal(int argc, char **argv)
{
	(void)argc;
	return vp_guest_journal(argv[1], (unsigned)strtoul(argv[2], NULL, 10));
}

static const struct command {
	const char *name;
	const char *args;
	int min, max;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "get", "URL", 1, 1, cmd_get },
	{ "post", "URL [FILE|-]", 1, 2, cmd_post },
	{ "fetch", "URL SHA256 BYTES [EVENT-URL]", 3, 4, cmd_fetch },
	{ "cpu", "LAPS", 1, 1, cmd_cpu },
	{ "proof", "SERVER-ADDRESS", 1, 1, cmd_proof },
	{ "agent", "[FILE]", 0, 1, cmd_agent },
	{ "journal", "DISK TRANSACTIONS", 2, 2, cmd_journal },
	{ "setup", "ROOT URL NODE TOKEN", 4, 4, cmd_setup },
};

int main(int argc, char **argv)
{
	const char *name = argc && strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argc ? argv[0] : "";

	/* dnsmasq gives its script no words of ours. */
	if (!strcmp(name, "hook"))
		return vp_guest_hook(argc, argv);
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name) && argc - 2 >= commands[i].min && argc - 2 <= commands[i].max)
			return commands[i].run(argc - 1, argv + 1);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(stderr, "usage: vprov-guest %s %s\n", commands[i].name, commands[i].args);
	return VP_GUEST_USAGE;
}
