/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/generation.h"

#include "agent/needs.h"
#include "agent/policies.h"
#include "agent/prices.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "cascade/cascade.h"
#include "conf/nearest.h"
#include "host/model.h"
#include "host/speech.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

struct agent_entry {
    struct agent agent;
    struct options_values *values;
    struct agent_policies *policies;
    const struct conf_section *section;
};

struct generation {
    atomic_uint refs;
    uint64_t number;
    struct conf *conf;
    struct instances *instances;
    struct prices *prices;
    struct agent_entry *agents;
    size_t agent_count;
};

static void generation_free(struct generation *g)
{
    for (size_t i = 0; i < g->agent_count; i++) {
        agent_policies_destroy(g->agents[i].policies);
        options_destroy(g->agents[i].values);
    }
    free(g->agents);
    instances_unref(g->instances);
    prices_destroy(g->prices);
    conf_destroy(g->conf);
    free(g);
}

/* A key's own line when the file has the key, else the section's. */
static struct conf_place place_of(const struct conf_section *section, const char *key)
{
    const struct conf_key *k = conf_key(section, key);

    if (k == NULL)
        return (struct conf_place){section->file, section->line, section, key};
    return (struct conf_place){k->values->file, k->values->line, section, key};
}

static int add_agent(struct generation *g, const struct conf_section *section,
                     struct conf_report *report)
{
    const struct options_table table = {.items = agent_options,
                                        .count = (uint32_t)agent_option_count,
                                        .item_size = sizeof(struct parley_option),
                                        .config_size = sizeof(struct agent_config),
                                        .leaves_dotted = true};
    struct agent_entry *e = &g->agents[g->agent_count];
    struct parley_error err = PARLEY_ERROR_INIT;

    int r = options_fill(&table, g->conf, section, &e->values, report);
    if (r < 0)
        return r;
    g->agent_count++;
    e->section = section;
    e->agent = (struct agent){.name = section->name, .config = options_config(e->values)};
    const char *key = NULL;
    r = agent_check(&e->agent, &key, &err);
    if (r < 0)
        conf_report_error(report, place_of(section, key), "%s", err.message);
    return r;
}

static int add_agents(struct generation *g, struct conf_report *report)
{
    size_t count = 0;
    int result = PARLEY_OK;

    for (const struct conf_section *s = conf_next(g->conf, "agent", NULL); s != NULL;
         s = conf_next(g->conf, "agent", s))
        count++;
    g->agents = calloc(count + 1, sizeof(*g->agents));
    if (g->agents == NULL)
        return PARLEY_E_NO_MEMORY;
    for (const struct conf_section *s = conf_next(g->conf, "agent", NULL); s != NULL;
         s = conf_next(g->conf, "agent", s)) {
        int r = add_agent(g, s, report);
        result = r < 0 ? r : result;
    }
    return result;
}

/* ---- what agents refer to ---- */

static bool check_reference(const struct generation *g, const struct agent_entry *e,
                            const char *key, enum instance_kind kind, const char *name,
                            struct conf_report *report)
{
    char hint[128];
    struct nearest n = nearest_to(name);

    if (instances_find(g->instances, kind, name) != NULL)
        return true;
    for (struct instance *i = instances_next(g->instances, NULL); i != NULL;
         i = instances_next(g->instances, i)) {
        if (i->kind == kind)
            nearest_offer(&n, i->name);
    }
    conf_report_error(report, place_of(e->section, key), "there is no enabled [%s %s] section%s",
                      instance_kind_name(kind), name, nearest_hint(&n, hint, sizeof(hint)));
    return false;
}

/* The only instance of a kind, NULL when there is none or a choice. */
static const char *only_instance(const struct generation *g, enum instance_kind kind)
{
    if (instances_count(g->instances, kind) != 1)
        return NULL;
    for (struct instance *i = instances_next(g->instances, NULL); i != NULL;
         i = instances_next(g->instances, i)) {
        if (i->kind == kind)
            return i->name;
    }
    return NULL;
}

/* A realtime model may be ears and voice for a model without. */
static const struct instance *speaking_model(const struct generation *g, const char *name)
{
    const struct instance *model = instances_find(g->instances, INSTANCE_MODEL, name);
    struct parley_speech_caps caps;

    if (model == NULL || model->role != ROLE_MODEL)
        return NULL;
    speech_caps(model, &caps);
    return (caps.flags & (PARLEY_SPEECH_EARS | PARLEY_SPEECH_VOICE)) != 0 ? model : NULL;
}

const struct instance *generation_speech(const struct generation *g, const char *name)
{
    const struct instance *speech =
        name == NULL ? NULL : instances_find(g->instances, INSTANCE_SPEECH, name);

    return speech != NULL || name == NULL ? speech : speaking_model(g, name);
}

static bool check_choice(const struct generation *g, const struct agent_entry *e, const char *key,
                         enum instance_kind kind, const char *value, struct conf_report *report)
{
    if (strcmp(value, "none") == 0)
        return true;
    if (value[0] != '\0')
        return check_reference(g, e, key, kind, value, report);
    if (instances_count(g->instances, kind) <= 1)
        return true;
    conf_report_error(report, place_of(e->section, key),
                      "there are %zu [%s NAME] sections; name one of them, or none",
                      instances_count(g->instances, kind), instance_kind_name(kind));
    return false;
}

/* "files" or "files.read_text_file": the part before the dot is an instance. */
static bool check_tools(const struct generation *g, const struct agent_entry *e,
                        struct conf_report *report)
{
    bool good = true;

    for (size_t i = 0; i < e->agent.config->tools.count; i++) {
        char name[64];
        struct parley_view rest = view_of(e->agent.config->tools.items[i]);
        struct parley_view head;
        (void)view_split(&rest, '.', &head);
        view_copy(name, sizeof(name), head);
        good = check_reference(g, e, "tools", INSTANCE_TOOLS, name, report) && good;
    }
    return good;
}

/* What one of the models can do, by itself or with speech around it. */
static struct parley_model_caps caps_of(const struct generation *g, const struct agent *a,
                                        const struct instance *model)
{
    struct parley_model_caps caps = {.size = sizeof(caps)};
    const char *speech = generation_speech_name(g, a);

    if (model->role == ROLE_CHAT)
        cascade_caps(generation_speech(g, speech), &caps);
    else
        model_caps(model, &caps);
    return caps;
}

/* The first model must have what the agent asks for; others that lack it never take over. */
static bool check_needs(const struct generation *g, const struct agent_entry *e,
                        struct conf_report *report)
{
    const struct agent *a = &e->agent;
    bool good = true;

    for (size_t i = 0; i < a->config->model.count; i++) {
        const char *name = a->config->model.items[i];
        const struct instance *model = instances_find(g->instances, INSTANCE_MODEL, name);
        if (model == NULL)
            continue;
        const struct parley_model_caps caps = caps_of(g, a, model);
        const struct agent_need need = agent_needs(a->config, &caps);
        if (need.key == NULL)
            continue;
        good = good && i > 0;
        if (i == 0)
            conf_report_error(report, place_of(e->section, need.key),
                              "needs %s, which [model %s] does not have; take it out, or name "
                              "another model",
                              need.what, name);
        else
            conf_report_warning(report, place_of(e->section, need.key),
                                "needs %s, which [model %s] does not have: it will never take over",
                                need.what, name);
    }
    return good;
}

static bool check_models(const struct generation *g, const struct agent_entry *e,
                         struct conf_report *report)
{
    bool good = true;
    bool needs_speech = false;

    for (size_t i = 0; i < e->agent.config->model.count; i++) {
        const char *name = e->agent.config->model.items[i];
        good = check_reference(g, e, "model", INSTANCE_MODEL, name, report) && good;
        const struct instance *model = instances_find(g->instances, INSTANCE_MODEL, name);
        needs_speech = needs_speech || (model != NULL && model->role == ROLE_CHAT);
    }
    if (good && needs_speech && speaking_model(g, e->agent.config->speech) == NULL)
        good = check_choice(g, e, "speech", INSTANCE_SPEECH, e->agent.config->speech, report);
    return good && check_needs(g, e, report);
}

static bool read_policies(const struct generation *g, struct agent_entry *e,
                          struct conf_report *report)
{
    int r = agent_policies_read(g->conf, e->section, e->agent.config, g->instances, &e->policies,
                                report);

    e->agent.policies = e->policies;
    return r == PARLEY_OK;
}

static int check_agents(const struct generation *g, struct conf_report *report)
{
    bool good = true;

    for (size_t i = 0; i < g->agent_count; i++) {
        struct agent_entry *e = &g->agents[i];
        good = read_policies(g, e, report) && good;
        good = check_models(g, e, report) && good;
        good = check_tools(g, e, report) && good;
        good = check_choice(g, e, "store", INSTANCE_STORE, e->agent.config->store, report) && good;
    }
    return good ? PARLEY_OK : PARLEY_E_INVALID;
}

/* ---- life ---- */

int generation_create(struct conf *take_conf, struct registry *registry, uint64_t number,
                      struct generation **ret, struct conf_report *report)
{
    struct generation *g = calloc(1, sizeof(*g));

    if (g == NULL) {
        conf_destroy(take_conf);
        return PARLEY_E_NO_MEMORY;
    }
    atomic_init(&g->refs, 1);
    g->number = number;
    g->conf = take_conf;
    /* Both, so that one look at the output shows every mistake. */
    int instances = instances_create(registry, g->conf, &g->instances, report);
    int agents = add_agents(g, report);
    int prices = prices_read(g->conf, &g->prices, report);
    int r = instances < 0 ? instances : agents < 0 ? agents : prices;
    if (r == PARLEY_OK)
        r = check_agents(g, report);
    if (r < 0) {
        generation_free(g);
        return r;
    }
    *ret = g;
    return PARLEY_OK;
}

struct generation *generation_ref(struct generation *g)
{
    atomic_fetch_add(&g->refs, 1);
    return g;
}

struct generation *generation_unref(struct generation *g)
{
    if (g != NULL && atomic_fetch_sub(&g->refs, 1) == 1)
        generation_free(g);
    return NULL;
}

struct prices *generation_prices(const struct generation *g)
{
    return g->prices;
}

uint64_t generation_number(const struct generation *g)
{
    return g->number;
}

const struct conf *generation_conf(const struct generation *g)
{
    return g->conf;
}

struct instances *generation_instances(const struct generation *g)
{
    return g->instances;
}

const struct agent *generation_agent(const struct generation *g, struct parley_view name)
{
    for (size_t i = 0; i < g->agent_count; i++) {
        if (view_is(name, g->agents[i].agent.name))
            return &g->agents[i].agent;
    }
    return NULL;
}

const struct agent *generation_agent_at(const struct generation *g, size_t i)
{
    return i < g->agent_count ? &g->agents[i].agent : NULL;
}

const struct options_values *generation_agent_values(const struct generation *g, size_t i)
{
    return i < g->agent_count ? g->agents[i].values : NULL;
}

static const char *chosen(const struct generation *g, enum instance_kind kind, const char *value)
{
    if (strcmp(value, "none") == 0)
        return NULL;
    return value[0] != '\0' ? value : only_instance(g, kind);
}

const char *generation_store_name(const struct generation *g, const struct agent *a)
{
    return chosen(g, INSTANCE_STORE, a->config->store);
}

const char *generation_speech_name(const struct generation *g, const struct agent *a)
{
    return chosen(g, INSTANCE_SPEECH, a->config->speech);
}

bool generation_has_speech(const struct generation *g)
{
    for (size_t i = 0; i < g->agent_count; i++) {
        const struct agent *a = &g->agents[i].agent;
        if (generation_speech(g, generation_speech_name(g, a)) != NULL)
            return true;
    }
    return false;
}
