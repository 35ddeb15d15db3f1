/* SPDX-License-Identifier: Apache-2.0 */
/* JSON-RPC 2.0 messages as MCP uses them: making ours, telling theirs apart. */
#ifndef TOOLS_MCP_MESSAGE_H
#define TOOLS_MCP_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#define MESSAGE_MAX_BYTES ((size_t)4 << 20)

#define MESSAGE_METHOD_NOT_FOUND (-32601)
#define MESSAGE_INVALID_PARAMS   (-32602)
#define MESSAGE_NEEDS_URL        (-32042) /* 2025-11-25: a person has to visit a page first */

enum message_kind {
    MESSAGE_NONE, /* no JSON-RPC message */
    MESSAGE_REQUEST,
    MESSAGE_NOTIFICATION,
    MESSAGE_RESULT,
    MESSAGE_ERROR,
};

/* Borrowed from the tree. */
struct message {
    enum message_kind kind;
    const char *method; /* of a request or notification */
    json_t *params;     /* or NULL */
    json_t *id;         /* of a request, as it came */
    uint64_t request;   /* which of ours is answered; 0: none that we know of */
    json_t *result;
    int64_t error_code;
    const char *error_message; /* never NULL for an error */
    json_t *error_data;        /* or NULL */
};

void message_read(json_t *tree, struct message *ret);

/* As compact text, freed by the caller; NULL without memory. `params` is taken, NULL: none. */
char *message_request(uint64_t id, const char *method, json_t *params);
char *message_notification(const char *method, json_t *params);
char *message_answer(json_t *id, json_t *result);
char *message_refusal(json_t *id, int code, const char *text);

/* The versions that begin with `initialize`, newest first. */
#define MESSAGE_NEWEST_VERSION "2025-11-25"
bool message_is_known_version(const char *version);

/* May a server of this version ask the user something? */
bool message_has_forms(const char *version);

/* Which version we want, who we are, and what we can do beside tools: answer forms (elicit.h),
 * where the version has them. */
json_t *message_initialize_params(const char *version);

#endif
