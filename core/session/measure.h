/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics of a session. Events and audio are counted in plain members of the session and
 * published now and then; points that are needed often are looked up once, at the start. Without a
 * recorder every function does nothing.
 */
#ifndef SESSION_MEASURE_H
#define SESSION_MEASURE_H

#include "telemetry/metrics.h"

#include <stdbool.h>
#include <stdint.h>

struct session;
struct tools_result;
struct turn;
struct rt_usage;

#define MEASURE_EACH 256 /* events of one side between two publications */

enum measure_kind { MEASURE_HOT, MEASURE_KNOWN, MEASURE_UNKNOWN, MEASURE_KIND_COUNT };

struct measure {
    bool is_open; /* counted among the active sessions */
    struct metric_point *active;
    struct metric_point *response_latency;
    struct metric_point *model_latency;
    struct metric_point *stop_latency;
    struct metric_point *agent_duration;
    struct metric_point *answer_duration;
    struct metric_point *audio_in;
    struct metric_point *audio_out;
    struct metric_point *events_in[MEASURE_KIND_COUNT];
    struct metric_point *events_out[MEASURE_KIND_COUNT];
    /* What was published of the session's counts. */
    uint64_t input_bytes;
    uint64_t output_bytes;
    uint64_t in[MEASURE_KIND_COUNT];
    uint64_t out[MEASURE_KIND_COUNT];
};

/* The session is open and has its model's names. */
void measure_begin(struct session *s);
/* It has ended; the first reason counts: client, idle, limit, error, shutdown. */
void measure_end(struct session *s, const char *reason);

/* Events and audio up to now. */
void measure_publish(struct session *s);

/* Audio that the client was too slow for. */
void measure_dropped(struct session *s, uint64_t bytes);

void measure_turn(struct session *s, const struct turn *t, const char *end_reason, uint64_t end_us);
/* failure: an error's short name, or NULL. */
void measure_answer(struct session *s, uint64_t took_us, const char *failure);
void measure_usage(struct session *s, const struct rt_usage *usage);
void measure_tool(struct session *s, const char *name, uint64_t took_us, const char *failure);
void measure_connect(struct session *s, uint64_t took_us, const char *failure);
/* The same of a model that does not answer for the session yet. */
void measure_connect_of(struct session *s, const char *provider, uint64_t took_us,
                        const char *failure);
/* Another model's session answers from now on; reason: "error", "limit" ... */
void measure_moved(struct session *s, const char *reason);
void measure_model_error(struct session *s, const char *code);
void measure_store(struct session *s, const char *operation, uint64_t took_us, int status);
/* Records that the store never gets. */
void measure_store_lost(struct session *s, uint64_t records);

#endif
