/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns as an operator sees them: when the user stopped, when the first audio came, which tools
 * ran, what it cost. One record per turn becomes a span with its children (spans.h), a few metrics
 * (measure.h), and for clients that asked for it the parley.* events. Nothing here runs per audio
 * event but a comparison.
 *
 *     nothing --asked--> running --its last response is done--> ended --its audio has played-->
 * settled
 *
 * A turn that has ended waits while its audio plays, since models are faster than speech: it is
 * interrupted when the user speaks before the end of that.
 */
#ifndef SESSION_TRACE_H
#define SESSION_TRACE_H

#include "base/buf.h"
#include "base/loop.h"
#include "realtime/response.h"
#include "session/cost.h"
#include "telemetry/usage.h"

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
    bool is_playing;          /* ended, but not settled */
    bool is_asked_again;      /* its answer was lost, and another model is asked for it */
    const char *trigger;      /* "speech", "text", "tools", "greeting", "model" */
    uint64_t start_us;        /* the end of the user's speech was detected, or the request came */
    uint64_t asked_us;        /* the same, without the silence that detection waits for */
    uint64_t speech_us;       /* the user began to speak; 0: unknown */
    uint64_t response_us;     /* response.created */
    uint64_t first_output_us; /* first text, transcript or audio */
    uint64_t first_audio_us;
    uint64_t interrupted_us;
    uint64_t stopped_us; /* last audio after the interruption */
    uint64_t ended_us;
    int64_t heard_ms;    /* of the item that was interrupted */
    uint64_t sent_bytes; /* of audio to the client, before it began; then of its own */
    const char *status;  /* how it ended */
    unsigned tool_calls;
    unsigned tool_errors;
    struct rt_usage usage;
    char error_code[64]; /* of a response that failed */
    char error_message[256];
    struct buf user_said; /* these two only when content is captured */
    struct buf agent_said;
    char traceparent[TRACEPARENT_SIZE];
    struct turn_spans *spans; /* with a recorder, else NULL */
    struct loop_timer played;
};

/* When the client got what it waited for: the first audio, without any the first text. 0: nothing.
 */
uint64_t turn_answered_us(const struct turn *t);

/* The same tokens, in the words of telemetry. */
struct usage turn_usage(const struct rt_usage *usage);

void turn_speech_started(struct session *s);
/* The user's speech has ended, or was committed. */
void turn_speech_ended(struct session *s);
/* A client asked for a response. */
void turn_requested(struct session *s);
void turn_response_created(struct session *s, struct response *r, bool answers_tools);
/* First piece of output of a kind; called for every piece until it was noted. */
void turn_output(struct session *s, struct response *r, bool is_audio);
void turn_tool_started(struct session *s, struct call *c);
/* How far the call is; total 0: unknown. */
void turn_tool_progress(struct session *s, const struct call *c, double done, double total,
                        struct parley_view message);
void turn_tool_ended(struct session *s, struct call *c, const struct tools_result *result);
/* The user spoke into audio, of which this much was heard. */
void turn_interrupted(struct session *s, int64_t heard_ms);
/* object: the response, of which `read` borrows. is_last: no answer to tools follows. Responses
 * outside the conversation are noted, too. */
void turn_response_done(struct session *s, struct response *r, const json_t *object,
                        const struct rt_response *read, bool is_last);
/* The model will not end this response any more. */
void turn_response_failed(struct session *s, struct response *r, const char *code,
                          const char *message);
/* ... and another is asked for it: its response goes on with the turn. */
void turn_asked_again(struct session *s, const struct response *r);
/* The model does not begin what the turn waits for. */
void turn_failed(struct session *s, const char *code, const char *message);
/* The tokens of an answer and their cost, as metrics and in its span (NULL: it has none). */
struct cost turn_count_tokens(struct session *s, const struct rt_response *read, struct span *span);
/* Last words about what is about to be freed, if it was not ended. */
void turn_response_gone(struct response *r);
void turn_tool_gone(struct call *c);
/* What the user said, once it is known; is_late: it has been answered already. */
void turn_transcript(struct session *s, struct parley_view text, bool is_late);
/* The client added an item to the conversation. */
void turn_item(struct session *s, const json_t *item);
/* The turn ends without a last response. */
void turn_ended(struct session *s, const char *status);

/* The session is over: end what is open and free what it holds. */
void turn_done(struct session *s);

/* W3C trace context of the running turn, or "". */
const char *turn_traceparent(const struct session *s);

/* That of a tool's span, for the tool; else the turn's. `room` may hold it. */
const char *turn_tool_traceparent(const struct session *s, const struct call *c,
                                  char room[TRACEPARENT_SIZE]);

/* The client's tracestate, which goes on with its trace; "" for none. */
const char *turn_tracestate(const struct session *s);

/* "ok", "timeout", "cancelled" ... for PARLEY_OK and PARLEY_E_... */
const char *turn_status_name(int status);

#endif
