/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client events that are not hot, parsed once and checked field by field: types, missing and
 * unknown members, bounds. What is wrong is told in the shape clients know, with the path of the
 * member and what would be right.
 */
#ifndef REALTIME_DECODE_H
#define REALTIME_DECODE_H

#include "realtime/item.h"
#include "realtime/peek.h"
#include "realtime/wire_error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define RT_MAX_EVENT_ID_CHARS 512

/* Where a conversation.item.create puts its item. */
enum rt_after {
    RT_AFTER_LAST, /* no previous_item_id */
    RT_AFTER_ROOT, /* "root": before all others */
    RT_AFTER_ITEM, /* after previous_item_id */
};

struct rt_item_create {
    enum rt_after after;
    struct parley_view previous_item_id;
    struct rt_item item;
};

struct rt_item_truncate {
    struct parley_view item_id;
    int64_t content_index;
    int64_t audio_end_ms;
};

struct rt_response_create {
    const json_t *response; /* the object as the client sent it; NULL when there is none */
    const json_t *metadata; /* NULL when there is none */
    const json_t *input;    /* array; NULL: the conversation is the context */
    const json_t *tools;    /* array; NULL: the session's */
    bool out_of_band;       /* conversation "none" */
    bool has_modalities;
    bool text_only;
    struct parley_view instructions; /* NULL data: the session's */
};

/* A checked client event. Views and borrowed trees lie in `tree`. */
struct rt_client_event {
    enum rt_event event;
    json_t *tree;                /* the whole event, owned: what is relayed when it must change */
    struct parley_view event_id; /* raw, as peek gave it: lies in the event's bytes */
    union {
        const json_t *session; /* RT_SESSION_UPDATE: not checked here, see session_object.h */
        struct rt_item_create item_create;
        struct parley_view item_id; /* RT_ITEM_RETRIEVE, RT_ITEM_DELETE */
        struct rt_item_truncate item_truncate;
        struct rt_response_create response_create;
        struct parley_view response_id; /* RT_RESPONSE_CANCEL; NULL data: the running one */
    } u;
};

/*
 * Decode a client event that peek accepted. PARLEY_OK, and the caller ends it with
 * rt_client_event_done(). PARLEY_E_INVALID with fault; also for a type that is unknown, that only a
 * server sends, or that is refused over a WebSocket. Hot events may be given too (for a model made
 * in the core): input_audio_buffer.append is checked, its audio stays in the tree.
 */
int rt_decode_client(struct parley_view bytes, const struct rt_peek *peek,
                     struct rt_client_event *ret_event, struct rt_error *fault);

void rt_client_event_done(struct rt_client_event *event);

#endif
