/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instances: one enabled INI section `[model NAME]`, `[tools NAME]` ... with the plugin it names,
 * and the set of all instances of one configuration generation. Thread: main, except where said.
 */
#ifndef HOST_INSTANCE_H
#define HOST_INSTANCE_H

#include "conf/options.h"
#include "host/registry.h"
#include "host/tool_policy.h"

#include <stdatomic.h>

/* Kinds of sections that make an instance. */
enum instance_kind {
    INSTANCE_MODEL, /* plays parley.realtime/1 or parley.chat/1 */
    INSTANCE_SPEECH,
    INSTANCE_TOOLS,
    INSTANCE_STORE,
    INSTANCE_EXPORTER,
    INSTANCE_KIND_COUNT,
};

/* "model", as in the section's brackets. */
const char *instance_kind_name(enum instance_kind kind);

/* The kind of a section, or INSTANCE_KIND_COUNT. */
enum instance_kind instance_kind_by_name(const char *name);

/* Immutable after creation. */
struct instance {
    enum instance_kind kind;
    enum role role; /* the one it is used in; for a model that plays both, ROLE_MODEL */
    char *name;
    char title[64]; /* "tools files", for messages and logs */
    char *config_dir;
    struct plugin *plugin;
    struct options_values *common; /* plugin and enabled; for `config show`, as values */
    struct options_values *values;
    struct tool_policies *policies; /* of a tools section; NULL when it says nothing of them */
    struct parley_instance_info info;
    struct identity *identity; /* the credentials of its set */
    size_t place;              /* among the instances of its set */
    struct tools_share *share; /* of tools_share.h; NULL: every worker has its own */
    void *ctx;                 /* what instance_create returned */
};

/*
 * Who answers behind a model section, in the words of telemetry: the provider ("openai"; of a
 * plugin that nobody knows, its name without "model_"), and the model (the option `model` or
 * `deployment`, else the section's name). "" for NULL. Thread: any.
 */
const char *instance_provider(const struct instance *i);
const char *instance_model_name(const struct instance *i);

/* May a session's client hand in a token of its own for this tools instance? Where its plugin has
 * an option `session_token` and the section says yes. Thread: any. */
bool instance_takes_session_token(const struct instance *i);

/* All instances of one configuration. */
struct instances;

/*
 * Create an instance for every enabled section of the five kinds, loading plugins as needed. Every
 * mistake of every section goes to the report. PARLEY_OK and *ret_set; PARLEY_E_INVALID after
 * mistakes, and nothing is left.
 */
int instances_create(struct registry *r, const struct conf *conf, struct instances **ret_set,
                     struct conf_report *report);

/* The credentials of the same configuration; borrowed. Thread: any. */
const struct identity *instances_identity(const struct instances *set);

/* One more holder, for example a generation. */
struct instances *instances_ref(struct instances *set);

/* The last one destroys the instances: no worker may use them any more. Returns NULL. */
struct instances *instances_unref(struct instances *set);

/* Thread: any. NULL when there is none. */
struct instance *instances_find(const struct instances *set, enum instance_kind kind,
                                const char *name);

/* Walk in the order of the file: pass NULL first, then what came back. Thread: any. */
struct instance *instances_next(const struct instances *set, const struct instance *after);

/* How many of one kind. Thread: any. */
size_t instances_count(const struct instances *set, enum instance_kind kind);

#endif
