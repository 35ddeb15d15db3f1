/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include "dump.h"
#include "shared.h"
#include "sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API_VERSION "2020-07-15"

/* ---- names ---- */

/* "dbs/DATABASE/colls/CONTAINER/docs/ID" as far as the resource needs it. */
static char *join_path(enum resource resource, const char *database, const char *container,
                       const char *id)
{
    char *path = NULL;
    int len = -1;

    switch (resource) {
    case RESOURCE_ACCOUNT:
        return strdup("");
    case RESOURCE_DATABASES:
        return strdup("dbs");
    case RESOURCE_DATABASE:
        len = asprintf(&path, "dbs/%s", database);
        break;
    case RESOURCE_CONTAINERS:
        len = asprintf(&path, "dbs/%s/colls", database);
        break;
    case RESOURCE_CONTAINER:
        len = asprintf(&path, "dbs/%s/colls/%s", database, container);
        break;
    case RESOURCE_DOCUMENTS:
        len = asprintf(&path, "dbs/%s/colls/%s/docs", database, container);
        break;
    case RESOURCE_DOCUMENT:
        len = asprintf(&path, "dbs/%s/colls/%s/docs/%s", database, container, id);
        break;
    }
    return len < 0 ? NULL : path;
}

static char *encode_path(enum resource resource, const struct config *config, const char *id)
{
    char *database = sign_percent(config->database);
    char *container = sign_percent(config->container);
    char *document = sign_percent(id == NULL ? "" : id);
    char *path = NULL;

    if (database != NULL && container != NULL && document != NULL)
        path = join_path(resource, database, container, document);
    free(database);
    free(container);
    free(document);
    return path;
}

/* ["value"], with everything but ASCII escaped: a header can hold nothing else. */
static char *partition_header(const char *value)
{
    json_t *list = json_pack("[s]", value);
    char *text = dump_ascii(list);

    json_decref(list);
    return text;
}

/* ---- life ---- */

static char *copy(const char *text, bool *failed)
{
    char *result = text == NULL ? NULL : strdup(text);

    *failed = *failed || (text != NULL && result == NULL);
    return result;
}

static bool fill(struct call *c, const struct rest_request *q, const struct config *config)
{
    bool failed = false;

    c->operation = q->operation;
    c->verb = q->verb;
    c->resource = q->resource;
    c->flags = q->flags;
    c->page = q->page;
    c->count = q->count;
    c->throughput = q->throughput;
    c->deadline_ms = q->deadline_ms;
    c->path = join_path(q->resource, config->database, config->container, q->id);
    c->encoded = encode_path(q->resource, config, q->id);
    c->if_match = copy(q->if_match, &failed);
    c->continuation = copy(q->continuation, &failed);
    if (q->partition != NULL) {
        c->partition = partition_header(q->partition);
        failed = failed || c->partition == NULL;
    }
    return !failed && c->path != NULL && c->encoded != NULL;
}

struct call *call_create(const struct rest_request *request, const struct config *config)
{
    struct call *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        free(request->take_body);
        return NULL;
    }
    c->body = request->take_body;
    if (fill(c, request, config))
        return c;
    call_free(c);
    return NULL;
}

void call_free(struct call *c)
{
    if (c == NULL)
        return;
    free(c->path);
    free(c->encoded);
    free(c->partition);
    free(c->if_match);
    free(c->continuation);
    free(c->body);
    free(c->endpoint);
    pass_done(&c->pass);
    free(c);
}

/* ---- what is sent ---- */

static void add_read_lines(const struct call *c, const struct around *around,
                           enum consistency level, struct lines *lines)
{
    enum consistency asked = (enum consistency)around->config->consistency;
    enum consistency effective = asked == CONSISTENCY_ACCOUNT ? level : asked;
    char *session = effective == CONSISTENCY_SESSION ? shared_session(around->shared) : NULL;

    if (asked != CONSISTENCY_ACCOUNT)
        lines_add(lines, "x-ms-consistency-level: %s", consistency_name(asked));
    if (session != NULL)
        lines_add(lines, "x-ms-session-token: %s", session);
    free(session);
    /* Without it some servers take a missing document for their own fault. */
    if ((c->flags & REST_QUERY) == 0)
        lines_add(lines, "x-ms-documentdb-query-enablecrosspartition: True");
}

static void add_body_lines(const struct call *c, struct lines *lines)
{
    if ((c->flags & REST_QUERY) != 0) {
        lines_add(lines, "Content-Type: application/query+json");
        lines_add(lines, "x-ms-documentdb-isquery: True");
        lines_add(lines, "x-ms-documentdb-responsecontinuationtokenlimitinkb: 4");
    } else if ((c->flags & REST_PATCH) != 0) {
        lines_add(lines, "Content-Type: application/json_patch+json");
    } else if (c->body != NULL) {
        lines_add(lines, "Content-Type: application/json");
    }
    if ((c->flags & REST_UPSERT) != 0)
        lines_add(lines, "x-ms-documentdb-is-upsert: True");
    if ((c->flags & REST_BATCH) != 0) {
        lines_add(lines, "x-ms-cosmos-is-batch-request: True");
        lines_add(lines, "x-ms-cosmos-batch-atomic: True");
    }
}

void call_add_lines(const struct call *c, const struct around *around,
                    const struct account *account, struct lines *lines)
{
    bool is_document = c->resource == RESOURCE_DOCUMENTS || c->resource == RESOURCE_DOCUMENT;

    lines_add(lines, "x-ms-version: " API_VERSION);
    lines_add(lines, "Accept: application/json");
    add_body_lines(c, lines);
    if (is_document && (c->flags & REST_WRITE) == 0)
        add_read_lines(c, around, account->level, lines);
    if (is_document && (c->flags & REST_WRITE) != 0 && account->has_many_writers)
        lines_add(lines, "x-ms-cosmos-allow-tentative-writes: true");
    if (c->partition != NULL)
        lines_add(lines, "x-ms-documentdb-partitionkey: %s", c->partition);
    if (c->if_match != NULL)
        lines_add(lines, "If-Match: %s", c->if_match);
    if (c->page > 0)
        lines_add(lines, "x-ms-max-item-count: %u", c->page);
    if (c->continuation != NULL)
        lines_add(lines, "x-ms-continuation: %s", c->continuation);
    if (c->throughput > 0)
        lines_add(lines, "x-ms-offer-throughput: %lld", (long long)c->throughput);
}

char *call_url(const struct call *c)
{
    char *url = NULL;

    return c->endpoint == NULL || asprintf(&url, "%s/%s", c->endpoint, c->encoded) < 0 ? NULL : url;
}
