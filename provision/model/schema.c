// SPDX-License-Identifier: Apache-2.0
/* The binding table for people: `vprov schema`, and docs/profile-reference.md. */
#include <string.h>

#include "bind.h"
#include "role.h"
#include "unused.h"

static void print_rows(struct vp_arena *a, bool site, FILE *f)
{
	size_t n;
	const struct vp_row *const *rows = vp_rows_all(&n);

	for (size_t i = 0; i < n; i++) {
		const struct vp_row *r = rows[i];

		if (site != (r->object == VP_O_SITE))
			continue;
		fprintf(f, "%s\n    %s; %s", r->path, r->help, vp_row_wants(a, r));
		if (r->fallback)
			fprintf(f, "; default %s", r->fallback);
		fprintf(f, "%s\n", r->required ? "; required" : "");
	}
}

static void print_roles(FILE *f)
{
	const char *name;

	for (unsigned i = 0; (name = vp_role_name(i)); i++)
		fprintf(f, "%s%s", i ? ", " : "", name);
	fputs("\n", f);
}

void vp_schema_print(FILE *f)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();

	fputs("Profile paths that vprov reads; all others are ignored, but none may be below " VP_OWN " that is not here.\n"
	      "'*' stands for any key or position. What is below " VP_OWN " may also stand in the site configuration,\n"
	      "as \"key = value\" with the path below it as the key (\"bridge/name = vpbr0\"), after \"[node GLOB]\" or \"[role GLOB]\" for some\n"
	      "nodes only.\n\n",
	      f);
	print_rows(a, false, f);
	fputs("\nKeys of the site configuration alone:\n\n", f);
	print_rows(a, true, f);
	fputs("\nGrid roles that are recognised; a profile or the site configuration may name any other: ", f);
	print_roles(f);
}

/* In the order of the page. */
static const struct {
	const char *title;
	enum vp_object objects[4];
} subjects[] = {
	{ "Name", { VP_O_NAME } },
	{ "The virtual machine", { VP_O_NODE, VP_O_TUNING, VP_O_ROLE } },
	{ "Processors and memory", { VP_O_CPU, VP_O_RAM } },
	{ "NICs", { VP_O_NIC, VP_O_CARD } },
	{ "Disks", { VP_O_DISK, VP_O_DRIVE } },
	{ "Partition tables and partitions", { VP_O_DEVICE, VP_O_PARTITION } },
	{ "Volumes and other devices", { VP_O_MD, VP_O_VG, VP_O_LV, VP_O_FILE } },
	{ "File systems", { VP_O_FILESYSTEM } },
	{ "Network", { VP_O_NETWORK } },
	{ "Interfaces", { VP_O_INTERFACE, VP_O_ALIAS, VP_O_ROUTE } },
	{ "Installation by AII", { VP_O_AII } },
	{ "The machine's description", { VP_O_HARDWARE } },
	{ "The machine's use", { VP_O_SYSTEM } },
	{ "Also read", { VP_O_CODE } },
	{ "Keys of the site configuration alone", { VP_O_SITE } },
};

static const char *default_of(const struct vp_row *r)
{
	return r->fallback ? r->fallback : r->required ? "required" : "";
}

/* '|' would end the cell. */
static void cell(const char *text, FILE *f)
{
	for (; *text; text++)
		fprintf(f, "%s%c", *text == '|' ? "\\" : "", *text);
}

static void print_row(struct vp_arena *a, const struct vp_row *r, FILE *f)
{
	fprintf(f, "| `%s` | ", r->path);
	cell(vp_row_wants(a, r), f);
	fprintf(f, " | %s | ", default_of(r));
	cell(r->help, f);
	fprintf(f, "%s |\n", r->lenient ? " *" : "");
}

static void print_subject(struct vp_arena *a, size_t s, FILE *f)
{
	size_t n;
	const struct vp_row *const *rows = vp_rows_all(&n);

	fprintf(f, "\n## %s\n\n| path | value | default | meaning |\n|---|---|---|---|\n", subjects[s].title);
	for (size_t k = 0; k < vp_count(subjects[s].objects); k++)
		for (size_t i = 0; i < n && (!k || subjects[s].objects[k]); i++)
			if (rows[i]->object == subjects[s].objects[k])
				print_row(a, rows[i], f);
}

static void print_ignored(FILE *f)
{
	const char *pattern, *reason;

	fputs("\n## Ignored on purpose\n\nThe first line that fits counts; each stands for everything below it, too. `vprov show --unused` shows "
	      "what a "
	      "profile has of it, and what no rule knows.\n\n| path | why |\n|---|---|\n",
	      f);
	for (size_t i = 0; vp_ignored_at(i, &pattern, &reason); i++)
		fprintf(f, "| `%s` | %s |\n", pattern, reason);
}

void vp_schema_markdown(FILE *f)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();

	fputs("# Profile reference\n\n"
	      "Written by `vprov schema --markdown` from the binding table. `*` in a path stands for any key or position. Sizes in profiles are "
	      "MiB,\n"
	      "whatever they are called.\n\n"
	      "- Rows for the same value are alternatives: the first one that the profile has decides.\n"
	      "- A value marked * decides nothing over the virtual machine: a wrong one is a warning, and counts as not given. Others are errors.\n"
	      "- Booleans may also be the strings true, false, yes and no; they mean what they say.\n"
	      "- Below `" VP_OWN "` nothing may stand that is not here: a typing error must not pass as \"not given\".\n\n"
	      "## Which source decides\n\n"
	      "1. an option of the command line (`--virt`)\n"
	      "2. the node's own profile, below `" VP_OWN "`\n"
	      "3. the site configuration: `key = value`, where the key is the path below `" VP_OWN
	      "` (`bridge/name = vpbr0`), for all nodes, or after\n"
	      "   `[node GLOB]` or `[role GLOB]` for some; of lines for the same key, the last that fits\n"
	      "4. the node's own profile, below `/system/opennebula`\n"
	      "5. what other profiles say about its place: ncm-xen's domains, Aquilon's virtual_machine, enclosures, ncm-xen's guest_map\n"
	      "6. the node's own profile, everywhere else\n"
	      "7. the default\n\n"
	      "`vprov show` says for each value which one it was. vprov(8) has the conventions of 5 under PLACEMENT.\n",
	      f);
	for (size_t s = 0; s < vp_count(subjects); s++)
		print_subject(a, s, f);
	fputs("\n## Grid roles\n\nThese are recognised; a profile or the site configuration may name any other.\n\n", f);
	print_roles(f);
	print_ignored(f);
}
