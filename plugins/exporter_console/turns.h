/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers the spans of a turn, which end in any order and in several batches, until its root came.
 */
#ifndef EXPORTER_CONSOLE_TURNS_H
#define EXPORTER_CONSOLE_TURNS_H

#include <parley/exporter.h>

#include <stdbool.h>

#define TURN_MAX_TOOLS 8
#define TURNS_MAX_OPEN 256 /* the oldest is forgotten beyond it */
#define TURN_WORD      64
#define TURN_TEXT      200 /* of what was said */

struct turn_tool {
    char name[TURN_WORD];
    char error[TURN_WORD]; /* "" when it went well */
    double seconds;
};

struct turn {
    uint8_t trace_id[16]; /* a client may put several turns into one trace, */
    uint8_t root_id[8];   /* so these two tell which one it is */
    uint64_t serial;      /* 0: a free place */
    uint64_t end_unix_ns;
    char agent[TURN_WORD];
    char session[TURN_WORD];
    char model[TURN_WORD];
    char end_reason[TURN_WORD];
    char trigger[TURN_WORD]; /* "speech", "text" ... */
    bool is_spoken;          /* the agent's side: the first output was audio */
    char error[TURN_WORD];
    int64_t number;       /* in its session; 0 when unknown */
    double first_seconds; /* until the client got the first output; negative when unknown */
    double seconds;
    int64_t input_tokens;
    int64_t output_tokens;
    char user_said[TURN_TEXT];
    char agent_said[TURN_TEXT];
    unsigned tool_count; /* may be more than are kept */
    struct turn_tool tools[TURN_MAX_TOOLS];
};

struct turns {
    struct turn open[TURNS_MAX_OPEN];
    uint64_t last_serial;
};

/* Take a finished span in. A complete turn when it was the root, else NULL; valid until the next
 * call. */
const struct turn *turns_add(struct turns *turns, const struct parley_span *span,
                             bool with_content);

#endif
