/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences to be spoken: results of tools, questions, what the tools can do. Bounded. Thread: any.
 */
#ifndef SAY_H
#define SAY_H

#include "catalog.h"

#define SAY_MAX_BYTES 1500

/* A text that grows up to its limit and is cut between characters beyond it. */
struct say {
    char text[SAY_MAX_BYTES + 1];
    size_t len;
};

/* Append. */
__attribute__((format(printf, 2, 3))) void say(struct say *s, const char *format, ...);

/* Append the result of a tool: text as it is, JSON as its first few fields. */
void say_result(struct say *s, struct parley_view output);

/* Append a question for what is missing: "Which city?" */
void say_question(struct say *s, const struct parameter *parameter);

/* Append a question whether to go on: "Shall I delete the file, path notes.txt?" */
void say_confirmation(struct say *s, const struct tool *tool, json_t *arguments);

/* Append what the first few tools do: "I can tell the current time, ..." */
void say_abilities(struct say *s, const struct catalog *catalog);

#endif
