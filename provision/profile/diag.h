/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics: collected with their place, shown all at once. */
#ifndef VP_DIAG_H
#define VP_DIAG_H

#include "../base/base.h"

enum vp_severity { VP_NOTE, VP_WARNING, VP_ERROR };

struct vp_diag {
	enum vp_severity severity;
	enum vp_code code;
	const char *file;
	/* 0 where there is none. */
	unsigned line;
	/* Profile path, "" where there is none. */
	const char *path;
	const char *message;
};

/* Texts are copied into the arena. At most VP_MAX_DIAGS errors are kept, and as many others; `dropped` counts the rest. */
struct vp_diags {
	struct vp_arena *arena;
	struct vp_diag *items;
	size_t n, cap;
	/* Errors among items. */
	size_t kept_errors;
	unsigned errors, warnings, dropped;
};

void vp_diag(struct vp_diags *d, enum vp_severity sev, enum vp_code code, const char *file, unsigned line, const char *path, const char *fmt, ...)
	VP_PRINTF(7, 8);
/* Adds all of `from`, which may go away. */
void vp_diags_add(struct vp_diags *d, const struct vp_diags *from);
/* By file, line, path. */
void vp_diags_sort(const struct vp_diags *d);
/*
 * Sorted: "FILE:LINE: error: PATH: message [VP-P04]", and one line of totals where there are any. Of many warnings that say the same, the
 * first only, unless verbose.
 */
void vp_diags_print(const struct vp_diags *d, FILE *f);
void vp_diags_free(struct vp_diags *d);

#endif
