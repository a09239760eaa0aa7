/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ground floor: memory, strings, files, children, digests. No domain words.
 * Running out of memory ends the program: the journal makes that safe.
 */
#ifndef VP_BASE_H
#define VP_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "err.h"
#include "limits.h"

#define VP_PRINTF(f, a) __attribute__((format(printf, f, a), nonnull(f)))
#define vp_cleanup(fn)	__attribute__((cleanup(fn)))
#define vp_count(array) (sizeof(array) / sizeof((array)[0]))
#define VP_MIB		(UINT64_C(1) << 20)

/* --- Arena: everything of one run, freed at once. Memory is zeroed and aligned for any type. --- */
struct vp_arena;
struct vp_arena *vp_arena_new(void);
void vp_arena_free(struct vp_arena *a);
void *vp_alloc(struct vp_arena *a, size_t size);
char *vp_strdup(struct vp_arena *a, const char *s);
char *vp_strndup(struct vp_arena *a, const char *s, size_t len);
char *vp_printf(struct vp_arena *a, const char *fmt, ...) VP_PRINTF(2, 3);
/* For vp_cleanup(): frees the arena that *a points to. */
void vp_arena_freep(struct vp_arena **a);

/* --- Growing byte buffer, always NUL-terminated once something was added. {0} is an empty one. --- */
struct vp_buf {
	char *data;
	size_t len;
	size_t cap;
};
void vp_buf_add(struct vp_buf *b, const void *data, size_t len);
void vp_buf_adds(struct vp_buf *b, const char *s);
void vp_buf_addf(struct vp_buf *b, const char *fmt, ...) VP_PRINTF(2, 3);
void vp_buf_vaddf(struct vp_buf *b, const char *fmt, va_list ap) VP_PRINTF(2, 0);
/* The text so far, "" where empty; owned by b. */
const char *vp_buf_str(const struct vp_buf *b);
void vp_buf_free(struct vp_buf *b);

/* malloc family that never returns NULL. */
void *vp_xcalloc(size_t n, size_t size);
void *vp_xrealloc(void *p, size_t size);
/* Grows *items (n in use, of *cap) so that one more fits. */
void *vp_grow(void *items, size_t n, size_t *cap, size_t size);
/* The same in an arena; the old items stay where they were. */
void *vp_grow_in(struct vp_arena *a, void *items, size_t n, size_t *cap, size_t size);

void vp_closep(int *fd);
void vp_freep(void *p);

/* --- Files. All return 0 or -1 with err filled. --- */
/* Reads a regular file, pipe or "-" (stdin), at most max bytes (VP_E_LIMIT above). */
int vp_read_file(const char *path, size_t max, struct vp_buf *out, struct vp_err *err);
/* Publishes: temporary in the same directory, write, fsync, rename, fsync of the directory. */
int vp_write_file(const char *path, const void *data, size_t len, mode_t mode, struct vp_err *err);
/* mkdir -p; existing directories are left as they are. */
int vp_mkdirs(const char *path, mode_t mode, struct vp_err *err);
/* Removes a file or a tree without following links or crossing mounts; absent is success. */
int vp_remove_tree(const char *path, struct vp_err *err);
bool vp_exists(const char *path);
/* The last `lines` lines of a file without control characters, for error messages; "" if unreadable. */
char *vp_tail(struct vp_arena *a, const char *path, unsigned lines);

/* --- Children: argv vector, never a shell, clean environment. --- */
struct vp_child {
	/* NULL-terminated; argv[0] is looked up in PATH. */
	const char *const *argv;
	/* NULL-terminated NAME=value, added to PATH, HOME, LANG=C.UTF-8, TMPDIR. May be NULL. */
	const char *const *env;
	/* Bytes for its stdin; NULL means /dev/null. */
	const char *input;
	/* Where stdout goes; NULL throws it away. At most VP_MAX_CHILD_OUTPUT bytes are kept. */
	struct vp_buf *out;
	/* Where stderr goes; NULL keeps only what an error message needs. */
	struct vp_buf *errout;
	/* Milliseconds until it is killed (with its process group); 0 means none. */
	int timeout_ms;
	/* Called about 5 times a second while it runs; non-zero ends the child. May be NULL. */
	int (*tick)(void *arg);
	void *tick_arg;
};
/* Runs to the end. 0 if it exited 0; otherwise VP_E_TOOL with argv and its last line of stderr. */
int vp_run(const struct vp_child *c, struct vp_err *err);
/* Path of a program in PATH, or NULL. */
char *vp_which(struct vp_arena *a, const char *program);
/* Set by SIGINT and SIGTERM. */
extern volatile int vp_interrupted;

/* --- Digests and identifiers. --- */
/* Nettle does the work; the context is plain data. */
void vp_sha256_hex(const void *data, size_t len, char hex[65]);
/* Of a whole file, read in blocks. */
int vp_sha256_file(const char *path, char hex[65], struct vp_err *err);
/* Name-based UUID, RFC 9562 version 5 (SHA-1), in the namespace given as text. */
void vp_uuid5(const char *space, const char *name, char uuid[37]);
/* n random bytes as 2n hex digits and a NUL. */
void vp_random_hex(char *hex, size_t n);
/* Equal strings in a time that depends on their length only. */
bool vp_equal_secret(const char *a, const char *b);

/* --- Clock: nanoseconds since boot that never step; seconds since 1970. --- */
uint64_t vp_now_ns(void);
double vp_wall(void);

/*
 * The share of the last 10, 60 or 300 seconds, in percent, in which something that could have run had to wait for "cpu" or "io" (Linux's pressure
 * stall information); 0 where the kernel does not tell.
 */
double vp_pressure(const char *what, unsigned seconds);

/* --- Text --- */
/* Whole decimal number in [min,max]; false otherwise. */
bool vp_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out);
/* Shell-style glob, case-insensitive. */
bool vp_glob(const char *pattern, const char *text);
/* Control characters and what is not UTF-8 become '?'; cut to max bytes at a character: for terminals, messages and JSON. */
char *vp_printable(struct vp_arena *a, const char *s, size_t max);
/* So is each line that is not empty, with `between` between them. */
char *vp_printable_lines(struct vp_arena *a, const char *s, size_t max, const char *between);
/*
 * Takes control sequences out of what a guest wrote to its console, in place: they must not reach a terminal long after they were meant, for they
 * clear it, or worse. Answers how much is left. *at says where it is in a sequence between blocks, 0 at first.
 */
size_t vp_strip_terminal(int *at, char *p, size_t n);
/* "1.5 GiB", "512 MiB". */
char *vp_size_text(struct vp_arena *a, uint64_t bytes);

/* --- Output of the program: levels set by -q and -v; colour by the terminal. --- */
struct vp_out {
	int level; /* -1 quiet, 0 normal, 1 verbose */
	bool tty;
	bool color;
};
extern struct vp_out vp_out;
/* One line on stderr: "vprov: warning: ..." */
void vp_warn(const char *fmt, ...) VP_PRINTF(1, 2);
/* One line on stdout, unless quiet. */
void vp_say(const char *fmt, ...) VP_PRINTF(1, 2);
/* One line on stderr with -v. */
void vp_debug(const char *fmt, ...) VP_PRINTF(1, 2);

#endif
