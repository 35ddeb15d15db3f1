/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations in the memory of this process, for trials and tests: gone when it ends, shared by
 * its workers under one lock that is held while a request is copied in or out. When a limit is
 * reached, ended sessions make room, the one touched longest ago first, which takes a walk over all
 * of them; active ones are never dropped.
 */
#include <parley/plugin.h>
#include <parley/store.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sessions.h"

#define DEFAULT_PAGE 100
#define MAX_PAGE     1000

struct config {
    int64_t max_sessions;
    int64_t max_bytes;
};

struct instance {
    pthread_mutex_t lock;
    struct sessions *sessions; /* under the lock */
};

struct worker_instance {
    struct instance *instance;
    const struct parley_store_host *host;
};

/* --- Answers ------------------------------------------------------------------------------------
 */

static struct sessions *lock(struct worker_instance *wi)
{
    (void)pthread_mutex_lock(&wi->instance->lock); /* fails only for a lock that is not one */
    return wi->instance->sessions;
}

static void unlock(struct worker_instance *wi)
{
    (void)pthread_mutex_unlock(&wi->instance->lock);
}

static int end(struct worker_instance *wi, parley_op op, int status, const struct parley_error *err)
{
    wi->host->end(op, status, status < 0 ? err : NULL);
    return PARLEY_OK;
}

static void give_head(const struct worker_instance *wi, parley_op op, const struct stored *s)
{
    const struct parley_store_head head = {
        .size = sizeof(head),
        .state = s->state,
        .session_id = s->session_id,
        .agent = s->agent,
        .user = s->user,
        .owner = s->owner,
        .epoch = s->epoch,
        .lease_until_ms = s->lease_until_ms,
        .created_ms = s->created_ms,
        .updated_ms = s->updated_ms,
        .expires_ms = s->expires_ms,
        .record_count = (int64_t)s->record_count,
        .data = {s->data, s->data_len},
    };

    wi->host->head(op, &head);
}

static void give_record(const struct worker_instance *wi, parley_op op, const struct record *r)
{
    const struct parley_store_record record = {
        .kind = r->kind,
        .size = sizeof(record),
        .seq = r->seq,
        .time_ms = r->time_ms,
        .id = r->id,
        .data = {r->data, r->data_len},
    };

    wi->host->record(op, &record);
}

/* --- The role -----------------------------------------------------------------------------------
 */

static void attach(void *worker_instance, struct parley_worker *worker,
                   const struct parley_store_host *host)
{
    (void)worker;
    ((struct worker_instance *)worker_instance)->host = host;
}

static int create(void *worker_instance, const struct parley_store_head *head, parley_op op,
                  struct parley_error *err)
{
    struct parley_error why = PARLEY_ERROR_INIT;

    (void)err;
    int status = sessions_add(lock(worker_instance), head, &why);
    unlock(worker_instance);
    return end(worker_instance, op, status, &why);
}

static int update(void *worker_instance, const struct parley_store_head *head, parley_op op,
                  struct parley_error *err)
{
    struct parley_error why = PARLEY_ERROR_INIT;

    (void)err;
    int status = sessions_update(lock(worker_instance), head, &why);
    unlock(worker_instance);
    return end(worker_instance, op, status, &why);
}

static int append(void *worker_instance, const char *session_id, int64_t epoch,
                  const struct parley_store_record *records, size_t count, size_t item_size,
                  parley_op op, struct parley_error *err)
{
    struct parley_error why = PARLEY_ERROR_INIT;

    (void)err;
    int status =
        sessions_append(lock(worker_instance), session_id, epoch, records, count, item_size, &why);
    unlock(worker_instance);
    return end(worker_instance, op, status, &why);
}

/* Results are handed over under the lock: the host only copies them. */
static int read_session(void *worker_instance, const char *session_id, int64_t after_seq,
                        int64_t limit, parley_op op, struct parley_error *err)
{
    struct parley_error why = PARLEY_ERROR_INIT;
    struct stored *s = NULL;

    (void)err;
    int status = sessions_find(lock(worker_instance), session_id, &s, &why);
    if (status == PARLEY_OK) {
        size_t first = after_seq > 0 ? (size_t)after_seq : 0;
        give_head(worker_instance, op, s);
        for (size_t i = first; i < s->record_count; i++) {
            if (limit > 0 && i - first >= (size_t)limit)
                break;
            give_record(worker_instance, op, &s->records[i]);
        }
    }
    unlock(worker_instance);
    return end(worker_instance, op, status, &why);
}

static bool is_wanted(const struct stored *s, const struct parley_store_query *query)
{
    return (query->agent[0] == '\0' || strcmp(query->agent, s->agent) == 0) &&
           (query->user[0] == '\0' || strcmp(query->user, s->user) == 0);
}

/* Where the page begins: after the session that ended the page before. */
static int page_start(const struct sessions *sessions, const char *after, struct stored **ret_first,
                      struct parley_error *err)
{
    *ret_first = sessions_newest(sessions);
    if (after[0] == '\0')
        return PARLEY_OK;
    int r = sessions_find(sessions, after, ret_first, err);
    if (r < 0)
        return r;
    *ret_first = (*ret_first)->older;
    return PARLEY_OK;
}

static int list(void *worker_instance, const struct parley_store_query *query, parley_op op,
                struct parley_error *err)
{
    struct parley_error why = PARLEY_ERROR_INIT;
    uint32_t left = query->limit == 0 ? DEFAULT_PAGE : query->limit;
    struct stored *s = NULL;

    (void)err;
    left = left < MAX_PAGE ? left : MAX_PAGE;
    int status = page_start(lock(worker_instance), query->after, &s, &why);
    for (; status == PARLEY_OK && s != NULL && left > 0; s = s->older) {
        if (!is_wanted(s, query))
            continue;
        give_head(worker_instance, op, s);
        left--;
    }
    unlock(worker_instance);
    return end(worker_instance, op, status, &why);
}

static int take(void *worker_instance, const char *session_id, const char *owner,
                int64_t lease_until_ms, int64_t now_ms, parley_op op, struct parley_error *err)
{
    struct parley_error why = PARLEY_ERROR_INIT;
    struct stored *s = NULL;

    (void)err;
    int status =
        sessions_take(lock(worker_instance), session_id, owner, lease_until_ms, now_ms, &s, &why);
    if (status == PARLEY_OK)
        give_head(worker_instance, op, s);
    unlock(worker_instance);
    return end(worker_instance, op, status, &why);
}

static int remove_session(void *worker_instance, const char *session_id, parley_op op,
                          struct parley_error *err)
{
    struct parley_error why = PARLEY_ERROR_INIT;

    (void)err;
    int status = sessions_remove(lock(worker_instance), session_id, &why);
    unlock(worker_instance);
    return end(worker_instance, op, status, &why);
}

static int expire(void *worker_instance, int64_t now_ms, parley_op op, struct parley_error *err)
{
    (void)err;
    sessions_expire(lock(worker_instance), now_ms);
    unlock(worker_instance);
    return end(worker_instance, op, PARLEY_OK, NULL);
}

/* --- Life ---------------------------------------------------------------------------------------
 */

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    const struct config *config = info->config;
    struct instance *instance = calloc(1, sizeof(*instance));

    (void)plugin;
    if (instance != NULL)
        instance->sessions =
            sessions_create((size_t)config->max_sessions, (size_t)config->max_bytes);
    if (instance == NULL || instance->sessions == NULL) {
        free(instance);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory for the store", info->name);
    }
    (void)pthread_mutex_init(&instance->lock, NULL); /* never fails for a default lock */
    *ret_instance = instance;
    return PARLEY_OK;
}

static void instance_destroy(void *data)
{
    struct instance *instance = data;

    (void)pthread_mutex_destroy(&instance->lock);
    sessions_destroy(instance->sessions);
    free(instance);
}

static int worker_start(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                        struct parley_error *err)
{
    struct worker_instance *wi = calloc(1, sizeof(*wi));

    (void)worker;
    if (wi == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "store_memory: no memory for a worker");
    wi->instance = instance;
    *ret_worker_instance = wi;
    return PARLEY_OK;
}

static void worker_stop(void *worker_instance)
{
    free(worker_instance);
}

/* --- Tables -------------------------------------------------------------------------------------
 */

static const struct parley_option options[] = {
    PARLEY_INT(struct config, max_sessions, .default_value = "1000", .min = 1, .max = 10000000,
               .help = "Most sessions that are kept; ended ones make room for new ones."),
    PARLEY_SIZE(struct config, max_bytes, .default_value = "64m", .min = 65536,
                .max = INT64_C(1) << 40, .help = "Most bytes that all sessions take together."),
};

static const struct parley_store_vtable store = {
    .size = sizeof(store),
    .attach = attach,
    .create = create,
    .update = update,
    .append = append,
    .read = read_session,
    .list = list,
    .take = take,
    .remove = remove_session,
    .expire = expire,
};

static const struct parley_role roles[] = {{PARLEY_ROLE_STORE, &store}};

static const struct parley_plugin descriptor = {
    .size = sizeof(descriptor),
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "store_memory",
    .version = PARLEY_VERSION,
    .summary = "Keeps conversations in memory until the process ends.",
    .licence = "Apache-2.0",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .option_size = sizeof(options[0]),
    .config_size = sizeof(struct config),
    .role_count = 1,
    .roles = roles,
    .role_size = sizeof(roles[0]),
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};

const struct parley_plugin *parley_plugin_v1(void)
{
    return &descriptor;
}
