/* SPDX-License-Identifier: Apache-2.0 */
/* How a conversation looks: for people as it goes, for programs as one JSON object at its end, and
 * with --events every event with its time. */
#ifndef CTL_TALK_VIEW_H
#define CTL_TALK_VIEW_H

#include "base/buf.h"
#include "ctl/talk_client.h"

struct talk_view {
    bool is_json;
    bool shows_events;
    bool has_prompt; /* standard input and output are a terminal, and lines are typed */
    uint64_t start_us;
    bool is_in_answer; /* the cursor stands behind words of the agent */
    char session_id[64];
    const char *agent;
    struct buf heard;
    struct buf typed; /* said during an answer */
    struct buf answer;
    json_t *turns;
    json_t *tools; /* of the turn */
    json_t *errors;
    size_t turn_count;
    size_t error_count;
};

void talk_view_init(struct talk_view *v, const char *agent);
void talk_view_ready(struct talk_view *v, const char *session_id);
void talk_view_event(struct talk_view *v, bool is_ours, const json_t *event);
/* A line was said. During an answer it belongs to the turn after it. */
void talk_view_typed(struct talk_view *v, const char *line);
void talk_view_heard(struct talk_view *v, struct parley_view text);
void talk_view_words(struct talk_view *v, struct parley_view delta);
void talk_view_tool(struct talk_view *v, const char *name, struct parley_view arguments);
void talk_view_tool_result(struct talk_view *v, struct parley_view output);
/* A tool waits for a word of the user; `answer`: what is said without asking, or NULL. */
void talk_view_approval(struct talk_view *v, const char *name, struct parley_view arguments,
                        const char *answer);
void talk_view_turn(struct talk_view *v, const struct talk_turn *turn);
void talk_view_error(struct talk_view *v, const char *message);
void talk_view_prompt(struct talk_view *v);

/* The JSON object, or nothing more. `saved` names the WAV file, or NULL. */
void talk_view_end(struct talk_view *v, const char *saved);

#endif
