/* SPDX-License-Identifier: Apache-2.0 */
#include "session/tape.h"

#include "agent/recordings.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "host/offload.h"
#include "host/worker.h"
#include "session/state.h"
#include "session/tape_file.h"
#include "session/timeline.h"
#include "telemetry/names.h"

#include <stdlib.h>

/*
 *     block: open --full, old, or over--> waiting --the pool is free--> in a job --done--> freed
 *
 * One job of a tape is under way at a time and takes all that waits, so that a slow disk is met
 * with fewer, larger jobs.
 */
struct tape {
    struct session *session; /* NULL: it is gone, and a job is still under way */
    struct loop *loop;
    struct offload *pool;
    struct tape_budget *budget; /* NULL: gone, with the session */
    char *path;
    char *comment;
    int64_t offset_ms;
    char host[64];
    uint64_t max_frames;
    struct spoken spoken;
    struct played played;
    struct tape_block *open[2]; /* by side */
    struct list waiting;        /* struct tape_block */
    size_t bytes;               /* of all blocks, open and in a job as well */
    struct loop_timer flush;
    struct loop_timer limit;
    struct tape_job *job;   /* under way, or NULL */
    struct tape_file *file; /* the job's while there is one */
    uint64_t length;        /* once it is ending */
    bool is_ending;
    bool is_over;    /* all is written, or given up */
    bool is_dead;    /* the file could not be created */
    bool is_full;    /* told */
    bool is_late;    /* told */
    bool has_failed; /* told */
};

/* On its way through the pool; it touches no tape but by these. */
struct tape_job {
    struct tape *tape;
    struct tape_file *file;
    struct list blocks;
    size_t bytes;
    const char *path;
    const char *comment;
    uint64_t max_frames;
    uint64_t length;
    bool ends;
    bool is_dead;
    uint64_t lost_frames;
    struct parley_error err; /* the first */
};

static void submit(struct tape *t);

/* ---- the pool's side ---- */

static void lose(struct tape_job *j, const struct tape_block *b, const struct parley_error *err)
{
    if (!b->is_silence)
        j->lost_frames += timeline_frames(b->format, b->bytes);
    if (j->err.status == PARLEY_OK)
        j->err = *err;
}

static void write_blocks(struct tape_job *j)
{
    struct list *at;

    list_for_each(at, &j->blocks)
    {
        const struct tape_block *b = list_entry(at, struct tape_block, entry);
        struct parley_error err = PARLEY_ERROR_INIT;
        if (tape_file_write(j->file, b, &err) < 0)
            lose(j, b, &err);
    }
}

static void lose_all(struct tape_job *j, const struct parley_error *err)
{
    struct list *at;

    list_for_each(at, &j->blocks) lose(j, list_entry(at, struct tape_block, entry), err);
}

static void work(void *arg)
{
    struct tape_job *j = arg;
    struct parley_error err = PARLEY_ERROR_INIT;

    if (j->file == NULL && !j->is_dead &&
        tape_file_create(j->path, j->comment, j->max_frames, &j->file, &err) < 0)
        j->is_dead = true;
    if (j->file == NULL)
        lose_all(j, &err);
    else
        write_blocks(j);
    if (!j->ends || j->file == NULL)
        return;
    if (tape_file_finish(j->file, j->length, &err) < 0 && j->err.status == PARLEY_OK)
        j->err = err;
    j->file = tape_file_close(j->file);
}

/* ---- what is lost ---- */

static void count_lost(struct tape *t, uint64_t frames, const char *reason)
{
    if (t->session != NULL && frames > 0)
        metrics_note(t->session->env->recorder, METRIC_RECORDING_LOST,
                     (double)frames / TIMELINE_RATE_HZ, NAME_DROP_REASON, reason);
}

static void tell_failure(struct tape *t, const struct parley_error *err)
{
    if (t->has_failed || t->session == NULL)
        return;
    t->has_failed = true;
    log_error("the recording cannot be written; what is said is missing from it session=%s "
              "file=\"%s\" reason=\"%s\" fix=\"make room there, or give the agent another "
              "record_dir\"",
              t->session->id, t->path, err->message);
}

static void tell_late(struct tape *t)
{
    if (t->is_late || t->session == NULL)
        return;
    t->is_late = true;
    log_warn("the disk is too slow for the recording; audio is missing from it session=%s "
             "file=\"%s\" waiting_bytes=%zu fix=\"give the agent a record_dir on a faster disk\"",
             t->session->id, t->path, t->bytes);
}

/* ---- jobs ---- */

static void blocks_free(struct list *blocks)
{
    while (!list_empty(blocks))
        tape_block_free(list_entry(blocks->next, struct tape_block, entry));
}

static void tape_free(struct tape *t)
{
    loop_timer_stop(&t->flush);
    loop_timer_stop(&t->limit);
    if (t->budget != NULL)
        t->budget->bytes -= t->bytes;
    tape_block_free(t->open[0]);
    tape_block_free(t->open[1]);
    blocks_free(&t->waiting);
    (void)tape_file_close(t->file);
    free(t->path);
    free(t->comment);
    free(t);
}

static void over(struct tape *t)
{
    t->is_over = true;
    loop_timer_stop(&t->limit);
    if (t->session != NULL)
        session_released(t->session);
}

static void take_back(struct tape *t, struct tape_job *j, int status)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    t->job = NULL;
    t->file = j->file;
    t->is_dead = j->is_dead;
    t->bytes -= j->bytes;
    if (t->budget != NULL)
        t->budget->bytes -= j->bytes;
    if (status < 0) { /* the server stops, and it did not run */
        (void)parley_fail(&err, status, "the server is stopping");
        lose_all(j, &err);
    }
    count_lost(t, j->lost_frames, "error");
    if (j->err.status < 0)
        tell_failure(t, &j->err);
}

static void done(void *arg, int status)
{
    struct tape_job *j = arg;
    struct tape *t = j->tape;
    bool ended = j->ends;

    take_back(t, j, status);
    blocks_free(&j->blocks);
    free(j);
    if (t->session == NULL)
        tape_free(t);
    else if (ended)
        over(t);
    else
        submit(t);
}

static void on_flush(void *ctx);

static void flush_later(struct tape *t)
{
    if (!loop_timer_is_running(&t->flush))
        loop_timer_start(t->loop, &t->flush, TAPE_FLUSH_MS, on_flush, t);
}

static struct tape_job *make_job(struct tape *t)
{
    struct tape_job *j = calloc(1, sizeof(*j));

    if (j == NULL)
        return NULL;
    j->tape = t;
    j->file = t->file;
    j->is_dead = t->is_dead;
    j->path = t->path;
    j->comment = t->comment;
    j->max_frames = t->max_frames;
    j->length = t->length;
    j->ends = t->is_ending;
    j->err = (struct parley_error)PARLEY_ERROR_INIT;
    list_init(&j->blocks);
    while (!list_empty(&t->waiting)) {
        struct list *at = t->waiting.next;
        list_remove(at);
        list_append(&j->blocks, at);
        j->bytes += list_entry(at, struct tape_block, entry)->text.len;
    }
    return j;
}

/* The pool took none: all waits again. */
static void unmake_job(struct tape *t, struct tape_job *j)
{
    while (!list_empty(&j->blocks)) {
        struct list *at = j->blocks.next;
        list_remove(at);
        list_append(&t->waiting, at);
    }
    free(j);
    flush_later(t);
}

static void submit(struct tape *t)
{
    if (t->job != NULL || t->is_over || (list_empty(&t->waiting) && !t->is_ending))
        return;
    struct tape_job *j = make_job(t);
    if (j == NULL) {
        flush_later(t);
        return;
    }
    t->job = j;
    if (offload_run(t->pool, t->loop, NULL, work, done, j) == PARLEY_OK)
        return;
    t->job = NULL;
    unmake_job(t, j);
}

/* ---- blocks ---- */

static void close_block(struct tape *t, enum stereo_side side)
{
    struct tape_block *b = t->open[side];

    if (b == NULL)
        return;
    t->open[side] = NULL;
    if (side == STEREO_LEFT)
        b->run_place = spoken_fix(&t->spoken);
    list_append(&t->waiting, &b->entry);
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
    submit(t);
}

/* The user's run that began just now may still be moved. */
static bool is_unfixed(const struct tape *t, enum stereo_side side)
{
    return side == STEREO_LEFT && !t->spoken.is_fixed;
}

/* False: there is no room, and it is lost. */
static bool append(struct tape *t, enum stereo_side side, struct parley_view base64)
{
    struct tape_block *b = t->open[side];
    size_t before = b->text.len;

    if (!tape_block_add(b, base64))
        return false;
    t->bytes += b->text.len - before;
    t->budget->bytes += b->text.len - before;
    flush_later(t);
    if (b->text.len < (is_unfixed(t, side) ? TAPE_RUN_BYTES : TAPE_BLOCK_BYTES))
        return true;
    close_block(t, side);
    if (!is_unfixed(t, !side))
        close_block(t, !side);
    submit(t);
    return true;
}

static bool has_room(const struct tape *t, struct parley_view base64)
{
    return t->bytes + base64.len <= TAPE_MAX_BYTES &&
           t->budget->bytes + base64.len <= TAPE_WORKER_BYTES;
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

    if (t->is_dead) {
        count_lost(t, frames, "error");
    } else if (!has_room(t, base64) || block_for(t, side, format, run_place, run_bytes) == NULL ||
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
    int64_t age_ms = (int64_t)((clock_now_us() - s->opened_us) / 1000);
    int64_t offset = clock_unix_ms() - age_ms - s->journal.created_ms;

    return s->resume.is_rebuilt && offset > 0 ? offset : 0;
}

static struct tape *tape_create(struct session *s)
{
    struct tape *t = calloc(1, sizeof(*t));
    struct buf path = {0}, comment = {0};

    if (t == NULL)
        return NULL;
    t->session = s;
    t->loop = s->env->loop;
    t->pool = s->env->worker->disk;
    t->budget = session_tape_budget(s->table);
    t->offset_ms = offset_of(s);
    recordings_host(t->host, sizeof(t->host));
    t->max_frames = ((uint64_t)s->agent->config->record_max_bytes - 1024) / STEREO_FRAME_BYTES;
    list_init(&t->waiting);
    recordings_path(s->agent, s->id, t->offset_ms, &path);
    buf_printf(&comment, "session=%s agent=%s offset_ms=%lld left=client right=agent", s->id,
               s->agent->name, (long long)t->offset_ms);
    t->path = path.data;
    t->comment = comment.data;
    if (path.failed || comment.failed) {
        tape_free(t);
        return NULL;
    }
    return t;
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
        log_info("the session is recorded session=%s file=\"%s\"", s->id, t->path);
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
                 t->session->id, t->path);
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

static void record_played(struct tape *t, struct parley_view item_id, enum rt_audio format,
                          struct parley_view base64, uint64_t plays, uint64_t now)
{
    struct played_place p =
        played_add(&t->played, item_id, format, base64_decoded_len(base64), plays, now);

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
    record_played(t, peek->item_id, format,
                  tape_unescaped(peek->payload, peek->payload_has_escapes, &scratch), plays, now);
}

void tape_missed_event(struct session *s, struct parley_view event)
{
    struct tape *t = s->agent->config->record == 0 ? NULL : tape_of(s);
    struct rt_peek peek;
    _cleanup_(buf_done) struct buf scratch = {0};

    if (t == NULL || rt_peek(event, &peek) < 0 || peek.event != RT_OUTPUT_AUDIO_DELTA)
        return;
    uint64_t now = frame_now(s);
    if (!is_full(t, now, s->view.output_format, peek.payload_bytes))
        record_played(t, names_for_model(s, peek.item_id), s->view.output_format,
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
    list_append(&t->waiting, &b->entry);
}

void tape_truncated(struct session *s, struct parley_view item_id, int64_t heard_ms)
{
    struct tape *t = s->taping.tape;
    struct silence silences[PLAYBACK_ITEMS];

    if (t == NULL || t->is_ending)
        return;
    size_t count = played_cut(&t->played, item_id, heard_ms, silences);
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
              t->session->id, t->path);
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
    t->length = spoken_end(&t->spoken) > heard ? spoken_end(&t->spoken) : heard;
    t->is_ending = true;
    loop_timer_start(t->loop, &t->limit, TAPE_END_LIMIT_MS, on_limit, t);
    submit(t);
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
    t->session = NULL;
    loop_timer_stop(&t->flush);
    loop_timer_stop(&t->limit);
    if (t->job == NULL) {
        tape_free(t);
        return;
    }
    t->budget->bytes -= t->bytes; /* which may be gone before the job is */
    t->budget = NULL;
}

/* ---- what others hear of it ---- */

bool tape_has_begun(const struct session *s)
{
    return s->taping.tape != NULL;
}

json_t *tape_describe(const struct session *s)
{
    const struct tape *t = s->taping.tape;
    json_t *all = s->taping.earlier == NULL ? json_array() : json_deep_copy(s->taping.earlier);

    if (t != NULL)
        json_array_append_new(all, json_pack("{s:s, s:s, s:I}", "host", t->host, "file", t->path,
                                             "offset_ms", (json_int_t)t->offset_ms));
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
