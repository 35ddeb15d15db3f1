/* SPDX-License-Identifier: Apache-2.0 */
/* What a session is about to do, in the order of time; one timer for all of it. */
#ifndef MODEL_SCRIPT_QUEUE_H
#define MODEL_SCRIPT_QUEUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct response;

enum task_kind {
    TASK_EVENT, /* send `text` */
    TASK_AUDIO, /* send one chunk of a response's audio, and come again while some are left */
    TASK_RUN,   /* go on with the steps of a rule */
    TASK_CLOSE, /* end the session */
    TASK_READY, /* take events again after BUSY */
};

/* What sending an event changes in what the session knows of a response. */
enum mark {
    MARK_NONE,
    MARK_ITEM,
    MARK_PART,
    MARK_DELTA,
    MARK_ITEM_DONE,
    MARK_DONE,
    MARK_CONVERSATION, /* of item `delta`: its previous_item_id is added when it is told */
};

struct task {
    struct task *next;
    uint64_t due_us;
    uint64_t seq; /* equal times keep the order of asking */
    enum task_kind kind;
    char *text; /* owned: event, or reason of a close */
    struct response *response;
    enum mark mark;
    unsigned output; /* of the response, for the mark */
    char *delta;     /* owned: text that the event adds, or the item's id */
    const json_t *steps;
    size_t step;
    json_t *trigger; /* owned: client event that started the steps */
    const json_t *closing;
    uint32_t chunks; /* left, for TASK_AUDIO */
    int64_t every_ms;
};

struct queue {
    struct task *first;
    uint64_t next_seq;
};

/* A task that waits outside of a queue, for queue_again(). NULL without memory. */
struct task *queue_spare(enum task_kind kind);

/* A task at that time, or NULL without memory. */
struct task *queue_add(struct queue *q, enum task_kind kind, uint64_t due_us);

/* Put a task that was taken out back at a new time, in its old order. */
void queue_again(struct queue *q, struct task *task, uint64_t due_us);

/* Take the first task when it is due, else NULL. */
struct task *queue_take(struct queue *q, uint64_t now_us);

/* Forget a response's tasks, or with NULL all. */
void queue_drop(struct queue *q, const struct response *response);

void task_free(struct task *task);

#endif
