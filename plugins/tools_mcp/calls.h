/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that wait for an answer, or for a connection. */
#ifndef TOOLS_MCP_CALLS_H
#define TOOLS_MCP_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include <parley/host.h>

#define CALLS_MAX         256 /* under way and waiting */
#define CALLS_PER_SESSION 4   /* of one conversation under way */

struct call {
    struct call *next;
    uint64_t request; /* its id, and its progress token */
    parley_op op;
    char *tool;   /* the name that the model used */
    char *name;   /* the server's own */
    char *text;   /* the whole message, to send it again */
    char **lines; /* headers of HTTP that repeat arguments; see mirror.h */
    size_t line_count;
    char *session;   /* the conversation's */
    unsigned rounds; /* how often the server has asked back */
    unsigned delays; /* how often it wanted the call later */
    int64_t due_ms;  /* not sent before; 0: at any time */
    int64_t end_ms;  /* the host's limit, as far as is known; 0: not */
    bool is_sent;
    bool is_repeated;  /* in a second session, or with other headers; there is no third time */
    bool awaits_list;  /* sent when the tools are listed again */
    struct tick *tick; /* the newest progress, not told yet, or NULL */
    int64_t told_ms;   /* when progress was told last */
};

/* How far a call is. */
struct tick {
    double done;
    double total;
    char message[256];
};

/* Zeroed is valid. In the order of coming. */
struct calls {
    struct call *first;
    unsigned count;
};

/* Takes text. NULL when there are too many or without memory; then text is freed. */
struct call *calls_add(struct calls *calls, uint64_t request, parley_op op, const char *tool,
                       const char *name, const char *session, char *text);
struct call *calls_find(struct calls *calls, uint64_t request);
struct call *calls_find_op(struct calls *calls, parley_op op);

/* How many are sent and not answered; of one conversation, or of all with NULL. */
unsigned calls_under_way(const struct calls *calls, const char *session);

/* Take it out and free it. */
void calls_remove(struct calls *calls, struct call *call);

void calls_done(struct calls *calls);

#endif
