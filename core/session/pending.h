/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that parley itself sent to the model and may get an answer or an error about. Each has an
 * event_id that no client can guess, so that an error.event_id tells for sure whose event it was.
 */
#ifndef SESSION_PENDING_H
#define SESSION_PENDING_H

#include <parley/types.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define PENDING_MAX      64 /* oldest are forgotten beyond it: an answer then counts as unknown */
#define PENDING_ID_CHARS 31

enum pending_kind {
    PENDING_NONE,
    PENDING_AGENT_UPDATE,  /* the agent's own session.update at the start */
    PENDING_CLIENT_UPDATE, /* a client's session.update, as far as it was accepted */
    PENDING_RESPONSE,      /* a response.create of parley's own */
    PENDING_CLIENT_CREATE, /* a client's response.create */
    PENDING_CLIENT_ASIDE,  /* the same of one beside the conversation, until it begins */
    PENDING_TOOL_OUTPUT,   /* a function_call_output */
    PENDING_TRUNCATE,      /* a truncation of parley's own */
    PENDING_DELETE,        /* a deletion of parley's own */
    PENDING_CLIENT_EVENT,  /* a client's event that parley had to rewrite */
    PENDING_CLIENT_ITEM,   /* an item that a client made without an event_id */
};

struct pending {
    enum pending_kind kind;
    uint32_t number; /* from 1, in the order of sending */
    char id[PENDING_ID_CHARS + 1];
    char *client_event_id; /* raw, as in the client's JSON; NULL when it gave none */
    json_t *before;        /* CLIENT_UPDATE: the session before it, owned */
    json_t *tree; /* CLIENT_UPDATE: what changes; CLIENT_ITEM: its id at the model; owned */
};

struct pending_list {
    char prefix[16]; /* of this session's ids: "parley_" and random characters */
    uint32_t last;
    uint32_t next; /* place of the next entry */
    struct pending entries[PENDING_MAX];
};

void pending_init(struct pending_list *p);
void pending_done(struct pending_list *p);

/*
 * A new entry, whose id goes into the event. client_event_id (raw; may be empty) is copied, tree
 * is taken. Never fails: without memory the client's event id is forgotten.
 */
struct pending *pending_add(struct pending_list *p, enum pending_kind kind,
                            struct parley_view client_event_id, json_t *tree);

/* The entry with that id, or NULL. */
struct pending *pending_find(struct pending_list *p, struct parley_view id);

/* Is it an id of this list, be it forgotten? */
bool pending_is_ours(const struct pending_list *p, struct parley_view id);

/* The entry of that number, or NULL. */
struct pending *pending_numbered(struct pending_list *p, uint32_t number);

/* The oldest entry of a kind, or NULL: answers without an event_id come in the order of the events.
 */
struct pending *pending_oldest(struct pending_list *p, enum pending_kind kind);

/* The oldest entry of a kind that came after that number, or NULL. */
struct pending *pending_after(struct pending_list *p, enum pending_kind kind, uint32_t number);

bool pending_has(const struct pending_list *p, enum pending_kind kind);

/* Forget an entry; NULL is fine. */
void pending_remove(struct pending *e);

#endif
