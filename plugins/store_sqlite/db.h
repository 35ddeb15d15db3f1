/* SPDX-License-Identifier: Apache-2.0 */
/* The database file: opening, its schema, transactions. Blocks: only on a pool thread, one at a
 * time. */
#ifndef DB_H
#define DB_H

#include <sqlite3.h>
#include <stdbool.h>

#include <parley/error.h>

#define DB_SCHEMA_VERSION 1

/* The statements of queries.c, prepared when first used. */
#define DB_MAX_STATEMENTS 24

struct db {
    sqlite3 *handle;
    const char *path; /* borrowed */
    sqlite3_stmt *statements[DB_MAX_STATEMENTS];
};

struct db_settings {
    const char *path; /* outlives the database */
    int busy_timeout_ms;
    bool is_full_sync;
};

/*
 * Look at the file without changing it: fine when it does not exist and its folder does, or when it
 * is a store that this version knows.
 */
int db_check(const char *path, struct parley_error *err);

/* Open, or create with mode 0600, and bring the schema up to date. */
int db_open(const struct db_settings *settings, struct db **ret_db, struct parley_error *err);

/* Close; NULL is fine. */
void db_close(struct db *db);

/* A transaction; `writes` takes the write lock at once. */
int db_begin(struct db *db, bool writes, struct parley_error *err);
int db_commit(struct db *db, struct parley_error *err);
void db_rollback(struct db *db);

/* Run statements that answer nothing. Returns an SQLite code. */
int db_run(struct db *db, const char *sql);

/* The PARLEY_E_... for an SQLite code. */
int db_status(int code);

/* What to do about it, to be put behind the reason; "" when there is nothing to say. */
const char *db_advice(int code);

/* A failure has rolled back the whole transaction, not only what failed. */
bool db_was_rolled_back(const struct db *db);

#endif
