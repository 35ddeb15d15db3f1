/* SPDX-License-Identifier: Apache-2.0 */
/* The built plugin through its entry: what it says about itself, speaks, and hears. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "paths.h"
#include "speech_rig.h"

#define EMPTY_DIR "model_dir=/nowhere/models"
#define SENTENCE  "what is two plus three"

static const char *plugin_path;
static struct speech_rig *rig;

static void start(const char *const *options)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    fake_host_reset();
    rig = speech_rig_open(plugin_path, options, &err);
    if (rig == NULL)
        fail_msg("%s", err.message);
}

static int stop(void **state)
{
    (void)state;
    speech_rig_close(rig);
    rig = NULL;
    return 0;
}

/* The voice, and PocketSphinx for ears where it is installed. */
static int start_plain(void **state)
{
    static const char *const options[] = {EMPTY_DIR, NULL};

    (void)state;
    start(options);
    return 0;
}

/* The voice alone: quicker. */
static int start_voice(void **state)
{
    static const char *const options[] = {"asr=none", NULL};

    (void)state;
    start(options);
    return 0;
}

/* Moonshine, where its files are. */
static int start_moonshine(void **state)
{
    static const char *const options[] = {"asr=moonshine-tiny", NULL};
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    fake_host_reset();
    rig = speech_rig_open(plugin_path, options, &err);
    return 0; /* without: the test skips */
}

static void need_voice(void)
{
    if ((rig->caps.flags & PARLEY_SPEECH_VOICE) == 0)
        skip();
}

static void need_both(void)
{
    need_voice();
    if ((rig->caps.flags & PARLEY_SPEECH_EARS) == 0)
        skip();
}

static void say(const char *voice, const char *text, double speed)
{
    if (speech_rig_say(rig, voice, text, speed) != PARLEY_OK)
        fail_msg("%s", rig->err.message);
}

static void assert_error_says(const struct parley_error *err, const char *words)
{
    if (strstr(err->message, words) == NULL)
        fail_msg("'%s' is not in: %s", words, err->message);
}

/* --- What it tells -------------------------------------------------------------------------------
 */

static void the_capabilities_name_rates_and_voices(void **state)
{
    (void)state;
    need_voice();
    assert_int_equal(rig->caps.ears_rate_hz, 16000);
    assert_int_equal(rig->caps.voice_rate_hz, 16000);
    assert_string_equal(rig->caps.voice, "flite:slt");
    assert_non_null(strstr(rig->caps.voices, "flite:kal16"));
}

static void without_moonshine_the_log_says_what_runs_and_what_is_better(void **state)
{
    (void)state;
    assert_true(fake_host_logged("parleyctl models get moonshine-tiny"));
    assert_true(fake_host_logged("/nowhere/models/moonshine-tiny/encoder_model.onnx is missing"));
    assert_true(fake_host_logged("speech ears="));
}

static void moonshine_by_name_needs_its_files(void **state)
{
    static const char *const options[] = {"asr=moonshine-tiny", EMPTY_DIR, NULL};
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    fake_host_reset();
    assert_null(speech_rig_open(plugin_path, options, &err));
    assert_int_equal(err.status, PARLEY_E_NOT_FOUND);
    assert_error_says(&err, "/nowhere/models/moonshine-tiny/encoder_model.onnx");
    assert_error_says(&err, "parleyctl models get moonshine-tiny");
}

static void an_unknown_voice_is_refused_at_the_start(void **state)
{
    static const char *const options[] = {"voice=marin", "asr=none", NULL};
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    fake_host_reset();
    rig = speech_rig_open(plugin_path, options, &err);
    if (rig != NULL)
        skip(); /* a build without flite only warns */
    assert_error_says(&err, "marin");
    assert_error_says(&err, "flite:slt");
}

static void deaf_and_mute_on_request(void **state)
{
    static const char *const options[] = {"asr=none", "voice=none", NULL};
    static const int16_t samples[1600] = {1000};

    (void)state;
    start(options);
    assert_int_equal(rig->caps.flags, 0);
    assert_string_equal(rig->caps.ears, "none");
    assert_int_equal(speech_rig_hear(rig, samples, 1600), PARLEY_E_UNSUPPORTED);
    assert_int_equal(speech_rig_say(rig, "", "hello", 1.0), PARLEY_E_UNSUPPORTED);
}

/* --- The voice -----------------------------------------------------------------------------------
 */

static void every_voice_speaks(void **state)
{
    static const char *const voices[] = {"", "slt", "flite:rms", "awb", "kal16", "kal"};

    (void)state;
    need_voice();
    for (size_t i = 0; i < sizeof(voices) / sizeof(*voices); i++) {
        int peak = 0;
        say(voices[i], "The kitchen light is on.", 1.0);
        for (size_t j = 0; j < rig->count; j++)
            peak = abs(rig->samples[j]) > peak ? abs(rig->samples[j]) : peak;
        assert_in_range(rig->count, 16000, 3 * 16000);
        assert_true(rig->calls > 3); /* it streams */
        assert_true(peak > 3000);
    }
}

static void speed_changes_the_length(void **state)
{
    (void)state;
    need_voice();
    say("", SENTENCE, 1.0);
    size_t normal = rig->count;
    say("", SENTENCE, 0);
    assert_int_equal(rig->count, normal);
    say("", SENTENCE, 2.0);
    assert_in_range(rig->count, normal / 3, normal * 2 / 3);
    say("", SENTENCE, 0.5);
    assert_in_range(rig->count, normal * 3 / 2, normal * 3);
}

static void a_listener_can_stop_it_and_hear_the_next_sentence(void **state)
{
    (void)state;
    need_voice();
    rig->stop_after = 1000;
    assert_int_equal(speech_rig_say(rig, "", SENTENCE, 1.0), PARLEY_E_CANCELLED);
    assert_in_range(rig->count, 1000, 8000);
    rig->stop_after = 0;
    say("", SENTENCE, 1.0);
    assert_true(rig->count > 16000);
}

static void nothing_to_say_is_no_sound(void **state)
{
    (void)state;
    need_voice();
    say("", "", 1.0);
    assert_int_equal(rig->count, 0);
    say("", " \xf0\x9f\x98\x80 ", 1.0);
    assert_int_equal(rig->count, 0);
}

static void odd_texts_are_survived(void **state)
{
    static const char *const texts[] = {"...",
                                        "?",
                                        "\"",
                                        "-- --",
                                        "1234567890123456789012345678901",
                                        "http://x.y/z?a=b&c=%20",
                                        "$1,234.56",
                                        "<p>",
                                        "a.b.c.d.e",
                                        "((((((",
                                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

    (void)state;
    need_voice();
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        say("", texts[i], 1.0);
}

static void an_unknown_voice_is_an_error_with_the_known_ones(void **state)
{
    (void)state;
    need_voice();
    assert_int_equal(speech_rig_say(rig, "marin", SENTENCE, 1.0), PARLEY_E_NOT_FOUND);
    assert_error_says(&rig->err, "flite:slt");
}

static void a_text_without_end_is_refused(void **state)
{
    static char text[20001];

    (void)state;
    need_voice();
    memset(text, 'a', sizeof(text) - 1);
    assert_int_equal(speech_rig_say(rig, "", text, 1.0), PARLEY_E_TOO_LARGE);
}

/* --- The ears ------------------------------------------------------------------------------------
 */

static void silence_is_no_text(void **state)
{
    static const int16_t silence[16000];

    (void)state;
    need_both();
    assert_int_equal(speech_rig_hear(rig, silence, 16000), PARLEY_OK);
    assert_int_equal(rig->calls, 1);
    assert_string_equal(rig->text, "");
    assert_int_equal(speech_rig_hear(rig, silence, 0), PARLEY_OK);
    assert_string_equal(rig->text, "");
}

static void hear_what_was_said(void)
{
    say("", SENTENCE, 1.0);
    speech_rig_pad(rig, 300);
    if (speech_rig_hear(rig, rig->samples, rig->count) != PARLEY_OK)
        fail_msg("%s", rig->err.message);
    assert_int_equal(rig->calls, 1);
    if (strstr(rig->text, "plus") == NULL)
        fail_msg("%s heard: %s", rig->caps.ears, rig->text);
}

static void what_is_said_is_heard(void **state)
{
    (void)state;
    need_both();
    hear_what_was_said();
}

static void moonshine_hears_what_is_said(void **state)
{
    (void)state;
    if (rig == NULL)
        skip();
    need_voice();
    assert_string_equal(rig->caps.ears, "moonshine-tiny");
    assert_int_equal(fake_host_run(), 1); /* it warms up */
    hear_what_was_said();
    assert_int_equal(strncmp(rig->text, "What", 4), 0);
}

static void moonshine_hears_short_long_and_no_speech(void **state)
{
    uint32_t noise = 1;

    (void)state;
    if (rig == NULL)
        skip();
    for (size_t i = 0; i < RIG_MAX_SAMPLES; i++) {
        noise = noise * 1664525 + 1013904223;
        rig->samples[i] = (int16_t)(noise >> 24) - 128;
    }
    assert_int_equal(speech_rig_hear(rig, rig->samples, 900), PARLEY_OK);
    assert_int_equal(speech_rig_hear(rig, rig->samples, 35 * 16000), PARLEY_OK);
    assert_string_equal(rig->text, "");
}

static int transcribe(const char *language, size_t count, int32_t cancelled)
{
    static int16_t samples[130 * 16000];
    struct parley_transcribe request = {.size = sizeof(request),
                                        .samples = samples,
                                        .sample_count = count,
                                        .language = language,
                                        .hints = "",
                                        .cancelled = &cancelled};

    for (size_t i = 0; i < count; i++)
        samples[i] = (int16_t)(i * 37 % 2000);
    rig->err = (struct parley_error)PARLEY_ERROR_INIT;
    return rig->speech->transcribe(fake_plugin_worker(rig->plugin), &request, NULL, NULL,
                                   &rig->err);
}

static void a_cancelled_utterance_gives_no_text(void **state)
{
    (void)state;
    need_both();
    assert_int_equal(transcribe("en-GB", 16000, 1), PARLEY_E_CANCELLED);
    assert_int_equal(transcribe("", 20 * 16000, 1), PARLEY_E_CANCELLED);
}

static void other_languages_are_refused(void **state)
{
    (void)state;
    need_both();
    assert_int_equal(transcribe("de", 16000, 0), PARLEY_E_UNSUPPORTED);
    assert_error_says(&rig->err, "English");
}

static void an_utterance_without_end_is_refused(void **state)
{
    (void)state;
    need_both();
    assert_int_equal(transcribe("en", 121 * 16000, 0), PARLEY_E_TOO_LARGE);
    assert_error_says(&rig->err, "121 seconds");
}

/* --- Files that are no models --------------------------------------------------------------------
 */

static void write_file(const char *dir, const char *name, const char *text, size_t len)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    *strrchr(path, '/') = '\0';
    (void)mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "wbe");
    assert_non_null(file);
    fwrite(text, 1, len, file);
    fclose(file);
}

/* A sanitizer cannot follow C++ exceptions of a library that a C program opens late, and the
 * runtime throws some at a broken model. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

/* The real runtime, when there is one. */
static void link_runtime(const char *dir)
{
    char from[PATH_MAX], to[256];
    struct paths paths;

    paths_init(&paths, "");
    if (!paths_find(&paths, "onnxruntime/libonnxruntime.so", from, sizeof(from)))
        return;
    snprintf(to, sizeof(to), "%s/onnxruntime", dir);
    assert_int_equal(mkdir(to, 0755), 0);
    snprintf(to, sizeof(to), "%s/onnxruntime/libonnxruntime.so", dir);
    assert_int_equal(symlink(from, to), 0);
}

/* A folder with models of these bytes. */
static void make_broken_models(char dir[64], const char *bytes, size_t len)
{
    char *line = malloc(32000 * 3 + 1), *at = line;

    snprintf(dir, 64, "/tmp/parley-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    for (int i = 0; i < 32000; i++)
        at = stpcpy(at, "x\n");
    write_file(dir, "llama-tokenizer/tokens.txt", line, (size_t)(at - line));
    write_file(dir, "moonshine-tiny/encoder_model.onnx", bytes, len);
    write_file(dir, "moonshine-tiny/decoder_model_merged.onnx", bytes, len);
    free(line);
}

static void remove_models(const char *dir)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -r '%s'", dir);
    assert_int_equal(system(command), 0);
}

static void broken_models_are_named_with_the_way_to_repair_them(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } broken[] = {{"", 0}, {"not a model", 11}, {"\x08\x07\x3a\xff\xff\xff\x7f", 7}};
    char dir[64], option[96];
    const char *options[] = {"asr=moonshine-tiny", option, NULL};
    static const int16_t samples[16000] = {2000};

    (void)state;
    if (IS_SANITIZED)
        skip();
    for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
        struct parley_error err = PARLEY_ERROR_INIT;
        make_broken_models(dir, broken[i].bytes, broken[i].len);
        link_runtime(dir);
        snprintf(option, sizeof(option), "model_dir=%s", dir);
        fake_host_reset();
        rig = speech_rig_open(plugin_path, options, &err);
        if (rig == NULL) { /* no runtime on this machine: that is what is missing then */
            assert_error_says(&err, "libonnxruntime.so");
        } else {
            fake_host_run();
            assert_true(fake_host_logged("cannot be loaded"));
            assert_true(speech_rig_hear(rig, samples, 16000) < 0);
            assert_error_says(&rig->err, dir);
            assert_error_says(&rig->err, "parleyctl models verify");
        }
        remove_models(dir);
        stop(NULL);
    }
}

static void a_runtime_that_is_no_library_counts_as_missing(void **state)
{
    char dir[64], option[96];
    const char *options[] = {option, NULL};

    (void)state;
    make_broken_models(dir, "x", 1);
    write_file(dir, "onnxruntime/libonnxruntime.so", "not a library", 13);
    snprintf(option, sizeof(option), "model_dir=%s", dir);
    start(options);
    /* A distribution's own runtime may step in. */
    if (strcmp(rig->caps.ears, "moonshine-tiny") != 0)
        assert_true(fake_host_logged("libonnxruntime.so is missing"));
    remove_models(dir);
}

/* --- Several callers at once ---------------------------------------------------------------------
 */

#define CALLERS 4

static void *speak_and_listen(void *arg)
{
    static const char *const voices[] = {"slt", "slt", "kal16", "kal"};
    static int next;
    struct speech_rig *mine = speech_rig_share(arg);
    const char *voice = voices[__atomic_fetch_add(&next, 1, __ATOMIC_SEQ_CST) % CALLERS];
    size_t first = 0, wrong = 0;

    for (int i = 0; i < 5; i++) {
        wrong += speech_rig_say(mine, voice, SENTENCE, 1.0) != PARLEY_OK;
        if (i == 0)
            first = mine->count;
        wrong += mine->count != first || first < 8000;
    }
    if ((mine->caps.flags & PARLEY_SPEECH_EARS) != 0)
        wrong += speech_rig_hear(mine, mine->samples, mine->count) != PARLEY_OK;
    free(mine);
    return (void *)(uintptr_t)wrong;
}

static void callers_at_once_do_not_disturb_each_other(void **state)
{
    pthread_t threads[CALLERS];

    (void)state;
    if (rig == NULL)
        skip();
    need_voice();
    for (size_t i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, speak_and_listen, rig), 0);
    for (size_t i = 0; i < CALLERS; i++) {
        void *wrong = NULL;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

#define BARE(name)      cmocka_unit_test_teardown(name, stop)
#define PLAIN(name)     cmocka_unit_test_setup_teardown(name, start_plain, stop)
#define VOICE(name)     cmocka_unit_test_setup_teardown(name, start_voice, stop)
#define MOONSHINE(name) cmocka_unit_test_setup_teardown(name, start_moonshine, stop)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        VOICE(the_capabilities_name_rates_and_voices),
        PLAIN(without_moonshine_the_log_says_what_runs_and_what_is_better),
        BARE(moonshine_by_name_needs_its_files),
        BARE(an_unknown_voice_is_refused_at_the_start),
        BARE(deaf_and_mute_on_request),
        VOICE(every_voice_speaks),
        VOICE(speed_changes_the_length),
        VOICE(a_listener_can_stop_it_and_hear_the_next_sentence),
        VOICE(nothing_to_say_is_no_sound),
        VOICE(odd_texts_are_survived),
        VOICE(an_unknown_voice_is_an_error_with_the_known_ones),
        VOICE(a_text_without_end_is_refused),
        PLAIN(silence_is_no_text),
        PLAIN(what_is_said_is_heard),
        MOONSHINE(moonshine_hears_what_is_said),
        MOONSHINE(moonshine_hears_short_long_and_no_speech),
        PLAIN(a_cancelled_utterance_gives_no_text),
        PLAIN(other_languages_are_refused),
        PLAIN(an_utterance_without_end_is_refused),
        BARE(broken_models_are_named_with_the_way_to_repair_them),
        BARE(a_runtime_that_is_no_library_counts_as_missing),
        PLAIN(callers_at_once_do_not_disturb_each_other),
        MOONSHINE(callers_at_once_do_not_disturb_each_other),
    };

    if (argc < 2) {
        fprintf(stderr, "usage: %s SPEECH_LOCAL.so\n", argv[0]);
        return 2;
    }
    plugin_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
