/* SPDX-License-Identifier: Apache-2.0 */
/* One operation on its way: copies of its arguments, later its results. One thread at a time. */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>

#include <parley/store.h>

#include "arena.h"

enum request_kind {
    REQUEST_CREATE,
    REQUEST_UPDATE,
    REQUEST_APPEND,
    REQUEST_READ,
    REQUEST_LIST,
    REQUEST_TAKE,
    REQUEST_REMOVE,
    REQUEST_EXPIRE,
};

/* A head or a record that was read. */
struct row {
    struct row *next;
    bool is_head;
    struct parley_store_head head;
    struct parley_store_record record;
};

struct request {
    struct request *next;
    struct arena arena;
    enum request_kind kind;
    parley_op op;
    /* arguments; which of them count depends on the kind */
    struct parley_store_head head;
    struct parley_store_record *records;
    size_t record_count;
    struct parley_store_query query;
    int64_t after_seq;
    int64_t limit;
    int64_t now_ms;
    /* results */
    int status;
    struct parley_error err;
    struct row *first_row;
    struct row **next_row;
};

/* A request about a session. NULL: no memory. */
struct request *request_create(enum request_kind kind, parley_op op, const char *session_id);

/* Free; NULL is fine. */
void request_destroy(struct request *request);

/* Copy further arguments into the request. False: no memory. */
bool request_copy_head(struct request *request, const struct parley_store_head *head);
bool request_copy_query(struct request *request, const struct parley_store_query *query);
bool request_copy_records(struct request *request, const struct parley_store_record *records,
                          size_t count, size_t item_size);

/* A further result, zeroed. NULL: no memory. */
struct row *request_add_row(struct request *request, bool is_head);

/* Forget results and say why there are none. Returns the status. */
__attribute__((format(printf, 3, 4))) int request_fail(struct request *request, int status,
                                                       const char *format, ...);

/* True when the request changes something. */
bool request_writes(const struct request *request);

#endif
