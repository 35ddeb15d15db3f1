/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intrusive doubly linked ring. A head is a struct list of its own, initialised with list_init();
 * members embed a struct list and are reached by container_of().
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev;
    struct list *next;
};

static inline void list_init(struct list *l)
{
    l->prev = l->next = l;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

/* Insert before `at`; with the head as `at`, at the end. */
static inline void list_insert(struct list *at, struct list *entry)
{
    entry->prev = at->prev;
    entry->next = at;
    at->prev->next = entry;
    at->prev = entry;
}

#define list_append(head, entry)  list_insert((head), (entry))
#define list_prepend(head, entry) list_insert((head)->next, (entry))

/* Take an entry out; harmless when repeated or when it never was in a list but is zeroed. */
static inline void list_remove(struct list *entry)
{
    if (entry->next == NULL)
        return;
    entry->prev->next = entry->next;
    entry->next->prev = entry->prev;
    list_init(entry);
}

#define list_for_each(pos, head) for (pos = (head)->next; pos != (head); pos = pos->next)

/* The current entry may be removed inside the loop. */
#define list_for_each_safe(pos, tmp, head)                                                         \
    for (pos = (head)->next, tmp = pos->next; pos != (head); pos = tmp, tmp = pos->next)

#define list_entry(pos, type, member) container_of(pos, type, member)

#endif
