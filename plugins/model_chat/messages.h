/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Realtime conversation as the body of a Chat Completions request. Items become messages in their
 * order, with one exception that the API insists on: the results of an assistant's calls stand
 * directly behind them, wherever they came in the conversation.
 */
#ifndef MODEL_CHAT_MESSAGES_H
#define MODEL_CHAT_MESSAGES_H

#include <parley/chat.h>

#include <jansson.h>

struct messages_config {
    const char *model;
    double temperature;      /* below 0: the server's own */
    const char *system_role; /* "system" or "developer" */
    const char *token_limit; /* "max_tokens" or "max_completion_tokens" */
    int32_t wants_usage;     /* ask for it at the end of the stream */
    int32_t parallel_calls;  /* may the model call several tools at once? */
};

/* The body; the caller frees it. NULL with err: the items or tools are not what they should be, or
 * there is no memory. */
char *messages_body(const struct messages_config *config, const struct parley_chat_request *request,
                    struct parley_error *err);

#endif
