/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/g711.h"
#include "audio/pcm.h"
#include "audio/vad_energy.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "cascade/state.h"
#include "cascade/trailing.h"
#include "realtime/encode.h"

#include <stdlib.h>

#define SAMPLES_PER_MS (VAD_RATE_HZ / 1000)

/* Audio read in one go: about 5 ms of work. The rest of a long append waits for the loop's next
 * turn, so that other sessions' speech is not held up. */
#define STEP_MS 2000

/* Speech that starts a turn, and more of it while the user hears an answer: a cough or a "hm" then
 * interrupts nothing. In whole frames. */
#define START_MS         (2 * VAD_FRAME_MS)
#define START_PLAYING_MS (3 * VAD_FRAME_MS)

#define MAX_UTTERANCE_MS  30000 /* longer speech is committed in parts */
#define MAX_UNTURNED_MS   60000 /* a buffer that only the client commits */
#define MIN_COMMIT_MS     100
#define SPECULATE_MS      200 /* silence after which the words so far are looked up */
#define SPECULATE_SOON_MS 160 /* the same where the turn ends almost as early */

/* Silence that ends a turn under semantic_vad, and how much longer it is when the words so far
 * sound as if more were to come. */
#define SILENCE_EAGER_MS    300
#define SILENCE_MEDIUM_MS   600
#define SILENCE_PATIENT_MS  1200
#define TRAILING_FACTOR     3
#define SEMANTIC_PADDING_MS 300

/* ---- the buffer ------------------------------------------------------------------------------ */

static int64_t buffered_samples(const struct ears *e)
{
    return (int64_t)(e->samples.len / sizeof(int16_t));
}

static int64_t end_sample(const struct ears *e)
{
    return e->first_sample + buffered_samples(e);
}

/* Forget what lies before that position. */
static void drop_before(struct ears *e, int64_t sample)
{
    int64_t count = sample - e->first_sample;

    if (count <= 0)
        return;
    if (count > buffered_samples(e))
        count = buffered_samples(e);
    buf_consume(&e->samples, (size_t)count * sizeof(int16_t));
    e->first_sample += count;
}

/* Samples from the buffer's begin up to a position. */
static const int16_t *samples_until(const struct ears *e, int64_t sample, size_t *ret_count)
{
    const int16_t *samples = pcm_view(&e->samples, ret_count);
    int64_t count = sample - e->first_sample;

    if (count >= 0 && (size_t)count < *ret_count)
        *ret_count = (size_t)count;
    return samples;
}

/* ---- committing ------------------------------------------------------------------------------ */

/* A user item with audio enters the conversation; NULL without memory (the session then ends). */
static struct dialogue_item *enter_item(struct cascade_session *s, const char *id)
{
    json_t *json = dialogue_message_json(id, "user", "completed");
    if (json != NULL)
        dialogue_set_part(json, "input_audio", "transcript", (struct parley_view){0});
    struct dialogue_item *i = dialogue_item_create(json);
    if (i == NULL) {
        s->outbox.is_broken = true;
        outbox_schedule(s);
        return NULL;
    }

    struct parley_view previous = dialogue_last_id(&s->dialogue);
    rt_encode_committed(outbox_begin(s), view_of(id), previous);
    outbox_end(s);
    rt_encode_item_tree(outbox_begin(s), RT_ITEM_ADDED, previous, i->json);
    outbox_end(s);
    rt_encode_item_tree(outbox_begin(s), RT_ITEM_DONE, previous, i->json);
    outbox_end(s);
    dialogue_append(&s->dialogue, i);
    return i;
}

/* What was said up to that position becomes an item; its words follow. */
static void commit_until(struct cascade_session *s, int64_t sample, const char *id)
{
    struct ears *e = &s->ears;
    struct parley_error err = PARLEY_ERROR_INIT;
    struct dialogue_item *i = enter_item(s, id);
    size_t count;

    if (i == NULL)
        return;
    const int16_t *samples = samples_until(e, sample, &count);
    dialogue_keep_audio(&s->dialogue, i, samples, count, VAD_RATE_HZ);
    struct hearing *h = TAKE(e->guess);
    if (h == NULL)
        h = hearing_begin(s, samples, count, &err);
    drop_before(e, sample);
    hearing_attach(s, h, i, &err);
}

/* ---- turns ----------------------------------------------------------------------------------- */

static int silence_of(const struct rt_session_view *view)
{
    if (view->turns != RT_TURNS_SEMANTIC_VAD)
        return (int)view->silence_duration_ms;
    if (view_is(view->eagerness, "low"))
        return SILENCE_PATIENT_MS;
    return view_is(view->eagerness, "high") ? SILENCE_EAGER_MS : SILENCE_MEDIUM_MS;
}

/* The client stops its player now; what it had not played was not heard. */
static void interrupt(struct cascade_session *s)
{
    uint64_t now = clock_now_us(), end = pacer_end_us(&s->pacer);
    struct dialogue_item *i = dialogue_last_spoken(&s->dialogue);

    s->wants_answer = false;
    if (s->answer != NULL)
        answer_cancel(s->answer, RT_REASON_TURN_DETECTED);
    if (i != NULL && end > now)
        dialogue_interrupt(i, (i->audio_us - (int64_t)(end - now)) / 1000);
    s->pacer = (struct pacer){0};
}

static void on_started(struct cascade_session *s)
{
    struct ears *e = &s->ears;

    loop_timer_stop(&e->idle);
    e->guess = hearing_drop(e->guess);
    e->turns.config.silence_ms = silence_of(&s->view);
    id_make(e->item_id, "item_");
    drop_before(e, e->turns.start_ms * SAMPLES_PER_MS);
    rt_encode_speech_started(outbox_begin(s), e->turns.start_ms, view_of(e->item_id));
    outbox_end(s);
    if (s->view.interrupt_response)
        interrupt(s);
}

static void on_paused(struct cascade_session *s)
{
    struct ears *e = &s->ears;
    size_t count;
    const int16_t *samples = samples_until(e, e->turns.position_ms * SAMPLES_PER_MS, &count);

    /* A refusal is no harm: the turn's end asks again. */
    e->guess = hearing_begin(s, samples, count, NULL);
}

static void on_stopped(struct cascade_session *s, int64_t at_ms)
{
    struct ears *e = &s->ears;

    rt_encode_speech_stopped(outbox_begin(s), at_ms, view_of(e->item_id));
    outbox_end(s);
    commit_until(s, at_ms * SAMPLES_PER_MS, e->item_id);
    if (s->view.create_response)
        answer_wish(s);
}

void ears_guess_known(struct cascade_session *s, struct parley_view words)
{
    struct turn_config *c = &s->ears.turns.config;

    c->silence_ms = silence_of(&s->view);
    if (s->view.turns == RT_TURNS_SEMANTIC_VAD && words_trail_off(words))
        c->silence_ms *= TRAILING_FACTOR;
}

static void on_frame(void *ctx, float probability)
{
    struct cascade_session *s = ctx;
    struct turn_detector *t = &s->ears.turns;

    t->config.start_ms = pacer_is_playing(&s->pacer, clock_now_us()) ? START_PLAYING_MS : START_MS;
    switch (turn_detector_frame(t, probability, VAD_FRAME_MS)) {
    case TURN_STARTED:
        on_started(s);
        break;
    case TURN_PAUSED:
        on_paused(s);
        break;
    case TURN_RESUMED:
        s->ears.guess = hearing_drop(s->ears.guess);
        t->config.silence_ms = silence_of(&s->view);
        break;
    case TURN_STOPPED:
        on_stopped(s, t->end_ms);
        break;
    case TURN_NOTHING:
        break;
    }
    if (t->is_speaking && t->position_ms - t->start_ms >= MAX_UTTERANCE_MS) {
        turn_detector_reset(t);
        on_stopped(s, t->position_ms);
    }
}

/* ---- taking audio in ------------------------------------------------------------------------- */

/* Nothing but the client ends this buffer, so it has a limit. */
static void take_unturned(struct cascade_session *s, const int16_t *samples, size_t count)
{
    struct ears *e = &s->ears;
    bool was_full = buffered_samples(e) >= MAX_UNTURNED_MS * SAMPLES_PER_MS;
    size_t room = was_full ? 0 : (size_t)(MAX_UNTURNED_MS * SAMPLES_PER_MS - buffered_samples(e));

    pcm_append(&e->samples, samples, count < room ? count : room);
    if (count > room && !was_full) {
        struct rt_error error;
        rt_error_set(&error, RT_ERROR_INVALID_VALUE, "audio",
                     "The input audio buffer holds %d seconds, which is its limit; commit or clear "
                     "it.",
                     MAX_UNTURNED_MS / 1000);
        outbox_error(s, &error, (struct parley_view){0});
    }
}

static void take_samples(struct cascade_session *s, const int16_t *samples, size_t count)
{
    struct ears *e = &s->ears;

    if (s->view.turns == RT_TURNS_NONE) {
        take_unturned(s, samples, count);
        return;
    }
    pcm_append(&e->samples, samples, count);
    vad_feed(e->vad, samples, count, on_frame, s);

    /* While it is quiet only what may become the beginning of speech is kept. */
    int64_t keep =
        (e->turns.config.prefix_padding_ms + START_PLAYING_MS + VAD_FRAME_MS) * SAMPLES_PER_MS;
    if (!e->turns.is_speaking && buffered_samples(e) > 2 * keep)
        drop_before(e, end_sample(e) - keep);
}

static void decode_samples(struct ears *e, const char *bytes, size_t count, int16_t *out)
{
    if (e->format == RT_AUDIO_PCMU)
        g711_ulaw_decode(out, (const uint8_t *)bytes, count);
    else if (e->format == RT_AUDIO_PCMA)
        g711_alaw_decode(out, (const uint8_t *)bytes, count);
    else
        (void)pcm_from_le(out, bytes, count * 2);
}

static void on_more(void *ctx);

/* One step of the bytes that wait; a half sample at the end waits for its other half. */
static void read_step(struct cascade_session *s)
{
    struct ears *e = &s->ears;
    size_t limit = STEP_MS * (size_t)rt_audio_bytes_per_ms(e->format);
    size_t count =
        (e->unread.len < limit ? e->unread.len : limit) / rt_audio_bytes_per_sample(e->format);
    _cleanup_free_ int16_t *samples = malloc(count * sizeof(*samples) + 1);
    size_t converted;

    if (samples == NULL) {
        s->outbox.is_broken = true;
        outbox_schedule(s);
        return;
    }
    decode_samples(e, e->unread.data, count, samples);
    buf_consume(&e->unread, count * rt_audio_bytes_per_sample(e->format));
    buf_clear(&e->scratch);
    resampler_run(e->resampler, samples, count, &e->scratch);
    const int16_t *at_rate = pcm_view(&e->scratch, &converted);
    take_samples(s, at_rate, converted);
    if (e->unread.len >= rt_audio_bytes_per_sample(e->format))
        loop_timer_start(s->loop, &e->more, 0, on_more, s);
}

static void on_more(void *ctx)
{
    struct cascade_session *s = ctx;

    read_step(s);
    if (!ears_is_busy(s) && !s->is_closing)
        s->host->on_writable(s->ctx);
}

bool ears_is_busy(const struct cascade_session *s)
{
    return loop_timer_is_running(&s->ears.more);
}

/* Some writers of JSON escape every slash, and base64 is full of them. */
static bool decode_payload(const struct rt_peek *peek, struct buf *out)
{
    _cleanup_(buf_done) struct buf plain = {0};

    if (!peek->payload_has_escapes)
        return base64_decode(out, peek->payload);
    for (size_t i = 0; i < peek->payload.len; i++) {
        const char *c = &peek->payload.data[i];
        if (*c == '\\' && i + 1 < peek->payload.len && c[1] == '/')
            continue;
        buf_append_char(&plain, *c);
    }
    return base64_decode(out, buf_view(&plain));
}

static void refuse_audio(struct cascade_session *s, struct parley_view raw_event_id)
{
    struct rt_error error;

    rt_error_set(
        &error, RT_ERROR_INVALID_VALUE, "type",
        "%s takes no audio: it has no ears. Send text by conversation.item.create, or give "
        "the agent a speech instance.",
        s->cascade->title);
    outbox_error(s, &error, raw_event_id);
}

void ears_append(struct cascade_session *s, const struct rt_peek *peek)
{
    struct ears *e = &s->ears;
    struct rt_error error;

    if (!cascade_has_ears(s)) {
        /* Once: a microphone would get fifty of these a second. */
        if (!e->has_told_deaf)
            refuse_audio(s, peek->event_id);
        e->has_told_deaf = true;
        return;
    }
    if (peek->payload.data == NULL) {
        rt_error_set(&error, RT_ERROR_MISSING_PARAMETER, "audio",
                     "Missing required parameter: 'audio'.");
        outbox_error(s, &error, peek->event_id);
        return;
    }
    if (!decode_payload(peek, &e->unread)) {
        rt_error_set(&error, RT_ERROR_INVALID_VALUE, "audio",
                     "Invalid 'audio': expected standard base64 of the session's input format.");
        outbox_error(s, &error, peek->event_id);
        return;
    }
    read_step(s);
}

void ears_commit(struct cascade_session *s, struct parley_view raw_event_id)
{
    struct ears *e = &s->ears;
    char id[ID_SIZE];

    if (!cascade_has_ears(s)) {
        refuse_audio(s, raw_event_id);
        return;
    }
    if (buffered_samples(e) < MIN_COMMIT_MS * SAMPLES_PER_MS) {
        struct rt_error error;
        rt_error_set(&error, RT_ERROR_COMMIT_EMPTY, NULL,
                     "Error committing input audio buffer: buffer too small. Expected at least "
                     "%dms of audio, but buffer only has %.2fms of audio.",
                     MIN_COMMIT_MS, (double)buffered_samples(e) / SAMPLES_PER_MS);
        outbox_error(s, &error, raw_event_id);
        return;
    }
    id_make(id, "item_");
    if (e->turns.is_speaking)
        memcpy(id, e->item_id, sizeof(id));
    turn_detector_reset(&e->turns);
    commit_until(s, end_sample(e), id);
}

void ears_clear(struct cascade_session *s)
{
    struct ears *e = &s->ears;

    e->guess = hearing_drop(e->guess);
    drop_before(e, end_sample(e));
    turn_detector_reset(&e->turns);
    rt_encode_cleared(outbox_begin(s));
    outbox_end(s);
}

/* ---- idle ------------------------------------------------------------------------------------ */

/* The user has been silent for long: an empty item lets the model speak up. */
static void on_idle(void *ctx)
{
    struct cascade_session *s = ctx;
    struct ears *e = &s->ears;
    int64_t now_ms = end_sample(e) / SAMPLES_PER_MS;
    char id[ID_SIZE];

    if (e->turns.is_speaking || s->answer != NULL || s->view.idle_timeout_ms == 0)
        return;
    id_make(id, "item_");
    rt_encode_timeout_triggered(outbox_begin(s), e->idle_from_ms, now_ms, view_of(id));
    outbox_end(s);

    struct dialogue_item *i = enter_item(s, id);
    if (i == NULL)
        return;
    dialogue_hear(&s->dialogue, i, VIEW(""));
    s->has_new_words = true; /* that nothing was said is what shall be answered */
    answer_wish(s);
}

void ears_start_idle(struct cascade_session *s)
{
    struct ears *e = &s->ears;
    uint64_t now = clock_now_us(), end = pacer_end_us(&s->pacer);

    loop_timer_stop(&e->idle);
    if (s->view.idle_timeout_ms == 0 || s->view.turns != RT_TURNS_SERVER_VAD)
        return;
    e->idle_from_ms = end_sample(e) / SAMPLES_PER_MS;
    loop_timer_start(s->loop, &e->idle,
                     s->view.idle_timeout_ms + (end > now ? (int64_t)((end - now) / 1000) : 0),
                     on_idle, s);
}

/* ---- settings -------------------------------------------------------------------------------- */

static struct turn_config turn_config_of(const struct rt_session_view *view)
{
    struct turn_config c = {
        .threshold = view->threshold,
        .prefix_padding_ms = (int)view->prefix_padding_ms,
        .silence_ms = silence_of(view),
        .start_ms = START_MS,
    };

    if (view->turns == RT_TURNS_SEMANTIC_VAD) {
        c.threshold = 0.5;
        c.prefix_padding_ms = SEMANTIC_PADDING_MS;
    }
    c.pause_ms = c.silence_ms > SPECULATE_MS + VAD_FRAME_MS ? SPECULATE_MS : SPECULATE_SOON_MS;
    return c;
}

static void set_format(struct cascade_session *s, enum rt_audio format)
{
    struct ears *e = &s->ears;

    if (e->resampler != NULL && e->format == format)
        return;
    e->resampler = resampler_destroy(e->resampler);
    e->format = format;
    buf_clear(&e->unread);
    if (resampler_create((int)rt_audio_rate(format), VAD_RATE_HZ, &e->resampler, NULL) < 0) {
        s->outbox.is_broken = true;
        outbox_schedule(s);
    }
}

void ears_configure(struct cascade_session *s)
{
    struct ears *e = &s->ears;

    if (!cascade_has_ears(s))
        return;
    set_format(s, s->view.input_format);
    struct turn_config config = turn_config_of(&s->view);
    turn_detector_configure(&e->turns, &config);
    if (s->view.turns == RT_TURNS_NONE) {
        e->guess = hearing_drop(e->guess);
        vad_reset(e->vad);
        turn_detector_reset(&e->turns);
        loop_timer_stop(&e->idle);
    } else if (!e->turns.is_speaking && e->vad->pending == 0) {
        /* What came while nobody listened counts: positions are of all audio. */
        e->turns.position_ms = end_sample(e) / SAMPLES_PER_MS;
    }
}

int ears_init(struct cascade_session *s, struct parley_error *err)
{
    struct ears *e = &s->ears;

    if (!cascade_has_ears(s))
        return PARLEY_OK;
    e->vad =
        s->cascade->weights != NULL ? vad_silero_create(s->cascade->weights) : vad_energy_create();
    if (e->vad == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory for a session",
                           s->cascade->title);
    ears_configure(s);
    return PARLEY_OK;
}

void ears_done(struct cascade_session *s)
{
    struct ears *e = &s->ears;

    loop_timer_stop(&e->more);
    loop_timer_stop(&e->idle);
    e->guess = hearing_drop(e->guess);
    e->vad = vad_destroy(e->vad);
    e->resampler = resampler_destroy(e->resampler);
    buf_done(&e->unread);
    buf_done(&e->scratch);
    buf_done(&e->samples);
}
