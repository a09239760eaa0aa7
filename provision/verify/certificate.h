/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A verdict with all that it follows from: the raw outputs, what the node was to be, the samples it was compared with. Signed with the key of the
 * state directory (Ed25519), so that nobody changes it on its way; whoever has the file can compute the verdict again.
 */
#ifndef VP_CERTIFICATE_H
#define VP_CERTIFICATE_H

#include "verify.h"

struct vp_certificate {
	const char *node;
	/* Version of vprov that made it, when, and the digest of the key that signed it (16 hex digits). */
	const char *version, *time, *signer;
	/* Signed with the key of this state directory. */
	bool ours;
	/* What the evidence in it says now. */
	struct vp_verification v;
	/* The verdict in it is another one: what differs first ("" for nothing). */
	const char *differs;
};

/* Signed JSON of a verdict; new reference, NULL with err filled. The key is made where there is none. */
json_t *vp_certificate_make(struct vp_arena *a, const char *state_dir, const struct vp_verification *v, const struct vp_results *raw, json_t *expect,
			    const struct vp_samples *known, struct vp_err *err);
/* Reads one and judges its evidence again. -1 with VP_E_VERIFY where it is none, or was changed. state_dir may hold no key. */
int vp_certificate_check(struct vp_arena *a, const char *state_dir, const char *text, struct vp_certificate *out, struct vp_err *err);
/* What follows once the signature is right, which says nothing of the contents: anybody may sign anything. */
void vp_certificate_judge(struct vp_arena *a, json_t *j, struct vp_certificate *out);
void vp_certificate_print(const struct vp_certificate *c, FILE *f);

#endif
