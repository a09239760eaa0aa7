/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners of the status page: server-sent events over connections that libmicrohttpd holds. */
#ifndef VP_STREAM_H
#define VP_STREAM_H

#include <microhttpd.h>

#include "metrics.h"
#include "status.h"

struct vp_stream;
struct vp_stream *vp_stream_new(struct vp_board *b, struct vp_tally *t);
/* Queues the page as the board has it. */
enum MHD_Result vp_stream_page(const struct vp_stream *s, struct MHD_Connection *c);
/* Queues the endless answer; 503 where enough listen already. peer: who asks, for a limit of its own. */
enum MHD_Result vp_stream_open(struct vp_stream *s, struct MHD_Connection *c, const char *peer);
/* Once a second: tells news, keeps connections alive, drops those who do not read. */
void vp_stream_tick(struct vp_stream *s);
/* Ends the answers of one daemon, which is to be stopped next. */
void vp_stream_end(struct vp_stream *s, const struct MHD_Daemon *d);
/* After the last daemon. */
void vp_stream_free(struct vp_stream *s);

#endif
