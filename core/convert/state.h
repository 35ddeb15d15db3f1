/* SPDX-License-Identifier: Apache-2.0 */
/* One session with its formats, for the files of this folder only. */
#ifndef CONVERT_STATE_H
#define CONVERT_STATE_H

#include "convert/converter.h"
#include "convert/pipe.h"
#include "realtime/peek.h"

#include <jansson.h>

struct converter {
    struct model inner;
    struct model model;
};

/* One direction: what the session has asked for, and what the model has in its place. */
struct way {
    enum rt_audio wanted;  /* the session's */
    enum rt_audio carried; /* the model's; the same when it has what is wanted */
    uint32_t formats;      /* PARLEY_AUDIO_..., what the model has */
};

#define MOST_ASKED 8

/* An update that asked for formats. It may still be refused, and then counts for nothing. */
struct asked {
    char update_id[128]; /* its event_id, as it stands in the event; "": it has none */
    bool asks_in, asks_out;
    enum rt_audio in, out;               /* what it asked for */
    enum rt_audio in_before, out_before; /* what was wanted before */
};

struct conversion {
    struct converter *by;
    struct model_session *inner;
    const struct parley_model_host *host; /* of who opened it */
    void *ctx;
    struct way in, out;
    struct pipe in_pipe;            /* open while in.wanted != in.carried */
    struct pipe out_pipe;           /* open while an item speaks */
    struct asked asked[MOST_ASKED]; /* the last ones, oldest first */
    size_t asked_count;
    char speaking[128]; /* the item that out_pipe belongs to, as it stands in the event */
    struct buf event;   /* scratch */
    struct buf audio;   /* scratch */
    struct buf waiting; /* an event that the model did not take, to be sent before others */
    bool owes_writable; /* the session was told to wait */
};

/* ---- formats.c: settings ---- */

uint32_t format_bit(enum rt_audio format);
struct way way_of(uint32_t formats);

/* The session asks; `session` is changed to what the model is asked. `update_id` as in the event.
 */
void formats_ask(struct conversion *c, json_t *session, struct parley_view update_id);
/* The model refuses an event: was it one that asked for a format? */
void formats_refused(struct conversion *c, const char *event_id);
/* The model tells; `session` is changed to what the session asked for. */
void formats_tell(const struct conversion *c, json_t *session);
/* Audio in the parts of an item; false: some is not base64, or no memory. */
bool formats_convert_item(json_t *item, enum rt_audio from, enum rt_audio to);

/* ---- outgoing.c: to the model ---- */

/* The event as the model takes it: `event` itself, or a view of c->event. False: dropped, since it
 * was answered to the session. */
bool outgoing(struct conversion *c, struct parley_view *event, uint32_t *flags);

/* ---- incoming.c: from the model ---- */

/* Tell the session. */
void incoming(struct conversion *c, struct parley_view event, uint32_t flags);
void incoming_open(struct conversion *c, struct parley_view session_created);

#endif
