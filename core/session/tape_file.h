/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocking side of a recording: blocks of audio as the protocol carries it become samples at
 * their place in a file. Blocks are made on the worker, which copies base64 and decodes nothing;
 * the rest runs on a pool, one call at a time for each file.
 */
#ifndef SESSION_TAPE_FILE_H
#define SESSION_TAPE_FILE_H

#include "audio/stereo_file.h"
#include "base/buf.h"
#include "base/list.h"
#include "realtime/session_object.h"

#include <parley/error.h>

#include <stdbool.h>
#include <stdint.h>

/* A run of audio, or a stretch that becomes silent again. */
struct tape_block {
    struct list entry;
    enum stereo_side side;
    bool is_silence;
    uint64_t from; /* of a silence, in frames */
    uint64_t until;
    enum rt_audio format;
    uint64_t run_place; /* where its run begins, in frames */
    uint64_t run_bytes; /* of the run before it */
    uint64_t bytes;     /* that it stands for */
    struct buf text;    /* pieces: length, base64 */
};

struct tape_block *tape_block_create(enum stereo_side side);
/* A view without the escapes that JSON allows in base64; it may lie in `scratch`. */
struct parley_view tape_unescaped(struct parley_view payload, bool has_escapes,
                                  struct buf *scratch);
/* Append base64. False without memory, and nothing is appended. */
bool tape_block_add(struct tape_block *b, struct parley_view base64);
void tape_block_free(struct tape_block *b);

struct tape_file;

/* Audio beyond max_frames is left out. Errors as stereo_create(). */
int tape_file_create(const char *path, const char *comment, uint64_t max_frames,
                     struct tape_file **ret, struct parley_error *err);

/* What is no base64 is silence. After an error the file can be written further. */
int tape_file_write(struct tape_file *f, const struct tape_block *b, struct parley_error *err);

/* Write what the filters hold back, and make the file at most so long. */
int tape_file_finish(struct tape_file *f, uint64_t frames, struct parley_error *err);

/* NULL is fine. Returns NULL. */
struct tape_file *tape_file_close(struct tape_file *f);

#endif
