// SPDX-License-Identifier: Apache-2.0
/* Changes of running domains. Some take effect only when the guest has done its part, which is waited for. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inside.h"

/* A guest under emulation takes seconds to give a device up. */
#define GUEST_SECONDS 20

/* What a driver, or this guest's definition, cannot do; anything else is a failure. */
static bool is_refusal(void)
{
	switch (virGetLastErrorCode()) {
	case VIR_ERR_NO_SUPPORT:
	case VIR_ERR_OPERATION_UNSUPPORTED:
	case VIR_ERR_OPERATION_INVALID:
	case VIR_ERR_CONFIG_UNSUPPORTED:
	case VIR_ERR_ARGUMENT_UNSUPPORTED:
	case VIR_ERR_INVALID_ARG: return true;
	default: return strstr(virGetLastErrorMessage(), "No more available PCI slots");
	}
}

static bool has_memory(virDomainPtr dom, const struct vp_live_op *op)
{
	virDomainInfo info;

	return !virDomainGetInfo(dom, &info) && vp_virt_same_memory((uint64_t)info.memory * 1024, op->value);
}

/* The device is, or is not, in the running definition. */
static bool has_device(virDomainPtr dom, const struct vp_live_op *op)
{
	char *xml = virDomainGetXMLDesc(dom, 0);
	bool there = xml && strcasestr(xml, op->mark);

	free(xml);
	return there;
}

static bool is_done(virDomainPtr dom, const struct vp_live_op *op)
{
	switch (op->kind) {
	case VP_LIVE_MEMORY: return has_memory(dom, op);
	case VP_LIVE_VCPUS: return virDomainGetVcpusFlags(dom, VIR_DOMAIN_AFFECT_LIVE) == (int)op->value;
	case VP_LIVE_DETACH: return !has_device(dom, op);
	case VP_LIVE_ATTACH:
	case VP_LIVE_UPDATE: break;
	}
	return true;
}

static int begin(virDomainPtr dom, const struct vp_live_op *op)
{
	switch (op->kind) {
	case VP_LIVE_MEMORY: return virDomainSetMemoryFlags(dom, op->value / 1024, VIR_DOMAIN_AFFECT_LIVE);
	case VP_LIVE_VCPUS: return virDomainSetVcpusFlags(dom, (unsigned)op->value, VIR_DOMAIN_AFFECT_LIVE);
	case VP_LIVE_ATTACH: return virDomainAttachDeviceFlags(dom, op->xml, VIR_DOMAIN_AFFECT_LIVE);
	case VP_LIVE_DETACH: return virDomainDetachDeviceFlags(dom, op->xml, VIR_DOMAIN_AFFECT_LIVE);
	case VP_LIVE_UPDATE: return virDomainUpdateDeviceFlags(dom, op->xml, VIR_DOMAIN_AFFECT_LIVE);
	}
	return -1;
}

int vp_virt_live(struct vp_hv *hv, const char *name, const struct vp_live_op *op, struct vp_err *err)
{
	virDomainPtr dom = virDomainLookupByName(vp_virt_conn(hv), name);
	uint64_t until = vp_now_ns() + GUEST_SECONDS * UINT64_C(1000000000);
	int rc = dom ? begin(dom, op) : -1;

	/* libvirt waits for the guest, too, but less long. */
	if (rc && !(dom && virGetLastErrorCode() == VIR_ERR_OPERATION_TIMEOUT)) {
		rc = dom && is_refusal() ? 1 : -1;
		vp_virt_fail(err, op->what, name);
	} else {
		while (!is_done(dom, op) && vp_now_ns() < until)
			nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
		rc = !is_done(dom, op);
		if (rc)
			vp_fail(err, VP_E_VIRT, "%s %s: the guest does not do its part within %d s", op->what, name, GUEST_SECONDS);
	}
	if (dom)
		virDomainFree(dom);
	return rc;
}
