/* SPDX-License-Identifier: Apache-2.0 */
/* One conversation with an agent: its requests, one after another. Thread: the worker's. */
#ifndef MODEL_AGENTS_SESSION_H
#define MODEL_AGENTS_SESSION_H

#include <parley/chat.h>

#include "server.h"

/* The functions of struct parley_chat_vtable; the instance is a struct agent_server. */
int session_open(void *instance, const struct parley_chat_open *open, void **ret_session,
                 struct parley_error *err);
int session_generate(void *session, const struct parley_chat_request *request, parley_op op,
                     struct parley_error *err);
void session_cancel(void *session, parley_op op);
void session_close(void *session);

#endif
