/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many profiles, parsed by children without privileges (own user, seccomp, landlock, limits of memory and time): what a child sends back is
 * checked, never trusted. A child that dies or hangs costs one error at one profile; another takes its place.
 */
#ifndef VP_READER_H
#define VP_READER_H

#include <sys/stat.h>

#include "tree.h"

struct vp_read_job {
	/* vp_profile.file, and the file in messages. */
	const char *label;
	/* What is opened; "-" is stdin. */
	const char *path;
};

struct vp_read_opts {
	/* 0: one per CPU that this process may use. */
	unsigned workers;
	/* The whole tree. Otherwise what no rule of the model reads is left out (prune.c): much less to send. */
	bool whole;
	/* For one profile; 0: VP_READ_SECONDS. */
	unsigned seconds;
};

/*
 * Called once per job, in the order of the jobs. p is NULL where there is no usable tree: diags says why. st is of the opened file, zeroed
 * where it could not be opened. p, its tree and the diagnostics live until the callback returns. Non-zero ends the reading.
 */
typedef int vp_read_fn(void *arg, size_t job, const struct vp_profile *p, const struct stat *st, const struct vp_diags *diags);

/* 0, or what the callback answered, or -1 with err: no child could be started at all, or VP_E_INTERRUPTED. */
int vp_read_profiles(const struct vp_read_job *jobs, size_t n, const struct vp_read_opts *o, vp_read_fn *done, void *arg, struct vp_err *err);

#endif
