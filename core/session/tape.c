/* SPDX-License-Identifier: Apache-2.0 */
#include "session/tape.h"

#include "agent/recordings.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "host/worker.h"
#include "session/state.h"
#include "session/tape_file.h"
#include "session/tape_spool.h"
#include "session/timeline.h"
#include "telemetry/names.h"

#include <stdlib.h>

struct tape {
    struct session *session;
    struct spool *spool;
    int64_t offset_ms;
    char host[64];
    uint64_t max_frames;
    struct spoken spoken;
    struct played played;
    struct tape_block *open[2]; /* by side */
    struct loop_timer flush;    /* of these */
    struct loop_timer limit;    /* of the end */
    bool is_ending;
    bool is_over;    /* all is written, or given up */
    bool is_full;    /* told */
    bool is_late;    /* told */
    bool has_failed; /* told */
};

/* ---- what is lost ---- */

static void count_lost(const struct tape *t, uint64_t frames, const char *reason)
{
    if (frames > 0)
        metrics_note(t->session->env->recorder, METRIC_RECORDING_LOST,
                     (double)frames / TIMELINE_RATE_HZ, NAME_DROP_REASON, reason);
}

static void tell_late(struct tape *t)
{
    if (t->is_late)
        return;
    t->is_late = true;
    log_warn("the disk is too slow for the recording; audio is missing from it session=%s "
             "file=\"%s\" waiting_bytes=%zu fix=\"give the agent a record_dir on a faster disk\"",
             t->session->id, spool_path(t->spool), spool_held(t->spool));
}

static void on_failed(void *ctx, uint64_t lost_frames, const struct parley_error *err)
{
    struct tape *t = ctx;

    count_lost(t, lost_frames, "error");
    if (t->has_failed || err->status == PARLEY_OK)
        return;
    t->has_failed = true;
    log_error("the recording cannot be written; what is said is missing from it session=%s "
              "file=\"%s\" reason=\"%s\" fix=\"make room there, or give the agent another "
              "record_dir\"",
              t->session->id, spool_path(t->spool), err->message);
}

/* ---- blocks ---- */

/* The user's run that began just now may still be moved. */
static bool is_unfixed(const struct tape *t, enum stereo_side side)
{
    return side == STEREO_LEFT && !t->spoken.is_fixed;
}

static void close_block(struct tape *t, enum stereo_side side)
{
    struct tape_block *b = t->open[side];

    if (b == NULL)
        return;
    t->open[side] = NULL;
    if (side == STEREO_LEFT)
        b->run_place = spoken_fix(&t->spoken);
    spool_put(t->spool, b);
}

static void close_blocks(struct tape *t)
{
    loop_timer_stop(&t->flush);
    close_block(t, STEREO_LEFT);
    close_block(t, STEREO_RIGHT);
}

static void on_flush(void *ctx)
{
    struct tape *t = ctx;

    close_blocks(t);
    spool_send(t->spool);
}

static void flush_later(struct tape *t)
{
    if (!loop_timer_is_running(&t->flush))
        loop_timer_start(t->session->env->loop, &t->flush, TAPE_FLUSH_MS, on_flush, t);
}

/* False without memory. */
static bool append(struct tape *t, enum stereo_side side, struct parley_view base64)
{
    struct tape_block *b = t->open[side];
    size_t before = b->text.len;

    if (!tape_block_add(b, base64))
        return false;
    spool_hold(t->spool, b->text.len - before);
    flush_later(t);
    if (b->text.len < (is_unfixed(t, side) ? TAPE_RUN_BYTES : TAPE_BLOCK_BYTES))
        return true;
    close_block(t, side);
    if (!is_unfixed(t, !side))
        close_block(t, !side);
    spool_send(t->spool);
    return true;
}

/* The open block of that run, which has `run_bytes` so far. NULL without memory. */
static struct tape_block *block_for(struct tape *t, enum stereo_side side, enum rt_audio format,
                                    uint64_t run_place, uint64_t run_bytes)
{
    struct tape_block *b = t->open[side];

    if (b != NULL && (b->format != format || b->run_place != run_place ||
                      b->run_bytes + b->bytes != run_bytes)) {
        close_block(t, side);
        b = NULL;
    }
    if (b == NULL && (b = tape_block_create(side)) != NULL) {
        b->format = format;
        b->run_place = run_place;
        b->run_bytes = run_bytes;
        t->open[side] = b;
    }
    return b;
}

static void record(struct tape *t, enum stereo_side side, enum rt_audio format, uint64_t run_place,
                   uint64_t run_bytes, struct parley_view base64)
{
    uint64_t frames = timeline_frames(format, base64_decoded_len(base64));

    if (spool_is_dead(t->spool)) {
        count_lost(t, frames, "error");
    } else if (!spool_has_room(t->spool, base64.len + sizeof(uint32_t)) ||
               block_for(t, side, format, run_place, run_bytes) == NULL ||
               !append(t, side, base64)) {
        count_lost(t, frames, "overflow");
        tell_late(t);
    }
}

/* ---- beginning ---- */

static uint64_t frame_now(const struct session *s)
{
    return (clock_now_us() - s->opened_us) * (TIMELINE_RATE_HZ / 1000) / 1000;
}

static int64_t offset_of(const struct session *s)
{
    return s->resume.is_rebuilt ? timing_ms(s, s->opened_us) : 0;
}

static void over(struct tape *t)
{
    t->is_over = true;
    loop_timer_stop(&t->limit);
    session_released(t->session);
}

static void on_finished(void *ctx)
{
    over(ctx);
}

static struct spool *open_spool(struct tape *t)
{
    static const struct spool_events events = {.on_failed = on_failed, .on_finished = on_finished};
    struct session *s = t->session;
    _cleanup_(buf_done) struct buf path = {0};
    _cleanup_(buf_done) struct buf comment = {0};

    recordings_path(s->agent, s->id, t->offset_ms, &path);
    buf_printf(&comment, "session=%s agent=%s offset_ms=%lld left=client right=agent", s->id,
               s->agent->name, (long long)t->offset_ms);
    if (path.failed || comment.failed)
        return NULL;
    return spool_create(&(const struct spool_config){.loop = s->env->loop,
                                                     .pool = s->env->worker->disk,
                                                     .budget = session_spool_budget(s->table),
                                                     .path = path.data,
                                                     .comment = comment.data,
                                                     .max_frames = t->max_frames,
                                                     .events = &events,
                                                     .ctx = t});
}

static struct tape *tape_create(struct session *s)
{
    struct tape *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    t->session = s;
    t->offset_ms = offset_of(s);
    recordings_host(t->host, sizeof(t->host));
    t->max_frames = ((uint64_t)s->agent->config->record_max_bytes - 1024) / STEREO_FRAME_BYTES;
    t->spool = open_spool(t);
    if (t->spool != NULL)
        return t;
    free(t);
    return NULL;
}

/* The session's tape, made at its first audio. NULL: none is wanted, or it is at its end. */
static struct tape *tape_of(struct session *s)
{
    struct tape *t = s->taping.tape;

    if (s->agent->config->record == 0 || s->env->worker->disk == NULL || s->phase != SESSION_OPEN)
        return NULL;
    if (t == NULL) {
        t = s->taping.tape = tape_create(s);
        if (t == NULL)
            return NULL;
        log_info("the session is recorded session=%s file=\"%s\"", s->id, spool_path(t->spool));
        journal_renew(s);
    }
    return t->is_ending ? NULL : t;
}

static bool is_full(struct tape *t, uint64_t now, enum rt_audio format, uint64_t bytes)
{
    if (now < t->max_frames)
        return false;
    count_lost(t, timeline_frames(format, bytes), "limit");
    if (!t->is_full)
        log_warn("the recording is as long as it may be; the session goes on without it "
                 "session=%s file=\"%s\" fix=\"raise the agent's record_max_bytes\"",
                 t->session->id, spool_path(t->spool));
    t->is_full = true;
    return true;
}

/* ---- the ways in ---- */

void tape_client_audio(struct session *s, const struct rt_peek *peek)
{
    struct tape *t = tape_of(s);
    enum rt_audio format = s->view.input_format;
    _cleanup_(buf_done) struct buf scratch = {0};

    if (t == NULL)
        return;
    struct parley_view base64 = tape_unescaped(peek->payload, peek->payload_has_escapes, &scratch);
    uint64_t bytes = base64_decoded_len(base64);
    uint64_t now = frame_now(s);
    if (bytes == 0 || is_full(t, now, format, bytes))
        return;
    if (!spoken_continues(&t->spoken, format, bytes, now))
        close_block(t, STEREO_LEFT);
    spoken_add(&t->spoken, format, bytes, now);
    /* Until it is fixed the place is 0, and the block's own is set when it closes. */
    uint64_t place = t->spoken.is_fixed ? t->spoken.start : 0;
    record(t, STEREO_LEFT, format, place, t->spoken.bytes - bytes, base64);
}

static void record_played(struct tape *t, uint32_t item, enum rt_audio format,
                          struct parley_view base64, uint64_t plays, uint64_t now)
{
    struct played_place p =
        played_add(&t->played, item, format, base64_decoded_len(base64), plays, now);

    if (p.is_heard)
        record(t, STEREO_RIGHT, format, p.run_place, p.run_bytes, base64);
}

/* When the first sample of what was just entered is played, by the clock. */
static uint64_t plays_at(const struct session *s, const struct playback_item *i,
                         enum rt_audio format, uint64_t bytes)
{
    uint64_t start_us = i->start_us > s->opened_us ? i->start_us - s->opened_us : 0;
    uint64_t before = i->produced_bytes > bytes ? i->produced_bytes - bytes : 0;

    return start_us * (TIMELINE_RATE_HZ / 1000) / 1000 + timeline_frames(format, before);
}

void tape_model_audio(struct session *s, const struct rt_peek *peek)
{
    struct tape *t = tape_of(s);
    enum rt_audio format = s->view.output_format;
    const struct playback_item *i = playback_find(&s->playback, peek->item_id);
    _cleanup_(buf_done) struct buf scratch = {0};

    if (t == NULL || i == NULL || s->resume.is_away) /* nobody hears it now */
        return;
    uint64_t now = frame_now(s);
    uint64_t plays = plays_at(s, i, format, peek->payload_bytes);
    if (is_full(t, now, format, peek->payload_bytes))
        return;
    record_played(t, i->number, format,
                  tape_unescaped(peek->payload, peek->payload_has_escapes, &scratch), plays, now);
}

void tape_missed_event(struct session *s, struct parley_view event)
{
    struct tape *t = s->agent->config->record == 0 ? NULL : tape_of(s);
    enum rt_audio format = s->view.output_format;
    struct rt_peek peek;
    _cleanup_(buf_done) struct buf scratch = {0};

    if (t == NULL || rt_peek(event, &peek) < 0 || peek.event != RT_OUTPUT_AUDIO_DELTA)
        return;
    const struct playback_item *i = playback_find(&s->playback, names_for_model(s, peek.item_id));
    uint64_t now = frame_now(s);
    if (i != NULL && !is_full(t, now, format, peek.payload_bytes))
        record_played(t, i->number, format,
                      tape_unescaped(peek.payload, peek.payload_has_escapes, &scratch), now, now);
}

static void make_silent(struct tape *t, struct silence silence)
{
    struct tape_block *b = tape_block_create(STEREO_RIGHT);

    if (b == NULL)
        return;
    b->is_silence = true;
    b->from = silence.from;
    b->until = silence.until;
    spool_put(t->spool, b);
}

void tape_truncated(struct session *s, const struct playback_item *item)
{
    struct tape *t = s->taping.tape;
    struct silence silences[PLAYBACK_ITEMS];

    if (t == NULL || t->is_ending)
        return;
    size_t count = played_cut(&t->played, item->number, item->truncated_ms, silences);
    if (count > 0)
        close_block(t, STEREO_RIGHT);
    for (size_t i = 0; i < count; i++)
        make_silent(t, silences[i]);
    if (count > 0)
        flush_later(t);
}

/* ---- the end ---- */

static void on_limit(void *ctx)
{
    struct tape *t = ctx;

    log_error("the disk does not answer; the recording is given up session=%s file=\"%s\" "
              "fix=\"look after that disk, or give the agent another record_dir\"",
              t->session->id, spool_path(t->spool));
    over(t);
}

void tape_end(struct session *s)
{
    struct tape *t = s->taping.tape;
    uint64_t now = frame_now(s);

    if (t == NULL || t->is_ending)
        return;
    close_blocks(t);
    if (t->played.end > now) /* the client is gone, or goes: nobody hears the rest */
        make_silent(t, (struct silence){now, t->played.end});
    uint64_t heard = t->played.end < now ? t->played.end : now;
    uint64_t length = spoken_end(&t->spoken) > heard ? spoken_end(&t->spoken) : heard;
    t->is_ending = true;
    loop_timer_start(s->env->loop, &t->limit, TAPE_END_LIMIT_MS, on_limit, t);
    spool_finish(t->spool, length);
}

bool tape_is_idle(const struct session *s)
{
    return s->taping.tape == NULL || s->taping.tape->is_over;
}

void tape_done(struct session *s)
{
    struct tape *t = s->taping.tape;

    json_decref(s->taping.earlier);
    s->taping = (struct taping){0};
    if (t == NULL)
        return;
    loop_timer_stop(&t->limit);
    close_blocks(t);
    count_lost(t, spool_unwritten(t->spool), "error"); /* it was given up */
    t->spool = spool_abandon(t->spool);
    free(t);
}

/* ---- what others hear of it ---- */

bool tape_slice(const struct session *s, uint64_t from_us, uint64_t until_us,
                struct tape_slice *ret)
{
    const struct tape *t = s->taping.tape;

    if (t == NULL || spool_is_dead(t->spool) || from_us < s->opened_us || until_us <= from_us)
        return false;
    ret->file = spool_path(t->spool);
    ret->from_ms = (int64_t)((from_us - s->opened_us) / 1000);
    ret->until_ms = (int64_t)((until_us - s->opened_us) / 1000);
    return true;
}

bool tape_has_begun(const struct session *s)
{
    return s->taping.tape != NULL;
}

json_t *tape_describe(const struct session *s)
{
    const struct tape *t = s->taping.tape;
    json_t *all = s->taping.earlier == NULL ? json_array() : json_deep_copy(s->taping.earlier);

    if (t != NULL)
        json_array_append_new(all, json_pack("{s:s, s:s, s:I}", "host", t->host, "file",
                                             spool_path(t->spool), "offset_ms",
                                             (json_int_t)t->offset_ms));
    if (json_array_size(all) > 0)
        return all;
    json_decref(all);
    return NULL;
}

void tape_restore(struct session *s, const json_t *recordings)
{
    if (json_is_array(recordings))
        s->taping.earlier = json_deep_copy(recordings);
}
