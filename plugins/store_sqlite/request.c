/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <stdlib.h>
#include <string.h>

struct request *request_create(enum request_kind kind, parley_op op, const char *session_id)
{
    struct request *request = calloc(1, sizeof(*request));

    if (request == NULL)
        return NULL;
    request->kind = kind;
    request->op = op;
    request->err = (struct parley_error)PARLEY_ERROR_INIT;
    request->next_row = &request->first_row;
    request->head.session_id = arena_text(&request->arena, session_id);
    if (request->head.session_id == NULL) {
        request_destroy(request);
        return NULL;
    }
    return request;
}

void request_destroy(struct request *request)
{
    if (request == NULL)
        return;
    arena_done(&request->arena);
    free(request);
}

/* A host of another version may know more or fewer members. */
static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool copy_view(struct arena *arena, struct parley_view *view)
{
    view->data = arena_bytes(arena, view->data, view->len);
    return view->data != NULL;
}

bool request_copy_head(struct request *request, const struct parley_store_head *head)
{
    struct arena *arena = &request->arena;
    const char *session_id = request->head.session_id;

    memcpy(&request->head, head, least(head->size, sizeof(request->head)));
    request->head.session_id = session_id;
    request->head.agent = arena_text(arena, head->agent);
    request->head.user = arena_text(arena, head->user);
    request->head.owner = arena_text(arena, head->owner);
    return request->head.agent != NULL && request->head.user != NULL &&
           request->head.owner != NULL && copy_view(arena, &request->head.data);
}

bool request_copy_query(struct request *request, const struct parley_store_query *query)
{
    struct arena *arena = &request->arena;

    request->query = (struct parley_store_query){
        .size = sizeof(request->query),
        .limit = query->limit,
        .agent = arena_text(arena, query->agent),
        .user = arena_text(arena, query->user),
        .after = arena_text(arena, query->after),
    };
    return request->query.agent != NULL && request->query.user != NULL &&
           request->query.after != NULL;
}

bool request_copy_records(struct request *request, const struct parley_store_record *records,
                          size_t count, size_t item_size)
{
    struct parley_store_record *copy = NULL;

    if (count > SIZE_MAX / 4 / sizeof(*copy))
        return false;
    copy = arena_alloc(&request->arena, count * sizeof(*copy));
    if (copy == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        memcpy(&copy[i], (const char *)records + i * item_size, least(item_size, sizeof(copy[i])));
        copy[i].id = arena_text(&request->arena, copy[i].id);
        if (copy[i].id == NULL || !copy_view(&request->arena, &copy[i].data))
            return false;
    }
    request->records = copy;
    request->record_count = count;
    return true;
}

struct row *request_add_row(struct request *request, bool is_head)
{
    struct row *row = arena_alloc(&request->arena, sizeof(*row));

    if (row == NULL)
        return NULL;
    row->is_head = is_head;
    *request->next_row = row;
    request->next_row = &row->next;
    return row;
}

int request_fail(struct request *request, int status, const char *format, ...)
{
    va_list args;

    request->first_row = NULL;
    request->next_row = &request->first_row;
    request->status = status;
    request->err.status = status;
    va_start(args, format);
    (void)vsnprintf(request->err.message, sizeof(request->err.message), format, args);
    va_end(args);
    return status;
}

bool request_writes(const struct request *request)
{
    return request->kind != REQUEST_READ && request->kind != REQUEST_LIST;
}
