/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Caller of the role parley.tools/1: the checked list of functions, and calls with a time limit,
 * an output limit and exactly one end. Thread: the worker's.
 */
#ifndef HOST_TOOLS_H
#define HOST_TOOLS_H

#include "base/json_schema.h"
#include "host/worker_instance.h"

#include <parley/tools.h>

#include <jansson.h>

#define TOOLS_MAX_FUNCTIONS      1024
#define TOOLS_MAX_NAME           64
#define TOOLS_MAX_DESCRIPTION    16384
#define TOOLS_MAX_SCHEMA         (256 * 1024)
#define TOOLS_DEFAULT_TIMEOUT_MS 20000
#define TOOLS_DEFAULT_OUTPUT     (64 * 1024)
#define TOOLS_MAX_OUTPUT         (16 * 1024 * 1024) /* whatever the caller allows */
#define TOOLS_MAX_IMAGE          (8 * 1024 * 1024)
#define TOOLS_MAX_CONTENT        (16 * 1024 * 1024)
#define TOOLS_MAX_STRUCTURED     (4 * 1024 * 1024)
#define TOOLS_MAX_PROGRESS       16 /* reports of one call that wait for the loop's next turn */

/* A function that was checked; lives until the list changes. */
struct tools_function {
    char *name;
    char *description;
    json_t *parameters;    /* an object schema, as the plugin gave it */
    json_t *output_schema; /* or NULL */
    struct json_schema *input_check;
    struct json_schema *output_check; /* or NULL */
    uint32_t flags;                   /* PARLEY_TOOL_... */
    int64_t timeout_ms;               /* 0: none of its own */
    int64_t max_timeout_ms;           /* progress extends a call up to this; 0: it does not */
};

/* The functions known now; borrowed until the loop's next turn. */
const struct tools_function *tools_functions(struct worker_instance *wi, size_t *ret_count);

/* NULL when there is none of that name. */
const struct tools_function *tools_find(struct worker_instance *wi, struct parley_view name);

/* The one that people mean by a name: the function itself, or NAME for INSTANCE_NAME, as plugins
 * that put their section's name before their functions have it. NULL when there is none. */
const struct tools_function *tools_resolve(struct worker_instance *wi, struct parley_view name);

/* Has the plugin told its functions, or that it cannot? Until then its peer may still be asked. */
bool tools_are_settled(const struct worker_instance *wi);

/* Why the functions could not be listed the last time; "" when they could. */
const char *tools_list_failure(const struct worker_instance *wi);

/* A conversation opens: functions that are not fresh any more are asked for again. Returns how long
 * it may wait for a list that is on its way, in ms; 0: not at all. */
int64_t tools_prepare(struct worker_instance *wi);

/* Somebody who waits for that list. */
struct tools_waiter {
    struct list entry;
    void (*on_list)(void *ctx); /* once, when it has come; the waiter is off the list then */
    void *ctx;
};

void tools_wait(struct worker_instance *wi, struct tools_waiter *waiter);
void tools_unwait(struct tools_waiter *waiter);

/* Grows whenever the list has changed. */
uint64_t tools_version(const struct worker_instance *wi);

/* The function as a Realtime tool: {"type":"function","name",...}; with_hints adds "annotations"
 * in MCP's words. NULL without memory. */
json_t *tools_function_json(const struct tools_function *f, bool with_hints);

/* The flags as MCP's tool annotations. NULL without memory. */
json_t *tools_hints_json(uint32_t flags);

/* How a call ended. */
struct tools_result {
    int status;                /* PARLEY_OK, or why it failed */
    struct parley_view output; /* for the model; on failure a sentence it can say; never empty */
    struct parley_view image;  /* a data: URI, or empty */
    /* When the caller wants them; empty when the plugin has only words. */
    struct parley_view content;    /* JSON array of MCP content blocks */
    struct parley_view structured; /* JSON value */
    uint32_t flags;                /* PARLEY_TOOL_RESULT_... */
    bool is_cut;                   /* output was longer than the limit */
    int64_t took_ms;
};

struct tools_events {
    /* How far the call is; total 0 when unknown. In their order, before on_end; of a burst only
     * the last. May be NULL. */
    void (*on_progress)(void *ctx, double done, double total, struct parley_view message);
    /* Exactly once, never on the caller's stack. */
    void (*on_end)(void *ctx, const struct tools_result *result);
};

/* Borrowed until tools_call() returns. */
struct tools_call {
    const char *session_id;
    const char *agent;
    const char *user; /* or NULL */
    const char *call_id;
    const char *name;
    struct parley_view arguments; /* checked here: an object that fits; empty stands for {} */
    bool takes_any_arguments;     /* any object: the function's schema is not to be trusted */
    const char *traceparent;      /* or NULL */
    const char *tracestate;       /* or NULL */
    const char *authorization;    /* the session's own token for this instance, or NULL */
    bool wants_content;           /* content and structured, not only words */
    int64_t timeout_ms;           /* when the function has none of its own; 0: the default */
    int64_t policy_timeout_ms;    /* the operator's, before the function's own; 0: none */
    int64_t max_output_bytes;     /* 0: the default */
};

struct tools_run;

/*
 * Start a call. Always answers by on_end, also when it cannot start (no such function, arguments
 * that do not fit its schema, the plugin refuses), so that every call has one result. NULL, and no
 * on_end, only without memory. `events` is constant; the run is valid until on_end.
 */
struct tools_run *tools_call(struct worker_instance *wi, const struct tools_call *call,
                             const struct tools_events *events, void *ctx);

/* Would the arguments be refused? Negative, and err says it to the model. For whoever asks somebody
 * before the call; a function that is gone is no matter of this. */
int tools_check_call(struct worker_instance *wi, const struct tools_call *call,
                     struct parley_error *err);

/* The result is no longer wanted: on_end(PARLEY_E_CANCELLED) follows soon, the plugin is asked to
 * stop. */
void tools_cancel(struct tools_run *run);

/* The same without on_end. The plugin is asked to stop when `cancel`, else it may finish. NULL is
 * fine. Returns NULL. */
struct tools_run *tools_abandon(struct tools_run *run, bool cancel);

/* A conversation ended. */
void tools_session_closed(struct worker_instance *wi, const char *session_id);

/* For worker_instance.c: attach and first list; free the list. */
int tools_attach(struct worker_instance *wi, struct parley_error *err);
void tools_detach(struct worker_instance *wi);

/* For tools.c: the plugin says that its list has changed. */
void tools_list_changed(struct parley_worker *worker, void *worker_instance);

/* For tools_list.c: the table that the plugin is attached to. */
extern const struct parley_tools_host tools_host;

#endif
