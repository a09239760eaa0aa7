// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cache.h"

/* Of the file's format: "vpro" as a number, which SQLite takes in decimal only. */
#define APPLICATION 1987080815
#define VERSION	    1
#define TEXT(x)	    TEXT_OF(x)
#define TEXT_OF(x)  #x
/* Records written at once: few enough that a run that is killed loses little, and that nobody else waits long. */
#define BATCH	256
#define BUSY_MS 1000
/* Not asked for during so many days: gone. */
#define DAYS_KEPT  30
#define DAYS_FRESH 3
#define RACY_NS	   (2 * INT64_C(1000000000))

/* What identifies one version of one file; compared as bytes. */
struct identity {
	uint64_t device, inode, size;
	int64_t mtime, ctime;
};

/* A record that is to be written. */
struct pending {
	int64_t id;
	struct identity file;
	void *data;
	size_t len;
};

struct vp_cache {
	sqlite3 *db;
	sqlite3_stmt *get, *put;
	char *path;
	/* Digest of env. */
	char env[65];
	int64_t today;
	struct pending waiting[BATCH];
	size_t nwaiting;
	/* A transaction for reading is open. */
	bool reading, pruned;
};

static int64_t ns_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct identity identity_of(const struct stat *st)
{
	return (struct identity){ st->st_dev, st->st_ino, (uint64_t)st->st_size, ns_of(st->st_mtim), ns_of(st->st_ctim) };
}

static void finish(struct vp_cache *c)
{
	sqlite3_finalize(c->get);
	sqlite3_finalize(c->put);
	sqlite3_close(c->db);
	c->db = NULL;
	c->get = c->put = NULL;
}

/* A damaged file is of no use to anybody: the next run makes a new one. */
static void give_up(struct vp_cache *c, const char *doing)
{
	int rc = c->db ? sqlite3_errcode(c->db) & 0xff : SQLITE_NOMEM;
	bool damaged = rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB;
	vp_cleanup(vp_buf_free) struct vp_buf journal = { 0 };

	vp_debug("%s: %s: %s: going on without", c->path, doing, c->db ? sqlite3_errmsg(c->db) : "no memory");
	finish(c);
	if (!damaged)
		return;
	vp_buf_addf(&journal, "%s-journal", c->path);
	unlink(c->path);
	unlink(journal.data);
}

static int run(struct vp_cache *c, const char *sql)
{
	return sqlite3_exec(c->db, sql, NULL, NULL, NULL);
}

static int64_t pragma(struct vp_cache *c, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int64_t v = -1;

	if (sqlite3_prepare_v2(c->db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

/* 0 it is ours (by now), 1 it is somebody else's, -1 SQLite says what is wrong. */
static int prepare_schema(struct vp_cache *c)
{
	int64_t application = pragma(c, "PRAGMA application_id"), version = pragma(c, "PRAGMA user_version");

	if (application < 0)
		return -1;
	if (application == APPLICATION && version == VERSION)
		return 0;
	if (application != APPLICATION && (application || version || pragma(c, "SELECT count(*) FROM sqlite_schema") > 0))
		return 1;
	return run(c,
		   "BEGIN IMMEDIATE; DROP TABLE IF EXISTS record;"
		   "CREATE TABLE record (id INTEGER PRIMARY KEY, file BLOB NOT NULL, sum TEXT NOT NULL, used INTEGER NOT NULL, data BLOB NOT NULL);"
		   "PRAGMA application_id = " TEXT(APPLICATION) "; PRAGMA user_version = " TEXT(VERSION) "; COMMIT") == SQLITE_OK
		       ? 0
		       : -1;
}

static int prepare(struct vp_cache *c)
{
	/* A journal that is written in order, but not waited for: what a crash of the machine damages is found by the sums. */
	if (run(c, "PRAGMA synchronous = OFF; PRAGMA journal_mode = TRUNCATE; PRAGMA cache_size = -1024") != SQLITE_OK)
		return -1;
	if (sqlite3_prepare_v2(c->db, "SELECT data, sum, used FROM record WHERE id = ? AND file = ?", -1, &c->get, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(c->db, "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?)", -1, &c->put, NULL) != SQLITE_OK)
		return -1;
	return 0;
}

/* Only what nobody else can write: it is believed. */
static bool is_own(const char *dir, const char *path)
{
	struct stat st;

	if (stat(dir, &st) || (st.st_uid && st.st_uid != geteuid()) || (st.st_mode & 022))
		return false;
	if (lstat(path, &st))
		return errno == ENOENT;
	return S_ISREG(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022);
}

static int open_db(struct vp_cache *c)
{
	mode_t mask = umask(077);
	int rc = sqlite3_open_v2(c->path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(c->db, BUSY_MS);
		rc = prepare_schema(c);
	}
	umask(mask);
	if (rc != 1)
		return rc;
	vp_debug("%s is not vprov's: going on without", c->path);
	finish(c);
	return 1;
}

struct vp_cache *vp_cache_open(const char *dir, const char *env)
{
	struct vp_cache *c;
	vp_cleanup(vp_buf_free) struct vp_buf path = { 0 };
	struct vp_err err = { 0 };

	if (!dir)
		return NULL;
	if (vp_mkdirs(dir, 0755, &err)) {
		vp_debug("%s: going on without what is remembered", err.msg);
		return NULL;
	}
	vp_buf_addf(&path, "%s/fleet.db", dir);
	if (!is_own(dir, path.data)) {
		vp_debug("%s belongs to others, or can be written by them: going on without", path.data);
		return NULL;
	}
	c = vp_xcalloc(1, sizeof(*c));
	c->path = path.data;
	path = (struct vp_buf){ 0 };
	c->today = time(NULL) / 86400;
	vp_sha256_hex(env, strlen(env), c->env);
	switch (open_db(c)) {
	case 0:
		if (!prepare(c))
			break;
		/* fallthrough */
	case -1: give_up(c, "opening");
	}
	return c;
}

/* 63 bits of a digest of everything that tells records apart; the file's identity is compared beside it. */
static int64_t id_of(const struct vp_cache *c, const struct vp_cache_key *key)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	char hex[65];

	vp_buf_add(&text, c->env, sizeof(c->env));
	vp_buf_add(&text, key->label, strlen(key->label) + 1);
	vp_buf_add(&text, key->path, strlen(key->path) + 1);
	vp_buf_adds(&text, key->placement);
	vp_sha256_hex(text.data, text.len, hex);
	hex[15] = '\0';
	return (int64_t)strtoull(hex, NULL, 16);
}

static void forget_waiting(struct vp_cache *c)
{
	for (size_t i = 0; i < c->nwaiting; i++)
		free(c->waiting[i].data);
	c->nwaiting = 0;
}

static int write_one(struct vp_cache *c, const struct pending *p)
{
	char sum[65];
	int rc;

	vp_sha256_hex(p->data, p->len, sum);
	sqlite3_bind_int64(c->put, 1, p->id);
	sqlite3_bind_blob(c->put, 2, &p->file, sizeof(p->file), SQLITE_STATIC);
	sqlite3_bind_text(c->put, 3, sum, -1, SQLITE_STATIC);
	sqlite3_bind_int64(c->put, 4, c->today);
	sqlite3_bind_blob64(c->put, 5, p->data, p->len, SQLITE_STATIC);
	rc = sqlite3_step(c->put);
	sqlite3_reset(c->put);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int prune(struct vp_cache *c)
{
	char sql[100];

	if (c->pruned)
		return SQLITE_OK;
	c->pruned = true;
	snprintf(sql, sizeof(sql), "DELETE FROM record WHERE used < %lld", (long long)c->today - DAYS_KEPT);
	return run(c, sql);
}

/* Where another process writes for longer than one waits, these records are not kept: nothing else follows from that. */
static void write_waiting(struct vp_cache *c)
{
	int rc;

	vp_cache_rest(c);
	if (!c->db || !c->nwaiting)
		return;
	rc = run(c, "BEGIN IMMEDIATE");
	for (size_t i = 0; i < c->nwaiting && rc == SQLITE_OK; i++)
		rc = write_one(c, &c->waiting[i]);
	if (rc == SQLITE_OK)
		rc = prune(c);
	if (rc == SQLITE_OK)
		rc = run(c, "COMMIT");
	forget_waiting(c);
	if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
		give_up(c, "writing");
	else if (!sqlite3_get_autocommit(c->db))
		run(c, "ROLLBACK");
}

static void add_waiting(struct vp_cache *c, int64_t id, const struct identity *file, const void *data, size_t len)
{
	if (c->nwaiting == BATCH)
		write_waiting(c);
	c->waiting[c->nwaiting++] = (struct pending){ id, *file, memcpy(vp_xcalloc(1, len), data, len), len };
}

void vp_cache_rest(struct vp_cache *c)
{
	if (c && c->db && c->reading)
		run(c, "COMMIT");
	if (c)
		c->reading = false;
}

/* The row that the query is at. */
static const void *take_row(struct vp_cache *c, struct vp_arena *a, size_t *len)
{
	const void *data = sqlite3_column_blob(c->get, 0);
	const char *was = (const char *)sqlite3_column_text(c->get, 1);
	char sum[65];

	*len = (size_t)sqlite3_column_bytes(c->get, 0);
	vp_sha256_hex(data, *len, sum);
	return data && was && !strcmp(was, sum) ? memcpy(vp_alloc(a, *len), data, *len) : NULL;
}

const void *vp_cache_get(struct vp_cache *c, struct vp_arena *a, const struct vp_cache_key *key, const struct stat *st, size_t *len)
{
	struct identity file = identity_of(st);
	const void *data = NULL;
	int64_t id;
	int rc;

	if (!c || !c->db)
		return NULL;
	if (!c->reading)
		c->reading = run(c, "BEGIN") == SQLITE_OK;
	id = id_of(c, key);
	sqlite3_bind_int64(c->get, 1, id);
	sqlite3_bind_blob(c->get, 2, &file, sizeof(file), SQLITE_STATIC);
	rc = sqlite3_step(c->get);
	if (rc == SQLITE_ROW) {
		data = take_row(c, a, len);
		if (data && sqlite3_column_int64(c->get, 2) + DAYS_FRESH < c->today && c->nwaiting < BATCH)
			add_waiting(c, id, &file, data, *len);
	}
	sqlite3_reset(c->get);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE && (rc & 0xff) != SQLITE_BUSY)
		give_up(c, "reading");
	return data;
}

void vp_cache_put(struct vp_cache *c, const struct vp_cache_key *key, const struct stat *st, const void *data, size_t len)
{
	struct identity file = identity_of(st);
	int64_t changed = file.mtime > file.ctime ? file.mtime : file.ctime;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (c && c->db && S_ISREG(st->st_mode) && ns_of(now) - changed >= RACY_NS)
		add_waiting(c, id_of(c, key), &file, data, len);
}

void vp_cache_close(struct vp_cache *c)
{
	if (!c)
		return;
	write_waiting(c);
	forget_waiting(c);
	finish(c);
	free(c->path);
	free(c);
}
