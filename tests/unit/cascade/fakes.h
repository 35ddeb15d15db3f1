/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chat instance and a speech instance that do what a test says, in place of the host's callers
 * (host/chat.h, host/speech.h, offload_stats()). Nothing happens by itself.
 */
#ifndef CASCADE_FAKES_H
#define CASCADE_FAKES_H

#include "base/loop.h"
#include "host/chat.h"
#include "host/offload.h"
#include "host/speech.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_MAX      16 /* chat sessions */
#define FAKE_MAX_JOBS 64

struct chat_session {
    struct loop *loop;
    const struct chat_events *events;
    void *ctx;
    bool is_running;
    bool is_closed;
    struct loop_timer cancelled;
};

struct speech_job {
    bool is_voice;
    bool is_abandoned;
    bool is_ended;
    size_t sample_count; /* of an utterance */
    char *text;          /* of a sentence */
    char voice[32];
    speech_on_text on_text;
    const struct speech_voice_events *events;
    void *ctx;
};

struct fakes {
    struct loop *loop;
    struct parley_speech_caps caps;
    uint64_t oldest_wait_us;

    /* Chat: sessions in the order of opening, and what the last generation asked. */
    struct chat_session *chats[FAKE_MAX];
    size_t chat_count;
    size_t generations;
    size_t cancels;
    int refuse_generate; /* a status, or 0 */
    char *instructions;
    char *items;
    char *tools;
    char *tool_choice;
    int64_t max_tokens;

    /* Speech: jobs in the order of asking. */
    struct speech_job *jobs[FAKE_MAX_JOBS];
    size_t job_count;
    int refuse_speech;
};

extern struct fakes fakes;

void fakes_init(struct loop *loop, uint32_t speech_flags);
void fakes_done(void);

/* The running generation of the n-th chat session says, calls, ends. */
void fake_text(size_t n, const char *text);
void fake_call(size_t n, const char *name, const char *arguments);
void fake_agent_call(size_t n, const char *name, const char *output, int status);
void fake_end(size_t n, int status, int finish);

/* Jobs of one kind that wait: how many, and the oldest. */
size_t fake_waiting(bool is_voice);
struct speech_job *fake_oldest(bool is_voice);

/* End the oldest utterance with these words, or NULL for a failure. */
void fake_hear(const char *words);

/* The oldest sentence gives so much audio at 16 kHz and ends; -1: it fails. */
void fake_speak(int ms);

#endif
