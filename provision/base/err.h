/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: one object, filled where the failure is known, with context added by
 * each caller on the way up. The idiom is `return vp_fail(err, ...)`.
 */
#ifndef VP_ERR_H
#define VP_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Exit codes of the program; the contract of design.md. */
enum vp_exit {
	VP_EXIT_OK = 0,
	VP_EXIT_FAILED = 1,
	VP_EXIT_USAGE = 2,
	VP_EXIT_PENDING = 3,
	VP_EXIT_VERIFY = 4,
	VP_EXIT_PROFILE = 5,
	VP_EXIT_INTERRUPTED = 6,
};

enum vp_code {
#define VP_CODE(sym, text, exitcode, what, todo) VP_E_##sym,
#include "codes.def"
#undef VP_CODE
	VP_E__COUNT
};

struct vp_err {
	enum vp_code code;
	/* What and where, "context: context: message"; never empty after a failure. */
	char msg[2048];
};

/* Fills err (which may be NULL) and returns -1. The first failure wins: call once, then vp_context(). */
int vp_fail(struct vp_err *err, enum vp_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* As vp_fail(), with ": strerror(errno)" appended. */
int vp_fail_errno(struct vp_err *err, enum vp_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Puts "context: " in front of the message and returns -1. */
int vp_context(struct vp_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The stable code ("VP-P02"), exit status, meaning and remedy of a code; static strings. */
const char *vp_code_text(enum vp_code code);
enum vp_exit vp_code_exit(enum vp_code code);
const char *vp_code_what(enum vp_code code);
const char *vp_code_todo(enum vp_code code);
/* VP_E__COUNT where the text is no code. */
enum vp_code vp_code_find(const char *text);

#endif
