/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sign.h"
#include <parley/testkit/fake_host.h>

#define WINDOW_S    900
#define MAX_BODY    (2 << 20)
#define MAX_OPS     100
#define CONTAINER   "dbs/parley/colls/sessions"
#define NO_ID_CHARS "/\\?#"

struct sim sim;

/* One request, taken apart. */
struct asked {
    const struct parley_http_request *request;
    char path[256]; /* decoded, without a slash at either end */
    char endpoint[128];
    char headers[2048];
    json_t *body;
    bool is_document;
};

/* ---- settings ---- */

void sim_reset(void)
{
    sim_done();
    sim = (struct sim){
        .has_database = true,
        .has_container = true,
        .partition_path = "/pk",
        .keys = {SIM_KEY, NULL},
        .regions = {SIM_WEST, NULL},
        .region_names = {"West Europe", NULL},
        .writer = SIM_WEST,
        .level = "Session",
        .gives_sessions = true,
        .documents = json_object(),
        .log = calloc(SIM_MAX_LOG, sizeof(struct sim_seen)),
    };
}

void sim_done(void)
{
    json_decref(sim.documents);
    free(sim.log);
    memset(&sim, 0, sizeof(sim));
}

void sim_fail(struct sim_fault fault)
{
    assert_true(sim.fault_count < SIM_MAX_FAULTS);
    sim.faults[sim.fault_count++] = fault;
}

/* ---- headers ---- */

static char *answer(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *answer(const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    assert_true(vasprintf(&text, format, args) >= 0);
    va_end(args);
    return text;
}

/* A header of the request; "" when it is not there. */
static const char *header(const struct asked *a, const char *name)
{
    static char value[1024];
    size_t len = strlen(name);

    for (const char *at = a->headers; *at != '\0'; at = strchr(at, '\n') + 1) {
        if (strncasecmp(at, name, len) == 0 && at[len] == ':') {
            const char *from = at + len + 1 + strspn(at + len + 1, " ");
            (void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(from, "\n"), from);
            return value;
        }
    }
    return "";
}

static bool is_true(const struct asked *a, const char *name)
{
    return strcasecmp(header(a, name), "true") == 0;
}

static int hex(char c)
{
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static void decode(const char *from, char *to, size_t size)
{
    size_t len = 0;

    for (; *from != '\0' && len + 1 < size; from++) {
        if (*from == '%') {
            to[len++] = (char)(hex(from[1]) * 16 + hex(from[2]));
            from += 2;
        } else {
            to[len++] = *from;
        }
    }
    to[len] = '\0';
}

static void take_apart(const struct parley_http_request *request, struct asked *a)
{
    const char *host = strstr(request->url, "://") + 3;
    const char *path = host + strcspn(host, "/");
    char body[16];

    memset(a, 0, sizeof(*a));
    a->request = request;
    (void)snprintf(a->endpoint, sizeof(a->endpoint), "%.*s", (int)(path - request->url),
                   request->url);
    assert_true(*path == '/');
    decode(path + 1, a->path, sizeof(a->path));
    for (uint32_t i = 0; i < request->header_count; i++) {
        size_t len = strlen(a->headers);
        for (const char *at = request->headers[i]; *at != '\0'; at++)
            assert_true(*at >= ' ' && *at <= '~');
        (void)snprintf(a->headers + len, sizeof(a->headers) - len, "%s\n", request->headers[i]);
    }
    a->is_document = strncmp(a->path, CONTAINER "/docs", strlen(CONTAINER "/docs")) == 0;
    (void)body;
    if (request->body.len > 0) {
        a->body = json_loadb(request->body.data, request->body.len, 0, NULL);
        assert_non_null(a->body);
    }
    if (request->body.len > sim.longest_body)
        sim.longest_body = request->body.len;
}

/* ---- authorization ---- */

static int64_t now_s(void)
{
    return (fake_host_unix_ms() + sim.clock_off_ms) / 1000;
}

static int check_signature(const struct asked *a)
{
    char date[SIGN_DATE_SIZE], wanted[SIGN_MAX_SIGNATURE], given[1024];
    unsigned char key[SIGN_KEY_SIZE];
    int64_t dated = 0;
    size_t len = 0;

    (void)snprintf(given, sizeof(given), "%s", header(a, "authorization"));
    (void)snprintf(date, sizeof(date), "%s", header(a, "x-ms-date"));
    if (!sign_read_date((struct parley_view){date, strlen(date)}, &dated))
        return 401;
    if (dated < now_s() - WINDOW_S || dated > now_s() + WINDOW_S)
        return 403;
    for (size_t i = 0; i < 2 && sim.keys[i] != NULL; i++) {
        assert_true(sign_decode_key(sim.keys[i], key, &len));
        assert_true(sign_request(key, len, a->request->method, a->path, date, wanted));
        if (strcmp(wanted, given) == 0)
            return 0;
    }
    return 401;
}

static int check_authorization(const struct asked *a)
{
    char wanted[256];

    assert_string_equal(header(a, "x-ms-version"), "2020-07-15");
    if (sim.token == NULL)
        return check_signature(a);
    (void)snprintf(wanted, sizeof(wanted), "type%%3Daad%%26ver%%3D1.0%%26sig%%3D%s", sim.token);
    return strcmp(header(a, "authorization"), wanted) == 0 ? 0 : 401;
}

/* ---- documents ---- */

static json_t *slot(const char *pk, const char *id, char key[512])
{
    (void)snprintf(key, 512, "%s\n%s", pk, id);
    return json_object_get(sim.documents, key);
}

json_t *sim_document(const char *pk, const char *id)
{
    char key[512];

    return slot(pk, id, key);
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value == NULL ? "" : value;
}

void sim_put(json_t *take_document)
{
    char key[512], tag[32];
    const char *id = text(take_document, "id");
    const json_t *ttl = json_object_get(take_document, "ttl");

    assert_true(id[0] != '\0' && strlen(id) < 1024 && strpbrk(id, NO_ID_CHARS) == NULL);
    assert_true(ttl == NULL || json_integer_value(ttl) > 0);
    (void)slot(text(take_document, "pk"), id, key);
    (void)snprintf(tag, sizeof(tag), "\"%08llx-0000\"", (unsigned long long)++sim.last_tag);
    json_object_set_new(take_document, "_etag", json_string(tag));
    json_object_set_new(take_document, "_ts", json_integer(now_s()));
    json_object_set_new(take_document, "_rid", json_string("rid=="));
    json_object_set_new(sim.documents, key, take_document);
    sim.lsn++;
}

size_t sim_count(const char *kind)
{
    const char *key;
    json_t *document;
    size_t count = 0;

    json_object_foreach(sim.documents, key, document)
    {
        count += strcmp(text(document, "kind"), kind) == 0;
    }
    return count;
}

/* The one value of the partition key that the request is about. */
static const char *partition_of(const struct asked *a)
{
    static char value[300];
    json_t *list = json_loads(header(a, "x-ms-documentdb-partitionkey"), 0, NULL);

    assert_int_equal(json_array_size(list), 1);
    (void)snprintf(value, sizeof(value), "%s", json_string_value(json_array_get(list, 0)));
    json_decref(list);
    return value;
}

static bool matches(const json_t *document, const char *tag)
{
    return tag[0] == '\0' || strcmp(tag, "*") == 0 || strcmp(tag, text(document, "_etag")) == 0;
}

/* One write: the code, and *ret_document what is there afterwards (borrowed). */
static int write_one(const char *type, const char *pk, const char *id, const char *tag,
                     json_t *body, json_t **ret_document)
{
    char key[512];
    json_t *there = slot(pk, id, key);
    int code = there != NULL ? 200 : 201;

    *ret_document = NULL;
    if (body != NULL)
        assert_string_equal(text(body, "pk"), pk);
    if (strcmp(type, "Create") == 0 && there != NULL)
        return 409;
    if (there == NULL && (strcmp(type, "Replace") == 0 || strcmp(type, "Delete") == 0))
        return 404;
    if (there != NULL && !matches(there, tag))
        return 412;
    if (strcmp(type, "Delete") == 0) {
        json_object_del(sim.documents, key);
        sim.lsn++;
        return 204;
    }
    char *dumped = json_dumps(body, JSON_COMPACT);
    bool is_large = strlen(dumped) > MAX_BODY;
    free(dumped);
    if (is_large)
        return 413;
    sim_put(json_deep_copy(body));
    *ret_document = slot(pk, id, key);
    return code;
}

/* ---- batches ---- */

static json_t *entry(int code, const json_t *document)
{
    json_t *e = json_pack("{sisf}", "statusCode", code, "requestCharge", 1.5);

    if (document != NULL)
        json_object_set_new(e, "eTag", json_string(text(document, "_etag")));
    return e;
}

static int run_batch(const struct asked *a, json_t *entries)
{
    char *pk = strdup(partition_of(a));
    json_t *before = json_deep_copy(sim.documents), *operation;
    int failed = 0;
    size_t i;

    assert_true(is_true(a, "x-ms-cosmos-batch-atomic"));
    assert_true(json_array_size(a->body) <= MAX_OPS && a->request->body.len <= MAX_BODY);
    sim.batches++;
    if (json_array_size(a->body) > sim.most_operations)
        sim.most_operations = json_array_size(a->body);
    json_array_foreach(a->body, i, operation)
    {
        json_t *body = json_object_get(operation, "resourceBody"), *written = NULL;
        const char *id = body != NULL ? text(body, "id") : text(operation, "id");
        int code = failed != 0 ? 424
                               : write_one(text(operation, "operationType"), pk, id,
                                           text(operation, "ifMatch"), body, &written);
        if (code >= 400 && failed == 0)
            failed = code;
        json_array_append_new(entries, entry(code, written));
    }
    free(pk);
    if (failed == 0) {
        json_decref(before);
        return 200;
    }
    json_decref(sim.documents);
    sim.documents = before;
    json_array_foreach(entries, i, operation)
    {
        if (json_integer_value(json_object_get(operation, "statusCode")) < 400)
            json_object_set_new(operation, "statusCode", json_integer(424));
    }
    return 207;
}

/* ---- queries ---- */

static const json_t *parameter(const struct asked *a, const char *name)
{
    const json_t *p;
    size_t i;

    json_array_foreach(json_object_get(a->body, "parameters"), i, p)
    {
        if (strcmp(text(p, "name"), name) == 0)
            return json_object_get(p, "value");
    }
    fail_msg("the query has no parameter %s", name);
    return NULL;
}

static int64_t number(const json_t *document, const char *key)
{
    return json_integer_value(json_object_get(document, key));
}

static bool is_found(const struct asked *a, const char *sql, const json_t *d)
{
    if (strcmp(text(d, "pk"), json_string_value(parameter(a, "@pk"))) != 0)
        return false;
    const char *kind = text(d, "kind");
    if (strcmp(kind, strstr(sql, "'row'") != NULL ? "row" : "record") != 0 &&
        (strcmp(kind, "data") != 0 || strstr(sql, "'data'") == NULL))
        return false;
    if (strstr(sql, "@count") != NULL &&
        (number(d, "seq") <= json_integer_value(parameter(a, "@after")) ||
         number(d, "seq") > json_integer_value(parameter(a, "@count"))))
        return false;
    if (strstr(sql, "@agent") != NULL &&
        strcmp(text(d, "agent"), json_string_value(parameter(a, "@agent"))) != 0)
        return false;
    if (strstr(sql, "@user") != NULL &&
        strcmp(text(d, "user"), json_string_value(parameter(a, "@user"))) != 0)
        return false;
    if (strstr(sql, "c.sort < @after") != NULL &&
        strcmp(text(d, "sort"), json_string_value(parameter(a, "@after"))) >= 0)
        return false;
    return strstr(sql, "@now") == NULL ||
           (number(d, "expires_ms") > 0 &&
            number(d, "expires_ms") <= json_integer_value(parameter(a, "@now")));
}

static int by_seq(const void *a, const void *b)
{
    int64_t x = number(*(const json_t *const *)a, "seq"),
            y = number(*(const json_t *const *)b, "seq");

    return (x > y) - (x < y);
}

static int by_sort(const void *a, const void *b)
{
    return strcmp(text(*(const json_t *const *)b, "sort"), text(*(const json_t *const *)a, "sort"));
}

static char *run_query(const struct asked *a, json_t *documents)
{
    const char *sql = text(a->body, "query"), *key;
    size_t limit = (size_t)atoi(header(a, "x-ms-max-item-count")), count = 0, from = 0;
    const json_t **found = calloc(json_object_size(sim.documents) + 1, sizeof(*found));
    json_t *d;

    assert_string_equal(header(a, "content-type"), "application/query+json");
    assert_string_equal(partition_of(a), json_string_value(parameter(a, "@pk")));
    assert_false(is_true(a, "x-ms-documentdb-query-enablecrosspartition"));
    assert_true(limit > 0);
    json_object_foreach(sim.documents, key, d)
    {
        if (is_found(a, sql, d))
            found[count++] = d;
    }
    if (strstr(sql, "ORDER BY c.seq") != NULL)
        qsort(found, count, sizeof(*found), by_seq);
    if (strstr(sql, "ORDER BY c.sort DESC") != NULL)
        qsort(found, count, sizeof(*found), by_sort);
    const char *token = header(a, "x-ms-continuation");
    bool was_empty = strstr(token, "empty") != NULL;
    if (token[0] != '\0')
        from = (size_t)atoi(token + strlen("{\"from\":"));
    if (sim.page_limit > 0 && sim.page_limit < limit)
        limit = sim.page_limit;
    if (sim.has_empty_pages && !was_empty && from < count) {
        free(found);
        return answer("x-ms-continuation: {\"from\":%zu,\"empty\":1}\r\n", from);
    }
    for (size_t i = from; i < count && i < from + limit; i++)
        json_array_append_new(documents, json_deep_copy(found[i]));
    free(found);
    return from + limit < count ? answer("x-ms-continuation: {\"from\":%zu}\r\n", from + limit)
                                : answer("%s", "");
}

/* ---- requests ---- */

static json_t *account(void)
{
    json_t *readable = json_array(), *writable = json_array();

    for (size_t i = 0; sim.regions[i] != NULL; i++) {
        char *slash = answer("%s:443/", sim.regions[i]);
        json_t *location =
            json_pack("{ssss}", "name", sim.region_names[i], "databaseAccountEndpoint", slash);
        free(slash);
        json_array_append(readable, location);
        if (sim.has_many_writers || strcmp(sim.regions[i], sim.writer) == 0)
            json_array_append(writable, location);
        json_decref(location);
    }
    return json_pack("{sssososbs{ss}}", "id", "contoso", "readableLocations", readable,
                     "writableLocations", writable, "enableMultipleWriteLocations",
                     (int)sim.has_many_writers, "userConsistencyPolicy", "defaultConsistencyLevel",
                     sim.level);
}

static int answer_meta(const struct asked *a, json_t **ret_body)
{
    const char *verb = a->request->method;
    bool is_post = strcmp(verb, "POST") == 0;

    if (a->path[0] == '\0') {
        *ret_body = account();
        return 200;
    }
    if (is_post && sim.token != NULL)
        return 403;
    if (is_post && strcmp(a->path, "dbs") == 0) {
        int code = sim.has_database ? 409 : 201;
        assert_string_equal(text(a->body, "id"), "parley");
        sim.has_database = true;
        *ret_body = json_deep_copy(a->body);
        return code;
    }
    if (is_post && strcmp(a->path, "dbs/parley/colls") == 0) {
        int code = sim.has_container ? 409 : 201;
        const json_t *key = json_object_get(a->body, "partitionKey");
        assert_string_equal(json_string_value(json_array_get(json_object_get(key, "paths"), 0)),
                            "/pk");
        assert_int_equal(number(a->body, "defaultTtl"), -1);
        if (!sim.has_database)
            return 404;
        sim.has_container = true;
        *ret_body = json_deep_copy(a->body);
        return code;
    }
    assert_string_equal(a->path, CONTAINER);
    assert_string_equal(verb, "GET");
    if (!sim.has_container)
        return 404;
    *ret_body = json_pack("{sss{s[s]ss}}", "id", "sessions", "partitionKey", "paths",
                          sim.partition_path, "kind", "Hash");
    if (!sim.has_no_ttl)
        json_object_set_new(*ret_body, "defaultTtl", json_integer(-1));
    return 200;
}

static bool meets(const char *condition, const json_t *d)
{
    char op[64] = "";
    long long now_ms = 0;

    assert_int_equal(sscanf(condition,
                            "FROM c WHERE c.kind = 'head' AND c.op != '%63[^']' AND (c.expires_ms "
                            "= 0 OR c.expires_ms > %lld)",
                            op, &now_ms),
                     2);
    return strcmp(text(d, "kind"), "head") == 0 && strcmp(text(d, "op"), op) != 0 &&
           (number(d, "expires_ms") == 0 || number(d, "expires_ms") > now_ms);
}

static int patch(const struct asked *a, const char *pk, const char *id, json_t **ret_document)
{
    json_t *there = sim_document(pk, id), *operation;
    size_t i;

    assert_string_equal(header(a, "content-type"), "application/json_patch+json");
    assert_true(json_array_size(json_object_get(a->body, "operations")) <= 10);
    if (there == NULL || !meets(text(a->body, "condition"), there))
        return there == NULL ? 404 : 412;
    json_t *next = json_deep_copy(there);
    json_array_foreach(json_object_get(a->body, "operations"), i, operation)
    {
        const char *key = text(operation, "path") + 1;
        json_t *value = json_object_get(operation, "value");
        if (strcmp(text(operation, "op"), "incr") == 0)
            json_object_set_new(next, key,
                                json_integer(number(there, key) + json_integer_value(value)));
        else
            json_object_set(next, key, value);
    }
    sim_put(next);
    *ret_document = sim_document(pk, id);
    return 200;
}

static int answer_document(const struct asked *a, json_t **ret_body)
{
    const char *verb = a->request->method, *id = strrchr(a->path, '/') + 1;
    char *pk = strdup(partition_of(a)), *tag = strdup(header(a, "if-match"));
    json_t *written = NULL;
    int code;

    if (strcmp(verb, "GET") == 0) {
        written = sim_document(pk, id);
        code = written != NULL ? 200 : 404;
    } else if (strcmp(verb, "PUT") == 0) {
        assert_string_equal(text(a->body, "id"), id);
        code = write_one("Replace", pk, id, tag, a->body, &written);
    } else if (strcmp(verb, "PATCH") == 0) {
        code = patch(a, pk, id, &written);
    } else if (strcmp(verb, "DELETE") == 0) {
        code = write_one("Delete", pk, id, tag, NULL, &written);
    } else {
        code = write_one(is_true(a, "x-ms-documentdb-is-upsert") ? "Upsert" : "Create", pk,
                         text(a->body, "id"), tag, a->body, &written);
    }
    *ret_body = written == NULL ? NULL : json_deep_copy(written);
    free(pk);
    free(tag);
    return code;
}

/* Everything about documents; *ret_headers gets what only queries have. */
static int answer_documents(const struct asked *a, json_t **ret_body, char **ret_headers)
{
    if (!sim.has_container)
        return 404;
    if (is_true(a, "x-ms-cosmos-is-batch-request")) {
        *ret_body = json_array();
        return run_batch(a, *ret_body);
    }
    if (is_true(a, "x-ms-documentdb-isquery")) {
        json_t *documents = json_array();
        *ret_headers = run_query(a, documents);
        *ret_body = json_pack("{sssosi}", "_rid", "r==", "Documents", documents, "_count",
                              (int)json_array_size(documents));
        return 200;
    }
    return answer_document(a, ret_body);
}

/* ---- what goes wrong ---- */

static bool is_like(const struct parley_http_request *request, const char *verb, const char *what)
{
    if (verb != NULL && strcmp(verb, request->method) != 0)
        return false;
    return what == NULL || strstr(request->url, what) != NULL ||
           (request->body.len > 0 &&
            memmem(request->body.data, request->body.len, what, strlen(what)) != NULL);
}

static struct sim_fault *find_fault(const struct parley_http_request *request)
{
    for (size_t i = 0; i < sim.fault_count; i++) {
        struct sim_fault *f = &sim.faults[i];
        if (f->times == 0 || !is_like(request, f->verb, f->what))
            continue;
        if (f->skip > 0) {
            f->skip--;
            continue;
        }
        f->times--;
        return f;
    }
    return NULL;
}

static bool is_write(const struct asked *a)
{
    return strcmp(a->request->method, "GET") != 0 && !is_true(a, "x-ms-documentdb-isquery");
}

/* Codes that come from where a request was sent. */
static int check_region(const struct asked *a, int *ret_substatus)
{
    if (a->path[0] == '\0' || !a->is_document)
        return 0;
    if (sim.moved && is_write(a) && strcmp(a->endpoint, sim.writer) != 0) {
        *ret_substatus = 3;
        return 403;
    }
    if (sim.lag > 0 && !is_write(a) && header(a, "x-ms-session-token")[0] != '\0' &&
        strcmp(a->endpoint, sim.writer) != 0) {
        sim.lag--;
        *ret_substatus = 1002;
        return 404;
    }
    return 0;
}

static int decide(const struct asked *a, const struct sim_fault *fault, int *ret_substatus,
                  json_t **ret_body, char **ret_headers)
{
    int code = check_authorization(a);

    if (code == 0)
        code = check_region(a, ret_substatus);
    if (code == 0 && fault != NULL && (fault->failure == SIM_CODE || fault->failure == SIM_HTML)) {
        *ret_substatus = fault->substatus;
        code = fault->code;
    }
    if (code == 0 && fault != NULL && fault->failure == SIM_ENTRY) {
        *ret_body = json_array();
        for (size_t i = 0; i < json_array_size(a->body); i++)
            json_array_append_new(*ret_body, entry(i == 0 ? fault->code : 424, NULL));
        return 207;
    }
    if (code == 0)
        code =
            a->is_document ? answer_documents(a, ret_body, ret_headers) : answer_meta(a, ret_body);
    if (code >= 400 && *ret_body == NULL)
        *ret_body = json_pack("{ssss}", "code", "Error", "message", "what the service says");
    return code;
}

static void note(const struct asked *a, int code)
{
    if (sim.log_count == SIM_MAX_LOG)
        return; /* the kit's rules are long, and do not look at it */
    struct sim_seen *seen = &sim.log[sim.log_count++];

    (void)snprintf(seen->verb, sizeof(seen->verb), "%s", a->request->method);
    (void)snprintf(seen->url, sizeof(seen->url), "%s", a->request->url);
    (void)snprintf(seen->headers, sizeof(seen->headers), "%s", a->headers);
    seen->code = code;
    seen->at_ms = fake_host_unix_ms();
    seen->timeout_ms = a->request->timeout_ms;
    seen->is_batch = is_true(a, "x-ms-cosmos-is-batch-request");
    seen->is_query = is_true(a, "x-ms-documentdb-isquery");
}

size_t sim_asked(const char *verb, const char *what)
{
    size_t count = 0;

    for (size_t i = 0; i < sim.log_count; i++)
        count += (verb == NULL || strcmp(sim.log[i].verb, verb) == 0) &&
                 (what == NULL || strstr(sim.log[i].url, what) != NULL ||
                  strstr(sim.log[i].headers, what) != NULL);
    return count;
}

static char *answer_headers(int code, int substatus, const json_t *body, const char *more,
                            const struct sim_fault *fault)
{
    char date[SIGN_DATE_SIZE], session[64] = "";

    sign_date(now_s(), date);
    if (sim.gives_sessions && code < 400)
        (void)snprintf(session, sizeof(session), "x-ms-session-token: 0:-1#%llu\r\n",
                       (unsigned long long)sim.lsn);
    return answer("date: %s\r\nx-ms-activity-id: 1234-activity\r\nx-ms-request-charge: 2.5\r\n"
                  "x-ms-substatus: %d\r\n%s%s%s%s%s%s",
                  date, substatus, session, json_is_object(body) && body != NULL ? "etag: " : "",
                  json_is_object(body) ? text(body, "_etag") : "",
                  json_is_object(body) ? "\r\n" : "", more == NULL ? "" : more,
                  fault != NULL && fault->headers != NULL ? fault->headers : "");
}

struct sim_answer sim_ask(const struct parley_http_request *request)
{
    struct sim_fault *fault = find_fault(request);
    json_t *body = NULL;
    char *more = NULL;
    struct sim_answer result = {0};
    struct asked a;
    int substatus = 0;

    take_apart(request, &a);
    bool is_lost = fault != NULL && (fault->failure == SIM_RESET || fault->failure == SIM_HANG);
    if (fault != NULL && fault->failure == SIM_MEANWHILE)
        fault->meanwhile();
    if (!is_lost)
        result.code = decide(&a, fault, &substatus, &body, &more);
    note(&a, is_lost ? 0 : result.code);
    if (is_lost || (fault != NULL && fault->failure == SIM_RESET_AFTER)) {
        result.is_hanging = fault->failure == SIM_HANG;
        result.status = result.is_hanging ? PARLEY_E_TIMEOUT : PARLEY_E_UNAVAILABLE;
        result.message = fault->message != NULL ? fault->message : "contoso: it broke";
    } else {
        result.headers = answer_headers(result.code, substatus, body, more, fault);
        result.body = fault != NULL && fault->failure == SIM_HTML ? strdup("<html>no</html>")
                      : body == NULL                              ? strdup("")
                                                                  : json_dumps(body, JSON_COMPACT);
    }
    free(more);
    json_decref(body);
    json_decref(a.body);
    return result;
}
