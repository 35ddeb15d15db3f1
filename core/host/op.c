/* SPDX-License-Identifier: Apache-2.0 */
#include "host/op.h"

#include "base/log.h"
#include "host/directory.h"
#include "host/worker_instance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * An operation's number, from its top: 8 bits of the worker, which are never 0; 32 bits of the
 * slot's generation; 24 bits of the slot.
 */
#define SLOT_BITS       24
#define GENERATION_BITS 32
#define MAX_SLOTS       (1u << SLOT_BITS)
#define NO_SLOT         UINT32_MAX

/* How a slot's operation before the present one ended. */
enum ending { ENDING_NONE, ENDING_BY_PLUGIN, ENDING_BY_HOST };

struct op_slot {
    uint32_t generation;
    uint32_t next_free;
    const struct op_type *type; /* NULL: free */
    void *owner;
    struct worker_instance *wi;
    enum ending last;
    char title[64]; /* a copy: faults come after the instance has gone */
};

static unsigned worker_of(parley_op op)
{
    return (unsigned)(op >> (SLOT_BITS + GENERATION_BITS));
}

static uint32_t generation_of(parley_op op)
{
    return (uint32_t)(op >> SLOT_BITS);
}

static uint32_t slot_of(parley_op op)
{
    return (uint32_t)(op & (MAX_SLOTS - 1));
}

static parley_op number(const struct parley_worker *w, uint32_t slot)
{
    return (parley_op)w->id << (SLOT_BITS + GENERATION_BITS) |
           (parley_op)w->ops.slots[slot].generation << SLOT_BITS | slot;
}

/* ---- the table ---- */

static bool grow(struct op_table *t)
{
    uint32_t count = t->slot_count == 0 ? 64 : t->slot_count * 2;

    if (count > MAX_SLOTS)
        return false;
    struct op_slot *slots = realloc(t->slots, count * sizeof(*slots));
    if (slots == NULL)
        return false;
    memset(slots + t->slot_count, 0, (count - t->slot_count) * sizeof(*slots));
    for (uint32_t i = t->slot_count; i < count; i++)
        slots[i].next_free = i + 1 < count ? i + 1 : NO_SLOT;
    t->first_free = t->slot_count;
    t->slots = slots;
    t->slot_count = count;
    return true;
}

static uint32_t take_slot(struct op_table *t)
{
    if ((t->slot_count == 0 || t->first_free == NO_SLOT) && !grow(t))
        return NO_SLOT;
    uint32_t slot = t->first_free;
    t->first_free = t->slots[slot].next_free;
    t->open_count++;
    return slot;
}

static void release(struct parley_worker *w, uint32_t slot, enum ending how)
{
    struct op_slot *s = &w->ops.slots[slot];
    struct worker_instance *wi = s->wi;

    s->generation++;
    s->last = how;
    s->type = NULL;
    s->owner = NULL;
    s->wi = NULL;
    s->next_free = w->ops.first_free;
    w->ops.first_free = slot;
    w->ops.open_count--;
    if (wi == NULL)
        return;
    wi->open_count--;
    worker_instance_released(wi);
}

void op_table_done(struct op_table *t)
{
    free(t->slots);
    *t = (struct op_table){0};
}

/* ---- begin ---- */

parley_op op_begin_for(struct parley_worker *w, const char *title, const struct op_type *type,
                       void *owner)
{
    uint32_t slot = take_slot(&w->ops);

    if (slot == NO_SLOT)
        return 0;
    struct op_slot *s = &w->ops.slots[slot];
    s->type = type;
    s->owner = owner;
    s->wi = NULL;
    (void)snprintf(s->title, sizeof(s->title), "%s", title);
    w->counters.ops_begun++;
    return number(w, slot);
}

parley_op op_begin(struct worker_instance *wi, const struct op_type *type, void *owner)
{
    struct parley_worker *w = wi->worker;

    if (wi->open_count >= OP_MAX_OPEN) {
        w->counters.ops_refused++;
        host_worker_fault(w, "%u operations are open and none ends instance=\"%s\"", wi->open_count,
                          wi->instance->title);
        return 0;
    }
    parley_op op = op_begin_for(w, wi->instance->title, type, owner);
    if (op != 0) {
        w->ops.slots[slot_of(op)].wi = wi;
        wi->open_count++;
    }
    return op;
}

/* ---- find ---- */

static struct op_slot *open_slot(struct parley_worker *w, parley_op op)
{
    uint32_t slot = slot_of(op);

    if (w == NULL || slot >= w->ops.slot_count)
        return NULL;
    struct op_slot *s = &w->ops.slots[slot];
    return s->type != NULL && s->generation == generation_of(op) ? s : NULL;
}

static void count_fault(struct parley_worker *w, parley_op op, const char *what)
{
    const struct op_slot *s = slot_of(op) < w->ops.slot_count ? &w->ops.slots[slot_of(op)] : NULL;

    if (s == NULL || generation_of(op) + 1 > s->generation) {
        w->counters.ops_unknown++;
        host_worker_fault(w, "%s for %" PRIx64 ", which is no operation", what, op);
    } else if (generation_of(op) + 1 < s->generation) {
        w->counters.ops_ended_late++;
        host_worker_fault(w, "%s for %" PRIx64 ", which ended long ago", what, op);
    } else if (s->last == ENDING_BY_HOST) {
        w->counters.ops_ended_late++;
        host_worker_fault(w, "%s for %" PRIx64 ", which had been given up instance=\"%s\"", what,
                          op, s->title);
    } else {
        w->counters.ops_ended_twice++;
        host_worker_fault(w, "%s for %" PRIx64 ", which has ended already instance=\"%s\"", what,
                          op, s->title);
    }
}

void *op_owner(parley_op op, const struct op_type *type, const char *what)
{
    struct parley_worker *w = directory_find(worker_of(op));

    if (w == NULL) {
        log_warn("a plugin broke the contract: %s for %" PRIx64 ", whose worker is gone or never "
                 "was",
                 what, op);
        return NULL;
    }
    if (!loop_is_mine(w->loop)) { /* its table and counters are not to be touched */
        log_warn("a plugin broke the contract: %s for %" PRIx64 " on a thread that is not its "
                 "worker's",
                 what, op);
        return NULL;
    }
    struct op_slot *s = open_slot(w, op);
    if (s == NULL) {
        count_fault(w, op, what);
        return NULL;
    }
    if (s->type != type) {
        w->counters.ops_unknown++;
        host_worker_fault(w, "%s for %" PRIx64 ", which is a %s instance=\"%s\"", what, op,
                          s->type->name, s->title);
        return NULL;
    }
    return s->owner;
}

struct parley_worker *op_worker(parley_op op)
{
    return directory_is_mine(worker_of(op)) ? directory_find(worker_of(op)) : NULL;
}

void op_post(parley_op op, void (*fn)(void *arg), void (*drop)(void *arg), void *arg)
{
    if (!directory_post(worker_of(op), fn, drop, arg))
        drop(arg);
}

/* ---- end ---- */

void op_end(parley_op op)
{
    struct parley_worker *w = directory_find(worker_of(op));

    if (open_slot(w, op) == NULL)
        return;
    w->counters.ops_ended++;
    release(w, slot_of(op), ENDING_BY_PLUGIN);
}

void op_withdraw(parley_op op)
{
    struct parley_worker *w = directory_find(worker_of(op));

    if (open_slot(w, op) != NULL)
        release(w, slot_of(op), ENDING_BY_HOST);
}

/* The table may grow and slots may be freed by what is called: look again each time. */
static void each_open(struct worker_instance *wi, bool sweep)
{
    struct op_table *t = &wi->worker->ops;

    for (uint32_t i = 0; i < t->slot_count; i++) {
        struct op_slot *s = &t->slots[i];
        if (s->type == NULL || s->wi != wi)
            continue;
        void (*fn)(void *owner) = sweep ? s->type->sweep : s->type->cancel;
        fn(s->owner);
    }
}

void op_cancel_all(struct worker_instance *wi)
{
    each_open(wi, false);
}

void op_sweep_all(struct worker_instance *wi)
{
    each_open(wi, true);
}
