/* SPDX-License-Identifier: Apache-2.0 */
/* One conversation: a request for each answer, nothing kept between them. Thread: the worker's. */
#ifndef MODEL_CHAT_SESSION_H
#define MODEL_CHAT_SESSION_H

#include <parley/chat.h>
#include <parley/options.h>
#include <parley/service/http.h>

#include <stdbool.h>

#include "messages.h"
#include "parts/key.h"

/* What a section says; immutable. */
struct chat_server {
    const struct parley_service_http *http;
    struct key key;
    struct messages_config messages;
    char *url; /* of chat/completions */
    const struct parley_list *headers;
    const char *ca_file;
    bool sends_trace; /* traceparent */
    int64_t timeout_ms;
};

/* The functions of struct parley_chat_vtable; the instance is a struct chat_server. */
int session_open(void *instance, const struct parley_chat_open *open, void **ret_session,
                 struct parley_error *err);
int session_generate(void *session, const struct parley_chat_request *request, parley_op op,
                     struct parley_error *err);
void session_cancel(void *session, parley_op op);
void session_close(void *session);

#endif
