/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One bounded walk over an event: its type, its ids and the place of its payload, without a tree,
 * an allocation or a base64 decode. The walk covers the whole object, since the first `type` alone
 * proves nothing: what peek accepts is JSON, has exactly one `type`, and means the same to every
 * parser. That is what makes it safe to pass the original bytes on.
 */
#ifndef REALTIME_PEEK_H
#define REALTIME_PEEK_H

#include "realtime/events.h"

#include <parley/types.h>

#include <stdbool.h>
#include <stdint.h>

#define RT_MAX_DEPTH 64 /* of objects and arrays in an event, itself included */

/* What is wrong with the bytes. */
enum rt_fault {
    RT_FAULT_NONE,
    RT_FAULT_JSON, /* not JSON: syntax, control character, bad escape, not UTF-8, trailing bytes */
    RT_FAULT_TOO_DEEP,        /* nested beyond RT_MAX_DEPTH */
    RT_FAULT_NOT_OBJECT,      /* JSON, but not an object */
    RT_FAULT_NO_TYPE,         /* without `type` */
    RT_FAULT_TYPE_NOT_STRING, /* `type` is not a plain string, or is spelled with escapes */
    RT_FAULT_DUPLICATE_TYPE,  /* `type` twice */
    RT_FAULT_DUPLICATE_KEY,   /* another member that peek reports, twice */
    RT_FAULT_ESCAPED_KEY,     /* a member of the event spelled with escapes */
    RT_FAULT_COUNT
};

/*
 * What the walk found. Views lie in the given bytes. Ids and payload are the text between the
 * quotes as it stands; `has_escapes` says that some id holds a backslash, so that its text is not
 * what it stands for (only a tree can say, decode.h). An absent member is an empty view with NULL
 * data, an absent number is -1.
 */
struct rt_peek {
    enum rt_event event; /* RT_UNKNOWN for a name that is not in the table */
    enum rt_fault fault; /* RT_FAULT_NONE when rt_peek() returned PARLEY_OK */
    size_t fault_at;     /* byte where the walk stopped */
    bool has_escapes;    /* in one of the ids */
    bool payload_has_escapes;
    bool is_ascii; /* no byte above 0x7f anywhere: the bytes are valid UTF-8 for sure */
    struct parley_view type;
    struct parley_view event_id;
    struct parley_view item_id;
    struct parley_view previous_item_id; /* NULL data when absent or null */
    struct parley_view response_id;
    struct parley_view call_id;
    int64_t output_index;
    int64_t content_index;
    int64_t audio_ms;           /* audio_start_ms or audio_end_ms, the first of them */
    struct parley_view payload; /* first of `delta` and `audio`, between the quotes */
    size_t payload_bytes;       /* what the payload's base64 decodes to, by its length alone */
    struct parley_view body;    /* raw value of the first of session, item, response, part, error */
};

/*
 * Walk over one event. PARLEY_OK, or PARLEY_E_INVALID with out->fault and out->fault_at; then
 * out->type and out->event_id hold what was read before the fault, for the answer.
 */
int rt_peek(struct parley_view bytes, struct rt_peek *out);

/*
 * The same walk over any JSON text, without looking for members: is it one JSON value, no deeper
 * than RT_MAX_DEPTH?
 */
enum rt_fault rt_json_check(struct parley_view bytes, size_t *ret_at);

#endif
