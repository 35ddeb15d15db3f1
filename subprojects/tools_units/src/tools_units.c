/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin: two functions for the model, convert_units and list_units. */
#include "units.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <parley/plugin.h>
#include <parley/tools.h>

struct config {
    int64_t digits;
};

typedef struct {
    const struct config *config;
    const struct parley_tools_host *host;
} Instance;

/* ---- what goes back to the model ---- */

static void answer(Instance *self, parley_op op, int status, const char *text, const char *structured)
{
    struct parley_tool_result result = {.size = sizeof result, .status = status};

    result.output.data = text;
    result.output.len = strlen(text);
    result.structured.data = structured;
    result.structured.len = structured == NULL ? 0 : strlen(structured);
    self->host->end(op, &result);
}

/* Sentences that the model can say, or act on. */
static void explain(Conversion outcome, const Unit *from, const Unit *to, char *out, size_t size)
{
    switch (outcome) {
    case DIFFERENT_QUANTITIES:
        snprintf(out, size, "%s is a unit of %s and %s one of %s: they cannot be converted.", from->one,
                 quantity_name(from->quantity), to->one, quantity_name(to->quantity));
        break;
    case BELOW_ZERO:
        if (from->quantity == TEMPERATURE)
            snprintf(out, size, "That is below absolute zero, -273.15 degrees Celsius.");
        else
            snprintf(out, size, "There is no negative %s.", quantity_name(from->quantity));
        break;
    default:
        snprintf(out, size, "The number is too large to be converted.");
        break;
    }
}

/* ---- convert_units ---- */

static const Unit *unit_argument(json_t *arguments, const char *key, char *problem, size_t size)
{
    const char *name = json_string_value(json_object_get(arguments, key));
    const Unit *unit = name == NULL ? NULL : unit_find(name);

    if (name == NULL)
        snprintf(problem, size, "The argument %s is missing; it is the name of a unit, such as kilometre.", key);
    else if (unit == NULL)
        snprintf(problem, size, "The unit %.40s is unknown here; list_units tells those that are known.", name);
    return unit;
}

/* A number, or a number in quotes, as models write now and then. */
static bool number_argument(json_t *arguments, double *value)
{
    json_t *number = json_object_get(arguments, "value");
    char *end = NULL;

    if (json_is_number(number)) {
        *value = json_number_value(number);
        return true;
    }
    if (!json_is_string(number))
        return false;
    *value = strtod(json_string_value(number), &end);
    return end != json_string_value(number) && *end == '\0';
}

static void convert(Instance *self, json_t *arguments, parley_op op)
{
    char text[256], from_text[96], to_text[96], structured[256];
    double value, result;

    const Unit *from = unit_argument(arguments, "from", text, sizeof text);
    const Unit *to = from == NULL ? NULL : unit_argument(arguments, "to", text, sizeof text);
    if (to == NULL) {
        answer(self, op, PARLEY_E_INVALID, text, NULL);
        return;
    }
    if (!number_argument(arguments, &value)) {
        answer(self, op, PARLEY_E_INVALID, "The argument value is missing; it is the number to be converted.", NULL);
        return;
    }
    Conversion outcome = unit_convert(value, from, to, &result);
    if (outcome != CONVERTED) {
        explain(outcome, from, to, text, sizeof text);
        answer(self, op, PARLEY_E_INVALID, text, NULL);
        return;
    }
    unit_print(value, from, (int)self->config->digits, from_text, sizeof from_text);
    unit_print(result, to, (int)self->config->digits, to_text, sizeof to_text);
    snprintf(text, sizeof text, "%s is %s.", from_text, to_text);
    snprintf(structured, sizeof structured, "{\"value\":%.12g,\"unit\":\"%s\"}", result, to->one);
    answer(self, op, PARLEY_OK, text, structured);
}

/* ---- list_units ---- */

static void list_units(Instance *self, json_t *arguments, parley_op op)
{
    const char *wanted = json_string_value(json_object_get(arguments, "quantity"));
    char text[1024], examples[256];
    size_t len = 0;

    for (int q = 0; q < QUANTITIES; q++) {
        if (wanted != NULL && strcmp(wanted, quantity_name((Quantity)q)) != 0)
            continue;
        unit_examples((Quantity)q, examples, sizeof examples);
        int added = snprintf(text + len, sizeof text - len, "%s: %s.\n", quantity_name((Quantity)q), examples);
        if (added < 0 || (size_t)added >= sizeof text - len)
            break;
        len += (size_t)added;
    }
    if (len == 0)
        answer(self, op, PARLEY_E_INVALID, "That is no quantity known here; ask without one to hear them all.", NULL);
    else
        answer(self, op, PARLEY_OK, text, NULL);
}

/* ---- the role ---- */

static const struct parley_tool tools[] = {
    {
        .flags = PARLEY_TOOL_READ_ONLY | PARLEY_TOOL_IDEMPOTENT,
        .name = "convert_units",
        .description = "Converts a number from one unit to another: lengths, weights, temperatures, volumes, "
                       "speeds, areas, data sizes, times, pressures, energies, powers. Use it for every conversion "
                       "instead of reckoning. Not for money.",
        .parameters = "{\"type\":\"object\",\"properties\":{"
                      "\"value\":{\"type\":\"number\",\"description\":\"The number to convert.\"},"
                      "\"from\":{\"type\":\"string\",\"description\":\"Unit of the number, such as miles.\"},"
                      "\"to\":{\"type\":\"string\",\"description\":\"Unit that is wanted, such as kilometres.\"}},"
                      "\"required\":[\"value\",\"from\",\"to\"]}",
        .output_schema = "{\"type\":\"object\",\"properties\":{\"value\":{\"type\":\"number\"},"
                         "\"unit\":{\"type\":\"string\"}},\"required\":[\"value\",\"unit\"]}",
    },
    {
        .flags = PARLEY_TOOL_READ_ONLY | PARLEY_TOOL_IDEMPOTENT,
        .name = "list_units",
        .description = "Lists the units that can be converted, of one quantity or of all.",
        .parameters = "{\"type\":\"object\",\"properties\":{\"quantity\":{\"type\":\"string\","
                      "\"description\":\"Such as length or speed; leave it out for all.\"}}}",
    },
};

static int list(void *instance, struct parley_tool_list *ret_list, struct parley_error *err)
{
    (void)instance;
    (void)err;
    ret_list->item_size = sizeof tools[0];
    ret_list->items = tools;
    ret_list->count = sizeof tools / sizeof tools[0];
    return PARLEY_OK;
}

static void attach(void *instance, const struct parley_tools_host *host)
{
    Instance *self = instance;

    self->host = host;
}

static int call(void *instance, const struct parley_tool_call *c, parley_op op, struct parley_error *err)
{
    bool converts = strcmp(c->name, "convert_units") == 0;

    if (!converts && strcmp(c->name, "list_units") != 0)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "There is no tool %s here.", c->name);
    json_t *arguments = json_loadb(c->arguments.data, c->arguments.len, 0, NULL);
    if (arguments == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "There is no memory for the conversion.");
    if (converts)
        convert(instance, arguments, op);
    else
        list_units(instance, arguments, op);
    json_decref(arguments);
    return PARLEY_OK;
}

static const struct parley_tools_vtable tools_vtable = {.size = sizeof tools_vtable, .attach = attach, .list = list, .call = call};

/* ---- the plugin ---- */

static int instance_create(void *plugin, const struct parley_instance_info *info, void **ret_instance, struct parley_error *err)
{
    Instance *self = calloc(1, sizeof *self);

    (void)plugin;
    if (self == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a converter");
    self->config = info->config;
    *ret_instance = self;
    return PARLEY_OK;
}

static const struct parley_option options[] = {
    PARLEY_INT(struct config, digits, .default_value = "6", .min = 2, .max = 15, .help = "Significant digits of what is said."),
};

static const struct parley_role roles[] = {{PARLEY_ROLE_TOOLS, &tools_vtable}};

static const struct parley_plugin descriptor = {
    .size = sizeof descriptor,
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "tools_units",
    .version = "1.2.0",
    .summary = "Converts units of length, mass, temperature and eight other quantities.",
    .licence = "Apache-2.0",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .config_size = sizeof(struct config),
    .role_count = 1,
    .roles = roles,
    .role_size = sizeof roles[0],
    .instance_create = instance_create,
    .instance_destroy = free,
};

const struct parley_plugin *parley_plugin_v1(void)
{
    return &descriptor;
}
