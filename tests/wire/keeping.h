/* SPDX-License-Identifier: Apache-2.0 */
/* The store of a wire test, as a plugin: what it was given is written down, what it answers the
 * test says. */
#ifndef WIRE_KEEPING_H
#define WIRE_KEEPING_H

#include "base/buf.h"
#include "base/list.h"

#include <parley/store.h>

#include <stdbool.h>

struct loop;
struct parley_plugin;

struct keeping {
    const struct parley_store_host *host;
    struct loop *loop;
    struct buf stored;   /* a line for each */
    struct buf response; /* data of the last one */
    struct buf item;     /* data of the last one */
    int status;          /* of every answer from now on */
    int once;            /* of the next one, when negative */
    int64_t retry_after_ms;
    size_t most_bytes;                    /* of one append; 0: any */
    int refuses;                          /* what comes from now on with this, when negative */
    const struct parley_store_head *head; /* what is read and taken; NULL: nothing */
    bool holds;
    struct list held; /* struct store_answer */
};

extern const struct parley_plugin keeping_plugin;

void keeping_begin(struct keeping *k, struct loop *loop);
void keeping_done(struct keeping *k);
/* Answers wait until it holds no more. */
void keeping_hold(struct keeping *k, bool holds);

#endif
