/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed views of bytes: making, comparing, copying. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <parley/types.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define VIEW(literal) ((struct parley_view){(literal), sizeof(literal) - 1})

/* A view of a NUL-terminated string; NULL gives an empty view. */
static inline struct parley_view view_of(const char *s)
{
    return (struct parley_view){s, s == NULL ? 0 : strlen(s)};
}

static inline bool view_equal(struct parley_view a, struct parley_view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool view_is(struct parley_view a, const char *s)
{
    return view_equal(a, view_of(s));
}

bool view_starts_with(struct parley_view a, struct parley_view prefix);
bool view_ends_with(struct parley_view a, struct parley_view suffix);

/* Case-insensitive in ASCII. */
bool view_equal_nocase(struct parley_view a, struct parley_view b);

/* Without spaces, tabs, CR and LF at both ends. */
struct parley_view view_trim(struct parley_view a);

/* Cut at the first `separator`: *ret_head before it, *rest after it. False when there is none: then
 * head is all, rest empty. */
bool view_split(struct parley_view *rest, char separator, struct parley_view *ret_head);

/* A NUL-terminated copy, NULL without memory; the caller frees it. */
char *view_dup(struct parley_view a);

/* Copy into a fixed array, NUL-terminated, cut when too long. */
void view_copy(char *dst, size_t dst_size, struct parley_view a);

/* A whole number in decimal, all of the view. False on anything else or overflow. */
bool view_to_int64(struct parley_view a, int64_t *ret);

/* Equal in constant time for equal lengths: for keys and tokens. */
bool view_equal_secret(struct parley_view a, struct parley_view b);

#endif
