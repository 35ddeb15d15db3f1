/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that read: the first step of each; and queries, which erasing needs, too. */
#ifndef STORE_COSMOS_READ_H
#define STORE_COSMOS_READ_H

#include "op.h"

void read_session(struct op *op);
void read_list(struct op *op);

/*
 * Send one page of a query inside a partition. `take_parameters`: {"@name": value, ...}; @pk is
 * added. The page goes on where op->continuation says.
 */
void read_query(struct op *op, const char *partition, const char *sql, json_t *take_parameters,
                unsigned page, rest_on_reply on_reply);

/* Take over a page's documents (op->rows) and where the next one begins. False: it has ended. */
bool read_take_page(struct op *op, const struct rest_reply *reply);

#endif
