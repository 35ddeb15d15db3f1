/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that remove: the first step of each. */
#ifndef STORE_COSMOS_ERASE_H
#define STORE_COSMOS_ERASE_H

#include "op.h"

#define ERASE_TIMEOUT_MS 28000 /* long sessions take many requests; the host waits for 30 s */

void erase_session(struct op *op);
void erase_expired(struct op *op);

#endif
