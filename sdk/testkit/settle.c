/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"

#include <parley/testkit/fake_net.h>

#define PEER_WAIT_MS 50  /* of real time, each, for a descriptor of a real peer */
#define PEER_WAITS   200 /* of them in a row with nothing to show: nothing comes any more */
#define MAX_STEPS    100000

static unsigned patience = PEER_WAITS;

void kit_be_impatient(void)
{
    patience = 3;
}

static bool step(void)
{
    const struct testkit_fixture *fixture = kit_subject()->fixture;

    if (fake_host_run_one() || fake_net_step() || fake_host_poll(0))
        return true;
    if (fake_host_next_timer_ms() == 0) {
        fake_host_advance_ms(0);
        return true;
    }
    return fixture != NULL && fixture->step != NULL && fixture->step(fixture->ctx);
}

void kit_settle(void)
{
    for (unsigned i = 0; step(); i++) {
        if (i == MAX_STEPS)
            kit_fail("comes-to-rest", "there was always more to do, %d times in a row", MAX_STEPS);
    }
}

/* A child process or another real peer may still be thinking. */
static bool wait_for_peer(unsigned *waits)
{
    if (fake_host_watches() == 0 || *waits >= patience)
        return false;
    if (fake_host_poll(PEER_WAIT_MS))
        *waits = 0;
    else
        ++*waits;
    return true;
}

/* The clock goes on to the next timer; false when none is left within the time. */
static bool wait_for_timer(int64_t *ms)
{
    int64_t next_ms = fake_host_next_timer_ms();

    if (next_ms < 0 || next_ms > *ms) {
        fake_host_advance_ms(*ms);
        kit_settle();
        return false;
    }
    fake_host_advance_ms(next_ms);
    *ms -= next_ms;
    return true;
}

void kit_settle_while(bool (*is_waiting)(void), int64_t ms)
{
    unsigned waits = 0;

    for (;;) {
        kit_settle();
        if (!is_waiting())
            return;
        if (wait_for_peer(&waits))
            continue;
        if (!wait_for_timer(&ms))
            return;
        waits = 0;
    }
}

static bool is_op_open(void)
{
    return kit_ops_open() > 0;
}

void kit_settle_for(int64_t ms)
{
    kit_settle_while(is_op_open, ms);
}

void kit_pass(int64_t ms)
{
    kit_settle();
    while (wait_for_timer(&ms))
        kit_settle();
}
