/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the plugin interface as a suite that any plugin can be run through. The program
 * parley-plugin-test does it from the command line; a plugin with peers of its own links the kit:
 *
 *     int main(int argc, char **argv)
 *     {
 *         static const struct testkit_call calls[] = {{"roll_dice", "{\"sides\": 20}"}};
 *         const struct testkit_subject dice = {.path = argv[1], .calls = calls, .call_count = 1};
 *
 *         return testkit_run(&dice);
 *     }
 *
 * Each rule runs in a child process with a host, a clock and a network of its own. A broken one is
 * told with the rule, the callback and the plugin, and makes the result 1.
 */
#ifndef PARLEY_TESTKIT_CONFORMANCE_H
#define PARLEY_TESTKIT_CONFORMANCE_H

#include <stdbool.h>

#include <parley/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A tool call that must succeed. */
struct testkit_call {
    const char *tool;
    const char *arguments; /* a JSON object */
};

/* The peers of a plugin, played by its author. Every member may be NULL. */
struct testkit_fixture {
    /* At the start of a rule, before the plugin is opened: fake_http_serve() and the like. */
    void (*open)(void *ctx);
    /*
     * Do what is under way: answer one request, turn the loop of a real peer. May wait for a while
     * when something is. Returns whether anything was done; called again until it is not.
     */
    bool (*step)(void *ctx);
    /* At the end of a rule that was kept. */
    void (*close)(void *ctx);
    void *ctx;
};

#define TESTKIT_DURABLE                                                                            \
    (1u << 0) /* a store: what it has ended is there after it was closed and opened again */

struct testkit_subject {
    const char *path;           /* the shared object */
    const char *const *options; /* "key=value", ended by NULL; may be NULL. "@/" in a value: a fresh
                                   folder for each rule */
    unsigned flags;             /* TESTKIT_... */
    const struct testkit_fixture *fixture; /* NULL: a network where nobody answers */
    const struct testkit_call *calls;
    size_t call_count;
    const char *const *only;   /* names of rules, ended by NULL: no others; NULL: all that fit */
    const char *const *except; /* names of rules that are left out, ended by NULL; may be NULL */
    unsigned limit_seconds;    /* for one rule, before it counts as hung; 0: 60 */
};

/* Run it through, and write a line for each rule to standard output. Returns the exit code: 0 all
 * rules are kept, 1 one is broken, 2 the plugin cannot be opened. */
int testkit_run(const struct testkit_subject *subject);

/* Write every rule with what it says to standard output. */
void testkit_list(void);

#ifdef __cplusplus
}
#endif

#endif
