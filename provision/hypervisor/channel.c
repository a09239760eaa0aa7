// SPDX-License-Identifier: Apache-2.0
/* A guest's virtio channel, here or behind a remote connection, as a stream of libvirt's. */
#include <stdlib.h>

#include "inside.h"

struct vp_channel {
	virStreamPtr stream;
};

struct vp_channel *vp_virt_channel(struct vp_hv *hv, const char *name, const char *port, struct vp_err *err)
{
	virDomainPtr dom = virDomainLookupByName(vp_virt_conn(hv), name);
	virStreamPtr stream = dom ? virStreamNew(vp_virt_conn(hv), VIR_STREAM_NONBLOCK) : NULL;
	struct vp_channel *c = NULL;

	if (stream && !virDomainOpenChannel(dom, port, stream, 0)) {
		c = vp_xcalloc(1, sizeof(*c));
		c->stream = stream;
	} else {
		vp_virt_fail(err, "open the channel of", name);
		if (stream)
			virStreamFree(stream);
	}
	if (dom)
		virDomainFree(dom);
	return c;
}

/* libvirt says -2 for "not now", and 0 for the end. */
ssize_t vp_channel_read(struct vp_channel *c, void *data, size_t n)
{
	int got = virStreamRecv(c->stream, data, n);

	return got == -2 ? 0 : got > 0 ? got : -1;
}

ssize_t vp_channel_write(struct vp_channel *c, const void *data, size_t n)
{
	int sent = virStreamSend(c->stream, data, n);

	return sent == -2 ? 0 : sent >= 0 ? sent : -1;
}

void vp_channel_close(struct vp_channel *c)
{
	if (!c)
		return;
	virStreamAbort(c->stream);
	virStreamFree(c->stream);
	free(c);
}
