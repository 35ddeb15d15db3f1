/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the admin API; admin.c has the routes. Thread: the first worker's. */
#ifndef NET_ADMIN_H
#define NET_ADMIN_H

#include "net/net_state.h"

/* An answer that comes later. Freed by who was asked. */
struct admin_waiting {
    struct http_request *request; /* NULL: its client has gone */
    bool wants_one;
    char id[64]; /* of the one, cut */
};

/* NULL, and the client was answered, without memory. */
struct admin_waiting *admin_wait(struct http_request *r, bool wants_one);

/* ---- kept.c: sessions as the stores keep them ---- */

/* GET: heads, newest first, by ?agent=, ?user=, ?after=, ?limit=. */
void kept_list(struct net *n, struct http_request *r);
/* GET: one session with all that is kept of it. */
void kept_export(struct net *n, struct http_request *r, struct parley_view id);
/* DELETE: one that is not live. */
void kept_delete(struct net *n, struct http_request *r, struct parley_view id);
/* DELETE: all of ?user= that are not live. */
void kept_delete_user(struct net *n, struct http_request *r);

#endif
