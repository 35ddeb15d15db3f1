/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conversation with an agent as the protocols see it: what the agent knows of it and under which
 * names, the turn at hand, and what a protocol must be able to do.
 *
 * An agent keeps the conversation itself. So a request brings only the news: items since the last
 * request, without the agent's own words. When parley's user heard less than the agent said, the
 * news begin with a note that says what was heard. A conversation that began elsewhere (after a
 * rotation, on another host, with an agent that forgot it) is brought whole, once.
 */
#ifndef MODEL_AGENTS_TALK_H
#define MODEL_AGENTS_TALK_H

#include <parley/chat.h>

#include <jansson.h>
#include <stdbool.h>

#include "answer.h"
#include "server.h"

#define TALK_MAX_NAME 512

/* One HTTP request that a protocol wants made. */
struct errand {
    const char *method;
    char *url;          /* owned */
    char *body;         /* owned; NULL: none */
    const char *header; /* one more, or NULL */
};

/* What the agent was told already. */
struct told {
    char item[128];   /* the last item; "": none */
    struct text said; /* what the agent said since */
    bool is_cut;      /* the answer was given up; the agent may have said more than that */
    json_t *calls;    /* ids of the calls it left to us since, in order; NULL: none */
};

struct turn {
    json_t *items;
    json_t *tools;
    json_t *tool_choice; /* NULL: none */
    char *instructions;
    int64_t max_output_tokens;
};

struct talk {
    const struct agent_server *server;
    char session_id[128];
    struct turn turn;
    struct answer answer;
    struct told told;
    char *instructions; /* of the turn before; NULL: there was none */

    /* The agent's names, "" while unknown. */
    char conversation[TALK_MAX_NAME]; /* responses: conversation; a2a: contextId */
    char response[TALK_MAX_NAME];     /* responses: to go on from */
    char next_response[TALK_MAX_NAME];
    char agent_session[TALK_MAX_NAME];
    char task[TALK_MAX_NAME]; /* a2a: of the answer at hand, or one that waits for more */
    bool is_task_waiting;

    /* a2a: where and how, from the card. */
    char *rpc_url;
    bool is_old; /* A2A 0.3 */
    bool can_stream;

    json_t *state;      /* ag-ui; NULL: none */
    size_t state_bytes; /* it has no more than these, as JSON */
};

struct protocol {
    /* What must be asked before the conversation can begin; false: nothing. */
    bool (*prepare)(const struct talk *t, struct errand *ret);
    int (*prepared)(struct talk *t, struct parley_view body, struct parley_error *err);
    /* The request for an answer to t->turn. */
    int (*ask)(struct talk *t, struct errand *ret, struct parley_error *err);
    /* One event of the stream, or the whole answer of a server that does not stream. */
    void (*event)(struct talk *t, const json_t *event);
    /* The body has ended. */
    void (*over)(struct talk *t);
    /* The answer is not wanted any more; false: closing the connection is all there is to say. */
    bool (*call_off)(const struct talk *t, struct errand *ret);
    /* Does the agent remember a turn whose answer was given up? */
    bool keeps_cut_turns;
};

extern const struct protocol protocol_responses;
extern const struct protocol protocol_a2a;
extern const struct protocol protocol_ag_ui;

void errand_done(struct errand *e);

/* base + path, owned by the caller. */
char *talk_url(const char *base, const char *path);

/* A name that the agent gave, kept when it fits. */
void talk_keep(char name[TALK_MAX_NAME], const char *given);

void talk_done(struct talk *t);

/* Begin or end a turn. */
int turn_read(struct turn *turn, const struct parley_chat_request *request,
              struct parley_error *err);
void turn_done(struct turn *turn);

/* Is the last item that the agent was told gone? Then what it remembers is another conversation. */
bool talk_is_torn(const struct talk *t);

/* The agent knows nothing of the conversation any more. */
void talk_forget(struct talk *t);

/* The turn at hand has reached the agent, with what it answered so far. */
void talk_remember(struct talk *t, bool is_cut);

/* Is there nothing that the agent could answer to? */
bool talk_is_idle(const struct talk *t);

/*
 * The news as a new JSON array of Realtime items, oldest first; NULL without memory. Calls and
 * results carry the agent's ids. A note is a message of the role "system".
 */
json_t *talk_news(const struct talk *t);

/* Words of a message or transcript, joined. Freed by the caller; NULL without memory. */
char *talk_words(const json_t *item);

#endif
