/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chat model without a model: rules that find the tool a sentence means, ask for what is missing
 * and read out the result (dialogue.h). It needs no network and answers the same every time, so it
 * serves a first run, tests of the tool path, and whoever must work offline. English only.
 */
#include <parley/chat.h>
#include <parley/plugin.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dialogue.h"
#include "items.h"

#define BYTES_PER_TOKEN 4 /* a rough measure, for max_output_tokens */

struct config {
    int32_t confirm;
    double min_score;
    const char *greeting;
};

struct plugin {
    const struct parley_host *host;
};

struct instance {
    struct plugin *plugin;
    const struct config *config;
    const void *handle;
};

/* The sessions of a worker mostly have the same tools: the last list is kept, read once. */
struct worker_instance {
    struct instance *instance;
    struct catalog catalog;
    char *catalog_json;
    size_t catalog_len;
};

struct session {
    struct worker_instance *wi;
    const struct parley_chat_host *host;
    char *id;
    struct dialogue dialogue;
    char answered[72]; /* id of the user's item that was answered last */
};

/* --- Tools --------------------------------------------------------------------------------------
 */

static void forget_catalog(struct worker_instance *wi)
{
    catalog_done(&wi->catalog);
    free(wi->catalog_json);
    wi->catalog_json = NULL;
    wi->catalog_len = 0;
}

static int use_tools(struct worker_instance *wi, struct parley_view tools, struct parley_error *err)
{
    if (tools.len == 0)
        tools = (struct parley_view)PARLEY_VIEW("[]");
    if (wi->catalog_json != NULL && wi->catalog_len == tools.len &&
        memcmp(wi->catalog_json, tools.data, tools.len) == 0)
        return PARLEY_OK;
    forget_catalog(wi);
    if (!catalog_read(&wi->catalog, tools))
        return parley_fail(err, PARLEY_E_INVALID,
                           "tools: %zu bytes that are not a JSON array of function tools",
                           tools.len);
    wi->catalog_json = malloc(tools.len);
    if (wi->catalog_json != NULL) { /* else it is read again next time */
        memcpy(wi->catalog_json, tools.data, tools.len);
        wi->catalog_len = tools.len;
    }
    return PARLEY_OK;
}

/* tool_choice: "auto", "none", "required" or {"type": "function", "name": ...}. */
static json_t *read_choice(struct parley_view json)
{
    return json_loadb(json.data, json.len, JSON_DECODE_ANY, NULL);
}

static bool choice_is(json_t *choice, const char *word)
{
    return json_is_string(choice) && strcmp(json_string_value(choice), word) == 0;
}

static const char *choice_name(json_t *choice)
{
    json_t *name = json_object_get(choice, "name");

    return json_is_string(name) ? json_string_value(name) : NULL;
}

/* --- Answers ------------------------------------------------------------------------------------
 */

static int64_t now_s(const struct session *session)
{
    return (int64_t)(session->wi->instance->plugin->host->unix_us() / 1000000);
}

/* The names and scores say why a tool was taken or not; what the user said stays out of the log. */
static void log_choice(const struct session *session, const struct dialogue_choice *choice)
{
    const struct instance *instance = session->wi->instance;

    if (choice->score > 0)
        instance->plugin->host->log(instance->handle, PARLEY_LOG_DEBUG,
                                    "tools matched session=%s tool=%s score=%.2f second=%s "
                                    "second_score=%.2f min_score=%.2f",
                                    session->id, choice->tool[0] != '\0' ? choice->tool : "-",
                                    choice->score, choice->second[0] != '\0' ? choice->second : "-",
                                    choice->second_score, instance->config->min_score);
}

static void answer_user(struct session *session, const struct items_end *end, json_t *choice,
                        struct dialogue_reply *reply)
{
    const struct config *config = session->wi->instance->config;
    struct dialogue_rules rules = {.confirm = config->confirm, .min_score = config->min_score};
    struct parley_view said = {end->said, strlen(end->said)};
    const struct catalog *catalog = &session->wi->catalog;
    bool is_again = end->id[0] != '\0' && strcmp(end->id, session->answered) == 0;

    if (choice_is(choice, "none"))
        rules.min_score = INFINITY;
    if (is_again || choice_is(choice, "none"))
        dialogue_drop(&session->dialogue); /* what was asked then is no question for it */
    (void)snprintf(session->answered, sizeof(session->answered), "%s", end->id);
    if (choice_is(choice, "required") || choice_name(choice) != NULL)
        dialogue_force(&session->dialogue, catalog, choice_name(choice), said, now_s(session),
                       reply);
    else
        dialogue_turn(&session->dialogue, catalog, said, &rules, now_s(session), reply);
    log_choice(session, &reply->choice);
}

static void greet(struct session *session, struct dialogue_reply *reply)
{
    const char *greeting = session->wi->instance->config->greeting;

    if (greeting[0] == '\0') {
        dialogue_greet(&session->dialogue, &session->wi->catalog, reply);
        return;
    }
    *reply = (struct dialogue_reply){0};
    say(&reply->say, "%s", greeting);
    session->dialogue.last = reply->say;
}

static void answer(struct session *session, const struct items_end *end, json_t *choice,
                   struct dialogue_reply *reply)
{
    switch (end->last) {
    case ITEMS_NONE:
        greet(session, reply);
        break;
    case ITEMS_USER:
        answer_user(session, end, choice, reply);
        break;
    case ITEMS_OUTPUTS:
        dialogue_results(&session->dialogue, end->outputs, end->output_count, reply);
        break;
    case ITEMS_ASSISTANT:
        *reply = (struct dialogue_reply){0};
        say(&reply->say, "What else can I do for you?");
        break;
    }
}

/* The text up to the limit, cut before a word. */
static struct parley_view limited(const struct say *s, int64_t max_tokens)
{
    struct parley_view text = {s->text, s->len};

    if (max_tokens <= 0 || (uint64_t)max_tokens * BYTES_PER_TOKEN >= text.len)
        return text;
    text.len = (size_t)max_tokens * BYTES_PER_TOKEN;
    while (text.len > 0 && text.data[text.len] != ' ')
        text.len--;
    return text;
}

static void deliver(struct session *session, const struct dialogue_reply *reply, int64_t max_tokens,
                    parley_op op)
{
    int finish = PARLEY_CHAT_COMPLETED;

    if (reply->is_call) {
        session->host->call(op, (struct parley_view){reply->tool, strlen(reply->tool)},
                            (struct parley_view){reply->arguments, strlen(reply->arguments)});
    } else {
        struct parley_view text = limited(&reply->say, max_tokens);
        if (text.len < reply->say.len)
            finish = PARLEY_CHAT_MAX_TOKENS;
        session->host->text(op, text);
    }
    session->host->end(op, PARLEY_OK, finish, NULL, NULL);
}

/* --- The role -----------------------------------------------------------------------------------
 */

static int session_open(void *worker_instance, const struct parley_chat_open *open,
                        void **ret_session, struct parley_error *err)
{
    struct session *session = calloc(1, sizeof(*session));

    if (session != NULL)
        session->id = strdup(open->session_id);
    if (session == NULL || session->id == NULL) {
        free(session);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "session %s: no memory", open->session_id);
    }
    session->wi = worker_instance;
    session->host = open->host;
    *ret_session = session;
    return PARLEY_OK;
}

/* Answers before it returns: an answer takes well under a millisecond. */
static int generate(void *data, const struct parley_chat_request *request, parley_op op,
                    struct parley_error *err)
{
    struct session *session = data;
    struct dialogue_reply reply;
    struct items_end end;

    int r = use_tools(session->wi, request->tools, err);
    if (r < 0)
        return r;
    json_t *items = json_loadb(request->items.data, request->items.len, 0, NULL);
    if (!json_is_array(items)) {
        json_decref(items);
        return parley_fail(err, PARLEY_E_INVALID,
                           "items: %zu bytes that are not a JSON array of conversation items",
                           request->items.len);
    }
    json_t *choice = read_choice(request->tool_choice);
    items_read_end(items, &end);
    answer(session, &end, choice, &reply);
    json_decref(choice);
    json_decref(items);
    deliver(session, &reply, request->max_output_tokens, op);
    dialogue_reply_done(&reply);
    return PARLEY_OK;
}

/* Nothing to do: generate() has ended every op before it returned. */
static void cancel(void *session, parley_op op)
{
    (void)session;
    (void)op;
}

static void session_close(void *data)
{
    struct session *session = data;

    dialogue_done(&session->dialogue);
    free(session->id);
    free(session);
}

/* --- Life ---------------------------------------------------------------------------------------
 */

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    struct plugin *plugin = calloc(1, sizeof(*plugin));

    if (plugin == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "model_local: no memory");
    plugin->host = host;
    *ret_plugin = plugin;
    return PARLEY_OK;
}

static void unload(void *plugin)
{
    free(plugin);
}

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    struct instance *instance = calloc(1, sizeof(*instance));

    if (instance == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", info->name);
    *instance = (struct instance){plugin, info->config, info->handle};
    *ret_instance = instance;
    return PARLEY_OK;
}

static void instance_destroy(void *instance)
{
    free(instance);
}

static int worker_start(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                        struct parley_error *err)
{
    struct worker_instance *wi = calloc(1, sizeof(*wi));

    (void)worker;
    if (wi == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "model_local: no memory for a worker");
    wi->instance = instance;
    *ret_worker_instance = wi;
    return PARLEY_OK;
}

static void worker_stop(void *worker_instance)
{
    forget_catalog(worker_instance);
    free(worker_instance);
}

/* --- Tables -------------------------------------------------------------------------------------
 */

/* The order of `confirm` is that of CONFIRM_... in dialogue.h. */
static const struct parley_option options[] = {
    PARLEY_ENUM(struct config, confirm, .default_value = "destructive",
                .values = "destructive|all|none",
                .help = "Before which tools it asks: those that may delete or overwrite, all that "
                        "change something, or none."),
    PARLEY_NUMBER(struct config, min_score, .default_value = "1.3", .min = 0, .max = 100,
                  .help =
                      "Least score at which a tool counts as meant; the log shows scores at level "
                      "debug."),
    PARLEY_TEXT(struct config, greeting, .example = "Good day. How can I help?",
                .help = "What it says when a conversation begins; made from the tools when left "
                        "out."),
};

static const struct parley_chat_vtable chat = {
    .size = sizeof(chat),
    .session_open = session_open,
    .generate = generate,
    .cancel = cancel,
    .session_close = session_close,
};

static const struct parley_role roles[] = {{PARLEY_ROLE_CHAT, &chat}};

static const struct parley_plugin descriptor = {
    .size = sizeof(descriptor),
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "model_local",
    .version = PARLEY_VERSION,
    .summary = "Offline rules that find the right tool and read out its result; English only.",
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
