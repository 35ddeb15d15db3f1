/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin of these tests needs to be loaded, so that each file shows only its own fault. */
#ifndef BAD_H
#define BAD_H

#include <parley/model.h>
#include <parley/plugin.h>
#include <parley/tools.h>

static inline int good_create(void *plugin, const struct parley_instance_info *info,
                              void **ret_instance, struct parley_error *err)
{
    (void)plugin;
    (void)info;
    (void)err;
    *ret_instance = NULL;
    return PARLEY_OK;
}

static inline void good_destroy(void *instance)
{
    (void)instance;
}

static const struct parley_tools_host *tools_host;

static inline void good_attach(void *worker_instance, const struct parley_tools_host *host)
{
    (void)worker_instance;
    tools_host = host;
}

static inline int good_list(void *worker_instance, struct parley_tool_list *ret_list,
                            struct parley_error *err)
{
    static const struct parley_tool tool = {.name = "lie", .description = "Lies."};

    (void)worker_instance;
    (void)err;
    ret_list->item_size = sizeof(tool);
    ret_list->items = &tool;
    ret_list->count = 1;
    return PARLEY_OK;
}

static inline int good_call(void *worker_instance, const struct parley_tool_call *call,
                            parley_op op, struct parley_error *err)
{
    (void)worker_instance;
    (void)call;
    (void)op;
    (void)err;
    return PARLEY_OK;
}

static inline void end_with(parley_op op, const char *text, size_t len)
{
    const struct parley_tool_result result = {.size = sizeof(result), .output = {text, len}};

    tools_host->end(op, &result);
}

/* The members of a good descriptor; further ones follow. */
#define GOOD(plugin_name, role_ids_and_tables)                                                     \
    .size = sizeof(struct parley_plugin), .abi_major = PARLEY_ABI_MAJOR, .name = plugin_name,      \
    .version = "1", .summary = "Lies.", .licence = "Apache-2.0", .role_count = 1,                  \
    .roles = role_ids_and_tables, .role_size = sizeof(struct parley_role),                         \
    .instance_create = good_create, .instance_destroy = good_destroy

#define ENTRY(descriptor)                                                                          \
    const struct parley_plugin *parley_plugin_v1(void)                                             \
    {                                                                                              \
        return &(descriptor);                                                                      \
    }

#endif
