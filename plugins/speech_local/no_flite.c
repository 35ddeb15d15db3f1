/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for flite.c where the library was missing when the plugin was built. */
#include "voice.h"

int voices_create(struct voices **ret_voices, struct parley_error *err)
{
    (void)ret_voices;
    return parley_fail(err, PARLEY_E_UNSUPPORTED,
                       "this build has no voice: install flite1-dev and libspeexdsp-dev and build "
                       "again");
}

void voices_destroy(struct voices *voices)
{
    (void)voices;
}

const char *voices_names(const struct voices *voices)
{
    (void)voices;
    return "";
}

const char *voices_find(const struct voices *voices, const char *name)
{
    (void)voices;
    (void)name;
    return NULL;
}

int voices_say(struct voices *voices, const char *name, const char *text, double speed,
               parley_speech_samples on_samples, void *ctx, struct parley_error *err)
{
    (void)voices;
    (void)text;
    (void)speed;
    (void)on_samples;
    (void)ctx;
    return parley_fail(err, PARLEY_E_UNSUPPORTED, "voice '%s': this build has no voice", name);
}
