/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/talk_client.h"

#include "audio/g711.h"
#include "audio/pcm.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/str.h"
#include "transport/ws.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_MS 10000 /* for the answer that follows a response without words (a tool ran) */

enum codec { CODEC_PCM, CODEC_PCMU, CODEC_PCMA };

struct talk_client {
    struct loop *loop;
    struct ws *ws;
    const struct talk_events *events;
    void *ctx;
    enum codec input;
    enum codec output;
    bool detects_turns;
    int64_t silence_ms; /* that the server waits for before it says that the user has finished */
    bool is_speaking;   /* the user is, as the server sees it */
    bool is_awaiting;   /* the user has finished; an answer should come */
    bool is_responding; /* a response is active */
    bool is_settling;   /* a response without words is over; another may follow */
    unsigned asked;     /* tools that wait for the user's word */
    bool had_words;     /* the active response */
    bool wants_answer;  /* to be asked for when the cancelled response is over */
    char item_id[64];   /* of the answer's audio */
    uint64_t asked_us;
    uint64_t words_us;
    uint64_t audio_us;
    struct loop_timer settle;
};

/* ---- going out ---- */

static void on_settled(void *ctx);

/* Another response may follow, but not for ever; a person may take as long as it takes. */
static void settle(struct talk_client *c)
{
    c->is_settling = true;
    if (c->asked == 0)
        loop_timer_start(c->loop, &c->settle, SETTLE_MS, on_settled, c);
}

static void send_event(struct talk_client *c, json_t *take_event)
{
    _cleanup_free_ char *text = take_event == NULL ? NULL : json_dumps(take_event, JSON_COMPACT);

    if (text != NULL) {
        c->events->on_event(c->ctx, true, take_event);
        if (c->ws != NULL && ws_send(c->ws, view_of(text), 0) == PARLEY_E_BUSY)
            c->events->on_error(c->ctx, "the server reads too slowly; an event was left out");
    }
    json_decref(take_event);
}

static void begin_waiting(struct talk_client *c)
{
    c->is_awaiting = true;
    c->asked_us = clock_now_us();
    c->words_us = c->audio_us = 0;
}

static void ask_for_answer(struct talk_client *c)
{
    c->wants_answer = false;
    send_event(c, json_pack("{s:s}", "type", "response.create"));
    begin_waiting(c);
}

void talk_client_say(struct talk_client *c, const char *text)
{
    c->wants_answer = c->is_responding;
    if (c->is_responding)
        send_event(c, json_pack("{s:s}", "type", "response.cancel"));
    send_event(c, json_pack("{s:s, s:{s:s, s:s, s:[{s:s, s:s}]}}", "type",
                            "conversation.item.create", "item", "type", "message", "role", "user",
                            "content", "type", "input_text", "text", text));
    if (!c->wants_answer)
        ask_for_answer(c);
}

void talk_client_approve(struct talk_client *c, const char *id, bool approves)
{
    c->asked -= c->asked > 0;
    send_event(c, json_pack("{s:s, s:{s:s, s:s, s:b}}", "type", "conversation.item.create", "item",
                            "type", "mcp_approval_response", "approval_request_id", id, "approve",
                            (int)approves));
    if (c->is_settling)
        settle(c);
}

static void encode(enum codec codec, const int16_t *samples, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count && codec != CODEC_PCM; i++)
        buf_append_char(out, (char)(codec == CODEC_PCMU ? g711_linear_to_ulaw(samples[i])
                                                        : g711_linear_to_alaw(samples[i])));
    if (codec == CODEC_PCM)
        pcm_append_le(out, samples, count);
}

void talk_client_hear(struct talk_client *c, const int16_t *samples, size_t count)
{
    _cleanup_(buf_done) struct buf bytes = {0};
    _cleanup_(buf_done) struct buf text = {0};

    encode(c->input, samples, count, &bytes);
    base64_encode(&text, bytes.data, bytes.len);
    send_event(c, json_pack("{s:s, s:o}", "type", "input_audio_buffer.append", "audio",
                            json_from_view(buf_view(&text))));
}

void talk_client_heard_all(struct talk_client *c)
{
    if (c->detects_turns)
        return;
    send_event(c, json_pack("{s:s}", "type", "input_audio_buffer.commit"));
    ask_for_answer(c);
}

void talk_client_truncate(struct talk_client *c, int64_t played_ms)
{
    if (c->item_id[0] == '\0')
        return;
    send_event(c, json_pack("{s:s, s:s, s:i, s:I}", "type", "conversation.item.truncate", "item_id",
                            c->item_id, "content_index", 0, "audio_end_ms", (json_int_t)played_ms));
    c->item_id[0] = '\0';
}

/* ---- coming in ---- */

static int64_t since_asked_ms(const struct talk_client *c, uint64_t at_us)
{
    return at_us == 0 || at_us < c->asked_us ? -1 : (int64_t)((at_us - c->asked_us) / 1000);
}

static void tell_turn(struct talk_client *c, const char *status)
{
    const struct talk_turn turn = {
        .status = status,
        .first_words_ms = since_asked_ms(c, c->words_us),
        .first_audio_ms = since_asked_ms(c, c->audio_us),
        .total_ms = since_asked_ms(c, clock_now_us()),
    };

    c->is_settling = false;
    loop_timer_stop(&c->settle);
    c->events->on_turn(c->ctx, &turn);
}

static enum codec codec_of(const json_t *format)
{
    const char *type = json_get_str(format, "type", "audio/pcm");

    if (strcmp(type, "audio/pcmu") == 0)
        return CODEC_PCMU;
    return strcmp(type, "audio/pcma") == 0 ? CODEC_PCMA : CODEC_PCM;
}

static void read_session(struct talk_client *c, const json_t *session)
{
    const json_t *audio = json_object_get(session, "audio");
    const json_t *input = json_object_get(audio, "input");

    c->input = codec_of(json_object_get(input, "format"));
    c->output = codec_of(json_object_get(json_object_get(audio, "output"), "format"));
    const json_t *detection = json_object_get(input, "turn_detection");
    c->detects_turns = json_is_object(detection);
    c->silence_ms = json_get_int(detection, "silence_duration_ms", 0);
}

static void on_session_created(struct talk_client *c, const json_t *e)
{
    const json_t *session = json_object_get(e, "session");

    read_session(c, session);
    c->events->on_ready(c->ctx, json_get_str(session, "id", ""));
}

static void on_session_updated(struct talk_client *c, const json_t *e)
{
    read_session(c, json_object_get(e, "session"));
}

static void on_speech_started(struct talk_client *c, const json_t *e)
{
    (void)e;
    c->is_speaking = true;
    c->events->on_speech(c->ctx);
}

static void on_speech_stopped(struct talk_client *c, const json_t *e)
{
    (void)e;
    c->is_speaking = false;
    begin_waiting(c);
    /* People wait through that silence, too. */
    if (c->silence_ms > 0 && c->silence_ms < 60000)
        c->asked_us -= (uint64_t)c->silence_ms * 1000;
}

static void on_response_created(struct talk_client *c, const json_t *e)
{
    (void)e;
    c->is_responding = true;
    c->is_awaiting = false;
    c->is_settling = false;
    c->had_words = false;
    loop_timer_stop(&c->settle);
}

static void on_words(struct talk_client *c, const json_t *e)
{
    c->had_words = true;
    if (c->words_us == 0)
        c->words_us = clock_now_us();
    c->events->on_words(c->ctx, json_get_view(e, "delta"));
}

static void decode(enum codec codec, const struct buf *bytes, struct buf *samples)
{
    int16_t sample;

    for (size_t i = 0; i < bytes->len && codec != CODEC_PCM; i++) {
        sample = codec == CODEC_PCMU ? g711_ulaw_to_linear((uint8_t)bytes->data[i])
                                     : g711_alaw_to_linear((uint8_t)bytes->data[i]);
        pcm_append(samples, &sample, 1);
    }
    if (codec == CODEC_PCM && buf_reserve(samples, bytes->len)) {
        size_t count = pcm_from_le((int16_t *)(void *)samples->data, bytes->data, bytes->len);
        samples->len = count * sizeof(sample);
    }
}

static void on_audio(struct talk_client *c, const json_t *e)
{
    _cleanup_(buf_done) struct buf bytes = {0};
    _cleanup_(buf_done) struct buf samples = {0};
    size_t count;

    c->had_words = true;
    if (c->audio_us == 0)
        c->audio_us = clock_now_us();
    view_copy(c->item_id, sizeof(c->item_id), json_get_view(e, "item_id"));
    if (!base64_decode(&bytes, json_get_view(e, "delta")))
        return;
    decode(c->output, &bytes, &samples);
    const int16_t *data = pcm_view(&samples, &count);
    c->events->on_audio(c->ctx, data, count);
}

static void on_transcript(struct talk_client *c, const json_t *e)
{
    c->events->on_heard(c->ctx, json_get_view(e, "transcript"));
}

static void on_settled(void *ctx)
{
    tell_turn(ctx, "completed");
}

static const char *failure_of(const json_t *response)
{
    const json_t *details = json_object_get(response, "status_details");

    return json_get_str(json_object_get(details, "error"), "message", "the answer failed");
}

/* What is said while a tool takes long: the answer is still to come. */
static bool is_filler(const json_t *response)
{
    return json_object_get(json_object_get(response, "metadata"), "parley_filler") != NULL;
}

static void on_response_done(struct talk_client *c, const json_t *e)
{
    const json_t *response = json_object_get(e, "response");
    const char *status = json_get_str(response, "status", "completed");

    c->is_responding = false;
    if (strcmp(status, "failed") == 0)
        c->events->on_error(c->ctx, failure_of(response));
    if ((c->had_words && !is_filler(response)) || strcmp(status, "completed") != 0) {
        tell_turn(c, status);
        if (c->wants_answer)
            ask_for_answer(c);
        return;
    }
    settle(c); /* perhaps a tool ran, and its answer follows */
}

static void on_item_done(struct talk_client *c, const json_t *e)
{
    const json_t *item = json_object_get(e, "item");

    if (strcmp(json_get_str(item, "type", ""), "mcp_approval_request") != 0)
        return;
    c->asked++;
    c->events->on_approval(c->ctx, json_get_str(item, "id", ""), json_get_str(item, "name", ""),
                           json_get_view(item, "arguments"));
}

static void on_tool_started(struct talk_client *c, const json_t *e)
{
    c->events->on_tool(c->ctx, json_get_str(e, "name", ""), json_get_view(e, "arguments"));
}

static void on_tool_done(struct talk_client *c, const json_t *e)
{
    c->events->on_tool_result(c->ctx, json_get_view(e, "output"));
}

static void on_error_event(struct talk_client *c, const json_t *e)
{
    const json_t *error = json_object_get(e, "error");

    /* Typing over an answer that ends by itself at that moment. */
    if (strcmp(json_get_str(error, "code", ""), "response_cancel_not_active") == 0)
        return;
    c->is_awaiting = false;
    c->events->on_error(c->ctx, json_get_str(error, "message", "the server reports an error"));
}

static void dispatch(struct talk_client *c, const json_t *e)
{
    static const struct {
        const char *type;
        void (*handle)(struct talk_client *c, const json_t *e);
    } handlers[] = {
        {"session.created", on_session_created},
        {"session.updated", on_session_updated},
        {"input_audio_buffer.speech_started", on_speech_started},
        {"input_audio_buffer.speech_stopped", on_speech_stopped},
        {"response.created", on_response_created},
        {"response.output_text.delta", on_words},
        {"response.output_audio_transcript.delta", on_words},
        {"response.output_audio.delta", on_audio},
        {"response.done", on_response_done},
        {"conversation.item.done", on_item_done},
        {"conversation.item.input_audio_transcription.completed", on_transcript},
        {"parley.tool_call.started", on_tool_started},
        {"parley.tool_call.done", on_tool_done},
        {"error", on_error_event},
    };
    const char *type = json_get_str(e, "type", "");

    for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
        if (strcmp(handlers[i].type, type) == 0) {
            handlers[i].handle(c, e);
            return;
        }
    }
}

/* ---- the connection ---- */

static void on_open(void *ctx, struct ws *ws)
{
    (void)ctx;
    (void)ws;
}

static void on_message(void *ctx, struct ws *ws, struct parley_view message, uint32_t flags)
{
    struct talk_client *c = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;
    _cleanup_json_ json_t *event = json_parse(message, &err);

    (void)ws;
    (void)flags;
    if (event == NULL) {
        c->events->on_error(c->ctx, err.message);
        return;
    }
    c->events->on_event(c->ctx, false, event);
    dispatch(c, event);
}

static void on_closed(void *ctx, struct ws *ws, const struct ws_closed *closed)
{
    struct talk_client *c = ctx;
    char reason[512];

    (void)ws;
    c->ws = NULL;
    loop_timer_stop(&c->settle);
    if (closed->reason.len > 0 && closed->http_status == 0)
        view_copy(reason, sizeof(reason), closed->reason);
    else
        view_copy(reason, sizeof(reason), view_of(closed->message));
    c->events->on_closed(c->ctx, closed->http_status != 0 ? PARLEY_E_DENIED : closed->status,
                         reason);
}

static const struct ws_events ws_events = {
    .on_open = on_open,
    .on_message = on_message,
    .on_closed = on_closed,
};

static void append_encoded(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (isalnum((unsigned char)*text) || strchr("-_.~", *text) != NULL)
            buf_append_char(out, *text);
        else
            buf_printf(out, "%%%02X", (unsigned char)*text);
    }
}

/* The socket's URL: the path that is meant, the agent, the wish for a trace. */
static void make_url(const struct talk_target *target, struct buf *out)
{
    const char *scheme_end = strstr(target->url, "://");
    const char *path = strchr(scheme_end == NULL ? target->url : scheme_end + 3, '/');
    size_t len =
        path != NULL && path[1] == '\0' ? (size_t)(path - target->url) : strlen(target->url);
    bool has_query = strchr(target->url, '?') != NULL;

    buf_append(out, target->url, len);
    if (path == NULL || path[1] == '\0')
        buf_append_str(out, "/v1/realtime");
    if (target->agent != NULL) {
        buf_append_str(out, has_query ? "&model=" : "?model=");
        append_encoded(out, target->agent);
        has_query = true;
    }
    if (target->wants_trace)
        buf_append_str(out, has_query ? "&trace=on" : "?trace=on");
}

static int begin(struct talk_client *c, struct transport *t, const struct talk_target *target,
                 struct parley_error *err)
{
    _cleanup_(buf_done) struct buf url = {0};
    char authorization[1024];
    const struct ws_header header = {"Authorization", authorization};

    make_url(target, &url);
    (void)snprintf(authorization, sizeof(authorization), "Bearer %s",
                   target->key == NULL ? "" : target->key);
    const struct ws_connect connect = {
        .url = buf_view(&url).data,
        .headers = &header,
        .header_count = target->key == NULL ? 0 : 1,
        .ca_file = target->ca_file,
        .limits = {.max_message_bytes = 64u << 20, .hard_queue_bytes = 16u << 20},
    };
    return ws_connect(t, &connect, &ws_events, c, &c->ws, err);
}

int talk_client_open(struct transport *t, struct loop *loop, const struct talk_target *target,
                     const struct talk_events *events, void *ctx, struct talk_client **ret,
                     struct parley_error *err)
{
    struct talk_client *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    c->loop = loop;
    c->events = events;
    c->ctx = ctx;
    c->detects_turns = true;
    int r = begin(c, t, target, err);
    if (r < 0)
        free(c);
    else
        *ret = c;
    return r;
}

struct talk_client *talk_client_free(struct talk_client *c)
{
    if (c == NULL)
        return NULL;
    loop_timer_stop(&c->settle);
    free(c);
    return NULL;
}

void talk_client_close(struct talk_client *c)
{
    if (c->ws != NULL)
        ws_close(c->ws, 1000, "");
}

static int rate_of(enum codec codec)
{
    return codec == CODEC_PCM ? 24000 : 8000;
}

int talk_client_input_rate(const struct talk_client *c)
{
    return rate_of(c->input);
}

int talk_client_output_rate(const struct talk_client *c)
{
    return rate_of(c->output);
}

bool talk_client_is_idle(const struct talk_client *c)
{
    return !c->is_speaking && !c->is_awaiting && !c->is_responding && !c->is_settling &&
           !c->wants_answer;
}
