/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include "value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_REPLY "Hello from the script."

/* Where in the file something stands, for messages. */
struct place {
    const char *path;
    char where[128];
};

/* --- Capabilities ----------------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint32_t flag;
} cap_names[] = {
    {"truncate", PARLEY_CAP_TRUNCATE},
    {"cancel", PARLEY_CAP_CANCEL},
    {"server_vad", PARLEY_CAP_SERVER_VAD},
    {"semantic_vad", PARLEY_CAP_SEMANTIC_VAD},
    {"images", PARLEY_CAP_IMAGES},
    {"tools", PARLEY_CAP_TOOLS},
    {"transcription", PARLEY_CAP_TRANSCRIPTION},
    {"text_output", PARLEY_CAP_TEXT_OUTPUT},
    {"audio_output", PARLEY_CAP_AUDIO_OUTPUT},
    {"audio_input", PARLEY_CAP_AUDIO_INPUT},
    {"out_of_band", PARLEY_CAP_OUT_OF_BAND},
    {"item_retrieve", PARLEY_CAP_ITEM_RETRIEVE},
    {"passthrough", PARLEY_CAP_PASSTHROUGH},
};
#define CAP_COUNT (sizeof(cap_names) / sizeof(cap_names[0]))

static void read_caps(const json_t *tree, struct parley_model_caps *caps)
{
    uint32_t formats = PARLEY_AUDIO_PCM_24K;

    if (value_bool(tree, "g711", true))
        formats |= PARLEY_AUDIO_PCMU | PARLEY_AUDIO_PCMA;
    caps->flags = 0;
    for (size_t i = 0; i < CAP_COUNT; i++) {
        if (value_bool(tree, cap_names[i].name, true))
            caps->flags |= cap_names[i].flag;
    }
    caps->input_formats = formats;
    caps->output_formats = formats;
    caps->session_limit_ms = value_int(tree, "session_limit_ms", 0);
    caps->max_event_bytes = value_int(tree, "max_event_bytes", 0);
    caps->max_id_chars = (uint32_t)value_int(tree, "max_id_chars", 0);
}

/* --- Checking --------------------------------------------------------------------------------- */

static const char *const top_names[] = {"about", "reply", "defaults", "session",
                                        "open",  "caps",  "rules",    NULL};
static const char *const open_names[] = {"delay_ms", "refuse", "times", "silence", NULL};
static const char *const caps_names[] = {
    "truncate",    "cancel",        "server_vad",  "semantic_vad",     "images",
    "tools",       "transcription", "text_output", "audio_output",     "audio_input",
    "out_of_band", "item_retrieve", "passthrough", "session_limit_ms", "max_event_bytes",
    "g711",        "max_id_chars",  NULL};
static const char *const rule_names[] = {"about", "on",       "match", "times",
                                         "skip",  "audio_ms", "do",    NULL};
/* The first known name of a step says what it does; the others are its settings. */
static const char *const step_names[] = {
    "send",      "raw",    "oversized", "delay_ms", "text",    "speak",   "call",    "respond",
    "user_turn", "cancel", "error",     "close",    "busy_ms", "default", "silence", NULL};

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(name, *names) == 0)
            return true;
    }
    return false;
}

static int fail_names(const struct place *p, const char *name, const char *const *names,
                      struct parley_error *err)
{
    char known[300] = "";
    size_t len = 0;

    for (; *names != NULL && len < sizeof(known); names++)
        len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", len == 0 ? "" : ", ",
                                *names);
    return parley_fail(err, PARLEY_E_INVALID, "%s: %s: unknown \"%s\"; known are %s", p->path,
                       p->where, name, known);
}

static int check_names(const struct place *p, const json_t *object, const char *const *names,
                       struct parley_error *err)
{
    const char *name;
    json_t *value;

    if (!json_is_object(object))
        return parley_fail(err, PARLEY_E_INVALID, "%s: %s is no object", p->path, p->where);
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (!is_one_of(name, names))
            return fail_names(p, name, names, err);
    }
    return PARLEY_OK;
}

static int check_step(const struct place *p, const json_t *step, struct parley_error *err)
{
    const char *name;
    json_t *value;

    if (!json_is_object(step))
        return parley_fail(err, PARLEY_E_INVALID, "%s: %s is no object", p->path, p->where);
    json_object_foreach((json_t *)(uintptr_t)step, name, value)
    {
        if (is_one_of(name, step_names))
            return PARLEY_OK;
    }
    return fail_names(p, json_object_iter_key(json_object_iter((json_t *)(uintptr_t)step)),
                      step_names, err);
}

static int check_steps(struct place *p, size_t rule, const json_t *steps, struct parley_error *err)
{
    size_t i;
    json_t *step;

    if (!json_is_array(steps))
        return parley_fail(err, PARLEY_E_INVALID, "%s: rules[%zu].do is no array of steps", p->path,
                           rule);
    json_array_foreach(steps, i, step)
    {
        (void)snprintf(p->where, sizeof(p->where), "rules[%zu].do[%zu]", rule, i);
        int r = check_step(p, step, err);
        if (r < 0)
            return r;
    }
    return PARLEY_OK;
}

static int read_rule(struct place *p, size_t index, const json_t *tree, struct rule *ret,
                     struct parley_error *err)
{
    (void)snprintf(p->where, sizeof(p->where), "rules[%zu]", index);
    int r = check_names(p, tree, rule_names, err);
    if (r < 0)
        return r;
    *ret = (struct rule){
        .on = value_str(tree, "on", ""),
        .match = json_object_get(tree, "match"),
        .steps = json_object_get(tree, "do"),
        .times = value_int(tree, "times", 0),
        .skip = value_int(tree, "skip", 0),
        .audio_ms = value_int(tree, "audio_ms", -1),
    };
    if (ret->on[0] == '\0')
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s: rules[%zu] has no \"on\"; name a client event, such as "
                           "\"response.create\"",
                           p->path, index);
    return check_steps(p, index, ret->steps, err);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static int read_rules(struct place *p, struct script *s, struct parley_error *err)
{
    const json_t *rules = json_object_get(s->tree, "rules");
    size_t i;
    json_t *rule;

    if (rules != NULL && !json_is_array(rules))
        return parley_fail(err, PARLEY_E_INVALID, "%s: rules is no array", p->path);
    s->rule_count = json_array_size(rules);
    s->rules = calloc(s->rule_count + 1, sizeof(s->rules[0]));
    if (s->rules == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory for its rules", p->path);
    json_array_foreach(rules, i, rule)
    {
        int r = read_rule(p, i, rule, &s->rules[i], err);
        if (r < 0)
            return r;
    }
    return PARLEY_OK;
}

static int read_open(struct place *p, struct script *s, struct parley_error *err)
{
    const json_t *open = json_object_get(s->tree, "open");

    (void)snprintf(p->where, sizeof(p->where), "open");
    int r = open == NULL ? PARLEY_OK : check_names(p, open, open_names, err);
    s->refuse = json_object_get(open, "refuse");
    s->refuse_times = value_int(open, "times", 0);
    s->open_delay_ms = value_int(open, "delay_ms", 0);
    s->is_silent = value_bool(open, "silence", false);
    return r;
}

/* How the real service ends a session that has had its time; part of the tree, which owns it. */
static int add_expiry(struct script *s, struct parley_error *err)
{
    json_t *close =
        json_pack("{s:i, s:s, s:s, s:s, s:s}", "code", 1001, "status", "unavailable", "error_code",
                  "session_expired", "error_type", "invalid_request_error", "message",
                  "The session has reached its limit.");

    if (s->caps.session_limit_ms <= 0) {
        json_decref(close);
        return PARLEY_OK;
    }
    if (json_object_set_new(s->tree, "expiry", close) != 0)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a script");
    s->expiry = close;
    return PARLEY_OK;
}

static int read_tree(struct place *p, struct script *s, struct parley_error *err)
{
    const json_t *caps = json_object_get(s->tree, "caps");

    (void)snprintf(p->where, sizeof(p->where), "the script");
    int r = check_names(p, s->tree, top_names, err);
    if (r < 0)
        return r;
    (void)snprintf(p->where, sizeof(p->where), "caps");
    r = caps == NULL ? PARLEY_OK : check_names(p, caps, caps_names, err);
    if (r < 0)
        return r;
    s->reply = value_str(s->tree, "reply", DEFAULT_REPLY);
    s->has_defaults = value_bool(s->tree, "defaults", true);
    s->session = json_object_get(s->tree, "session");
    read_caps(caps, &s->caps);
    r = add_expiry(s, err);
    if (r < 0)
        return r;
    r = read_open(p, s, err);
    return r < 0 ? r : read_rules(p, s, err);
}

static json_t *read_file(const char *path, struct parley_error *err)
{
    json_error_t fault;

    if (path[0] == '\0')
        return json_object();
    json_t *tree = json_load_file(path, JSON_REJECT_DUPLICATES, &fault);
    if (tree == NULL)
        (void)parley_fail(err, PARLEY_E_INVALID, "%s:%d:%d: %s", path,
                          fault.line < 0 ? 1 : fault.line, fault.column < 0 ? 1 : fault.column,
                          fault.text);
    return tree;
}

int script_load(const char *path, struct script *ret_script, struct parley_error *err)
{
    struct place p = {.path = path};
    struct script s = {0};

    s.tree = read_file(path, err);
    if (s.tree == NULL)
        return PARLEY_E_INVALID;
    int r = read_tree(&p, &s, err);
    if (r < 0) {
        script_done(&s);
        return r;
    }
    *ret_script = s;
    return PARLEY_OK;
}

void script_done(struct script *script)
{
    free(script->rules);
    json_decref(script->tree);
    memset(script, 0, sizeof(*script));
}
