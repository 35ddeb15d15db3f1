/* SPDX-License-Identifier: Apache-2.0 */
#include "envelope.h"

#include "instant.h"
#include "operation.h"

#include "parts/otlp/dress.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define KIND_PRODUCER 4 /* parley records none; of another host */
#define KIND_CONSUMER 5

#define TARGET_SIZE 300
#define CODE_SIZE   24

/* A span and what is asked of it more than once. */
struct view_of_span {
    const struct parley_span *span;
    struct parley_view method; /* of HTTP; empty when it is something else */
    struct parley_view operation;
    bool is_request;
};

static bool is_zero_id(const uint8_t id[8])
{
    return !tags_has_id(id, 8);
}

static bool is_turn(const struct parley_span *span)
{
    return span_role(span) == SPAN_ROLE_TURN;
}

/* ---- fields ---- */

static void add_id(struct json *out, const struct parley_span *span)
{
    json_key(out, "id");
    tags_id(out, span->span_id, sizeof(span->span_id));
}

static void add_duration(struct json *out, const struct parley_span *span)
{
    char text[INSTANT_SIZE];

    instant_duration(span->start_unix_ns, span->end_unix_ns, text);
    json_key(out, "duration");
    json_str(out, text, sizeof(text));
}

/* The status of HTTP or gRPC as text; "0" when there is none. */
static void add_code(struct json *out, const char *key, const struct parley_span *span)
{
    static const char *const codes[] = {"http.response.status_code", "rpc.grpc.status_code",
                                        "rpc.response.status_code"};
    const struct parley_attr *a = NULL;
    char text[CODE_SIZE] = "0";

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]) && a == NULL; i++)
        a = attr_find(&span->attrs, codes[i]);
    json_key(out, key);
    if (a != NULL && a->type == PARLEY_ATTR_STRING && a->string.len > 0) {
        json_text(out, a->string, 1024);
        return;
    }
    if (a != NULL && a->type == PARLEY_ATTR_INT)
        (void)snprintf(text, sizeof(text), "%lld", (long long)a->integer);
    json_str(out, text, sizeof(text));
}

static void add_success(struct json *out, const struct view_of_span *v)
{
    int64_t code = attr_int(&v->span->attrs, "http.response.status_code");
    bool is_server = v->span->kind == PARLEY_SPAN_SERVER;
    bool good = v->span->status == PARLEY_SPAN_OK ||
                (v->span->status == PARLEY_SPAN_UNSET && (!is_server || code < 400));

    if (!is_server)
        good = v->span->status != PARLEY_SPAN_ERROR;
    json_key(out, "success");
    json_raw(out, good ? "true" : "false");
}

/* ---- dependencies ---- */

static void add_type(struct json *out, const struct view_of_span *v)
{
    const struct parley_attrs *a = &v->span->attrs;
    struct parley_view provider = attr_text(a, "gen_ai.provider.name");
    struct parley_view database = attr_text(a, "db.system.name");
    struct parley_view rpc = attr_text(a, "rpc.system");
    char text[128] = "Dependency";

    if (v->span->kind == PARLEY_SPAN_INTERNAL && !is_zero_id(v->span->parent_span_id))
        (void)strcpy(text, "InProc");
    else if (v->span->kind == KIND_PRODUCER)
        (void)strcpy(text, "Queue Message");
    else if (v->span->kind == PARLEY_SPAN_CLIENT && provider.len > 0)
        (void)snprintf(text, sizeof(text), "GenAI | %.*s", (int)json_cut(provider, 100),
                       provider.data);
    else if (v->method.len > 0)
        (void)strcpy(text, "Http");
    else if (rpc.len == 4 && memcmp(rpc.data, "grpc", 4) == 0)
        (void)strcpy(text, "GRPC");
    else if (database.len > 0)
        (void)snprintf(text, sizeof(text), "%.*s", (int)json_cut(database, 100), database.data);
    json_key(out, "type");
    json_str(out, text, 1024);
}

/* "host:port", without the port that is meant anyhow; a model's provider where no host is known. */
static void add_target(struct json *out, const struct view_of_span *v)
{
    const struct parley_attrs *a = &v->span->attrs;
    struct parley_view host = attr_text(a, "server.address");
    int64_t port = attr_int(a, "server.port");
    char text[TARGET_SIZE];

    if (host.len == 0) {
        json_member(out, "target", attr_text(a, "gen_ai.provider.name"), 1024);
        return;
    }
    bool is_plain = port <= 0 || (v->method.len > 0 && (port == 80 || port == 443));
    int len = snprintf(text, sizeof(text), "%.*s", (int)json_cut(host, 255), host.data);
    if (!is_plain)
        len += snprintf(text + len, sizeof(text) - (size_t)len, ":%lld", (long long)port);
    json_member(out, "target", (struct parley_view){text, (size_t)len}, 1024);
}

/* "GET /path" of "https://host/path?query" */
static struct parley_view http_name(const struct view_of_span *v, char room[OPERATION_SIZE])
{
    struct parley_view url = attr_text(&v->span->attrs, "url.full");
    const char *host = url.len == 0 ? NULL : memmem(url.data, url.len, "://", 3);
    size_t rest = host == NULL ? 0 : url.len - (size_t)(host - url.data) - 3;
    const char *path = host == NULL ? NULL : memchr(host + 3, '/', rest);

    if (path == NULL)
        return (struct parley_view){v->span->name, strlen(v->span->name)};
    size_t len = url.len - (size_t)(path - url.data);
    for (size_t i = 0; i < len; i++) {
        if (path[i] == '?' || path[i] == '#')
            len = i;
    }
    len = json_cut((struct parley_view){path, len}, 900);
    int n = snprintf(room, OPERATION_SIZE, "%.*s %.*s", (int)json_cut(v->method, 100),
                     v->method.data, (int)len, path);
    return (struct parley_view){room, n < 0 ? 0 : (size_t)n};
}

static void add_dependency(struct json *out, const struct view_of_span *v)
{
    char room[OPERATION_SIZE];
    struct parley_view name = v->method.len > 0 && v->span->kind == PARLEY_SPAN_CLIENT
                                  ? http_name(v, room)
                                  : (struct parley_view){v->span->name, strlen(v->span->name)};

    json_key(out, "name");
    json_text(out, name.len > 0 ? name : v->operation, 1024);
    add_id(out, v->span);
    add_duration(out, v->span);
    add_code(out, "resultCode", v->span);
    add_success(out, v);
    add_type(out, v);
    add_target(out, v);
    json_member(out, "data", attr_text(&v->span->attrs, "url.full"), 8192);
}

/* ---- requests ---- */

static void add_request(struct json *out, const struct view_of_span *v)
{
    add_id(out, v->span);
    json_member(out, "name", v->operation, 1024);
    add_duration(out, v->span);
    add_code(out, "responseCode", v->span);
    add_success(out, v);
    json_member(out, "url", attr_text(&v->span->attrs, "url.full"), 2048);
}

/* ---- the span ---- */

static double ratio_of(const struct parley_span *span, uint32_t size)
{
    bool is_there = size >= offsetof(struct parley_span, sample_ratio) + sizeof(span->sample_ratio);

    return is_there ? span->sample_ratio : 1;
}

static void add_properties(const struct envelope *e, const struct view_of_span *v)
{
    struct properties p = envelope_properties(e);
    const char *message = v->span->status_message;

    p.is_http = v->method.len > 0;
    properties_add_attrs(&p, &v->span->attrs);
    if (v->span->status == PARLEY_SPAN_ERROR && message != NULL)
        properties_add(&p, "otel.status_description",
                       (struct parley_view){message, strlen(message)});
    properties_end(&p);
}

static void write_event(struct envelopes *all, const struct view_of_span *v, double ratio,
                        const struct parley_span_event *event)
{
    struct envelope_head head = {.name = "Message",
                                 .base_type = "MessageData",
                                 .unix_ns = event->unix_ns,
                                 .sample_ratio = ratio,
                                 .tags = {.trace_id = v->span->trace_id,
                                          .parent_id = v->span->span_id,
                                          .operation = v->operation,
                                          .attrs = &v->span->attrs}};
    struct parley_view name = {event->name, strlen(event->name)};

    if (exception_is(&event->attrs) || strcmp(event->name, "exception") == 0) {
        head.name = "Exception";
        head.base_type = "ExceptionData";
        exception_write(all, &head, &event->attrs, name, 17, false);
        return;
    }
    if (!all->config->with_span_events)
        return;
    struct envelope e = envelope_begin(all, &head);
    json_key(e.out, "message");
    json_text(e.out, name.len > 0 ? name : (struct parley_view){"n/a", 3}, 32768);
    json_key(e.out, "severityLevel");
    json_str(e.out, "Information", 16);
    struct properties p = envelope_properties(&e);
    properties_add_attrs(&p, &event->attrs);
    properties_end(&p);
    envelope_end(&e, false);
}

static void write_events(struct envelopes *all, const struct view_of_span *v, double ratio)
{
    const struct parley_span *span = v->span;

    for (uint32_t i = 0; i < span->event_count; i++)
        write_event(all, v, ratio,
                    (const void *)((const char *)span->events + (size_t)i * span->event_size));
}

void span_write(struct envelopes *all, const struct parley_span *span, uint32_t span_size)
{
    char room[OPERATION_SIZE];
    double ratio = ratio_of(span, span_size);
    bool is_server = span->kind == PARLEY_SPAN_SERVER || span->kind == KIND_CONSUMER;
    const struct view_of_span v = {
        .span = span,
        .method = attr_text(&span->attrs, "http.request.method"),
        .operation = operation_of_span(span, room),
        .is_request = is_server || (all->config->turns_are_requests && is_turn(span)),
    };
    const struct envelope_head head = {.name = v.is_request ? "Request" : "RemoteDependency",
                                       .base_type =
                                           v.is_request ? "RequestData" : "RemoteDependencyData",
                                       .unix_ns = span->start_unix_ns,
                                       .sample_ratio = ratio,
                                       .tags = {.trace_id = span->trace_id,
                                                .parent_id = span->parent_span_id,
                                                .operation = v.operation,
                                                .attrs = &span->attrs,
                                                .is_server = is_server}};

    if (!span_has_ids(span))
        return; /* an operation without an id is found nowhere */
    struct envelope e = envelope_begin(all, &head);
    if (v.is_request)
        add_request(e.out, &v);
    else
        add_dependency(e.out, &v);
    add_properties(&e, &v);
    envelope_end(&e, true);
    write_events(all, &v, ratio);
}
