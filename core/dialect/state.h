/* SPDX-License-Identifier: Apache-2.0 */
/* For the files of this folder only. */
#ifndef DIALECT_STATE_H
#define DIALECT_STATE_H

#include "base/buf.h"
#include "dialect/voice_live.h"
#include "realtime/peek.h"
#include "realtime/wire_error.h"

#include <jansson.h>
#include <stdbool.h>

struct voice_live {
    struct voice_live_sink sink;
    /* Fields of the client's session as it spelled them, which are told back in place of the
     * session's own; and those before its last update, should that be refused. */
    json_t *kept, *kept_before;
    char update_id[128]; /* event_id of that update, as it stands in the event */
    char *instructions;  /* of the session; NULL: none yet */
    /* Events behind a response.create whose predecessor is being cancelled: each a size_t, its
     * length, and the bytes. */
    struct buf held;
    bool is_holding;
    unsigned active; /* responses of the conversation that have begun and not ended */
    /* Scratch. The session answers while it is told something, so that each way has its own. */
    struct buf in, out; /* scratch */
};

/* ---- voice_live_session.c ---- */

/* The flat session of session.update as GA has it: a new reference. What is kept of it goes to
 * `kept`. NULL with *fault: what cannot be done. */
json_t *voice_live_session_in(const json_t *flat, json_t *kept, struct rt_error *fault);
/* A GA session as the dialect has it, with what was kept laid over: a new reference. */
json_t *voice_live_session_out(const json_t *session, const json_t *kept);
/* Names of formats: "pcm16" to {"type": "audio/pcm", ...}, and back. NULL: none that is served. */
json_t *voice_live_format_in(const char *name);
const char *voice_live_format_out(const json_t *format);
/* The voice's name, whatever form it has; NULL: it has none. */
const char *voice_live_voice_name(const json_t *voice);
/* ["text", "audio"] to ["audio"]; NULL with *fault: a modality that is not served. */
json_t *voice_live_modalities_in(const json_t *list, const char *param, struct rt_error *fault);

/* ---- voice_live_response.c ---- */

/* `response` of response.create, changed in place. False with *fault. */
bool voice_live_response_in(json_t *response, struct rt_error *fault);
/* A response object, changed in place. */
void voice_live_response_out(json_t *response);
/* Items and their parts, changed in place. */
void voice_live_item_in(json_t *item);
void voice_live_item_out(json_t *item);

#endif
