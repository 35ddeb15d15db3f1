/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of audio on its way from one of the Realtime formats to another: base64 in, base64 out,
 * in pieces of any length. Thread: one at a time. */
#ifndef CONVERT_PIPE_H
#define CONVERT_PIPE_H

#include "audio/resample.h"
#include "base/buf.h"
#include "realtime/session_object.h"

#include <parley/error.h>
#include <parley/types.h>

#include <stdbool.h>

struct pipe {
    enum rt_audio from, to;
    struct resampler *resampler; /* NULL: not open */
    unsigned char odd;           /* the first half of a sample whose second is to come */
    bool has_odd;
    struct buf bytes, samples, resampled; /* scratch */
};

/* Begin a stream, or a new one in the same pipe. On failure it is not open. */
int pipe_open(struct pipe *p, enum rt_audio from, enum rt_audio to, struct parley_error *err);
/* All zero is fine. */
void pipe_done(struct pipe *p);

static inline bool pipe_is_open(const struct pipe *p)
{
    return p->resampler != NULL;
}

/* Append what this piece gives; with the last one comes what the change of rate still holds
 * (1.5 ms), and the stream is forgotten. The last one may be empty. False, and nothing appended: it
 * is not base64, or no memory. */
bool pipe_run(struct pipe *p, struct parley_view base64, bool is_last, struct buf *out);

#endif
