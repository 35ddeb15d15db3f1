/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growable bytes. A zeroed struct is an empty buffer. Once an append failed for want of memory the
 * buffer is `failed` and later appends do nothing, so that a writer checks once, at its end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <parley/types.h>

#include <stdarg.h>
#include <stdbool.h>

struct buf {
    char *data; /* NUL-terminated whenever it is not NULL */
    size_t len;
    size_t cap;
    bool failed;
};

/* Room for `more` bytes after len. False without memory. */
bool buf_reserve(struct buf *b, size_t more);

void buf_append(struct buf *b, const void *bytes, size_t len);
void buf_append_view(struct buf *b, struct parley_view v);
void buf_append_str(struct buf *b, const char *s);
void buf_append_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* The view as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void buf_append_json_string(struct buf *b, struct parley_view v);

/* Forget the content, keep the memory (and the failed mark is cleared). */
void buf_clear(struct buf *b);

/* Drop `len` bytes from the front. */
void buf_consume(struct buf *b, size_t len);

/* Free the memory. */
void buf_done(struct buf *b);

static inline struct parley_view buf_view(const struct buf *b)
{
    return (struct parley_view){b->data == NULL ? "" : b->data, b->len};
}

#endif
