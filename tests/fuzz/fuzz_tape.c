/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording out of whatever clients and models send: base64 of any kind in pieces of any size, in
 * every format, runs that go on, break off and come back, places far apart, silences. Whatever
 * comes, the file is a WAV file whose head tells the truth, within its limit.
 */
#include "fuzz.h"

#include "base/base64.h"
#include "base/str.h"
#include "session/tape_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_BLOCKS 64
#define MAX_FRAMES 200000

struct input {
    const uint8_t *at;
    const uint8_t *end;
    uint64_t bytes[2]; /* of each side's run */
    uint64_t place[2];
};

static unsigned take(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static uint64_t take_frames(struct input *in)
{
    unsigned high = take(in);
    unsigned low = take(in);

    return high == 255 ? UINT64_MAX - low : (uint64_t)(high << 8 | low) * 8;
}

/* Good base64 of a run of bytes, or the input's own bytes. */
static void add_piece(struct input *in, struct tape_block *b)
{
    static const char sound[300] = "not silent";
    size_t len = take(in);
    size_t left = (size_t)(in->end - in->at);
    struct buf text = {0}, scratch = {0};

    if ((len & 1) != 0) {
        base64_encode(&text, sound, len);
    } else {
        len = len < left ? len : left;
        buf_append(&text, in->at, len);
        in->at += len;
    }
    (void)tape_block_add(b, tape_unescaped(buf_view(&text), (len & 2) != 0, &scratch));
    buf_done(&text);
    buf_done(&scratch);
}

static void write_block(struct input *in, struct tape_file *f)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    unsigned what = take(in);
    enum stereo_side side = (what & 1) != 0 ? STEREO_RIGHT : STEREO_LEFT;
    struct tape_block *b = tape_block_create(side);

    if (b == NULL)
        return;
    b->format = (enum rt_audio)((what >> 1) % RT_AUDIO_COUNT);
    if ((what & 0x30) == 0x30) {
        b->is_silence = true;
        b->from = take_frames(in);
        b->until = take_frames(in);
    } else {
        if ((what & 0x40) != 0) { /* elsewhere, perhaps in the middle of a run */
            in->place[side] = take_frames(in);
            in->bytes[side] = take(in);
        }
        b->run_place = in->place[side];
        b->run_bytes = in->bytes[side];
        for (unsigned n = what >> 7; n < 2; n++)
            add_piece(in, b);
        in->bytes[side] += b->bytes;
    }
    (void)tape_file_write(f, b, &err);
    tape_block_free(b);
}

static uint32_t u32(const unsigned char *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void check(const char *path)
{
    unsigned char head[128];
    struct stat info;
    FILE *file = fopen(path, "rbe");

    if (file == NULL || fstat(fileno(file), &info) != 0 || fread(head, 1, 66, file) != 66)
        abort();
    (void)fclose(file); /* only read from */
    uint32_t data = u32(head + 62);
    if (memcmp(head, "RIFF", 4) != 0 || memcmp(head + 58, "data", 4) != 0)
        abort();
    if (u32(head + 4) != 66 - 8 + data || info.st_size != 66 + (off_t)data)
        abort();
    if (data % STEREO_FRAME_BYTES != 0 || data > MAX_FRAMES * STEREO_FRAME_BYTES)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.at = data, .end = data + size};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct tape_file *f = NULL;
    const char *base = getenv("TMPDIR");
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/parley-fuzz-tape-%d.wav", base == NULL ? "/tmp" : base,
                   (int)getpid());
    (void)unlink(path);
    if (tape_file_create(path, "", MAX_FRAMES, &f, &err) < 0)
        abort();
    for (int i = 0; i < MAX_BLOCKS && in.at < in.end; i++)
        write_block(&in, f);
    check(path);
    (void)tape_file_finish(f, take_frames(&in), &err);
    check(path);
    (void)tape_file_close(f);
    (void)unlink(path);
    return 0;
}
