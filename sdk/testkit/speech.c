/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of parley.speech/1. */
#include "kit.h"

#include <parley/speech.h>

#include <string.h>

static struct fake_plugin *plugin;
static const struct parley_speech_vtable *speech;
static void *instance;
static struct parley_speech_caps can;

static struct {
    unsigned texts;
    size_t samples;
    unsigned calls;
    unsigned stop_at; /* the call of on_samples that says stop; 0: none */
    bool was_stopped;
} heard;

static void on_text(void *ctx, struct parley_view text)
{
    (void)ctx;
    if (heard.texts++ > 0)
        kit_fail("hears-once", "transcribe() told its text twice");
    if (!kit_is_utf8(text))
        kit_fail("answers-are-utf8", "transcribe() told what is not UTF-8");
}

static int on_samples(void *ctx, const int16_t *samples, size_t count)
{
    (void)ctx;
    (void)samples;
    if (heard.was_stopped)
        kit_fail("stops-when-told", "samples came after on_samples() had said stop");
    heard.samples += count;
    heard.was_stopped = ++heard.calls == heard.stop_at;
    return heard.was_stopped;
}

static void open_speech(void)
{
    plugin = kit_open();
    speech = fake_plugin_role(plugin, PARLEY_ROLE_SPEECH);
    instance = fake_plugin_instance(plugin);
    can = (struct parley_speech_caps){.size = sizeof(can)};
    KIT_DO("caps", KIT_MAIN, speech->caps(instance, &can));
}

static int transcribe(const int16_t *samples, size_t count, int32_t is_cancelled)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const volatile int32_t cancelled = is_cancelled;
    const struct parley_transcribe request = {
        .size = sizeof(request),
        .samples = samples,
        .sample_count = count,
        .language = "",
        .hints = "",
        .cancelled = &cancelled,
    };

    memset(&heard, 0, sizeof(heard));
    int r = KIT_CALL("transcribe", KIT_OFFLOAD,
                     speech->transcribe(instance, &request, on_text, NULL, &err));
    kit_check_refusal(r, &err);
    if (r == PARLEY_OK && heard.texts != 1)
        kit_fail("hears-once", "transcribe() succeeded and told its text %u times", heard.texts);
    return r;
}

static int synthesise(const char *text, const char *voice, unsigned stop_at)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct parley_synthesise request = {
        .size = sizeof(request),
        .text = kit_view(text),
        .voice = voice,
        .speed = 1.0,
    };

    memset(&heard, 0, sizeof(heard));
    heard.stop_at = stop_at;
    int r = KIT_CALL("synthesise", KIT_OFFLOAD,
                     speech->synthesise(instance, &request, on_samples, NULL, &err));
    kit_check_refusal(r, &err);
    return r;
}

/* ---- rules ---- */

static void caps(void)
{
    open_speech();
    if ((can.flags & PARLEY_SPEECH_EARS) != 0 &&
        (can.ears_rate_hz < 8000 || can.ears == NULL || can.ears[0] == '\0'))
        kit_broken("it hears, at %u samples a second, by the name \"%s\"", can.ears_rate_hz,
                   can.ears == NULL ? "(NULL)" : can.ears);
    if ((can.flags & PARLEY_SPEECH_VOICE) != 0 &&
        (can.voice_rate_hz < 8000 || can.voice == NULL || can.voice[0] == '\0'))
        kit_broken("it speaks, at %u samples a second, by the name \"%s\"", can.voice_rate_hz,
                   can.voice == NULL ? "(NULL)" : can.voice);
    kit_close(plugin);
}

static void silence(void)
{
    static int16_t quiet[16000];

    open_speech();
    if ((can.flags & PARLEY_SPEECH_EARS) == 0)
        kit_skip("it has no ears here");
    (void)transcribe(quiet, 0, 0);
    (void)transcribe(quiet, 1, 0);
    (void)transcribe(quiet, KIT_COUNT(quiet), 0);
    if (transcribe(quiet, KIT_COUNT(quiet), 1) == PARLEY_OK && heard.texts != 1)
        kit_broken("a cancelled utterance was heard, and not told");
    kit_close(plugin);
}

static void speaking(void)
{
    open_speech();
    if ((can.flags & PARLEY_SPEECH_VOICE) == 0)
        kit_skip("it has no voice here");
    if (synthesise("Hello there.", "", 0) < 0 || heard.samples == 0)
        kit_broken("it says no sentence with its default voice");
    (void)synthesise("", "", 0);
    (void)synthesise("\xe2\x80\x9c\xf0\x9f\x98\x80\xe2\x80\x9d <speak> & \\ % \n\t ...", "", 0);
    (void)synthesise("Hello.", "no-such-voice", 0);
    kit_close(plugin);
}

static void stopping(void)
{
    open_speech();
    if ((can.flags & PARLEY_SPEECH_VOICE) == 0)
        kit_skip("it has no voice here");
    int r = synthesise("One, two, three, four, five.", "", 1);
    if (r != PARLEY_E_CANCELLED)
        kit_broken("it was told to stop and returned %d, not PARLEY_E_CANCELLED", r);
    kit_close(plugin);
}

static const struct kit_case cases[] = {
    {"speech.caps", "says what it can do, without contradiction", caps},
    {"speech.silence", "hears nothing in silence, nor in no samples at all", silence},
    {"speech.voice", "says a sentence, and lives with odd ones", speaking},
    {"speech.stop", "stops speaking when it is told to", stopping},
};

const struct kit_suite kit_suite_speech = {PARLEY_ROLE_SPEECH, cases, KIT_COUNT(cases)};
