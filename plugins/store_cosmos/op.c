/* SPDX-License-Identifier: Apache-2.0 */
#include "op.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "start.h"

#define MAX_WAITING       4096
#define MAX_WAITING_BYTES ((size_t)64 << 20)
#define MAX_RUNNING       64

static size_t hash_of(const char *text)
{
    size_t hash = (size_t)1469598103934665603u; /* FNV-1a */

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * (size_t)1099511628211u;
    return hash ^ hash >> 29;
}

struct op *op_create(struct store *s, const char *name, op_step begin, parley_op id,
                     const char *session_id)
{
    struct op *op = calloc(1, sizeof(*op));

    if (op == NULL)
        return NULL;
    op->store = s;
    op->name = name;
    op->begin = begin;
    op->id = id;
    op->timeout_ms = s->around.config->timeout_ms;
    op->session_id = strdup(session_id);
    op->hash = hash_of(session_id);
    op->bytes = sizeof(*op);
    if (op->session_id != NULL)
        return op;
    op_destroy(op);
    return NULL;
}

bool op_set_session(struct op *op, const char *session_id)
{
    char *copy = strdup(session_id);

    if (copy == NULL)
        return false;
    free(op->session_id);
    op->session_id = copy;
    op->hash = hash_of(copy);
    return true;
}

void op_destroy(struct op *op)
{
    if (op == NULL)
        return;
    if (op->sweep != NULL)
        op->sweep->part = NULL;
    op_destroy(op->part);
    for (size_t i = 0; i < op->record_count; i++)
        free(op->records[i].text);
    free(op->records);
    free(op->session_id);
    free(op->owner);
    free(op->agent);
    free(op->user);
    free(op->after);
    free(op->etag);
    free(op->continuation);
    json_decref(op->wanted);
    json_decref(op->head);
    json_decref(op->writing);
    json_decref(op->rows);
    free(op);
}

/* ---- the queue ---- */

static void make_ready(struct op *op)
{
    struct store *s = op->store;

    if (s->last_ready != NULL)
        s->last_ready->next_ready = op;
    else
        s->ready = op;
    s->last_ready = op;
}

/* Stand behind the last operation of the same session; true when there is one. A list that just
 * looks at the session keeps nobody waiting: it goes on to others. */
static bool stand_behind(struct op *op)
{
    op->has_place = op->session_id[0] != '\0';
    for (struct op *other = op->prev; op->has_place && other != NULL; other = other->prev) {
        if (other->has_place && other->hash == op->hash &&
            strcmp(other->session_id, op->session_id) == 0) {
            other->behind = op;
            return true;
        }
    }
    return false;
}

static void attach(struct op *op)
{
    struct store *s = op->store;

    op->prev = s->last;
    if (s->last != NULL)
        s->last->next = op;
    else
        s->first = op;
    s->last = op;
    s->count++;
    s->bytes += op->bytes;
    if (!stand_behind(op))
        make_ready(op);
}

static void detach(struct op *op)
{
    struct store *s = op->store;

    *(op->prev != NULL ? &op->prev->next : &s->first) = op->next;
    *(op->next != NULL ? &op->next->prev : &s->last) = op->prev;
    s->count--;
    s->bytes -= op->bytes;
}

int op_accept(struct op *op, bool is_whole, struct parley_error *err)
{
    if (op == NULL || !is_whole) {
        op_destroy(op);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "Cosmos DB: no memory for the request");
    }
    struct store *s = op->store;
    if (strlen(op->session_id) > DOCUMENT_MAX_ID) {
        op_destroy(op);
        return parley_fail(err, PARLEY_E_INVALID, "a session's id must have at most %d bytes",
                           DOCUMENT_MAX_ID);
    }
    if (start_has_failed(s)) {
        op_destroy(op);
        if (err != NULL)
            *err = s->why;
        return s->why.status;
    }
    if (s->count == MAX_WAITING || s->bytes + op->bytes > MAX_WAITING_BYTES) {
        op_destroy(op);
        return parley_fail(err, PARLEY_E_BUSY, "%s: %zu requests of %zu bytes wait already",
                           s->around.config->endpoint, s->count, s->bytes);
    }
    attach(op);
    queue_run(s);
    return PARLEY_OK;
}

void queue_run(struct store *s)
{
    if (s->ready != NULL && !start_is_done(s))
        return;
    while (s->ready != NULL && s->running < MAX_RUNNING) {
        struct op *op = s->ready;
        s->ready = op->next_ready;
        if (s->ready == NULL)
            s->last_ready = NULL;
        op->next_ready = NULL;
        op->deadline_ms = around_now_ms(&s->around) + op->timeout_ms;
        s->running++;
        op->begin(op);
    }
}

void queue_fail(struct store *s, const struct parley_error *err)
{
    while (s->first != NULL) {
        struct op *op = s->first;
        detach(op);
        s->host->end(op->id, err->status, err);
        op_destroy(op);
    }
    s->ready = s->last_ready = NULL;
}

void queue_done(struct store *s)
{
    while (s->first != NULL) {
        struct op *op = s->first;
        detach(op);
        op_destroy(op);
    }
}

/* ---- the end ---- */

void op_end(struct op *op, int status, const struct parley_error *err)
{
    struct store *s = op->store;
    struct op *sweep = op->sweep;

    if (sweep != NULL) {
        op_destroy(op);
        op_end(sweep, status, err);
        return;
    }
    detach(op);
    s->running--;
    if (op->behind != NULL)
        make_ready(op->behind);
    if (status < 0 && status != PARLEY_E_NOT_FOUND)
        cache_forget(&s->cache, op->session_id, op->hash);
    s->host->end(op->id, status, err);
    op_destroy(op);
    queue_run(s);
}

void op_fail(struct op *op, int status, const char *format, ...)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(err.message, sizeof(err.message), format, args); /* cut when too long */
    va_end(args);
    err.status = status;
    op_end(op, status, &err);
}

void op_fail_by(struct op *op, const struct rest_reply *reply)
{
    if (reply->status < 0)
        op_end(op, reply->status, reply->err);
    else
        op_fail(op, PARLEY_E_PROTOCOL, "%s: session %s: %s: Cosmos DB answered %d",
                op->store->around.config->endpoint, op->session_id, op->name, reply->code);
}

void op_send(struct op *op, struct rest_request *request, rest_on_reply on_reply)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    request->operation = op->name;
    request->deadline_ms = op->deadline_ms;
    if (rest_send(op->store->rest, request, on_reply, op, &err) < 0)
        op_end(op, err.status, &err);
}
