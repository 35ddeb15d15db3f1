/* SPDX-License-Identifier: Apache-2.0 */
#include "sessions.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_BUCKETS  64
#define MAX_TOMBSTONES 1024 /* ids of removed sessions that are still told from unknown ones */
#define NO_MEMORY      "session %s: no memory"

struct sessions {
    struct stored **buckets;
    size_t bucket_count; /* a power of two */
    struct stored *newest;
    struct stored *oldest;
    size_t count;
    size_t bytes;
    size_t max_sessions;
    size_t max_bytes;
    char *tombstones[MAX_TOMBSTONES]; /* a ring */
    size_t tombstone_next;
};

static size_t hash_of(const char *text)
{
    size_t hash = (size_t)1469598103934665603u; /* FNV-1a */

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * (size_t)1099511628211u;
    return hash ^ hash >> 29;
}

struct sessions *sessions_create(size_t max_sessions, size_t max_bytes)
{
    struct sessions *sessions = calloc(1, sizeof(*sessions));

    if (sessions == NULL)
        return NULL;
    sessions->max_sessions = max_sessions;
    sessions->max_bytes = max_bytes;
    sessions->bucket_count = LEAST_BUCKETS;
    while (sessions->bucket_count < max_sessions && sessions->bucket_count < 65536)
        sessions->bucket_count *= 2;
    sessions->buckets = calloc(sessions->bucket_count, sizeof(*sessions->buckets));
    if (sessions->buckets == NULL) {
        free(sessions);
        return NULL;
    }
    return sessions;
}

static void stored_free(struct stored *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->record_count; i++) {
        free(s->records[i].id);
        free(s->records[i].data);
    }
    free(s->records);
    free(s->session_id);
    free(s->agent);
    free(s->user);
    free(s->owner);
    free(s->data);
    free(s);
}

void sessions_destroy(struct sessions *sessions)
{
    if (sessions == NULL)
        return;
    for (struct stored *s = sessions->newest, *next = NULL; s != NULL; s = next) {
        next = s->older;
        stored_free(s);
    }
    for (size_t i = 0; i < MAX_TOMBSTONES; i++)
        free(sessions->tombstones[i]);
    free(sessions->buckets);
    free(sessions);
}

struct stored *sessions_newest(const struct sessions *sessions)
{
    return sessions->newest;
}

/* --- Finding ------------------------------------------------------------------------------------
 */

static struct stored **bucket_of(const struct sessions *sessions, const char *session_id)
{
    return &sessions->buckets[hash_of(session_id) & (sessions->bucket_count - 1)];
}

static struct stored *lookup(const struct sessions *sessions, const char *session_id)
{
    struct stored *s = *bucket_of(sessions, session_id);

    while (s != NULL && strcmp(s->session_id, session_id) != 0)
        s = s->next_in_bucket;
    return s;
}

static char **tombstone_of(struct sessions *sessions, const char *session_id)
{
    for (size_t i = 0; i < MAX_TOMBSTONES; i++) {
        char **tombstone = &sessions->tombstones[i];
        if (*tombstone != NULL && strcmp(*tombstone, session_id) == 0)
            return tombstone;
    }
    return NULL;
}

int sessions_find(const struct sessions *sessions, const char *session_id,
                  struct stored **ret_session, struct parley_error *err)
{
    *ret_session = lookup(sessions, session_id);
    if (*ret_session != NULL)
        return PARLEY_OK;
    if (tombstone_of((struct sessions *)sessions, session_id) != NULL)
        return parley_fail(err, PARLEY_E_GONE, "session %s was removed", session_id);
    return parley_fail(err, PARLEY_E_NOT_FOUND, "session %s is not in the store", session_id);
}

/* --- Removing -----------------------------------------------------------------------------------
 */

static void bury(struct sessions *sessions, char *take_session_id)
{
    free(sessions->tombstones[sessions->tombstone_next]);
    sessions->tombstones[sessions->tombstone_next] = take_session_id;
    sessions->tombstone_next = (sessions->tombstone_next + 1) % MAX_TOMBSTONES;
}

static void detach(struct sessions *sessions, struct stored *s)
{
    struct stored **at = bucket_of(sessions, s->session_id);

    while (*at != s)
        at = &(*at)->next_in_bucket;
    *at = s->next_in_bucket;
    *(s->newer != NULL ? &s->newer->older : &sessions->newest) = s->older;
    *(s->older != NULL ? &s->older->newer : &sessions->oldest) = s->newer;
    sessions->count--;
    sessions->bytes -= s->bytes;
}

static void drop(struct sessions *sessions, struct stored *s)
{
    detach(sessions, s);
    bury(sessions, s->session_id);
    s->session_id = NULL;
    stored_free(s);
}

int sessions_remove(struct sessions *sessions, const char *session_id, struct parley_error *err)
{
    struct stored *s = NULL;

    int r = sessions_find(sessions, session_id, &s, err);
    if (r < 0)
        return r;
    drop(sessions, s);
    return PARLEY_OK;
}

void sessions_expire(struct sessions *sessions, int64_t now_ms)
{
    for (struct stored *s = sessions->oldest, *next = NULL; s != NULL; s = next) {
        next = s->newer;
        if (s->expires_ms != 0 && s->expires_ms <= now_ms)
            drop(sessions, s);
    }
}

/* The ended session that was touched longest ago, other than `keep`. */
static struct stored *oldest_ended(const struct sessions *sessions, const struct stored *keep)
{
    struct stored *found = NULL;

    for (struct stored *s = sessions->oldest; s != NULL; s = s->newer) {
        if (s != keep && s->state == PARLEY_SESSION_ENDED &&
            (found == NULL || s->updated_ms < found->updated_ms))
            found = s;
    }
    return found;
}

/* Make room for more sessions and bytes by dropping ended ones; active ones are never dropped, but
 * will end: what finds no room is not too large, as long as the store can hold it at all. */
static int make_room(struct sessions *sessions, size_t more_sessions, size_t more_bytes,
                     const struct stored *keep, struct parley_error *err)
{
    while (sessions->count + more_sessions > sessions->max_sessions ||
           sessions->bytes + more_bytes > sessions->max_bytes) {
        struct stored *s = oldest_ended(sessions, keep);
        if (s == NULL)
            return parley_fail(
                err, more_bytes > sessions->max_bytes ? PARLEY_E_TOO_LARGE : PARLEY_E_BUSY,
                "the store holds %zu active sessions and %zu bytes, its limits are "
                "max_sessions %zu and max_bytes %zu",
                sessions->count, sessions->bytes, sessions->max_sessions, sessions->max_bytes);
        drop(sessions, s);
    }
    return PARLEY_OK;
}

/* --- Adding -------------------------------------------------------------------------------------
 */

static size_t head_bytes(const struct parley_store_head *head)
{
    return sizeof(struct stored) + strlen(head->session_id) + strlen(head->agent) +
           strlen(head->user) + strlen(head->owner) + head->data.len;
}

static char *copy_bytes(struct parley_view view)
{
    char *copy = malloc(view.len + 1);

    if (copy == NULL)
        return NULL;
    if (view.len > 0)
        memcpy(copy, view.data, view.len);
    copy[view.len] = '\0';
    return copy;
}

static struct stored *stored_create(const struct parley_store_head *head)
{
    struct stored *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->session_id = strdup(head->session_id);
    s->agent = strdup(head->agent);
    s->user = strdup(head->user);
    s->owner = strdup(head->owner);
    s->data = copy_bytes(head->data);
    if (s->session_id == NULL || s->agent == NULL || s->user == NULL || s->owner == NULL ||
        s->data == NULL) {
        stored_free(s);
        return NULL;
    }
    s->state = head->state;
    s->epoch = head->epoch > 0 ? head->epoch : 1;
    s->lease_until_ms = head->lease_until_ms;
    s->created_ms = head->created_ms;
    s->updated_ms = head->updated_ms;
    s->expires_ms = head->expires_ms;
    s->data_len = head->data.len;
    s->bytes = head_bytes(head);
    return s;
}

static bool is_newer(const struct stored *a, const struct stored *b)
{
    if (a->created_ms != b->created_ms)
        return a->created_ms > b->created_ms;
    return strcmp(a->session_id, b->session_id) > 0;
}

static void attach(struct sessions *sessions, struct stored *s)
{
    struct stored **bucket = bucket_of(sessions, s->session_id);
    struct stored *older = sessions->newest, *newer = NULL;

    for (; older != NULL && is_newer(older, s); older = older->older)
        newer = older;
    s->older = older;
    s->newer = newer;
    *(newer != NULL ? &newer->older : &sessions->newest) = s;
    *(older != NULL ? &older->newer : &sessions->oldest) = s;
    s->next_in_bucket = *bucket;
    *bucket = s;
    sessions->count++;
    sessions->bytes += s->bytes;
}

int sessions_add(struct sessions *sessions, const struct parley_store_head *head,
                 struct parley_error *err)
{
    if (lookup(sessions, head->session_id) != NULL)
        return parley_fail(err, PARLEY_E_CONFLICT, "session %s exists already", head->session_id);
    int r = make_room(sessions, 1, head_bytes(head), NULL, err);
    if (r < 0)
        return r;
    struct stored *s = stored_create(head);
    if (s == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, NO_MEMORY, head->session_id);
    char **tombstone = tombstone_of(sessions, head->session_id);
    if (tombstone != NULL) {
        free(*tombstone);
        *tombstone = NULL;
    }
    attach(sessions, s);
    return PARLEY_OK;
}

/* --- Writing ------------------------------------------------------------------------------------
 */

static int check_epoch(const struct stored *s, int64_t epoch, struct parley_error *err)
{
    if (s->epoch == epoch)
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_CONFLICT,
                       "session %s: epoch %lld is not the current %lld, which %s holds",
                       s->session_id, (long long)epoch, (long long)s->epoch, s->owner);
}

static int find_current(const struct sessions *sessions, const char *session_id, int64_t epoch,
                        struct stored **ret_session, struct parley_error *err)
{
    int r = sessions_find(sessions, session_id, ret_session, err);

    return r < 0 ? r : check_epoch(*ret_session, epoch, err);
}

int sessions_update(struct sessions *sessions, const struct parley_store_head *head,
                    struct parley_error *err)
{
    struct stored *s = NULL;

    int r = find_current(sessions, head->session_id, head->epoch, &s, err);
    if (r < 0)
        return r;
    size_t old_bytes = strlen(s->owner) + s->data_len;
    size_t new_bytes = strlen(head->owner) + head->data.len;
    r = make_room(sessions, 0, new_bytes > old_bytes ? new_bytes - old_bytes : 0, s, err);
    if (r < 0)
        return r;
    char *owner = strdup(head->owner);
    char *data = copy_bytes(head->data);
    if (owner == NULL || data == NULL) {
        free(owner);
        free(data);
        return parley_fail(err, PARLEY_E_NO_MEMORY, NO_MEMORY, head->session_id);
    }
    free(s->owner);
    free(s->data);
    s->owner = owner;
    s->data = data;
    s->data_len = head->data.len;
    s->bytes += new_bytes - old_bytes;
    sessions->bytes += new_bytes - old_bytes;
    s->state = head->state;
    s->lease_until_ms = head->lease_until_ms;
    s->updated_ms = head->updated_ms;
    s->expires_ms = head->expires_ms;
    return PARLEY_OK;
}

static const struct parley_store_record *record_at(const struct parley_store_record *records,
                                                   size_t i, size_t item_size)
{
    return (const void *)((const char *)records + i * item_size);
}

static size_t record_bytes(const struct parley_store_record *record)
{
    return sizeof(struct record) + strlen(record->id) + record->data.len;
}

/* What is new of the records: how many, and their bytes. INVALID when a number is left out. */
static int measure(const struct stored *s, const struct parley_store_record *records, size_t count,
                   size_t item_size, size_t *ret_count, size_t *ret_bytes, struct parley_error *err)
{
    int64_t next = (int64_t)s->record_count + 1;

    *ret_count = 0;
    *ret_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const struct parley_store_record *record = record_at(records, i, item_size);
        if (record->seq < next)
            continue;
        if (record->seq > next)
            return parley_fail(err, PARLEY_E_INVALID, "session %s: record %lld, but %lld is next",
                               s->session_id, (long long)record->seq, (long long)next);
        next++;
        (*ret_count)++;
        *ret_bytes += record_bytes(record);
    }
    return PARLEY_OK;
}

static bool reserve(struct stored *s, size_t more)
{
    size_t room = s->record_room > 0 ? s->record_room : 16;

    while (room < s->record_count + more)
        room *= 2;
    if (room == s->record_room)
        return true;
    struct record *records = realloc(s->records, room * sizeof(*records));
    if (records == NULL)
        return false;
    s->records = records;
    s->record_room = room;
    return true;
}

static bool add_record(struct stored *s, const struct parley_store_record *from)
{
    struct record record = {.kind = from->kind, .seq = from->seq, .time_ms = from->time_ms};

    record.id = strdup(from->id);
    record.data = copy_bytes(from->data);
    record.data_len = from->data.len;
    if (record.id == NULL || record.data == NULL) {
        free(record.id);
        free(record.data);
        return false;
    }
    s->records[s->record_count++] = record;
    return true;
}

/* All or nothing: what was added is taken back when memory ends in the middle. */
static bool add_records(struct stored *s, const struct parley_store_record *records, size_t count,
                        size_t item_size)
{
    size_t before = s->record_count;

    for (size_t i = 0; i < count; i++) {
        const struct parley_store_record *record = record_at(records, i, item_size);
        if (record->seq <= (int64_t)s->record_count || add_record(s, record))
            continue;
        while (s->record_count > before) {
            free(s->records[--s->record_count].id);
            free(s->records[s->record_count].data);
        }
        return false;
    }
    return true;
}

int sessions_append(struct sessions *sessions, const char *session_id, int64_t epoch,
                    const struct parley_store_record *records, size_t count, size_t item_size,
                    struct parley_error *err)
{
    struct stored *s = NULL;
    size_t new_count = 0, new_bytes = 0;

    int r = find_current(sessions, session_id, epoch, &s, err);
    if (r < 0)
        return r;
    r = measure(s, records, count, item_size, &new_count, &new_bytes, err);
    if (r < 0)
        return r;
    r = make_room(sessions, 0, new_bytes, s, err);
    if (r < 0)
        return r;
    if (!reserve(s, new_count) || !add_records(s, records, count, item_size))
        return parley_fail(err, PARLEY_E_NO_MEMORY, NO_MEMORY, session_id);
    s->bytes += new_bytes;
    sessions->bytes += new_bytes;
    if (new_count > 0 && s->records[s->record_count - 1].time_ms > s->updated_ms)
        s->updated_ms = s->records[s->record_count - 1].time_ms;
    return PARLEY_OK;
}

int sessions_take(struct sessions *sessions, const char *session_id, const char *owner,
                  int64_t lease_until_ms, int64_t now_ms, struct stored **ret_session,
                  struct parley_error *err)
{
    int r = sessions_find(sessions, session_id, ret_session, err);
    if (r < 0)
        return r;
    struct stored *s = *ret_session;
    if (s->expires_ms != 0 && s->expires_ms <= now_ms)
        return parley_fail(err, PARLEY_E_GONE, "session %s has expired", session_id);
    char *copy = strdup(owner);
    if (copy == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, NO_MEMORY, session_id);
    size_t more = strlen(copy) - strlen(s->owner); /* wraps round when shorter, and back below */
    free(s->owner);
    s->owner = copy;
    s->bytes += more;
    sessions->bytes += more;
    s->epoch++;
    s->lease_until_ms = lease_until_ms;
    s->updated_ms = now_ms;
    return PARLEY_OK;
}
