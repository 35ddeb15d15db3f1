/* SPDX-License-Identifier: Apache-2.0 */
#include "voice_live.h"

#include "parts/text.h"
#include "scan.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_EVENT_BYTES ((size_t)256 << 20)
#define MAX_OPEN        32 /* items that were told of and have not ended */

/* GA tells an item's end, which the service does not: after it was told of, or with its output. */
struct open_item {
    char id[128];
    char previous[128];
    bool has_previous;
};

struct dialect {
    const struct foundry_config *config;
    struct link_sink sink;
    struct open_item open[MAX_OPEN];
    unsigned next;
    uint64_t told; /* numbers events of our own */
};

static void *create(const void *config, const struct link_sink *sink)
{
    struct dialect *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    d->config = config;
    d->sink = *sink;
    return d;
}

static void destroy(void *dialect)
{
    free(dialect);
}

static bool is(struct parley_view type, const char *name)
{
    return type.len == strlen(name) && memcmp(type.data, name, type.len) == 0;
}

struct dumped {
    struct text text;
    bool failed;
};

static int on_dump(const char *bytes, size_t len, void *ctx)
{
    struct dumped *d = ctx;

    d->failed =
        d->failed || !text_append(&d->text, (struct parley_view){bytes, len}, MAX_EVENT_BYTES);
    return d->failed ? -1 : 0;
}

/* jansson goes on when a name finds no memory, and its text is broken then: it is not sent. */
static void say(void (*to)(void *ctx, struct parley_view event, uint32_t flags), void *ctx,
                const json_t *tree)
{
    struct dumped d = {0};

    if (json_dump_callback(tree, on_dump, &d, JSON_COMPACT) == 0 && !d.failed)
        to(ctx, text_view(&d.text), 0);
    text_done(&d.text);
}

static json_t *parse(struct parley_view event)
{
    return json_loadb(event.data == NULL ? "" : event.data, event.len, 0, NULL);
}

/* ---- to the service ---- */

static void from_host(void *dialect, struct parley_view event, uint32_t flags)
{
    struct dialect *d = dialect;
    struct parley_view type = scan_type(event);
    bool is_session = is(type, "session.update"), is_response = is(type, "response.create");

    if (!is_session && !is_response && !is(type, "conversation.item.create")) {
        d->sink.to_peer(d->sink.ctx, event, flags);
        return;
    }
    json_t *tree = parse(event);
    json_t *response = json_object_get(tree, "response");
    if (is_response && response == NULL && tree != NULL) {
        response = json_object();
        json_object_set_new(tree, "response", response);
    }
    if (is_session)
        json_object_set_new(tree, "session",
                            voice_live_session_out(json_object_get(tree, "session"), d->config));
    else if (is_response)
        voice_live_response_out(response, d->config);
    else
        voice_live_item_out(json_object_get(tree, "item"));
    say(d->sink.to_peer, d->sink.ctx, tree);
    json_decref(tree);
}

/* ---- to the host ---- */

/* The type alone: audio is not looked at. */
static void rename_event(struct dialect *d, struct parley_view event, struct parley_view type,
                         const char *name)
{
    struct text out = {0};
    size_t before = (size_t)(type.data - event.data), limit = event.len + 64;
    const struct parley_view tail = {type.data + type.len, event.len - before - type.len};

    if (text_append(&out, (struct parley_view){event.data, before}, limit) &&
        text_append(&out, (struct parley_view){name, strlen(name)}, limit) &&
        text_append(&out, tail, limit))
        d->sink.to_host(d->sink.ctx, text_view(&out), 0);
    text_done(&out);
}

static const char *string_of(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value == NULL ? "" : value;
}

static void tell_done(struct dialect *d, const json_t *item, const struct open_item *o)
{
    json_t *tree = json_object();

    json_object_set_new(tree, "type", json_string("conversation.item.done"));
    json_object_set_new(tree, "event_id",
                        json_sprintf("event_done_%llu", (unsigned long long)++d->told));
    json_object_set(tree, "item", (json_t *)(uintptr_t)item);
    json_object_set_new(tree, "previous_item_id",
                        o != NULL && o->has_previous ? json_string(o->previous) : json_null());
    say(d->sink.to_host, d->sink.ctx, tree);
    json_decref(tree);
}

static void copy(char *out, size_t size, const char *value)
{
    size_t len = strlen(value);

    len = len < size ? len : size - 1;
    memcpy(out, value, len);
    out[len] = '\0';
}

/* An answer that begins; its end is told with its output. */
static void remember(struct dialect *d, const json_t *tree, const json_t *item)
{
    struct open_item *o = &d->open[d->next++ % MAX_OPEN];
    const json_t *previous = json_object_get(tree, "previous_item_id");

    copy(o->id, sizeof(o->id), string_of(item, "id"));
    o->has_previous = json_is_string(previous);
    copy(o->previous, sizeof(o->previous), o->has_previous ? json_string_value(previous) : "");
}

static struct open_item *find_open(struct dialect *d, const char *id)
{
    for (size_t i = 0; i < MAX_OPEN; i++) {
        if (id[0] != '\0' && strcmp(d->open[i].id, id) == 0)
            return &d->open[i];
    }
    return NULL;
}

static void created(struct dialect *d, json_t *tree)
{
    json_t *item = json_object_get(tree, "item");
    const char *status = string_of(item, "status");
    struct open_item final;
    const json_t *previous = json_object_get(tree, "previous_item_id");

    json_object_set_new(tree, "type", json_string("conversation.item.added"));
    say(d->sink.to_host, d->sink.ctx, tree);
    if (strcmp(status, "in_progress") == 0) {
        remember(d, tree, item);
        return;
    }
    final.has_previous = json_is_string(previous);
    copy(final.previous, sizeof(final.previous),
         final.has_previous ? json_string_value(previous) : "");
    tell_done(d, item, &final);
}

static void output_done(struct dialect *d, json_t *tree)
{
    const json_t *item = json_object_get(tree, "item");
    struct open_item *o = find_open(d, string_of(item, "id"));

    if (o != NULL) {
        tell_done(d, item, o);
        o->id[0] = '\0';
    }
    say(d->sink.to_host, d->sink.ctx, tree);
}

static bool needs_tree(struct parley_view type)
{
    static const char *const all[] = {"session.created",
                                      "session.updated",
                                      "conversation.item.created",
                                      "conversation.item.retrieved",
                                      "response.created",
                                      "response.done",
                                      "response.output_item.added",
                                      "response.output_item.done"};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (is(type, all[i]))
            return true;
    }
    return false;
}

static void through_tree(struct dialect *d, json_t *tree, struct parley_view type)
{
    const json_t *session = json_object_get(tree, "session");

    voice_live_item_in(json_object_get(tree, "item"));
    if (json_is_object(session))
        json_object_set_new(tree, "session", voice_live_session_in(session));
    if (json_is_object(json_object_get(tree, "response")))
        voice_live_response_in(json_object_get(tree, "response"));
    if (is(type, "conversation.item.created"))
        created(d, tree);
    else if (is(type, "response.output_item.done"))
        output_done(d, tree);
    else
        say(d->sink.to_host, d->sink.ctx, tree);
}

static void from_peer(void *dialect, struct parley_view event, uint32_t flags)
{
    struct dialect *d = dialect;
    struct parley_view type = scan_type(event);
    json_t *tree = needs_tree(type) ? parse(event) : NULL;
    const char *name = voice_live_event_in(type);

    if (json_is_object(tree))
        through_tree(d, tree, type);
    else if (name == NULL)
        d->sink.to_host(d->sink.ctx, event, flags);
    else if (name[0] != '\0')
        rename_event(d, event, type, name);
    json_decref(tree);
}

const struct link_dialect voice_live_dialect = {
    .create = create,
    .destroy = destroy,
    .from_host = from_host,
    .from_peer = from_peer,
};
