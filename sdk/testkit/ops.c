/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_OPS 16384

enum state { OPEN, ENDED, REFUSED, OVER };

struct op {
    enum state state;
    int status;
    bool is_answered;
    char what[64];
};

static struct op ops[MAX_OPS]; /* by number, from 1 */
static parley_op first;        /* number before ops[0] */
static size_t count;

parley_op kit_op_begin(const char *what, ...)
{
    parley_op number = fake_host_op();
    va_list args;

    if (count == 0)
        first = number;
    if (number - first >= MAX_OPS)
        kit_fail("kit", "more than %d operations in one rule", MAX_OPS);
    count = (size_t)(number - first) + 1;
    struct op *op = &ops[number - first];
    memset(op, 0, sizeof(*op));
    va_start(args, what);
    (void)vsnprintf(op->what, sizeof(op->what), what, args);
    va_end(args);
    return number;
}

static struct op *find(parley_op number)
{
    return count == 0 || number < first || number - first >= count ? NULL : &ops[number - first];
}

static struct op *must_find(parley_op number, const char *function)
{
    struct op *op = find(number);

    if (op == NULL)
        kit_fail("known-operations", "%s() was called with %llu, which is no operation", function,
                 (unsigned long long)number);
    return op;
}

void kit_op_answered(parley_op number, int status, const struct parley_error *err)
{
    struct op *op = find(number);

    op->is_answered = true;
    if (status >= 0)
        return;
    kit_check_refusal(status, err);
    if (op->state == ENDED)
        kit_fail("refused-or-ended",
                 "%s: was ended and then refused with status %d; an operation is refused by a "
                 "negative status or ended, not both",
                 op->what, status);
    op->state = REFUSED;
    op->status = status;
}

static void check_is_open(const struct op *op, const char *function)
{
    static const char *const wrong[] = {
        [ENDED] = "it has ended already; every accepted operation ends exactly once",
        [REFUSED] = "it was refused, and then nothing follows",
        [OVER] = "it comes after worker_stop(), which ends everything",
    };

    if (op->state != OPEN)
        kit_fail(op->state == ENDED  ? "ends-once"
                 : op->state == OVER ? "nothing-late"
                                     : "refused-or-ended",
                 "%s: %s() was called, but %s", op->what, function, wrong[op->state]);
}

/* The suites have no plugin with threads of its own that may end what it likes. */
static void check_thread(const struct op *op, const char *function)
{
    if (gettid() != getpid())
        kit_fail(
            "threads",
            "%s: %s() was called on a thread of the plugin's own; it belongs to the worker, or "
            "for a BLOCKING tool to its call()",
            op->what, function);
}

void kit_op_ended(parley_op number, const char *function, int status)
{
    kit_pause();
    struct op *op = must_find(number, function);
    check_thread(op, function);
    check_is_open(op, function);
    op->state = ENDED;
    op->status = status;
    kit_resume();
}

void kit_op_told(parley_op number, const char *function)
{
    kit_pause();
    check_is_open(must_find(number, function), function);
    kit_resume();
}

bool kit_op_is_open(parley_op number)
{
    const struct op *op = find(number);

    return op != NULL && op->state == OPEN;
}

int kit_op_status(parley_op number)
{
    const struct op *op = find(number);

    return op == NULL ? PARLEY_E_NOT_FOUND : op->status;
}

size_t kit_ops_open(void)
{
    size_t open = 0;

    for (size_t i = 0; i < count; i++)
        open += ops[i].state == OPEN;
    return open;
}

void kit_ops_over(void)
{
    for (size_t i = 0; i < count; i++) {
        if (ops[i].state == OPEN)
            ops[i].state = OVER;
    }
}

void kit_ops_reset(void)
{
    count = 0;
}
