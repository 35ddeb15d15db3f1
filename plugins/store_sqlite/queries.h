/* SPDX-License-Identifier: Apache-2.0 */
/* What each request does to the database. Blocks: only on a pool thread, inside a transaction. */
#ifndef QUERIES_H
#define QUERIES_H

#include "db.h"
#include "request.h"

/* Do it; the request's status, error and rows are the result. A failing one has changed nothing. */
void query_run(struct db *db, struct request *request);

#endif
