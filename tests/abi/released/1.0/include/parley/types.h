/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain types that cross the plugin boundary: status codes, byte views, the size check.
 *
 * Rules every structure here and in the other headers keeps:
 *   - it starts with `uint32_t size`, set by whoever fills it, and only ever grows at its end;
 *   - zero is the default of every field;
 *   - structures that come in arrays have no size of their own: the array carries the size of one
 *     item, so both sides step by the writer's size. Views and lists never grow.
 * A reader looks at a field only after PARLEY_HAS() said the writer knew it.
 */
#ifndef PARLEY_TYPES_H
#define PARLEY_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* True when the structure that pointer `p` leads to was filled by a side that knew the member. */
#define PARLEY_HAS(p, member)                                                                      \
    ((size_t)((const char *)(&(p)->member + 1) - (const char *)(p)) <= (p)->size)

/*
 * Status of an operation: 0 or positive is success, these are failures.
 * RETRYABLE ones may work later or elsewhere; the others will fail the same way again.
 */
#define PARLEY_OK            0
#define PARLEY_E_INVALID     (-1)  /* the caller's value is wrong */
#define PARLEY_E_NOT_FOUND   (-2)  /* no such object */
#define PARLEY_E_CONFLICT    (-3)  /* exists already, or its version moved on */
#define PARLEY_E_DENIED      (-4)  /* not allowed: wrong key, wrong owner */
#define PARLEY_E_TOO_LARGE   (-5)  /* above a limit on size */
#define PARLEY_E_UNSUPPORTED (-6)  /* this plugin or peer cannot do it */
#define PARLEY_E_BUSY        (-7)  /* throttled, or a queue is full: retryable */
#define PARLEY_E_UNAVAILABLE (-8)  /* cannot be reached now: retryable */
#define PARLEY_E_TIMEOUT     (-9)  /* no answer in time: retryable */
#define PARLEY_E_CANCELLED   (-10) /* the other side asked to stop */
#define PARLEY_E_PROTOCOL    (-11) /* the peer broke its protocol */
#define PARLEY_E_NO_MEMORY   (-12) /* allocation failed */
#define PARLEY_E_INTERNAL    (-13) /* a fault of the plugin or of parley itself */
#define PARLEY_E_GONE        (-14) /* was there, was removed */

/* Borrowed bytes, not terminated by NUL. Valid until the call that handed them over returns. */
struct parley_view {
    const char *data;
    size_t len;
};

/* A view of a string literal or of a NUL-terminated string. */
#define PARLEY_VIEW(literal)                                                                       \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

#ifdef __cplusplus
}
#endif

#endif
