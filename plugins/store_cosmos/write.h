/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that write: the first step of each. */
#ifndef STORE_COSMOS_WRITE_H
#define STORE_COSMOS_WRITE_H

#include "op.h"

void write_create(struct op *op);
void write_update(struct op *op);
void write_append(struct op *op);
void write_take(struct op *op);

/* The documents of an append. INVALID, TOO_LARGE and NO_MEMORY refuse it as a whole. */
int write_prepare(struct op *op, const struct parley_store_record *records, size_t count,
                  size_t item_size, struct parley_error *err);

#endif
