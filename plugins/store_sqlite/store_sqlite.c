/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations in one SQLite file. Workers never touch it: they queue requests, and one batch of
 * each worker at a time goes to the pool, on a lane that makes the file's users take turns. What is
 * queued while a batch is under way becomes the next one, and a batch is one transaction: under
 * load many appends share one commit, without load nothing waits.
 *
 *     worker: request -> waiting -> batch -> pool: BEGIN, each request, COMMIT -> worker: results
 *
 * SQLite's write-ahead log makes a kill at any moment harmless: what was ended is there afterwards.
 */
#include <parley/plugin.h>
#include <parley/service/offload.h>
#include <parley/store.h>

#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "queries.h"
#include "request.h"

#define MAX_WAITING       4096
#define MAX_WAITING_BYTES ((size_t)64 << 20)
#define MAX_BATCH         256

#define SYNC_NORMAL 0
#define SYNC_FULL   1

struct config {
    const char *path;
    int64_t busy_timeout;
    int32_t sync;
};

struct plugin {
    const struct parley_host *host;
};

struct instance {
    const struct parley_service_offload *offload;
    struct db_settings settings;
    struct db *db; /* used on the lane only; opened by the first batch */
};

struct worker_instance {
    struct instance *instance;
    struct parley_worker *worker;
    const struct parley_store_host *host;
    struct request *waiting; /* oldest first */
    struct request **waiting_end;
    size_t waiting_count;
    size_t waiting_bytes;
    bool is_busy; /* a batch is under way */
};

struct batch {
    struct worker_instance *wi;
    struct request *requests;
};

/* --- On the pool --------------------------------------------------------------------------------
 */

static void fail_all(struct request *requests, const struct parley_error *err)
{
    for (struct request *request = requests; request != NULL; request = request->next)
        (void)request_fail(request, err->status, "%s", err->message);
}

static bool any_writes(const struct request *requests)
{
    for (; requests != NULL; requests = requests->next) {
        if (request_writes(requests))
            return true;
    }
    return false;
}

/* Opened here and not earlier, since it may wait for a disk; tried again while it fails. */
static int use_db(struct instance *instance, struct parley_error *err)
{
    return instance->db != NULL ? PARLEY_OK : db_open(&instance->settings, &instance->db, err);
}

static int run_requests(struct instance *instance, struct request *requests,
                        struct parley_error *err)
{
    bool writes = any_writes(requests);
    int r = use_db(instance, err);
    if (r == PARLEY_OK)
        r = db_begin(instance->db, writes, err);
    if (r < 0)
        return r;
    for (struct request *request = requests; request != NULL; request = request->next) {
        query_run(instance->db, request);
        if (writes && db_was_rolled_back(instance->db)) { /* a full disk does that */
            *err = request->err;
            return err->status;
        }
    }
    r = db_commit(instance->db, err);
    if (r < 0)
        db_rollback(instance->db);
    return r;
}

static void work(void *arg)
{
    struct batch *batch = arg;
    struct parley_error err = PARLEY_ERROR_INIT;

    if (run_requests(batch->wi->instance, batch->requests, &err) < 0)
        fail_all(batch->requests, &err);
}

/* --- On the worker ------------------------------------------------------------------------------
 */

static void deliver(const struct worker_instance *wi, const struct request *request)
{
    for (const struct row *row = request->first_row; row != NULL; row = row->next) {
        if (row->is_head)
            wi->host->head(request->op, &row->head);
        else
            wi->host->record(request->op, &row->record);
    }
    wi->host->end(request->op, request->status, request->status < 0 ? &request->err : NULL);
}

static void finish(const struct worker_instance *wi, struct request *requests)
{
    for (struct request *request = requests, *next = NULL; request != NULL; request = next) {
        next = request->next;
        deliver(wi, request);
        request_destroy(request);
    }
}

/* The oldest requests that wait, at most MAX_BATCH. */
static struct request *take_waiting(struct worker_instance *wi)
{
    struct request *first = wi->waiting;
    struct request **end = &wi->waiting;

    for (size_t i = 0; i < MAX_BATCH && *end != NULL; i++) {
        wi->waiting_count--;
        wi->waiting_bytes -= (*end)->arena.bytes;
        end = &(*end)->next;
    }
    struct request *rest = *end;
    *end = NULL;
    wi->waiting = rest;
    if (rest == NULL)
        wi->waiting_end = &wi->waiting;
    return first;
}

static void done(void *arg, int status);

/* Send what waits. On failure the requests are the caller's. */
static int send_batch(struct worker_instance *wi, struct request **ret_requests)
{
    struct batch *batch = calloc(1, sizeof(*batch));

    *ret_requests = take_waiting(wi);
    if (batch == NULL)
        return PARLEY_E_NO_MEMORY;
    *batch = (struct batch){wi, *ret_requests};
    int r = wi->instance->offload->run(wi->worker, wi->instance, work, done, batch);
    if (r < 0) {
        free(batch);
        return r;
    }
    wi->is_busy = true;
    return PARLEY_OK;
}

static void send_waiting(struct worker_instance *wi)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct request *requests = NULL;

    while (wi->waiting != NULL && !wi->is_busy) {
        int r = send_batch(wi, &requests);
        if (r == PARLEY_OK)
            return;
        (void)parley_fail(&err, r, "%s: the pool takes no more work now",
                          wi->instance->settings.path);
        fail_all(requests, &err);
        finish(wi, requests);
    }
}

static void done(void *arg, int status)
{
    struct batch *batch = arg;
    struct worker_instance *wi = batch->wi;
    struct parley_error err = PARLEY_ERROR_INIT;

    wi->is_busy = false;
    if (status < 0) {
        (void)parley_fail(&err, status, "%s: the server is stopping", wi->instance->settings.path);
        fail_all(batch->requests, &err);
    }
    finish(wi, batch->requests);
    free(batch);
    send_waiting(wi);
}

/* --- The queue ----------------------------------------------------------------------------------
 */

static void enqueue(struct worker_instance *wi, struct request *request)
{
    *wi->waiting_end = request;
    wi->waiting_end = &request->next;
    wi->waiting_count++;
    wi->waiting_bytes += request->arena.bytes;
}

/* Take the request, or refuse and free it. `is_whole`: every copy has found memory. */
static int accept(struct worker_instance *wi, struct request *request, bool is_whole,
                  struct parley_error *err)
{
    const char *path = wi->instance->settings.path;

    if (request == NULL || !is_whole) {
        request_destroy(request);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory for the request", path);
    }
    if (wi->waiting_count == MAX_WAITING ||
        wi->waiting_bytes + request->arena.bytes > MAX_WAITING_BYTES) {
        request_destroy(request);
        return parley_fail(err, PARLEY_E_BUSY, "%s: %zu requests of %zu bytes wait already", path,
                           wi->waiting_count, wi->waiting_bytes);
    }
    enqueue(wi, request);
    if (wi->is_busy)
        return PARLEY_OK;
    int r = send_batch(wi, &request); /* alone in the queue, or it would be busy */
    if (r < 0) {
        request_destroy(request);
        return parley_fail(err, r, "%s: the pool takes no more work now", path);
    }
    return PARLEY_OK;
}

/* --- The role -----------------------------------------------------------------------------------
 */

static void attach(void *worker_instance, struct parley_worker *worker,
                   const struct parley_store_host *host)
{
    struct worker_instance *wi = worker_instance;

    wi->worker = worker;
    wi->host = host;
}

static int create(void *worker_instance, const struct parley_store_head *head, parley_op op,
                  struct parley_error *err)
{
    struct request *request = request_create(REQUEST_CREATE, op, head->session_id);

    return accept(worker_instance, request, request != NULL && request_copy_head(request, head),
                  err);
}

static int update(void *worker_instance, const struct parley_store_head *head, parley_op op,
                  struct parley_error *err)
{
    struct request *request = request_create(REQUEST_UPDATE, op, head->session_id);

    return accept(worker_instance, request, request != NULL && request_copy_head(request, head),
                  err);
}

static int append(void *worker_instance, const char *session_id, int64_t epoch,
                  const struct parley_store_record *records, size_t count, size_t item_size,
                  parley_op op, struct parley_error *err)
{
    struct request *request = request_create(REQUEST_APPEND, op, session_id);
    bool is_whole = request != NULL && request_copy_records(request, records, count, item_size);

    if (is_whole)
        request->head.epoch = epoch;
    return accept(worker_instance, request, is_whole, err);
}

static int read_session(void *worker_instance, const char *session_id, int64_t after_seq,
                        int64_t limit, parley_op op, struct parley_error *err)
{
    struct request *request = request_create(REQUEST_READ, op, session_id);

    if (request != NULL) {
        request->after_seq = after_seq;
        request->limit = limit;
    }
    return accept(worker_instance, request, true, err);
}

static int list(void *worker_instance, const struct parley_store_query *query, parley_op op,
                struct parley_error *err)
{
    struct request *request = request_create(REQUEST_LIST, op, "");

    return accept(worker_instance, request, request != NULL && request_copy_query(request, query),
                  err);
}

static int take(void *worker_instance, const char *session_id, const char *owner,
                int64_t lease_until_ms, int64_t now_ms, parley_op op, struct parley_error *err)
{
    struct request *request = request_create(REQUEST_TAKE, op, session_id);

    if (request != NULL) {
        request->head.owner = arena_text(&request->arena, owner);
        request->head.lease_until_ms = lease_until_ms;
        request->now_ms = now_ms;
    }
    return accept(worker_instance, request, request != NULL && request->head.owner != NULL, err);
}

static int remove_session(void *worker_instance, const char *session_id, parley_op op,
                          struct parley_error *err)
{
    return accept(worker_instance, request_create(REQUEST_REMOVE, op, session_id), true, err);
}

static int expire(void *worker_instance, int64_t now_ms, parley_op op, struct parley_error *err)
{
    struct request *request = request_create(REQUEST_EXPIRE, op, "");

    if (request != NULL)
        request->now_ms = now_ms;
    return accept(worker_instance, request, true, err);
}

/* --- Life ---------------------------------------------------------------------------------------
 */

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    struct plugin *plugin = calloc(1, sizeof(*plugin));

    if (plugin == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "store_sqlite: no memory");
    plugin->host = host;
    *ret_plugin = plugin;
    return PARLEY_OK;
}

static void unload(void *plugin)
{
    free(plugin);
}

/* A store that forgets, or a file under another name than the one given, would surprise. */
static int check_path(const char *path, struct parley_error *err)
{
    if (path[0] == '\0')
        return parley_fail(err, PARLEY_E_INVALID, "path: is empty; name a file");
    if (strstr(path, ":memory:") != NULL || strncmp(path, "file:", 5) == 0)
        return parley_fail(err, PARLEY_E_INVALID,
                           "path: '%s' is not the name of a file; for a store in memory use the "
                           "plugin store_memory",
                           path);
    return db_check(path, err);
}

static int instance_create(void *data, const struct parley_instance_info *info, void **ret_instance,
                           struct parley_error *err)
{
    const struct plugin *plugin = data;
    const struct config *config = info->config;
    const void *offload = plugin->host->service(PARLEY_SERVICE_OFFLOAD);

    if (offload == NULL)
        return parley_fail(err, PARLEY_E_UNSUPPORTED, "%s: this host has no service %s", info->name,
                           PARLEY_SERVICE_OFFLOAD);
    int r = check_path(config->path, err);
    if (r < 0)
        return r;
    struct instance *instance = calloc(1, sizeof(*instance));
    if (instance == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", info->name);
    instance->offload = offload;
    instance->settings = (struct db_settings){
        .path = config->path,
        .busy_timeout_ms = (int)config->busy_timeout,
        .is_full_sync = config->sync == SYNC_FULL,
    };
    *ret_instance = instance;
    return PARLEY_OK;
}

static void instance_destroy(void *data)
{
    struct instance *instance = data;

    db_close(instance->db);
    free(instance);
}

static int worker_start(void *data, struct parley_worker *worker, void **ret_worker_instance,
                        struct parley_error *err)
{
    struct instance *instance = data;
    struct worker_instance *wi = calloc(1, sizeof(*wi));

    if (wi == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory for a worker",
                           instance->settings.path);
    wi->instance = instance;
    wi->worker = worker;
    wi->waiting_end = &wi->waiting;
    *ret_worker_instance = wi;
    return PARLEY_OK;
}

/* Offloaded jobs are over by now, and each of them sent what waited: nothing is left. */
static void worker_stop(void *worker_instance)
{
    free(worker_instance);
}

/* --- Tables -------------------------------------------------------------------------------------
 */

static const struct parley_option options[] = {
    PARLEY_PATH(struct config, path, .flags = PARLEY_OPTION_REQUIRED,
                .example = "/var/lib/parley/parley.db",
                .help = "File of the database; made with mode 0600 when it does not exist."),
    PARLEY_DURATION_MS(struct config, busy_timeout, .default_value = "5s", .min = 0, .max = 60000,
                       .help = "Longest wait for another program that writes to the file."),
    PARLEY_ENUM(struct config, sync, .default_value = "normal", .values = "normal|full",
                .help =
                    "normal survives the death of the process; full also loses nothing when the "
                    "power fails, and waits for the disk at every commit."),
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
    .name = "store_sqlite",
    .version = PARLEY_VERSION,
    .summary = "Keeps conversations in one SQLite file.",
    .licence = "Apache-2.0",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .option_size = sizeof(options[0]),
    .config_size = sizeof(struct config),
    .role_count = 1,
    .roles = roles,
    .role_size = sizeof(roles[0]),
    .load = load,
    .unload = unload,
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};

const struct parley_plugin *parley_plugin_v1(void)
{
    return &descriptor;
}
