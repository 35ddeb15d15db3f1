/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recording of a session whose agent says `record = yes`: one WAV file, the client's speech on
 * the left, the agent as it was heard on the right, both on the session's clock. It begins with the
 * first audio; a session in writing has none. The worker copies audio into blocks and hands these
 * to a pool; what the pool is too slow for is left out of the recording, and the session goes on.
 */
#ifndef SESSION_TAPE_H
#define SESSION_TAPE_H

#include "base/buf.h"
#include "realtime/peek.h"

#include <parley/types.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct playback_item;
struct session;
struct tape;

#define TAPE_BLOCK_BYTES  (16u << 10)  /* of base64, at which a block goes to the pool */
#define TAPE_RUN_BYTES    (256u << 10) /* ... when it begins a run, whose place is not fixed yet */
#define TAPE_FLUSH_MS     1000         /* the age at which it does */
#define TAPE_END_LIMIT_MS 10000        /* that an ended session waits for the disk */

/* What a session holds for it. */
struct taping {
    struct tape *tape; /* NULL: nothing is recorded so far */
    json_t *earlier;   /* recordings of this session by other processes, or NULL */
};

/* An input_audio_buffer.append. */
void tape_client_audio(struct session *s, const struct rt_peek *peek);
/* An audio delta that was just sent to the client and entered into the playback. */
void tape_model_audio(struct session *s, const struct rt_peek *peek);
/* One that a client gets that was away: it plays now. */
void tape_missed_event(struct session *s, struct parley_view event);
/* The item was truncated to what was heard of it. */
void tape_truncated(struct session *s, const struct playback_item *item);

/* The session ends: what waits is written; session_released() follows. */
void tape_end(struct session *s);
/* Is there nothing to wait for any more? */
bool tape_is_idle(const struct session *s);
/* The session is freed. */
void tape_done(struct session *s);

/* Where a stretch of time lies in a file of this process. */
struct tape_slice {
    const char *file; /* borrowed until the session ends */
    int64_t from_ms;
    int64_t until_ms;
};

/* False when there is no recording of it. Times are of clock_now_us(). */
bool tape_slice(const struct session *s, uint64_t from_us, uint64_t until_us,
                struct tape_slice *ret);

/* Is there a recording, of this process or another? Then the store is to have a head. */
bool tape_has_begun(const struct session *s);
/* [{host, file, offset_ms}] of all, owned by the caller; NULL: none. */
json_t *tape_describe(const struct session *s);
/* The session was rebuilt: these are of other processes. */
void tape_restore(struct session *s, const json_t *recordings);

#endif
