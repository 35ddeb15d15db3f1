/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/policies.h"

#include "agent/agent.h"
#include "base/str.h"
#include "conf/nearest.h"

#include <stdlib.h>

struct agent_policies {
    struct entry {
        const char *instance; /* borrowed from the instance, which lives as long */
        struct tool_policies *policies;
    } * entries;
    size_t count;
};

static struct conf_place place_of(const struct conf_section *section, const struct conf_key *k)
{
    return (struct conf_place){k->values->file, k->values->line, section, k->name};
}

/* The tools instance that a key begins with, or NULL. */
static struct instance *instance_of_key(const struct instances *instances, const char *key)
{
    struct parley_view rest = view_of(key);
    struct parley_view head;
    char name[CONF_MAX_NAME + 1];

    (void)view_split(&rest, '.', &head);
    view_copy(name, sizeof(name), head);
    return instances_find(instances, INSTANCE_TOOLS, name);
}

static void report_unknown(const struct conf_section *section, const struct conf_key *key,
                           const struct instances *instances, struct conf_report *report)
{
    struct parley_view rest = view_of(key->name);
    struct parley_view head;
    char name[CONF_MAX_NAME + 1];
    char hint[CONF_MAX_NAME + 32];

    (void)view_split(&rest, '.', &head);
    view_copy(name, sizeof(name), head);
    struct nearest near = nearest_to(name);
    for (struct instance *i = NULL; (i = instances_next(instances, i)) != NULL;) {
        if (i->kind == INSTANCE_TOOLS)
            nearest_offer(&near, i->name);
    }
    conf_report_error(report, place_of(section, key),
                      "there is no enabled [tools %s] section whose policy it could be%s", name,
                      nearest_hint(&near, hint, sizeof(hint)));
}

static bool is_used(const struct agent_config *config, const char *instance)
{
    size_t len = strlen(instance);

    for (size_t i = 0; i < config->tools.count; i++) {
        const char *entry = config->tools.items[i];
        if (strncmp(entry, instance, len) == 0 && (entry[len] == '\0' || entry[len] == '.'))
            return true;
    }
    return false;
}

static int add(struct agent_policies *p, const struct conf *conf,
               const struct conf_section *section, const struct instance *i,
               struct conf_report *report)
{
    struct entry *entries = realloc(p->entries, (p->count + 1) * sizeof(*entries));

    if (entries == NULL)
        return PARLEY_E_NO_MEMORY;
    p->entries = entries;
    entries[p->count] = (struct entry){.instance = i->name};
    int r = tool_policies_read(conf, section, i->name, NULL, &entries[p->count].policies, report);
    if (r == PARLEY_OK)
        p->count++;
    return r;
}

static int read_key(struct agent_policies *p, const struct conf *conf,
                    const struct conf_section *section, const struct agent_config *config,
                    const struct instances *instances, const struct conf_key *key,
                    struct conf_report *report)
{
    const struct instance *i = instance_of_key(instances, key->name);

    if (i == NULL) {
        report_unknown(section, key, instances, report);
        return PARLEY_E_INVALID;
    }
    if (agent_policies_find(p, i->name) != NULL)
        return PARLEY_OK;
    if (!is_used(config, i->name))
        conf_report_warning(report, place_of(section, key),
                            "%s is not among the tools of this agent, so this says nothing",
                            i->name);
    return add(p, conf, section, i, report);
}

/* One report for each instance, not one for each of its keys. */
static bool is_first_of_instance(const struct conf_section *section, const struct conf_key *key)
{
    size_t len = strcspn(key->name, ".") + 1;

    for (const struct conf_key *k = section->keys; k != key; k = k->next) {
        if (k->values != NULL && strncmp(k->name, key->name, len) == 0)
            return false;
    }
    return true;
}

int agent_policies_read(const struct conf *conf, const struct conf_section *section,
                        const struct agent_config *config, const struct instances *instances,
                        struct agent_policies **ret, struct conf_report *report)
{
    struct agent_policies *p = calloc(1, sizeof(*p));
    int result = p == NULL ? PARLEY_E_NO_MEMORY : PARLEY_OK;

    for (const struct conf_key *k = section->keys; p != NULL && k != NULL; k = k->next) {
        if (k->values == NULL || strchr(k->name, '.') == NULL || !is_first_of_instance(section, k))
            continue;
        int r = read_key(p, conf, section, config, instances, k, report);
        result = r < 0 ? r : result;
    }
    if (result < 0)
        agent_policies_destroy(p);
    else
        *ret = p;
    return result;
}

struct agent_policies *agent_policies_destroy(struct agent_policies *p)
{
    if (p == NULL)
        return NULL;
    for (size_t i = 0; i < p->count; i++)
        tool_policies_destroy(p->entries[i].policies);
    free(p->entries);
    free(p);
    return NULL;
}

struct tool_policies *agent_policies_find(const struct agent_policies *p, const char *instance)
{
    for (size_t i = 0; p != NULL && i < p->count; i++) {
        if (strcmp(p->entries[i].instance, instance) == 0)
            return p->entries[i].policies;
    }
    return NULL;
}

const struct tool_policies *agent_policies_at(const struct agent_policies *p, size_t i)
{
    return p != NULL && i < p->count ? p->entries[i].policies : NULL;
}
