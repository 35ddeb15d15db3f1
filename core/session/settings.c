/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session object in its two views: what the model is asked for (with the agent's tools) and
 * what the client sees (without them, unless the agent shows them). The agent owns it; a client
 * changes what the agent lets it change.
 */
#include "agent/policies.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/state.h"

#include <stdlib.h>

#define MAX_CLIENT_NAMES 1024

static bool may_set(const void *ctx, const char *path)
{
    return agent_client_may_set(ctx, path);
}

static void take_settings(struct session *s, json_t *take)
{
    json_decref(s->settings);
    s->settings = take;
    rt_session_read(s->settings, &s->view);
    settings_note_client_tools(s, json_object_get(take, "tools"));
}

/* ---- the agent's tools ---- */

const struct session_tool *settings_tool(const struct session *s, struct parley_view name)
{
    for (size_t i = 0; i < s->tool_count; i++) {
        if (view_is(name, s->tools[i].name))
            return &s->tools[i];
    }
    return NULL;
}

/* A call may come when the client has replaced the tool that it is of, so names are kept. */
void settings_note_client_tools(struct session *s, const json_t *tools)
{
    static char declared[] = "declared";
    const json_t *tool;
    size_t i;

    json_array_foreach(tools, i, tool)
    {
        struct parley_view name = json_get_view(tool, "name");
        if (name.len > 0 && s->client_tools.count < MAX_CLIENT_NAMES)
            (void)map_set(&s->client_tools, name, declared);
    }
}

/* With names beyond number any may be the client's. */
bool settings_answers(const struct session *s, struct parley_view name)
{
    if (settings_tool(s, name) != NULL)
        return true;
    return s->tool_count > 0 && s->client_tools.count < MAX_CLIENT_NAMES &&
           map_get(&s->client_tools, name) == NULL;
}

struct tool_policy settings_policy(const struct session *s, const struct session_tool *tool)
{
    const struct instance *i = tool->wi->instance;
    const struct tools_function *f = tools_find(tool->wi, view_of(tool->name));

    return tool_policy_of(i->policies, agent_policies_find(s->agent->policies, i->name), i->name,
                          tool->name, f == NULL ? 0 : f->flags);
}

bool settings_hides_calls(const struct session *s)
{
    return s->tool_count > 0 && !s->agent->config->show_tools;
}

bool settings_hides(const struct session *s, const json_t *item)
{
    struct parley_view type = json_get_view(item, "type");

    if (!settings_hides_calls(s))
        return false;
    if (view_is(type, "function_call"))
        return settings_answers(s, json_get_view(item, "name"));
    return view_is(type, "function_call_output") &&
           tools_is_server_call(s, json_get_view(item, "call_id"));
}

static bool add_tool(struct session *s, struct worker_instance *wi, const struct tools_function *f)
{
    if (settings_tool(s, view_of(f->name)) != NULL) {
        log_warn(
            "two tools have the same name; the first one is used tool=%s agent=%s other=\"%s\"",
            f->name, s->agent->name, wi->instance->title);
        return true;
    }
    if (s->tool_count == RT_MAX_TOOLS) {
        log_warn("too many tools; the rest is left out agent=%s most=%d", s->agent->name,
                 RT_MAX_TOOLS);
        return true;
    }
    struct session_tool *tools = realloc(s->tools, (s->tool_count + 1) * sizeof(*tools));
    if (tools == NULL)
        return false;
    s->tools = tools;
    char *name = strdup(f->name);
    json_t *json = tools_function_json(f, true);
    if (name == NULL || json == NULL || json_array_append_new(s->server_tools, json) != 0) {
        free(name);
        return false;
    }
    s->tools[s->tool_count++] = (struct session_tool){.name = name, .wi = wi};
    return true;
}

static bool add_all(struct session *s, struct worker_instance *wi)
{
    size_t count;
    const struct tools_function *f = tools_functions(wi, &count);

    for (size_t i = 0; i < count; i++) {
        if (!add_tool(s, wi, &f[i]))
            return false;
    }
    return true;
}

/* One entry of the agent's list: an instance, or one function of it. */
static bool add_tools_of(struct session *s, const char *entry)
{
    char instance[64];
    char section[80];
    struct parley_view function = view_of(entry);
    struct parley_view head;

    bool is_one = view_split(&function, '.', &head);
    view_copy(instance, sizeof(instance), head);
    struct worker_instance *wi = worker_generation_tools(s->wg, instance);
    if (wi == NULL) {
        log_warn("tools are not available agent=%s tools=%s", s->agent->name, entry);
        return true;
    }
    size_t count;
    const struct tools_function *all = tools_functions(wi, &count);
    (void)snprintf(section, sizeof(section), "agent %s", s->agent->name);
    tool_policies_warn(agent_policies_find(s->agent->policies, instance), section, instance, all,
                       count);
    const struct tools_function *one = is_one ? tools_resolve(wi, function) : NULL;
    if (one == NULL && (is_one || count == 0)) {
        log_warn("no such tool now agent=%s tool=%s", s->agent->name, entry);
        return true;
    }
    return is_one ? add_tool(s, wi, one) : add_all(s, wi);
}

static void drop_tools(struct session *s)
{
    for (size_t i = 0; i < s->tool_count; i++)
        free(s->tools[i].name);
    free(s->tools);
    json_decref(s->server_tools);
    s->tools = NULL;
    s->tool_count = 0;
    s->server_tools = NULL;
}

int settings_collect_tools(struct session *s)
{
    const struct parley_list *list = &s->agent->config->tools;

    drop_tools(s);
    s->server_tools = json_array();
    if (s->server_tools == NULL)
        return PARLEY_E_NO_MEMORY;
    for (size_t i = 0; i < list->count; i++) {
        if (!add_tools_of(s, list->items[i]))
            return PARLEY_E_NO_MEMORY;
    }
    return PARLEY_OK;
}

/* ---- beginning ---- */

/* Merge an update into *session. */
static int apply(json_t **session, const json_t *update, const struct rt_session_rules *rules,
                 struct rt_error *fault)
{
    json_t *merged = NULL;

    int r = rt_session_update(*session, update, rules, &merged, NULL, fault);
    if (r == PARLEY_OK) {
        json_decref(*session);
        *session = merged;
    }
    return r;
}

int session_effective(const struct agent *a, const json_t *preset, json_t **ret,
                      struct rt_error *fault)
{
    const struct rt_session_rules agent_rules = {0};
    const struct rt_session_rules client_rules = {.may_set = may_set, .ctx = a};
    _cleanup_json_ json_t *wanted = agent_session_object(a, NULL);
    _cleanup_json_ json_t *session = rt_session_new(a->name, 0);

    if (wanted == NULL || session == NULL) {
        (void)rt_error_set(fault, RT_ERROR_SERVER, NULL, "no memory for a session");
        return PARLEY_E_NO_MEMORY;
    }
    int r = apply(&session, wanted, &agent_rules, fault);
    if (r == PARLEY_OK && preset != NULL)
        r = apply(&session, preset, &client_rules, fault);
    if (r == PARLEY_OK)
        *ret = TAKE(session);
    return r;
}

int settings_init(struct session *s, const json_t *preset, struct parley_error *err)
{
    struct rt_error fault;
    json_t *session = NULL;

    if (session_effective(s->agent, preset, &session, &fault) < 0)
        return parley_fail(err, PARLEY_E_INVALID, "agent %s: %s: %.300s", s->agent->name,
                           fault.param, fault.message);
    take_settings(s, session);
    view_copy(s->id, sizeof(s->id), json_get_view(session, "id"));
    if (settings_collect_tools(s) < 0)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for the tools of a session");
    return PARLEY_OK;
}

void settings_restore(struct session *s, json_t *take_session)
{
    take_settings(s, take_session);
}

void settings_done(struct session *s)
{
    drop_tools(s);
    map_done(&s->client_tools);
    json_decref(s->settings);
}

/* ---- the views ---- */

/* Hints only for models that know them. */
json_t *settings_tools_with(const struct session *s, json_t *client_tools)
{
    bool hints = (s->caps.flags & PARLEY_CAP_TOOL_HINTS) != 0;
    json_t *all = json_array();
    size_t i;
    json_t *tool;

    json_array_foreach(s->server_tools, i, tool)
    {
        json_t *copy = json_copy(tool);
        if (!hints)
            (void)json_object_del(copy, "annotations");
        json_array_append_new(all, copy);
    }
    json_array_extend(all, client_tools);
    return all;
}

static json_t *tools_for_model(const struct session *s)
{
    return settings_tools_with(s, json_object_get(s->settings, "tools"));
}

json_t *settings_for_model(const struct session *s)
{
    static const char *const not_ours[] = {"id", "object", "expires_at", "model"};
    json_t *copy = json_copy(s->settings);

    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(not_ours); i++)
        (void)json_object_del(copy, not_ours[i]);
    json_object_set_new(copy, "tools", tools_for_model(s));
    return copy;
}

json_t *settings_for_client(const struct session *s)
{
    json_t *copy = json_copy(s->settings);

    if (copy != NULL && s->agent->config->show_tools)
        json_object_set_new(copy, "tools", tools_for_model(s));
    return copy;
}

/* ---- changes ---- */

const char *settings_taken_name(const struct session *s, const json_t *tools)
{
    size_t i;
    json_t *tool;

    json_array_foreach(tools, i, tool)
    {
        const struct session_tool *t = settings_tool(s, json_get_view(tool, "name"));
        if (t != NULL)
            return t->name;
    }
    return NULL;
}

static void send_update(struct session *s, json_t *accepted, json_t *take_before,
                        struct parley_view raw_event_id)
{
    struct pending *p =
        pending_add(&s->pending, PENDING_CLIENT_UPDATE, raw_event_id, json_copy(accepted));

    p->before = take_before;
    if (json_object_get(accepted, "tools") != NULL)
        json_object_set_new(accepted, "tools", tools_for_model(s));
    (void)json_object_del(accepted, "model"); /* the agent's name, unknown to the model */
    rt_encode_session_update(&s->out, view_of(p->id), accepted);
    tell_out(s);
}

/* False after an error was said. */
static bool take_update(struct session *s, const json_t *update, struct parley_view raw_event_id)
{
    const struct rt_session_rules rules = {
        .may_set = may_set, .ctx = s->agent, .voice_is_fixed = s->has_spoken};
    struct rt_error fault;
    json_t *merged = NULL;
    _cleanup_json_ json_t *accepted = NULL;

    const char *taken = settings_taken_name(s, json_object_get(update, "tools"));
    if (taken != NULL && agent_client_may_set(s->agent, "tools")) {
        say_fault(s, RT_ERROR_INVALID_VALUE, "session.tools", raw_event_id,
                  "Tool '%s' is one of the agent's own; give yours another name.", taken);
        return false;
    }
    if (rt_session_update(s->settings, update, &rules, &merged, &accepted, &fault) < 0) {
        say_error(s, &fault, raw_event_id);
        return false;
    }
    json_t *before = json_incref(s->settings);
    take_settings(s, merged);
    send_update(s, accepted, before, raw_event_id);
    return true;
}

void settings_client_update(struct session *s, const json_t *update,
                            struct parley_view raw_event_id)
{
    _cleanup_json_ json_t *rest = NULL;
    _cleanup_json_ json_t *tokens = NULL;

    if (!tokens_split(s, update, raw_event_id, &rest, &tokens))
        return;
    if (take_update(s, rest != NULL ? rest : update, raw_event_id))
        tokens_keep(s, tokens);
}

void settings_refused(struct session *s, const struct pending *p)
{
    const struct rt_session_rules all = {0}; /* they were held against the agent's when they came */
    struct rt_error fault;
    json_t *session = json_incref(p->before);

    for (struct pending *later = pending_after(&s->pending, PENDING_CLIENT_UPDATE, p->number);
         later != NULL; later = pending_after(&s->pending, PENDING_CLIENT_UPDATE, later->number)) {
        json_decref(later->before);
        later->before = json_incref(session);
        if (apply(&session, later->tree, &all, &fault) < 0)
            log_warn("an update cannot follow the one that was refused session=%s reason=\"%s\"",
                     s->id, fault.message);
    }
    if (session != NULL)
        take_settings(s, session);
}

/* What the model made of it is what counts, but names, instructions and tools are the agent's. */
static void adopt_echo(struct session *s, json_t *echo)
{
    static const char *const from_model[] = {"audio", "output_modalities", "max_output_tokens",
                                             "truncation", "reasoning"};
    json_t *copy = json_deep_copy(s->settings);

    if (copy == NULL)
        return;
    for (size_t i = 0; i < ARRAY_LEN(from_model); i++) {
        json_t *theirs = json_object_get(echo, from_model[i]);
        json_t *ours = json_object_get(copy, from_model[i]);
        if (theirs == NULL)
            continue;
        if (json_is_object(ours) && json_is_object(theirs))
            json_object_update_recursive(ours, theirs);
        else
            json_object_set(copy, from_model[i], theirs);
    }
    take_settings(s, copy);
}

void settings_model_updated(struct session *s, struct parley_view event)
{
    _cleanup_json_ json_t *tree = json_parse(event, NULL);
    struct pending *agent = pending_oldest(&s->pending, PENDING_AGENT_UPDATE);

    pending_remove(agent != NULL ? agent : pending_oldest(&s->pending, PENDING_CLIENT_UPDATE));
    /* With another update under way this echo is of the past already. */
    if (json_is_object(json_object_get(tree, "session")) &&
        pending_oldest(&s->pending, PENDING_CLIENT_UPDATE) == NULL)
        adopt_echo(s, json_object_get(tree, "session"));
    if (agent != NULL)
        return; /* the client did not ask: nothing to answer */
    _cleanup_json_ json_t *view = settings_for_client(s);
    rt_encode_session(&s->out, RT_SESSION_UPDATED, view);
    say_out(s);
}
