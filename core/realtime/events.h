/* SPDX-License-Identifier: Apache-2.0 */
/*
 * realtime/ owns the Realtime protocol (GA dialect) as pure functions on bytes: the table of
 * events, a bounded scan (peek.h), client events to checked structures (decode.h), server and
 * client events written without trees (encode.h), the session object (session_object.h), the shape
 * of errors (wire_error.h). No sockets, no state of a session, no time. Thread: any; objects are
 * the caller's.
 *
 * This header: names of events, and what each one is.
 */
#ifndef REALTIME_EVENTS_H
#define REALTIME_EVENTS_H

#include <parley/types.h>

#include <stdbool.h>

enum rt_event {
    RT_UNKNOWN, /* no event of the protocol: passed on and counted, or refused */
#define RT_EVENT(symbol, name, direction, heat, action) RT_##symbol,
#include "realtime/events.def"
#undef RT_EVENT
    RT_EVENT_COUNT
};

enum rt_direction { RT_CLIENT, RT_SERVER };

/* What a session does with an event. */
enum rt_action {
    RT_DO_RELAY,         /* pass on, nothing to learn from it */
    RT_DO_APPEND,        /* the user's audio: pass on, count the bytes */
    RT_DO_DELTA,         /* part of an answer: pass on, count the bytes, drop when stale */
    RT_DO_CONTROL,       /* of the input audio buffer */
    RT_DO_TURN,          /* the user starts, stops, was committed */
    RT_DO_ITEM,          /* changes or shows the conversation */
    RT_DO_OUTPUT,        /* progress of an item of a response */
    RT_DO_RESPONSE,      /* starts or ends a response: goes through the sequencer */
    RT_DO_SESSION,       /* the session object */
    RT_DO_TRANSCRIPTION, /* of the user's audio */
    RT_DO_ERROR,
    RT_DO_REFUSE, /* known by name, answered like an unknown type */
    RT_ACTION_COUNT
};

struct rt_event_info {
    const char *name;
    enum rt_direction direction;
    bool hot;
    enum rt_action action;
};

/* Never NULL; RT_UNKNOWN is "", a client event, RT_DO_RELAY. */
const struct rt_event_info *rt_event_info(enum rt_event event);

/* The event of that name, RT_UNKNOWN when there is none. About ten nanoseconds. */
enum rt_event rt_event_find(struct parley_view name);

/* "response.create" */
static inline const char *rt_event_name(enum rt_event event)
{
    return rt_event_info(event)->name;
}

#endif
