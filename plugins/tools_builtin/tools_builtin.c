/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that need nothing but this machine: the clock, a calculator, notes of the conversation,
 * waiting, and the end of it.
 *
 * With `[tools builtin] plugin = tools_builtin` an agent names all of them as `builtin`, one of
 * them as `builtin.calculator`. A function's name says its noun first, so that a list of them
 * groups (notes_add, notes_clear, notes_list) and a model reads it without its instance.
 */
#include <parley/plugin.h>
#include <parley/tools.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "calculator.h"
#include "clock.h"
#include "notes.h"
#include "waits.h"
#include "zones.h"

#define LOCAL_ZONE_FILE "/etc/localtime"
#define MAX_ANSWER      320
#define WAIT_MARGIN_MS  5000 /* that the host gives a wait beyond its length */

struct config {
    struct parley_list functions;
    const char *time_zone;
    const char *zoneinfo;
    int64_t max_notes;
    int64_t max_note_bytes;
    int64_t max_wait_ms;
};

struct plugin {
    const struct parley_host *host;
};

struct instance {
    struct plugin *plugin;
    const struct config *config;
    struct zones *zones;
    struct parley_tool *tools; /* those that `functions` allows */
    size_t tool_count;
};

struct worker_instance {
    struct instance *instance;
    const struct parley_tools_host *host;
    struct notes *notes;
    struct waits *waits;
};

/* One call on its way: what the function reads, and where its answer goes. */
struct call {
    struct worker_instance *wi;
    const struct parley_tool_call *request;
    json_t *arguments;
    parley_op op;
};

/* --- Answers ------------------------------------------------------------------------------------
 */

static void end(const struct worker_instance *wi, parley_op op, struct parley_tool_result *result)
{
    result->size = sizeof(*result);
    wi->host->end(op, result);
}

static void answer(const struct call *call, int status, struct parley_view text)
{
    struct parley_tool_result result = {.status = status, .output = text};

    end(call->wi, call->op, &result);
}

/* In words, and as the value that the function's output schema promises. */
static void end_with(const struct worker_instance *wi, parley_op op, struct parley_view text,
                     json_t *take_value, uint32_t flags)
{
    char *value = take_value == NULL ? NULL : json_dumps(take_value, JSON_COMPACT);
    struct parley_tool_result result = {
        .output = text,
        .structured = {value, value == NULL ? 0 : strlen(value)},
        .flags = flags,
    };

    end(wi, op, &result);
    free(value);
    json_decref(take_value);
}

static void answer_with(const struct call *call, const char *text, json_t *take_value)
{
    end_with(call->wi, call->op, (struct parley_view){text, strlen(text)}, take_value, 0);
}

static void answer_error(const struct call *call, const struct parley_error *err)
{
    answer(call, err->status, (struct parley_view){err->message, strlen(err->message)});
}

/* A text argument, or an empty view. */
static struct parley_view argument(const struct call *call, const char *name)
{
    json_t *value = json_object_get(call->arguments, name);

    return (struct parley_view){json_is_string(value) ? json_string_value(value) : "",
                                json_string_length(value)};
}

/* --- Functions ----------------------------------------------------------------------------------
 */

static void clock_now(const struct call *call)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct instance *instance = call->wi->instance;
    struct parley_view name = argument(call, "time_zone");
    struct zones_match match;
    char text[MAX_ANSWER], iso[CLOCK_ISO_SIZE];

    if (name.len == 0)
        name =
            (struct parley_view){instance->config->time_zone, strlen(instance->config->time_zone)};
    if (zones_find(instance->zones, name, &match, &err) < 0) {
        answer_error(call, &err);
        return;
    }
    int64_t unix_s = (int64_t)(instance->plugin->host->unix_us() / 1000000);
    clock_say(&match, unix_s, text, sizeof(text));
    clock_iso(&match, unix_s, iso, sizeof(iso));
    answer_with(call, text,
                json_pack("{s:s, s:s, s:s}", "time", iso, "weekday", clock_weekday(&match, unix_s),
                          "place", match.place));
}

/* A whole number as one, as far as every reader keeps it exact. */
static json_t *number_json(double value)
{
    return fabs(value) < 9e15 && trunc(value) == value ? json_integer((json_int_t)value)
                                                       : json_real(value);
}

static void calculate(const struct call *call)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct parley_view expression = argument(call, "expression");
    char text[CALCULATOR_MAX_BYTES + 64];
    char number[40];
    double value = 0;

    if (expression.len == 0) {
        (void)parley_fail(&err, PARLEY_E_INVALID,
                          "The expression is missing; give one, such as 2 + 3.");
        answer_error(call, &err);
        return;
    }
    if (calculator_eval(expression, &value, &err) < 0) {
        answer_error(call, &err);
        return;
    }
    calculator_format(value, number, sizeof(number));
    (void)snprintf(text, sizeof(text), "%.*s = %s", (int)expression.len, expression.data, number);
    answer_with(call, text, json_pack("{s:o}", "result", number_json(value)));
}

static void add_note(const struct call *call)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct parley_view text = argument(call, "text");

    if (notes_add(call->wi->notes, call->request->session_id, text, &err) < 0)
        answer_error(call, &err);
    else
        answer_with(call, "The note is written down.",
                    json_pack("{s:I}", "count",
                              (json_int_t)notes_count(call->wi->notes, call->request->session_id)));
}

static json_t *notes_json(const struct call *call, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(
            list, json_string(notes_at(call->wi->notes, call->request->session_id, i)));
    return json_pack("{s:o}", "notes", list);
}

static void list_notes(const struct call *call)
{
    const char *session_id = call->request->session_id;
    size_t count = notes_count(call->wi->notes, session_id);
    char *text = NULL;
    size_t size = 0;

    if (count == 0) {
        answer_with(call, "There are no notes.", notes_json(call, 0));
        return;
    }
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        answer(call, PARLEY_E_NO_MEMORY,
               (struct parley_view)PARLEY_VIEW("There is no memory left."));
        return;
    }
    fprintf(out, count == 1 ? "There is %zu note." : "There are %zu notes.", count);
    for (size_t i = 0; i < count; i++)
        fprintf(out, " %zu: %s.", i + 1, notes_at(call->wi->notes, session_id, i));
    if (fclose(out) == 0)
        end_with(call->wi, call->op, (struct parley_view){text, size}, notes_json(call, count), 0);
    else
        answer(call, PARLEY_E_NO_MEMORY,
               (struct parley_view)PARLEY_VIEW("There is no memory left."));
    free(text);
}

static void clear_notes(const struct call *call)
{
    size_t count = notes_forget(call->wi->notes, call->request->session_id);
    char text[MAX_ANSWER];

    (void)snprintf(text, sizeof(text),
                   count == 1 ? "%zu note was deleted." : "%zu notes were deleted.", count);
    answer_with(call, text, json_pack("{s:I}", "deleted", (json_int_t)count));
}

static void on_waited(void *ctx, parley_op op, int64_t ms)
{
    char text[MAX_ANSWER];
    double seconds = (double)ms / 1000;

    int len = snprintf(text, sizeof(text),
                       seconds == 1 ? "%g second has passed." : "%g seconds have passed.", seconds);
    end_with(ctx, op, (struct parley_view){text, (size_t)len},
             json_pack("{s:o}", "seconds", number_json(seconds)), 0);
}

static void wait_some_time(const struct call *call)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const json_t *seconds = json_object_get(call->arguments, "seconds");
    double most = (double)call->wi->instance->config->max_wait_ms / 1000;

    if (!json_is_number(seconds) || !(json_number_value(seconds) > 0))
        (void)parley_fail(&err, PARLEY_E_INVALID, "Say for how many seconds, such as 10.");
    else if (json_number_value(seconds) > most)
        (void)parley_fail(&err, PARLEY_E_TOO_LARGE, "%g seconds at most can be waited for.", most);
    else if (!waits_begin(call->wi->waits, call->op, (int64_t)(json_number_value(seconds) * 1000)))
        (void)parley_fail(&err, PARLEY_E_BUSY, "Too many conversations wait just now.");
    if (err.status < 0)
        answer_error(call, &err);
}

static void end_conversation(const struct call *call)
{
    end_with(call->wi, call->op,
             (struct parley_view)PARLEY_VIEW("The conversation ends after your next words: say "
                                             "goodbye in one short sentence."),
             NULL, PARLEY_TOOL_RESULT_FAREWELL);
}

static const struct function {
    struct parley_tool tool;
    void (*run)(const struct call *call);
} functions[] = {
    {{
         .name = "clock_now",
         .flags = PARLEY_TOOL_READ_ONLY,
         .description = "Tells the current time, the date with its year, and the day of the week, "
                        "here or in another "
                        "city, country or time zone. Use it for every question about what time, "
                        "date or day it is now.",
         .parameters =
             "{\"type\":\"object\",\"properties\":{\"time_zone\":{\"type\":\"string\","
             "\"description\":\"City such as Tokyo, country, or IANA time zone such as "
             "Europe/Berlin. Leave it out for the local time.\"}},\"additionalProperties\":false}",
         .output_schema = "{\"type\":\"object\",\"properties\":{\"time\":{\"type\":\"string\","
                          "\"format\":\"date-time\"},\"weekday\":{\"type\":\"string\"},\"place\":{"
                          "\"type\":\"string\"}},\"required\":[\"time\",\"weekday\",\"place\"]}",
     },
     clock_now},
    {{
         .name = "calculator",
         .flags = PARLEY_TOOL_READ_ONLY | PARLEY_TOOL_IDEMPOTENT,
         .description =
             "Calculates an arithmetic expression: add, subtract, multiply, divide, powers, "
             "square roots, percentages. Use it for every sum instead of guessing.",
         .parameters =
             "{\"type\":\"object\",\"properties\":{\"expression\":{\"type\":\"string\","
             "\"description\":\"Arithmetic expression in digits, such as 2 + 3 * 4, 15% * 80 or "
             "sqrt(2) ^ 3. Operators + - * / ^; % after a number is percent, between two numbers "
             "the remainder; functions sqrt cbrt abs round floor ceil min max mod pow ln log exp "
             "sin cos tan; constants pi and e.\"}},\"required\":[\"expression\"],"
             "\"additionalProperties\":false}",
         .output_schema = "{\"type\":\"object\",\"properties\":{\"result\":{\"type\":\"number\"}},"
                          "\"required\":[\"result\"]}",
     },
     calculate},
    {{
         .name = "notes_add",
         .description =
             "Writes down a note for the rest of this conversation. Use it when the user "
             "asks to note, write down or remember something.",
         .parameters = "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\","
                       "\"description\":\"Text of the note, in the user's words.\"}},"
                       "\"required\":[\"text\"],\"additionalProperties\":false}",
         .output_schema = "{\"type\":\"object\",\"properties\":{\"count\":{\"type\":\"integer\"}},"
                          "\"required\":[\"count\"]}",
     },
     add_note},
    {{
         .name = "notes_list",
         .flags = PARLEY_TOOL_READ_ONLY,
         .description =
             "Lists the notes that were written down so far. Use it when the user asks to read or "
             "hear the notes.",
         .output_schema = "{\"type\":\"object\",\"properties\":{\"notes\":{\"type\":\"array\","
                          "\"items\":{\"type\":\"string\"}}},\"required\":[\"notes\"]}",
     },
     list_notes},
    {{
         .name = "notes_clear",
         .flags = PARLEY_TOOL_DESTRUCTIVE | PARLEY_TOOL_IDEMPOTENT,
         .description =
             "Deletes all notes of this conversation for good. Use it only when the user "
             "asks to clear, erase or delete the notes.",
         .output_schema = "{\"type\":\"object\",\"properties\":{\"deleted\":{\"type\":\"integer\"}}"
                          ",\"required\":[\"deleted\"]}",
     },
     clear_notes},
    {{
         .name = "wait",
         .flags = PARLEY_TOOL_READ_ONLY | PARLEY_TOOL_IDEMPOTENT,
         .description = "Waits silently for some seconds. Use it only when the user asks to wait, "
                        "to hold on or to give them a moment.",
         .parameters = "{\"type\":\"object\",\"properties\":{\"seconds\":{\"type\":\"number\","
                       "\"exclusiveMinimum\":0,\"description\":\"How long to wait, such as 10.\"}},"
                       "\"required\":[\"seconds\"],\"additionalProperties\":false}",
         .output_schema = "{\"type\":\"object\",\"properties\":{\"seconds\":{\"type\":\"number\"}},"
                          "\"required\":[\"seconds\"]}",
     },
     wait_some_time},
    {{
         .name = "end_conversation",
         /* It cannot be undone: models that guess ask first. */
         .flags = PARLEY_TOOL_DESTRUCTIVE | PARLEY_TOOL_IDEMPOTENT,
         .description = "Hangs up, which is the end of the conversation. Use it only when the user "
                        "says goodbye or asks to hang up.",
     },
     end_conversation},
};

#define FUNCTION_COUNT (sizeof(functions) / sizeof(functions[0]))

static const struct function *find_function(const char *name)
{
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        if (strcmp(functions[i].tool.name, name) == 0)
            return &functions[i];
    }
    return NULL;
}

/* --- The role -----------------------------------------------------------------------------------
 */

static void attach(void *worker_instance, const struct parley_tools_host *host)
{
    ((struct worker_instance *)worker_instance)->host = host;
}

static int list(void *worker_instance, struct parley_tool_list *ret_list, struct parley_error *err)
{
    const struct instance *instance = ((struct worker_instance *)worker_instance)->instance;

    (void)err;
    *ret_list = (struct parley_tool_list){
        .size = sizeof(*ret_list),
        .item_size = sizeof(struct parley_tool),
        .items = instance->tools,
        .count = instance->tool_count,
    };
    return PARLEY_OK;
}

static bool is_listed(const struct instance *instance, const char *name)
{
    for (size_t i = 0; i < instance->tool_count; i++) {
        if (strcmp(instance->tools[i].name, name) == 0)
            return true;
    }
    return false;
}

static int call(void *worker_instance, const struct parley_tool_call *request, parley_op op,
                struct parley_error *err)
{
    struct call call = {.wi = worker_instance, .request = request, .op = op};
    const struct function *function = find_function(request->name);

    if (function == NULL || !is_listed(call.wi->instance, request->name))
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%s: there is no such function", request->name);
    call.arguments = json_loadb(request->arguments.data, request->arguments.len, 0, NULL);
    function->run(&call); /* without arguments each says what is missing */
    json_decref(call.arguments);
    return PARLEY_OK;
}

static void cancel(void *worker_instance, parley_op op)
{
    const struct worker_instance *wi = worker_instance;
    struct parley_tool_result result = {.status = PARLEY_E_CANCELLED};

    if (waits_cancel(wi->waits, op))
        end(wi, op, &result);
}

static void session_closed(void *worker_instance, const char *session_id)
{
    (void)notes_forget(((struct worker_instance *)worker_instance)->notes, session_id);
}

/* --- Life ---------------------------------------------------------------------------------------
 */

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    struct plugin *plugin = calloc(1, sizeof(*plugin));

    if (plugin == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "tools_builtin: no memory");
    plugin->host = host;
    *ret_plugin = plugin;
    return PARLEY_OK;
}

static void unload(void *plugin)
{
    free(plugin);
}

/* A wait may last longer than what the host gives other calls. */
static void choose(struct instance *instance, const struct function *function)
{
    struct parley_tool *tool = &instance->tools[instance->tool_count++];

    *tool = function->tool;
    if (function->run == wait_some_time)
        tool->timeout_ms = instance->config->max_wait_ms + WAIT_MARGIN_MS;
}

static int choose_all(struct instance *instance)
{
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        choose(instance, &functions[i]);
    return PARLEY_OK;
}

static int choose_functions(struct instance *instance, struct parley_error *err)
{
    const struct parley_list *wanted = &instance->config->functions;

    instance->tools = calloc(FUNCTION_COUNT, sizeof(*instance->tools));
    if (instance->tools == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "functions: no memory for the list");
    if (wanted->count == 0)
        return choose_all(instance);
    for (size_t i = 0; i < wanted->count; i++) {
        const struct function *function = find_function(wanted->items[i]);
        if (function == NULL)
            return parley_fail(err, PARLEY_E_INVALID,
                               "functions: '%s' is none of clock_now, calculator, notes_add, "
                               "notes_list, notes_clear, wait, end_conversation",
                               wanted->items[i]);
        if (!is_listed(instance, function->tool.name))
            choose(instance, function);
    }
    return PARLEY_OK;
}

static int check_time_zone(const struct instance *instance, struct parley_error *err)
{
    const char *name = instance->config->time_zone;
    struct zones_match match;

    if (zones_find(instance->zones, (struct parley_view){name, strlen(name)}, &match, NULL) < 0)
        return parley_fail(err, PARLEY_E_INVALID,
                           "time_zone: '%s' is not in %s; give a name such as Europe/Berlin, or "
                           "install the package tzdata",
                           name, instance->config->zoneinfo);
    return PARLEY_OK;
}

static void instance_destroy(void *data)
{
    struct instance *instance = data;

    if (instance == NULL)
        return;
    zones_destroy(instance->zones);
    free(instance->tools);
    free(instance);
}

static int prepare(struct instance *instance, const struct parley_instance_info *info,
                   struct parley_error *err)
{
    int r = choose_functions(instance, err);
    if (r < 0)
        return r;
    instance->zones = zones_create(instance->config->zoneinfo, LOCAL_ZONE_FILE);
    if (instance->zones == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "zoneinfo: no memory for the time zones");
    if (zones_count(instance->zones) == 0)
        instance->plugin->host->log(info->handle, PARLEY_LOG_WARN,
                                    "no time zones found, clock_now knows only local time and UTC; "
                                    "install the package tzdata. zoneinfo=%s",
                                    instance->config->zoneinfo);
    return check_time_zone(instance, err);
}

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    struct instance *instance = calloc(1, sizeof(*instance));

    if (instance == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", info->name);
    instance->plugin = plugin;
    instance->config = info->config;
    int r = prepare(instance, info, err);
    if (r < 0) {
        instance_destroy(instance);
        return r;
    }
    *ret_instance = instance;
    return PARLEY_OK;
}

static void worker_stop(void *worker_instance)
{
    struct worker_instance *wi = worker_instance;

    waits_destroy(wi->waits);
    notes_destroy(wi->notes);
    free(wi);
}

static int worker_start(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                        struct parley_error *err)
{
    struct worker_instance *wi = calloc(1, sizeof(*wi));

    if (wi == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "tools_builtin: no memory for a worker");
    wi->instance = instance;
    const struct parley_service_timer *timer =
        wi->instance->plugin->host->service(PARLEY_SERVICE_TIMER);
    wi->notes = notes_create((size_t)wi->instance->config->max_notes,
                             (size_t)wi->instance->config->max_note_bytes);
    wi->waits = timer == NULL ? NULL : waits_create(timer, worker, on_waited, wi);
    if (wi->notes == NULL || wi->waits == NULL) {
        worker_stop(wi);
        return parley_fail(err, PARLEY_E_NO_MEMORY,
                           "tools_builtin: no memory, or a host without timers");
    }
    *ret_worker_instance = wi;
    return PARLEY_OK;
}

/* --- Tables -------------------------------------------------------------------------------------
 */

static const struct parley_option options[] = {
    PARLEY_LIST(struct config, functions, .example = "clock_now, calculator",
                .help =
                    "Functions that are offered, of clock_now, calculator, notes_add, notes_list, "
                    "notes_clear, wait and end_conversation; all of them when left out."),
    PARLEY_STRING(struct config, time_zone, .default_value = "local", .example = "Europe/Berlin",
                  .help = "Time zone or city that clock_now tells when it is asked for none; the "
                          "machine's own when left out."),
    PARLEY_PATH(struct config, zoneinfo, .default_value = "/usr/share/zoneinfo",
                .help = "Folder of the time zone database."),
    PARLEY_INT(struct config, max_notes, .default_value = "50", .min = 1, .max = 1000,
               .help = "Most notes of one conversation."),
    PARLEY_SIZE(struct config, max_note_bytes, .default_value = "1000", .min = 1, .max = 65536,
                .help = "Longest note."),
    PARLEY_DURATION_MS(struct config, max_wait_ms, .default_value = "60s", .min = 1000,
                       .max = 600000, .help = "Longest wait."),
};

static const struct parley_tools_vtable tools = {
    .size = sizeof(tools),
    .attach = attach,
    .list = list,
    .call = call,
    .cancel = cancel,
    .session_closed = session_closed,
};

static const struct parley_role roles[] = {{PARLEY_ROLE_TOOLS, &tools}};

static const struct parley_plugin descriptor = {
    .size = sizeof(descriptor),
    .abi_major = PARLEY_ABI_MAJOR,
    .needs_minor = 1, /* a result that ends the conversation */
    .name = "tools_builtin",
    .version = PARLEY_VERSION,
    .summary =
        "Clock with time zones, calculator, notes of the conversation, waiting, and its end.",
    .licence = "Apache-2.0",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .option_size = sizeof(options[0]),
    .config_size = sizeof(struct config),
    .role_count = 1,
    .roles = roles,
    .role_size = sizeof(roles[0]),
    .load = load,
    .unload = unload,
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};

const struct parley_plugin *parley_plugin_v1(void)
{
    return &descriptor;
}
