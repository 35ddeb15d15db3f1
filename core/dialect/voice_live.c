/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/voice_live.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "dialect/state.h"
#include "realtime/encode.h"
#include "realtime/splice.h"

#include <stdlib.h>

#define MAX_HELD    (1024 * 1024) /* behind a response that is being cancelled */
#define MAX_KEPT    (64 * 1024)   /* of fields that are only told back, as JSON */
#define PIECE_CHARS (512 * 1024)  /* of base64: whole samples, well below the client's limit */

struct voice_live *voice_live_create(const struct voice_live_sink *sink)
{
    struct voice_live *v = calloc(1, sizeof(*v));

    if (v == NULL)
        return NULL;
    v->sink = *sink;
    v->kept = json_object();
    if (v->kept == NULL)
        return voice_live_destroy(v);
    return v;
}

struct voice_live *voice_live_destroy(struct voice_live *v)
{
    if (v == NULL)
        return NULL;
    json_decref(v->kept);
    json_decref(v->kept_before);
    free(v->instructions);
    buf_done(&v->held);
    buf_done(&v->in);
    buf_done(&v->out);
    free(v);
    return NULL;
}

static void to_session(struct voice_live *v, const json_t *tree)
{
    buf_clear(&v->in);
    json_write(&v->in, tree);
    if (!v->in.failed)
        v->sink.to_session(v->sink.ctx, buf_view(&v->in), 0);
}

static void to_client(struct voice_live *v, const struct rt_error *error,
                      struct parley_view raw_event_id)
{
    buf_clear(&v->out);
    rt_encode_error(&v->out, error, raw_event_id);
    if (!v->out.failed)
        v->sink.to_client(v->sink.ctx, buf_view(&v->out), 0);
}

/* ---- from the client ---- */

/* With what earlier updates have left there. */
static bool fits(const json_t *kept, struct rt_error *fault)
{
    size_t bytes = json_dumpb(kept, NULL, 0, JSON_COMPACT);

    if (bytes <= MAX_KEPT)
        return true;
    (void)rt_error_set(fault, RT_ERROR_INVALID_VALUE, "session",
                       "The fields that are only told back have %zu bytes together, above the "
                       "limit of %d; leave out or shorten some, such as metadata.",
                       bytes, MAX_KEPT);
    return false;
}

static void update(struct voice_live *v, json_t *tree, const struct rt_peek *peek)
{
    struct rt_error fault;
    json_t *kept = json_copy(v->kept);
    json_t *ga = voice_live_session_in(json_object_get(tree, "session"), kept, &fault);

    if (ga == NULL || !fits(kept, &fault)) {
        json_decref(ga);
        json_decref(kept);
        to_client(v, &fault, peek->event_id);
        return;
    }
    json_decref(v->kept_before);
    v->kept_before = v->kept;
    v->kept = kept;
    view_copy(v->update_id, sizeof(v->update_id), peek->event_id);
    json_object_set_new(tree, "session", ga);
    to_session(v, tree);
}

/* The session's instructions, and these. */
static void add_instructions(const struct voice_live *v, json_t *tree, json_t *response)
{
    const char *more = json_get_str(tree, "additional_instructions", "");
    const char *own = json_get_str(response, "instructions", v->instructions);
    struct buf both = {0};

    if (more[0] != '\0') {
        buf_append_str(&both, own == NULL ? "" : own);
        buf_append_str(&both, own == NULL || own[0] == '\0' ? "" : "\n\n");
        buf_append_str(&both, more);
        json_object_set_new(response, "instructions", json_from_view(buf_view(&both)));
        buf_done(&both);
    }
    json_object_del(tree, "additional_instructions");
}

/* ---- what waits for the end of a response ---- */

/* Unlike elsewhere, a second response takes the place of the first, unless the client says no. */
static bool must_wait(const struct voice_live *v, const json_t *tree)
{
    const json_t *response = json_object_get(tree, "response");

    return v->active > 0 && json_get_bool(response, "cancel_previous", true) &&
           strcmp(json_get_str(response, "conversation", "auto"), "none") != 0;
}

static void hold(struct voice_live *v, struct parley_view event, struct parley_view raw_event_id)
{
    struct rt_error error;

    if (v->held.len + event.len <= MAX_HELD &&
        buf_reserve(&v->held, sizeof(event.len) + event.len)) { /* both, or none */
        buf_append(&v->held, &event.len, sizeof(event.len));
        buf_append_view(&v->held, event);
        return;
    }
    rt_error_copy(&error, "invalid_request_error", "too_many_events",
                  "More was sent than can wait for the end of the response that is being "
                  "cancelled; wait for response.done.");
    to_client(v, &error, raw_event_id);
}

static void begin_holding(struct voice_live *v, struct parley_view event,
                          const struct rt_peek *peek)
{
    v->is_holding = true;
    hold(v, event, peek->event_id);
    v->sink.to_session(v->sink.ctx, VIEW("{\"type\":\"response.cancel\"}"), 0);
}

/* The events are taken as if they came now: the first may hold the rest again. */
void voice_live_go_on(struct voice_live *v)
{
    struct buf held = v->held;
    size_t at = 0;

    if (!v->is_holding || v->active > 0)
        return;
    v->held = (struct buf){0};
    v->is_holding = false;
    while (at < held.len) {
        size_t len;
        memcpy(&len, held.data + at, sizeof(len));
        at += sizeof(len);
        voice_live_client_event(v, (struct parley_view){held.data + at, len}, 0);
        at += len;
    }
    buf_done(&held);
}

static void create_response(struct voice_live *v, json_t *tree, const struct rt_peek *peek)
{
    json_t *response = json_object_get(tree, "response");
    struct rt_error fault;

    if (!json_is_object(response)) {
        response = json_object();
        json_object_set_new(tree, "response", response);
    }
    if (!voice_live_response_in(response, &fault)) {
        to_client(v, &fault, peek->event_id);
        return;
    }
    add_instructions(v, tree, response);
    to_session(v, tree);
}

/* Audio by turns is a buffer that the client itself commits. */
static const struct {
    const char *name;
    const char *same_as; /* NULL: nothing is to be done */
} turns[] = {
    {"input_audio.turn.start", NULL},
    {"input_audio.turn.append", "input_audio_buffer.append"},
    {"input_audio.turn.end", "input_audio_buffer.commit"},
    {"input_audio.turn.cancel", "input_audio_buffer.clear"},
    {"input_audio.clear", "input_audio_buffer.clear"},
};

/* The views stand in the event's JSON as they will here. */
static void append_member(struct buf *out, const char *name, struct parley_view raw)
{
    if (raw.data == NULL)
        return;
    buf_printf(out, ",\"%s\":\"", name);
    buf_append_view(out, raw);
    buf_append_char(out, '"');
}

static void say_as(struct voice_live *v, const char *type, const struct rt_peek *peek)
{
    buf_clear(&v->in);
    buf_printf(&v->in, "{\"type\":\"%s\"", type);
    append_member(&v->in, "event_id", peek->event_id);
    append_member(&v->in, "audio", peek->payload);
    buf_append_char(&v->in, '}');
    if (!v->in.failed)
        v->sink.to_session(v->sink.ctx, buf_view(&v->in), 0);
}

static bool take_turn(struct voice_live *v, const struct rt_peek *peek)
{
    for (size_t i = 0; i < ARRAY_LEN(turns); i++) {
        if (!view_is(peek->type, turns[i].name))
            continue;
        if (turns[i].same_as != NULL)
            say_as(v, turns[i].same_as, peek);
        return true;
    }
    return false;
}

static bool is_translated(enum rt_event event)
{
    return event == RT_SESSION_UPDATE || event == RT_RESPONSE_CREATE || event == RT_ITEM_CREATE;
}

void voice_live_client_event(struct voice_live *v, struct parley_view event, uint32_t flags)
{
    struct rt_peek peek;
    int r = rt_peek(event, &peek);

    if (r == PARLEY_OK && peek.event == RT_UNKNOWN && take_turn(v, &peek))
        return;
    if (v->is_holding && r == PARLEY_OK && peek.event != RT_INPUT_AUDIO_APPEND) {
        hold(v, event, peek.event_id);
        return;
    }
    if (r < 0 || !is_translated(peek.event)) {
        v->sink.to_session(v->sink.ctx, event, flags); /* which says what is wrong with it */
        return;
    }
    _cleanup_json_ json_t *tree = json_parse(event, NULL);
    if (tree == NULL) {
        v->sink.to_session(v->sink.ctx, event, flags);
    } else if (peek.event == RT_SESSION_UPDATE) {
        update(v, tree, &peek);
    } else if (peek.event == RT_RESPONSE_CREATE && must_wait(v, tree)) {
        begin_holding(v, event, &peek);
    } else if (peek.event == RT_RESPONSE_CREATE) {
        create_response(v, tree, &peek);
    } else {
        voice_live_item_in(json_object_get(tree, "item"));
        to_session(v, tree);
    }
}

/* ---- from the session ---- */

static const struct {
    enum rt_event event;
    const char *name;
} names[] = {
    {RT_OUTPUT_AUDIO_DELTA, "response.audio.delta"},
    {RT_OUTPUT_TRANSCRIPT_DELTA, "response.audio_transcript.delta"},
    {RT_OUTPUT_TEXT_DELTA, "response.text.delta"},
    {RT_OUTPUT_AUDIO_DONE, "response.audio.done"},
    {RT_OUTPUT_TRANSCRIPT_DONE, "response.audio_transcript.done"},
    {RT_OUTPUT_TEXT_DONE, "response.text.done"},
    {RT_ITEM_ADDED, "conversation.item.created"},
};

static const char *name_of(enum rt_event event)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i].event == event)
            return names[i].name;
    }
    return NULL;
}

/* Longer ones would end the connection. */
static void tell(struct voice_live *v, struct parley_view event, uint32_t flags,
                 struct parley_view type)
{
    struct rt_error error;

    if (event.len <= VOICE_LIVE_MAX_MESSAGE) {
        v->sink.to_client(v->sink.ctx, event, flags);
        return;
    }
    (void)rt_error_set(&error, RT_ERROR_EVENT_TOO_LARGE, NULL,
                       "An event %.*s of %zu bytes was left out: Voice Live clients take 1 MiB.",
                       (int)(type.len < 64 ? type.len : 64), type.data, event.len);
    to_client(v, &error, VIEW(""));
}

static void rename_event(struct voice_live *v, struct parley_view event, const struct rt_peek *peek,
                         struct parley_view delta)
{
    const struct rt_edit edits[] = {{peek->type, view_of(name_of(peek->event))},
                                    {peek->payload, delta}};

    buf_clear(&v->out);
    rt_splice(&v->out, event, edits, peek->payload.data == NULL ? 1 : 2);
    if (!v->out.failed)
        tell(v, buf_view(&v->out), 0, peek->type);
}

/* A long piece of speech comes as several. */
static void tell_audio(struct voice_live *v, struct parley_view event, const struct rt_peek *peek)
{
    struct parley_view rest = peek->payload;

    if (event.len <= VOICE_LIVE_MAX_MESSAGE / 2 || peek->payload_has_escapes) {
        rename_event(v, event, peek, rest);
        return;
    }
    while (rest.len > 0) {
        size_t len = rest.len < PIECE_CHARS ? rest.len : PIECE_CHARS;
        rename_event(v, event, peek, (struct parley_view){rest.data, len});
        rest.data += len;
        rest.len -= len;
    }
}

static void remember(struct voice_live *v, const json_t *session)
{
    free(v->instructions);
    v->instructions = view_dup(json_get_view(session, "instructions"));
}

static const char *const params[][2] = {
    {"session.audio.input.format", "session.input_audio_format"},
    {"session.audio.input.turn_detection", "session.turn_detection"},
    {"session.audio.input.transcription", "session.input_audio_transcription"},
    {"session.audio.input.noise_reduction", "session.input_audio_noise_reduction"},
    {"session.audio.output.format", "session.output_audio_format"},
    {"session.audio.output.voice", "session.voice"},
    {"session.output_modalities", "session.modalities"},
    {"session.max_output_tokens", "session.max_response_output_tokens"},
    {"response.audio.output.voice", "response.voice"},
    {"response.output_modalities", "response.modalities"},
};

/* The field at fault by the name that the client gave it. */
static void rename_param(json_t *error)
{
    const char *param = json_get_str(error, "param", "");

    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        size_t len = strlen(params[i][0]);
        if (strncmp(param, params[i][0], len) != 0 || (param[len] != '\0' && param[len] != '.'))
            continue;
        json_object_set_new(error, "param", json_sprintf("%s%s", params[i][1], param + len));
        return;
    }
}

/* What a refused update would have set is not told back. */
static void note_error(struct voice_live *v, const json_t *error)
{
    const char *id = json_get_str(error, "event_id", "");

    if (v->kept_before == NULL || v->update_id[0] == '\0' || strcmp(id, v->update_id) != 0)
        return;
    json_decref(v->kept);
    v->kept = TAKE(v->kept_before);
}

static void translate(struct voice_live *v, json_t *tree, const struct rt_peek *peek)
{
    json_t *session = json_object_get(tree, "session");
    const char *name = name_of(peek->event);

    if (session != NULL) {
        remember(v, session);
        json_object_set_new(tree, "session", voice_live_session_out(session, v->kept));
    }
    if (json_is_object(json_object_get(tree, "response")))
        voice_live_response_out(json_object_get(tree, "response"));
    voice_live_item_out(json_object_get(tree, "item"));
    if (peek->event == RT_ERROR) {
        note_error(v, json_object_get(tree, "error"));
        rename_param(json_object_get(tree, "error"));
    }
    if (name != NULL)
        json_object_set_new(tree, "type", json_string(name));
    buf_clear(&v->out);
    json_write(&v->out, tree);
    if (!v->out.failed)
        tell(v, buf_view(&v->out), 0, peek->type);
}

static bool needs_tree(enum rt_event event)
{
    switch (event) {
    case RT_SESSION_CREATED:
    case RT_SESSION_UPDATED:
    case RT_ITEM_ADDED:
    case RT_ITEM_RETRIEVED:
    case RT_RESPONSE_CREATED:
    case RT_RESPONSE_DONE:
    case RT_OUTPUT_ITEM_ADDED:
    case RT_OUTPUT_ITEM_DONE:
    case RT_ERROR:
        return true;
    default:
        return false;
    }
}

/* Those beside the conversation, of which a cancel means none, have null for it. */
static void count_responses(struct voice_live *v, enum rt_event event, const json_t *tree)
{
    const json_t *response = json_object_get(tree, "response");

    if (json_is_null(json_object_get(response, "conversation_id")))
        return;
    if (event == RT_RESPONSE_CREATED)
        v->active++;
    else if (event == RT_RESPONSE_DONE && v->active > 0)
        v->active--;
    if (event == RT_RESPONSE_DONE && v->active == 0 && v->is_holding)
        v->sink.schedule(v->sink.ctx);
}

void voice_live_session_event(struct voice_live *v, struct parley_view event, uint32_t flags)
{
    struct rt_peek peek;

    if (rt_peek(event, &peek) < 0) {
        tell(v, event, flags, VIEW("?"));
        return;
    }
    if (peek.event == RT_ITEM_DONE)
        return; /* the dialect tells of an item once */
    if (peek.event == RT_OUTPUT_AUDIO_DELTA) {
        tell_audio(v, event, &peek);
        return;
    }
    _cleanup_json_ json_t *tree = needs_tree(peek.event) ? json_parse(event, NULL) : NULL;
    count_responses(v, peek.event, tree);
    if (tree != NULL)
        translate(v, tree, &peek);
    else if (name_of(peek.event) != NULL)
        rename_event(v, event, &peek, peek.payload);
    else
        tell(v, event, flags, peek.type);
}
