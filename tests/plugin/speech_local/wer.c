/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Not a test: measures how well the ears understand the voices, in word error rate and CPU time.
 *     wer SPEECH_LOCAL.so [asr=moonshine-tiny] [model_dir=DIR] ...
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "speech_rig.h"

#define MAX_WORDS 64

static const char *const sentences[] = {
    "what is two plus three",
    "add five and seven",
    "what time is it in Sydney",
    "please send a message to Anna",
    "remember that my favourite colour is blue",
    "turn on the lights in the kitchen",
    "what is the weather like in London today",
    "set a timer for twenty five minutes",
    "read me the notes of this morning",
    "how many files are in the folder",
};

static const char *const voices[] = {"slt", "rms", "awb", "kal16"};

/* Lower case, letters and digits only; returns the number of words, each ended by NUL. */
static size_t split(const char *text, char words[MAX_WORDS][32])
{
    size_t count = 0, len = 0;

    for (; count < MAX_WORDS; text++) {
        if (isalnum((unsigned char)*text)) {
            if (len < 31)
                words[count][len++] = (char)tolower((unsigned char)*text);
        } else if (*text != '\'') {
            words[count][len] = '\0';
            count += len > 0;
            len = 0;
        }
        if (*text == '\0')
            break;
    }
    return count;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t word_errors(const char *want, const char *got, size_t *ret_words)
{
    static char a[MAX_WORDS][32], b[MAX_WORDS][32];
    size_t row[MAX_WORDS + 1];
    size_t rows = split(want, a), columns = split(got, b);

    for (size_t j = 0; j <= columns; j++)
        row[j] = j;
    for (size_t i = 1; i <= rows; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t cost = diagonal + (strcmp(a[i - 1], b[j - 1]) != 0);
            diagonal = row[j];
            row[j] = least(cost, least(row[j], row[j - 1]) + 1);
        }
    }
    *ret_words = rows;
    return row[columns];
}

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void measure(struct speech_rig *rig, const char *voice)
{
    size_t errors = 0, words = 0, samples = 0;
    double said_s = 0, heard_s = 0;

    for (size_t i = 0; i < sizeof(sentences) / sizeof(*sentences); i++) {
        size_t count = 0;
        double start = cpu_seconds();
        if (speech_rig_say(rig, voice, sentences[i], 1.0) < 0) {
            fprintf(stderr, "%s\n", rig->err.message);
            exit(1);
        }
        said_s += cpu_seconds() - start;
        speech_rig_pad(rig, 300);
        samples += rig->count;
        start = cpu_seconds();
        if (speech_rig_hear(rig, rig->samples, rig->count) < 0) {
            fprintf(stderr, "%s\n", rig->err.message);
            exit(1);
        }
        heard_s += cpu_seconds() - start;
        size_t wrong = word_errors(sentences[i], rig->text, &count);
        errors += wrong;
        words += count;
        if (wrong > 0)
            printf("  %-6s %zu  %s -> %s\n", voice, wrong, sentences[i], rig->text);
    }
    double seconds = (double)samples / 16000;
    printf(
        "%-6s WER %5.1f %% (%zu of %zu)  %.1f s of audio, CPU per second: speak %.4f, hear %.4f\n",
        voice, 100.0 * (double)errors / (double)words, errors, words, seconds, said_s / seconds,
        heard_s / seconds);
}

int main(int argc, char **argv)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (argc < 2) {
        fprintf(stderr, "usage: wer SPEECH_LOCAL.so [option=value ...]\n");
        return 2;
    }
    struct speech_rig *rig = speech_rig_open(argv[1], (const char *const *)argv + 2, &err);
    if (rig == NULL) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    fake_host_run(); /* the models load */
    printf("ears: %s\n", rig->caps.ears);
    for (size_t i = 0; i < sizeof(voices) / sizeof(*voices); i++)
        measure(rig, voices[i]);
    speech_rig_close(rig);
    return 0;
}
