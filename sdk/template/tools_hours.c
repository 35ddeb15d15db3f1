/* SPDX-License-Identifier: Apache-2.0 */
/* A tools plugin to start from: one function, one option, no library but the SDK's headers. */
#include <stdlib.h>
#include <string.h>

#include <parley/plugin.h>
#include <parley/tools.h>

/* One INI section, as the table of options below fills it. */
struct config {
    const char *hours;
};

static const struct parley_option options[] = {
    PARLEY_STRING(struct config, hours, .default_value = "Monday to Friday, nine to five.",
                  .help = "What is said about the opening hours."),
};

struct instance {
    const struct config *config;
    const struct parley_tools_host *tools;
};

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    struct instance *i = calloc(1, sizeof(*i));

    (void)plugin;
    if (i == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for an instance");
    i->config = info->config;
    *ret_instance = i;
    return PARLEY_OK;
}

static void attach(void *instance, const struct parley_tools_host *host)
{
    ((struct instance *)instance)->tools = host;
}

static int list(void *instance, struct parley_tool_list *ret_list, struct parley_error *err)
{
    static const struct parley_tool tool = {
        .flags = PARLEY_TOOL_READ_ONLY,
        .name = "opening_hours",
        .description = "Tells the opening hours. Use it when the user asks when we are open."};

    (void)instance;
    (void)err;
    ret_list->item_size = sizeof(tool);
    ret_list->items = &tool;
    ret_list->count = 1;
    return PARLEY_OK;
}

/* A refusal, or exactly one end: now, or at any later time on this worker. */
static int call(void *instance, const struct parley_tool_call *c, parley_op op,
                struct parley_error *err)
{
    struct instance *i = instance;
    struct parley_tool_result result = {.size = sizeof(result)};

    if (strcmp(c->name, "opening_hours") != 0)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "There is no tool %s here.", c->name);
    result.output.data = i->config->hours;
    result.output.len = strlen(i->config->hours);
    i->tools->end(op, &result);
    return PARLEY_OK;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = attach, .list = list, .call = call};
static const struct parley_role roles[] = {{PARLEY_ROLE_TOOLS, &table}};

static const struct parley_plugin descriptor = {
    .size = sizeof(descriptor), .abi_major = PARLEY_ABI_MAJOR,
    .name = "tools_hours", .version = "1.0.0", .licence = "Apache-2.0",
    .summary = "Tells the opening hours.",
    .options = options, .option_count = 1, .option_size = sizeof(options[0]),
    .config_size = sizeof(struct config),
    .roles = roles, .role_count = 1, .role_size = sizeof(roles[0]),
    .instance_create = instance_create, .instance_destroy = free,
};

const struct parley_plugin *parley_plugin_v1(void)
{
    return &descriptor;
}
