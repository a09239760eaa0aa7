/* SPDX-License-Identifier: Apache-2.0 */
/* The files of libvirt's embedded QEMU driver, below one root directory. */
#ifndef VP_EMBED_H
#define VP_EMBED_H

#include "../base/base.h"

/* The root of a qemu:///embed URI, unescaped; false for other URIs. */
bool vp_embed_root(const char *uri, char *out, size_t size);
/* Appends the URI whose root is STATE/qemu. */
void vp_embed_uri(const char *state_dir, struct vp_buf *out);
/*
 * Before it is opened: configuration, and what a killed start left half-written. VP_E_LOCKED where another process has it open;
 * one that closes it within two seconds is waited for.
 */
int vp_embed_prepare(const char *root, struct vp_err *err);
/* Removes what libvirt leaves of a domain that is no more: QEMU's log. */
void vp_embed_forget(const char *root, const char *name);

#endif
