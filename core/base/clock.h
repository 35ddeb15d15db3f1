/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only source of time. Tests replace it with a clock that is moved by hand; it then holds for
 * the whole process.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Microseconds that only go forward. Thread: any. */
uint64_t clock_now_us(void);

/* Microseconds since 1970 in UTC. Thread: any. */
uint64_t clock_unix_us(void);

static inline int64_t clock_now_ms(void)
{
    return (int64_t)(clock_now_us() / 1000);
}

static inline int64_t clock_unix_ms(void)
{
    return (int64_t)(clock_unix_us() / 1000);
}

/* Tests: freeze time at these values, then move both on by hand. */
void clock_fake_start(uint64_t now_us, uint64_t unix_us);
void clock_fake_advance_us(uint64_t us);
void clock_fake_stop(void);
bool clock_is_fake(void);

#endif
