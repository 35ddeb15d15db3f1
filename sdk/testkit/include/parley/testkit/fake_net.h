/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fake host's parley.http/1 and parley.ws/1: a network whose peers are functions of the test.
 * Without one nobody answers: requests and connections end with PARLEY_E_UNAVAILABLE. Nothing is
 * answered before fake_net_step().
 */
#ifndef PARLEY_TESTKIT_FAKE_NET_H
#define PARLEY_TESTKIT_FAKE_NET_H

#include <stdbool.h>

#include <parley/service/http.h>
#include <parley/service/ws.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- HTTP --------------------------------------------------------------------------------------
 */

/* One request, as the plugin started it. */
struct fake_http_request {
    const char *method;
    const char *url;
    const char *headers; /* "Name: value\n"... */
    struct parley_view body;
};

/* Its answer, filled by the peer: what it leaves alone is 200 without a body. */
struct fake_http_answer {
    int status;          /* PARLEY_OK, or why no answer came */
    int code;            /* of HTTP */
    const char *headers; /* "name: value\r\n"..., names in lower case */
    struct parley_view body;
};

typedef void (*fake_http_peer)(void *ctx, const struct fake_http_request *request,
                               struct fake_http_answer *answer);

/* Who answers from now on, until the next reset; NULL: nobody. */
void fake_http_serve(fake_http_peer peer, void *ctx);

/* Without a peer: the status that requests end with; PARLEY_E_UNAVAILABLE at the start. */
void fake_net_set_fault(int status);

/* --- WebSocket ---------------------------------------------------------------------------------
 */

/*
 * What the peer of every connection does: `message` is NULL when it opens, else what the plugin
 * sent. It answers with fake_ws_say() and fake_ws_close().
 */
typedef void (*fake_ws_peer)(void *ctx, struct parley_ws *ws, const char *message);

void fake_ws_serve(fake_ws_peer peer, void *ctx);

/* Queue a message, or the end, for the plugin; told in fake_net_step(). */
void fake_ws_say(struct parley_ws *ws, const char *text);
void fake_ws_close(struct parley_ws *ws, int close_code, const char *reason);

/* --- Both --------------------------------------------------------------------------------------
 */

/* Do the oldest thing that is under way. False when nothing is. */
bool fake_net_step(void);

/* Requests and connections that have not ended. */
size_t fake_net_open(void);

#ifdef __cplusplus
}
#endif

#endif
