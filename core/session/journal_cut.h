/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a record that a store finds too large: its shape, so that a conversation can be
 * made of it again, without its long texts. */
#ifndef SESSION_JOURNAL_CUT_H
#define SESSION_JOURNAL_CUT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_CUT_CHARS 512 /* bytes of a text that are kept */

/* The data of a record of that kind (PARLEY_RECORD_...), in place; the notes in it say that it had
 * `bytes`. False, and nothing changed, when it is no JSON object or there is no memory. */
bool journal_cut(uint32_t kind, struct buf *data, size_t bytes);

#endif
