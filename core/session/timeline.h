/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where audio lies on the time line of a recording, in frames of 1/24000 s from its beginning. What
 * the user says lies where it was said, what the agent says where it is played: its audio comes
 * faster than that, queues behind what is still being played, and is taken back from where the user
 * interrupted. Pure; the caller says what time it is.
 */
#ifndef SESSION_TIMELINE_H
#define SESSION_TIMELINE_H

#include "realtime/session_object.h"
#include "session/playback.h"

#include <parley/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMELINE_RATE_HZ      24000
#define TIMELINE_USER_GAP_MS  120 /* later than that, and a new run begins after silence */
#define TIMELINE_AGENT_GAP_MS 50  /* ... of what plays: a player's own buffer hides less */
#define TIMELINE_STRETCHES    16  /* of one item, each begun because the player ran dry */

/* Frames that so many bytes of audio last; a broken sample at the end is not counted. */
uint64_t timeline_frames(enum rt_audio format, uint64_t bytes);

/* ---- the user: runs of audio without a gap ---- */

struct spoken {
    bool has_run;
    bool is_fixed; /* part of the run is on its way to the file: it stays where it is */
    enum rt_audio format;
    uint64_t start; /* of the run */
    uint64_t bytes; /* of it so far */
    uint64_t floor; /* end of the run before it */
};

/* Would audio that came now go on with the run? Else the run is over, and what is kept of it is to
 * be put down first. */
bool spoken_continues(const struct spoken *s, enum rt_audio format, uint64_t bytes, uint64_t now);

/*
 * Audio came. No sample can have been said after it came, so a run that came in a burst (after a
 * stall of the network, or before the model was ready) is moved back until it is fixed.
 */
void spoken_add(struct spoken *s, enum rt_audio format, uint64_t bytes, uint64_t now);

/* Where the run lies, for good. */
uint64_t spoken_fix(struct spoken *s);

uint64_t spoken_end(const struct spoken *s);

/* ---- the agent: items, played one after another ---- */

struct stretch {
    uint64_t item_frame; /* from here on in the item ... */
    uint64_t place;      /* ... it lies there */
};

struct played_item {
    uint32_t number; /* as playback counts them; 0 is a free place */
    enum rt_audio format;
    uint64_t bytes;
    uint64_t came; /* the first of it */
    struct stretch stretches[TIMELINE_STRETCHES];
    size_t stretch_count;
    bool is_cut;     /* nothing more of it is heard ... */
    uint64_t cut_at; /* ... than up to there */
};

struct played {
    struct played_item items[PLAYBACK_ITEMS];
    size_t next;
    uint64_t end; /* of all that is played */
};

struct played_place {
    uint64_t run_place; /* of the stretch that it lies in */
    uint64_t run_bytes; /* of that stretch before it */
    bool is_heard;      /* else it is not to be recorded */
};

/* Audio of an item came. plays: when its first sample is played, by the clock; never before what
 * was placed already. */
struct played_place played_add(struct played *p, uint32_t item, enum rt_audio format,
                               uint64_t bytes, uint64_t plays, uint64_t now);

struct silence {
    uint64_t from;
    uint64_t until;
};

/*
 * Of the item only the first heard_ms were heard, and nothing of what was queued behind it at that
 * time. Fills in what is to be silent, and returns how many these are.
 */
size_t played_cut(struct played *p, uint32_t item, int64_t heard_ms,
                  struct silence ret[PLAYBACK_ITEMS]);

#endif
