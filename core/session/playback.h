/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of the answers' audio the user has heard. The server sends faster than real time, so it
 * knows only what it produced; what was heard comes from the client's own word when there is one,
 * else from a clock that starts with an item's first audio and queues items one after another.
 */
#ifndef SESSION_PLAYBACK_H
#define SESSION_PLAYBACK_H

#include <parley/types.h>

#include <stdbool.h>
#include <stdint.h>

#define PLAYBACK_ITEMS    8 /* recent audio items that can still be truncated with a known length */
#define PLAYBACK_ID_CHARS 64

struct playback_item {
    char id[PLAYBACK_ID_CHARS + 1]; /* the model's id; "" is a free place */
    uint32_t number;                /* of the session's audio items, from 1; it stays */
    uint64_t produced_bytes;
    uint64_t start_us;     /* when its first sample plays, by the clock */
    int64_t reported_ms;   /* playback report of the client, -1: none */
    int64_t truncated_ms;  /* -1: whole */
    uint32_t bytes_per_ms; /* of its audio format */
    bool is_settled;       /* its truncation is decided: the clock has no more say */
};

struct playback {
    struct playback_item items[PLAYBACK_ITEMS];
    uint32_t next;  /* place of the next new item */
    uint32_t begun; /* items so far */
};

void playback_init(struct playback *p);

/* Audio of an item was sent on. */
void playback_produce(struct playback *p, struct parley_view item_id, uint64_t bytes,
                      uint32_t bytes_per_ms, uint64_t now_us);

/* The item, or NULL when it had no audio or is long past. */
struct playback_item *playback_find(struct playback *p, struct parley_view item_id);

/* The item whose audio is being played by the clock, or NULL. */
struct playback_item *playback_current(struct playback *p, uint64_t now_us);

/* When the item will have been played, by the clock. */
uint64_t playback_item_end_us(const struct playback_item *i);

/* When the last audio will have been played, by the clock; 0: there was none. */
uint64_t playback_end_us(const struct playback *p);

/* The client says how far it is; never beyond what was produced. */
void playback_report(struct playback_item *i, int64_t played_ms);

int64_t playback_produced_ms(const struct playback_item *i);

/* What the user has heard at that time: the report, else the clock; never beyond what was produced.
 */
int64_t playback_heard_ms(const struct playback_item *i, uint64_t now_us);

/* The item ends at `ms` for good; later ones play from now. */
void playback_truncate(struct playback_item *i, int64_t ms);

#endif
