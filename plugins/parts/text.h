/* SPDX-License-Identifier: Apache-2.0 */
/* Growable bytes with a limit, for what comes from servers. */
#ifndef PARTS_TEXT_H
#define PARTS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <parley/types.h>

/* Zeroed is valid: empty. `data` is NULL or ends with a NUL that `len` does not count. */
struct text {
    char *data;
    size_t len;
    size_t size;
};

/* False, and nothing changes, when it would be longer than `limit` or memory is short. */
bool text_append(struct text *t, struct parley_view more, size_t limit);

/* Drop the first bytes. */
void text_consume(struct text *t, size_t len);

void text_clear(struct text *t);
void text_done(struct text *t);

/* Never NULL. */
const char *text_str(const struct text *t);

/* The text up to `limit` bytes, whole UTF-8 characters, control characters as blanks. NULL without
 * memory; freed by the caller. */
char *text_tidy(const char *text, size_t limit);

static inline struct parley_view text_view(const struct text *t)
{
    return (struct parley_view){t->data == NULL ? "" : t->data, t->len};
}

#endif
