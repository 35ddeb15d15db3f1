/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a failing call explains itself. The caller owns the structure and sets `size`; the callee
 * fills the rest, only when it returns a negative status. A message names the object, the value and
 * the way out ("timeout_ms: 0 is below the minimum 1"), and never holds a secret.
 */
#ifndef PARLEY_ERROR_H
#define PARLEY_ERROR_H

#include <stdarg.h>
#include <stdio.h>

#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct parley_error {
    uint32_t size;
    int32_t status;         /* PARLEY_E_... */
    int64_t retry_after_ms; /* when the peer said when to come back, else 0 */
    char code[64];          /* the peer's own code, such as "invalid_api_key", or "" */
    char message[448];      /* one sentence in UTF-8, NUL-terminated */
};

#define PARLEY_ERROR_INIT                                                                          \
    {                                                                                              \
        sizeof(struct parley_error), 0, 0, {0},                                                    \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4), unused))
#endif
/* Fill err (which may be NULL) and return status, so that a failure is one line. Thread: any. */
static inline int
parley_fail(struct parley_error *err, int status, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        err->status = status;
        (void)vsnprintf(err->message, sizeof(err->message), format, args); /* cut when too long */
        va_end(args);
    }
    return status;
}

#ifdef __cplusplus
}
#endif

#endif
