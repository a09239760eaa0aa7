// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base.h"

static const struct code {
	const char *text, *what, *todo;
	enum vp_exit exit;
} codes[] = {
#define VP_CODE(sym, text, exitcode, what, todo) [VP_E_##sym] = { text, what, todo, exitcode },
#include "codes.def"
#undef VP_CODE
};

static int vfail(struct vp_err *err, enum vp_code code, const char *fmt, va_list ap)
{
	int saved = errno;

	if (err) {
		err->code = code;
		vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	}
	errno = saved;
	return -1;
}

int vp_fail(struct vp_err *err, enum vp_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfail(err, code, fmt, ap);
	va_end(ap);
	return -1;
}

int vp_fail_errno(struct vp_err *err, enum vp_code code, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	vfail(err, code == VP_E_IO && (saved == ENOSPC || saved == EDQUOT) ? VP_E_NOSPACE : code, fmt, ap);
	va_end(ap);
	if (err) {
		n = strlen(err->msg);
		snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", strerror(saved));
	}
	errno = saved;
	return -1;
}

int vp_context(struct vp_err *err, const char *fmt, ...)
{
	int saved = errno;
	char old[sizeof(err->msg)];
	va_list ap;
	size_t n;

	if (!err)
		return -1;
	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	snprintf(err->msg + n, sizeof(err->msg) - n, ": %.*s", (int)sizeof(old) - 1, old);
	errno = saved;
	return -1;
}

const char *vp_code_text(enum vp_code code)
{
	return codes[code].text;
}

enum vp_exit vp_code_exit(enum vp_code code)
{
	return codes[code].exit;
}

const char *vp_code_what(enum vp_code code)
{
	return codes[code].what;
}

const char *vp_code_todo(enum vp_code code)
{
	return codes[code].todo;
}

enum vp_code vp_code_find(const char *text)
{
	for (size_t i = 0; i < vp_count(codes); i++)
		if (!strcasecmp(codes[i].text, text))
			return (enum vp_code)i;
	return VP_E__COUNT;
}
