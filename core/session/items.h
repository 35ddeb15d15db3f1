/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation as parley knows it: items in order, each with the id its client knows and the
 * one its model knows, and whether the client may see it. Audio bytes are not kept here.
 */
#ifndef SESSION_ITEMS_H
#define SESSION_ITEMS_H

#include "base/list.h"
#include "base/map.h"

#include <parley/types.h>

#include <jansson.h>
#include <stdbool.h>

struct item {
    struct list entry;
    char *id;            /* what the client calls it */
    char *model_id;      /* what the model calls it; the same pointer as id when they agree */
    bool is_awaited;     /* told to the model, which has not shown it yet */
    bool is_added;       /* the client has been shown it */
    bool is_replayed;    /* made by an earlier model: the present one was told of it as text */
    bool is_left_out;    /* ... or was not, since it was too long ago */
    unsigned response;   /* number of the response that made it; 0: none did */
    bool is_output_done; /* ... and ended */
    int output_index;    /* ... in its output */
    char *asked_by;      /* raw event_id of the client's event that made it, until it is shown */
    int64_t heard_ms;    /* of its audio, when it was cut; -1: whole */
    int64_t produced_ms; /* then: of how much */
    bool hidden;         /* part of a tool call that parley runs: the client never hears of it */
    bool final;          /* conversation.item.done has come */
    bool journaled;
    bool is_counted; /* as a call of its response */
    bool is_ghost;   /* gone at the model since nobody heard it, still shown when asked for */
    bool is_local;   /* between parley and the client: the model does not know it */
    json_t *json;    /* the item as last seen, owned; NULL before anything is known */
    size_t bytes;    /* what json counts against the limit */
};

struct items {
    struct list all; /* in conversation order */
    struct map by_id;
    struct map by_model_id;
    size_t count;
    size_t bytes;
    size_t awaited;
};

void items_init(struct items *c);
void items_done(struct items *c);

/* NULL when unknown. */
struct item *items_find(const struct items *c, struct parley_view id);
struct item *items_find_model(const struct items *c, struct parley_view model_id);

/*
 * Add an item after `after` (NULL: at the end).
 * model_id may be empty: then it is id. NULL without memory. An id that is there already is
 * returned as it is.
 */
struct item *items_add(struct items *c, struct parley_view id, struct parley_view model_id,
                       struct item *after);

/* The same, before every other item. */
struct item *items_add_first(struct items *c, struct parley_view id, struct parley_view model_id);

/* To behind that other one. */
void items_move(struct item *i, struct item *after);

/* Remember the item's present form; takes a reference. */
void items_set_json(struct items *c, struct item *i, json_t *json);

/* The model calls it so from now on. False without memory, or when it calls another one so. */
bool items_rename(struct items *c, struct item *i, struct parley_view model_id);

/* The model is told of it; it has shown it. */
void items_await(struct items *c, struct item *i);
void items_arrived(struct items *c, struct item *i);

/* The oldest one that is awaited and is of the same kind as this body, or NULL. */
struct item *items_awaited(const struct items *c, const json_t *body);

void items_remove(struct items *c, struct item *i);

/* The nearest item at or before i that the client may see, or NULL. */
struct item *items_visible(const struct items *c, struct item *i);

/* Drop the oldest final items until count and bytes are within the limits, and any at all beyond
 * twice the limits; returns how many went. */
size_t items_trim(struct items *c, size_t max_count, size_t max_bytes);

#endif
