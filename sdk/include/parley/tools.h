/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role parley.tools/1: functions that the model can call. The host shows them to the model, runs
 * calls beside the audio, and enforces time and size limits, so a call that is slow, dies or
 * answers twice cannot hurt a conversation.
 *
 *     list() -> functions; again whenever host->changed() was called, or they are no longer fresh
 *     call(op) accepted -> host->end(op), exactly once (after cancel(op), too)
 */
#ifndef PARLEY_TOOLS_H
#define PARLEY_TOOLS_H

#include <parley/error.h>
#include <parley/host.h>
#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARLEY_ROLE_TOOLS "parley.tools/1"

/* Hints about a function, with the meaning of MCP's tool annotations. */
#define PARLEY_TOOL_READ_ONLY   (1u << 0) /* changes nothing */
#define PARLEY_TOOL_DESTRUCTIVE (1u << 1) /* may delete or overwrite */
#define PARLEY_TOOL_IDEMPOTENT  (1u << 2) /* calling again changes nothing more */
#define PARLEY_TOOL_OPEN_WORLD  (1u << 3) /* talks to things outside */
#define PARLEY_TOOL_BLOCKING    (1u << 4) /* call() blocks: the host runs it on a pool thread */

struct parley_tool {
    uint32_t flags; /* PARLEY_TOOL_... */
    uint32_t reserved;
    const char *name;        /* letters, digits, _ and -, at most 64 */
    const char *description; /* for the model: what it does and when to use it */
    const char *parameters;  /* JSON Schema of an object; NULL: no parameters */
    int64_t timeout_ms;      /* 0: the host's default */
    /* JSON Schema of struct parley_tool_result.structured, or NULL; since 1.1. A result that does
     * not fit is a failed call. */
    const char *output_schema;
    /* With it, each progress() gives the call another time limit, up to so long in all; 0: progress
     * extends nothing. Since 1.1. */
    int64_t max_timeout_ms;
};

struct parley_tool_call {
    uint32_t size;
    uint32_t reserved;
    struct parley_worker *worker;
    const char *session_id;
    const char *agent;
    const char *user;             /* opaque name of the end user, or "" */
    const char *call_id;          /* of the conversation */
    const char *name;             /* as in struct parley_tool */
    struct parley_view arguments; /* a JSON object, already parsed once by the host: valid JSON */
    const char *traceparent;      /* W3C trace context, or "" */
    /* Bearer token that the session's client handed in for this instance, or ""; since 1.1. Only
     * for the peer of this instance, only for this session, never for a log. */
    const char *authorization;
    int64_t timeout_ms;     /* how long the host waits before it cancels; since 1.1 */
    const char *tracestate; /* W3C, with traceparent, or ""; since 1.1 */
};

/* The conversation is over: the model still says what it has to say about the result, the user
 * hears it, then the session ends, unless the user has said something new. Since 1.1. */
#define PARLEY_TOOL_RESULT_FAREWELL (1u << 0)

struct parley_tool_result {
    uint32_t size;
    int32_t status;            /* PARLEY_OK, or why it failed */
    struct parley_view output; /* for the model: text or JSON; on failure one sentence it can say */
    struct parley_view
        image; /* an image as a data: URI, or empty; dropped for models without eyes */
    /* The whole result for whoever wants more than words, since 1.1; either may be empty. */
    struct parley_view content;    /* JSON array of MCP content blocks; empty: one text, `output` */
    struct parley_view structured; /* any JSON value: MCP's structuredContent */
    uint32_t flags;                /* PARLEY_TOOL_RESULT_..., since 1.1; of a success only */
    uint32_t reserved;
};

/* Host functions that the plugin calls. */
struct parley_tools_host {
    uint32_t size;
    uint32_t reserved;
    /* [worker; any for a BLOCKING tool] The result. A second end of the same op is ignored and
     * logged. */
    void (*end)(parley_op op, const struct parley_tool_result *result);
    /* [worker] How far a call is; total 0 when unknown. A hint: the host may leave some out. */
    void (*progress)(parley_op op, double done, double total, struct parley_view message);
    /* [worker] The list has changed; list() will be called again soon. */
    void (*changed)(struct parley_worker *worker, void *worker_instance);
};

struct parley_tool_list {
    uint32_t size;
    uint32_t item_size;              /* sizeof(struct parley_tool) of the plugin */
    const struct parley_tool *items; /* valid until the next list() or worker_stop */
    size_t count;
    /* Since 1.1; 0 each when left out. */
    int64_t wait_ms;  /* a better list is on its way: a conversation that opens now may wait so long
                       * for changed(); changed() follows, also when the list stays the same */
    int64_t fresh_ms; /* list() is called again when a conversation opens later than this */
    const char *trouble; /* why the list is not what it should be, for who runs the server: a
                          * sentence, logged already; NULL: nothing */
};

/* One worker instance serves every worker: worker_start and all that follows happen on one of them,
 * and the calls of the others' conversations come there. For what is needed once and not once per
 * core, such as a child process or a connection. */
#define PARLEY_TOOLS_SHARED (1u << 0)

struct parley_tools_vtable {
    uint32_t size;
    uint32_t reserved;
    /* [worker] Once after worker_start: where to report. */
    void (*attach)(void *worker_instance, const struct parley_tools_host *host);
    /* [worker] The functions known now; must not wait for a peer. */
    int (*list)(void *worker_instance, struct parley_tool_list *ret_list, struct parley_error *err);
    /*
     * [worker, or offload for a BLOCKING tool] Begin a call. 0: accepted, end follows. Calls of
     * BLOCKING tools run beside each other and beside the worker's own callbacks: what they share
     * needs a lock, and services, which are [worker], are not theirs to call.
     */
    int (*call)(void *worker_instance, const struct parley_tool_call *call, parley_op op,
                struct parley_error *err);
    /*
     * [worker] The result is no longer wanted; end still follows, usually PARLEY_E_CANCELLED. For a
     * BLOCKING tool it comes while call() runs on its pool thread, is just about to, or has just
     * ended it. May be NULL.
     */
    void (*cancel)(void *worker_instance, parley_op op);
    /* [worker] A conversation ended: forget what was kept for it. May be NULL. */
    void (*session_closed)(void *worker_instance, const char *session_id);
    uint32_t flags; /* PARLEY_TOOLS_...; since 1.1 */
    uint32_t reserved2;
};

#ifdef __cplusplus
}
#endif

#endif
