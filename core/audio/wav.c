/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/wav.h"

#include "audio/pcm.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_PCM        1
#define FORMAT_EXTENSIBLE 0xfffe

struct chunk {
    const unsigned char *data;
    size_t len;
};

static uint32_t u16(const unsigned char *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8;
}

static uint32_t u32(const unsigned char *b)
{
    return u16(b) | u16(b + 2) << 16;
}

/* Find a chunk after the RIFF header; a last one that claims too much gets what is there. */
static bool find_chunk(struct parley_view file, const char *id, struct chunk *ret)
{
    const unsigned char *b = (const unsigned char *)file.data;
    size_t at = 12;

    while (file.len - at >= 8) {
        size_t len = u32(b + at + 4);
        size_t rest = file.len - at - 8;

        if (memcmp(b + at, id, 4) == 0) {
            *ret = (struct chunk){b + at + 8, len < rest ? len : rest};
            return true;
        }
        if (len > rest || rest - len < (len & 1))
            return false;
        at += 8 + len + (len & 1);
    }
    return false;
}

static int check_format(const struct chunk *fmt, struct wav *w, uint32_t *ret_channels,
                        struct parley_error *err)
{
    if (fmt->len < 16)
        return parley_fail(err, PARLEY_E_INVALID, "WAV: the fmt chunk has %zu bytes, needs 16",
                           fmt->len);

    uint32_t format = u16(fmt->data);
    if (format == FORMAT_EXTENSIBLE && fmt->len >= 26)
        format = u16(fmt->data + 24);
    uint32_t channels = u16(fmt->data + 2);
    uint32_t rate = u32(fmt->data + 4);
    uint32_t bits = u16(fmt->data + 14);

    if (format != FORMAT_PCM || bits != 16)
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "WAV: format %u with %u bits; only PCM with 16 bits is read", format,
                           bits);
    if (channels < 1 || channels > 2)
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "WAV: %u channels; only mono and stereo are read", channels);
    if (rate < 4000 || rate > 192000)
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "WAV: %u Hz; rates between 4000 and 192000 are read", rate);

    w->rate_hz = (int)rate;
    *ret_channels = channels;
    return PARLEY_OK;
}

static void mix_to_mono(int16_t *samples, size_t frames)
{
    for (size_t i = 0; i < frames; i++)
        samples[i] = (int16_t)((samples[2 * i] + samples[2 * i + 1]) / 2);
}

int wav_parse(struct parley_view file, struct wav *ret, struct parley_error *err)
{
    struct wav w = {0};
    struct chunk fmt, data;
    uint32_t channels = 1;

    if (file.len < 12 || memcmp(file.data, "RIFF", 4) != 0 || memcmp(file.data + 8, "WAVE", 4) != 0)
        return parley_fail(err, PARLEY_E_INVALID, "WAV: this is no RIFF WAVE file");
    if (!find_chunk(file, "fmt ", &fmt) || !find_chunk(file, "data", &data))
        return parley_fail(err, PARLEY_E_INVALID, "WAV: the fmt or the data chunk is missing");

    int r = check_format(&fmt, &w, &channels, err);
    if (r < 0)
        return r;

    w.samples = malloc(data.len + 1);
    if (w.samples == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "WAV: no memory for %zu bytes", data.len);
    w.count = pcm_from_le(w.samples, data.data, data.len) / channels;
    if (channels == 2)
        mix_to_mono(w.samples, w.count);
    *ret = w;
    return PARLEY_OK;
}

static void close_p(FILE **f)
{
    if (*f != NULL)
        (void)fclose(*f); /* only read from */
}

int wav_load(const char *path, struct wav *ret, struct parley_error *err)
{
    _cleanup_(close_p) FILE *f = fopen(path, "rbe");
    _cleanup_(buf_done) struct buf bytes = {0};
    char piece[16384];
    size_t got;

    if (f == NULL)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%s: %s", path, strerror(errno));
    while ((got = fread(piece, 1, sizeof(piece), f)) > 0) {
        if (bytes.len + got > WAV_MAX_BYTES)
            return parley_fail(err, PARLEY_E_TOO_LARGE, "%s: larger than %u bytes", path,
                               WAV_MAX_BYTES);
        buf_append(&bytes, piece, got);
    }
    if (bytes.failed)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory to read it", path);

    struct parley_error why = PARLEY_ERROR_INIT;
    int r = wav_parse(buf_view(&bytes), ret, &why);
    if (r < 0)
        return parley_fail(err, r, "%s: %s", path, why.message);
    return PARLEY_OK;
}

static void put32(struct buf *out, uint32_t value)
{
    unsigned char b[4] = {value & 0xff, value >> 8 & 0xff, value >> 16 & 0xff, value >> 24};

    buf_append(out, b, sizeof(b));
}

static void put16(struct buf *out, uint32_t value)
{
    unsigned char b[2] = {value & 0xff, value >> 8 & 0xff};

    buf_append(out, b, sizeof(b));
}

void wav_write(struct buf *out, int rate_hz, const int16_t *samples, size_t count)
{
    uint32_t bytes = (uint32_t)(count * 2);

    buf_append_str(out, "RIFF");
    put32(out, 36 + bytes);
    buf_append_str(out, "WAVEfmt ");
    put32(out, 16);
    put16(out, FORMAT_PCM);
    put16(out, 1);
    put32(out, (uint32_t)rate_hz);
    put32(out, (uint32_t)rate_hz * 2);
    put16(out, 2);
    put16(out, 16);
    buf_append_str(out, "data");
    put32(out, bytes);
    pcm_append_le(out, samples, count);
}

int wav_save(const char *path, int rate_hz, const int16_t *samples, size_t count,
             struct parley_error *err)
{
    _cleanup_(buf_done) struct buf file = {0};

    wav_write(&file, rate_hz, samples, count);
    if (file.failed)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory for %zu samples", path, count);

    FILE *f = fopen(path, "wbe");
    if (f == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "%s: %s", path, strerror(errno));
    bool written = fwrite(file.data, 1, file.len, f) == file.len;
    if (fclose(f) != 0 || !written)
        return parley_fail(err, PARLEY_E_INTERNAL, "%s: could not be written: %s", path,
                           strerror(errno));
    return PARLEY_OK;
}

void wav_done(struct wav *w)
{
    free(w->samples);
    *w = (struct wav){0};
}
