/* SPDX-License-Identifier: Apache-2.0 */
/* Where a conversation's turns come from: lines of standard input, or a WAV file in real time. */
#ifndef CTL_TALK_INPUT_H
#define CTL_TALK_INPUT_H

#include "base/buf.h"
#include "base/loop.h"

#include <parley/error.h>

#include <stdbool.h>
#include <stdint.h>

struct event;

/* Lines, as they are typed or piped in. A zeroed struct is not started. */
struct talk_lines {
    struct event *event; /* NULL for a regular file, which is read at once */
    struct buf bytes;
    bool is_ended; /* no more will come */
    void (*on_input)(void *ctx);
    void *ctx;
};

/* Read descriptor 0; on_input when there is more, or the end. */
int talk_lines_start(struct talk_lines *l, struct loop *loop, void (*on_input)(void *ctx),
                     void *ctx, struct parley_error *err);

/* The next whole line (the caller frees it), or NULL. Empty lines are left out. */
char *talk_lines_next(struct talk_lines *l);

void talk_lines_done(struct talk_lines *l);

/* A WAV file, spoken 40 ms at a time, then silence until it is stopped. */
struct talk_wav {
    struct loop *loop;
    int16_t *samples;
    size_t count;
    size_t at;
    int rate_hz;
    uint64_t start_us;
    bool has_ended;
    struct loop_timer timer;
    void (*on_samples)(void *ctx, const int16_t *samples, size_t count);
    void (*on_end)(void *ctx); /* the file is over; silence follows */
    void *ctx;
};

/* Load the file. */
int talk_wav_load(struct talk_wav *w, const char *path, struct parley_error *err);

/* Resample to rate_hz and begin to speak; the callbacks of the struct must be set. */
int talk_wav_start(struct talk_wav *w, struct loop *loop, int rate_hz, struct parley_error *err);

void talk_wav_done(struct talk_wav *w);

#endif
