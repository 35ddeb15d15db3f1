/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/complaint.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#include <stdbool.h>
#include <string.h>

static bool is_of(const struct complaint *p, const char *exporter, const char *signal)
{
    return strcmp(p->exporter, exporter) == 0 && strcmp(p->signal, signal) == 0;
}

/* The place of both; the last one is for all that come too late. */
static struct complaint *place_of(struct complaints *c, const char *exporter, const char *signal)
{
    size_t i = 0;

    while (i < COMPLAINT_MAX - 1 && c->all[i].exporter[0] != '\0' &&
           !is_of(&c->all[i], exporter, signal))
        i++;
    view_copy(c->all[i].exporter, COMPLAINT_NAME, view_of(exporter));
    c->all[i].signal = signal;
    return &c->all[i];
}

void complaint_add(struct complaints *c, const char *exporter, const char *signal, uint64_t lost,
                   const char *reason)
{
    struct complaint *p = place_of(c, exporter, signal);
    uint64_t now = clock_now_us();

    p->batches++;
    p->lost += lost;
    if (now < p->rests_until_us)
        return;
    log_warn(
        "an exporter gave up a batch exporter=%s signal=%s batches=%llu lost=%llu reason=\"%s\"",
        exporter, signal, (unsigned long long)p->batches, (unsigned long long)p->lost, reason);
    p->rests_until_us = now + COMPLAINT_REST_US;
    p->batches = p->lost = 0;
}

void complaint_clear(struct complaints *c, const char *exporter, const char *signal)
{
    place_of(c, exporter, signal)->rests_until_us = 0;
}
