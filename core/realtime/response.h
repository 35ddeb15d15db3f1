/* SPDX-License-Identifier: Apache-2.0 */
/* The response object of response.created and response.done, and its usage. */
#ifndef REALTIME_RESPONSE_H
#define REALTIME_RESPONSE_H

#include "base/buf.h"
#include "realtime/session_object.h"

#include <parley/types.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum rt_response_status {
    RT_RESPONSE_IN_PROGRESS,
    RT_RESPONSE_COMPLETED,
    RT_RESPONSE_CANCELLED,
    RT_RESPONSE_FAILED,
    RT_RESPONSE_INCOMPLETE,
    RT_RESPONSE_STATUS_COUNT
};

/* Reasons of a response that did not complete; "" is none. */
/* The key of `metadata` under which a response says the words that parley had it made for. */
#define RT_FILLER_METADATA "parley_filler"

#define RT_REASON_TURN_DETECTED    "turn_detected"
#define RT_REASON_CLIENT_CANCELLED "client_cancelled"
#define RT_REASON_MAX_TOKENS       "max_output_tokens"
#define RT_REASON_CONTENT_FILTER   "content_filter"

/* Tokens by kind; the totals that the wire shows are sums of these. */
struct rt_usage {
    int64_t input_text;
    int64_t input_audio;
    int64_t input_image;
    int64_t cached_text;
    int64_t cached_audio;
    int64_t cached_image;
    int64_t output_text;
    int64_t output_audio;
};

struct rt_response {
    struct parley_view id;
    enum rt_response_status status;
    struct parley_view reason;     /* of RT_RESPONSE_CANCELLED and _INCOMPLETE */
    struct parley_view error_type; /* of RT_RESPONSE_FAILED */
    struct parley_view error_code;
    struct parley_view error_message;
    struct parley_view output;          /* JSON of the items between commas, no brackets */
    struct parley_view conversation_id; /* NULL data: null, out of band */
    struct parley_view voice;           /* empty: left out */
    struct parley_view metadata;        /* JSON of an object; empty: null */
    bool text_only;                     /* output_modalities ["text"], else ["audio"] */
    enum rt_audio output_format;
    int64_t max_output_tokens; /* 0: "inf" */
    bool has_usage;            /* else null */
    struct rt_usage usage;
};

/* "in_progress" ... */
const char *rt_response_status_name(enum rt_response_status status);

/* Append the response as JSON. */
void rt_response_write(struct buf *out, const struct rt_response *response);

/* Append a complete usage object. */
void rt_usage_write(struct buf *out, const struct rt_usage *usage);

/* What a response tree says: all but `output`, which stays in the tree. Views are borrowed from it;
 * an unknown status counts as completed. */
void rt_response_read(const json_t *tree, struct rt_response *ret_response);

/* False when it is null or absent; then all zero. Details that are missing count as text. */
bool rt_usage_read(const json_t *tree, struct rt_usage *ret_usage);

/* total += more */
void rt_usage_add(struct rt_usage *total, const struct rt_usage *more);

#endif
