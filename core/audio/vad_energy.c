/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/vad_energy.h"

#include "base/cleanup.h"

#include <math.h>
#include <stdlib.h>

/*
 * The floor falls to a quieter frame at once (most of the way) and creeps up otherwise: 6 dB a
 * second, so that a new steady noise is learnt within seconds while a sentence hardly moves it.
 */
#define FLOOR_START_DB  (-65.0f)
#define FLOOR_LOWEST_DB (-75.0f)
#define FLOOR_FALL      0.5f
#define FLOOR_RISE_DB   0.06f /* in a frame that looks like speech */
#define FLOOR_CREEP_DB  0.2f  /* in a frame that does not */
#define SPEECH_ABOVE_DB 12.0f /* this much above the floor is even odds */
#define STEEPNESS       0.5f

struct vad_energy {
    struct vad vad; /* first */
    float floor_db;
    int16_t last; /* sample before the frame, for the difference */
};

/* Loudness of the differences between samples, which leaves out hum and rumble. */
static float frame_db(struct vad_energy *e, const int16_t *samples)
{
    int16_t last = e->last;
    double sum = 0;

    for (size_t i = 0; i < VAD_FRAME_SAMPLES; i++) {
        double difference = samples[i] - 0.9 * last;
        sum += difference * difference;
        last = samples[i];
    }
    e->last = last;
    return (float)(10.0 * log10(sum / VAD_FRAME_SAMPLES / (32768.0 * 32768.0) + 1e-12));
}

static float energy_frame(struct vad *v, const int16_t samples[VAD_FRAME_SAMPLES])
{
    struct vad_energy *e = container_of(v, struct vad_energy, vad);
    float db = frame_db(e, samples);
    float above = db - e->floor_db - SPEECH_ABOVE_DB;
    float probability = 1.0f / (1.0f + expf(-STEEPNESS * above));

    if (db < e->floor_db)
        e->floor_db += FLOOR_FALL * (db - e->floor_db);
    else
        e->floor_db += above > 0 ? FLOOR_RISE_DB : FLOOR_CREEP_DB;
    e->floor_db = fmaxf(e->floor_db, FLOOR_LOWEST_DB);
    return probability;
}

static void energy_reset(struct vad *v)
{
    struct vad_energy *e = container_of(v, struct vad_energy, vad);

    e->floor_db = FLOOR_START_DB;
    e->last = 0;
}

static void energy_destroy(struct vad *v)
{
    free(container_of(v, struct vad_energy, vad));
}

static const struct vad_engine energy_engine = {
    .name = "energy",
    .frame = energy_frame,
    .reset = energy_reset,
    .destroy = energy_destroy,
};

struct vad *vad_energy_create(void)
{
    struct vad_energy *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return NULL;
    e->vad.engine = &energy_engine;
    energy_reset(&e->vad);
    return &e->vad;
}
