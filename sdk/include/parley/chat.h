/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role parley.chat/1: text generation from conversation items and tool schemas, streamed. The
 * host's cascade adds ears, a voice, turn detection and the Realtime events, so a plugin here needs
 * nothing but text.
 *
 *     session_open -> generate(op) -> host->text ... host->call ... -> host->end(op), once
 *                  -> generate ... -> session_close
 *
 * Tools are run by the host. After a generation that ended with calls, the host generates again
 * with the calls and their results among the items.
 */
#ifndef PARLEY_CHAT_H
#define PARLEY_CHAT_H

#include <parley/error.h>
#include <parley/host.h>
#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARLEY_ROLE_CHAT "parley.chat/1"

#define PARLEY_CHAT_COMPLETED      0 /* a whole answer, or calls */
#define PARLEY_CHAT_MAX_TOKENS     1 /* cut at max_output_tokens */
#define PARLEY_CHAT_CONTENT_FILTER 2 /* cut by a filter */

struct parley_chat_usage {
    uint32_t size;
    uint32_t reserved;
    int64_t input_tokens; /* 0 when the model does not count */
    int64_t cached_tokens;
    int64_t output_tokens;
};

/* A call that an agent made and ran itself, with what came of it. Since 1.1. */
struct parley_chat_agent_call {
    uint32_t size;
    int32_t status; /* PARLEY_OK, or a negative status: it failed, and output says why */
    struct parley_view name;
    struct parley_view arguments; /* JSON, or empty */
    struct parley_view output;    /* empty when the agent keeps it to itself */
};

/* Host functions that the plugin calls. [worker] */
struct parley_chat_host {
    uint32_t size;
    uint32_t reserved;
    /* A piece of the answer's text, UTF-8, cut anywhere between characters. */
    void (*text)(parley_op op, struct parley_view delta);
    /* One complete call of a tool; `arguments` is a JSON object. The host makes the call_id. */
    void (*call)(parley_op op, struct parley_view name, struct parley_view arguments);
    /* The end: PARLEY_OK with `finish` and usage (may be NULL), or a status with err. */
    void (*end)(parley_op op, int status, int finish, const struct parley_chat_usage *usage,
                const struct parley_error *err);
    /* Show a call that needs nobody to run it. Since 1.1: look at `size` first. */
    void (*agent_call)(parley_op op, const struct parley_chat_agent_call *call);
};

struct parley_chat_open {
    uint32_t size;
    uint32_t reserved;
    struct parley_worker *worker;
    const char *session_id;
    const char *agent;
    const struct parley_chat_host *host; /* valid as long as the session */
    const char *traceparent;             /* W3C trace context for the peer, or ""; since 1.1 */
};

/* One generation. Borrowed until generate() returns. */
struct parley_chat_request {
    uint32_t size;
    uint32_t flags;
    struct parley_view instructions;
    struct parley_view items;       /* JSON array of Realtime conversation items, oldest first */
    struct parley_view tools;       /* JSON array of Realtime function tools; each may have
                                       "annotations": MCP's readOnlyHint, destructiveHint */
    struct parley_view tool_choice; /* JSON: "auto", "none", "required" or {type, name} */
    int64_t max_output_tokens;      /* 0: no limit */
};

struct parley_chat_vtable {
    uint32_t size;
    uint32_t reserved;
    /* [worker] One conversation. */
    int (*session_open)(void *worker_instance, const struct parley_chat_open *open,
                        void **ret_session, struct parley_error *err);
    /* [worker] Begin one answer; at most one runs per session. 0: accepted, end follows. */
    int (*generate)(void *session, const struct parley_chat_request *request, parley_op op,
                    struct parley_error *err);
    /* [worker] The answer is no longer wanted; end(PARLEY_E_CANCELLED) still follows. */
    void (*cancel)(void *session, parley_op op);
    /* [worker] No generation runs. The session is freed before this returns. */
    void (*session_close)(void *session);
};

#ifdef __cplusplus
}
#endif

#endif
