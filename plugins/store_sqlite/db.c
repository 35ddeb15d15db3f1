/* SPDX-License-Identifier: Apache-2.0 */
#include "db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define APPLICATION_ID 0x70726c79 /* "prly": so that `file` and other programs know it */

static const char schema[] =
    "CREATE TABLE sessions ("
    "  session_id TEXT NOT NULL PRIMARY KEY,"
    "  state INTEGER NOT NULL,"
    "  agent TEXT NOT NULL,"
    "  user TEXT NOT NULL,"
    "  owner TEXT NOT NULL,"
    "  epoch INTEGER NOT NULL,"
    "  lease_until_ms INTEGER NOT NULL,"
    "  created_ms INTEGER NOT NULL,"
    "  updated_ms INTEGER NOT NULL,"
    "  expires_ms INTEGER NOT NULL,"
    "  record_count INTEGER NOT NULL,"
    "  data TEXT NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE INDEX sessions_by_time ON sessions (created_ms, session_id);"
    "CREATE INDEX sessions_to_expire ON sessions (expires_ms) WHERE expires_ms != 0;"
    "CREATE TABLE records ("
    "  session_id TEXT NOT NULL,"
    "  seq INTEGER NOT NULL,"
    "  kind INTEGER NOT NULL,"
    "  time_ms INTEGER NOT NULL,"
    "  id TEXT NOT NULL,"
    "  data TEXT NOT NULL,"
    "  PRIMARY KEY (session_id, seq)"
    ") WITHOUT ROWID;"
    /* ids of removed sessions, so that they are told from unknown ones; trimmed by number */
    "CREATE TABLE removed ("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  session_id TEXT NOT NULL UNIQUE"
    ");";

int db_status(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return PARLEY_E_BUSY;
    case SQLITE_NOMEM:
        return PARLEY_E_NO_MEMORY;
    case SQLITE_TOOBIG:
        return PARLEY_E_TOO_LARGE;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        return PARLEY_E_DENIED;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return PARLEY_E_UNAVAILABLE;
    default:
        return PARLEY_E_INTERNAL;
    }
}

const char *db_advice(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return "; make room on its file system";
    case SQLITE_IOERR:
        return "; look at its disk, and at limits on the size of files";
    case SQLITE_CORRUPT:
        return "; the file is damaged: put a backup in its place, or move it away and a new one is "
               "made";
    default:
        return "";
    }
}

static int fail(struct db *db, int code, const char *what, struct parley_error *err)
{
    return parley_fail(err, db_status(code), "%s: %s: %s%s", db->path, what,
                       db->handle != NULL ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code),
                       db_advice(code));
}

int db_run(struct db *db, const char *sql)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
}

/* --- Opening ------------------------------------------------------------------------------------
 */

static int pragma_number(struct db *db, const char *sql, int64_t *ret)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *ret = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement); /* repeats the code of step */
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

/* What the file is: a new one (version 0, empty), one of ours, or neither. */
static int read_version(struct db *db, int64_t *ret_version, struct parley_error *err)
{
    int64_t version = 0, tables = 0;

    int code = pragma_number(db, "PRAGMA user_version", &version);
    if (code == SQLITE_OK)
        code = pragma_number(db, "SELECT count(*) FROM sqlite_master", &tables);
    if (code == SQLITE_NOTADB)
        return parley_fail(err, PARLEY_E_INVALID,
                           "path: %s is not an SQLite database; name another file", db->path);
    if (code != SQLITE_OK)
        return fail(db, code, "cannot be read", err);
    if (version > DB_SCHEMA_VERSION)
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "path: %s was written by a newer parley (schema %lld, this one knows "
                           "%d); upgrade parley or name another file",
                           db->path, (long long)version, DB_SCHEMA_VERSION);
    if (version <= 0 && tables > 0)
        return parley_fail(err, PARLEY_E_INVALID,
                           "path: %s is a database of another program; name another file",
                           db->path);
    *ret_version = version;
    return PARLEY_OK;
}

static int make_schema(struct db *db, struct parley_error *err)
{
    char sql[96];
    int64_t version = 0;

    int r = db_begin(db, true, err);
    if (r < 0)
        return r;
    r = read_version(db, &version, err); /* again: another process may have been quicker */
    if (r == PARLEY_OK && version == 0) {
        (void)snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
                       APPLICATION_ID, DB_SCHEMA_VERSION);
        int code = db_run(db, schema);
        if (code == SQLITE_OK)
            code = db_run(db, sql);
        if (code != SQLITE_OK)
            r = fail(db, code, "its tables cannot be made", err);
    }
    if (r == PARLEY_OK)
        r = db_commit(db, err);
    if (r < 0)
        db_rollback(db);
    return r;
}

static int connect_file(const char *path, int busy_timeout_ms, struct db **ret_db,
                        struct parley_error *err)
{
    struct db *db = calloc(1, sizeof(*db));

    if (db == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory to open it", path);
    db->path = path;
    /* NOMUTEX: the lane lets one thread at a time use it */
    int code =
        sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(db->handle, busy_timeout_ms);
    int r = PARLEY_OK;
    if (code != SQLITE_OK)
        r = fail(db, code, "cannot be opened", err);
    else if (sqlite3_db_readonly(db->handle, "main") == 1)
        r = parley_fail(err, PARLEY_E_DENIED, "path: %s cannot be written by this user", path);
    if (r < 0) {
        db_close(db);
        return r;
    }
    *ret_db = db;
    return PARLEY_OK;
}

/*
 * Others must not read conversations, and SQLite gives its -wal and -shm files the mode of the
 * file. Only a file that is not there yet is opened here: closing a descriptor of an open database
 * would drop the locks that this process holds on it.
 */
static int make_file(const char *path, struct parley_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0) {
        (void)close(fd); /* nothing was written */
        return PARLEY_OK;
    }
    if (errno == EEXIST)
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_UNAVAILABLE, "path: %s cannot be made: %s", path,
                       strerror(errno));
}

/* The write-ahead log needs memory shared through the file system, which network ones do not have.
 */
static int use_wal(struct db *db, struct parley_error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db->handle, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
    bool is_wal = false;

    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        is_wal = strcmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
    int r = PARLEY_OK;
    if (code != SQLITE_ROW)
        r = fail(db, code, "cannot be set up for writing", err);
    else if (!is_wal)
        r = parley_fail(err, PARLEY_E_UNSUPPORTED,
                        "path: %s is on a file system without a write-ahead log; name a file on a "
                        "local disk",
                        db->path);
    (void)sqlite3_finalize(statement); /* repeats the code of step */
    return r;
}

static int prepare(struct db *db, bool is_full_sync, struct parley_error *err)
{
    int64_t version = 0;

    int r = read_version(db, &version, err);
    if (r == PARLEY_OK)
        r = use_wal(db, err);
    if (r < 0)
        return r;
    /* FAST: what was removed shall not be found in the file, as far as that costs no write */
    int code = db_run(db, "PRAGMA secure_delete = FAST");
    if (code == SQLITE_OK)
        code =
            db_run(db, is_full_sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    if (code != SQLITE_OK)
        return fail(db, code, "cannot be set up for writing", err);
    return version == 0 ? make_schema(db, err) : PARLEY_OK;
}

int db_open(const struct db_settings *settings, struct db **ret_db, struct parley_error *err)
{
    int r = make_file(settings->path, err);
    if (r < 0)
        return r;
    r = connect_file(settings->path, settings->busy_timeout_ms, ret_db, err);
    if (r < 0)
        return r;
    r = prepare(*ret_db, settings->is_full_sync, err);
    if (r < 0) {
        db_close(*ret_db);
        *ret_db = NULL;
    }
    return r;
}

static int check_folder(const char *path, struct parley_error *err)
{
    const char *slash = strrchr(path, '/');
    char folder[4096] = ".";

    if (slash != NULL)
        (void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash == path ? 1 : slash - path),
                       path);
    if (access(folder, W_OK | X_OK) == 0)
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_UNAVAILABLE,
                       "path: %s cannot be made: folder %s: %s; create it or name another file",
                       path, folder, strerror(errno));
}

int db_check(const char *path, struct parley_error *err)
{
    struct db *db = NULL;
    int64_t version = 0;

    if (access(path, F_OK) != 0)
        return check_folder(path, err);
    int r = connect_file(path, 0, &db, err);
    if (r == PARLEY_OK)
        r = read_version(db, &version, err);
    db_close(db);
    return r == PARLEY_E_BUSY ? PARLEY_OK : r; /* somebody writes just now: looked at when opened */
}

void db_close(struct db *db)
{
    if (db == NULL)
        return;
    for (size_t i = 0; i < DB_MAX_STATEMENTS; i++)
        (void)sqlite3_finalize(db->statements[i]); /* repeats the last code of the statement */
    (void)sqlite3_close(db->handle); /* cannot be busy: every statement is finalized */
    free(db);
}

/* --- Transactions -------------------------------------------------------------------------------
 */

int db_begin(struct db *db, bool writes, struct parley_error *err)
{
    int code = db_run(db, writes ? "BEGIN IMMEDIATE" : "BEGIN");

    return code == SQLITE_OK ? PARLEY_OK : fail(db, code, "cannot be used now", err);
}

int db_commit(struct db *db, struct parley_error *err)
{
    int code = db_run(db, "COMMIT");

    return code == SQLITE_OK ? PARLEY_OK : fail(db, code, "cannot be written", err);
}

bool db_was_rolled_back(const struct db *db)
{
    return sqlite3_get_autocommit(db->handle) != 0;
}

void db_rollback(struct db *db)
{
    if (!db_was_rolled_back(db))
        (void)db_run(db, "ROLLBACK"); /* fails only when it was rolled back already */
}
