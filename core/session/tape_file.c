/* SPDX-License-Identifier: Apache-2.0 */
#include "session/tape_file.h"

#include "audio/g711.h"
#include "audio/pcm.h"
#include "audio/resample.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/str.h"

#include <string.h>

#define RUN_SAMPLES 8192 /* put at once: a block, as a rule */

/* One side, as it was written so far. */
struct track {
    bool has_run;
    enum rt_audio format;
    uint64_t run_place;
    uint64_t run_bytes; /* so far: the block that goes on with the run has as many before it */
    uint64_t at;        /* of the next sample in the file */
    unsigned char half; /* of a sample that was cut apart */
    bool has_half;
    struct resampler *resampler; /* NULL: none is needed */
};

struct tape_file {
    struct stereo_file *file;
    uint64_t max_frames;
    struct track tracks[2];
};

/* ---- blocks ---- */

struct tape_block *tape_block_create(enum stereo_side side)
{
    struct tape_block *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return NULL;
    list_init(&b->entry);
    b->side = side;
    return b;
}

void tape_block_free(struct tape_block *b)
{
    if (b == NULL)
        return;
    list_remove(&b->entry);
    buf_done(&b->text);
    free(b);
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A "u" and four digits, as some writers of JSON spell the plus sign. 0: no ASCII character. */
static char ascii_of(struct parley_view rest)
{
    int value = 0;

    if (rest.len < 5 || rest.data[0] != 'u')
        return '\0';
    for (size_t i = 1; i < 5; i++)
        value = value * 16 + (hex_of(rest.data[i]) < 0 ? 0xff : hex_of(rest.data[i]));
    return value > 0 && value < 0x80 ? (char)value : '\0';
}

struct parley_view tape_unescaped(struct parley_view payload, bool has_escapes, struct buf *scratch)
{
    if (!has_escapes)
        return payload;
    buf_clear(scratch);
    for (size_t i = 0; i < payload.len; i++) {
        if (payload.data[i] != '\\') {
            buf_append_char(scratch, payload.data[i]);
            continue;
        }
        struct parley_view rest = {payload.data + i + 1, payload.len - i - 1};
        char c = ascii_of(rest);
        if (c != '\0')
            buf_append_char(scratch, c);
        else if (rest.len > 0)
            buf_append_char(scratch, rest.data[0]);
        i += c != '\0' ? 5 : 1;
    }
    return buf_view(scratch);
}

bool tape_block_add(struct tape_block *b, struct parley_view base64)
{
    uint32_t len = (uint32_t)base64.len;

    if (base64.len > UINT32_MAX || !buf_reserve(&b->text, sizeof(len) + base64.len))
        return false;
    buf_append(&b->text, &len, sizeof(len));
    buf_append_view(&b->text, base64);
    b->bytes += base64_decoded_len(base64);
    return true;
}

/* ---- samples ---- */

static int put(struct tape_file *f, enum stereo_side side, const int16_t *samples, size_t count,
               struct parley_error *err)
{
    struct track *t = &f->tracks[side];
    uint64_t at = t->at;

    t->at += count;
    if (at >= f->max_frames)
        return PARLEY_OK;
    if (count > f->max_frames - at)
        count = (size_t)(f->max_frames - at);
    return stereo_write(f->file, side, at, samples, count, err);
}

static int put_resampled(struct tape_file *f, enum stereo_side side, const struct buf *out,
                         struct parley_error *err)
{
    size_t count = 0;
    const int16_t *samples = pcm_view(out, &count);

    if (out->failed)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a recording");
    return put(f, side, samples, count, err);
}

/* The run is over: the last moment of it comes out of the filter. */
static int end_run(struct tape_file *f, enum stereo_side side, struct parley_error *err)
{
    struct track *t = &f->tracks[side];
    _cleanup_(buf_done) struct buf out = {0};

    t->has_half = false;
    if (!t->has_run || t->resampler == NULL) {
        t->has_run = false;
        return PARLEY_OK;
    }
    t->has_run = false;
    resampler_flush(t->resampler, &out);
    return put_resampled(f, side, &out, err);
}

static bool goes_on(const struct track *t, const struct tape_block *b)
{
    return t->has_run && t->format == b->format && t->run_place == b->run_place &&
           t->run_bytes == b->run_bytes;
}

static int need_resampler(struct track *t, enum rt_audio format, struct parley_error *err)
{
    t->resampler = resampler_destroy(t->resampler);
    if (rt_audio_rate(format) == STEREO_RATE_HZ)
        return PARLEY_OK;
    return resampler_create((int)rt_audio_rate(format), STEREO_RATE_HZ, &t->resampler, err);
}

/* *ret_skip: bytes of a sample whose beginning is lost. */
static int begin_run(struct tape_file *f, const struct tape_block *b, size_t *ret_skip,
                     struct parley_error *err)
{
    struct track *t = &f->tracks[b->side];
    uint32_t size = rt_audio_bytes_per_sample(b->format);
    uint64_t samples = (b->run_bytes + size - 1) / size;
    int r = end_run(f, b->side, err);

    if (t->resampler == NULL || t->format != b->format) {
        int made = need_resampler(t, b->format, err);
        r = made < 0 ? made : r;
    }
    t->has_run = true;
    t->format = b->format;
    t->run_place = b->run_place;
    t->run_bytes = b->run_bytes;
    t->at = b->run_place + samples * (STEREO_RATE_HZ / rt_audio_rate(b->format));
    *ret_skip = (size_t)(samples * size - b->run_bytes);
    return r;
}

/* ---- bytes to samples ---- */

static size_t decode_samples(enum rt_audio format, int16_t *samples, const unsigned char *bytes,
                             size_t len)
{
    if (format == RT_AUDIO_PCMU)
        g711_ulaw_decode(samples, bytes, len);
    else if (format == RT_AUDIO_PCMA)
        g711_alaw_decode(samples, bytes, len);
    else
        return pcm_from_le(samples, bytes, len);
    return len;
}

static int put_bytes(struct tape_file *f, enum stereo_side side, const unsigned char *bytes,
                     size_t len, struct parley_error *err)
{
    struct track *t = &f->tracks[side];
    size_t step = RUN_SAMPLES * rt_audio_bytes_per_sample(t->format);
    int16_t samples[RUN_SAMPLES];
    _cleanup_(buf_done) struct buf out = {0};
    int result = PARLEY_OK;

    for (size_t at = 0; at < len; at += step) {
        size_t n =
            decode_samples(t->format, samples, bytes + at, len - at < step ? len - at : step);
        int r;
        if (t->resampler == NULL) {
            r = put(f, side, samples, n, err);
        } else {
            buf_clear(&out);
            resampler_run(t->resampler, samples, n, &out);
            r = put_resampled(f, side, &out, err);
        }
        result = r < 0 ? r : result;
    }
    return result;
}

/* All of a block's bytes, with silence for what is no base64. */
static void decode_block(const struct tape_block *b, struct buf *out)
{
    size_t at = 0;
    uint32_t len;

    while (at + sizeof(len) <= b->text.len) {
        memcpy(&len, b->text.data + at, sizeof(len));
        at += sizeof(len);
        const struct parley_view base64 = {b->text.data + at, len};
        size_t before = out->len, want = base64_decoded_len(base64);
        if (!base64_decode(out, base64) || out->len - before != want) {
            static const char silence[256];
            out->len = before;
            for (size_t n = want; n > 0; n -= n < sizeof(silence) ? n : sizeof(silence))
                buf_append(out, silence, n < sizeof(silence) ? n : sizeof(silence));
        }
        at += len;
    }
}

static int write_audio(struct tape_file *f, const struct tape_block *b, struct parley_error *err)
{
    struct track *t = &f->tracks[b->side];
    _cleanup_(buf_done) struct buf bytes = {0};
    size_t skip = 0;
    int began = PARLEY_OK;

    if (!goes_on(t, b))
        began = begin_run(f, b, &skip, err);
    if (t->has_half)
        buf_append_char(&bytes, (char)t->half);
    decode_block(b, &bytes);
    t->run_bytes += b->bytes;
    t->has_half = false;
    if (bytes.failed)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a recording");
    if (skip > bytes.len)
        skip = bytes.len;
    size_t len = bytes.len - skip;
    const unsigned char *from = (const unsigned char *)buf_view(&bytes).data + skip;
    if (len % rt_audio_bytes_per_sample(b->format) != 0) {
        t->half = from[--len];
        t->has_half = true;
    }
    int r = put_bytes(f, b->side, from, len, err);
    return r < 0 ? r : began;
}

int tape_file_write(struct tape_file *f, const struct tape_block *b, struct parley_error *err)
{
    if (!b->is_silence)
        return write_audio(f, b, err);
    int r = end_run(f, b->side, err);
    int erased = stereo_erase(f->file, b->side, b->from, b->until, err);
    return r < 0 ? r : erased;
}

/* ---- life ---- */

int tape_file_create(const char *path, const char *comment, uint64_t max_frames,
                     struct tape_file **ret, struct parley_error *err)
{
    struct tape_file *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", path);
    f->max_frames = max_frames;
    int r = stereo_create(path, comment, &f->file, err);
    if (r < 0) {
        free(f);
        return r;
    }
    *ret = f;
    return PARLEY_OK;
}

int tape_file_finish(struct tape_file *f, uint64_t frames, struct parley_error *err)
{
    int left = end_run(f, STEREO_LEFT, err);
    int right = end_run(f, STEREO_RIGHT, err);
    int cut = stereo_length(f->file) > frames ? stereo_set_length(f->file, frames, err) : PARLEY_OK;

    return left < 0 ? left : right < 0 ? right : cut;
}

struct tape_file *tape_file_close(struct tape_file *f)
{
    if (f == NULL)
        return NULL;
    (void)resampler_destroy(f->tracks[0].resampler);
    (void)resampler_destroy(f->tracks[1].resampler);
    (void)stereo_close(f->file);
    free(f);
    return NULL;
}
