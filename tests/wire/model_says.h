/* SPDX-License-Identifier: Apache-2.0 */
/* What a test's model says, in the events that a model sends for it. */
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

/* Members of an item beside its id: what the user wrote, and what the assistant spoke or is about
 * to speak. */
#define USER(text)                                                                                 \
    "'type':'message','role':'user','status':'completed','content':[{'type':'input_text','text':'" \
    "" text "'}]"
#define SPOKEN(text)                                                                               \
    "'type':'message','role':'assistant','status':'completed','content':[{'type':'output_audio','" \
    "transcript':'" text "'}]"
#define UNSPOKEN "'type':'message','role':'assistant','status':'in_progress','content':[]"

/* An item of the conversation, and one of a response's output: "added" or "done". */
void model_shows(struct wire *w, const char *event, const char *item, const char *members);
void model_puts_out(struct wire *w, const char *event, const char *response, const char *item,
                    const char *members);

/* A response with this item alone, from beginning to end. */
void model_answers(struct wire *w, const char *response, const char *item, const char *members);

/* response.done, "completed" or another status. */
void model_ends(struct wire *w, const char *response, const char *status);

/* A new session of a model opens, and agrees with its settings. */
void model_agrees(struct wire *w);

/* The connection breaks; another session may take over. */
void model_is_lost(struct wire *w);

/* What turn detection says. */
void model_hears_speech(struct wire *w);
void model_hears_silence(struct wire *w);

/* The refusal of this event as one that came while another response ran. */
void model_is_busy(struct wire *w, const char *event_id);

#endif
