/* SPDX-License-Identifier: Apache-2.0 */
/* Caller of the role parley.chat/1. Thread: the worker's. */
#ifndef HOST_CHAT_H
#define HOST_CHAT_H

#include "host/worker_instance.h"

#include <parley/chat.h>

#define CHAT_MAX_ANSWER_BYTES (4 * 1024 * 1024) /* text and calls of one generation */

struct chat_session;

/* What a generation brings: pieces in order, then the end, once. Never on the caller's stack. */
struct chat_events {
    void (*on_text)(void *ctx, struct parley_view delta);
    void (*on_call)(void *ctx, struct parley_view name, struct parley_view arguments);
    void (*on_end)(void *ctx, int status, int finish, const struct parley_chat_usage *usage,
                   const struct parley_error *err);
    /* A call that the model ran itself; may be NULL. */
    void (*on_agent_call)(void *ctx, const struct parley_chat_agent_call *call);
};

/* What a conversation is opened with; NULL where it is not known. */
struct chat_open {
    const char *session_id;
    const char *agent;
    const char *traceparent;
};

/* One conversation with the model. `events` is constant. */
int chat_open(struct worker_instance *wi, const struct chat_open *open,
              const struct chat_events *events, void *ctx, struct chat_session **ret_session,
              struct parley_error *err);

/* Begin one answer; PARLEY_E_CONFLICT while another runs. 0: accepted, on_end follows. */
int chat_generate(struct chat_session *s, const struct parley_chat_request *request,
                  struct parley_error *err);

/* The answer is no longer wanted: nothing more of it comes but on_end(PARLEY_E_CANCELLED), soon and
 * without waiting for the plugin. Does nothing when none runs. */
void chat_cancel(struct chat_session *s);

/* End the conversation; nothing is called any more. NULL is fine. Returns NULL. */
struct chat_session *chat_close(struct chat_session *s);

#endif
