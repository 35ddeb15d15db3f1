/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a model is worth asking now, as far as one worker has seen. After a failure it rests;
 * when the rest is over one session probes it while the others still pass it by.
 *
 *     well --failed--> resting --time--> to be probed --begin--> probing --succeeded--> well
 *                         ^----------------------failed-----------/
 *
 * Pure: time comes from the caller.
 */
#ifndef AGENT_HEALTH_H
#define AGENT_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#define HEALTH_MOST_DOUBLINGS 5 /* of the rest, by failures one after another */

/* Zeroed is valid: well. */
struct model_health {
    unsigned failures; /* one after another */
    uint64_t rests_until_us;
    bool is_probing;
};

bool health_admits(const struct model_health *h, uint64_t now_us);

/* A session is being opened; one of the three below follows. */
void health_begin(struct model_health *h, uint64_t now_us);
void health_succeeded(struct model_health *h);
/* rest_ms: of a first failure; retry_after_ms: what the peer asked for, 0 when it did not. */
void health_failed(struct model_health *h, uint64_t now_us, int64_t rest_ms,
                   int64_t retry_after_ms);
/* Given up before anything was known. */
void health_undecided(struct model_health *h);

#endif
