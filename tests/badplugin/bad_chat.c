/* SPDX-License-Identifier: Apache-2.0 */
/* A text model that goes on talking when it has ended, and calls tools with no JSON. */
#include "bad.h"

#include <parley/chat.h>

static const struct parley_chat_host *chat_host;

static int session_open(void *worker_instance, const struct parley_chat_open *open,
                        void **ret_session, struct parley_error *err)
{
    (void)worker_instance;
    (void)err;
    chat_host = open->host;
    *ret_session = NULL;
    return PARLEY_OK;
}

static int generate(void *session, const struct parley_chat_request *request, parley_op op,
                    struct parley_error *err)
{
    const struct parley_view text = PARLEY_VIEW("more");

    (void)session;
    (void)request;
    (void)err;
    chat_host->text(op, text);
    chat_host->end(op, PARLEY_OK, PARLEY_CHAT_COMPLETED, NULL, NULL);
    chat_host->text(op, text);
    chat_host->call(op, text, text);
    return PARLEY_OK;
}

static void cancel(void *session, parley_op op)
{
    (void)session;
    (void)op;
}

static void session_close(void *session)
{
    (void)session;
}

static const struct parley_chat_vtable table = {.size = sizeof(table),
                                                .session_open = session_open,
                                                .generate = generate,
                                                .cancel = cancel,
                                                .session_close = session_close};
static const struct parley_role role = {PARLEY_ROLE_CHAT, &table};
static const struct parley_plugin descriptor = {GOOD("bad_chat", &role)};
ENTRY(descriptor)
