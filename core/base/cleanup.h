/* SPDX-License-Identifier: Apache-2.0 */
/* Guards that run when a variable leaves its scope, and a way to give the value away. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

static inline void free_p(void *p)
{
    free(*(void **)p);
}
#define _cleanup_free_ _cleanup_(free_p)

/* The value of lvalue x, which is zeroed, so that its guard does nothing. */
#define TAKE(x)                                                                                    \
    __extension__({                                                                                \
        __typeof__(x) taken_ = (x);                                                                \
        memset(&(x), 0, sizeof(x));                                                                \
        taken_;                                                                                    \
    })

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Bytes of a structure up to and with a member: its size when that was the last one. */
#define SIZE_THROUGH(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/* The structure that embeds `member` at `ptr`. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
