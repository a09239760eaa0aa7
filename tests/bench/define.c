// SPDX-License-Identifier: Apache-2.0
/* define ours|bare N: defines N domains on test:///default, by vprov's hypervisor table or by the C API alone. */
#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "../../provision/hypervisor/virt.h"

static void domain_xml(char *xml, size_t size, unsigned i)
{
	snprintf(xml, size,
		 "<domain type='test'><name>n%u</name><uuid>6e9d5b32-0000-5000-8000-%012x</uuid><memory unit='MiB'>1024</memory><vcpu>2</vcpu>"
		 "<os><type arch='i686'>hvm</type><boot dev='hd'/></os><features><acpi/></features><devices>"
		 "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/nodes/n%u.qcow2'/><target dev='vda' "
		 "bus='virtio'/></disk>"
		 "<interface type='bridge'><mac address='52:54:00:00:%02x:%02x'/><source bridge='vpbr0'/><model type='virtio'/></interface>"
		 "<serial type='file'><source path='/nodes/n%u.log'/><target port='0'/></serial></devices></domain>",
		 i, i, i, i >> 8 & 0xff, i & 0xff, i);
}

static int define_ours(unsigned n)
{
	const struct vp_hv_opts opts = { .connect = "test:///default" };
	struct vp_err err = { 0 };
	struct vp_hv *hv = vp_hv_open(&opts, &err);
	char xml[2048];
	int rc = hv ? 0 : -1;

	for (unsigned i = 0; i < n && !rc; i++) {
		domain_xml(xml, sizeof(xml), i);
		rc = hv->ops->define(hv, xml, &err);
	}
	if (hv)
		hv->ops->close(hv);
	if (rc)
		fprintf(stderr, "define: %s\n", err.msg);
	return rc ? 1 : 0;
}

static int define_bare(unsigned n)
{
	virConnectPtr conn = virConnectOpen("test:///default");
	char xml[2048];

	for (unsigned i = 0; i < n; i++) {
		virDomainPtr dom;

		domain_xml(xml, sizeof(xml), i);
		dom = virDomainDefineXML(conn, xml);
		if (!dom)
			return 1;
		virDomainFree(dom);
	}
	virConnectClose(conn);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	return strcmp(argv[1], "ours") ? define_bare((unsigned)atoi(argv[2])) : define_ours((unsigned)atoi(argv[2]));
}
