/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One answer of an agent while it comes, whatever the protocol: what was said, the calls, how it
 * ended. Text is handed on at once; calls are kept until the end, since only then it is known which
 * of them the agent ran itself.
 */
#ifndef MODEL_AGENTS_ANSWER_H
#define MODEL_AGENTS_ANSWER_H

#include <parley/chat.h>

#include <jansson.h>
#include <stdbool.h>

#include "parts/text.h"

#define ANSWER_MAX_CALLS 64
#define ANSWER_MAX_BYTES ((size_t)4 << 20) /* of its text; of one call's arguments or output */

struct answer_call {
    struct text id; /* by the agent's name for it */
    struct text name;
    struct text arguments;
    struct text output;
    bool has_output;
    bool has_failed;
    bool is_told;
};

struct answer {
    const struct parley_chat_host *host;
    parley_op op;
    bool must_show_calls;
    struct text said;
    struct answer_call calls[ANSWER_MAX_CALLS];
    size_t call_count;
    bool is_begun; /* the agent has taken the request */
    bool is_over;  /* it said that it has ended */
    bool is_lost;  /* what it was to go on from is unknown to it */
    int finish;
    bool has_usage;
    struct parley_chat_usage usage;
    struct parley_error err; /* status PARLEY_OK: none */
};

void answer_init(struct answer *a, const struct parley_chat_host *host, parley_op op,
                 bool must_show_calls);
void answer_done(struct answer *a);

void answer_text(struct answer *a, struct parley_view delta);

/* The first failure counts. */
void answer_fail(struct answer *a, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The call of this id, made when it is new. NULL, and the answer has failed: too many. */
struct answer_call *answer_call(struct answer *a, struct parley_view id);

/* Put more behind a name, arguments or output. */
void answer_add(struct answer *a, struct text *t, struct parley_view more);

/* Show a call that the agent has run, once. */
void answer_show(struct answer *a, struct answer_call *call);

/* The end, to the host: calls of `tools` (a JSON array of function tools, or NULL) that have no
 * output are the host's to run, the others are shown. */
void answer_end(struct answer *a, const json_t *tools);

/* Is it one that answer_end() leaves to the host? */
bool answer_is_ours(const struct answer_call *call, const json_t *tools);

#endif
