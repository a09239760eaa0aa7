// SPDX-License-Identifier: Apache-2.0
/*
 * drift URI FILE... : defines each on that hypervisor, reads it back, and asks what of it is different then, as a plan sees it. A line for each that
 * is refused or not the same, and a last one, "N defined, N unchanged"; exit status 1 where one is not. Nothing stays defined.
 */
#include <stdio.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "../../provision/plan/plan.h"

static void quiet(void *opaque, virErrorPtr err)
{
	(void)opaque;
	(void)err;
}

/* What is wrong with one file, "" for nothing; *defined where it was taken. In the arena. */
static const char *look(struct vp_arena *a, virConnectPtr conn, const char *file, unsigned *defined)
{
	vp_cleanup(vp_buf_free) struct vp_buf want = { 0 };
	struct vp_err err = { 0 };
	virDomainPtr dom;
	const char *said;
	char *have;

	if (vp_read_file(file, VP_MAX_RENDER, &want, &err))
		return vp_printf(a, "%s", err.msg);
	dom = virDomainDefineXML(conn, vp_buf_str(&want));
	if (!dom)
		return vp_printf(a, "%s", virGetLastErrorMessage());
	++*defined;
	have = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE);
	said = have ? vp_plan_drift(a, vp_buf_str(&want), have) : vp_printf(a, "%s", virGetLastErrorMessage());
	free(have);
	/* Xen has no NVRAM. */
	if (virDomainUndefineFlags(dom, VIR_DOMAIN_UNDEFINE_NVRAM) && virDomainUndefine(dom))
		said = vp_printf(a, "%s; it stays: %s", said, virGetLastErrorMessage());
	virDomainFree(dom);
	return said;
}

int main(int argc, char **argv)
{
	struct vp_arena *a = vp_arena_new();
	unsigned defined = 0, same = 0;
	virConnectPtr conn;

	if (argc < 2) {
		fprintf(stderr, "drift URI FILE...\n");
		return 2;
	}
	virSetErrorFunc(NULL, quiet);
	/* The embedded driver will not open without one. */
	virEventRegisterDefaultImpl();
	conn = virConnectOpen(argv[1]);
	if (!conn) {
		fprintf(stderr, "%s: %s\n", argv[1], virGetLastErrorMessage());
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		const char *said = look(a, conn, argv[i], &defined);

		if (*said)
			printf("%s: %s\n", argv[i], said);
		else
			same++;
	}
	virConnectClose(conn);
	vp_arena_free(a);
	printf("%u defined, %u unchanged\n", defined, same);
	return same == (unsigned)(argc - 2) ? 0 : 1;
}
