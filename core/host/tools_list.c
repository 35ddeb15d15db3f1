/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of a tools instance: fetched, checked, kept until the plugin says they changed. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "base/utf8.h"
#include "host/tools.h"
#include "host/tools_share.h"

#include <stdlib.h>
#include <string.h>

#define LIST_AGAIN_MS 1000 /* for a list that says it has changed whenever it is asked for */

struct tools_state {
    struct tools_function *functions;
    size_t count;
    struct map by_name;
    uint64_t version;
    int64_t listed_ms;
    int64_t fresh_ms; /* 0: until it changes */
    int64_t wait_ms;  /* from listed_ms, for a better list; 0: this is the list */
    struct list waiters;
    unsigned answers;            /* how often the plugin was asked and said something */
    struct parley_error failure; /* of the last time; its message is "" when it went well */
    struct loop_timer refresh;
    bool is_listing; /* list() runs */
};

/* ---- one function ---- */

static void function_done(struct tools_function *f)
{
    free(f->name);
    free(f->description);
    json_decref(f->parameters);
    json_decref(f->output_schema);
    (void)json_schema_unref(f->input_check);
    (void)json_schema_unref(f->output_check);
}

static bool is_name(const char *name)
{
    size_t len = strnlen(name, TOOLS_MAX_NAME + 1);

    return len > 0 && len <= TOOLS_MAX_NAME &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == len;
}

static json_t *parse_schema(const char *text, const char *what, struct parley_error *err)
{
    struct parley_error parse = PARLEY_ERROR_INIT;
    size_t len = strnlen(text, TOOLS_MAX_SCHEMA + 1);

    if (len > TOOLS_MAX_SCHEMA) {
        (void)parley_fail(err, PARLEY_E_TOO_LARGE, "its %s is longer than %d bytes", what,
                          TOOLS_MAX_SCHEMA);
        return NULL;
    }
    json_t *schema = json_parse((struct parley_view){text, len}, &parse);
    if (schema == NULL)
        (void)parley_fail(err, PARLEY_E_INVALID, "its %s is %s", what, parse.message);
    return schema;
}

/* A schema of an object, with every keyword that it has; none is one without properties. */
static json_t *read_parameters(const char *text, struct parley_error *err)
{
    if (text == NULL || text[0] == '\0')
        return json_pack("{s:s, s:{}}", "type", "object", "properties");
    json_t *schema = parse_schema(text, "schema", err);
    if (schema == NULL)
        return NULL;
    if (json_is_object(schema) && strcmp(json_get_str(schema, "type", "object"), "object") == 0)
        return schema;
    json_decref(schema);
    (void)parley_fail(err, PARLEY_E_INVALID, "its schema does not describe an object");
    return NULL;
}

static int read_output_schema(const char *text, json_t **ret, struct parley_error *err)
{
    if (text == NULL || text[0] == '\0')
        return PARLEY_OK;
    json_t *schema = parse_schema(text, "output schema", err);
    if (schema == NULL)
        return PARLEY_E_INVALID;
    if (!json_is_object(schema) && !json_is_boolean(schema)) {
        json_decref(schema);
        return parley_fail(err, PARLEY_E_INVALID, "its output schema is no schema");
    }
    *ret = schema;
    return PARLEY_OK;
}

static int check_words(const struct parley_tool *tool, struct parley_error *err)
{
    if (tool->name == NULL || !is_name(tool->name))
        return parley_fail(err, PARLEY_E_INVALID,
                           "its name \"%.70s\" is not 1 to %d letters, digits, _ and -",
                           tool->name == NULL ? "" : tool->name, TOOLS_MAX_NAME);
    if (tool->description == NULL)
        return PARLEY_OK;
    size_t len = strnlen(tool->description, TOOLS_MAX_DESCRIPTION + 1);
    if (len > TOOLS_MAX_DESCRIPTION)
        return parley_fail(err, PARLEY_E_TOO_LARGE, "its description is longer than %d bytes",
                           TOOLS_MAX_DESCRIPTION);
    if (!utf8_valid(tool->description, len))
        return parley_fail(err, PARLEY_E_INVALID, "its description is not UTF-8");
    return PARLEY_OK;
}

static int fill_function(const struct parley_tool *tool, struct tools_function *f,
                         struct parley_error *err)
{
    f->parameters = read_parameters(tool->parameters, err);
    if (f->parameters == NULL)
        return PARLEY_E_INVALID;
    int r = read_output_schema(tool->output_schema, &f->output_schema, err);
    if (r < 0)
        return r;
    f->name = strdup(tool->name);
    f->description = strdup(tool->description == NULL ? "" : tool->description);
    f->input_check = json_schema_create(f->parameters);
    if (f->output_schema != NULL)
        f->output_check = json_schema_create(f->output_schema);
    bool is_whole = f->name != NULL && f->description != NULL && f->input_check != NULL &&
                    (f->output_schema == NULL || f->output_check != NULL);
    return is_whole ? PARLEY_OK : parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
}

static int read_function(const struct parley_tool *tool, struct tools_function *ret,
                         struct parley_error *err)
{
    int r = check_words(tool, err);

    if (r < 0)
        return r;
    struct tools_function f = {.flags = tool->flags,
                               .timeout_ms = tool->timeout_ms < 0 ? 0 : tool->timeout_ms,
                               .max_timeout_ms = tool->max_timeout_ms};
    r = fill_function(tool, &f, err);
    if (r < 0)
        function_done(&f);
    else
        *ret = f;
    return r;
}

/* ---- the list ---- */

static void list_done(struct tools_state *state)
{
    for (size_t i = 0; i < state->count; i++)
        function_done(&state->functions[i]);
    free(state->functions);
    map_done(&state->by_name);
    state->functions = NULL;
    state->count = 0;
}

static void refuse(const struct worker_instance *wi, size_t place, const struct parley_error *err)
{
    log_warn("a function was left out: %s instance=\"%s\" place=%zu", err->message,
             wi->instance->title, place + 1);
}

/* A function that is wrong is left out; the others are still good. */
static void add_function(struct worker_instance *wi, struct tools_state *fresh,
                         const struct parley_tool *tool, size_t place)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct tools_function *f = &fresh->functions[fresh->count];

    if (read_function(tool, f, &err) < 0) {
        refuse(wi, place, &err);
        return;
    }
    if (map_get(&fresh->by_name, view_of(f->name)) != NULL) {
        (void)parley_fail(&err, PARLEY_E_CONFLICT, "its name %s is in the list twice", f->name);
        refuse(wi, place, &err);
    } else if (map_set(&fresh->by_name, view_of(f->name), f)) {
        fresh->count++;
        return;
    }
    function_done(f);
}

/* As many as a list may have; who lists more has its first ones. */
static void read_items(struct worker_instance *wi, const struct parley_tool_list *list,
                       struct tools_state *fresh)
{
    if (list->count > TOOLS_MAX_FUNCTIONS)
        log_warn("functions were left out: the plugin lists %zu, at most %d are taken "
                 "instance=\"%s\"",
                 list->count, TOOLS_MAX_FUNCTIONS, wi->instance->title);
    for (size_t i = 0; i < list->count && i < TOOLS_MAX_FUNCTIONS; i++) {
        struct parley_tool tool = {0};
        size_t size = list->item_size < sizeof(tool) ? list->item_size : sizeof(tool);
        memcpy(&tool, (const char *)list->items + i * list->item_size, size);
        add_function(wi, fresh, &tool, i);
    }
}

static int check_list(const struct parley_tool_list *list, struct parley_error *err)
{
    const size_t least = SIZE_THROUGH(struct parley_tool, timeout_ms); /* of interface 1.0 */

    if (list->count > 0 && list->items == NULL)
        return parley_fail(err, PARLEY_E_INTERNAL, "list: items is NULL but count is %zu",
                           list->count);
    if (list->count > 0 && list->item_size < least)
        return parley_fail(err, PARLEY_E_INTERNAL,
                           "list: item_size %u is not sizeof(struct parley_tool), which is %zu",
                           list->item_size, sizeof(struct parley_tool));
    return PARLEY_OK;
}

static int ask_list(struct worker_instance *wi, struct parley_tool_list *ret,
                    struct parley_error *err)
{
    *ret = (struct parley_tool_list){.size = sizeof(*ret)};
    struct watch watch = watch_instance(wi, "list");
    int r = wi->tools_table->list(wi->ctx, ret, err);
    watch_end(&watch);
    return r < 0 ? r : check_list(ret, err);
}

/* On failure the list stays as it was. err may say what is wrong with a good one. */
static int refresh(struct worker_instance *wi, struct parley_error *err)
{
    struct tools_state *state = wi->tools;
    struct parley_tool_list list;
    struct tools_state fresh = {0};

    int r = ask_list(wi, &list, err);
    if (r < 0)
        return r;
    fresh.functions =
        calloc(TOOLS_MAX_FUNCTIONS < list.count ? TOOLS_MAX_FUNCTIONS : list.count + 1,
               sizeof(*fresh.functions));
    if (fresh.functions == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for %zu functions", list.count);
    read_items(wi, &list, &fresh);
    list_done(state);
    state->functions = fresh.functions;
    state->count = fresh.count;
    state->by_name = fresh.by_name;
    state->version++;
    state->listed_ms = clock_now_ms();
    state->fresh_ms = list.fresh_ms;
    state->wait_ms = list.wait_ms;
    if (!tools_share_is_guest(wi)) /* once is enough */
        tool_policies_warn(wi->instance->policies, wi->instance->title, wi->instance->name,
                           state->functions, state->count);
    tools_share_publish(wi, list.wait_ms, list.fresh_ms);
    if (list.trouble != NULL)
        (void)parley_fail(err, PARLEY_E_UNAVAILABLE, "%s", list.trouble);
    return PARLEY_OK;
}

static void refresh_or_warn(struct worker_instance *wi)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    wi->tools->is_listing = true;
    int r = refresh(wi, &err);
    wi->tools->is_listing = false;
    wi->tools->answers++;
    wi->tools->failure = err;
    if (r < 0)
        log_warn("the functions could not be listed: %s instance=\"%s\"", err.message,
                 wi->instance->title);
}

/* Each is told once; who still wants to wait comes again, and is not told in this round. */
static void tell_waiters(struct tools_state *state)
{
    struct list told;

    list_init(&told);
    while (!list_empty(&state->waiters)) {
        struct list *first = state->waiters.next;
        list_remove(first);
        list_append(&told, first);
    }
    while (!list_empty(&told)) {
        struct tools_waiter *waiter = list_entry(told.next, struct tools_waiter, entry);
        list_remove(&waiter->entry);
        waiter->on_list(waiter->ctx);
    }
}

static void on_refresh(void *ctx)
{
    struct worker_instance *wi = ctx;

    refresh_or_warn(wi);
    tell_waiters(wi->tools);
}

void tools_list_changed(struct parley_worker *worker, void *worker_instance)
{
    struct list *at;

    list_for_each(at, &worker->instances)
    {
        struct worker_instance *wi = list_entry(at, struct worker_instance, entry);
        if (wi->ctx != worker_instance || wi->tools == NULL)
            continue;
        if (wi->tools->is_listing)
            host_worker_fault(worker,
                              "changed() was called from list(), which is asked again, and so "
                              "without end instance=\"%s\"",
                              wi->instance->title);
        loop_timer_start(worker->loop, &wi->tools->refresh,
                         wi->tools->is_listing ? LIST_AGAIN_MS : 0, on_refresh, wi);
    }
}

/* A list that cannot be had yet is no reason not to start: a peer may come later. */
int tools_attach(struct worker_instance *wi, struct parley_error *err)
{
    wi->tools = calloc(1, sizeof(*wi->tools));
    if (wi->tools == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", wi->instance->title);
    list_init(&wi->tools->waiters);
    struct watch watch = watch_instance(wi, "attach");
    wi->tools_table->attach(wi->ctx, &tools_host);
    watch_end(&watch);
    refresh_or_warn(wi);
    return PARLEY_OK;
}

void tools_detach(struct worker_instance *wi)
{
    if (wi->tools == NULL)
        return;
    loop_timer_stop(&wi->tools->refresh);
    wi->tools->wait_ms = 0;
    tell_waiters(wi->tools);
    list_done(wi->tools);
    free(wi->tools);
    wi->tools = NULL;
}

/* ---- for the core ---- */

const struct tools_function *tools_functions(struct worker_instance *wi, size_t *ret_count)
{
    *ret_count = wi->tools->count;
    return wi->tools->functions;
}

const struct tools_function *tools_find(struct worker_instance *wi, struct parley_view name)
{
    return map_get(&wi->tools->by_name, name);
}

int64_t tools_prepare(struct worker_instance *wi)
{
    struct tools_state *state = wi->tools;
    int64_t age = clock_now_ms() - state->listed_ms;

    if (state->fresh_ms > 0 && age >= state->fresh_ms && !wi->is_stopping) {
        refresh_or_warn(wi);
        age = 0;
    }
    return state->wait_ms > age ? state->wait_ms - age : 0;
}

void tools_wait(struct worker_instance *wi, struct tools_waiter *waiter)
{
    list_append(&wi->tools->waiters, &waiter->entry);
}

void tools_unwait(struct tools_waiter *waiter)
{
    list_remove(&waiter->entry);
}

/* "read" of the instance files is files_read. */
static const struct tools_function *find_prefixed(struct worker_instance *wi,
                                                  struct parley_view name)
{
    char full[TOOLS_MAX_NAME + 1];
    int len = snprintf(full, sizeof(full), "%s_%.*s", wi->instance->name, (int)name.len, name.data);

    return len < 0 || (size_t)len >= sizeof(full) ? NULL : tools_find(wi, view_of(full));
}

const struct tools_function *tools_resolve(struct worker_instance *wi, struct parley_view name)
{
    const struct tools_function *f = tools_find(wi, name);

    return f != NULL || name.len > TOOLS_MAX_NAME ? f : find_prefixed(wi, name);
}

/* One that has to ask its peer says how long that may take, or has nothing until it has. */
bool tools_are_settled(const struct worker_instance *wi)
{
    const struct tools_state *state = wi->tools;

    if (state->failure.message[0] != '\0')
        return true;
    return state->wait_ms == 0 && (state->count > 0 || state->answers > 1);
}

const char *tools_list_failure(const struct worker_instance *wi)
{
    return wi->tools->failure.message;
}

uint64_t tools_version(const struct worker_instance *wi)
{
    return wi->tools->version;
}

json_t *tools_hints_json(uint32_t flags)
{
    return json_pack("{s:b, s:b, s:b, s:b}", "readOnlyHint", (flags & PARLEY_TOOL_READ_ONLY) != 0,
                     "destructiveHint", (flags & PARLEY_TOOL_DESTRUCTIVE) != 0, "idempotentHint",
                     (flags & PARLEY_TOOL_IDEMPOTENT) != 0, "openWorldHint",
                     (flags & PARLEY_TOOL_OPEN_WORLD) != 0);
}

/* Models want to hear that it is an object, which the schema need not say. */
static json_t *with_type(json_t *schema)
{
    if (json_object_get(schema, "type") != NULL)
        return json_incref(schema);
    json_t *typed = json_pack("{s:s}", "type", "object");
    if (json_object_update(typed, schema) != 0)
        json_decref(TAKE(typed));
    return typed;
}

json_t *tools_function_json(const struct tools_function *f, bool with_hints)
{
    json_t *tool = json_pack("{s:s, s:s, s:s, s:o}", "type", "function", "name", f->name,
                             "description", f->description, "parameters", with_type(f->parameters));

    if (tool != NULL && with_hints &&
        json_object_set_new(tool, "annotations", tools_hints_json(f->flags)))
        json_decref(TAKE(tool));
    return tool;
}
