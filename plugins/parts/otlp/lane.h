/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to one URL, one at a time, in order:
 *
 *     waiting --> in flight --> done
 *                  |    ^ 429, 502, 503, 504, no answer
 *                  v    |
 *                 backing off --> given up: tries or time used up
 *
 * After several failures in a row, or one that says the set-up is wrong (401, 403, 404), the lane
 * rests for a while and refuses; then it tries again. Thread: the worker's.
 */
#ifndef PARTS_OTLP_LANE_H
#define PARTS_OTLP_LANE_H

#include "encode.h"

#include <parley/exporter.h>
#include <parley/host.h>
#include <parley/service/http.h>
#include <parley/service/timer.h>

#define LANE_WAIT_MS 40000 /* longest stay of a request in the lane, below the host's patience */

struct lane_config {
    const struct parley_host *host;
    const struct parley_service_http *http;
    const struct parley_service_timer *timer;
    struct parley_worker *worker;
    const void *handle; /* for the log */
    const char *url;
    const char *const *headers;
    uint32_t header_count;
    const char *ca_file;
    const char *client_cert_file; /* NULL or "": none */
    const char *client_key_file;
    const char *credential; /* whose tokens are shown as Bearer; NULL or "": none */
    const char *scope;      /* of those */
    int64_t timeout_ms;     /* one request with all its tries */
    int64_t max_queue_bytes;
};

struct lane;

/* Once per request: PARLEY_OK or why it was given up, and how many records were lost. */
typedef void (*lane_on_done)(void *ctx, int status, uint64_t lost, const struct parley_error *err);

/* What config points to must outlive the lane's closing. NULL without memory. */
struct lane *lane_create(const struct lane_config *config);

/*
 * Take a body (also on failure) that holds `records`. on_done follows, not on this stack.
 * PARLEY_E_BUSY: the queue is full; PARLEY_E_UNAVAILABLE: the lane rests.
 */
int lane_send(struct lane *lane, struct body take_body, uint64_t records, lane_on_done on_done,
              void *ctx, struct parley_error *err);

/* Try what waits once, now, and give it up when that fails. */
void lane_hurry(struct lane *lane);

/* The worker stops: what waits is done with PARLEY_E_CANCELLED, on this stack; the request in
 * flight is given up and is not heard of again. Frees the lane. NULL is fine. */
void lane_close(struct lane *lane);

#endif
