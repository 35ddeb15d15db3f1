/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A response is planned whole when it begins: each event becomes a task with its time. Telling a
 * task marks what has been told, so that a cancel can drop the rest and close what is open.
 */
#include "session.h"

#include "tone.h"
#include "value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMITS_DELAY_MS  40 /* rate_limits.updated comes a little after response.done */
#define DEFAULT_CHUNK_MS 100
#define MS_PER_CHAR      50 /* how long a spoken text is when nothing is said */
#define MAX_AUDIO_MS     3600000

enum output_kind { OUTPUT_TEXT, OUTPUT_SPEECH, OUTPUT_CALL };
enum progress { NOT_BEGUN, ITEM_ADDED, PART_ADDED, ITEM_DONE };

struct output {
    enum output_kind kind;
    enum progress progress;
    char id[ID_SIZE];
    char call_id[ID_SIZE];
    char *text;         /* text, transcript or arguments, whole */
    char *said;         /* what has been told of it */
    char *name;         /* of a function */
    bool is_incomplete; /* a cancel cut it: text is what had been told */
    const json_t *settings;
};

struct response {
    struct response *next;
    json_t *description; /* owned */
    json_t *metadata;    /* owned, or NULL */
    char id[ID_SIZE];
    bool in_band;
    bool is_done;
    struct output *outputs;
    unsigned output_count;
    char *chunk; /* base64 of one piece of the tone */
    uint32_t chunk_ms;
};

/* Where the plan of a response has come to. */
struct plan {
    struct session *s;
    struct response *r;
    uint64_t at_us;
};

static bool has_fault(const struct response *r, const char *fault)
{
    return value_has(json_object_get(r->description, "faults"), fault);
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

/* --- The JSON of things ----------------------------------------------------------------------- */

static json_t *part_json(const struct response *r, const struct output *o, const char *text,
                         bool is_short)
{
    if (o->kind == OUTPUT_TEXT)
        return json_pack("{s:s, s:s}", "type", is_short ? "text" : "output_text", "text", text);
    json_t *part = json_pack("{s:s}", "type", is_short ? "audio" : "output_audio");
    if (!has_fault(r, "no_transcript"))
        json_object_set_new(part, "transcript", json_string(text));
    return part;
}

static json_t *item_json(const struct response *r, const struct output *o, const char *status,
                         const char *text)
{
    if (o->kind == OUTPUT_CALL)
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id", o->id, "object",
                         "realtime.item", "type", "function_call", "status", status, "call_id",
                         o->call_id, "name", o->name, "arguments", text);
    json_t *content = json_array();
    if (text[0] != '\0')
        json_array_append_new(content, part_json(r, o, text, false));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "id", o->id, "object", "realtime.item",
                     "type", "message", "status", status, "role", "assistant", "content", content);
}

/* Invented, but complete; all zeros when nothing came out. */
static json_t *usage_json(const struct response *r, size_t output_count)
{
    const json_t *given = json_object_get(r->description, "usage");
    int tokens = 0;

    if (given != NULL)
        return json_deep_copy(given);
    if (has_fault(r, "no_usage"))
        return json_null();
    for (unsigned i = 0; i < output_count; i++)
        tokens += (int)strlen(or_empty(r->outputs[i].text)) / 4 + 1;
    int input = output_count == 0 ? 0 : 10;
    json_t *usage = json_pack("{s:i, s:i, s:i}", "total_tokens", tokens + input, "input_tokens",
                              input, "output_tokens", tokens);
    if (has_fault(r, "partial_usage"))
        return usage;
    json_object_set_new(usage, "input_token_details",
                        json_pack("{s:i, s:i, s:i, s:i, s:{s:i, s:i, s:i}}", "text_tokens", input,
                                  "audio_tokens", 0, "image_tokens", 0, "cached_tokens", 0,
                                  "cached_tokens_details", "text_tokens", 0, "audio_tokens", 0,
                                  "image_tokens", 0));
    json_object_set_new(usage, "output_token_details",
                        json_pack("{s:i, s:i}", "text_tokens", tokens, "audio_tokens", 0));
    return usage;
}

static json_t *details_json(const struct response *r, const char *status, const char *reason)
{
    const json_t *error = json_object_get(r->description, "error");

    if (strcmp(status, "completed") == 0 || strcmp(status, "in_progress") == 0)
        return json_null();
    json_t *details = json_pack("{s:s}", "type", status);
    if (reason[0] != '\0')
        json_object_set_new(details, "reason", json_string(reason));
    if (error != NULL)
        json_object_set_new(details, "error", json_deep_copy(error));
    return details;
}

static json_t *response_json(const struct session *s, const struct response *r, const char *status,
                             const char *reason, json_t *output)
{
    bool is_done = strcmp(status, "in_progress") != 0;
    size_t output_count = json_array_size(output); /* before it is given away */
    const json_t *voice = value_at(s->session, "audio.output.voice");
    json_t *audio = json_pack("{s:{s:O}}", "output", "format",
                              (json_t *)(uintptr_t)value_at(s->session, "audio.output.format"));

    if (json_is_string(voice))
        json_object_set_new(json_object_get(audio, "output"), "voice", json_deep_copy(voice));
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:[s], s:s, s:o, s:o, s:o}", "object",
                     "realtime.response", "id", r->id, "status", status, "status_details",
                     details_json(r, status, reason), "output", output, "conversation_id",
                     r->in_band ? json_string("conv_1") : json_null(), "output_modalities",
                     wire_is_text_only(s) ? "text" : "audio", "max_output_tokens", "inf", "audio",
                     audio, "usage", is_done ? usage_json(r, output_count) : json_null(),
                     "metadata", r->metadata == NULL ? json_null() : json_deep_copy(r->metadata));
}

/* --- Planning --------------------------------------------------------------------------------- */

/* Tell an event (stolen) at the plan's time. */
static void plan_event(struct plan *p, json_t *event, enum mark mark, unsigned output,
                       const char *delta)
{
    struct task *t = session_task(p->s, TASK_EVENT, p->at_us);

    if (t != NULL) {
        t->text = value_text(event);
        t->response = p->r;
        t->mark = mark;
        t->output = output;
        t->delta = delta == NULL ? NULL : strdup(delta);
    }
    json_decref(event);
}

/* An event of the response with its common members. */
static json_t *place_event(struct session *s, const struct response *r, const char *type,
                           unsigned output, bool is_delta)
{
    const struct output *o = &r->outputs[output];
    json_t *event = wire_event(s, type);
    bool lies_response = is_delta && has_fault(r, "wrong_response_id");
    bool lies_item = is_delta && has_fault(r, "wrong_item_id");

    json_object_set_new(event, "response_id", json_string(lies_response ? "resp_wrong" : r->id));
    json_object_set_new(event, "item_id", json_string(lies_item ? "item_wrong" : o->id));
    json_object_set_new(event, "output_index", json_integer(output));
    if (o->kind == OUTPUT_CALL)
        json_object_set_new(event, "call_id", json_string(o->call_id));
    else
        json_object_set_new(event, "content_index", json_integer(0));
    return event;
}

static void plan_output_item(struct plan *p, const char *type, unsigned output, json_t *item,
                             enum mark mark)
{
    json_t *event = wire_event_with(p->s, type, "response_id", json_string(p->r->id));

    json_object_set_new(event, "output_index", json_integer(output));
    json_object_set_new(event, "item", item);
    plan_event(p, event, mark, output, NULL);
}

/* previous_item_id is added when the event is told: only then the conversation knows it. */
static void plan_conversation_item(struct plan *p, const char *type, unsigned output, json_t *item)
{
    plan_event(p, wire_event_with(p->s, type, "item", item), MARK_CONVERSATION, output,
               p->r->outputs[output].id);
}

static void plan_text(struct plan *p, const char *type, unsigned output, const char *key,
                      const char *text)
{
    json_t *event = place_event(p->s, p->r, type, output, strcmp(key, "delta") == 0);

    json_object_set_new(event, key, json_string(text));
    if (strcmp(type, "response.function_call_arguments.done") == 0)
        json_object_set_new(event, "name", json_string(p->r->outputs[output].name));
    plan_event(p, event, strcmp(key, "delta") == 0 ? MARK_DELTA : MARK_NONE, output,
               strcmp(key, "delta") == 0 ? text : NULL);
}

static void plan_part(struct plan *p, const char *type, unsigned output, const char *text,
                      enum mark mark)
{
    json_t *event = place_event(p->s, p->r, type, output, false);

    json_object_set_new(event, "part", part_json(p->r, &p->r->outputs[output], text, true));
    plan_event(p, event, mark, output, NULL);
}

static const char *delta_type(enum output_kind kind)
{
    return kind == OUTPUT_TEXT     ? "response.output_text.delta"
           : kind == OUTPUT_SPEECH ? "response.output_audio_transcript.delta"
                                   : "response.function_call_arguments.delta";
}

/* Words with the space behind them. */
static void plan_deltas(struct plan *p, unsigned output)
{
    const struct output *o = &p->r->outputs[output];
    int64_t delay_ms = value_int(p->r->description, "delta_delay_ms", 0);
    const char *at = or_empty(o->text);

    while (*at != '\0') {
        char word[256];
        size_t len = strcspn(at, " ") + (at[strcspn(at, " ")] == ' ');
        if (len >= sizeof(word))
            len = sizeof(word) - 1;
        while (len > 1 && ((unsigned char)at[len] & 0xc0) == 0x80)
            len--; /* never inside a character */
        (void)snprintf(word, sizeof(word), "%.*s", (int)len, at);
        plan_text(p, delta_type(o->kind), output, "delta", word);
        p->at_us += (uint64_t)delay_ms * 1000;
        at += len;
    }
}

static int64_t speech_ms(const struct output *o)
{
    int64_t ms = value_int(o->settings, "ms", (int64_t)strlen(or_empty(o->text)) * MS_PER_CHAR);

    return ms < 0 ? 0 : ms > MAX_AUDIO_MS ? MAX_AUDIO_MS : ms;
}

/* One task stands for all chunks, so that an hour of speech takes no memory. */
static void plan_audio(struct plan *p, unsigned output)
{
    const struct output *o = &p->r->outputs[output];
    int64_t chunk_ms = value_int(o->settings, "chunk_ms", DEFAULT_CHUNK_MS);
    bool is_paced = value_bool(o->settings, "pace", false);
    int64_t every_ms = value_int(o->settings, "every_ms", is_paced ? chunk_ms : 0);

    if (chunk_ms < 1 || chunk_ms > 10000)
        chunk_ms = DEFAULT_CHUNK_MS;
    int64_t chunks = (speech_ms(o) + chunk_ms - 1) / chunk_ms;
    if (p->r->chunk == NULL || p->r->chunk_ms != (uint32_t)chunk_ms) {
        free(p->r->chunk);
        p->r->chunk = tone_base64(wire_output_format(p->s), (uint32_t)chunk_ms);
        p->r->chunk_ms = (uint32_t)chunk_ms;
    }
    struct task *t = chunks == 0 ? NULL : session_task(p->s, TASK_AUDIO, p->at_us);
    if (t == NULL)
        return;
    t->response = p->r;
    t->output = output;
    t->chunks = (uint32_t)chunks;
    t->every_ms = every_ms;
    p->at_us += (uint64_t)(every_ms < 0 ? 0 : every_ms) * 1000 * (uint64_t)(chunks - 1);
}

/* From the last delta on: also what a cancel tells of an open output. */
static void plan_output_end(struct plan *p, unsigned output, const char *status, const char *text)
{
    const struct output *o = &p->r->outputs[output];

    if (o->kind == OUTPUT_TEXT)
        plan_text(p, "response.output_text.done", output, "text", text);
    if (o->kind == OUTPUT_SPEECH) {
        plan_event(p, place_event(p->s, p->r, "response.output_audio.done", output, false),
                   MARK_NONE, output, NULL);
        plan_text(p, "response.output_audio_transcript.done", output, "transcript", text);
    }
    if (o->kind == OUTPUT_CALL)
        plan_text(p, "response.function_call_arguments.done", output, "arguments", text);
    else
        plan_part(p, "response.content_part.done", output, text, MARK_NONE);
    if (p->r->in_band)
        plan_conversation_item(p, "conversation.item.done", output,
                               item_json(p->r, o, status, text));
    if (has_fault(p->r, "no_item_done"))
        return;
    plan_output_item(p, "response.output_item.done", output, item_json(p->r, o, status, text),
                     MARK_ITEM_DONE);
    if (has_fault(p->r, "duplicate_item_done"))
        plan_output_item(p, "response.output_item.done", output, item_json(p->r, o, status, text),
                         MARK_ITEM_DONE);
}

static void plan_output(struct plan *p, unsigned output)
{
    const struct output *o = &p->r->outputs[output];
    const char *first = has_fault(p->r, "completed_early") ? "completed" : "in_progress";
    const char *given = has_fault(p->r, "completed_early") ? or_empty(o->text) : "";

    p->at_us += (uint64_t)value_int(o->settings, "after_ms", 0) * 1000;
    if (has_fault(p->r, "early_item_done"))
        plan_output_item(p, "response.output_item.done", output,
                         item_json(p->r, o, "completed", or_empty(o->text)), MARK_NONE);
    plan_output_item(p, "response.output_item.added", output, item_json(p->r, o, first, given),
                     MARK_ITEM);
    if (p->r->in_band)
        plan_conversation_item(p, "conversation.item.added", output,
                               item_json(p->r, o, first, given));
    if (o->kind != OUTPUT_CALL)
        plan_part(p, "response.content_part.added", output, "", MARK_PART);
    plan_deltas(p, output);
    if (o->kind == OUTPUT_SPEECH)
        plan_audio(p, output);
    plan_output_end(p, output, "completed", or_empty(o->text));
}

static const char *end_status(const struct output *o)
{
    return o->is_incomplete ? "incomplete" : "completed";
}

/* Items as response.done shows them; `whole`: as planned, else those that were begun. */
static json_t *output_json(const struct response *r, bool whole)
{
    json_t *output = json_array();

    for (unsigned i = 0; i < r->output_count; i++) {
        const struct output *o = &r->outputs[i];
        if (whole || o->progress != NOT_BEGUN)
            json_array_append_new(output, item_json(r, o, end_status(o), or_empty(o->text)));
    }
    return output;
}

static void plan_done(struct plan *p, const char *status, const char *reason, bool whole)
{
    json_t *response = response_json(p->s, p->r, status, reason, output_json(p->r, whole));

    plan_event(p, wire_event_with(p->s, "response.done", "response", response), MARK_DONE, 0, NULL);
}

static void plan_rate_limits(struct plan *p)
{
    json_t *limits = json_pack("[{s:s, s:i, s:i, s:f}]", "name", "tokens", "limit", 40000,
                               "remaining", 39000, "reset_seconds", 1.5);

    p->at_us += LIMITS_DELAY_MS * 1000;
    plan_event(p, wire_event_with(p->s, "rate_limits.updated", "rate_limits", limits), MARK_NONE, 0,
               NULL);
    p->at_us -= LIMITS_DELAY_MS * 1000; /* nobody waits for it */
}

static void plan_end(struct plan *p)
{
    const char *status = value_str(p->r->description, "status", "completed");
    const char *reason = value_str(p->r->description, "reason", "");

    if (has_fault(p->r, "no_done"))
        return;
    plan_done(p, status, reason, true);
    if (has_fault(p->r, "duplicate_done"))
        plan_done(p, status, reason, true);
    if (has_fault(p->r, "late_delta") && p->r->output_count > 0)
        plan_text(p, delta_type(p->r->outputs[0].kind), 0, "delta", "late");
    plan_rate_limits(p);
}

static void plan_all(struct plan *p)
{
    if (!has_fault(p->r, "no_created"))
        plan_event(p,
                   wire_event_with(p->s, "response.created", "response",
                                   response_json(p->s, p->r, "in_progress", "", json_array())),
                   MARK_NONE, 0, NULL);
    p->at_us += (uint64_t)value_int(p->r->description, "think_ms", 0) * 1000;
    if (has_fault(p->r, "early_done"))
        plan_done(p, "completed", "", false);
    for (unsigned i = 0; i < p->r->output_count; i++)
        plan_output(p, i);
    plan_end(p);
}

/* --- Beginning -------------------------------------------------------------------------------- */

static char *arguments_text(const json_t *arguments)
{
    if (json_is_string(arguments))
        return strdup(json_string_value(arguments)); /* also what is no JSON, on purpose */
    return arguments == NULL ? strdup("{}") : value_text(arguments);
}

static void read_call(struct session *s, struct output *o, const json_t *call)
{
    o->kind = OUTPUT_CALL;
    o->name = strdup(value_str(call, "name", "unnamed"));
    o->text = arguments_text(json_object_get(call, "arguments"));
    const char *given = value_str(call, "call_id", NULL);
    if (given == NULL)
        wire_id(s, "call", o->call_id);
    else
        (void)snprintf(o->call_id, sizeof(o->call_id), "%s", given);
    (void)snprintf(s->last_call, sizeof(s->last_call), "%s", o->call_id);
}

static void read_output(struct session *s, struct output *o, const json_t *settings)
{
    const json_t *call = json_object_get(settings, "call");
    const char *speech = value_str(settings, "speak", NULL);

    o->settings = settings;
    wire_id(s, "item", o->id);
    if (call != NULL) {
        read_call(s, o, call);
        return;
    }
    o->kind = speech != NULL ? OUTPUT_SPEECH : OUTPUT_TEXT;
    o->text = strdup(speech != NULL ? speech : value_str(settings, "text", ""));
}

static bool read_outputs(struct session *s, struct response *r)
{
    const json_t *outputs = json_object_get(r->description, "outputs");
    size_t count = json_is_array(outputs) ? json_array_size(outputs) : 1;

    r->outputs = calloc(count + 1, sizeof(r->outputs[0]));
    if (r->outputs == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        read_output(s, &r->outputs[i],
                    json_is_array(outputs) ? json_array_get(outputs, i) : r->description);
    r->output_count = (unsigned)count;
    return true;
}

static void response_free(struct response *r)
{
    for (unsigned i = 0; i < r->output_count; i++) {
        free(r->outputs[i].text);
        free(r->outputs[i].said);
        free(r->outputs[i].name);
    }
    free(r->outputs);
    free(r->chunk);
    json_decref(r->description);
    json_decref(r->metadata);
    free(r);
}

static struct response *response_new(struct session *s, const json_t *description,
                                     const json_t *trigger)
{
    const json_t *metadata = value_at(trigger, "response.metadata");
    struct response *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->description = template_fill(s, description, trigger);
    r->metadata = metadata == NULL ? NULL : json_deep_copy(metadata);
    r->in_band = strcmp(value_str(json_object_get(trigger, "response"), "conversation", "auto"),
                        "none") != 0;
    wire_id(s, "resp", r->id);
    if (!read_outputs(s, r)) {
        response_free(r);
        return NULL;
    }
    return r;
}

static void refuse_second(struct session *s, const json_t *trigger)
{
    char message[192];

    (void)snprintf(message, sizeof(message),
                   "Conversation already has an active response in progress: %s. Wait until the "
                   "response is finished before creating a new one.",
                   s->active->id);
    session_tell(s,
                 wire_error(s, "invalid_request_error", "conversation_already_has_active_response",
                            message, trigger),
                 session_now_us(s));
}

uint64_t respond(struct session *s, const json_t *description, const json_t *trigger)
{
    struct response *r = response_new(s, description, trigger);
    struct plan p = {s, r, session_now_us(s)};

    if (r == NULL)
        return p.at_us;
    if (r->in_band && s->active != NULL && !value_bool(description, "force", false)) {
        refuse_second(s, trigger);
        response_free(r);
        return p.at_us;
    }
    r->next = s->responses;
    s->responses = r;
    if (r->in_band)
        s->active = r;
    (void)snprintf(s->last_response, sizeof(s->last_response), "%s", r->id);
    plan_all(&p);
    return p.at_us;
}

struct response *respond_find(const struct session *s, const char *id)
{
    for (struct response *r = s->responses; r != NULL; r = r->next) {
        if (!r->is_done && strcmp(r->id, id) == 0)
            return r;
    }
    return NULL;
}

/* --- While it is told ------------------------------------------------------------------------- */

static void note_delta(struct output *o, const char *delta)
{
    size_t old = strlen(or_empty(o->said));
    char *said = realloc(o->said, old + strlen(delta) + 1);

    if (said == NULL)
        return; /* a cancel then shows less */
    memcpy(said + old, delta, strlen(delta) + 1);
    o->said = said;
}

static void note_item(struct session *s, const struct response *r, const struct output *o)
{
    bool is_done = o->progress == ITEM_DONE;
    json_t *item =
        item_json(r, o, is_done ? end_status(o) : "in_progress", is_done ? or_empty(o->text) : "");

    if (conversation_find(s, o->id) < 0)
        conversation_add(s, item, NULL);
    else
        conversation_replace(s, item);
    json_decref(item);
}

static void note_done(struct session *s, struct response *r)
{
    r->is_done = true;
    if (s->active == r)
        s->active = NULL;
}

void respond_note(struct session *s, const struct task *task)
{
    struct response *r = task->response;
    struct output *o =
        r == NULL || task->output >= r->output_count ? NULL : &r->outputs[task->output];

    if (task->mark == MARK_DONE && r != NULL)
        note_done(s, r);
    if (o == NULL || task->mark < MARK_ITEM || task->mark > MARK_ITEM_DONE)
        return;
    if (task->mark == MARK_DELTA) {
        note_delta(o, or_empty(task->delta));
        return;
    }
    o->progress = task->mark == MARK_ITEM   ? ITEM_ADDED
                  : task->mark == MARK_PART ? PART_ADDED
                                            : ITEM_DONE;
    if (r->in_band && task->mark != MARK_PART)
        note_item(s, r, o);
}

json_t *respond_audio_event(struct session *s, const struct task *task)
{
    struct response *r = task->response;
    const struct output *o = &r->outputs[task->output];
    json_t *event = place_event(s, r, "response.output_audio.delta", task->output, true);
    int64_t ms = value_int(s->audio_ms, o->id, 0) + r->chunk_ms;

    json_object_set_new(event, "delta", json_string_nocheck(or_empty(r->chunk)));
    json_object_set_new(s->audio_ms, o->id, json_integer(ms));
    return event;
}

void respond_cancel(struct session *s, struct response *r, const char *reason)
{
    struct plan p = {s, r, session_now_us(s)};

    queue_drop(&s->queue, r);
    for (unsigned i = 0; i < r->output_count; i++) {
        struct output *o = &r->outputs[i];
        if (o->progress != ITEM_ADDED && o->progress != PART_ADDED)
            continue;
        free(o->text);
        o->text = o->said;
        o->said = NULL;
        o->is_incomplete = true;
        plan_output_end(&p, i, "incomplete", or_empty(o->text));
    }
    plan_done(&p, "cancelled", reason, false);
    plan_rate_limits(&p);
    /* The service takes the next response at once; what is told of this one is in order before it.
     */
    if (s->active == r)
        s->active = NULL;
    r->is_done = true;
}

static bool is_queued(const struct session *s, const struct response *r)
{
    for (const struct task *t = s->queue.first; t != NULL; t = t->next) {
        if (t->response == r)
            return true;
    }
    return false;
}

void respond_reap(struct session *s, bool all)
{
    struct response **at = &s->responses;

    while (*at != NULL) {
        struct response *r = *at;
        if (!all && (!r->is_done || is_queued(s, r))) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        response_free(r);
    }
}
