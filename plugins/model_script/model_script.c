/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role parley.realtime/1 without a model: plays the events that a JSON file asks for, with delays,
 * faults and lies, and answers like the real service where the file says nothing. For tests and
 * demonstrations; the format is in README.md.
 */
#include "session.h"

#include <parley/plugin.h>

#include <stdlib.h>

struct config {
    const char *script;
};

struct instance {
    struct stage stage; /* first, since workers have a copy of it alone */
    struct script script;
};

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)err;
    *ret_plugin = (void *)(uintptr_t)host; /* never written to */
    return PARLEY_OK;
}

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    const struct parley_host *host = plugin;
    const struct config *c = info->config;
    struct instance *i = calloc(1, sizeof(*i));

    if (i == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for an instance");
    int r = script_load(c->script, &i->script, err);
    if (r < 0) {
        free(i);
        return r;
    }
    i->stage = (struct stage){
        .host = host,
        .timer = host->service(PARLEY_SERVICE_TIMER),
        .handle = info->handle,
        .script = &i->script,
    };
    if (i->stage.timer == NULL) {
        script_done(&i->script);
        free(i);
        return parley_fail(err, PARLEY_E_UNSUPPORTED, "this host offers no " PARLEY_SERVICE_TIMER);
    }
    *ret_instance = i;
    return PARLEY_OK;
}

static void instance_destroy(void *instance)
{
    struct instance *i = instance;

    script_done(&i->script);
    free(i);
}

static int worker_start(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                        struct parley_error *err)
{
    const struct instance *i = instance;
    struct stage *stage = calloc(1, sizeof(*stage));

    (void)worker;
    if (stage == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a worker's scripts");
    *stage = i->stage;
    *ret_worker_instance = stage;
    return PARLEY_OK;
}

static void worker_stop(void *worker_instance)
{
    session_free_all(worker_instance);
    free(worker_instance);
}

static void model_caps(void *instance, struct parley_model_caps *caps)
{
    const struct stage *stage = instance; /* the first member of an instance */
    uint32_t size = caps->size;

    *caps = stage->script->caps;
    caps->size = size;
}

static int model_open(void *worker_instance, const struct parley_model_open *open,
                      void **ret_session, struct parley_error *err)
{
    return session_open(worker_instance, open, ret_session, err);
}

static const struct parley_option options[] = {
    PARLEY_PATH(struct config, script, .example = "scripts/order.json",
                .help = "JSON file with the script; without one every answer is the default."),
};

static const struct parley_model_vtable model_vtable = {
    .size = sizeof(model_vtable),
    .caps = model_caps,
    .open = model_open,
    .send = session_send,
    .pause = session_pause,
    .close = session_close,
};

static const struct parley_role roles[] = {{PARLEY_ROLE_MODEL, &model_vtable}};

static const struct parley_plugin descriptor = {
    .size = sizeof(descriptor),
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "model_script",
    .version = "0.1.0",
    .summary = "A scripted Realtime model, for tests and demonstrations.",
    .licence = "Apache-2.0",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .option_size = sizeof(options[0]),
    .config_size = sizeof(struct config),
    .role_count = 1,
    .roles = roles,
    .role_size = sizeof(roles[0]),
    .load = load,
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};

const struct parley_plugin *parley_plugin_v1(void)
{
    return &descriptor;
}
