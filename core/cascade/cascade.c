/* SPDX-License-Identifier: Apache-2.0 */
#include "cascade/cascade.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "cascade/state.h"
#include "host/offload.h"

#include <stdio.h>
#include <stdlib.h>

/* Work of the pool that has waited this long: one conversation more would make all of them slow. */
#define OVERLOAD_WAIT_US 500000

/* ---- one session ----------------------------------------------------------------------------- */

static void session_free(struct cascade_session *s)
{
    ears_done(s);
    hearing_done(s);
    answer_done(s);
    outbox_done(s);
    dialogue_done(&s->dialogue);
    loop_timer_stop(&s->end);
    json_decref(s->json);
    free(s);
}

static void on_end(void *ctx)
{
    struct cascade_session *s = ctx;
    const struct parley_model_host *host = s->host;
    void *host_ctx = s->ctx;
    char message[sizeof(s->end_message)];
    struct parley_model_closed closed = {
        .size = sizeof(closed),
        .status = s->end_status,
        .retryable = s->end_status != PARLEY_OK,
        .code = "",
        .type = s->end_status == PARLEY_OK ? "" : "server_error",
        .message = message,
    };

    memcpy(message, s->end_message, sizeof(message));
    s->cascade->sessions--;
    session_free(s);
    host->on_closed(host_ctx, &closed);
}

/* Only marks the end: the caller may stand deep inside the session. */
void cascade_session_end(struct cascade_session *s, int status, const char *message)
{
    if (s->is_closing)
        return;
    s->is_closing = true;
    s->end_status = status;
    view_copy(s->end_message, sizeof(s->end_message), view_of(message));
    loop_timer_start(s->loop, &s->end, 0, on_end, s);
}

static struct cascade_session *session_create(struct cascade *c,
                                              const struct parley_model_open *open)
{
    struct cascade_session *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->cascade = c;
    s->loop = c->model.worker->loop;
    s->host = open->host;
    s->ctx = open->ctx;
    view_copy(s->id, sizeof(s->id), view_of(open->session_id));
    view_copy(s->agent, sizeof(s->agent), view_of(open->agent));
    view_copy(s->traceparent, sizeof(s->traceparent), view_of(open->traceparent));
    id_make(s->conversation_id, "conv_");
    list_init(&s->hearings);
    list_init(&s->answers);
    outbox_init(s);
    dialogue_init(&s->dialogue);
    return s;
}

static int session_start(struct cascade_session *s, struct parley_error *err)
{
    json_t *json = rt_session_new(s->agent, 0);

    if (json == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory for a session",
                           s->cascade->title);
    inbox_set_session(s, json);
    int r = ears_init(s, err);
    if (r == PARLEY_OK)
        r = answer_init(s, err);
    return r;
}

/* ---- the table of the role ------------------------------------------------------------------- */

static int check_load(const struct cascade *c, struct parley_error *err)
{
    if (c->speech == NULL || c->model.worker->heavy == NULL)
        return PARLEY_OK;

    uint64_t wait_us = offload_stats(c->model.worker->heavy).oldest_wait_us;
    if (wait_us <= OVERLOAD_WAIT_US)
        return PARLEY_OK;
    (void)parley_fail(err, PARLEY_E_BUSY,
                      "%s is overloaded: speech work has waited %llu ms; try again in a moment",
                      c->title, (unsigned long long)(wait_us / 1000));
    if (err != NULL)
        err->retry_after_ms = 2000;
    return PARLEY_E_BUSY;
}

static int role_open(void *worker_instance, const struct parley_model_open *open,
                     void **ret_session, struct parley_error *err)
{
    struct cascade *c = worker_instance;

    int r = check_load(c, err);
    if (r < 0)
        return r;
    struct cascade_session *s = session_create(c, open);
    if (s == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory for a session", c->title);
    r = session_start(s, err);
    if (r < 0) {
        session_free(s);
        return r;
    }
    c->sessions++;
    outbox_schedule(s);
    *ret_session = s;
    return PARLEY_OK;
}

static int role_send(void *session, struct parley_view event, uint32_t flags,
                     struct parley_error *err)
{
    struct cascade_session *s = session;

    (void)flags; /* nothing is sent on, so the bytes need no room */
    if (s->is_closing)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "%s: the session is closed",
                           s->cascade->title);
    return inbox_take(s, event, err);
}

static void role_pause(void *session, int paused)
{
    struct cascade_session *s = session;

    s->outbox.is_paused = paused != 0;
    if (paused != 0 || s->is_closing)
        return;
    outbox_schedule(s);
    mouth_resume(s);
}

static void role_close(void *session)
{
    cascade_session_end(session, PARLEY_OK, "");
}

static void fill_caps(uint32_t speech_flags, struct parley_model_caps *caps)
{
    const uint32_t formats = PARLEY_AUDIO_PCM_24K | PARLEY_AUDIO_PCMU | PARLEY_AUDIO_PCMA;

    *caps = (struct parley_model_caps){
        .size = sizeof(*caps),
        .flags = PARLEY_CAP_CANCEL | PARLEY_CAP_TOOLS | PARLEY_CAP_TEXT_OUTPUT |
                 PARLEY_CAP_OUT_OF_BAND | PARLEY_CAP_ITEM_RETRIEVE | PARLEY_CAP_TOOL_HINTS,
        .max_id_chars = RT_MAX_CLIENT_ID_CHARS,
    };
    if (speech_flags & PARLEY_SPEECH_EARS) {
        caps->flags |= PARLEY_CAP_AUDIO_INPUT | PARLEY_CAP_SERVER_VAD | PARLEY_CAP_SEMANTIC_VAD |
                       PARLEY_CAP_TRANSCRIPTION;
        caps->input_formats = formats;
    }
    if (speech_flags & PARLEY_SPEECH_VOICE) {
        caps->flags |= PARLEY_CAP_AUDIO_OUTPUT | PARLEY_CAP_TRUNCATE;
        caps->output_formats = formats;
    }
}

static void role_caps(void *instance, struct parley_model_caps *caps)
{
    const struct cascade *c = instance;

    fill_caps(c->speech_caps.flags, caps);
}

static const struct parley_model_vtable cascade_vtable = {
    .size = sizeof(cascade_vtable),
    .caps = role_caps,
    .open = role_open,
    .send = role_send,
    .pause = role_pause,
    .close = role_close,
};

/* ---- the pair -------------------------------------------------------------------------------- */

static struct parley_speech_caps caps_of(const struct instance *speech)
{
    struct parley_speech_caps caps = {.size = sizeof(caps)};

    if (speech != NULL)
        speech_caps(speech, &caps);
    /* Rates that cannot be are a plugin's mistake: do without that half. */
    if (caps.voice_rate_hz < RESAMPLER_MIN_HZ || caps.voice_rate_hz > RESAMPLER_MAX_HZ)
        caps.flags &= ~PARLEY_SPEECH_VOICE;
    if (caps.ears_rate_hz < RESAMPLER_MIN_HZ || caps.ears_rate_hz > RESAMPLER_MAX_HZ)
        caps.flags &= ~PARLEY_SPEECH_EARS;
    return caps;
}

struct cascade *cascade_create(const struct cascade_config *config)
{
    struct cascade *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    view_copy(c->title, sizeof(c->title), view_of(config->title));
    c->chat = config->chat;
    c->speech = config->speech;
    c->weights = config->weights;
    c->speech_caps = caps_of(config->speech == NULL ? NULL : config->speech->instance);
    c->model = (struct model){
        .title = c->title,
        .worker = config->worker,
        .vtable = &cascade_vtable,
        .instance = c,
        .ctx = c,
    };
    return c;
}

struct cascade *cascade_destroy(struct cascade *c)
{
    free(c);
    return NULL;
}

const struct model *cascade_model(const struct cascade *c)
{
    return &c->model;
}

void cascade_caps(const struct instance *speech, struct parley_model_caps *ret_caps)
{
    fill_caps(caps_of(speech).flags, ret_caps);
}
