// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "../../pxe/serve.h"
#include "../../templates/installer.h"
#include "../plan/persist.h"
#include "cmd.h"

/* What is known only once a node is armed: the secret of its installation, the root image, and the port of the boot service. */
#define TOKEN  "TOKEN"
#define DIGEST "DIGEST"

/* The bridge that a node boots from; NULL where it has none of the profile's. */
static const struct vp_bridge *boot_bridge(const struct vp_node *n)
{
	for (size_t i = 0; n->nnics && i < n->nbridges; i++)
		if (!strcmp(n->bridges[i].name, n->nics[n->boot_nic].bridge))
			return &n->bridges[i];
	return NULL;
}

static const char *server(struct vp_ctx *c, const struct vp_node *n)
{
	const struct vp_bridge *b = boot_bridge(n);

	/* A bridge that exists already has its address there. */
	return vp_printf(c->arena, "http://%s:%u", b && b->address[0] ? b->address : "BRIDGE-ADDRESS", vp_ctx_http_port(c));
}

static int text(struct vp_ctx *c, const char *name, json_t *data, vp_escape_fn *escape, struct vp_buf *out, struct vp_err *err)
{
	struct vp_render r = vp_ctx_render(c);
	int rc = vp_render_text(&r, name, data, escape, out, err);

	json_decref(data);
	return rc;
}

/* What the node's assignments changed stands before it, as comments. */
static int domain_of(struct vp_ctx *c, const struct vp_node *n, enum vp_boot boot, struct vp_buf *out, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf assigned = { 0 }, xml = { 0 };
	struct vp_render r = vp_ctx_render(c);
	char *save = NULL;

	r.assigned = &assigned;
	if (vp_render_domain(&r, n, boot, &xml, err))
		return -1;
	for (char *line = assigned.len ? strtok_r(assigned.data, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		for (char *dash = line; (dash = strstr(dash, "--"));)
			dash[1] = '_';
		vp_buf_addf(out, "<!-- %s -->\n", line);
	}
	vp_buf_adds(out, xml.data);
	return 0;
}

static int domain(struct vp_ctx *c, const struct vp_node *n, struct vp_buf *out, struct vp_err *err)
{
	return domain_of(c, n, VP_BOOT_DISK, out, err);
}

static int domain_install(struct vp_ctx *c, const struct vp_node *n, struct vp_buf *out, struct vp_err *err)
{
	return domain_of(c, n, VP_BOOT_INSTALL, out, err);
}

static int network(struct vp_ctx *c, const struct vp_node *n, struct vp_buf *out, struct vp_err *err)
{
	struct vp_render r = vp_ctx_render(c);

	if (n->machine != VP_HYPERVISOR)
		return text(c, "network", vp_node_json(n), vp_escape_line, out, err);
	return vp_persist_render(&r, c->arena, n, c->tool, out, err);
}

static int config(struct vp_ctx *c, const struct vp_node *n, struct vp_buf *out, struct vp_err *err)
{
	json_t *data = vp_node_json(n);

	json_object_update_new(data, json_pack("{s:s, s:s, s:s+, s:s, s:i}", "server", server(c, n), "token", TOKEN, "image_url", server(c, n),
					       "/image/" DIGEST ".tar.zst", "image_sha256", DIGEST, "image_bytes", 0));
	return text(c, "install.conf", data, vp_escape_shell, out, err);
}

/* The boot answer of an armed node, as one of its loaders gets it. */
static int answer(struct vp_ctx *c, const struct vp_node *n, void (*write)(enum vp_boot_answer, const struct vp_boot_what *, struct vp_buf *),
		  struct vp_buf *out)
{
	vp_cleanup(vp_buf_free) struct vp_buf cmdline = { 0 };
	struct vp_node_row row = { .name = n->name, .token = TOKEN };
	struct vp_boot_what what;

	vp_installer_cmdline(n, server(c, n), TOKEN, &cmdline);
	if (vp_install_foreign(n->install)) {
		row.kernel = n->netboot.kernel;
		row.initrd = n->netboot.initrd;
		row.cmdline = vp_buf_str(&cmdline);
	}
	vp_boot_what(c->arena, &row, VP_ANSWER_INSTALL, server(c, n), &what);
	write(VP_ANSWER_INSTALL, &what, out);
	return 0;
}

typedef int installer_fn(const struct vp_render *r, const struct vp_node *n, const char *url, const char *token, struct vp_buf *out,
			 struct vp_err *err);

static int installer(struct vp_ctx *c, const struct vp_node *n, installer_fn *render, struct vp_buf *out, struct vp_err *err)
{
	struct vp_render r = vp_ctx_render(c);

	return render(&r, n, server(c, n), TOKEN, out, err);
}

static int preseed(struct vp_ctx *c, const struct vp_node *n, struct vp_buf *out, struct vp_err *err)
{
	return installer(c, n, vp_render_preseed, out, err);
}

static int autoinstall(struct vp_ctx *c, const struct vp_node *n, struct vp_buf *out, struct vp_err *err)
{
	return installer(c, n, vp_render_autoinstall, out, err);
}

static int preseed_script(struct vp_ctx *c, const struct vp_node *n, struct vp_buf *out, struct vp_err *err)
{
	return installer(c, n, vp_render_preseed_script, out, err);
}

static int pxelinux(struct vp_ctx *c, const struct vp_node *n, struct vp_buf *out, struct vp_err *err)
{
	(void)err;
	return answer(c, n, vp_pxelinux_conf, out);
}

static int ipxe(struct vp_ctx *c, const struct vp_node *n, struct vp_buf *out, struct vp_err *err)
{
	(void)err;
	return answer(c, n, vp_ipxe_conf, out);
}

static int grub(struct vp_ctx *c, const struct vp_node *n, struct vp_buf *out, struct vp_err *err)
{
	(void)err;
	return answer(c, n, vp_grub_conf, out);
}

/* What a file below STATE/serve holds; as comments, so that the whole is still a configuration. */
static void add_file(const char *dir, const struct vp_dhcp_host *h, void (*write)(const struct vp_dhcp_host *, struct vp_buf *), struct vp_buf *out)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	char *save = NULL;

	write(h, &text);
	for (char *line = text.len ? strtok_r(text.data, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
		vp_buf_addf(out, "# serve/%s/%s: %s\n", dir, h->name, line);
}

/* The configuration, and what the node's own files in the directories that it names hold. */
static int dnsmasq(struct vp_ctx *c, const struct vp_node *n, struct vp_buf *out, struct vp_err *err)
{
	const struct vp_nic *nic = n->nnics ? &n->nics[n->boot_nic] : NULL;
	json_t *j = vp_node_json(n);
	vp_cleanup(vp_freep) char *json = json_dumps(j, JSON_COMPACT);
	const struct vp_node_row row = { .name = n->name, .mac = nic ? nic->mac : "", .ip = nic ? nic->ip : "", .json = json };
	struct vp_serve_net net;
	struct vp_serve_opts o = { .state_dir = c->state_dir,
				   .nets = &net,
				   .nnets = 1,
				   .nodes = 1,
				   .port = vp_ctx_http_port(c),
				   .loader = vp_loader_find(vp_site_get(c->site, "loader")) };
	struct vp_dhcp_host h;

	json_decref(j);
	if (!vp_dhcp_host_of(c->arena, &row, &h, &net) || !net.address[0])
		return vp_fail(err, VP_E_MISSING, "%s boots from a bridge whose address the profile does not give", n->name);
	vp_dnsmasq_conf(&o, false, out);
	add_file("hosts", &h, vp_dnsmasq_host, out);
	add_file("opts", &h, vp_dnsmasq_options, out);
	add_file("names", &h, vp_dnsmasq_name, out);
	return 0;
}

/* As the profile says it, for whoever serves it: vprov's own boot service adds its secret. */
static int kickstart(struct vp_ctx *c, const struct vp_node *n, struct vp_buf *out, struct vp_err *err)
{
	struct vp_render r = vp_ctx_render(c);

	return vp_render_kickstart(&r, n, "", "", out, err);
}

static const struct kind {
	const char *name;
	int (*render)(struct vp_ctx *c, const struct vp_node *n, struct vp_buf *out, struct vp_err *err);
} kinds[] = {
	{ "domain", domain },
	{ "domain-install", domain_install },
	{ "pxelinux", pxelinux },
	{ "dnsmasq", dnsmasq },
	{ "config", config },
	{ "network", network },
	{ "kickstart", kickstart },
	{ "ipxe", ipxe },
	{ "grub", grub },
	{ "preseed", preseed },
	{ "autoinstall", autoinstall },
	{ "preseed-script", preseed_script },
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < vp_count(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	fprintf(stderr, "vprov: render: no kind '%s'; there are:", name);
	for (size_t i = 0; i < vp_count(kinds); i++)
		fprintf(stderr, " %s", kinds[i].name);
	fputs("\n", stderr);
	return NULL;
}

struct rendering {
	struct vp_ctx *c;
	const struct kind *kind;
};

static int make(void *arg, const struct vp_node *n, struct vp_buf *out, struct vp_err *err)
{
	const struct rendering *r = arg;

	return n->machine == VP_HYPERVISOR && r->kind->render != network ? 0 : r->kind->render(r->c, n, out, err);
}

/* The host's own network is written for one of its tools: the one that was named, or that runs here. */
static bool find_tool(struct vp_ctx *c)
{
	const char *found = vp_persist_detect(c->arena);

	if (!c->tool)
		c->tool = found ? found : vp_persist_tools[0];
	for (size_t i = 0; vp_persist_tools[i]; i++)
		if (!strcmp(vp_persist_tools[i], c->tool))
			return true;
	fprintf(stderr, "vprov: render: --for %s: there are:", c->tool);
	for (size_t i = 0; vp_persist_tools[i]; i++)
		fprintf(stderr, " %s", vp_persist_tools[i]);
	fputs("\n", stderr);
	return false;
}

int vp_cmd_render(struct vp_ctx *c)
{
	struct rendering r = { .c = c, .kind = find_kind(c->args[0]) };
	struct vp_fleet_opts opts = { .make = make, .arg = &r };
	struct vp_fleet fleet = { 0 };
	int rc;

	if (!r.kind || !find_tool(c))
		return VP_EXIT_USAGE;
	c->args++;
	c->nargs--;
	rc = vp_ctx_fleet(c, &opts, &fleet);
	if (!rc || rc == VP_EXIT_PROFILE)
		vp_ctx_diags(c);
	for (size_t i = 0; i < fleet.nbriefs && !rc; i++)
		if (fleet.briefs[i]->failure)
			rc = vp_ctx_error(c, fleet.briefs[i]->failure);
		else if (fleet.briefs[i]->made)
			fputs(fleet.briefs[i]->made, stdout);
	return rc;
}
