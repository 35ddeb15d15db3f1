/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/health.h"

bool health_admits(const struct model_health *h, uint64_t now_us)
{
    if (h->failures == 0)
        return true;
    return now_us >= h->rests_until_us && !h->is_probing;
}

void health_begin(struct model_health *h, uint64_t now_us)
{
    if (h->failures > 0 && now_us >= h->rests_until_us)
        h->is_probing = true;
}

void health_succeeded(struct model_health *h)
{
    *h = (struct model_health){0};
}

void health_failed(struct model_health *h, uint64_t now_us, int64_t rest_ms, int64_t retry_after_ms)
{
    unsigned doublings = h->failures > HEALTH_MOST_DOUBLINGS ? HEALTH_MOST_DOUBLINGS : h->failures;
    int64_t ms = rest_ms << doublings;

    if (retry_after_ms > ms)
        ms = retry_after_ms;
    h->failures++;
    h->is_probing = false;
    /* Sessions that fail together must not shorten what one of them was told. */
    uint64_t until_us = now_us + (uint64_t)ms * 1000;
    if (until_us > h->rests_until_us)
        h->rests_until_us = until_us;
}

void health_undecided(struct model_health *h)
{
    h->is_probing = false;
}
