/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/vad_silero.h"

#include "audio/silero_net.h"
#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

struct vad_silero {
    struct vad vad; /* first */
    const struct silero_weights *weights;
    struct silero_state state;
};

static float silero_frame(struct vad *v, const int16_t samples[VAD_FRAME_SAMPLES])
{
    struct vad_silero *s = container_of(v, struct vad_silero, vad);

    return silero_net_run(s->weights, &s->state, samples);
}

static void silero_reset(struct vad *v)
{
    struct vad_silero *s = container_of(v, struct vad_silero, vad);

    memset(&s->state, 0, sizeof(s->state));
}

static void silero_destroy(struct vad *v)
{
    free(container_of(v, struct vad_silero, vad));
}

static const struct vad_engine silero_engine = {
    .name = "silero",
    .frame = silero_frame,
    .reset = silero_reset,
    .destroy = silero_destroy,
};

struct vad *vad_silero_create(const struct silero_weights *w)
{
    struct vad_silero *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->vad.engine = &silero_engine;
    s->weights = w;
    return &s->vad;
}
