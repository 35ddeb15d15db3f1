/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest tools plugin, built by tests/install/run as an outside author would: by pkg-config
 * alone. */
#include <parley/plugin.h>
#include <parley/tools.h>

static const struct parley_tools_host *tools;

static const struct parley_tool list[] = {
    {.flags = PARLEY_TOOL_READ_ONLY, .name = "hello", .description = "Says hello to the world."},
};

static int create(void *plugin, const struct parley_instance_info *info, void **ret,
                  struct parley_error *err)
{
    (void)plugin;
    (void)info;
    (void)err;
    *ret = (void *)list;
    return PARLEY_OK;
}

static void destroy(void *instance)
{
    (void)instance;
}

static void attach(void *instance, const struct parley_tools_host *host)
{
    (void)instance;
    tools = host;
}

static int give_list(void *instance, struct parley_tool_list *ret, struct parley_error *err)
{
    (void)instance;
    (void)err;
    ret->item_size = sizeof(list[0]);
    ret->items = list;
    ret->count = 1;
    return PARLEY_OK;
}

static int call(void *instance, const struct parley_tool_call *c, parley_op op,
                struct parley_error *err)
{
    const struct parley_tool_result result = {.size = sizeof(result),
                                              .output = PARLEY_VIEW("Hello, world!")};

    (void)instance;
    (void)c;
    (void)err;
    tools->end(op, &result);
    return PARLEY_OK;
}

static const struct parley_tools_vtable vtable = {
    .size = sizeof(vtable), .attach = attach, .list = give_list, .call = call};

static const struct parley_role roles[] = {{PARLEY_ROLE_TOOLS, &vtable}};

static const struct parley_plugin plugin = {
    .size = sizeof(plugin),
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "tools_hello",
    .version = "1.0.0",
    .summary = "Says hello.",
    .licence = "Apache-2.0",
    .option_size = sizeof(struct parley_option),
    .role_count = 1,
    .roles = roles,
    .role_size = sizeof(struct parley_role),
    .instance_create = create,
    .instance_destroy = destroy,
};

const struct parley_plugin *parley_plugin_v1(void)
{
    return &plugin;
}
