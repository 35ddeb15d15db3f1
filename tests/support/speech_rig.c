/* SPDX-License-Identifier: Apache-2.0 */
#include "speech_rig.h"

#include <stdlib.h>
#include <string.h>

struct speech_rig *speech_rig_open(const char *path, const char *const *options,
                                   struct parley_error *err)
{
    struct speech_rig *rig = calloc(1, sizeof(*rig));

    if (rig == NULL)
        abort();
    rig->plugin = fake_plugin_open(path, "local", options, err);
    if (rig->plugin == NULL) {
        free(rig);
        return NULL;
    }
    rig->speech = fake_plugin_role(rig->plugin, PARLEY_ROLE_SPEECH);
    rig->caps.size = sizeof(rig->caps);
    rig->speech->caps(fake_plugin_worker(rig->plugin), &rig->caps);
    return rig;
}

void speech_rig_close(struct speech_rig *rig)
{
    if (rig == NULL)
        return;
    fake_plugin_close(rig->plugin);
    free(rig);
}

struct speech_rig *speech_rig_share(const struct speech_rig *rig)
{
    struct speech_rig *other = calloc(1, sizeof(*other));

    if (other == NULL)
        abort();
    other->plugin = rig->plugin;
    other->speech = rig->speech;
    other->caps = rig->caps;
    return other;
}

static int on_samples(void *ctx, const int16_t *samples, size_t count)
{
    struct speech_rig *rig = ctx;

    rig->calls++;
    if (count > RIG_MAX_SAMPLES - rig->count)
        return 1;
    memcpy(rig->samples + rig->count, samples, count * sizeof(*samples));
    rig->count += count;
    return rig->stop_after > 0 && rig->count >= rig->stop_after;
}

int speech_rig_say(struct speech_rig *rig, const char *voice, const char *text, double speed)
{
    struct parley_synthesise request = {
        .size = sizeof(request), .text = {text, strlen(text)}, .voice = voice, .speed = speed};

    rig->count = 0;
    rig->calls = 0;
    rig->err = (struct parley_error)PARLEY_ERROR_INIT;
    return rig->speech->synthesise(fake_plugin_worker(rig->plugin), &request, on_samples, rig,
                                   &rig->err);
}

static void on_text(void *ctx, struct parley_view text)
{
    struct speech_rig *rig = ctx;

    rig->calls++;
    if (text.len >= sizeof(rig->text))
        abort();
    memcpy(rig->text, text.data, text.len);
    rig->text[text.len] = '\0';
}

int speech_rig_hear(struct speech_rig *rig, const int16_t *samples, size_t count)
{
    struct parley_transcribe request = {.size = sizeof(request),
                                        .samples = samples,
                                        .sample_count = count,
                                        .language = "en",
                                        .hints = ""};

    rig->calls = 0;
    rig->text[0] = '\0';
    rig->err = (struct parley_error)PARLEY_ERROR_INIT;
    return rig->speech->transcribe(fake_plugin_worker(rig->plugin), &request, on_text, rig,
                                   &rig->err);
}

void speech_rig_pad(struct speech_rig *rig, size_t ms)
{
    size_t pad = ms * 16;

    if (rig->count + 2 * pad > RIG_MAX_SAMPLES)
        abort();
    memmove(rig->samples + pad, rig->samples, rig->count * sizeof(*rig->samples));
    memset(rig->samples, 0, pad * sizeof(*rig->samples));
    memset(rig->samples + pad + rig->count, 0, pad * sizeof(*rig->samples));
    rig->count += 2 * pad;
}
