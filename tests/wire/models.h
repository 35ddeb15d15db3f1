/* SPDX-License-Identifier: Apache-2.0 */
/* The models of a wire test, as a plugin: what they are told is kept, what they say the test says.
 */
#ifndef WIRE_MODELS_H
#define WIRE_MODELS_H

#include <parley/model.h>

#include <jansson.h>
#include <stdbool.h>

struct loop;
struct parley_plugin;

#define MAX_EVENTS 512
#define MODELS_MAX 16 /* sessions at once, open or just closed */

/* What somebody was told. */
struct side {
    char *events[MAX_EVENTS];
    int count;
    int taken;
    json_t *current;
};

/* One session of one of the test's models. */
struct upstream {
    struct side said; /* to it */
    const char *name;
    const struct parley_model_host *host;
    void *ctx; /* NULL: closed */
    bool is_open;
    bool was_asked;
    bool is_busy;
};

struct models {
    struct upstream list[MODELS_MAX]; /* in turn */
    int count;                        /* opened so far */
    int used;                         /* the one that is spoken to and looked at */
    char traceparent[64];             /* of the newest */
    char tracestate[64];
    struct loop *loop;
};

extern const struct parley_plugin models_plugin;

void models_begin(struct models *m, struct loop *loop);
void models_done(struct models *m);
/* The one that is used. */
struct upstream *models_up(const struct models *m);

void side_add(struct side *s, struct parley_view event);
void side_done(struct side *s);

#endif
