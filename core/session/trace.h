/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns as an operator sees them: when the user stopped, when the first audio came, which tools
 * ran, what it cost. One record per turn becomes a span with its children, a few metrics, and for
 * clients that asked for it the parley.* events. Nothing here runs per audio event but a
 * comparison.
 */
#ifndef SESSION_TRACE_H
#define SESSION_TRACE_H

#include "realtime/response.h"

#include <parley/types.h>

#include <stdbool.h>
#include <stdint.h>

struct session;
struct call;
struct response;
struct tools_result;

struct turn {
    unsigned number; /* from 1 */
    bool is_running;
    bool was_interrupted;
    bool is_spoken;    /* begun by speech, else by text */
    uint64_t start_us; /* the user's speech ended, or the request came */
    uint64_t start_unix_us;
    uint64_t response_us;     /* response.created */
    uint64_t first_output_us; /* first text, transcript or audio */
    uint64_t first_audio_us;
    unsigned tool_calls;
    unsigned tool_errors;
    struct rt_usage usage;
    char traceparent[64];
    struct turn_spans *spans; /* with a recorder, else NULL */
};

/* The user's speech has ended, or was committed. */
void turn_speech_ended(struct session *s);
/* A client asked for a response. */
void turn_requested(struct session *s);
void turn_response_created(struct session *s, const struct response *r, bool answers_tools);
/* First piece of output of a kind; called for every piece until it was noted. */
void turn_output(struct session *s, bool is_audio);
void turn_tool_started(struct session *s, struct call *c);
void turn_tool_ended(struct session *s, struct call *c, const struct tools_result *result);
void turn_interrupted(struct session *s);
/* is_last: no answer to tools follows. */
void turn_response_done(struct session *s, const struct response *r, const struct rt_response *read,
                        bool is_last);
/* What the user said, once it is known. */
void turn_transcript(struct session *s, struct parley_view text);
/* The turn ends without a last response. */
void turn_ended(struct session *s, const char *status);

/* Free what it holds. */
void turn_done(struct session *s);

/* W3C trace context of the running turn, or "". */
const char *turn_traceparent(const struct session *s);

/* "ok", "timeout", "cancelled" ... for PARLEY_OK and PARLEY_E_... */
const char *turn_status_name(int status);

#endif
