/* SPDX-License-Identifier: Apache-2.0 */
/* What a test's model says of a response with calls, in the events that a model sends for it. */
#ifndef WIRE_MODEL_SAYS_H
#define WIRE_MODEL_SAYS_H

#include "harness.h"

/* response.created of the conversation; with a `metadata` member when that is not NULL. */
void model_begins(struct wire *w, const char *response);
void model_begins_with(struct wire *w, const char *response, const char *metadata);

/* A function_call, added and done. arguments: JSON as it stands inside a string. */
void model_calls(struct wire *w, const char *response, const char *call_id, const char *name);
void model_calls_with(struct wire *w, const char *response, const char *call_id, const char *name,
                      const char *arguments);

/* The first event of a message's output, which shows the response. */
void model_speaks(struct wire *w, const char *response);

/* response.done, "completed" or another status. */
void model_ends(struct wire *w, const char *response, const char *status);

/* What turn detection says. */
void model_hears_speech(struct wire *w);
void model_hears_silence(struct wire *w);

/* The refusal of this event as one that came while another response ran. */
void model_is_busy(struct wire *w, const char *event_id);

#endif
