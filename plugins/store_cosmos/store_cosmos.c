/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations in Azure Cosmos DB (API for NoSQL), over REST with the host's HTTP client. Any
 * number of parleyd may use one container; what keeps them apart is the head's entity tag, which
 * every write of a session must still find as it was.
 *
 *     vtable -> op.h: queue, one at a time for each session
 *            -> write.h, append.c, read.h, erase.h: an operation as a chain of requests
 *            -> heads.h: the head and its fence, document.h: what is stored
 *            -> rest.h: regions, signatures, retries; retry.h: the rules
 */
#include <parley/plugin.h>
#include <parley/store.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "account.h"
#include "credential.h"
#include "document.h"
#include "erase.h"
#include "op.h"
#include "read.h"
#include "rest.h"
#include "shared.h"
#include "start.h"
#include "store.h"
#include "write.h"

#define MAX_NAME 255

struct plugin {
    const struct parley_host *host;
};

struct instance {
    struct around around; /* without a worker */
    struct shared *shared;
    struct credential *credential;
};

/* --- The role -----------------------------------------------------------------------------------
 */

/* Looks at the account at once, so that what is wrong is in the log before the first session. */
static void attach(void *worker_instance, struct parley_worker *worker,
                   const struct parley_store_host *host)
{
    struct store *s = worker_instance;

    (void)worker;
    s->host = host;
    (void)start_is_done(s);
}

static int64_t ttl_of(const struct store *s)
{
    return s->around.config->ttl / 1000;
}

static int create(void *worker_instance, const struct parley_store_head *head, parley_op id,
                  struct parley_error *err)
{
    struct store *s = worker_instance;
    struct parley_store_head first = *head;
    struct op *op = op_create(s, "create", write_create, id, head->session_id);

    if (first.epoch <= 0)
        first.epoch = 1;
    if (op != NULL) {
        op->is_write = true;
        op->wanted = document_head(&first, ttl_of(s));
        op->bytes += head->data.len;
    }
    return op_accept(op, op != NULL && op->wanted != NULL, err);
}

static int update(void *worker_instance, const struct parley_store_head *head, parley_op id,
                  struct parley_error *err)
{
    struct store *s = worker_instance;
    struct op *op = op_create(s, "update", write_update, id, head->session_id);

    if (op != NULL) {
        op->is_write = true;
        op->epoch = head->epoch;
        op->wanted = document_head(head, ttl_of(s));
        op->bytes += head->data.len;
    }
    return op_accept(op, op != NULL && op->wanted != NULL, err);
}

static int append(void *worker_instance, const char *session_id, int64_t epoch,
                  const struct parley_store_record *records, size_t count, size_t item_size,
                  parley_op id, struct parley_error *err)
{
    struct op *op = op_create(worker_instance, "append", write_append, id, session_id);

    if (op == NULL)
        return op_accept(NULL, false, err);
    op->is_write = true;
    op->epoch = epoch;
    int r = write_prepare(op, records, count, item_size, err);
    if (r < 0) {
        op_destroy(op);
        return r;
    }
    return op_accept(op, true, err);
}

static int read_op(void *worker_instance, const char *session_id, int64_t after_seq, int64_t limit,
                   parley_op id, struct parley_error *err)
{
    struct op *op = op_create(worker_instance, "read", read_session, id, session_id);

    if (op != NULL) {
        op->after_seq = after_seq;
        op->limit = limit;
    }
    return op_accept(op, true, err);
}

static int list(void *worker_instance, const struct parley_store_query *query, parley_op id,
                struct parley_error *err)
{
    struct op *op = op_create(worker_instance, "list", read_list, id, "");
    bool is_whole = op != NULL;

    if (op != NULL) {
        op->limit = query->limit;
        op->agent = strdup(query->agent);
        op->user = strdup(query->user);
        op->after = strdup(query->after);
        is_whole = op->agent != NULL && op->user != NULL && op->after != NULL;
    }
    return op_accept(op, is_whole, err);
}

static int take(void *worker_instance, const char *session_id, const char *owner,
                int64_t lease_until_ms, int64_t now_ms, parley_op id, struct parley_error *err)
{
    struct op *op = op_create(worker_instance, "take", write_take, id, session_id);

    if (op != NULL) {
        op->is_write = true;
        op->owner = strdup(owner);
        op->lease_until_ms = lease_until_ms;
        op->now_ms = now_ms;
    }
    return op_accept(op, op != NULL && op->owner != NULL, err);
}

static int remove_session(void *worker_instance, const char *session_id, parley_op id,
                          struct parley_error *err)
{
    struct op *op = op_create(worker_instance, "remove", erase_session, id, session_id);

    if (op != NULL) {
        op->is_write = true;
        op->timeout_ms = ERASE_TIMEOUT_MS;
    }
    return op_accept(op, true, err);
}

static int expire(void *worker_instance, int64_t now_ms, parley_op id, struct parley_error *err)
{
    struct op *op = op_create(worker_instance, "expire", erase_expired, id, "");

    if (op != NULL) {
        op->is_write = true;
        op->now_ms = now_ms;
        op->timeout_ms = ERASE_TIMEOUT_MS;
    }
    return op_accept(op, true, err);
}

/* --- Options ------------------------------------------------------------------------------------
 */

/* Scheme and host only: what follows is added to it, and a password would end up in messages. */
static int check_endpoint(const char *endpoint, struct parley_error *err)
{
    size_t scheme = strncasecmp(endpoint, "https://", 8) == 0  ? 8
                    : strncasecmp(endpoint, "http://", 7) == 0 ? 7
                                                               : 0;
    const char *host = endpoint + scheme;
    size_t len = strcspn(host, "/?#@ ");

    if (scheme == 0 || len == 0 || (host[len] != '\0' && strcmp(host + len, "/") != 0))
        return parley_fail(err, PARLEY_E_INVALID,
                           "endpoint: must be the account's URI and no more, such as "
                           "https://contoso.documents.azure.com");
    return PARLEY_OK;
}

static int check_name(const char *option, const char *name, struct parley_error *err)
{
    size_t len = strlen(name);

    if (len == 0 || len > MAX_NAME || strpbrk(name, "/\\?#\t\r\n") != NULL || name[len - 1] == ' ')
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s: '%s' is not a name that Cosmos DB takes: 1 to %d characters, none "
                           "of / \\ ? #, no blank at the end",
                           option, name, MAX_NAME);
    return PARLEY_OK;
}

static int check(const struct config *config, struct parley_error *err)
{
    int r = check_endpoint(config->endpoint, err);

    if (r == PARLEY_OK)
        r = check_name("database", config->database, err);
    if (r == PARLEY_OK)
        r = check_name("container", config->container, err);
    if (r == PARLEY_OK && config->create != 0 && config->token_file[0] != '\0')
        r = parley_fail(err, PARLEY_E_INVALID,
                        "create: an Entra token cannot create databases or containers; create them "
                        "beforehand, or use a key");
    if (r == PARLEY_OK && config->throughput % 100 != 0)
        r = parley_fail(err, PARLEY_E_INVALID, "throughput: %lld is no multiple of 100",
                        (long long)config->throughput);
    return r;
}

/* --- Life ---------------------------------------------------------------------------------------
 */

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    struct plugin *plugin = calloc(1, sizeof(*plugin));

    if (plugin == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "store_cosmos: no memory");
    plugin->host = host;
    *ret_plugin = plugin;
    return PARLEY_OK;
}

static void unload(void *plugin)
{
    free(plugin);
}

static void instance_destroy(void *data)
{
    struct instance *instance = data;

    credential_destroy(instance->credential);
    shared_destroy(instance->shared);
    free(instance);
}

static int find_services(struct around *a, const struct parley_host *host, const char *name,
                         struct parley_error *err)
{
    a->host = host;
    a->http = host->service(PARLEY_SERVICE_HTTP);
    a->timer = host->service(PARLEY_SERVICE_TIMER);
    a->offload = host->service(PARLEY_SERVICE_OFFLOAD);
    a->credentials = host->service(PARLEY_SERVICE_CREDENTIALS);
    a->metrics = host->service(PARLEY_SERVICE_METRICS);
    if (a->http == NULL || a->timer == NULL)
        return parley_fail(err, PARLEY_E_UNSUPPORTED, "%s: this host has no service %s", name,
                           a->http == NULL ? PARLEY_SERVICE_HTTP : PARLEY_SERVICE_TIMER);
    return PARLEY_OK;
}

static int fill(struct instance *instance, const struct parley_instance_info *info,
                struct parley_error *err)
{
    instance->around.config = info->config;
    instance->around.handle = info->handle;
    instance->shared = shared_create();
    instance->around.shared = instance->shared;
    if (instance->shared == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", info->name);
    return credential_create(&instance->around, info->name, &instance->credential, err);
}

static int instance_create(void *data, const struct parley_instance_info *info, void **ret_instance,
                           struct parley_error *err)
{
    const struct plugin *plugin = data;
    struct instance *instance = calloc(1, sizeof(*instance));

    if (instance == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", info->name);
    int r = check(info->config, err);
    if (r == PARLEY_OK)
        r = find_services(&instance->around, plugin->host, info->name, err);
    if (r == PARLEY_OK)
        r = fill(instance, info, err);
    if (r < 0)
        instance_destroy(instance);
    else
        *ret_instance = instance;
    return r;
}

/* Operations that are left over count as cancelled: nobody hears of them. */
static void worker_stop(void *worker_instance)
{
    struct store *s = worker_instance;

    start_give_up(s);
    rest_destroy(s->rest);
    queue_done(s);
    cache_done(&s->cache);
    free(s);
}

static int worker_start(void *data, struct parley_worker *worker, void **ret_worker_instance,
                        struct parley_error *err)
{
    const struct instance *instance = data;
    struct store *s = calloc(1, sizeof(*s));

    if (s != NULL) {
        s->around = instance->around;
        s->around.worker = worker;
        s->credential = instance->credential;
        s->rest = rest_create(&s->around, s->credential);
    }
    if (s == NULL || s->rest == NULL) {
        free(s);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory for a worker",
                           instance->around.config->endpoint);
    }
    *ret_worker_instance = s;
    return PARLEY_OK;
}

/* --- Tables -------------------------------------------------------------------------------------
 */

#define C struct config
static const struct parley_option options[] = {
    PARLEY_STRING(C, endpoint, .flags = PARLEY_OPTION_REQUIRED,
                  .example = "https://contoso.documents.azure.com",
                  .help = "URI of the Cosmos DB account (API for NoSQL)."),
    PARLEY_STRING(C, database, .default_value = "parley", .help = "Name of the database."),
    PARLEY_STRING(C, container, .default_value = "sessions",
                  .help = "Name of the container; its partition key must be /pk."),
    PARLEY_SECRET(C, key, .example = "${COSMOS_KEY}",
                  .help = "One of the account's keys; or use credential."),
    PARLEY_SECRET(C, secondary_key, .example = "${COSMOS_SECONDARY_KEY:-}",
                  .help = "The other key, used when the first one is refused: keys can be renewed "
                          "while parley runs."),
    PARLEY_STRING(C, credential, .example = "managed-identity",
                  .help = "Name of a [credential NAME] section, or a built-in one, that gives an "
                          "Entra token; instead of a key."),
    PARLEY_PATH(C, token_file, .example = "/run/secrets/cosmos-token",
                .help = "File with an Entra access token for https://cosmos.azure.com, read again "
                        "every minute and when it is refused."),
    PARLEY_LIST(C, preferred_regions, .example = "West Europe, North Europe",
                .help = "Regions to read in, best first; the others follow when these fail."),
    PARLEY_ENUM(C, consistency, .default_value = "account",
                .values = "account|strong|bounded_staleness|session|consistent_prefix|eventual",
                .help = "Consistency that reads ask for; it can only be weaker than the "
                        "account's."),
    PARLEY_DURATION_MS(C, timeout_ms, .default_value = "10s", .min = 1000, .max = 25000,
                       .help = "Longest operation, with all its tries."),
    PARLEY_DURATION_MS(C, ttl, .default_value = "0", .min = 0, .max = INT64_C(315360000000),
                       .example = "2160h",
                       .help = "Cosmos DB itself deletes each document so long after its last "
                               "change, whether parley runs or not; 0: never."),
    PARLEY_BOOL(C, create, .default_value = "no",
                .help = "Create the database and the container when they are not there; needs a "
                        "key."),
    PARLEY_INT(C, throughput, .default_value = "0", .min = 0, .max = 1000000,
               .help = "Request units per second of a container that is created, in steps of 100; "
                       "0: what the account gives."),
    PARLEY_PATH(C, ca_file, .example = "/etc/ssl/emulator.pem",
                .help = "PEM file of authorities that are trusted besides the system's."),
};

static const struct parley_store_vtable store = {
    .size = sizeof(store),
    .attach = attach,
    .create = create,
    .update = update,
    .append = append,
    .read = read_op,
    .list = list,
    .take = take,
    .remove = remove_session,
    .expire = expire,
};

static const struct parley_role roles[] = {{PARLEY_ROLE_STORE, &store}};

static const struct parley_plugin descriptor = {
    .size = sizeof(descriptor),
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "store_cosmos",
    .version = PARLEY_VERSION,
    .summary = "Keeps conversations in Azure Cosmos DB, for many hosts together.",
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
