/* SPDX-License-Identifier: Apache-2.0 */
/* What a tool answered: copied from the plugin within limits, and never empty. */
#ifndef HOST_TOOLS_ANSWER_H
#define HOST_TOOLS_ANSWER_H

#include "base/buf.h"
#include "base/json_schema.h"

#include <parley/tools.h>

#include <stdbool.h>

/* Zeroed is valid. */
struct tools_answer {
    int status;
    struct buf output;     /* for the model, whole characters, never empty once it was taken */
    struct buf image;      /* a data: URI, or empty */
    struct buf content;    /* JSON array, or empty */
    struct buf structured; /* JSON value, or empty */
    uint32_t flags;        /* PARLEY_TOOL_RESULT_... */
    bool is_cut;           /* `output` was longer than the limit */
};

struct tools_answer_rules {
    const char *tool;  /* for messages */
    size_t max_output; /* bytes */
    bool keeps_content;
    const struct json_schema *promise; /* that `structured` has to fit, or NULL */
};

/* Copy what a plugin said. Content that is too large, or not what it should be, is left out with a
 * warning: the words for the model are there. A structured value that is not as promised makes it a
 * failed call. */
void tools_answer_take(struct tools_answer *a, const struct tools_answer_rules *rules,
                       const struct parley_tool_result *result);

/* A struct of the plugin's own size as one of ours; NULL is a failure. The views are borrowed. */
struct parley_tool_result tools_answer_read(const struct parley_tool_result *result);

/* Append whole characters up to the limit; what is not UTF-8 becomes U+FFFD. False: it was cut. */
bool tools_answer_append(struct buf *out, struct parley_view text, size_t limit);

void tools_answer_done(struct tools_answer *a);

/* A copy that can change threads, within the limits that no caller exceeds; checked by
 * tools_answer_take() where it arrives. */
void tools_answer_copy(struct tools_answer *copy, const struct parley_tool_result *result);

/* The views are borrowed. */
struct parley_tool_result tools_answer_result(const struct tools_answer *a);

#endif
