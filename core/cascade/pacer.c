/* SPDX-License-Identifier: Apache-2.0 */
#include "cascade/pacer.h"

uint64_t pacer_end_us(const struct pacer *p)
{
    return p->start_us + p->sent_us;
}

void pacer_sent(struct pacer *p, uint64_t now_us, int64_t us)
{
    if (pacer_end_us(p) < now_us)
        p->start_us = now_us - p->sent_us; /* the player is dry: it starts again now */
    p->sent_us += (uint64_t)us;
}

int64_t pacer_wait_ms(const struct pacer *p, uint64_t now_us, int64_t us)
{
    uint64_t limit = now_us + PACER_LEAD_MS * 1000;
    uint64_t end = pacer_end_us(p) < now_us ? now_us : pacer_end_us(p);

    end += (uint64_t)us;
    return end <= limit ? 0 : (int64_t)((end - limit + 999) / 1000);
}
