/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From probabilities of speech to turns. Pure: driven by one call per frame, all positions count
 * the milliseconds of audio since the beginning.
 *
 *     quiet --start_ms of speech--> TURN_STARTED: speaking
 *     speaking --pause_ms of silence--> TURN_PAUSED --speech--> TURN_RESUMED
 *              \--silence_ms of silence--> TURN_STOPPED: quiet
 *
 * TURN_PAUSED is the moment to begin work on what was said, in the hope that the turn is over.
 */
#ifndef AUDIO_TURN_DETECTOR_H
#define AUDIO_TURN_DETECTOR_H

#include <stdbool.h>
#include <stdint.h>

enum turn_event { TURN_NOTHING, TURN_STARTED, TURN_PAUSED, TURN_RESUMED, TURN_STOPPED };

struct turn_config {
    double threshold;      /* least probability that counts as speech, 0..1 */
    int prefix_padding_ms; /* audio kept before the speech */
    int silence_ms;        /* ends a turn */
    int start_ms;          /* least speech that starts one */
    int pause_ms;          /* silence of TURN_PAUSED; not below silence_ms: never */
};

/* Zeroed but for config is fresh. */
struct turn_detector {
    struct turn_config config;
    int64_t position_ms; /* of all audio so far */
    int64_t start_ms;    /* of the turn: where its first speech began, less the padding */
    int64_t end_ms;      /* after TURN_STOPPED: includes the silence */
    int64_t voiced_ms;   /* end of the last frame with speech */
    int64_t floor_ms;    /* padding does not reach before this: the end of the turn before */
    int speech_ms;       /* of the run of speech while quiet */
    bool is_speaking;
    bool is_paused;
};

/* Start anew with these settings; positions go on. */
void turn_detector_configure(struct turn_detector *t, const struct turn_config *config);

/* One frame of frame_ms with its probability. */
enum turn_event turn_detector_frame(struct turn_detector *t, float probability, int frame_ms);

/* Forget a turn in progress; audio before now no longer belongs to one. */
void turn_detector_reset(struct turn_detector *t);

#endif
