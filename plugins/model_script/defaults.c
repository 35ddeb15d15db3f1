/* SPDX-License-Identifier: Apache-2.0 */
/* What the scripted model answers when no rule does: about what the real service would. */
#include "session.h"

#include "tone.h"
#include "value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_COMMIT_MS 100

static void tell(struct session *s, json_t *event)
{
    session_tell(s, event, session_now_us(s));
}

static void fail(struct session *s, const json_t *event, const char *code, const char *message)
{
    tell(s, wire_error(s, "invalid_request_error", code, message, event));
}

static void session_update(struct session *s, const json_t *event)
{
    wire_merge(s->session, json_object_get(event, "session"));
    tell(s, wire_event_with(s, "session.updated", "session", json_deep_copy(s->session)));
}

/* --- Items ------------------------------------------------------------------------------------ */

/* added and done, with what stands before it. */
static void tell_item(struct session *s, const json_t *item)
{
    static const char *const types[] = {"conversation.item.added", "conversation.item.done"};

    for (size_t i = 0; i < 2; i++) {
        json_t *event = wire_event_with(s, types[i], "item", json_deep_copy(item));
        json_object_set_new(event, "previous_item_id",
                            conversation_before(s, value_str(item, "id", "")));
        tell(s, event);
    }
}

/* Audio is not shown, its transcript always. */
static void hide_audio(json_t *item)
{
    size_t i;
    json_t *part;

    json_array_foreach(json_object_get(item, "content"), i, part)
    {
        if (strcmp(value_str(part, "type", ""), "input_audio") != 0)
            continue;
        json_object_del(part, "audio");
        if (json_object_get(part, "transcript") == NULL)
            json_object_set_new(part, "transcript", json_null());
    }
}

static void remember_words(struct session *s, const json_t *item)
{
    const json_t *text = value_at(item, "content.0.text");
    const char *output = value_str(item, "output", NULL);

    if (json_is_string(text) && strcmp(value_str(item, "role", ""), "user") == 0) {
        session_user_said(s, json_string_value(text));
    }
    if (output != NULL) {
        free(s->last_output);
        s->last_output = strdup(output);
    }
}

static void item_create(struct session *s, const json_t *event)
{
    const char *after = value_str(event, "previous_item_id", NULL);
    json_t *item = json_deep_copy(json_object_get(event, "item"));
    char id[ID_SIZE];

    if (after != NULL && strcmp(after, "root") != 0 && conversation_find(s, after) < 0) {
        fail(s, event, "item_create_invalid_previous_item_id", "The previous item is unknown.");
        json_decref(item);
        return;
    }
    if (json_object_get(item, "id") == NULL) {
        wire_id(s, "item", id);
        json_object_set_new(item, "id", json_string(id));
    }
    json_object_set_new(item, "object", json_string("realtime.item"));
    json_object_set_new(item, "status", json_string("completed"));
    hide_audio(item);
    conversation_add(s, item, after);
    remember_words(s, item);
    tell_item(s, item);
    json_decref(item);
}

static void item_retrieve(struct session *s, const json_t *event)
{
    long at = conversation_find(s, value_str(event, "item_id", ""));

    if (at < 0)
        fail(s, event, "item_retrieve_invalid_item_id", "The item to retrieve is unknown.");
    else
        tell(s, wire_event_with(s, "conversation.item.retrieved", "item",
                                json_deep_copy(json_array_get(s->items, (size_t)at))));
}

static void item_delete(struct session *s, const json_t *event)
{
    const char *id = value_str(event, "item_id", "");
    long at = conversation_find(s, id);

    if (at < 0) {
        fail(s, event, "item_delete_invalid_item_id", "The item to delete is unknown.");
        return;
    }
    tell(s, wire_event_with(s, "conversation.item.deleted", "item_id", json_string(id)));
    json_array_remove(s->items, (size_t)at);
}

static void truncate_item(struct session *s, const json_t *event, const char *id)
{
    json_t *told = wire_event_with(s, "conversation.item.truncated", "item_id", json_string(id));
    json_t *item = json_array_get(s->items, (size_t)conversation_find(s, id));
    json_t *part = json_array_get(json_object_get(item, "content"), 0);

    json_object_set_new(told, "content_index", json_integer(value_int(event, "content_index", 0)));
    json_object_set_new(told, "audio_end_ms", json_integer(value_int(event, "audio_end_ms", 0)));
    tell(s, told);
    json_object_set_new(s->audio_ms, id, json_integer(value_int(event, "audio_end_ms", 0)));
    if (part != NULL) /* nobody can say which words were heard */
        json_object_set_new(part, "transcript", json_string(""));
}

static void item_truncate(struct session *s, const json_t *event)
{
    const char *id = value_str(event, "item_id", "");
    int64_t length_ms = value_int(s->audio_ms, id, -1);
    int64_t end_ms = value_int(event, "audio_end_ms", 0);
    char message[128];

    if (conversation_find(s, id) < 0) {
        fail(s, event, "item_truncate_invalid_item_id", "The item to truncate is unknown.");
    } else if (length_ms < 0) {
        fail(s, event, "invalid_value", "Only an assistant's audio can be truncated.");
    } else if (end_ms > length_ms) {
        (void)snprintf(message, sizeof(message),
                       "Audio content of %lldms is already shorter than %lldms",
                       (long long)length_ms, (long long)end_ms);
        fail(s, event, "invalid_value", message);
    } else {
        truncate_item(s, event, id);
    }
}

/* --- The user's audio ------------------------------------------------------------------------- */

static int64_t input_ms(const struct session *s)
{
    const json_t *type = value_at(s->session, "audio.input.format.type");
    uint32_t per_ms = tone_bytes_per_ms(json_is_string(type) ? json_string_value(type) : "");

    return (int64_t)((s->input_bytes - s->commit_bytes) / per_ms);
}

static void input_commit(struct session *s, const json_t *event)
{
    char id[ID_SIZE];

    if (input_ms(s) < LEAST_COMMIT_MS) {
        fail(s, event, "input_audio_buffer_commit_empty",
             "Error committing input audio buffer: buffer too small. Expected at least 100ms of "
             "audio.");
        return;
    }
    s->commit_bytes = s->input_bytes;
    wire_id(s, "item", id);
    json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:s, s:[{s:s, s:n}]}", "id", id, "object",
                             "realtime.item", "type", "message", "status", "completed", "role",
                             "user", "content", "type", "input_audio", "transcript");
    conversation_add(s, item, NULL);
    json_t *told = wire_event_with(s, "input_audio_buffer.committed", "item_id", json_string(id));
    json_object_set_new(told, "previous_item_id", conversation_before(s, id));
    tell(s, told);
    tell_item(s, item);
    json_decref(item);
}

static void input_clear(struct session *s, const json_t *event)
{
    (void)event;
    s->commit_bytes = s->input_bytes;
    tell(s, wire_event(s, "input_audio_buffer.cleared"));
}

/* --- Responses -------------------------------------------------------------------------------- */

static bool wants_text(const struct session *s, const json_t *event)
{
    const json_t *modality = value_at(event, "response.output_modalities.0");

    if (json_is_string(modality))
        return strcmp(json_string_value(modality), "text") == 0;
    return wire_is_text_only(s);
}

static void response_create(struct session *s, const json_t *event)
{
    json_t *answer = json_pack("{s:s}", wants_text(s, event) ? "text" : "speak", s->script->reply);

    (void)respond(s, answer, event); /* nothing waits for its end */
    json_decref(answer);
}

static void response_cancel(struct session *s, const json_t *event)
{
    const char *id = value_str(event, "response_id", NULL);
    struct response *r = id == NULL ? s->active : respond_find(s, id);

    if (r == NULL)
        fail(s, event, "response_cancel_not_active",
             "Cancellation failed: no active response found");
    else
        respond_cancel(s, r, "client_cancelled");
}

static void append(struct session *s, const json_t *event)
{
    (void)s;
    (void)event; /* never confirmed */
}

static const struct {
    const char *type;
    void (*answer)(struct session *s, const json_t *event);
} answers[] = {
    {"input_audio_buffer.append", append},         {"session.update", session_update},
    {"conversation.item.create", item_create},     {"conversation.item.retrieve", item_retrieve},
    {"conversation.item.truncate", item_truncate}, {"conversation.item.delete", item_delete},
    {"input_audio_buffer.commit", input_commit},   {"input_audio_buffer.clear", input_clear},
    {"response.create", response_create},          {"response.cancel", response_cancel},
};

void defaults_answer(struct session *s, const json_t *event)
{
    const char *type = value_str(event, "type", "");
    char message[160];

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        if (strcmp(type, answers[i].type) == 0) {
            answers[i].answer(s, event);
            return;
        }
    }
    if (strcmp(type, "session.open") == 0)
        return;
    (void)snprintf(message, sizeof(message), "Invalid value: '%.60s'.", type);
    json_t *told = wire_error(s, "invalid_request_error", "invalid_value", message, event);
    json_object_set_new(json_object_get(told, "error"), "param", json_string("type"));
    tell(s, told);
}
