/* SPDX-License-Identifier: Apache-2.0 */
/* An A2A agent card: where the agent is called, and by which version of the protocol. */
#ifndef MODEL_AGENTS_CARD_H
#define MODEL_AGENTS_CARD_H

#include <jansson.h>
#include <parley/error.h>

#include "server.h"

#include <stdbool.h>

struct card {
    const char *url; /* borrowed of the tree */
    bool is_old;     /* A2A 0.3 */
    bool can_stream;
};

/* `version` leaves out interfaces of others; JSON-RPC is the only binding taken. */
int card_read(const json_t *tree, enum a2a_version version, struct card *ret,
              struct parley_error *err);

/* Do both URLs have scheme, host and port in common? A card must not lead a key elsewhere. */
bool card_is_same_origin(const char *url, const char *other);

#endif
