/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of `parleyctl tools` share: the request, and the tool instances by name. */
#ifndef CTL_TOOLS_REQUEST_H
#define CTL_TOOLS_REQUEST_H

#include "ctl/local.h"
#include "host/tools.h"

struct tools_request {
    struct settings_source source;
    const char *only; /* --tools */
    const char *model;
    const char *timeout;
    int64_t timeout_ms; /* what it comes to; that of list when it is not given */
    bool is_json;
    bool wants_progress;
    bool is_interrupted; /* by Ctrl-C */
    struct local local;
    int code;
};

/* A function that someone named. */
struct tools_choice {
    struct worker_instance *wi;
    const struct tools_function *function;
};

/* The tool instances, one after the other (begin with NULL); --tools narrows them to one. */
struct worker_instance *tools_request_next(struct tools_request *q, struct worker_instance *after);

/* Some list only after their peer has answered: wait until each has told its functions or why it
 * cannot, or until --timeout. */
void tools_request_settle(struct tools_request *q);

/* Do other instances of the configuration have a function of this name, too? */
bool tools_request_is_ambiguous(struct tools_request *q, const struct worker_instance *wi,
                                const char *function);

/*
 * The function called FUNCTION, INSTANCE.FUNCTION, or SHORT or INSTANCE.SHORT where its name is
 * INSTANCE_SHORT. Waits for its instance. On failure: what is known and probably meant.
 */
int tools_request_find(struct tools_request *q, const char *name, struct tools_choice *ret,
                       struct parley_error *err);

/* Print the functions: a table, or with is_json an array; then on standard error each instance that
 * could not tell its own. Returns the exit code. */
int tools_show_list(struct tools_request *q);

/* Print how a call ended: readable, or with is_json as MCP's result. */
void tools_show_result(const struct tools_request *q, const struct tools_result *result);

/* One line of JSON on standard error. */
void tools_show_progress(double done, double total, struct parley_view message);

/* Ask a text model what it would call for this sentence, and print it. */
int tools_match(struct tools_request *q, const char *text, struct parley_error *err);

#endif
