/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin as an outside author wrote it for interface 1.0: built with the headers of that release,
 * which stay as they are. */
#include <parley/plugin.h>
#include <parley/tools.h>

#include <stdlib.h>
#include <string.h>

struct config {
    const char *greeting;
    int64_t times;
};

struct instance {
    const struct config *config;
    const struct parley_tools_host *host;
};

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    struct instance *i = calloc(1, sizeof(*i));

    (void)plugin;
    if (i == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", info->name);
    i->config = info->config;
    *ret_instance = i;
    return PARLEY_OK;
}

static void instance_destroy(void *instance)
{
    free(instance);
}

static void attach(void *instance, const struct parley_tools_host *host)
{
    struct instance *i = instance;

    i->host = host;
}

static int list(void *instance, struct parley_tool_list *ret_list, struct parley_error *err)
{
    static const struct parley_tool tools[] = {
        {.name = "greet", .description = "Greets.", .parameters = NULL}};

    (void)instance;
    (void)err;
    ret_list->item_size = sizeof(tools[0]);
    ret_list->items = tools;
    ret_list->count = 1;
    return PARLEY_OK;
}

static int call(void *instance, const struct parley_tool_call *c, parley_op op,
                struct parley_error *err)
{
    struct instance *i = instance;
    const struct parley_tool_result result = {
        .size = sizeof(result), .output = {i->config->greeting, strlen(i->config->greeting)}};

    (void)c;
    (void)err;
    i->host->end(op, &result);
    return PARLEY_OK;
}

static const struct parley_option options[] = {
    PARLEY_STRING(struct config, greeting, .default_value = "hello from 1.0",
                  .help = "What it says."),
    PARLEY_INT(struct config, times, .default_value = "1", .min = 1, .max = 9,
               .help = "How often."),
};

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = attach, .list = list, .call = call};
static const struct parley_role roles[] = {{PARLEY_ROLE_TOOLS, &table}};

static const struct parley_plugin descriptor = {
    .size = sizeof(descriptor),
    .abi_major = PARLEY_ABI_MAJOR,
    .needs_minor = PARLEY_ABI_MINOR,
    .name = "tools_old",
    .version = "1.0.0",
    .summary = "Greets as it always did.",
    .licence = "Apache-2.0",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .option_size = sizeof(options[0]),
    .config_size = sizeof(struct config),
    .role_count = 1,
    .roles = roles,
    .role_size = sizeof(roles[0]),
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
};

const struct parley_plugin *parley_plugin_v1(void)
{
    return &descriptor;
}
