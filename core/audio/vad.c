/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/vad.h"

#include <string.h>

void vad_feed(struct vad *v, const int16_t *samples, size_t count, vad_on_frame on_frame, void *ctx)
{
    while (count > 0) {
        size_t room = VAD_FRAME_SAMPLES - v->pending;
        size_t take = count < room ? count : room;

        memcpy(v->frame + v->pending, samples, take * sizeof(*samples));
        v->pending += take;
        samples += take;
        count -= take;
        if (v->pending == VAD_FRAME_SAMPLES) {
            v->pending = 0;
            on_frame(ctx, v->engine->frame(v, v->frame));
        }
    }
}

void vad_reset(struct vad *v)
{
    v->pending = 0;
    v->engine->reset(v);
}

struct vad *vad_destroy(struct vad *v)
{
    if (v != NULL)
        v->engine->destroy(v);
    return NULL;
}
