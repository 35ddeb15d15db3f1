/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Realtime client for a person: connects, says text or samples, and tells what is heard back in
 * the terms of a conversation. Runs on one loop; callbacks come from it.
 */
#ifndef CTL_TALK_CLIENT_H
#define CTL_TALK_CLIENT_H

#include <parley/error.h>
#include <parley/types.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct transport;
struct talk_client;

/* One answer, when it is over. */
struct talk_turn {
    const char *status;     /* "completed", "cancelled", "failed", "incomplete" */
    int64_t first_words_ms; /* after the user had finished; -1: none came */
    int64_t first_audio_ms;
    int64_t total_ms;
};

/* None of them is NULL. */
struct talk_events {
    /* The session is there; say something. */
    void (*on_ready)(void *ctx, const char *session_id);
    /* Every event that goes out (is_ours) or comes in. */
    void (*on_event)(void *ctx, bool is_ours, const json_t *event);
    /* What the user said, as the server understood it. */
    void (*on_heard)(void *ctx, struct parley_view text);
    /* The user begins to speak: stop playing. */
    void (*on_speech)(void *ctx);
    void (*on_words)(void *ctx, struct parley_view delta);
    /* At talk_client_output_rate(). */
    void (*on_audio)(void *ctx, const int16_t *samples, size_t count);
    void (*on_tool)(void *ctx, const char *name, struct parley_view arguments);
    void (*on_tool_result)(void *ctx, struct parley_view output);
    /* A tool waits for a word of the user: answer with talk_client_approve(). */
    void (*on_approval)(void *ctx, const char *id, const char *name, struct parley_view arguments);
    void (*on_turn)(void *ctx, const struct talk_turn *turn);
    void (*on_error)(void *ctx, const char *message);
    /* The last one. status as in struct ws_closed. */
    void (*on_closed)(void *ctx, int status, const char *reason);
};

struct talk_target {
    const char *url;   /* http(s):// or ws(s)://; without a path, /v1/realtime is meant */
    const char *agent; /* NULL: as the URL says */
    const char *key;   /* or NULL */
    const char *ca_file;
    bool wants_trace;
};

/* Begin to connect. */
int talk_client_open(struct transport *t, struct loop *loop, const struct talk_target *target,
                     const struct talk_events *events, void *ctx, struct talk_client **ret,
                     struct parley_error *err);

/* Free it, after on_closed; NULL is fine. Returns NULL. */
struct talk_client *talk_client_free(struct talk_client *c);

/* Ask for the end; on_closed follows. */
void talk_client_close(struct talk_client *c);

/* A typed turn. An answer that is running is cancelled first. */
void talk_client_say(struct talk_client *c, const char *text);

/* The user's word about a tool. */
void talk_client_approve(struct talk_client *c, const char *id, bool approves);

/* Samples at talk_client_input_rate(). */
void talk_client_hear(struct talk_client *c, const int16_t *samples, size_t count);

/* There are no more: without turn detection, the turn is committed and answered. */
void talk_client_heard_all(struct talk_client *c);

/* The answer was stopped after so much of it was played. */
void talk_client_truncate(struct talk_client *c, int64_t played_ms);

/* Known once ready. */
int talk_client_input_rate(const struct talk_client *c);
int talk_client_output_rate(const struct talk_client *c);

/* Nothing is being said, answered or waited for. */
bool talk_client_is_idle(const struct talk_client *c);

#endif
