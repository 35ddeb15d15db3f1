/* SPDX-License-Identifier: Apache-2.0 */
/* libwebsockets on libevent: the event loop that a context is given (event_lib_custom). */
#ifndef TRANSPORT_LWS_LOOP_H
#define TRANSPORT_LWS_LOOP_H

#include <libwebsockets.h>
#include <stdbool.h>

struct event_base;
struct lws_loop;

/*
 * The watches of one context, which is created with lws_loop_plugin as its event_lib_custom and
 * with this pointer as its foreign loop. on_serving(true) and on_serving(false) run
 * around the service of each descriptor. NULL without memory.
 */
struct lws_loop *lws_loop_create(struct event_base *base,
                                 void (*on_serving)(void *ctx, bool begins), void *ctx);

/* The context is known only after it was created. */
void lws_loop_bind(struct lws_loop *l, struct lws_context *context);

/* After the context was destroyed. Returns NULL. */
struct lws_loop *lws_loop_destroy(struct lws_loop *l);

/*
 * Input may wait inside the library or TLS, where the kernel says nothing of it: look, and serve it
 * in the next turn of the loop. To be called after anything that may have let input flow again.
 */
void lws_loop_check_pending(struct lws_loop *l);

extern const struct lws_plugin_evlib lws_loop_plugin;

#endif
