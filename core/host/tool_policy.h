/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator decides about tools: how long they may run, what an interruption does to them,
 * whether a person is asked first. Written in a [tools NAME] section as KEY or FUNCTION.KEY and in
 * an [agent NAME] section as INSTANCE.KEY or INSTANCE.FUNCTION.KEY. A key for one function beats
 * one for all; of two that are equal in that, the agent's beats the instance's. Immutable after
 * creation; thread: any.
 */
#ifndef HOST_TOOL_POLICY_H
#define HOST_TOOL_POLICY_H

#include "conf/options.h"

#include <stdatomic.h>

/* Values of the ENUM options, in the order of their `values`. */
enum tool_interrupt { TOOL_INTERRUPT_KEEP, TOOL_INTERRUPT_CANCEL, TOOL_INTERRUPT_DETACH };
enum tool_duplicate { TOOL_DUPLICATE_ALLOW, TOOL_DUPLICATE_REJECT, TOOL_DUPLICATE_REPLACE };
enum tool_approval { TOOL_APPROVAL_NEVER, TOOL_APPROVAL_ALWAYS };

#define TOOL_POLICY_MAX_FILLER 500 /* bytes: models take no longer metadata */

/* The policy in force for one function. */
struct tool_policy {
    int64_t timeout_ms;       /* 0: the function's own, or the agent's */
    int64_t max_output_bytes; /* 0: the agent's */
    int32_t on_interrupt;     /* enum tool_interrupt */
    int32_t on_duplicate;     /* enum tool_duplicate */
    int32_t side_effects;     /* must never be started twice */
    int32_t approval;         /* enum tool_approval */
    int64_t approval_timeout_ms;
    const char *filler; /* "": none */
    int64_t filler_after_ms;
    int32_t check_arguments; /* by the function's schema, before it is called */
};

/* The option table, for the reference and `config show`. */
extern const struct options_table tool_policy_table;

/* The keys of one section that are for one function, or for all. */
struct tool_policy_scope {
    char *function; /* "": all of the instance */
    struct options_values *values;
    const char *file; /* where it is first written; borrowed from the values */
    int line;
    atomic_bool is_warned; /* that there is no such function */
};

/* What one section says of one instance. */
struct tool_policies {
    struct tool_policy_scope *scopes;
    size_t count;
};

/*
 * Read the policies of instance `instance` from an agent's section; or, when it is NULL, those that
 * stand in the instance's own section, where `own` is the plugin's table: an option of the plugin
 * with a policy's name is both when their types agree, and the plugin's alone when not. PARLEY_OK
 * and *ret, which is NULL when there are none; else the report says what is wrong.
 */
int tool_policies_read(const struct conf *conf, const struct conf_section *section,
                       const char *instance, const struct options_table *own,
                       struct tool_policies **ret, struct conf_report *report);

/* NULL is fine. Returns NULL. */
struct tool_policies *tool_policies_destroy(struct tool_policies *p);

/* Is `wanted` the function `name` of the instance: its name, or what follows INSTANCE_ in it? */
bool tool_policy_is_function(const char *instance, struct parley_view wanted, const char *name);

/*
 * The policy of a function. flags: PARLEY_TOOL_..., from which side_effects follows when nothing is
 * written, and from that on_interrupt and on_duplicate. The two sources may be NULL.
 */
struct tool_policy tool_policy_of(const struct tool_policies *of_instance,
                                  const struct tool_policies *of_agent, const char *instance,
                                  const char *function, uint32_t flags);

struct tools_function;

/* Warn, once, of each function that is written and not in the list. section: for the message. */
void tool_policies_warn(struct tool_policies *p, const char *section, const char *instance,
                        const struct tools_function *functions, size_t count);

#endif
