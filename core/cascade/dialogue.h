/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation of one cascade session: items in order as the wire shows them, the words of
 * spoken ones, a bounded amount of their audio, and what of an answer was heard. Knows no events.
 */
#ifndef CASCADE_DIALOGUE_H
#define CASCADE_DIALOGUE_H

#include "base/buf.h"
#include "base/list.h"
#include "cascade/heard.h"
#include "realtime/item.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define DIALOGUE_MAX_ITEMS         1000              /* beyond it the oldest are forgotten */
#define DIALOGUE_MAX_TEXT_BYTES    (4 * 1024 * 1024) /* likewise */
#define DIALOGUE_MAX_AUDIO_BYTES   (1024 * 1024)     /* then the oldest audio is forgotten */
#define DIALOGUE_MAX_CONTEXT_BYTES (512 * 1024) /* of the newest items that the model is shown */
#define DIALOGUE_MAX_MARKS         512          /* sentences of one answer told apart */

/* Are the words of an item's audio known? */
enum dialogue_words {
    DIALOGUE_NO_WORDS, /* the item has no audio that must be understood */
    DIALOGUE_PENDING,
    DIALOGUE_KNOWN,
    DIALOGUE_FAILED,
};

struct dialogue_item {
    struct list entry;
    char id[RT_MAX_CLIENT_ID_CHARS + 1];
    json_t *json; /* as the wire shows it, without audio; owned */
    size_t bytes; /* what it counts */
    enum dialogue_words words;
    bool is_open; /* an answer still writes it */

    struct buf audio; /* u-law at audio_rate_hz; empty when there was none or it is forgotten */
    uint32_t audio_rate_hz;
    int64_t audio_us; /* length of all of it, forgotten or not; an answer's: what was sent */

    /* Answers that are spoken. */
    bool is_spoken;
    struct buf text; /* all that was said */
    struct heard_mark *marks;
    size_t mark_count;
    bool is_cut; /* truncated: only text[0, heard) was heard */
    size_t heard_bytes;
};

struct dialogue {
    struct list items;
    size_t count;
    size_t bytes;
    size_t audio_bytes;
};

void dialogue_init(struct dialogue *d);
void dialogue_done(struct dialogue *d);

/* An item from its JSON (taken; must have an id) that is in no dialogue yet. NULL without memory.
 */
struct dialogue_item *dialogue_item_create(json_t *take_json);

/* Not in a dialogue. NULL is fine. Returns NULL. */
struct dialogue_item *dialogue_item_destroy(struct dialogue_item *i);

/* JSON of items: {"id":..,"object":"realtime.item","type":..,"status":..}. NULL without memory. */
json_t *dialogue_message_json(const char *id, const char *role, const char *status);
json_t *dialogue_call_json(const char *id, const char *status, const char *call_id,
                           struct parley_view name, struct parley_view arguments);

/* Give a message its only part, {"type":..., KEY: text}; text with NULL data is null. */
void dialogue_set_part(json_t *message, const char *type, const char *key, struct parley_view text);

void dialogue_set_status(json_t *item, const char *status);

/* Put at the end, or after `after`, or first; then forget the oldest beyond the limits. */
void dialogue_append(struct dialogue *d, struct dialogue_item *i);
void dialogue_insert_after(struct dialogue *d, struct dialogue_item *i,
                           struct dialogue_item *after);
void dialogue_insert_first(struct dialogue *d, struct dialogue_item *i);

/* Take out and free. */
void dialogue_remove(struct dialogue *d, struct dialogue_item *i);

/* The item's JSON has changed: count it anew. */
void dialogue_recount(struct dialogue *d, struct dialogue_item *i);

/* NULL when there is none. */
struct dialogue_item *dialogue_find(const struct dialogue *d, struct parley_view id);

/* Id of the item before; NULL data when it is the first. */
struct parley_view dialogue_previous_id(const struct dialogue *d, const struct dialogue_item *i);

/* Id of the last item; NULL data when there is none. */
struct parley_view dialogue_last_id(const struct dialogue *d);

/* Keep more of an item's audio, at one rate all the time. */
void dialogue_keep_audio(struct dialogue *d, struct dialogue_item *i, const int16_t *samples,
                         size_t count, uint32_t rate_hz);

/* The sentence that ends the text so far ends here in the audio. */
void dialogue_mark(struct dialogue_item *i);

/* The user began to speak when `ms` of a spoken answer had been played, by the clock: that is what
 * the text model is shown until the client says better. The wire's item stays as it is. */
void dialogue_interrupt(struct dialogue_item *i, int64_t ms);

/* The newest spoken answer, or NULL. */
struct dialogue_item *dialogue_last_spoken(const struct dialogue *d);

/* Only the first `ms` of a spoken answer were heard: later audio goes, and its transcript, since no
 * one can say for sure which words were heard. The text model is shown what fits the time. */
void dialogue_cut(struct dialogue *d, struct dialogue_item *i, int64_t ms);

/* The words of an item's audio are known now. */
void dialogue_hear(struct dialogue *d, struct dialogue_item *i, struct parley_view words);

/* Is any item's speech still to be understood? */
bool dialogue_is_pending(const struct dialogue *d);

/* Append the newest items as a JSON array for a text model: spoken ones as the words that were
 * said, or heard. */
void dialogue_context(const struct dialogue *d, struct buf *out);

/* The same of a list of items and item references as a client gave it. */
void dialogue_context_of(const struct dialogue *d, const json_t *input, struct buf *out);

#endif
