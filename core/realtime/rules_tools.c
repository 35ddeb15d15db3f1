/* SPDX-License-Identifier: Apache-2.0 */
#include "realtime/rules.h"

#include "base/json.h"
#include "base/str.h"
#include "realtime/session_object.h"

#include <string.h>

const char *const rt_tool_choice_words[] = {"auto", "none", "required", NULL};

static const struct rt_rule function_choice[] = {
    RT_STR("type"),
    RT_NEED_STR("name", .max = RT_MAX_TOOL_NAME),
    RT_RULES_END,
};

static const struct rt_rule mcp_choice[] = {
    RT_STR("type"),
    RT_NEED_STR("server_label"),
    RT_STR_NULL("name"),
    RT_RULES_END,
};

const struct rt_variant rt_tool_choice_variants[] = {
    {"function", function_choice},
    {"mcp", mcp_choice},
    {NULL, NULL},
};

static int check_name(const json_t *value, const struct rt_path *path, struct rt_error *fault)
{
    struct parley_view name = json_view(value);
    bool is_good = name.len > 0;

    for (size_t i = 0; i < name.len && is_good; i++) {
        char c = name.data[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-';
    }
    if (is_good)
        return PARLEY_OK;
    return rt_schema_fail(fault, RT_ERROR_INVALID_VALUE, path,
                          "Invalid value: '%.*s'. A tool's name consists of letters, digits, '_' "
                          "and '-', at least one.",
                          (int)(name.len > 80 ? 80 : name.len), name.data);
}

static const struct rt_rule function_tool[] = {
    RT_STR("type"),
    RT_NEED_STR("name", .max = RT_MAX_TOOL_NAME, .check = check_name),
    RT_STR_NULL("description"),
    RT_MEMBER("parameters", RT_IS_OBJECT | RT_IS_NULL),
    RT_MEMBER("strict", RT_IS_BOOL | RT_IS_NULL),
    RT_MEMBER("annotations", RT_IS_OBJECT | RT_IS_NULL), /* hints, for parley's own models */
    RT_RULES_END,
};

static const char *const approval_words[] = {"always", "never", NULL};
static const struct rt_rule text_element = {.is = RT_IS_STRING};

static const struct rt_rule filter_members[] = {
    RT_MEMBER("tool_names", RT_IS_ARRAY, .element = &text_element),
    RT_MEMBER("read_only", RT_IS_BOOL),
    RT_RULES_END,
};

static const struct rt_rule approval_members[] = {
    RT_MEMBER("always", RT_IS_OBJECT | RT_IS_NULL, .members = filter_members),
    RT_MEMBER("never", RT_IS_OBJECT | RT_IS_NULL, .members = filter_members),
    RT_RULES_END,
};

static const struct rt_rule mcp_tool[] = {
    RT_STR("type"),
    RT_NEED_STR("server_label"),
    RT_STR_NULL("server_url"),
    RT_STR_NULL("connector_id"),
    RT_STR_NULL("tunnel_id"),
    RT_STR_NULL("server_description"),
    RT_STR_NULL("authorization"),
    RT_MEMBER("headers", RT_IS_OBJECT | RT_IS_NULL),
    RT_MEMBER("allowed_tools", RT_IS_ARRAY | RT_IS_OBJECT | RT_IS_NULL, .members = filter_members,
              .element = &text_element),
    RT_MEMBER("require_approval", RT_IS_STRING | RT_IS_OBJECT | RT_IS_NULL, .words = approval_words,
              .members = approval_members),
    RT_MEMBER("allowed_callers", RT_IS_ARRAY | RT_IS_NULL, .element = &text_element),
    RT_MEMBER("defer_loading", RT_IS_BOOL | RT_IS_NULL),
    RT_RULES_END,
};

static const struct rt_variant tool_variants[] = {
    {"function", function_tool},
    {"mcp", mcp_tool},
    {NULL, NULL},
};

/* An MCP server is found in exactly one way. */
static int check_tool(const json_t *tool, const struct rt_path *path, struct rt_error *fault)
{
    int ways = 0;

    if (strcmp(json_get_str(tool, "type", ""), "mcp") != 0)
        return PARLEY_OK;
    ways += json_is_string(json_object_get(tool, "server_url"));
    ways += json_is_string(json_object_get(tool, "connector_id"));
    ways += json_is_string(json_object_get(tool, "tunnel_id"));
    if (ways == 1)
        return PARLEY_OK;
    struct rt_path here = {path, "server_url", 0};
    return rt_schema_fail(fault, RT_ERROR_INVALID_VALUE, &here,
                          "An MCP tool names its server by exactly one of 'server_url', "
                          "'connector_id' and 'tunnel_id', but got %d of them.",
                          ways);
}

const struct rt_rule rt_rule_tool = {
    .is = RT_IS_OBJECT, .variants = tool_variants, .check = check_tool};

static struct parley_view name_of(const json_t *tool)
{
    bool is_function = json_object_get(tool, "server_label") == NULL;

    return json_get_view(tool, is_function ? "name" : "server_label");
}

int rt_check_tool_names(const json_t *tools, const struct rt_path *path, struct rt_error *fault)
{
    size_t count = json_array_size(tools);

    for (size_t i = 1; i < count; i++) {
        struct parley_view name = name_of(json_array_get(tools, i));
        for (size_t k = 0; k < i; k++) {
            if (!view_equal(name, name_of(json_array_get(tools, k))))
                continue;
            struct rt_path element = {path, NULL, i};
            struct rt_path here = {&element, "name", 0};
            return rt_schema_fail(fault, RT_ERROR_INVALID_VALUE, &here,
                                  "Invalid value: '%.*s'. Another tool of the list has this name; "
                                  "names are unique.",
                                  (int)(name.len > 80 ? 80 : name.len), name.data);
        }
    }
    return PARLEY_OK;
}

int rt_tools_check(const json_t *tools, const char *path, struct rt_error *fault)
{
    static const struct rt_rule rule = {.is = RT_IS_ARRAY,
                                        .max = RT_MAX_TOOLS,
                                        .element = &rt_rule_tool,
                                        .check = rt_check_tool_names};
    struct rt_path here = {NULL, path, 0};

    return rt_schema_check(tools, &rule, &here, fault);
}
