/* SPDX-License-Identifier: Apache-2.0 */
/* model_agents with a host of the agent that the test plays: one answer after another. */
#ifndef TEST_MODEL_AGENTS_BENCH_H
#define TEST_MODEL_AGENTS_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <parley/chat.h>
#include <parley/testkit/fake_host.h>
#include <parley/testkit/fake_net.h>

#include <jansson.h>

#define EVENT(json) "data: " json "\n\n"
#define MESSAGE(id, role, type, text)                                                              \
    "{\"id\":\"" id "\",\"type\":\"message\",\"role\":\"" role "\",\"content\":[{\"type\":\"" type \
    "\",\"text\":\"" text "\"}]}"
#define USER(id, text)      MESSAGE(id, "user", "input_text", text)
#define ASSISTANT(id, text) MESSAGE(id, "assistant", "output_text", text)
#define BENCH_MAX           8

/* What the host of the agent was asked, and answers. */
struct bench_server {
    int requests;
    int codes[BENCH_MAX]; /* 0: 200 */
    const char *bodies[BENCH_MAX];
    char urls[BENCH_MAX][256];
    char headers[BENCH_MAX][1024];
    json_t *asked[BENCH_MAX];
};

/* What the plugin told parley. */
struct bench_told {
    char text[512];
    char calls[512]; /* "name arguments\n" each */
    char shown[512]; /* "name arguments -> output\n" each */
    int ends;
    int status;
    int finish;
    struct parley_chat_usage usage;
    struct parley_error err;
};

extern struct bench_server server;
extern struct bench_told told;
extern const char *bench_plugin;

int bench_setup(void **state);
int bench_teardown(void **state);

/* "key=value" of the section, NULL at the end. */
void bench_open(const char *const *options);

/* Start an answer; run until nothing is left to do. */
parley_op bench_begin(const char *items, const char *tools);
void bench_run(void);
void bench_cancel(parley_op op);

/* Both, with what was told before forgotten. */
void bench_ask(const char *items);
void bench_ask_with(const char *items, const char *tools);

/* A member of the n-th request's body, by a path of names and numbers between slashes. */
const json_t *bench_asked(int n, const char *path);
void assert_asked(int n, const char *path, const char *expected_json);

/* Why the section is refused; the message is in `ret`. */
void bench_refused(const char *const *options, char ret[512]);

#endif
