/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include "value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A step is over at that time; the next one begins then. */
typedef uint64_t step_fn(struct session *s, const json_t *step, const json_t *trigger);

static uint64_t in_ms(const struct session *s, int64_t ms)
{
    return session_now_us(s) + (uint64_t)(ms < 0 ? 0 : ms) * 1000;
}

/* {"send": {...}} or {"send": [{...}, ...]}: events as they are, with an event_id where there is
 * none. */
static uint64_t step_send(struct session *s, const json_t *step, const json_t *trigger)
{
    const json_t *send = json_object_get(step, "send");
    size_t count = json_is_array(send) ? json_array_size(send) : 1;

    for (size_t i = 0; i < count; i++) {
        json_t *event =
            template_fill(s, json_is_array(send) ? json_array_get(send, i) : send, trigger);
        if (json_object_get(event, "event_id") == NULL) {
            char id[ID_SIZE];
            wire_id(s, "event", id);
            json_object_set_new(event, "event_id", json_string(id));
        }
        session_tell(s, event, session_now_us(s));
    }
    return session_now_us(s);
}

/* {"raw": "..."}: bytes that need not be JSON. */
static uint64_t step_raw(struct session *s, const json_t *step, const json_t *trigger)
{
    json_t *text = template_fill(s, json_object_get(step, "raw"), trigger);
    struct task *t = session_task(s, TASK_EVENT, session_now_us(s));

    if (t != NULL && json_is_string(text))
        t->text = strdup(json_string_value(text));
    json_decref(text);
    return session_now_us(s);
}

/* {"oversized": {"type": ..., "bytes": N}} */
static uint64_t step_oversized(struct session *s, const json_t *step, const json_t *trigger)
{
    const json_t *what = json_object_get(step, "oversized");
    int64_t len = value_int(what, "bytes", 1 << 20);
    char *padding = len < 0 || len > (1 << 28) ? NULL : malloc((size_t)len + 1);

    (void)trigger;
    if (padding == NULL)
        return session_now_us(s);
    memset(padding, 'A', (size_t)len);
    padding[len] = '\0';
    session_tell(s,
                 wire_event_with(s, value_str(what, "type", "response.output_audio.delta"), "delta",
                                 json_string_nocheck(padding)),
                 session_now_us(s));
    free(padding);
    return session_now_us(s);
}

static uint64_t step_delay(struct session *s, const json_t *step, const json_t *trigger)
{
    (void)trigger;
    return in_ms(s, value_int(step, "delay_ms", 0));
}

/* Text, speech or a call as the step itself, or a whole description under "respond". */
static uint64_t step_respond(struct session *s, const json_t *step, const json_t *trigger)
{
    const json_t *description = json_object_get(step, "respond");

    if (description == NULL)
        description = step;
    uint64_t end_us = respond(s, description, trigger);
    return value_bool(step, "background", false) ? session_now_us(s) : end_us;
}

static uint64_t step_cancel(struct session *s, const json_t *step, const json_t *trigger)
{
    (void)trigger;
    const json_t *reason = json_object_get(step, "cancel");
    if (s->active != NULL)
        respond_cancel(s, s->active,
                       json_is_string(reason) ? json_string_value(reason) : "client_cancelled");
    return session_now_us(s);
}

static uint64_t step_error(struct session *s, const json_t *step, const json_t *trigger)
{
    json_t *error = template_fill(s, json_object_get(step, "error"), trigger);
    json_t *event = wire_error(s, value_str(error, "type", "invalid_request_error"),
                               value_str(error, "code", ""),
                               value_str(error, "message", "The script says so."), trigger);

    json_object_update_existing(json_object_get(event, "error"), error);
    json_decref(error);
    session_tell(s, event, session_now_us(s));
    return session_now_us(s);
}

static uint64_t step_close(struct session *s, const json_t *step, const json_t *trigger)
{
    struct task *t = session_task(s, TASK_CLOSE, session_now_us(s));

    (void)trigger;
    if (t != NULL)
        t->closing = json_object_get(step, "close");
    return session_now_us(s);
}

static uint64_t step_busy(struct session *s, const json_t *step, const json_t *trigger)
{
    (void)trigger;
    s->is_busy = true;
    (void)session_task(s, TASK_READY, in_ms(s, value_int(step, "busy_ms", 0)));
    return session_now_us(s);
}

static uint64_t step_default(struct session *s, const json_t *step, const json_t *trigger)
{
    (void)step;
    defaults_answer(s, trigger);
    return session_now_us(s);
}

static uint64_t step_silence(struct session *s, const json_t *step, const json_t *trigger)
{
    (void)step;
    (void)trigger;
    return session_now_us(s);
}

/* --- The user's turn as turn detection sees it --------------------------------------------------
 */

static bool detects(const struct session *s, const char *what)
{
    const json_t *vad = value_at(s->session, "audio.input.turn_detection");

    return json_is_object(vad) && value_bool(vad, what, true);
}

static json_t *vad_event(struct session *s, const char *type, const char *key, int64_t ms,
                         const char *item_id)
{
    json_t *event = wire_event_with(s, type, "item_id", json_string(item_id));

    if (key != NULL)
        json_object_set_new(event, key, json_integer(ms));
    return event;
}

static void tell_transcript(struct session *s, const char *item_id, const char *text)
{
    json_t *usage = json_pack("{s:s, s:f}", "type", "duration", "seconds", 1.0);
    json_t *event = wire_event_with(s, "conversation.item.input_audio_transcription.delta", "delta",
                                    json_string(text));

    json_object_set_new(event, "item_id", json_string(item_id));
    json_object_set_new(event, "content_index", json_integer(0));
    session_tell(s, event, session_now_us(s));
    event = wire_event_with(s, "conversation.item.input_audio_transcription.completed",
                            "transcript", json_string(text));
    json_object_set_new(event, "item_id", json_string(item_id));
    json_object_set_new(event, "content_index", json_integer(0));
    json_object_set_new(event, "usage", usage);
    session_tell(s, event, session_now_us(s));
}

static void user_item(struct session *s, const char *item_id, const char *transcript)
{
    json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:s, s:[{s:s, s:n}]}", "id", item_id, "object",
                             "realtime.item", "type", "message", "status", "completed", "role",
                             "user", "content", "type", "input_audio", "transcript");

    conversation_add(s, item, NULL);
    const char *const types[] = {"input_audio_buffer.committed", "conversation.item.added",
                                 "conversation.item.done"};
    for (size_t i = 0; i < 3; i++) {
        json_t *event = i == 0 ? vad_event(s, types[0], NULL, 0, item_id)
                               : wire_event_with(s, types[i], "item", json_deep_copy(item));
        json_object_set_new(event, "previous_item_id", conversation_before(s, item_id));
        session_tell(s, event, session_now_us(s));
    }
    if (!json_is_null(value_at(s->session, "audio.input.transcription")))
        tell_transcript(s, item_id, transcript);
    json_object_set_new(json_array_get(json_object_get(item, "content"), 0), "transcript",
                        json_string(transcript));
    json_decref(item);
    session_user_said(s, transcript);
}

/*
 * {"user_turn": {"transcript": ..., "speech_ms": N}}: speech_started, an interruption, and, when
 * the time has passed (the step runs again with "item_id"), the rest and a response.
 */
static void user_turn_end(struct session *s, const json_t *turn, const char *item_id)
{
    session_tell(s,
                 vad_event(s, "input_audio_buffer.speech_stopped", "audio_end_ms",
                           value_int(turn, "start_ms", 0) + value_int(turn, "speech_ms", 500),
                           item_id),
                 session_now_us(s));
    user_item(s, item_id, value_str(turn, "transcript", ""));
    if (!detects(s, "create_response"))
        return;
    json_t *create = json_pack("{s:s, s:s}", "type", "response.create", "source", "vad");
    session_dispatch(s, create);
    json_decref(create);
}

static uint64_t user_turn_begin(struct session *s, const json_t *turn, const json_t *trigger)
{
    char item_id[ID_SIZE];
    uint64_t end_us = in_ms(s, value_int(turn, "speech_ms", 500));

    wire_id(s, "item", item_id);
    session_tell(s,
                 vad_event(s, "input_audio_buffer.speech_started", "audio_start_ms",
                           value_int(turn, "start_ms", 0), item_id),
                 session_now_us(s));
    if (s->active != NULL && detects(s, "interrupt_response"))
        respond_cancel(s, s->active, "turn_detected");
    struct task *t = session_task(s, TASK_RUN, end_us);
    if (t != NULL) {
        json_t *ended = json_deep_copy(turn);
        json_object_set_new(ended, "item_id", json_string(item_id));
        t->trigger =
            json_pack("{s:o, s:o}", "user_turn_end", ended, "trigger", json_deep_copy(trigger));
    }
    return end_us;
}

static uint64_t step_user_turn(struct session *s, const json_t *step, const json_t *trigger)
{
    json_t *turn = template_fill(s, json_object_get(step, "user_turn"), trigger);
    uint64_t end_us = user_turn_begin(s, turn, trigger);

    json_decref(turn);
    return end_us;
}

/* --- Running ---------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    step_fn *run;
} table[] = {
    {"send", step_send},       {"raw", step_raw},         {"oversized", step_oversized},
    {"respond", step_respond}, {"text", step_respond},    {"speak", step_respond},
    {"call", step_respond},    {"cancel", step_cancel},   {"error", step_error},
    {"close", step_close},     {"busy_ms", step_busy},    {"user_turn", step_user_turn},
    {"default", step_default}, {"silence", step_silence}, {"delay_ms", step_delay},
};

static uint64_t run_step(struct session *s, const json_t *step, const json_t *trigger)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (json_object_get(step, table[i].name) != NULL)
            return table[i].run(s, step, trigger);
    }
    return session_now_us(s);
}

void steps_run(struct session *s, const json_t *steps, size_t step, const json_t *trigger)
{
    const json_t *turn = json_object_get(trigger, "user_turn_end");

    if (steps == NULL && turn != NULL) {
        user_turn_end(s, turn, value_str(turn, "item_id", ""));
        return;
    }
    for (; step < json_array_size(steps); step++) {
        uint64_t end_us = run_step(s, json_array_get(steps, step), trigger);
        if (end_us <= session_now_us(s))
            continue;
        struct task *t = session_task(s, TASK_RUN, end_us);
        if (t != NULL) {
            t->steps = steps;
            t->step = step + 1;
            t->trigger = json_deep_copy(trigger);
        }
        return;
    }
}
