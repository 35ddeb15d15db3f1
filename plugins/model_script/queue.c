/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include <stdlib.h>

static void insert(struct queue *q, struct task *task)
{
    struct task **at = &q->first;

    while (*at != NULL && ((*at)->due_us < task->due_us ||
                           ((*at)->due_us == task->due_us && (*at)->seq < task->seq)))
        at = &(*at)->next;
    task->next = *at;
    *at = task;
}

struct task *queue_add(struct queue *q, enum task_kind kind, uint64_t due_us)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task == NULL)
        return NULL;
    task->kind = kind;
    task->due_us = due_us;
    task->seq = q->next_seq++;
    insert(q, task);
    return task;
}

struct task *queue_spare(enum task_kind kind)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task != NULL)
        task->kind = kind;
    return task;
}

void queue_again(struct queue *q, struct task *task, uint64_t due_us)
{
    task->due_us = due_us;
    insert(q, task);
}

struct task *queue_take(struct queue *q, uint64_t now_us)
{
    struct task *task = q->first;

    if (task == NULL || task->due_us > now_us)
        return NULL;
    q->first = task->next;
    task->next = NULL;
    return task;
}

void queue_drop(struct queue *q, const struct response *response)
{
    struct task **at = &q->first;

    while (*at != NULL) {
        struct task *task = *at;
        if (response != NULL && task->response != response) {
            at = &task->next;
            continue;
        }
        *at = task->next;
        task_free(task);
    }
}

void task_free(struct task *task)
{
    free(task->text);
    free(task->delta);
    json_decref(task->trigger);
    free(task);
}
