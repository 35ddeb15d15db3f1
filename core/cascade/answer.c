/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "cascade/state.h"
#include "realtime/encode.h"

#include <stdlib.h>

#define MAX_OUT_OF_BAND 4 /* at once, each with a conversation of its own at the chat instance */

/*
 *   WAITING --words known, brain free--> THINKING --all text--> SPEAKING --all sent--> done
 *       \------------------\----------------------\--cancelled or failed-----------> done
 *
 * response.done is written exactly once, by finish(), which frees the answer.
 */

/* ---- what the wire says of an answer --------------------------------------------------------- */

static struct rt_response describe(const struct answer *a, enum rt_response_status status)
{
    const struct cascade_session *s = a->session;

    return (struct rt_response){
        .id = view_of(a->id),
        .status = status,
        .output = buf_view(&a->output),
        .conversation_id =
            a->is_out_of_band ? (struct parley_view){0} : view_of(s->conversation_id),
        .voice = view_of(a->voice),
        .metadata = view_of(a->metadata),
        .text_only = a->is_text,
        .output_format = a->format,
        .max_output_tokens = a->max_tokens,
        .has_usage = status != RT_RESPONSE_IN_PROGRESS,
        .usage = a->usage,
    };
}

struct rt_place answer_place(const struct answer *a)
{
    return (struct rt_place){
        .response_id = view_of(a->id),
        .item_id = view_of(a->message == NULL ? "" : a->message->id),
        .output_index = a->message_index,
    };
}

static void say_output_item(struct answer *a, enum rt_event event, int index, const json_t *item)
{
    struct buf *out = outbox_begin(a->session);

    rt_encode_begin(out, event);
    rt_encode_string(out, "response_id", view_of(a->id));
    rt_encode_int(out, "output_index", index);
    rt_encode_tree(out, "item", item);
    rt_encode_end(out);
    outbox_end(a->session);
}

static void say_item(struct answer *a, enum rt_event event, const struct dialogue_item *i)
{
    struct cascade_session *s = a->session;

    if (a->is_out_of_band)
        return;
    rt_encode_item_tree(outbox_begin(s), event, dialogue_previous_id(&s->dialogue, i), i->json);
    outbox_end(s);
}

static void say_part(struct answer *a, enum rt_event event, struct parley_view text)
{
    struct rt_place place = answer_place(a);

    rt_encode_content_part(outbox_begin(a->session), event, &place, !a->is_text, text);
    outbox_end(a->session);
}

static void no_memory(struct cascade_session *s)
{
    s->outbox.is_broken = true;
    outbox_schedule(s);
}

/* ---- items ----------------------------------------------------------------------------------- */

/* Begin an item: it is written about from now on, and open. */
static struct dialogue_item *open_item(struct answer *a, json_t *take_json)
{
    struct cascade_session *s = a->session;
    struct dialogue_item *i = dialogue_item_create(take_json);

    if (i == NULL) {
        no_memory(s);
        return NULL;
    }
    i->is_open = true;
    if (!a->is_out_of_band)
        dialogue_append(&s->dialogue, i);
    say_output_item(a, RT_OUTPUT_ITEM_ADDED, a->next_index, i->json);
    say_item(a, RT_ITEM_ADDED, i);
    return i;
}

/* End an item: it is final, and part of the answer's output. */
static void close_item(struct answer *a, struct dialogue_item *i, int index, const char *status)
{
    dialogue_set_status(i->json, status);
    i->is_open = false;
    if (!a->is_out_of_band)
        dialogue_recount(&a->session->dialogue, i);
    say_item(a, RT_ITEM_DONE, i);
    say_output_item(a, RT_OUTPUT_ITEM_DONE, index, i->json);
    if (a->output.len > 0)
        buf_append_char(&a->output, ',');
    json_write(&a->output, i->json);
    if (a->is_out_of_band)
        dialogue_item_destroy(i);
}

bool answer_open_message(struct answer *a)
{
    char id[ID_SIZE];

    if (a->message != NULL)
        return true;
    id_make(id, "item_");
    a->message = open_item(a, dialogue_message_json(id, "assistant", "in_progress"));
    if (a->message == NULL)
        return false;
    a->message->is_spoken = !a->is_text;
    a->message_index = a->next_index++;
    say_part(a, RT_CONTENT_PART_ADDED, VIEW(""));
    return true;
}

static void close_message(struct answer *a, const char *status)
{
    struct dialogue_item *i = a->message;

    if (i == NULL)
        return;
    struct parley_view text = buf_view(&i->text);
    struct rt_place place = answer_place(a);

    if (a->is_text) {
        rt_encode_text_done(outbox_begin(a->session), RT_OUTPUT_TEXT_DONE, &place, text);
        outbox_end(a->session);
        dialogue_set_part(i->json, "output_text", "text", text);
    } else {
        rt_encode_audio_done(outbox_begin(a->session), &place);
        outbox_end(a->session);
        rt_encode_text_done(outbox_begin(a->session), RT_OUTPUT_TRANSCRIPT_DONE, &place, text);
        outbox_end(a->session);
        dialogue_set_part(i->json, "output_audio", "transcript", text);
    }
    say_part(a, RT_CONTENT_PART_DONE, text);
    a->message = NULL;
    close_item(a, i, place.output_index, status);
}

static void say_text(struct answer *a, struct parley_view delta)
{
    if (!answer_open_message(a))
        return;
    buf_append_view(&a->message->text, delta);

    struct rt_place place = answer_place(a);
    rt_encode_delta(outbox_begin(a->session), RT_OUTPUT_TEXT_DELTA, &place, delta);
    outbox_end(a->session);
}

/* A call is whole when it comes, so its events follow each other at once, beside the speech of a
 * message that is still going on: the tool starts while the user hears "let me see". */
static void say_call(struct answer *a, struct parley_view name, struct parley_view arguments)
{
    struct cascade_session *s = a->session;
    char id[ID_SIZE], call_id[ID_SIZE];

    id_make(id, "item_");
    id_make(call_id, "call_");
    struct dialogue_item *i =
        open_item(a, dialogue_call_json(id, "in_progress", call_id, name, VIEW("")));
    if (i == NULL)
        return;

    struct rt_place place = {view_of(a->id), view_of(id), a->next_index++, 0};
    rt_encode_arguments_delta(outbox_begin(s), &place, view_of(call_id), arguments);
    outbox_end(s);
    rt_encode_arguments_done(outbox_begin(s), &place, view_of(call_id), name, arguments);
    outbox_end(s);
    json_object_set_new(i->json, "arguments", json_from_view(arguments));
    close_item(a, i, place.output_index, "completed");
}

/* ---- calls that the agent runs itself -------------------------------------------------------- */

static json_t *agent_call_json(const char *id, const char *label,
                               const struct parley_chat_agent_call *call)
{
    bool is_good = call->status >= 0;
    json_t *words = json_from_view(call->output);
    json_t *error = is_good
                        ? json_null()
                        : json_pack("{s:s, s:O}", "type", "tool_execution_error", "message", words);
    json_t *item = json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:O}", "id", id, "object", "realtime.item", "type",
        "mcp_call", "server_label", label, "name", json_from_view(call->name), "arguments",
        json_from_view(call->arguments), "error", error, "output", is_good ? words : json_null());

    json_decref(words);
    return item;
}

static void say_call_state(struct answer *a, enum rt_event event, const char *id, int index,
                           const struct parley_view *arguments)
{
    struct buf *out = outbox_begin(a->session);

    rt_encode_begin(out, event);
    rt_encode_string(out, "response_id", view_of(a->id));
    rt_encode_string(out, "item_id", view_of(id));
    rt_encode_int(out, "output_index", index);
    if (arguments != NULL)
        rt_encode_string(out, "arguments", *arguments);
    rt_encode_end(out);
    outbox_end(a->session);
}

/* Shown as calls of a remote MCP server are: nobody answers to it. */
static void say_agent_call(struct answer *a, const struct parley_chat_agent_call *call)
{
    const char *label = a->session->agent;
    enum rt_event end = call->status < 0 ? RT_MCP_CALL_FAILED : RT_MCP_CALL_COMPLETED;
    char id[ID_SIZE];

    id_make(id, "mcp_");
    struct dialogue_item *i = open_item(a, agent_call_json(id, label, call));
    if (i == NULL)
        return;
    int index = a->next_index++;
    say_call_state(a, RT_MCP_CALL_IN_PROGRESS, id, index, NULL);
    say_call_state(a, RT_MCP_ARGUMENTS_DONE, id, index, &call->arguments);
    say_call_state(a, end, id, index, NULL);
    close_item(a, i, index, call->status < 0 ? "incomplete" : "completed");
}

/* ---- the end --------------------------------------------------------------------------------- */

static void destroy(struct answer *a)
{
    list_remove(&a->entry);
    mouth_done(a);
    a->own_brain.chat = chat_close(a->own_brain.chat);
    if (a->is_out_of_band && a->message != NULL)
        dialogue_item_destroy(a->message);
    json_decref(a->request);
    free(a->instructions);
    free(a->voice);
    free(a->metadata);
    buf_done(&a->output);
    free(a);
}

/* Let go of the chat instance; what it still sends is nobody's. */
static void leave_brain(struct answer *a)
{
    if (a->brain->answer != a)
        return;
    a->brain->answer = NULL;
    chat_cancel(a->brain->chat);
}

static void finish(struct answer *a, const struct rt_response *response)
{
    struct cascade_session *s = a->session;
    bool is_of_conversation = !a->is_out_of_band;

    rt_encode_response(outbox_begin(s), RT_RESPONSE_DONE, response);
    outbox_end(s);
    leave_brain(a);
    if (s->answer == a)
        s->answer = NULL;
    destroy(a);
    if (is_of_conversation) {
        ears_start_idle(s);
        answer_advance(s);
    }
}

void answer_cancel(struct answer *a, const char *reason)
{
    mouth_done(a);
    close_message(a, "incomplete");
    struct rt_response r = describe(a, RT_RESPONSE_CANCELLED);
    r.reason = view_of(reason);
    finish(a, &r);
}

void answer_fail(struct answer *a, const struct parley_error *err)
{
    mouth_done(a);
    close_message(a, "incomplete");
    struct rt_response r = describe(a, RT_RESPONSE_FAILED);
    r.error_type = VIEW("server_error");
    r.error_code = view_of(err->code);
    r.error_message = view_of(err->message);
    finish(a, &r);
}

void answer_spoken(struct answer *a)
{
    bool is_whole = a->finish == PARLEY_CHAT_COMPLETED;

    close_message(a, is_whole ? "completed" : "incomplete");
    struct rt_response r = describe(a, is_whole ? RT_RESPONSE_COMPLETED : RT_RESPONSE_INCOMPLETE);
    if (!is_whole)
        r.reason = a->finish == PARLEY_CHAT_MAX_TOKENS ? VIEW(RT_REASON_MAX_TOKENS)
                                                       : VIEW(RT_REASON_CONTENT_FILTER);
    finish(a, &r);
}

/* ---- the chat instance ----------------------------------------------------------------------- */

static void on_text(void *ctx, struct parley_view delta)
{
    struct brain *b = ctx;

    if (b->answer == NULL || delta.len == 0)
        return;
    if (b->answer->is_text)
        say_text(b->answer, delta);
    else
        mouth_say(b->answer, delta);
}

static void on_call(void *ctx, struct parley_view name, struct parley_view arguments)
{
    struct brain *b = ctx;

    if (b->answer == NULL)
        return;
    if (b->answer->is_text)
        close_message(b->answer, "completed");
    say_call(b->answer, name, arguments);
}

static void on_agent_call(void *ctx, const struct parley_chat_agent_call *call)
{
    struct brain *b = ctx;

    if (b->answer == NULL)
        return;
    if (b->answer->is_text)
        close_message(b->answer, "completed");
    say_agent_call(b->answer, call);
}

static struct rt_usage usage_of(const struct parley_chat_usage *usage)
{
    if (usage == NULL)
        return (struct rt_usage){0};
    return (struct rt_usage){
        .input_text = usage->input_tokens,
        .cached_text = usage->cached_tokens,
        .output_text = usage->output_tokens,
    };
}

static void on_end(void *ctx, int status, int end, const struct parley_chat_usage *usage,
                   const struct parley_error *err)
{
    struct brain *b = ctx;
    struct answer *a = b->answer;

    b->answer = NULL;
    b->is_busy = false;
    if (a == NULL) {
        answer_advance(b->session);
        return;
    }
    a->usage = usage_of(usage);
    if (status < 0) {
        struct parley_error why = PARLEY_ERROR_INIT;
        if (err != NULL)
            why = *err;
        else
            (void)parley_fail(&why, status, "the model gave no reason");
        answer_fail(a, &why);
        return;
    }
    a->finish = end;
    a->stage = ANSWER_SPEAKING;
    if (a->is_text)
        answer_spoken(a);
    else
        mouth_finish(a);
}

static const struct chat_events brain_events = {
    .on_text = on_text,
    .on_call = on_call,
    .on_agent_call = on_agent_call,
    .on_end = on_end,
};

static int brain_open(struct cascade_session *s, struct brain *b, struct parley_error *err)
{
    const struct chat_open open = {
        .session_id = s->id, .agent = s->agent, .traceparent = s->traceparent};

    b->session = s;
    return chat_open(s->cascade->chat, &open, &brain_events, b, &b->chat, err);
}

/* The function tools of a list; other kinds cannot be called here. */
static void write_tools(struct buf *out, const json_t *tools)
{
    size_t index;
    json_t *tool;

    buf_append_char(out, '[');
    json_array_foreach(tools, index, tool)
    {
        if (strcmp(json_get_str(tool, "type", ""), "function") != 0)
            continue;
        if (!out->failed && out->data[out->len - 1] != '[')
            buf_append_char(out, ',');
        json_write(out, tool);
    }
    buf_append_char(out, ']');
}

static const json_t *setting(const struct answer *a, const char *key, const json_t *otherwise)
{
    const json_t *own = json_object_get(a->request, key);

    return own == NULL || json_is_null(own) ? otherwise : own;
}

/* Words that are to be said as they are: no model is asked. NULL: none. */
static const char *given_words(const struct answer *a)
{
    return json_get_str(json_object_get(a->request, "metadata"), RT_FILLER_METADATA, NULL);
}

static void say_given(struct answer *a, const char *words)
{
    a->finish = PARLEY_CHAT_COMPLETED;
    a->stage = ANSWER_SPEAKING;
    if (a->is_text) {
        say_text(a, view_of(words));
        answer_spoken(a);
    } else {
        mouth_say_all(a, view_of(words));
    }
}

static void think(struct answer *a)
{
    struct cascade_session *s = a->session;
    _cleanup_(buf_done) struct buf items = {0}, tools = {0}, choice = {0};
    const json_t *input = json_object_get(a->request, "input");
    struct parley_error err = PARLEY_ERROR_INIT;

    if (json_is_array(input))
        dialogue_context_of(&s->dialogue, input, &items);
    else
        dialogue_context(&s->dialogue, &items);
    write_tools(&tools, setting(a, "tools", s->view.tools));
    const json_t *tool_choice = setting(a, "tool_choice", s->view.tool_choice);
    if (tool_choice == NULL)
        buf_append_str(&choice, "\"auto\"");
    else
        json_write(&choice, tool_choice);
    if (items.failed || tools.failed || choice.failed) {
        (void)parley_fail(&err, PARLEY_E_NO_MEMORY, "no memory for the conversation");
        answer_fail(a, &err);
        return;
    }

    const struct parley_chat_request request = {
        .size = sizeof(request),
        .instructions = a->instructions != NULL ? view_of(a->instructions) : s->view.instructions,
        .items = buf_view(&items),
        .tools = buf_view(&tools),
        .tool_choice = buf_view(&choice),
        .max_output_tokens = a->max_tokens,
    };
    if (!a->is_out_of_band)
        s->has_new_words = false;
    if (chat_generate(a->brain->chat, &request, &err) < 0) {
        answer_fail(a, &err);
        return;
    }
    a->stage = ANSWER_THINKING;
    a->brain->is_busy = true;
    a->brain->answer = a;
}

/* ---- the beginning --------------------------------------------------------------------------- */

static void try_answer(struct answer *a)
{
    bool needs_words = !json_is_array(json_object_get(a->request, "input"));

    if (a->stage == ANSWER_WAITING && given_words(a) != NULL) {
        say_given(a, given_words(a));
        return;
    }
    if (a->stage != ANSWER_WAITING || a->brain->is_busy ||
        (needs_words && dialogue_is_pending(&a->session->dialogue)))
        return;
    think(a);
}

/* The members of response.create that override the session's. False without memory. */
static bool read_request(struct answer *a, const struct rt_response_create *request)
{
    const struct rt_session_view *view = &a->session->view;
    const json_t *audio = json_object_get(json_object_get(a->request, "audio"), "output");
    const json_t *voice = json_object_get(audio, "voice");
    const json_t *limit = json_object_get(a->request, "max_output_tokens");
    _cleanup_(buf_done) struct buf metadata = {0};

    a->is_text = request != NULL && request->has_modalities ? request->text_only : view->text_only;
    a->format = json_object_get(audio, "format") == NULL
                    ? view->output_format
                    : rt_audio_of(json_object_get(audio, "format"));
    a->speed = view->speed;
    a->max_tokens = limit == NULL            ? view->max_output_tokens
                    : json_is_integer(limit) ? json_integer_value(limit)
                                             : 0;
    struct parley_view name = voice == NULL           ? view->voice
                              : json_is_object(voice) ? json_get_view(voice, "id")
                                                      : json_view(voice);
    a->voice = view_dup(name);
    if (request != NULL && request->metadata != NULL)
        json_write(&metadata, request->metadata);
    a->metadata = view_dup(buf_view(&metadata));
    if (request != NULL && request->instructions.data != NULL)
        a->instructions = view_dup(request->instructions);
    return a->voice != NULL && a->metadata != NULL && !metadata.failed &&
           (request == NULL || request->instructions.data == NULL || a->instructions != NULL);
}

static struct answer *create(struct cascade_session *s, const struct rt_response_create *request,
                             struct parley_error *err)
{
    struct answer *a = calloc(1, sizeof(*a));

    if (a == NULL) {
        (void)parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a response");
        return NULL;
    }
    a->session = s;
    list_init(&a->mouth.queue);
    id_make(a->id, "resp_");
    a->is_out_of_band = request != NULL && request->out_of_band;
    if (request != NULL && request->response != NULL)
        a->request = json_deep_copy(request->response);
    a->brain = a->is_out_of_band ? &a->own_brain : &s->brain;
    a->pacer = a->is_out_of_band ? &a->own_pacer : &s->pacer;
    int r = read_request(a, request)
                ? PARLEY_OK
                : parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a response");
    if (r == PARLEY_OK && !a->is_text)
        r = mouth_init(a, err);
    if (r == PARLEY_OK && a->is_out_of_band)
        r = brain_open(s, &a->own_brain, err);
    if (r < 0) {
        destroy(a);
        return NULL;
    }
    return a;
}

static bool begin(struct cascade_session *s, const struct rt_response_create *request,
                  struct parley_error *err)
{
    struct answer *a = create(s, request, err);

    if (a == NULL)
        return false;
    list_append(&s->answers, &a->entry);
    if (!a->is_out_of_band) {
        s->answer = a;
        s->wants_answer = false;
        loop_timer_stop(&s->ears.idle);
    }
    struct rt_response r = describe(a, RT_RESPONSE_IN_PROGRESS);
    rt_encode_response(outbox_begin(s), RT_RESPONSE_CREATED, &r);
    outbox_end(s);
    try_answer(a);
    return true;
}

static size_t count_out_of_band(const struct cascade_session *s)
{
    size_t count = 0;
    struct list *at;

    list_for_each(at, &s->answers) count += list_entry(at, struct answer, entry)->is_out_of_band;
    return count;
}

/* Every item that `input` refers to must be there. */
static int check_references(const struct cascade_session *s, const json_t *input,
                            struct rt_error *error)
{
    size_t index;
    json_t *item;

    json_array_foreach(input, index, item)
    {
        struct parley_view id = json_get_view(item, "id");
        if (strcmp(json_get_str(item, "type", ""), "item_reference") == 0 &&
            dialogue_find(&s->dialogue, id) == NULL)
            return rt_error_set(error, RT_ERROR_INVALID_VALUE, "response.input",
                                "Item '%.*s' of 'response.input' is not in the conversation.",
                                (int)id.len, id.data);
    }
    return PARLEY_OK;
}

static int check_request(const struct cascade_session *s, const struct rt_response_create *request,
                         struct rt_error *error)
{
    if (!request->out_of_band && s->answer != NULL)
        return rt_error_set(error, RT_ERROR_ACTIVE_RESPONSE, NULL,
                            "Conversation already has an active response in progress: %s. Wait "
                            "until the response is finished before creating a new one.",
                            s->answer->id);
    if (request->out_of_band && count_out_of_band(s) >= MAX_OUT_OF_BAND)
        return rt_error_set(error, RT_ERROR_RATE_LIMIT, NULL,
                            "%d out-of-band responses run already, which is the limit; wait until "
                            "one is finished.",
                            MAX_OUT_OF_BAND);
    if (request->has_modalities && !request->text_only && !cascade_has_voice(s))
        return rt_error_set(error, RT_ERROR_INVALID_VALUE, "response.output_modalities",
                            "%s has no voice; ask for [\"text\"].", s->cascade->title);
    return check_references(s, request->input, error);
}

void answer_request(struct cascade_session *s, const struct rt_response_create *request,
                    struct parley_view raw_event_id)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct rt_error error;

    if (check_request(s, request, &error) < 0) {
        outbox_error(s, &error, raw_event_id);
        return;
    }
    if (!begin(s, request, &err)) {
        rt_error_set(&error, RT_ERROR_SERVER, NULL, "The response could not begin: %s",
                     err.message);
        outbox_error(s, &error, raw_event_id);
    }
}

void answer_wish(struct cascade_session *s)
{
    s->wants_answer = true;
    answer_advance(s);
}

/* Turn detection's own answer: not while something is unclear, and not to a cough. */
static void try_wish(struct cascade_session *s)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (!s->wants_answer || s->answer != NULL || dialogue_is_pending(&s->dialogue))
        return;
    s->wants_answer = false;
    if (!s->has_new_words)
        return;
    if (!begin(s, NULL, &err)) {
        struct rt_error error;
        rt_error_set(&error, RT_ERROR_SERVER, NULL, "The response could not begin: %s",
                     err.message);
        outbox_error(s, &error, (struct parley_view){0});
    }
}

void answer_advance(struct cascade_session *s)
{
    struct list *at, *next;

    if (s->is_closing)
        return;
    list_for_each_safe(at, next, &s->answers) try_answer(list_entry(at, struct answer, entry));
    try_wish(s);
}

void answer_words_failed(struct cascade_session *s, const struct parley_error *err)
{
    if (s->answer != NULL && s->answer->stage == ANSWER_WAITING) {
        answer_fail(s->answer, err);
        return;
    }
    if (s->view.turns != RT_TURNS_NONE) {
        struct rt_error error;
        rt_error_set(&error, RT_ERROR_SERVER, NULL, "%s", err->message);
        outbox_error(s, &error, (struct parley_view){0});
    }
    s->wants_answer = false;
    answer_advance(s);
}

struct answer *answer_find(const struct cascade_session *s, struct parley_view id)
{
    struct list *at;

    list_for_each(at, &s->answers)
    {
        struct answer *a = list_entry(at, struct answer, entry);
        if (view_is(id, a->id))
            return a;
    }
    return NULL;
}

int answer_init(struct cascade_session *s, struct parley_error *err)
{
    list_init(&s->answers);
    return brain_open(s, &s->brain, err);
}

void answer_done(struct cascade_session *s)
{
    while (!list_empty(&s->answers))
        destroy(list_entry(s->answers.next, struct answer, entry));
    s->answer = NULL;
    s->brain.chat = chat_close(s->brain.chat);
}
