/* SPDX-License-Identifier: Apache-2.0 */
#include "host/tool_policy.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "conf/nearest.h"
#include "host/tools.h"

#include <stdlib.h>

#define C struct tool_policy

/* No defaults here: what is not written is looked for elsewhere. tool_policy_of() has them. */
static const struct parley_option policy_options[] = {
    PARLEY_DURATION_MS(C, timeout_ms, .min = 1, .max = 3600000, .example = "5s",
                       .help = "Longest run of a call. Not set: the plugin's limit, then the "
                               "agent's tool_timeout_ms."),
    PARLEY_SIZE(C, max_output_bytes, .min = 256, .max = 16777216, .example = "16k",
                .help = "Longest result; the rest is cut with a note to the model. Not set: the "
                        "agent's max_tool_output_bytes."),
    PARLEY_ENUM(C, on_interrupt, .values = "keep|cancel|detach", .example = "detach",
                .help =
                    "When the user speaks, or the client cancels, during a call: let it run and "
                    "use its result; stop it; or tell the model that it goes on in the "
                    "background. Not set: keep with side effects, else cancel."),
    PARLEY_ENUM(C, on_duplicate, .values = "allow|reject|replace", .example = "reject",
                .help = "When the same call, with the same arguments, still runs: run both; answer "
                        "the new one that the first still runs; or cancel the first. Not set: "
                        "reject with side effects, else allow."),
    PARLEY_BOOL(C, side_effects, .example = "yes",
                .help = "yes: the call changes something and is never started twice. Not set: what "
                        "the tool's hints say; yes unless it is read-only or idempotent."),
    PARLEY_ENUM(C, approval, .values = "never|always", .example = "always",
                .help = "Ask the client before each call. Not set: never."),
    PARLEY_DURATION_MS(C, approval_timeout_ms, .min = 1000, .max = 3600000, .example = "30s",
                       .help = "How long the client has to answer, before the call counts as "
                               "refused. Not set: 1m."),
    PARLEY_STRING(C, filler, .example = "One moment, I am looking that up.",
                  .help = "What the agent says when a call takes longer than filler_after_ms; at "
                          "most once a turn. Not set: nothing."),
    PARLEY_DURATION_MS(C, filler_after_ms, .min = 100, .max = 600000, .example = "2s",
                       .help =
                           "How long a call runs before the filler is spoken. Not set: 1500ms."),
    PARLEY_BOOL(C, check_arguments, .example = "no",
                .help = "Refuse arguments that do not fit the tool's schema, and tell the model "
                        "what would; no is for tools that take more than their schema says. Not "
                        "set: yes."),
};

const struct options_table tool_policy_table = OPTIONS_TABLE(policy_options, C);

/* ---- reading a section ---- */

struct reading {
    const struct conf *conf;
    const struct conf_section *section;
    const char *base; /* "": the instance's own section */
    struct tool_policies *policies;
    struct conf_report *report;
};

/* The words between the base and the last dot of a key; false when it is not of this instance. */
static bool function_of_key(const char *base, const char *key, struct parley_view *ret)
{
    size_t len = strlen(base);
    const char *last = strrchr(key, '.');

    if (len > 0) {
        if (strncmp(key, base, len) != 0 || key[len] != '.')
            return false;
        key += len + 1;
    }
    if (last == NULL || last < key) {
        *ret = VIEW("");
        return true;
    }
    *ret = (struct parley_view){key, (size_t)(last - key)};
    return true;
}

static struct tool_policy_scope *find_scope(const struct tool_policies *p,
                                            struct parley_view function)
{
    for (size_t i = 0; i < p->count; i++) {
        if (view_is(function, p->scopes[i].function))
            return &p->scopes[i];
    }
    return NULL;
}

static int no_memory(const struct reading *r)
{
    conf_report_error(r->report,
                      (struct conf_place){r->section->file, r->section->line, r->section, NULL},
                      "no memory for the policies of its tools");
    return PARLEY_E_NO_MEMORY;
}

static int add_scope(struct reading *r, struct parley_view function, struct tool_policy_scope **ret)
{
    struct tool_policies *p = r->policies;
    struct tool_policy_scope *scopes = realloc(p->scopes, (p->count + 1) * sizeof(*scopes));

    if (scopes == NULL)
        return no_memory(r);
    p->scopes = scopes;
    struct tool_policy_scope *scope = &scopes[p->count];
    *scope = (struct tool_policy_scope){.function = view_dup(function)};
    if (scope->function == NULL)
        return no_memory(r);
    p->count++;
    *ret = scope;
    return PARLEY_OK;
}

static const struct options_setting *filler_of(const struct options_values *values,
                                               struct options_setting *room)
{
    for (size_t i = 0; i < options_count(values); i++) {
        *room = options_setting(values, i);
        const char *dot = strrchr(room->name, '.');
        if (strcmp(dot == NULL ? room->name : dot + 1, "filler") == 0)
            return room;
    }
    return NULL;
}

static int check_filler(const struct reading *r, const struct options_values *values)
{
    struct options_setting room;
    const struct options_setting *s = filler_of(values, &room);

    if (s == NULL || strlen(s->text) <= TOOL_POLICY_MAX_FILLER)
        return PARLEY_OK;
    conf_report_error(r->report, (struct conf_place){s->file, s->line, r->section, s->name},
                      "%zu bytes are more than %d; something short is wanted", strlen(s->text),
                      TOOL_POLICY_MAX_FILLER);
    return PARLEY_E_INVALID;
}

static void note_place(struct tool_policy_scope *scope)
{
    for (size_t i = 0; i < options_count(scope->values); i++) {
        struct options_setting s = options_setting(scope->values, i);
        if (s.origin != OPTIONS_FROM_FILE || (scope->file != NULL && s.line >= scope->line))
            continue;
        scope->file = s.file;
        scope->line = s.line;
    }
}

static int read_scope(struct reading *r, struct parley_view function,
                      const struct options_table *table)
{
    char prefix[CONF_MAX_KEY + 1];
    struct options_table prefixed = *table;
    struct tool_policy_scope *scope = NULL;
    int result = add_scope(r, function, &scope);

    if (result < 0)
        return result;
    (void)snprintf(prefix, sizeof(prefix), "%s%s%.*s", r->base,
                   r->base[0] != '\0' && function.len > 0 ? "." : "", (int)function.len,
                   function.data);
    prefixed.prefix = prefix;
    prefixed.leaves_dotted = true;
    result = options_fill(&prefixed, r->conf, r->section, &scope->values, r->report);
    if (result == PARLEY_OK)
        result = check_filler(r, scope->values);
    if (result == PARLEY_OK)
        note_place(scope);
    return result;
}

static int check_function(const struct reading *r, const struct conf_key *key,
                          struct parley_view function)
{
    if (function.len <= TOOLS_MAX_NAME && memchr(function.data, '.', function.len) == NULL)
        return PARLEY_OK;
    conf_report_error(
        r->report, (struct conf_place){key->values->file, key->values->line, r->section, key->name},
        "\"%.*s\" is no name of a function, which has at most %d letters, digits, _ and -; write "
        "%s%sFUNCTION.KEY",
        (int)function.len, function.data, TOOLS_MAX_NAME, r->base, r->base[0] == '\0' ? "" : ".");
    return PARLEY_E_INVALID;
}

/* Every function that a key names. */
static int read_functions(struct reading *r)
{
    int result = PARLEY_OK;

    for (const struct conf_key *k = r->section->keys; k != NULL; k = k->next) {
        struct parley_view function;
        if (k->values == NULL || !function_of_key(r->base, k->name, &function) ||
            function.len == 0 || find_scope(r->policies, function) != NULL)
            continue;
        int status = check_function(r, k, function);
        if (status == PARLEY_OK)
            status = read_scope(r, function, &tool_policy_table);
        result = status < 0 ? status : result;
    }
    return result;
}

static bool is_plugins_alone(const struct options_table *own, const struct parley_option *policy)
{
    for (uint32_t i = 0; own != NULL && i < own->count; i++) {
        const struct parley_option o = options_at(own, i);
        if (strcmp(o.name, policy->name) == 0)
            return o.type != policy->type;
    }
    return false;
}

/* The keys for all functions. Those that the plugin reads otherwise are left to it. */
static int read_all(struct reading *r, const struct options_table *own)
{
    struct parley_option shared[ARRAY_LEN(policy_options)];
    struct options_table table = tool_policy_table;

    table.items = shared;
    table.count = 0;
    for (size_t i = 0; i < ARRAY_LEN(policy_options); i++) {
        if (!is_plugins_alone(own, &policy_options[i]))
            shared[table.count++] = policy_options[i];
    }
    table.also = own;
    return read_scope(r, VIEW(""), &table);
}

static bool says_something(const struct tool_policies *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->scopes[i].file != NULL)
            return true;
    }
    return false;
}

int tool_policies_read(const struct conf *conf, const struct conf_section *section,
                       const char *instance, const struct options_table *own,
                       struct tool_policies **ret, struct conf_report *report)
{
    struct reading r = {.conf = conf,
                        .section = section,
                        .base = instance == NULL ? "" : instance,
                        .policies = calloc(1, sizeof(*r.policies)),
                        .report = report};

    if (r.policies == NULL)
        return no_memory(&r);
    int all = read_all(&r, own);
    int functions = read_functions(&r);
    if (all == PARLEY_OK && functions == PARLEY_OK && says_something(r.policies))
        *ret = TAKE(r.policies);
    else if (all == PARLEY_OK && functions == PARLEY_OK)
        *ret = NULL;
    tool_policies_destroy(r.policies);
    return all < 0 ? all : functions;
}

struct tool_policies *tool_policies_destroy(struct tool_policies *p)
{
    if (p == NULL)
        return NULL;
    for (size_t i = 0; i < p->count; i++) {
        free(p->scopes[i].function);
        options_destroy(p->scopes[i].values);
    }
    free(p->scopes);
    free(p);
    return NULL;
}

/* ---- what is in force ---- */

/* "now" of instance clock is its function now, or clock_now. */
bool tool_policy_is_function(const char *instance, struct parley_view wanted, const char *name)
{
    size_t len = strlen(instance);

    if (view_is(wanted, name))
        return true;
    return strncmp(name, instance, len) == 0 && name[len] == '_' && view_is(wanted, name + len + 1);
}

/* A struct tool_policy, with a note of what was written somewhere. */
struct resolving {
    struct tool_policy policy;
    bool has_side_effects;
    bool has_interrupt;
    bool has_duplicate;
};

static void take_setting(struct resolving *r, const char *name, const struct tool_policy *from)
{
    for (size_t i = 0; i < ARRAY_LEN(policy_options); i++) {
        const struct parley_option *o = &policy_options[i];
        size_t size = o->type == PARLEY_TYPE_ENUM || o->type == PARLEY_TYPE_BOOL ? sizeof(int32_t)
                                                                                 : sizeof(int64_t);
        if (o->type == PARLEY_TYPE_STRING)
            size = sizeof(char *);
        if (strcmp(o->name, name) != 0)
            continue;
        memcpy((char *)&r->policy + o->offset, (const char *)from + o->offset, size);
        r->has_side_effects = r->has_side_effects || o->offset == offsetof(C, side_effects);
        r->has_interrupt = r->has_interrupt || o->offset == offsetof(C, on_interrupt);
        r->has_duplicate = r->has_duplicate || o->offset == offsetof(C, on_duplicate);
        return;
    }
}

static void overlay(struct resolving *r, const struct tool_policy_scope *scope)
{
    for (size_t i = 0; i < options_count(scope->values); i++) {
        struct options_setting s = options_setting(scope->values, i);
        const char *dot = strrchr(s.name, '.');
        if (s.origin == OPTIONS_FROM_FILE)
            take_setting(r, dot == NULL ? s.name : dot + 1, options_config(scope->values));
    }
}

static void overlay_all(struct resolving *r, const struct tool_policies *p)
{
    if (p != NULL)
        overlay(r, find_scope(p, VIEW("")));
}

/* The short name first, so that the whole one wins. */
static void overlay_function(struct resolving *r, const struct tool_policies *p,
                             const char *instance, const char *function)
{
    for (size_t i = 0; p != NULL && i < p->count; i++) {
        struct parley_view name = view_of(p->scopes[i].function);
        if (name.len > 0 && !view_is(name, function) &&
            tool_policy_is_function(instance, name, function))
            overlay(r, &p->scopes[i]);
    }
    const struct tool_policy_scope *whole = p == NULL ? NULL : find_scope(p, view_of(function));
    if (whole != NULL)
        overlay(r, whole);
}

struct tool_policy tool_policy_of(const struct tool_policies *of_instance,
                                  const struct tool_policies *of_agent, const char *instance,
                                  const char *function, uint32_t flags)
{
    struct resolving r = {.policy = {.approval = TOOL_APPROVAL_NEVER,
                                     .approval_timeout_ms = 60000,
                                     .filler = "",
                                     .filler_after_ms = 1500,
                                     .check_arguments = 1}};

    overlay_all(&r, of_instance);
    overlay_all(&r, of_agent);
    overlay_function(&r, of_instance, instance, function);
    overlay_function(&r, of_agent, instance, function);
    if (!r.has_side_effects)
        r.policy.side_effects = (flags & (PARLEY_TOOL_READ_ONLY | PARLEY_TOOL_IDEMPOTENT)) == 0;
    if (!r.has_interrupt)
        r.policy.on_interrupt = r.policy.side_effects ? TOOL_INTERRUPT_KEEP : TOOL_INTERRUPT_CANCEL;
    if (!r.has_duplicate)
        r.policy.on_duplicate =
            r.policy.side_effects ? TOOL_DUPLICATE_REJECT : TOOL_DUPLICATE_ALLOW;
    return r.policy;
}

/* ---- functions that are not there ---- */

static bool is_listed(const char *instance, const struct tool_policy_scope *scope,
                      const struct tools_function *functions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (tool_policy_is_function(instance, view_of(scope->function), functions[i].name))
            return true;
    }
    return false;
}

static void warn(const char *section, const char *instance, const struct tool_policy_scope *scope,
                 const struct tools_function *functions, size_t count)
{
    struct nearest near = nearest_to(scope->function);
    char hint[TOOLS_MAX_NAME + 32];

    for (size_t i = 0; i < count; i++)
        nearest_offer(&near, functions[i].name);
    log_warn("%s:%d: [%s] %s: [tools %s] has no function of that name%s", scope->file, scope->line,
             section, scope->function, instance, nearest_hint(&near, hint, sizeof(hint)));
}

void tool_policies_warn(struct tool_policies *p, const char *section, const char *instance,
                        const struct tools_function *functions, size_t count)
{
    for (size_t i = 0; p != NULL && count > 0 && i < p->count; i++) {
        struct tool_policy_scope *scope = &p->scopes[i];
        if (scope->function[0] == '\0' || is_listed(instance, scope, functions, count) ||
            atomic_exchange(&scope->is_warned, true))
            continue;
        warn(section, instance, scope, functions, count);
    }
}
