// SPDX-License-Identifier: Apache-2.0
/*
 * The channel of a node that is measured: its agent asks there what it would ask by HTTP. In a thread of its own, with a connection to the database
 * of its own: when a result comes is what the guest's clock is checked against, and a call to a busy hypervisor may take seconds.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "../../pxe/agent.h"
#include "post.h"

/* Between two looks, and to open one again; seconds after which half a frame is given up: whoever sent it is not there any more. */
#define LOOK_MS 20
#define AGAIN	10
#define STALE	5

struct vp_port {
	pthread_t thread;
	atomic_bool stop, ended;
	struct vp_channel *c;
	struct vp_state *state;
	const char *node;
	struct vp_buf in, out;
	/* Bytes of `out` that have gone. */
	size_t said;
	double heard;
};

/*
 * The next piece, which goes into `in`: as vp_channel_read(). Nothing is read before what was said has gone, and frames are taken after each piece,
 * so that a guest that only writes costs no memory.
 */
static ssize_t hear(struct vp_port *p)
{
	char block[16384];
	ssize_t n = p->out.len ? 0 : vp_channel_read(p->c, block, sizeof(block));

	if (n > 0) {
		vp_buf_add(&p->in, block, (size_t)n);
		p->heard = vp_wall();
	} else if (p->in.len && vp_wall() - p->heard > STALE) {
		vp_buf_free(&p->in);
	}
	return n;
}

static bool speak(struct vp_port *p)
{
	ssize_t n = 0;

	while (p->said < p->out.len && (n = vp_channel_write(p->c, p->out.data + p->said, p->out.len - p->said)) > 0)
		p->said += (size_t)n;
	if (p->said == p->out.len) {
		vp_buf_free(&p->out);
		p->said = 0;
	}
	return n >= 0;
}

static void *serve(void *arg)
{
	struct vp_port *p = arg;
	struct vp_err err = { 0 };
	ssize_t n;

	while (!atomic_load(&p->stop) && (n = hear(p)) >= 0) {
		/* What cannot be kept now, the guest is told, and tries again. */
		while (vp_agent_frame(p->state, p->node, &p->in, &p->out, &err))
			;
		if (!speak(p))
			break;
		if (!n)
			poll(NULL, 0, LOOK_MS);
	}
	atomic_store(&p->ended, true);
	return NULL;
}

/* NULL where there is no channel now. */
static struct vp_port *port_open(struct vp_world *w, const char *node)
{
	struct vp_err err = { 0 };
	struct vp_port *p = vp_xcalloc(1, sizeof(*p));

	p->node = node;
	p->c = w->hv->ops->channel(w->hv, node, VP_PORT, &err);
	p->state = p->c ? vp_state_open(w->state_dir, false, &err) : NULL;
	if (p->state && !pthread_create(&p->thread, NULL, serve, p))
		return p;
	vp_debug("%s", err.msg);
	vp_channel_close(p->c);
	vp_state_close(p->state);
	free(p);
	return NULL;
}

void vp_port_serve(struct vp_world *w, const char *node, struct vp_port **port, double *tried)
{
	double now = vp_wall();

	if (*port && atomic_load(&(*port)->ended))
		vp_port_close(port);
	if (*port || !w->hv || !w->hv->ops->channel || now - *tried < AGAIN)
		return;
	*tried = now;
	*port = port_open(w, node);
}

void vp_port_close(struct vp_port **port)
{
	struct vp_port *p = *port;

	if (!p)
		return;
	atomic_store(&p->stop, true);
	pthread_join(p->thread, NULL);
	vp_channel_close(p->c);
	vp_state_close(p->state);
	vp_buf_free(&p->in);
	vp_buf_free(&p->out);
	free(p);
	*port = NULL;
}
