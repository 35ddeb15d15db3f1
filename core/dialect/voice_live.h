/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dialect/ lets clients of another dialect talk to a session, which knows the GA dialect alone.
 * Here: Azure Voice Live, the preview's event names and a flat session, with fields of its own.
 * What a field of Azure's has no counterpart for is kept and told back, so that the client sees
 * what it set; what would change the conversation and cannot be done is refused by name. Hot events
 * (audio, text) are renamed as bytes, without a tree.
 *
 * Pure: events in, events out. Thread: one at a time.
 */
#ifndef DIALECT_VOICE_LIVE_H
#define DIALECT_VOICE_LIVE_H

#include <parley/types.h>

#include <stdint.h>

/* The client closes the connection on longer messages. */
#define VOICE_LIVE_MAX_MESSAGE (1024 * 1024)

struct voice_live;

/* Where events go; the bytes are borrowed until it returns. `flags` are those of the event that led
 * to it when it is passed as it came, else 0. */
struct voice_live_sink {
    void (*to_session)(void *ctx, struct parley_view event, uint32_t flags);
    void (*to_client)(void *ctx, struct parley_view event, uint32_t flags);
    /* Call voice_live_go_on() soon, but not from in here: the session may be in the middle of
     * telling something. */
    void (*schedule)(void *ctx);
    void *ctx;
};

/* NULL without memory. */
struct voice_live *voice_live_create(const struct voice_live_sink *sink);
/* NULL is fine. Returns NULL. */
struct voice_live *voice_live_destroy(struct voice_live *v);

/* The client says this: to_session for what it means, or to_client with an error. */
void voice_live_client_event(struct voice_live *v, struct parley_view event, uint32_t flags);

/* What waited for the end of a response is said now. */
void voice_live_go_on(struct voice_live *v);

/* The session says this: to_client, or nothing where the dialect has no such event. */
void voice_live_session_event(struct voice_live *v, struct parley_view event, uint32_t flags);

#endif
