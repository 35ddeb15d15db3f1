/* SPDX-License-Identifier: Apache-2.0 */
#include "start.h"

#include "account.h"
#include "credential.h"
#include "dump.h"
#include "op.h"
#include "rest.h"
#include "shared.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS   20 /* while another worker starts */
#define REST_MS   5000
#define DENIED_MS 30000 /* nobody has mended the keys in a moment */

static void look_at_container(struct store *s);

bool start_has_failed(const struct store *s)
{
    return !s->is_started && around_now_ms(&s->around) < s->failed_until_ms;
}

/* ---- the end ---- */

static void fail(struct store *s, const struct parley_error *err)
{
    bool is_lasting = err->status != PARLEY_E_UNAVAILABLE && err->status != PARLEY_E_TIMEOUT &&
                      err->status != PARLEY_E_BUSY;

    s->is_starting = false;
    s->why = *err;
    s->failed_until_ms = around_now_ms(&s->around) + (is_lasting ? DENIED_MS : REST_MS);
    shared_start_failed(s->around.shared, err, s->failed_until_ms);
    s->around.host->log(s->around.handle, PARLEY_LOG_ERROR,
                        "the store cannot be used reason=\"%s\"", err->message);
    queue_fail(s, err);
}

static void finish(struct store *s)
{
    s->is_starting = false;
    s->is_started = true;
    shared_started(s->around.shared, s->account);
    free(s->account);
    s->account = NULL;
    s->around.host->log(s->around.handle, PARLEY_LOG_INFO,
                        "the store is ready endpoint=%s database=%s container=%s",
                        s->around.config->endpoint, s->around.config->database,
                        s->around.config->container);
    queue_run(s);
}

static void send(struct store *s, struct rest_request *request, rest_on_reply on_reply)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    request->operation = "start";
    request->deadline_ms = around_now_ms(&s->around) + s->around.config->timeout_ms;
    if (rest_send(s->rest, request, on_reply, s, &err) < 0)
        fail(s, &err);
}

/* ---- creating ---- */

static char *container_body(const char *name)
{
    json_t *body = json_pack("{ss s{s[s]sssi} si s{sssb s[{ss}{ss}{ss}{ss}{ss}{ss}{ss}] s[{ss}]}}",
                             "id", name, "partitionKey", "paths", "/pk", "kind", "Hash", "version",
                             2, "defaultTtl", -1, "indexingPolicy", "indexingMode", "consistent",
                             "automatic", 1, "includedPaths", "path", "/pk/?", "path", "/kind/?",
                             "path", "/seq/?", "path", "/sort/?", "path", "/agent/?", "path",
                             "/user/?", "path", "/expires_ms/?", "excludedPaths", "path", "/*");
    char *text = dump(body);

    json_decref(body);
    return text;
}

static char *database_body(const char *name)
{
    json_t *body = json_pack("{ss}", "id", name);
    char *text = dump(body);

    json_decref(body);
    return text;
}

/* A step of creation is over; somebody else may have been quicker. */
static void on_created(void *ctx, const struct rest_reply *reply)
{
    struct store *s = ctx;

    if (reply->status < 0) {
        fail(s, reply->err);
        return;
    }
    s->created++;
    look_at_container(s);
}

/* First the database, then the container in it. */
static void create(struct store *s)
{
    const struct config *config = s->around.config;
    bool is_container = s->created > 0;
    struct rest_request request = {
        .verb = "POST",
        .resource = is_container ? RESOURCE_CONTAINERS : RESOURCE_DATABASES,
        .flags = REST_WRITE,
        .throughput = is_container ? config->throughput : 0,
        .take_body =
            is_container ? container_body(config->container) : database_body(config->database),
    };

    if (request.take_body == NULL) {
        const struct parley_error err = {sizeof(err), PARLEY_E_INVALID, 0, "",
                                         "database, container: are not UTF-8"};
        fail(s, &err);
    } else {
        send(s, &request, on_created);
    }
}

/* ---- looking ---- */

static void on_missing(struct store *s)
{
    const struct config *config = s->around.config;
    struct parley_error err = PARLEY_ERROR_INIT;

    if (config->create != 0 && s->created < 2) {
        create(s);
        return;
    }
    (void)parley_fail(&err, PARLEY_E_UNAVAILABLE,
                      "%s: there is no container %s in a database %s; create it with the partition "
                      "key /pk and time to live -1 (az cosmosdb sql container create -d %s -n %s "
                      "-p /pk --ttl -1 -a ACCOUNT -g GROUP), or let parley do it with create = yes",
                      config->endpoint, config->container, config->database, config->database,
                      config->container);
    fail(s, &err);
}

static bool has_our_key(const json_t *container)
{
    const json_t *paths = json_object_get(json_object_get(container, "partitionKey"), "paths");
    const char *path = json_string_value(json_array_get(paths, 0));

    return json_array_size(paths) == 1 && path != NULL && strcmp(path, "/pk") == 0;
}

static void check_container(struct store *s, const json_t *container)
{
    const struct config *config = s->around.config;
    struct parley_error err = PARLEY_ERROR_INIT;

    if (!has_our_key(container)) {
        (void)parley_fail(&err, PARLEY_E_INVALID,
                          "%s: the container %s/%s has another partition key than /pk; give parley "
                          "a container of its own",
                          config->endpoint, config->database, config->container);
        fail(s, &err);
        return;
    }
    if (!json_is_number(json_object_get(container, "defaultTtl")))
        s->around.host->log(s->around.handle, PARLEY_LOG_WARN,
                            "the container's time to live is off, so the marks of removed sessions "
                            "stay; set it to -1 container=%s/%s",
                            config->database, config->container);
    finish(s);
}

static void on_container(void *ctx, const struct rest_reply *reply)
{
    struct store *s = ctx;

    if (reply->status < 0)
        fail(s, reply->err);
    else if (reply->code == 404)
        on_missing(s);
    else
        check_container(s, reply->body);
}

static void look_at_container(struct store *s)
{
    struct rest_request request = {.verb = "GET", .resource = RESOURCE_CONTAINER};

    send(s, &request, on_container);
}

static int check_consistency(struct store *s, struct parley_error *err)
{
    enum consistency asked = (enum consistency)s->around.config->consistency;
    enum consistency level = rest_account(s->rest)->level;

    if (asked == CONSISTENCY_ACCOUNT || asked >= level)
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_INVALID,
                       "%s: consistency: %s is stronger than the account's %s, and reads may only "
                       "ask for less; leave it out, or change the account",
                       s->around.config->endpoint, consistency_name(asked),
                       consistency_name(level));
}

static void on_account(void *ctx, const struct rest_reply *reply)
{
    struct store *s = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;
    int r = reply->status;

    if (r < 0) {
        fail(s, reply->err);
        return;
    }
    free(s->account);
    s->account = dump(reply->body);
    r = s->account == NULL ? parley_fail(&err, PARLEY_E_NO_MEMORY, "Cosmos DB: no memory")
                           : rest_set_account(s->rest, s->account, &err);
    if (r == PARLEY_OK)
        r = check_consistency(s, &err);
    if (r < 0) {
        fail(s, &err);
        return;
    }
    if (rest_account(s->rest)->has_many_writers)
        s->around.host->log(s->around.handle, PARLEY_LOG_WARN,
                            "the account has several regions for writes, so two hosts can hold one "
                            "session at a time; give it a single one endpoint=%s",
                            s->around.config->endpoint);
    look_at_container(s);
}

/* ---- beginning ---- */

static void take_over(struct store *s, char *take_account)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    int r = rest_set_account(s->rest, take_account, &err);
    free(take_account);
    if (r < 0) {
        fail(s, &err);
        return;
    }
    s->is_started = true;
    queue_run(s);
}

static void begin(void *ctx)
{
    struct store *s = ctx;
    struct rest_request request = {.verb = "GET", .resource = RESOURCE_ACCOUNT};
    char *account = NULL;

    switch (shared_claim_start(s->around.shared, around_now_ms(&s->around), &account, &s->why,
                               &s->failed_until_ms)) {
    case START_YOURS:
        s->is_starting = true;
        s->created = 0;
        send(s, &request, on_account);
        break;
    case START_WAIT:
        s->around.timer->start(s->starter, LOOK_MS);
        break;
    case START_DONE:
        take_over(s, account);
        break;
    case START_FAILED:
        queue_fail(s, &s->why);
        break;
    }
}

bool start_is_done(struct store *s)
{
    if (s->is_started || s->is_starting || start_has_failed(s))
        return s->is_started;
    if (s->starter == NULL)
        s->starter = s->around.timer->create(s->around.worker, begin, s);
    if (s->starter != NULL)
        s->around.timer->start(s->starter, 0);
    return false;
}

void start_give_up(struct store *s)
{
    s->around.timer->destroy(s->starter);
    s->starter = NULL;
    if (s->is_starting)
        shared_start_failed(s->around.shared, NULL, 0);
    free(s->account);
    s->account = NULL;
}
