/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors in the shape that clients know: the `error` member of an `error` event. A message names
 * the object, the value and the way out, and holds no secret. The event_id of the client event at
 * fault is kept beside it by the caller, raw, as rt_peek gives it (see encode.h).
 */
#ifndef REALTIME_WIRE_ERROR_H
#define REALTIME_WIRE_ERROR_H

#include "realtime/peek.h"

#include <parley/error.h>

enum rt_error_kind {
    RT_ERROR_INVALID_JSON,
    RT_ERROR_INVALID_EVENT, /* binary frame, no type, no object */
    RT_ERROR_INVALID_VALUE,
    RT_ERROR_INVALID_TYPE,
    RT_ERROR_UNKNOWN_PARAMETER,
    RT_ERROR_MISSING_PARAMETER,
    RT_ERROR_INTEGER_BELOW_MIN,
    RT_ERROR_INTEGER_ABOVE_MAX,
    RT_ERROR_DECIMAL_BELOW_MIN,
    RT_ERROR_DECIMAL_ABOVE_MAX,
    RT_ERROR_STRING_TOO_LONG,
    RT_ERROR_ARRAY_TOO_LONG,
    RT_ERROR_ACTIVE_RESPONSE,   /* conversation_already_has_active_response */
    RT_ERROR_CANCEL_NOT_ACTIVE, /* response_cancel_not_active */
    RT_ERROR_COMMIT_EMPTY,      /* input_audio_buffer_commit_empty */
    RT_ERROR_TRUNCATE_UNKNOWN,  /* item_truncate_invalid_item_id */
    RT_ERROR_DELETE_UNKNOWN,    /* item_delete_invalid_item_id */
    RT_ERROR_RETRIEVE_UNKNOWN,  /* item_retrieve_invalid_item_id */
    RT_ERROR_VOICE_FIXED,       /* cannot_update_voice */
    RT_ERROR_SESSION_EXPIRED,   /* session_expired; the socket closes after it */
    RT_ERROR_RATE_LIMIT,        /* rate_limit_exceeded */
    RT_ERROR_QUOTA,             /* insufficient_quota */
    RT_ERROR_INVALID_API_KEY,   /* the next four come right after connecting */
    RT_ERROR_MISSING_MODEL,
    RT_ERROR_INVALID_MODEL,
    RT_ERROR_MODEL_NOT_FOUND,
    RT_ERROR_EVENT_TOO_LARGE, /* event_too_large */
    RT_ERROR_SERVER,          /* type server_error, code null: try again */
    RT_ERROR_KIND_COUNT
};

struct rt_error {
    char type[48];   /* "invalid_request_error" */
    char code[64];   /* "" is null on the wire */
    char param[160]; /* path such as session.audio.input.format.rate; "" is null */
    char message[768];
};

/* Fill *e (NULL is fine) with the kind's type and code, the path (NULL: none) and a message. Cut
 * when too long. Returns PARLEY_E_INVALID, so that a failure is one line. */
int rt_error_set(struct rt_error *e, enum rt_error_kind kind, const char *param, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));

/* The error for bytes that rt_peek() refused. */
int rt_error_of_fault(struct rt_error *e, const struct rt_peek *peek);

/* The error for a client event whose type is unknown, or that no client may send; lists the types
 * that are right. `type` as it stands in the event. */
int rt_error_of_unknown_type(struct rt_error *e, struct parley_view type);

/* An upstream's or plugin's own words: type and code as they came (NULL or "": server_error, null).
 * The message must already be safe to show. */
void rt_error_copy(struct rt_error *e, const char *type, const char *code, const char *message);

/* The close code that goes with a fatal error, as OpenAI pairs them: 3000 invalid_api_key, 4000
 * invalid_model and missing_model, 4004 model_not_found, 1013 quota and rate limits, 1000
 * session_expired, 1009 event_too_large, 1011 the rest. */
int rt_error_close_code(const struct rt_error *e);

/* The close reason "TYPE.CODE", at most 123 bytes. */
void rt_error_close_reason(const struct rt_error *e, char out[124]);

#endif
