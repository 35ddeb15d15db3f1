/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events written straight into a buffer, without a tree: server events for clients, client events
 * for upstream models. Each function appends one whole event and clears nothing; the buffer's
 * `failed` tells a lack of memory, once, at the end. Server events get a fresh event_id.
 *
 * A view with NULL data stands for null where the protocol allows it. Texts are plain (they are
 * escaped here); `raw_event_id` alone is as it stands in the client's JSON, see rt_peek.
 */
#ifndef REALTIME_ENCODE_H
#define REALTIME_ENCODE_H

#include "base/buf.h"
#include "realtime/events.h"
#include "realtime/item.h"
#include "realtime/response.h"
#include "realtime/wire_error.h"

#include <parley/types.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Where in a response something happens: the common members of response.* events. */
struct rt_place {
    struct parley_view response_id;
    struct parley_view item_id;
    int output_index;
    int content_index;
};

/* --- Building blocks, for events that have no function of their own -------------------------- */

/* {"type":"NAME","event_id":"event_..." */
void rt_encode_begin(struct buf *out, enum rt_event event);
/* ,"KEY":... The key is a literal of the protocol. */
void rt_encode_string(struct buf *out, const char *key, struct parley_view text);
void rt_encode_string_or_null(struct buf *out, const char *key, struct parley_view text);
void rt_encode_int(struct buf *out, const char *key, int64_t value);
void rt_encode_raw(struct buf *out, const char *key, struct parley_view json);
void rt_encode_tree(struct buf *out, const char *key, const json_t *tree);
/* } */
void rt_encode_end(struct buf *out);

/* --- Server events: session and errors -------------------------------------------------------- */

/* RT_SESSION_CREATED, RT_SESSION_UPDATED */
void rt_encode_session(struct buf *out, enum rt_event event, const json_t *session);
/* An absent, empty or absurdly long event_id becomes null, one that is not UTF-8, too. */
void rt_encode_error(struct buf *out, const struct rt_error *error,
                     struct parley_view raw_event_id);

/* --- Server events: items --------------------------------------------------------------------- */

/* RT_ITEM_ADDED, RT_ITEM_DONE (with previous_item_id, null for none), RT_ITEM_RETRIEVED (without)
 */
void rt_encode_item(struct buf *out, enum rt_event event, struct parley_view previous_item_id,
                    const struct rt_item *item);
void rt_encode_item_tree(struct buf *out, enum rt_event event, struct parley_view previous_item_id,
                         const json_t *item);
void rt_encode_item_truncated(struct buf *out, struct parley_view item_id, int content_index,
                              int64_t audio_end_ms);
void rt_encode_item_deleted(struct buf *out, struct parley_view item_id);

/* The transcript of the user's audio, as it comes. */
void rt_encode_transcription_delta(struct buf *out, struct parley_view item_id, int content_index,
                                   struct parley_view delta);
/* usage is {type: duration, seconds} */
void rt_encode_transcription_completed(struct buf *out, struct parley_view item_id,
                                       int content_index, struct parley_view transcript,
                                       double seconds);
/* Empty members of the error are left out: some clients drop the event when they see a null. */
void rt_encode_transcription_failed(struct buf *out, struct parley_view item_id, int content_index,
                                    const struct rt_error *error);

/* --- Server events: the user's audio ---------------------------------------------------------- */

void rt_encode_speech_started(struct buf *out, int64_t audio_start_ms, struct parley_view item_id);
void rt_encode_speech_stopped(struct buf *out, int64_t audio_end_ms, struct parley_view item_id);
void rt_encode_committed(struct buf *out, struct parley_view item_id,
                         struct parley_view previous_item_id);
void rt_encode_cleared(struct buf *out);
void rt_encode_timeout_triggered(struct buf *out, int64_t audio_start_ms, int64_t audio_end_ms,
                                 struct parley_view item_id);

/* --- Server events: responses ----------------------------------------------------------------- */

/* RT_RESPONSE_CREATED, RT_RESPONSE_DONE */
void rt_encode_response(struct buf *out, enum rt_event event, const struct rt_response *response);
/* RT_OUTPUT_ITEM_ADDED, RT_OUTPUT_ITEM_DONE */
void rt_encode_output_item(struct buf *out, enum rt_event event, struct parley_view response_id,
                           int output_index, const struct rt_item *item);
/* RT_CONTENT_PART_ADDED, RT_CONTENT_PART_DONE: part.type is `audio` or `text`, the short names.
 * `text` is the transcript of an audio part. */
void rt_encode_content_part(struct buf *out, enum rt_event event, const struct rt_place *place,
                            bool is_audio, struct parley_view text);
/* RT_OUTPUT_TEXT_DELTA, RT_OUTPUT_TRANSCRIPT_DELTA */
void rt_encode_delta(struct buf *out, enum rt_event event, const struct rt_place *place,
                     struct parley_view delta);
/* The bytes in the session's output format; base64 is made here. */
void rt_encode_audio_delta(struct buf *out, const struct rt_place *place, const void *bytes,
                           size_t len);
/* RT_OUTPUT_TEXT_DONE, RT_OUTPUT_TRANSCRIPT_DONE */
void rt_encode_text_done(struct buf *out, enum rt_event event, const struct rt_place *place,
                         struct parley_view text);
void rt_encode_audio_done(struct buf *out, const struct rt_place *place);
/* content_index of the place is not used. */
void rt_encode_arguments_delta(struct buf *out, const struct rt_place *place,
                               struct parley_view call_id, struct parley_view delta);
void rt_encode_arguments_done(struct buf *out, const struct rt_place *place,
                              struct parley_view call_id, struct parley_view name,
                              struct parley_view arguments);
/* One entry, name `tokens`. */
void rt_encode_rate_limits(struct buf *out, int64_t limit, int64_t remaining, double reset_seconds);

/* --- Client events, for an upstream. An empty event_id is left out. --------------------------- */

/* RT_INPUT_AUDIO_COMMIT, RT_INPUT_AUDIO_CLEAR */
void rt_encode_bare(struct buf *out, enum rt_event event, struct parley_view event_id);
void rt_encode_append(struct buf *out, const void *bytes, size_t len);
void rt_encode_session_update(struct buf *out, struct parley_view event_id, const json_t *session);
/* previous_item_id: empty appends, "root" puts it first. */
void rt_encode_item_create(struct buf *out, struct parley_view event_id,
                           struct parley_view previous_item_id, const struct rt_item *item);
void rt_encode_item_create_tree(struct buf *out, struct parley_view event_id,
                                struct parley_view previous_item_id, const json_t *item);
/* A conversation.item.create with a function_call_output; an empty item_id lets the model choose.
 */
void rt_encode_function_output(struct buf *out, struct parley_view event_id,
                               struct parley_view item_id, struct parley_view call_id,
                               struct parley_view output);
/* RT_ITEM_RETRIEVE, RT_ITEM_DELETE */
void rt_encode_item_request(struct buf *out, enum rt_event event, struct parley_view event_id,
                            struct parley_view item_id);
void rt_encode_item_truncate(struct buf *out, struct parley_view event_id,
                             struct parley_view item_id, int64_t content_index,
                             int64_t audio_end_ms);
/* response: the object of the event, or NULL. */
void rt_encode_response_create(struct buf *out, struct parley_view event_id,
                               const json_t *response);
/* An empty response_id means the running one. */
void rt_encode_response_cancel(struct buf *out, struct parley_view event_id,
                               struct parley_view response_id);

#endif
