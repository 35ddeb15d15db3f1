/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static atomic_bool fake;
static _Atomic uint64_t fake_now_us;
static _Atomic uint64_t fake_unix_us;

static uint64_t read_us(clockid_t id)
{
    struct timespec ts;

    (void)clock_gettime(id, &ts); /* cannot fail for these two clocks */
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_now_us(void)
{
    return clock_is_fake() ? atomic_load(&fake_now_us) : read_us(CLOCK_MONOTONIC);
}

uint64_t clock_unix_us(void)
{
    return clock_is_fake() ? atomic_load(&fake_unix_us) : read_us(CLOCK_REALTIME);
}

void clock_fake_start(uint64_t now_us, uint64_t unix_us)
{
    atomic_store(&fake_now_us, now_us);
    atomic_store(&fake_unix_us, unix_us);
    atomic_store(&fake, true);
}

void clock_fake_advance_us(uint64_t us)
{
    atomic_fetch_add(&fake_now_us, us);
    atomic_fetch_add(&fake_unix_us, us);
}

void clock_fake_stop(void)
{
    atomic_store(&fake, false);
}

bool clock_is_fake(void)
{
    return atomic_load_explicit(&fake, memory_order_relaxed);
}
