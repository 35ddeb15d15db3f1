/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/turn_detector.h"

/* Inside a turn a frame counts as speech down to this much below the threshold. */
#define HYSTERESIS 0.15

void turn_detector_configure(struct turn_detector *t, const struct turn_config *config)
{
    t->config = *config;
}

void turn_detector_reset(struct turn_detector *t)
{
    t->is_speaking = t->is_paused = false;
    t->speech_ms = 0;
    t->floor_ms = t->position_ms;
}

static enum turn_event frame_while_quiet(struct turn_detector *t, bool is_speech, int frame_ms)
{
    if (!is_speech) {
        t->speech_ms = 0;
        return TURN_NOTHING;
    }
    t->speech_ms += frame_ms;
    if (t->speech_ms < t->config.start_ms)
        return TURN_NOTHING;

    int64_t start = t->position_ms - t->speech_ms - t->config.prefix_padding_ms;
    t->start_ms = start > t->floor_ms ? start : t->floor_ms;
    t->voiced_ms = t->position_ms;
    t->is_speaking = true;
    t->is_paused = false;
    return TURN_STARTED;
}

static enum turn_event frame_while_speaking(struct turn_detector *t, bool is_speech)
{
    if (is_speech) {
        bool was_paused = t->is_paused;
        t->voiced_ms = t->position_ms;
        t->is_paused = false;
        return was_paused ? TURN_RESUMED : TURN_NOTHING;
    }

    int64_t silence = t->position_ms - t->voiced_ms;
    if (silence >= t->config.silence_ms) {
        turn_detector_reset(t);
        t->end_ms = t->position_ms;
        return TURN_STOPPED;
    }
    if (!t->is_paused && silence >= t->config.pause_ms) {
        t->is_paused = true;
        return TURN_PAUSED;
    }
    return TURN_NOTHING;
}

enum turn_event turn_detector_frame(struct turn_detector *t, float probability, int frame_ms)
{
    double threshold = t->config.threshold;

    t->position_ms += frame_ms;
    if (t->is_speaking) {
        threshold = threshold > 2 * HYSTERESIS ? threshold - HYSTERESIS : threshold / 2;
        return frame_while_speaking(t, (double)probability >= threshold);
    }
    return frame_while_quiet(t, (double)probability >= threshold, frame_ms);
}
