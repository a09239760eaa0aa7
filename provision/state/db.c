// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask.h"
#include "db.h"

/* Step i makes version i + 1 of the tables out of version i: append, never change one. */
static const char *const steps[] = {
	/* 1 */
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE node (name TEXT PRIMARY KEY, uuid TEXT, virt TEXT, host TEXT, mac TEXT, ip TEXT, life INTEGER,"
	" health INTEGER, phase TEXT, percent INTEGER, since REAL, last_evidence REAL, reason TEXT, token TEXT,"
	" armed INTEGER, token_live INTEGER, installs INTEGER, json TEXT, config TEXT, image TEXT, task TEXT) WITHOUT ROWID;"
	"CREATE INDEX node_mac ON node (mac);"
	"CREATE INDEX node_ip ON node (ip);"
	"CREATE TABLE resource (kind TEXT, name TEXT, node TEXT, data TEXT NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;"
	"CREATE TABLE journal (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, action TEXT, name TEXT, node TEXT,"
	" before TEXT, after TEXT, time REAL);"
	"CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, time REAL, node TEXT, source TEXT, text TEXT);"
	"CREATE INDEX event_node ON event (node);"
	"CREATE TABLE result (node TEXT, run TEXT, name TEXT, time REAL, data BLOB, PRIMARY KEY (node, run, name));",
	/* 2 */
	"ALTER TABLE node ADD COLUMN method TEXT; ALTER TABLE node ADD COLUMN kernel TEXT; ALTER TABLE node ADD COLUMN initrd TEXT;"
	"ALTER TABLE node ADD COLUMN cmdline TEXT;",
	/* 3 */
	"ALTER TABLE node ADD COLUMN armed_until REAL NOT NULL DEFAULT 0;"
	"ALTER TABLE node ADD COLUMN rescue_until REAL NOT NULL DEFAULT 0;"
	"CREATE TABLE stranger (mac TEXT PRIMARY KEY, bridge TEXT, first REAL, last REAL, requests INTEGER) WITHOUT ROWID;",
	/* 4 */
	"CREATE TABLE phase (id INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT, run INTEGER, phase INTEGER, began REAL, ended REAL, evidence TEXT);"
	"CREATE INDEX phase_node ON phase (node, run);"
	"CREATE TABLE history (id INTEGER PRIMARY KEY AUTOINCREMENT, class TEXT, phase INTEGER, seconds REAL);"
	"CREATE INDEX history_class ON history (class, phase);"
	"ALTER TABLE node ADD COLUMN seen TEXT NOT NULL DEFAULT '';",
	/* 5 */
	"ALTER TABLE node ADD COLUMN before TEXT;",
	/*
	 * 6
	 * Counters that outlive nodes and services: the database counts by itself, whoever writes. A node's row is replaced as a whole, hence before
	 * the insertion, while the old one is still there. Life 9 is "up", health 3 "failed".
	 */
	"CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"INSERT INTO counter VALUES ('begun', 0), ('succeeded', 0), ('failed', 0);"
	"CREATE TRIGGER count_begun AFTER UPDATE OF installs ON node WHEN new.installs > old.installs BEGIN"
	" UPDATE counter SET value = value + 1 WHERE name = 'begun'; END;"
	"CREATE TRIGGER count_up BEFORE INSERT ON node WHEN new.life >= 9"
	" AND EXISTS (SELECT 1 FROM node WHERE name = new.name AND life BETWEEN 1 AND 8) BEGIN"
	" UPDATE counter SET value = value + 1 WHERE name = 'succeeded'; END;"
	"CREATE TRIGGER count_failed BEFORE INSERT ON node WHEN new.health = 3"
	" AND EXISTS (SELECT 1 FROM node WHERE name = new.name AND health <> 3 AND life BETWEEN 1 AND 8) BEGIN"
	" UPDATE counter SET value = value + 1 WHERE name = 'failed'; END;"
	"CREATE TRIGGER count_given_up AFTER UPDATE OF health ON node"
	" WHEN new.health = 3 AND old.health <> 3 AND old.life BETWEEN 1 AND 8 BEGIN"
	" UPDATE counter SET value = value + 1 WHERE name = 'failed'; END;"
	"CREATE TABLE phase_le (phase INTEGER, le REAL, n INTEGER NOT NULL, PRIMARY KEY (phase, le)) WITHOUT ROWID;"
	"CREATE TABLE phase_sum (phase INTEGER PRIMARY KEY, seconds REAL NOT NULL);"
	"CREATE TRIGGER count_phase AFTER INSERT ON history BEGIN"
	" INSERT INTO phase_le SELECT new.phase, column1, new.seconds <= column1"
	" FROM (VALUES (1), (2), (5), (10), (20), (60), (120), (300), (600), (1800), (3600), (1e999)) WHERE true"
	" ON CONFLICT (phase, le) DO UPDATE SET n = n + excluded.n;"
	" INSERT INTO phase_sum VALUES (new.phase, new.seconds) ON CONFLICT (phase) DO UPDATE SET seconds = seconds + excluded.seconds; END;",
	/* 7 */
	"ALTER TABLE node ADD COLUMN script TEXT;",
	/* 8 */
	"CREATE TABLE sample (node TEXT, run TEXT, metric TEXT, unit TEXT, value REAL, less INTEGER, key TEXT, work TEXT, env TEXT, bad INTEGER, "
	"time REAL,"
	" PRIMARY KEY (node, run, metric));",
};
#define SCHEMA_VERSION ((int)vp_count(steps))

int vp_db_fail(struct vp_state *s, const char *what, struct vp_err *err)
{
	int rc = sqlite3_errcode(s->db) & 0xff;
	enum vp_code code = rc == SQLITE_FULL				  ? VP_E_NOSPACE
			    : rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB ? VP_E_STATE
			    : rc == SQLITE_BUSY				  ? VP_E_LOCKED
									  : VP_E_IO;

	return vp_fail(err, code, "%s/vprov.db: %s: %s", s->dir, what, sqlite3_errmsg(s->db));
}

static int bind_all(sqlite3_stmt *st, const char *fmt, va_list ap)
{
	int rc = SQLITE_OK;

	for (int i = 1; *fmt && rc == SQLITE_OK; fmt++, i++) {
		if (*fmt == 's') {
			rc = sqlite3_bind_text(st, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
		} else if (*fmt == 'i') {
			rc = sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
		} else if (*fmt == 'd') {
			rc = sqlite3_bind_double(st, i, va_arg(ap, double));
		} else {
			const void *data = va_arg(ap, const void *);

			rc = sqlite3_bind_blob64(st, i, data, va_arg(ap, size_t), SQLITE_TRANSIENT);
		}
	}
	return rc;
}

static sqlite3_stmt *prepare(struct vp_state *s, struct vp_err *err, const char *sql, const char *fmt, va_list ap)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) == SQLITE_OK && bind_all(st, fmt, ap) == SQLITE_OK)
		return st;
	vp_db_fail(s, "query", err);
	sqlite3_finalize(st);
	return NULL;
}

sqlite3_stmt *vp_db_query(struct vp_state *s, struct vp_err *err, const char *sql, const char *fmt, ...)
{
	sqlite3_stmt *st;
	va_list ap;

	va_start(ap, fmt);
	st = prepare(s, err, sql, fmt, ap);
	va_end(ap);
	return st;
}

int vp_db_exec(struct vp_state *s, struct vp_err *err, const char *sql, const char *fmt, ...)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st = NULL;
	va_list ap;

	va_start(ap, fmt);
	st = prepare(s, err, sql, fmt, ap);
	va_end(ap);
	if (!st)
		return -1;
	return sqlite3_step(st) == SQLITE_DONE ? 0 : vp_db_fail(s, "writing", err);
}

void vp_db_finalizep(sqlite3_stmt **st)
{
	sqlite3_finalize(*st);
}

const char *vp_db_text(struct vp_arena *a, sqlite3_stmt *st, int col)
{
	const char *text = (const char *)sqlite3_column_text(st, col);

	return text ? vp_strdup(a, text) : "";
}

int vp_db_begin(struct vp_state *s, struct vp_err *err)
{
	return vp_db_exec(s, err, "BEGIN IMMEDIATE", "");
}

int vp_db_end(struct vp_state *s, int rc, struct vp_err *err)
{
	if (!rc)
		return vp_db_exec(s, err, "COMMIT", "");
	vp_db_exec(s, NULL, "ROLLBACK", "");
	return -1;
}

/* Version of the tables, 0 where there are none; -1 on failure. */
static int read_meta(struct vp_state *s, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st = NULL;
	int version = 0;

	st = vp_db_query(s, err, "SELECT count(*) FROM sqlite_master WHERE name = 'meta'", "");
	if (!st || sqlite3_step(st) != SQLITE_ROW)
		return st ? vp_db_fail(s, "opening", err) : -1;
	if (!sqlite3_column_int(st, 0))
		return 0;
	sqlite3_finalize(st);
	st = vp_db_query(s, err, "SELECT key, value FROM meta", "");
	if (!st)
		return -1;
	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *key = (const char *)sqlite3_column_text(st, 0), *value = (const char *)sqlite3_column_text(st, 1);

		if (!strcmp(key, "id"))
			snprintf(s->id, sizeof(s->id), "%s", value);
		else if (!strcmp(key, "version"))
			version = atoi(value);
	}
	if (version < 1 || version > SCHEMA_VERSION || !*s->id)
		return vp_fail(err, VP_E_STATE, "%s/vprov.db: version %d, this vprov knows %d", s->dir, version, SCHEMA_VERSION);
	return version;
}

/* Makes the tables where there are none, brings those of an earlier vprov up to date; in the caller's transaction. */
static int initialise(struct vp_state *s, struct vp_err *err)
{
	int version = read_meta(s, err);

	if (version < 0 || version == SCHEMA_VERSION)
		return version < 0 ? -1 : 0;
	for (int i = version; i < SCHEMA_VERSION; i++)
		if (sqlite3_exec(s->db, steps[i], NULL, NULL, NULL) != SQLITE_OK)
			return vp_db_fail(s, "making tables", err);
	if (!version) {
		vp_random_hex(s->id, 8);
		if (vp_db_exec(s, err, "INSERT INTO meta VALUES ('id', ?1)", "s", s->id))
			return -1;
	}
	return vp_db_exec(s, err, "INSERT OR REPLACE INTO meta VALUES ('version', ?1)", "i", (int64_t)SCHEMA_VERSION);
}

static int open_db(struct vp_state *s, const char *path, bool readonly, struct vp_err *err)
{
	int rc;

	if (sqlite3_open_v2(path, &s->db, readonly ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
		return vp_db_fail(s, "opening", err);
	sqlite3_busy_timeout(s->db, 15000);
	if (readonly) {
		rc = read_meta(s, err);
		if (rc < 0 || rc == SCHEMA_VERSION)
			return rc < 0 ? -1 : 0;
	}
	if (sqlite3_exec(s->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", NULL, NULL, NULL) != SQLITE_OK)
		return vp_db_fail(s, "opening", err);
	if (vp_db_begin(s, err))
		return -1;
	rc = initialise(s, err);
	return vp_db_end(s, rc, err);
}

struct vp_state *vp_state_open(const char *dir, bool readonly, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf path = { 0 };
	struct vp_state *s;

	vp_buf_addf(&path, "%s/vprov.db", dir);
	if (readonly && !vp_exists(path.data)) {
		vp_fail(err, VP_E_NOTFOUND, "no nodes: there is no %s", path.data);
		return NULL;
	}
	/* The database holds tokens and password hashes. */
	if (!readonly && vp_mkdirs(dir, 0755, err))
		return NULL;
	s = vp_xcalloc(1, sizeof(*s));
	s->dir = strdup(dir);
	s->helper = -1;
	umask(022);
	if (!readonly && !vp_exists(path.data)) {
		int fd = open(path.data, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

		vp_closep(&fd);
	}
	if (!open_db(s, path.data, readonly, err))
		return s;
	vp_state_close(s);
	return NULL;
}

struct vp_state *vp_state_open_asking(const char *dir, int fd, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf path = { 0 };
	struct vp_state *s = vp_xcalloc(1, sizeof(*s));

	vp_buf_addf(&path, "%s/vprov.db", dir);
	s->dir = strdup(dir);
	s->helper = fd;
	if (sqlite3_open_v2(path.data, &s->db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		vp_db_fail(s, "opening", err);
	else if (sqlite3_busy_timeout(s->db, 15000) == SQLITE_OK && read_meta(s, err) > 0)
		return s;
	vp_state_close(s);
	return NULL;
}

void vp_state_close(struct vp_state *s)
{
	if (!s)
		return;
	sqlite3_close(s->db);
	free(s->dir);
	free(s);
}

void vp_state_closep(struct vp_state **s)
{
	vp_state_close(*s);
}

const char *vp_state_id(struct vp_state *s)
{
	return s->id;
}

int vp_state_lock(const char *dir, const char *command, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	char *path = vp_printf(a, "%s/lock", dir), holder[256] = "";
	int fd;

	if (vp_mkdirs(dir, 0755, err))
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return vp_fail_errno(err, VP_E_IO, "%s", path);
	/* `status` looks at an embedded hypervisor under the same lock, for a moment. */
	for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) && tries < 20; tries++)
		poll(NULL, 0, 100);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		ssize_t n = pread(fd, holder, sizeof(holder) - 1, 0);

		close(fd);
		while (n > 0 && holder[n - 1] == '\n')
			holder[--n] = '\0';
		return vp_fail(err, VP_E_LOCKED, "%s is in use by %s", dir, n > 0 ? holder : "another vprov");
	}
	if (ftruncate(fd, 0) || dprintf(fd, "pid %d (vprov %s)\n", (int)getpid(), command) < 0) {
		vp_fail_errno(err, VP_E_IO, "%s", path);
		close(fd);
		return -1;
	}
	return fd;
}
