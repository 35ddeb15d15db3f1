/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole plugin on the fake host, against a server over HTTP that the test plays itself: it
 * takes the plugin's requests one by one (expect), and answers them (answer, reply, send_data).
 */
#ifndef TOOLS_MCP_PLAYED_H
#define TOOLS_MCP_PLAYED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <parley/service/http.h>
#include <parley/tools.h>

#include "fake_host.h"

#define MAX_REQUESTS 160

/* One request that the plugin has made. */
struct asked {
    bool is_open;
    bool is_cancelled;
    uint32_t flags;
    int64_t timeout_ms;
    char method[8];
    char url[256];
    char headers[2048];
    char body[4096];
    struct parley_http_events events;
    void *ctx;
};

extern const char *plugin_path; /* set it first */
extern struct fake_plugin *plugin;
extern const struct parley_tools_vtable *tools;
extern struct asked asked[MAX_REQUESTS];
extern size_t asked_count, looked_at;

/* What the host was told. */
extern unsigned changes, ends, progresses;
extern int end_status; /* of the last end */
extern char end_text[1024];
extern double last_progress;

/* Fixtures of every test. */
int setup(void **state);
int teardown(void **state);

/* ---- the server ---- */

/* The next request that the plugin has made; its body must hold this text. */
struct asked *expect(const char *method, const char *text);

/* How many requests were made that nobody has looked at. */
#define unseen() (asked_count - looked_at)

/* The id of its JSON-RPC request. */
json_int_t id_of(const struct asked *a);

/* Some of the body; then the end of the exchange. `headers`: "name: value\r\n". */
void send_data(struct asked *a, int code, const char *data);
void end_exchange(struct asked *a, int status, int code, const char *headers);

/* Both; and 200 with a result. */
void reply(struct asked *a, int code, const char *headers, const char *body);
void answer(struct asked *a, const char *headers, const char *result);

/* What the plugin has cancelled ends, as in the next turn of the loop. */
void settle(void);

#define WELCOME(version)                                                                           \
    "{\"protocolVersion\":\"" version "\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{}}"

/* The handshake of an older server, without a stream of its own. */
void greet(const char *version_result, const char *session);

/* ---- the host ---- */

/* Open it as "web" with options that end with NULL; protocol=legacy unless they name another. */
void open_plugin(const char *const *options);

/* A server of 2025-06-18 with session S1 and the tool `a`, which the model knows as web_a. */
void connect_to_server(void);

/* How many tools it offers now. */
size_t listed(const struct parley_tool **ret_items);

/* Call one as the host does, in session "s", or another. */
int call(parley_op op, const char *name, const char *arguments);
int call_in(const char *session, parley_op op, const char *name, const char *arguments);

#endif
