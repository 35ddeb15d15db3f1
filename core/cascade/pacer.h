/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much speech may be sent now: a little more than real time, so that a client's buffer survives
 * a hiccup, and so that little is wasted when the user interrupts. Pure: the caller says what time
 * it is. Zeroed is before the first audio.
 */
#ifndef CASCADE_PACER_H
#define CASCADE_PACER_H

#include <stdbool.h>
#include <stdint.h>

#define PACER_LEAD_MS 1500 /* sent beyond what is played by now */

struct pacer {
    uint64_t start_us; /* when the first sample plays, moved on when playing ran dry */
    uint64_t sent_us;  /* length of all audio sent */
};

/* `us` microseconds more of audio were sent. */
void pacer_sent(struct pacer *p, uint64_t now_us, int64_t us);

/* When `us` more of audio may be sent: milliseconds from now, 0 for now. */
int64_t pacer_wait_ms(const struct pacer *p, uint64_t now_us, int64_t us);

/* When all that was sent will have been played; 0 when nothing was. */
uint64_t pacer_end_us(const struct pacer *p);

static inline bool pacer_is_playing(const struct pacer *p, uint64_t now_us)
{
    return pacer_end_us(p) > now_us;
}

#endif
