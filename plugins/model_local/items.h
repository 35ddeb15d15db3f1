/* SPDX-License-Identifier: Apache-2.0 */
/* What the end of a conversation asks for: words of the user, results of tools, or nothing yet.
 * Pure. */
#ifndef ITEMS_H
#define ITEMS_H

#include <jansson.h>

#include <parley/types.h>

#include "utterance.h"

#define ITEMS_MAX_OUTPUTS 8

enum items_last {
    ITEMS_NONE,      /* nobody has said anything */
    ITEMS_USER,      /* the user spoke last */
    ITEMS_OUTPUTS,   /* tools answered last */
    ITEMS_ASSISTANT, /* the agent spoke last */
};

struct items_end {
    enum items_last last;
    const char *id; /* of the user's message, or "" */
    char said[UTTERANCE_MAX_BYTES + 1];
    struct parley_view outputs[ITEMS_MAX_OUTPUTS]; /* oldest first */
    size_t output_count;
};

/* Look at the items, an array of Realtime conversation items. What is found borrows from them. */
void items_read_end(json_t *items, struct items_end *ret_end);

#endif
