/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule engine: what to say or which tool to call, given what the user said and which tools
 * there are. It knows nothing but the tools' names, descriptions and schemas, and what it asked
 * last. No I/O, no clock, no randomness: the same input gives the same answer. Thread: one at a
 * time for each dialogue.
 */
#ifndef DIALOGUE_H
#define DIALOGUE_H

#include "say.h"
#include "score.h"

#define CONFIRM_DESTRUCTIVE 0
#define CONFIRM_ALL         1
#define CONFIRM_NONE        2

struct dialogue_rules {
    int confirm;      /* CONFIRM_...: before which tools to ask */
    double min_score; /* below it no tool is meant */
};

/* What the last answer left open. */
enum dialogue_state { DIALOGUE_IDLE, DIALOGUE_ASKED, DIALOGUE_CONFIRMING };

struct dialogue {
    enum dialogue_state state;
    char tool[CATALOG_MAX_NAME + 1]; /* the one that is being prepared */
    json_t *arguments;
    char missing[CATALOG_MAX_NAME + 1]; /* DIALOGUE_ASKED: the parameter */
    int tries;
    struct say last; /* the last thing said, for "say that again" */
};

/* How a tool was chosen, for the log. */
struct dialogue_choice {
    char tool[CATALOG_MAX_NAME + 1]; /* "" when none was meant */
    double score;
    char second[CATALOG_MAX_NAME + 1];
    double second_score;
};

struct dialogue_reply {
    bool is_call;
    struct say say;                  /* when not a call */
    char tool[CATALOG_MAX_NAME + 1]; /* when a call */
    char *arguments; /* when a call: a JSON object; release with dialogue_reply_done */
    struct dialogue_choice choice;
};

/* What the user said. Fills *ret_reply; release it. */
void dialogue_turn(struct dialogue *d, const struct catalog *catalog, struct parley_view said,
                   const struct dialogue_rules *rules, int64_t now_s,
                   struct dialogue_reply *ret_reply);

/* The same, with the tool given beforehand (tool_choice); NULL: the best one, whatever its score.
 */
void dialogue_force(struct dialogue *d, const struct catalog *catalog, const char *tool,
                    struct parley_view said, int64_t now_s, struct dialogue_reply *ret_reply);

/* The first words of a conversation. */
void dialogue_greet(struct dialogue *d, const struct catalog *catalog,
                    struct dialogue_reply *ret_reply);

/* Results of the tools that were called: read them out. */
void dialogue_results(struct dialogue *d, const struct parley_view *outputs, size_t count,
                      struct dialogue_reply *ret_reply);

/* Forget what is open. */
void dialogue_drop(struct dialogue *d);

/* Release what a dialogue holds; a zeroed one is fine. */
void dialogue_done(struct dialogue *d);

/* Release a reply. */
void dialogue_reply_done(struct dialogue_reply *reply);

#endif
