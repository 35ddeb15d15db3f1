/* SPDX-License-Identifier: Apache-2.0 */
#include "queries.h"

#include <string.h>

#define DEFAULT_PAGE 100
#define MAX_PAGE     1000

#define HEAD_COLUMNS                                                                               \
    "state, session_id, agent, user, owner, epoch, lease_until_ms, created_ms, updated_ms, "       \
    "expires_ms, record_count, data"

enum statement {
    FIND_HEAD,
    FIND_REMOVED,
    ADD_HEAD,
    FORGET_REMOVED,
    UPDATE_HEAD,
    ADD_RECORD,
    COUNT_RECORDS,
    READ_RECORDS,
    LIST_HEADS,
    TAKE_LEASE,
    REMOVE_RECORDS,
    REMOVE_HEAD,
    BURY,
    TRIM_REMOVED,
    EXPIRE_RECORDS,
    EXPIRE_BURY,
    EXPIRE_HEADS,
    STATEMENT_COUNT,
};

_Static_assert(STATEMENT_COUNT <= DB_MAX_STATEMENTS, "struct db has no room for all statements");

static const char *const texts[STATEMENT_COUNT] = {
    [FIND_HEAD] = "SELECT " HEAD_COLUMNS " FROM sessions WHERE session_id = ?1",
    [FIND_REMOVED] = "SELECT 1 FROM removed WHERE session_id = ?1",
    [ADD_HEAD] = "INSERT INTO sessions (" HEAD_COLUMNS ") "
                 "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, ?11)",
    [FORGET_REMOVED] = "DELETE FROM removed WHERE session_id = ?1",
    [UPDATE_HEAD] = "UPDATE sessions SET state = ?2, owner = ?3, lease_until_ms = ?4, "
                    "updated_ms = ?5, expires_ms = ?6, data = ?7 WHERE session_id = ?1",
    [ADD_RECORD] = "INSERT INTO records (session_id, seq, kind, time_ms, id, data) "
                   "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [COUNT_RECORDS] = "UPDATE sessions SET record_count = ?2, updated_ms = max(updated_ms, ?3) "
                      "WHERE session_id = ?1",
    [READ_RECORDS] = "SELECT seq, kind, time_ms, id, data FROM records "
                     "WHERE session_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    [LIST_HEADS] = "SELECT " HEAD_COLUMNS " FROM sessions "
                   "WHERE (?1 = '' OR agent = ?1) AND (?2 = '' OR user = ?2) "
                   "AND (?3 = '' OR (created_ms, session_id) < (?4, ?3)) "
                   "ORDER BY created_ms DESC, session_id DESC LIMIT ?5",
    [TAKE_LEASE] = "UPDATE sessions SET epoch = epoch + 1, owner = ?2, lease_until_ms = ?3, "
                   "updated_ms = ?4 WHERE session_id = ?1",
    [REMOVE_RECORDS] = "DELETE FROM records WHERE session_id = ?1",
    [REMOVE_HEAD] = "DELETE FROM sessions WHERE session_id = ?1",
    [BURY] = "INSERT OR IGNORE INTO removed (session_id) VALUES (?1)",
    [TRIM_REMOVED] = "DELETE FROM removed "
                     "WHERE number <= (SELECT max(number) FROM removed) - 10000",
    [EXPIRE_RECORDS] = "DELETE FROM records WHERE session_id IN "
                       "(SELECT session_id FROM sessions WHERE expires_ms != 0 "
                       "AND expires_ms <= ?1)",
    [EXPIRE_BURY] = "INSERT OR IGNORE INTO removed (session_id) SELECT session_id FROM sessions "
                    "WHERE expires_ms != 0 AND expires_ms <= ?1",
    [EXPIRE_HEADS] = "DELETE FROM sessions WHERE expires_ms != 0 AND expires_ms <= ?1",
};

/* --- Statements ---------------------------------------------------------------------------------
 */

/* A prepared statement whose parameters are being bound; the first failure sticks. */
struct query {
    struct db *db;
    sqlite3_stmt *statement;
    int code;
    int next; /* parameter */
};

static struct query query_start(struct db *db, enum statement which)
{
    struct query q = {.db = db, .next = 1};

    if (db->statements[which] == NULL)
        q.code = sqlite3_prepare_v3(db->handle, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
                                    &db->statements[which], NULL);
    q.statement = db->statements[which];
    return q;
}

static void bind_bytes(struct query *q, const char *data, size_t len)
{
    if (q->code == SQLITE_OK)
        q->code =
            sqlite3_bind_text64(q->statement, q->next++, data, len, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_text(struct query *q, const char *text)
{
    bind_bytes(q, text, strlen(text));
}

static void bind_number(struct query *q, int64_t number)
{
    if (q->code == SQLITE_OK)
        q->code = sqlite3_bind_int64(q->statement, q->next++, number);
}

/* True while there are rows. */
static bool query_step(struct query *q)
{
    if (q->code == SQLITE_OK)
        q->code = sqlite3_step(q->statement);
    if (q->code == SQLITE_ROW) {
        q->code = SQLITE_OK;
        return true;
    }
    if (q->code == SQLITE_DONE)
        q->code = SQLITE_OK;
    return false;
}

/* Let go of the statement, and give a failure to the request. */
static int query_end(struct query *q, struct request *request)
{
    int code = q->code;

    if (code != SQLITE_OK)
        (void)request_fail(request, db_status(code), "%s: session %s: %s%s", q->db->path,
                           request->head.session_id, sqlite3_errmsg(q->db->handle),
                           db_advice(code));
    if (q->statement != NULL) {
        (void)sqlite3_reset(q->statement); /* repeats the code of step */
        (void)sqlite3_clear_bindings(q->statement);
    }
    return code == SQLITE_OK ? PARLEY_OK : request->status;
}

/* A statement with the session as only parameter. */
static int run_for_session(struct db *db, enum statement which, struct request *request)
{
    struct query q = query_start(db, which);

    bind_text(&q, request->head.session_id);
    (void)query_step(&q);
    return query_end(&q, request);
}

/* --- Rows ---------------------------------------------------------------------------------------
 */

static int out_of_memory(struct request *request)
{
    return request_fail(request, PARLEY_E_NO_MEMORY, "session %s: no memory for what was read",
                        request->head.session_id);
}

static const char *column_text(sqlite3_stmt *statement, int column, struct request *request)
{
    return arena_bytes(&request->arena, sqlite3_column_text(statement, column),
                       (size_t)sqlite3_column_bytes(statement, column));
}

static struct parley_view column_view(sqlite3_stmt *statement, int column, struct request *request)
{
    return (struct parley_view){column_text(statement, column, request),
                                (size_t)sqlite3_column_bytes(statement, column)};
}

/* Read HEAD_COLUMNS. */
static int read_head(sqlite3_stmt *s, struct request *request, struct parley_store_head *ret)
{
    *ret = (struct parley_store_head){
        .size = sizeof(*ret),
        .state = (uint32_t)sqlite3_column_int64(s, 0),
        .session_id = column_text(s, 1, request),
        .agent = column_text(s, 2, request),
        .user = column_text(s, 3, request),
        .owner = column_text(s, 4, request),
        .epoch = sqlite3_column_int64(s, 5),
        .lease_until_ms = sqlite3_column_int64(s, 6),
        .created_ms = sqlite3_column_int64(s, 7),
        .updated_ms = sqlite3_column_int64(s, 8),
        .expires_ms = sqlite3_column_int64(s, 9),
        .record_count = sqlite3_column_int64(s, 10),
        .data = column_view(s, 11, request),
    };
    if (ret->session_id == NULL || ret->agent == NULL || ret->user == NULL || ret->owner == NULL ||
        ret->data.data == NULL)
        return out_of_memory(request);
    return PARLEY_OK;
}

static int add_head_row(sqlite3_stmt *statement, struct request *request)
{
    struct row *row = request_add_row(request, true);

    return row != NULL ? read_head(statement, request, &row->head) : out_of_memory(request);
}

static int add_record_row(sqlite3_stmt *s, struct request *request)
{
    struct row *row = request_add_row(request, false);

    if (row == NULL)
        return out_of_memory(request);
    row->record = (struct parley_store_record){
        .size = sizeof(row->record),
        .seq = sqlite3_column_int64(s, 0),
        .kind = (uint32_t)sqlite3_column_int64(s, 1),
        .time_ms = sqlite3_column_int64(s, 2),
        .id = column_text(s, 3, request),
        .data = column_view(s, 4, request),
    };
    if (row->record.id == NULL || row->record.data.data == NULL)
        return out_of_memory(request);
    return PARLEY_OK;
}

/* --- Finding ------------------------------------------------------------------------------------
 */

static int look_up(struct db *db, struct request *request, const char *session_id, bool *ret_found,
                   struct parley_store_head *ret_head)
{
    struct query q = query_start(db, FIND_HEAD);
    int r = PARLEY_OK;

    bind_text(&q, session_id);
    *ret_found = query_step(&q);
    if (*ret_found)
        r = read_head(q.statement, request, ret_head);
    int ended = query_end(&q, request);
    return r < 0 ? r : ended;
}

static int is_removed(struct db *db, struct request *request, const char *session_id,
                      bool *ret_removed)
{
    struct query q = query_start(db, FIND_REMOVED);

    bind_text(&q, session_id);
    *ret_removed = query_step(&q);
    return query_end(&q, request);
}

/* The head, or NOT_FOUND, or GONE. */
static int find(struct db *db, struct request *request, const char *session_id,
                struct parley_store_head *ret_head)
{
    bool found = false, was_removed = false;

    int r = look_up(db, request, session_id, &found, ret_head);
    if (r < 0 || found)
        return r;
    r = is_removed(db, request, session_id, &was_removed);
    if (r < 0)
        return r;
    if (was_removed)
        return request_fail(request, PARLEY_E_GONE, "session %s was removed", session_id);
    return request_fail(request, PARLEY_E_NOT_FOUND, "session %s is not in the store", session_id);
}

/* The same, for a writer with an epoch. */
static int find_current(struct db *db, struct request *request, struct parley_store_head *ret_head)
{
    const char *session_id = request->head.session_id;

    int r = find(db, request, session_id, ret_head);
    if (r < 0 || ret_head->epoch == request->head.epoch)
        return r;
    return request_fail(request, PARLEY_E_CONFLICT,
                        "session %s: epoch %lld is not the current %lld, which %s holds",
                        session_id, (long long)request->head.epoch, (long long)ret_head->epoch,
                        ret_head->owner);
}

/* --- Requests -----------------------------------------------------------------------------------
 */

static int run_create(struct db *db, struct request *request)
{
    const struct parley_store_head *head = &request->head;
    struct query q = query_start(db, ADD_HEAD);

    bind_number(&q, head->state);
    bind_text(&q, head->session_id);
    bind_text(&q, head->agent);
    bind_text(&q, head->user);
    bind_text(&q, head->owner);
    bind_number(&q, head->epoch > 0 ? head->epoch : 1);
    bind_number(&q, head->lease_until_ms);
    bind_number(&q, head->created_ms);
    bind_number(&q, head->updated_ms);
    bind_number(&q, head->expires_ms);
    bind_bytes(&q, head->data.data, head->data.len);
    (void)query_step(&q);
    bool exists = (q.code & 0xff) == SQLITE_CONSTRAINT;
    int r = query_end(&q, request);
    if (exists)
        return request_fail(request, PARLEY_E_CONFLICT, "session %s exists already",
                            head->session_id);
    return r < 0 ? r : run_for_session(db, FORGET_REMOVED, request);
}

static int run_update(struct db *db, struct request *request)
{
    const struct parley_store_head *head = &request->head;
    struct parley_store_head stored;

    int r = find_current(db, request, &stored);
    if (r < 0)
        return r;
    struct query q = query_start(db, UPDATE_HEAD);
    bind_text(&q, head->session_id);
    bind_number(&q, head->state);
    bind_text(&q, head->owner);
    bind_number(&q, head->lease_until_ms);
    bind_number(&q, head->updated_ms);
    bind_number(&q, head->expires_ms);
    bind_bytes(&q, head->data.data, head->data.len);
    (void)query_step(&q);
    return query_end(&q, request);
}

static int add_record(struct db *db, struct request *request,
                      const struct parley_store_record *record)
{
    struct query q = query_start(db, ADD_RECORD);

    bind_text(&q, request->head.session_id);
    bind_number(&q, record->seq);
    bind_number(&q, record->kind);
    bind_number(&q, record->time_ms);
    bind_text(&q, record->id);
    bind_bytes(&q, record->data.data, record->data.len);
    (void)query_step(&q);
    return query_end(&q, request);
}

static int count_records(struct db *db, struct request *request, int64_t count, int64_t time_ms)
{
    struct query q = query_start(db, COUNT_RECORDS);

    bind_text(&q, request->head.session_id);
    bind_number(&q, count);
    bind_number(&q, time_ms);
    (void)query_step(&q);
    return query_end(&q, request);
}

static int run_append(struct db *db, struct request *request)
{
    struct parley_store_head stored;
    int64_t time_ms = 0;

    int r = find_current(db, request, &stored);
    if (r < 0)
        return r;
    for (size_t i = 0; i < request->record_count; i++) {
        const struct parley_store_record *record = &request->records[i];
        if (record->seq <= stored.record_count)
            continue; /* was written before */
        if (record->seq != stored.record_count + 1)
            return request_fail(request, PARLEY_E_INVALID,
                                "session %s: record %lld, but %lld is next", stored.session_id,
                                (long long)record->seq, (long long)stored.record_count + 1);
        r = add_record(db, request, record);
        if (r < 0)
            return r;
        stored.record_count++;
        time_ms = record->time_ms;
    }
    return count_records(db, request, stored.record_count, time_ms);
}

static int run_read(struct db *db, struct request *request)
{
    struct row *head = request_add_row(request, true);

    if (head == NULL)
        return out_of_memory(request);
    int r = find(db, request, request->head.session_id, &head->head);
    if (r < 0)
        return r;
    struct query q = query_start(db, READ_RECORDS);
    bind_text(&q, request->head.session_id);
    bind_number(&q, request->after_seq);
    bind_number(&q, request->limit > 0 ? request->limit : -1);
    while (r == PARLEY_OK && query_step(&q))
        r = add_record_row(q.statement, request);
    int ended = query_end(&q, request);
    return r < 0 ? r : ended;
}

static int run_list(struct db *db, struct request *request)
{
    const struct parley_store_query *query = &request->query;
    uint32_t limit = query->limit == 0 ? DEFAULT_PAGE : query->limit;
    struct parley_store_head after = {0};
    int r = PARLEY_OK;

    if (query->after[0] != '\0')
        r = find(db, request, query->after, &after);
    if (r < 0)
        return r;
    struct query q = query_start(db, LIST_HEADS);
    bind_text(&q, query->agent);
    bind_text(&q, query->user);
    bind_text(&q, query->after);
    bind_number(&q, after.created_ms);
    bind_number(&q, limit < MAX_PAGE ? limit : MAX_PAGE);
    while (r == PARLEY_OK && query_step(&q))
        r = add_head_row(q.statement, request);
    int ended = query_end(&q, request);
    return r < 0 ? r : ended;
}

static int run_take(struct db *db, struct request *request)
{
    struct row *row = request_add_row(request, true);
    const char *session_id = request->head.session_id;

    if (row == NULL)
        return out_of_memory(request);
    int r = find(db, request, session_id, &row->head);
    if (r < 0)
        return r;
    if (row->head.expires_ms != 0 && row->head.expires_ms <= request->now_ms)
        return request_fail(request, PARLEY_E_GONE, "session %s has expired", session_id);
    struct query q = query_start(db, TAKE_LEASE);
    bind_text(&q, session_id);
    bind_text(&q, request->head.owner);
    bind_number(&q, request->head.lease_until_ms);
    bind_number(&q, request->now_ms);
    (void)query_step(&q);
    r = query_end(&q, request);
    row->head.epoch++;
    row->head.owner = request->head.owner;
    row->head.lease_until_ms = request->head.lease_until_ms;
    row->head.updated_ms = request->now_ms;
    return r;
}

static int run_remove(struct db *db, struct request *request)
{
    static const enum statement steps[] = {REMOVE_RECORDS, REMOVE_HEAD, BURY};
    struct parley_store_head stored;

    int r = find(db, request, request->head.session_id, &stored);
    for (size_t i = 0; r == PARLEY_OK && i < sizeof(steps) / sizeof(steps[0]); i++)
        r = run_for_session(db, steps[i], request);
    if (r < 0)
        return r;
    struct query q = query_start(db, TRIM_REMOVED);
    (void)query_step(&q);
    return query_end(&q, request);
}

static int run_expire(struct db *db, struct request *request)
{
    static const enum statement steps[] = {EXPIRE_RECORDS, EXPIRE_BURY, EXPIRE_HEADS, TRIM_REMOVED};
    int r = PARLEY_OK;

    for (size_t i = 0; r == PARLEY_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct query q = query_start(db, steps[i]);
        if (steps[i] != TRIM_REMOVED)
            bind_number(&q, request->now_ms);
        (void)query_step(&q);
        r = query_end(&q, request);
    }
    return r;
}

static int run(struct db *db, struct request *request)
{
    switch (request->kind) {
    case REQUEST_CREATE:
        return run_create(db, request);
    case REQUEST_UPDATE:
        return run_update(db, request);
    case REQUEST_APPEND:
        return run_append(db, request);
    case REQUEST_READ:
        return run_read(db, request);
    case REQUEST_LIST:
        return run_list(db, request);
    case REQUEST_TAKE:
        return run_take(db, request);
    case REQUEST_REMOVE:
        return run_remove(db, request);
    case REQUEST_EXPIRE:
        return run_expire(db, request);
    }
    return request_fail(request, PARLEY_E_INTERNAL, "store: request of unknown kind %d",
                        (int)request->kind);
}

void query_run(struct db *db, struct request *request)
{
    bool writes = request_writes(request);

    request->status = PARLEY_OK;
    if (writes && db_run(db, "SAVEPOINT request") != SQLITE_OK) {
        (void)request_fail(request, PARLEY_E_UNAVAILABLE, "%s: %s", db->path,
                           sqlite3_errmsg(db->handle));
        return;
    }
    int r = run(db, request);
    if (!writes)
        return;
    if (r < 0)
        (void)db_run(db, "ROLLBACK TO request"); /* fails only when all was rolled back already */
    (void)db_run(db, "RELEASE request");
}
