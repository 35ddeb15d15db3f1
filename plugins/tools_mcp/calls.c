/* SPDX-License-Identifier: Apache-2.0 */
#include "calls.h"

#include "mirror.h"

#include <stdlib.h>
#include <string.h>

static void call_free(struct call *call)
{
    free(call->tool);
    free(call->name);
    free(call->session);
    free(call->tick);
    mirror_free(call->lines, call->line_count);
    free(call->text);
    free(call);
}

struct call *calls_add(struct calls *calls, uint64_t request, parley_op op, const char *tool,
                       const char *name, const char *session, char *text)
{
    struct call *call = calls->count < CALLS_MAX ? calloc(1, sizeof(*call)) : NULL;
    struct call **end = &calls->first;

    if (call == NULL) {
        free(text);
        return NULL;
    }
    call->text = text;
    call->tool = strdup(tool);
    call->name = strdup(name);
    call->session = strdup(session);
    if (text == NULL || call->tool == NULL || call->name == NULL || call->session == NULL) {
        call_free(call);
        return NULL;
    }
    call->request = request;
    call->op = op;
    while (*end != NULL)
        end = &(*end)->next;
    *end = call;
    calls->count++;
    return call;
}

struct call *calls_find(struct calls *calls, uint64_t request)
{
    struct call *call = calls->first;

    while (call != NULL && call->request != request)
        call = call->next;
    return call;
}

struct call *calls_find_op(struct calls *calls, parley_op op)
{
    struct call *call = calls->first;

    while (call != NULL && call->op != op)
        call = call->next;
    return call;
}

unsigned calls_under_way(const struct calls *calls, const char *session)
{
    unsigned count = 0;

    for (const struct call *call = calls->first; call != NULL; call = call->next)
        count += call->is_sent && (session == NULL || strcmp(call->session, session) == 0);
    return count;
}

void calls_remove(struct calls *calls, struct call *call)
{
    struct call **at = &calls->first;

    while (*at != NULL && *at != call)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    *at = call->next;
    calls->count--;
    call_free(call);
}

void calls_done(struct calls *calls)
{
    while (calls->first != NULL)
        calls_remove(calls, calls->first);
}
