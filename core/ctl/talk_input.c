/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/talk_input.h"

#include "audio/pcm.h"
#include "audio/resample.h"
#include "audio/wav.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAME_MS       40
#define MAX_LINE_BYTES (256 * 1024)

/* ---- lines ---- */

/* False at the end of input. */
static bool read_some(struct talk_lines *l)
{
    char bytes[4096];
    ssize_t len = read(STDIN_FILENO, bytes, sizeof(bytes));

    if (len < 0)
        return errno == EAGAIN || errno == EINTR;
    if (len == 0 || l->bytes.len > MAX_LINE_BYTES)
        return false;
    buf_append(&l->bytes, bytes, (size_t)len);
    return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct talk_lines *l = arg;

    (void)fd;
    (void)what;
    if (!read_some(l)) {
        l->is_ended = true;
        event_del(l->event);
    }
    l->on_input(l->ctx);
}

/* Files cannot be waited for; they are all there. */
static void read_file(struct talk_lines *l)
{
    while (read_some(l))
        continue;
    l->is_ended = true;
}

int talk_lines_start(struct talk_lines *l, struct loop *loop, void (*on_input)(void *ctx),
                     void *ctx, struct parley_error *err)
{
    struct stat st;

    l->on_input = on_input;
    l->ctx = ctx;
    if (fstat(STDIN_FILENO, &st) != 0) {
        l->is_ended = true;
        return PARLEY_OK;
    }
    if (S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && !isatty(STDIN_FILENO))) {
        read_file(l);
        return PARLEY_OK;
    }
    l->event = event_new(loop_base(loop), STDIN_FILENO, EV_READ | EV_PERSIST, on_readable, l);
    if (l->event == NULL || event_add(l->event, NULL) != 0)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "standard input cannot be read");
    return PARLEY_OK;
}

char *talk_lines_next(struct talk_lines *l)
{
    struct parley_view rest = buf_view(&l->bytes), line;
    size_t before = rest.len;
    char *text = NULL;

    while (text == NULL && rest.len > 0) {
        bool is_whole = view_split(&rest, '\n', &line);
        if (!is_whole && !l->is_ended)
            return NULL;
        if (view_trim(line).len > 0)
            text = view_dup(view_trim(line));
        buf_consume(&l->bytes, before - rest.len);
        rest = buf_view(&l->bytes);
        before = rest.len;
    }
    return text;
}

void talk_lines_done(struct talk_lines *l)
{
    if (l->event != NULL)
        event_free(l->event);
    buf_done(&l->bytes);
    *l = (struct talk_lines){0};
}

/* ---- a file ---- */

int talk_wav_load(struct talk_wav *w, const char *path, struct parley_error *err)
{
    struct wav wav = {0};
    int r = wav_load(path, &wav, err);

    if (r < 0)
        return r;
    w->samples = wav.samples;
    w->count = wav.count;
    w->rate_hz = wav.rate_hz;
    return PARLEY_OK;
}

static int resample(struct talk_wav *w, int rate_hz, struct parley_error *err)
{
    _cleanup_(buf_done) struct buf out = {0};
    struct resampler *resampler = NULL;
    size_t count;

    int r = resampler_create(w->rate_hz, rate_hz, &resampler, err);
    if (r < 0)
        return r;
    resampler_run(resampler, w->samples, w->count, &out);
    resampler_flush(resampler, &out);
    resampler_destroy(resampler);
    if (out.failed)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for the WAV file");
    (void)pcm_view(&out, &count);
    free(w->samples);
    w->samples = (int16_t *)(void *)TAKE(out.data);
    w->count = count;
    w->rate_hz = rate_hz;
    return PARLEY_OK;
}

static void on_frame(void *ctx);

/* Frames are due by the start's clock, so that late ones do not add up. */
static void schedule(struct talk_wav *w)
{
    uint64_t due_us = w->start_us + (uint64_t)w->at * 1000000 / (uint64_t)w->rate_hz;
    uint64_t now_us = clock_now_us();

    loop_timer_start(w->loop, &w->timer, due_us > now_us ? (int64_t)(due_us - now_us) / 1000 : 0,
                     on_frame, w);
}

static void on_frame(void *ctx)
{
    struct talk_wav *w = ctx;
    size_t frame = (size_t)w->rate_hz * FRAME_MS / 1000;
    int16_t silence[48000 * FRAME_MS / 1000] = {0};
    size_t left = w->at < w->count ? w->count - w->at : 0;
    size_t take = left < frame ? left : frame;

    if (take > 0)
        memcpy(silence, w->samples + w->at, take * sizeof(*silence));
    w->at += frame;
    w->on_samples(w->ctx, silence, frame);
    if (left <= frame && !w->has_ended) {
        w->has_ended = true;
        w->on_end(w->ctx);
    }
    if (w->loop != NULL)
        schedule(w);
}

int talk_wav_start(struct talk_wav *w, struct loop *loop, int rate_hz, struct parley_error *err)
{
    int r = resample(w, rate_hz, err);

    if (r < 0)
        return r;
    w->loop = loop;
    w->start_us = clock_now_us();
    schedule(w);
    return PARLEY_OK;
}

void talk_wav_done(struct talk_wav *w)
{
    loop_timer_stop(&w->timer);
    free(w->samples);
    *w = (struct talk_wav){0};
}
