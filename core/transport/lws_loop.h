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
 * with this pointer as its foreign loop. on_serving(true) and on_serving(false) run around the
 * service of each descriptor; it says whether the library told anything meanwhile. NULL without
 * memory.
 */
struct lws_loop *lws_loop_create(struct event_base *base,
                                 bool (*on_serving)(void *ctx, bool begins), void *ctx);

/* The context is known only after it was created. */
void lws_loop_bind(struct lws_loop *l, struct lws_context *context);

/* After the context was destroyed. Returns NULL. */
struct lws_loop *lws_loop_destroy(struct lws_loop *l);

/*
 * No events of this descriptor, whatever the library wants, until it is called with false: the
 * library's own flow control spins while an HTTP connection that has more input waits for an
 * answer.
 */
void lws_loop_mute(struct lws_loop *l, int fd, bool is_muted);

/*
 * Input may wait inside the library or TLS, where the kernel says nothing of it: look, and serve it
 * in the next turn of the loop. To be called after anything that may have let input flow again.
 */
void lws_loop_check_pending(struct lws_loop *l);

extern const struct lws_plugin_evlib lws_loop_plugin;

#endif
