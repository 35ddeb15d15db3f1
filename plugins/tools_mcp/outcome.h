/* SPDX-License-Identifier: Apache-2.0 */
/* How a call ended, in words for the model: from a tool's result, an error, or a lost server. */
#ifndef TOOLS_MCP_OUTCOME_H
#define TOOLS_MCP_OUTCOME_H

#include "message.h"
#include "parts/text.h"

#define OUTCOME_MAX_BYTES ((size_t)4 << 20)
#define OUTCOME_MAX_IMAGE ((size_t)8 << 20)
#define OUTCOME_MAX_WHOLE ((size_t)16 << 20) /* of content, and of a structured value */

/* Zeroed is valid. */
struct outcome {
    int status;
    struct text output;
    struct text image;      /* a data: URI, or empty */
    struct text content;    /* the blocks as they came, or empty */
    struct text structured; /* the structured value as it came, or empty */
};

/* From the result of tools/call. */
void outcome_of_result(struct outcome *o, const char *tool, json_t *result);

/* From an error in place of a result. */
void outcome_of_error(struct outcome *o, const char *tool, const struct message *m);

/* The server did not answer: `status` is PARLEY_E_... */
void outcome_of_fault(struct outcome *o, const char *tool, int status);

void outcome_done(struct outcome *o);

#endif
