/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A WAV file of two voices that grows: 16-bit PCM, 24 kHz, stereo. Either voice is written at any
 * place, in any order, and leaves the other as it is; where nobody wrote there is silence, which
 * takes no room on the disk. The head is true after every call, so that a process that is killed
 * leaves a file that plays. Blocks; one thread at a time.
 */
#ifndef AUDIO_STEREO_FILE_H
#define AUDIO_STEREO_FILE_H

#include <parley/error.h>

#include <stddef.h>
#include <stdint.h>

#define STEREO_RATE_HZ     24000
#define STEREO_FRAME_BYTES 4
#define STEREO_MAX_FRAMES  ((UINT32_MAX - 4096) / STEREO_FRAME_BYTES) /* of a WAV file */

struct stereo_file;

enum stereo_side { STEREO_LEFT, STEREO_RIGHT };

/*
 * Create the file, readable by its owner only. comment: what is said of it in the file itself; at
 * most 512 bytes of it. The folder and the one it lies in are created, for the owner only, when
 * they are not there. The error names the path; PARLEY_E_CONFLICT: there is such a file already.
 */
int stereo_create(const char *path, const char *comment, struct stereo_file **ret,
                  struct parley_error *err);

/* Put samples at a place, counted in frames; beyond STEREO_MAX_FRAMES they are left out. */
int stereo_write(struct stereo_file *f, enum stereo_side side, uint64_t frame,
                 const int16_t *samples, size_t count, struct parley_error *err);

/* Make a stretch of one side silent again. */
int stereo_erase(struct stereo_file *f, enum stereo_side side, uint64_t from, uint64_t until,
                 struct parley_error *err);

/* Make the file so long: cut, or silent up to there. */
int stereo_set_length(struct stereo_file *f, uint64_t frames, struct parley_error *err);

uint64_t stereo_length(const struct stereo_file *f);

/* NULL is fine. Returns NULL. */
struct stereo_file *stereo_close(struct stereo_file *f);

#endif
