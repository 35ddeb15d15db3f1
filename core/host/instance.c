/* SPDX-License-Identifier: Apache-2.0 */
#include "host/instance.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "host/guard.h"
#include "host/tools_share.h"
#include "identity/identity.h"

#include <stdlib.h>
#include <string.h>

struct instances {
    struct instance **items; /* in the order of the file */
    size_t count;
    size_t cap;
    atomic_uint refs;
    struct identity *identity;
};

/* The roles that a kind of section takes, the preferred one first. */
static const struct {
    const char *name;
    enum role roles[2];
    size_t role_count;
} kinds[] = {
    [INSTANCE_MODEL] = {"model", {ROLE_MODEL, ROLE_CHAT}, 2},
    [INSTANCE_SPEECH] = {"speech", {ROLE_SPEECH}, 1},
    [INSTANCE_TOOLS] = {"tools", {ROLE_TOOLS}, 1},
    [INSTANCE_STORE] = {"store", {ROLE_STORE}, 1},
    [INSTANCE_EXPORTER] = {"exporter", {ROLE_EXPORTER}, 1},
};

const char *instance_kind_name(enum instance_kind kind)
{
    return kinds[kind].name;
}

enum instance_kind instance_kind_by_name(const char *name)
{
    for (enum instance_kind kind = 0; kind < INSTANCE_KIND_COUNT; kind++) {
        if (strcmp(kinds[kind].name, name) == 0)
            return kind;
    }
    return INSTANCE_KIND_COUNT;
}

/* ---- names for telemetry ---- */

const char *instance_provider(const struct instance *i)
{
    const char *plugin = i == NULL ? "" : i->plugin->about.name;

    if (strcmp(plugin, "model_foundry") == 0)
        return "azure.ai.openai";
    return strncmp(plugin, "model_", 6) == 0 ? plugin + 6 : plugin;
}

const char *instance_model_name(const struct instance *i)
{
    for (size_t n = 0; i != NULL && n < options_count(i->values); n++) {
        struct options_setting o = options_setting(i->values, n);
        bool is_name = strcmp(o.name, "model") == 0 || strcmp(o.name, "deployment") == 0;
        if (is_name && o.text != NULL && o.text[0] != '\0' && !o.is_secret)
            return o.text;
    }
    return i == NULL ? "" : i->name;
}

/* ---- tokens of sessions ---- */

bool instance_takes_session_token(const struct instance *i)
{
    for (size_t n = 0; n < options_count(i->values); n++) {
        struct options_setting o = options_setting(i->values, n);
        if (strcmp(o.name, "session_token") == 0)
            return o.text != NULL && strcmp(o.text, "yes") == 0;
    }
    return false;
}

/* ---- one instance ---- */

static int choose_role(const struct plugin *p, enum instance_kind kind, enum role *ret_role,
                       struct parley_error *err)
{
    for (size_t i = 0; i < kinds[kind].role_count; i++) {
        if (plugin_has_role(p, kinds[kind].roles[i])) {
            *ret_role = kinds[kind].roles[i];
            return PARLEY_OK;
        }
    }
    enum role played = ROLE_COUNT;
    for (enum role role = 0; role < ROLE_COUNT && played == ROLE_COUNT; role++)
        played = plugin_has_role(p, role) ? role : ROLE_COUNT;
    return parley_fail(
        err, PARLEY_E_INVALID,
        "the plugin %s plays %s, not %s%s%s; name another plugin or move the section "
        "to its kind",
        p->about.name, role_id(played), role_id(kinds[kind].roles[0]),
        kinds[kind].role_count > 1 ? " or " : "",
        kinds[kind].role_count > 1 ? role_id(kinds[kind].roles[1]) : "");
}

static void destroy_in_plugin(struct instance *i)
{
    struct guard guard;

    guard_enter(&guard, i->title, "instance_destroy");
    i->plugin->about.instance_destroy(i->ctx);
    guard_leave(&guard);
}

static void instance_destroy(struct instance *i)
{
    if (i == NULL)
        return;
    if (i->info.size != 0)
        destroy_in_plugin(i);
    tool_policies_destroy(i->policies);
    i->share = tools_share_unref(i->share);
    options_destroy(i->values);
    options_destroy(i->common);
    free(i->name);
    free(i->config_dir);
    free(i);
}

static struct instance *instance_alloc(enum instance_kind kind, const char *name, const char *dir)
{
    struct instance *i = calloc(1, sizeof(*i));

    if (i == NULL)
        return NULL;
    i->kind = kind;
    i->name = strdup(name);
    i->config_dir = strdup(dir);
    if (i->name == NULL || i->config_dir == NULL) {
        instance_destroy(i);
        return NULL;
    }
    (void)snprintf(i->title, sizeof(i->title), "%s %s", kinds[kind].name, name);
    return i;
}

/* info.size stays 0 until instance_create has succeeded: it then says that destroy is due. */
static int create_in_plugin(struct instance *i, bool is_attended, struct parley_error *err)
{
    struct parley_instance_info info = {
        .size = sizeof(info),
        .handle = i,
        .name = i->name,
        .config_dir = i->config_dir,
        .config = options_config(i->values),
        .flags = is_attended ? PARLEY_INSTANCE_ATTENDED : 0,
    };

    struct guard guard;

    i->info = info;
    guard_enter(&guard, i->title, "instance_create");
    int r = i->plugin->about.instance_create(i->plugin->ctx, &i->info, &i->ctx, err);
    guard_leave(&guard);
    if (r < 0)
        i->info.size = 0;
    return r;
}

/* ---- from a section ---- */

struct maker {
    struct registry *registry;
    const struct conf *conf;
    struct conf_report *report;
    struct identity *identity;
};

static struct conf_place place_of(const struct conf_section *s, const char *name)
{
    const struct conf_key *key = name == NULL ? NULL : conf_key(s, name);
    struct conf_place at = {.file = s->file, .line = s->line, .section = s, .key = name};

    if (key != NULL && key->values != NULL) {
        at.file = key->values->file;
        at.line = key->values->line;
    }
    return at;
}

/* "key: ..." */
static bool is_about(const char *message, const char *key)
{
    size_t len = strlen(key);

    return strncmp(message, key, len) == 0 && strncmp(message + len, ": ", 2) == 0;
}

static int report(const struct maker *m, const struct conf_section *s, const char *key,
                  const struct parley_error *err)
{
    const char *message = err->message;

    if (key != NULL && is_about(message, key))
        message += strlen(key) + 2; /* the place has it */
    conf_report_error(m->report, place_of(s, key), "%s", message);
    return err->status < 0 ? err->status : PARLEY_E_INVALID;
}

/* A plugin that refuses its section begins with the key that it is about. That key may stand in
 * another layer's file than the section begins in, or in none. */
static int report_refusal(const struct maker *m, const struct conf_section *s,
                          const struct instance *i, struct parley_error *err)
{
    struct options_setting about = {0};
    size_t count = options_count(i->values);

    for (size_t at = 0; at < count && about.name == NULL; at++) {
        if (is_about(err->message, options_setting(i->values, at).name))
            about = options_setting(i->values, at);
    }
    if (about.name != NULL && about.origin == OPTIONS_FROM_VARIABLE) {
        char message[sizeof(err->message)];
        view_copy(message, sizeof(message), view_of(err->message));
        (void)parley_fail(err, err->status, "%s (of the variable %s)", message, about.environment);
    }
    return report(m, s, about.name, err);
}

/* A plugin that returns failure says why in err; one that does not still must not leave it empty.
 */
static void explain(const struct instance *i, int status, struct parley_error *err)
{
    if (err->message[0] == '\0')
        (void)parley_fail(err, status, "the plugin %s refused it with status %d and no reason",
                          i->plugin->about.name, status);
}

/* A tools section has the policies beside the plugin's own keys. */
static int fill(const struct maker *m, const struct conf_section *s, struct instance *i)
{
    struct options_table own = i->plugin->options;
    struct options_table policies = tool_policy_table;

    if (i->kind != INSTANCE_TOOLS)
        return options_fill(&own, m->conf, s, &i->values, m->report);
    policies.also = own.also;
    own.also = &policies;
    own.leaves_dotted = true;
    int r = options_fill(&own, m->conf, s, &i->values, m->report);
    /* Its own mistakes are told already. */
    return r < 0
               ? r
               : tool_policies_read(m->conf, s, NULL, &i->plugin->options, &i->policies, m->report);
}

static int share_tools(struct instance *i, struct parley_error *err)
{
    if (i->role != ROLE_TOOLS || (i->plugin->tools.flags & PARLEY_TOOLS_SHARED) == 0)
        return PARLEY_OK;
    i->share = tools_share_create();
    return i->share != NULL ? PARLEY_OK : parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
}

static int build(const struct maker *m, const struct conf_section *s, struct instance *i,
                 const char *plugin_name)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    int r = registry_get(m->registry, plugin_name, m->conf->dir, &i->plugin, &err);
    if (r == PARLEY_OK)
        r = choose_role(i->plugin, i->kind, &i->role, &err);
    if (r < 0)
        return report(m, s, "plugin", &err);
    r = fill(m, s, i);
    if (r < 0)
        return r;
    r = share_tools(i, &err);
    if (r == PARLEY_OK)
        r = create_in_plugin(i, registry_is_attended(m->registry), &err);
    if (r < 0) {
        explain(i, r, &err);
        err.status = r;
        return report_refusal(m, s, i, &err);
    }
    return PARLEY_OK;
}

static bool append(struct instances *set, struct instance *i)
{
    if (set->count == set->cap) {
        size_t cap = set->cap == 0 ? 16 : set->cap * 2;
        struct instance **items = realloc(set->items, cap * sizeof(struct instance *));
        if (items == NULL)
            return false;
        set->items = items;
        set->cap = cap;
    }
    i->place = set->count;
    set->items[set->count++] = i;
    return true;
}

static void out_of_memory(const struct maker *m, const struct conf_section *s)
{
    conf_report_error(m->report, place_of(s, NULL), "no memory for this instance");
}

static void make_enabled(const struct maker *m, struct instances *set, enum instance_kind kind,
                         const struct conf_section *s, struct options_values *take_common)
{
    struct instance *i = instance_alloc(kind, s->name, m->conf->dir);

    if (i == NULL) {
        options_destroy(take_common);
        out_of_memory(m, s);
        return;
    }
    i->common = take_common;
    i->identity = m->identity;
    const struct options_instance *config = options_config(i->common);
    if (build(m, s, i, config->plugin) < 0) {
        instance_destroy(i);
        return;
    }
    if (!append(set, i)) {
        out_of_memory(m, s);
        instance_destroy(i);
    }
}

static void make(const struct maker *m, struct instances *set, const struct conf_section *s)
{
    enum instance_kind kind = instance_kind_by_name(s->kind);
    struct options_values *common = NULL;

    if (kind == INSTANCE_KIND_COUNT)
        return;
    if (options_fill_instance(m->conf, s, &common, m->report) < 0)
        return;
    const struct options_instance *config = options_config(common);
    if (config->enabled)
        make_enabled(m, set, kind, s, common);
    else
        options_destroy(common);
}

/* ---- the set ---- */

int instances_create(struct registry *r, const struct conf *conf, struct instances **ret_set,
                     struct conf_report *report)
{
    struct maker m = {.registry = r, .conf = conf, .report = report};
    size_t errors_before = report->errors;
    struct instances *set = calloc(1, sizeof(*set));

    if (set == NULL) {
        conf_report_error(report, (struct conf_place){0}, "no memory for the instances");
        return PARLEY_E_NO_MEMORY;
    }
    atomic_init(&set->refs, 1);
    /* Instances look at the credentials that they name: without, they would only repeat mistakes.
     */
    if (identity_create(conf, &set->identity, report) < 0) {
        (void)instances_unref(set);
        return PARLEY_E_INVALID;
    }
    m.identity = set->identity;
    for (const struct conf_section *s = conf->sections; s != NULL; s = s->next)
        make(&m, set, s);
    if (report->errors > errors_before) {
        instances_unref(set);
        return PARLEY_E_INVALID;
    }
    *ret_set = set;
    return PARLEY_OK;
}

const struct identity *instances_identity(const struct instances *set)
{
    return set->identity;
}

struct instances *instances_ref(struct instances *set)
{
    atomic_fetch_add(&set->refs, 1);
    return set;
}

struct instances *instances_unref(struct instances *set)
{
    if (set == NULL || atomic_fetch_sub(&set->refs, 1) > 1)
        return NULL;
    while (set->count > 0)
        instance_destroy(set->items[--set->count]);
    (void)identity_unref(set->identity);
    free(set->items);
    free(set);
    return NULL;
}

struct instance *instances_find(const struct instances *set, enum instance_kind kind,
                                const char *name)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i]->kind == kind && strcmp(set->items[i]->name, name) == 0)
            return set->items[i];
    }
    return NULL;
}

struct instance *instances_next(const struct instances *set, const struct instance *after)
{
    size_t at = 0;

    while (after != NULL && at < set->count && set->items[at++] != after)
        continue;
    return at < set->count ? set->items[at] : NULL;
}

size_t instances_count(const struct instances *set, enum instance_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < set->count; i++)
        count += set->items[i]->kind == kind;
    return count;
}
