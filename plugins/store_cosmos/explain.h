/* SPDX-License-Identifier: Apache-2.0 */
/* Why a call failed, in one sentence for the operator. */
#ifndef STORE_COSMOS_EXPLAIN_H
#define STORE_COSMOS_EXPLAIN_H

#include <parley/error.h>

struct answer;
struct call;
struct credential;

/* `message`: of the HTTP client, when no answer came. Fills err whole. */
void explain(const struct call *c, const struct answer *a, const char *message,
             const struct credential *credential, struct parley_error *err);

#endif
