/* SPDX-License-Identifier: Apache-2.0 */
/* One conversation with an agent: its requests, one after another. Thread: the worker's. */
#ifndef MODEL_AGENTS_SESSION_H
#define MODEL_AGENTS_SESSION_H

#include <parley/chat.h>

#include "server.h"

struct session;

int session_open(const struct agent_server *server, const struct parley_chat_open *open,
                 struct session **ret, struct parley_error *err);
int session_generate(struct session *s, const struct parley_chat_request *request, parley_op op,
                     struct parley_error *err);
void session_cancel(struct session *s, parley_op op);
void session_close(struct session *s);

#endif
