/* SPDX-License-Identifier: Apache-2.0 */
/* What the client is told of responses; for response.c. */
#ifndef SESSION_SHOWN_H
#define SESSION_SHOWN_H

#include "realtime/events.h"
#include "realtime/response.h"

#include <jansson.h>
#include <stdbool.h>

struct session;
struct response;

/* How a response ended that the model never ended itself. */
struct outcome {
    const char *status;
    const char *reason;  /* NULL: none */
    const char *code;    /* of the error */
    const char *message; /* NULL: no error */
};

static const struct outcome outcome_cancelled = {"cancelled", RT_REASON_CLIENT_CANCELLED, NULL,
                                                 NULL};
static const struct outcome outcome_interrupted = {"cancelled", RT_REASON_TURN_DETECTED, NULL,
                                                   NULL};

static inline struct outcome outcome_failed(const char *code, const char *message)
{
    return (struct outcome){.status = "failed", .code = code, .message = message};
}

/* RT_RESPONSE_CREATED or RT_RESPONSE_DONE with this object. */
void shown_say(struct session *s, enum rt_event event, const json_t *object);

/* response.done by parley's own word. */
void shown_end(struct session *s, const json_t *object, bool in_band, const struct outcome *o);

/* response.done by the model's word; tree: its event. */
void shown_done(struct session *s, struct response *r, json_t *tree);

/* The model will say nothing more of a response: what is open of it is closed, then itself. */
void shown_cut(struct session *s, struct response *r, const struct outcome *o);

/* An object for a response of which the model's own is gone; the caller owns it. */
json_t *shown_bare(const struct session *s, const struct response *r);

/* Nothing of it was shown, and its answer is still to come. */
void shown_keep(struct session *s, struct response *r, const struct rt_response *read);

/* The one that stayed unshown: another is shown in its place; or it gets no successor, and the
 * client hears of its start and its end. */
void shown_drop(struct session *s);
void shown_settle(struct session *s, const struct outcome *o);

#endif
