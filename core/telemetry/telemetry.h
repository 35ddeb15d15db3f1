/* SPDX-License-Identifier: Apache-2.0 */
/*
 * telemetry/ owns what operators learn about sessions: spans (span.h), metrics (metrics.h) and log
 * records (logs.h), in OpenTelemetry's model with the names of names.h and metrics.def. It does not
 * know exporters: finished batches go to a sink that the host gives, each of one signal.
 *
 * Each worker records through its own recorder: no lock, no system call; spans go through a bounded
 * ring to the telemetry thread's loop, and what does not fit is dropped and counted. The recording
 * functions accept a NULL recorder and record nothing.
 */
#ifndef TELEMETRY_TELEMETRY_H
#define TELEMETRY_TELEMETRY_H

#include "base/log.h"
#include "telemetry/redact.h"
#include "telemetry/resource.h"
#include "telemetry/sampling.h"

#include <parley/error.h>
#include <parley/exporter.h>

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct metrics_snapshot;
struct telemetry;
struct telemetry_recorder;

#define TELEMETRY_MAX_RECORDERS 256

/* Who delivers batches. */
struct telemetry_sink {
    /* The batch is borrowed until return. Thread: the telemetry loop's. */
    void (*deliver)(void *ctx, const struct parley_batch *batch);
    void *ctx;
};

/* What a span holds at most; what is cut is counted in it. */
struct span_limits {
    uint32_t attrs;       /* up to SPAN_MAX_ATTRS */
    uint32_t events;      /* up to SPAN_MAX_EVENTS */
    size_t value_bytes;   /* of one string */
    size_t content_bytes; /* of one string that is content */
};
extern const struct span_limits span_default_limits;

/* What sessions do with W3C Trace Context. */
enum telemetry_joining {
    TELEMETRY_JOIN,  /* a client's trace goes on, and others are told of it */
    TELEMETRY_BEGIN, /* a client's is passed over; others are told of the one that begins here */
    TELEMETRY_ALONE, /* nor are others told */
};

/* Zero or NULL takes the default. */
struct telemetry_config {
    struct telemetry_sink sink;
    int64_t batch_ms;     /* longest wait of a finished span; 1000 */
    int64_t logs_ms;      /* ... and of a line of the log; batch_ms */
    int64_t metrics_ms;   /* between two reports of metrics; 60000 */
    uint32_t ring_size;   /* finished spans that wait per recorder; 2048 */
    uint32_t batch_size;  /* most spans of one batch; 512 */
    uint32_t batch_lines; /* most lines of the log of one batch; 512 */
    enum telemetry_joining joining;
    bool has_no_spans;     /* a client's trace context goes on as it came */
    bool keeps_share;      /* its thread: of a busy processor; else only where it is idle */
    bool captures_content; /* keep what people said and tools returned */
    const struct sampling *sampling; /* copied; everything is exported without it */
    struct redact *redact;           /* taken, also on failure; NULL: nothing is blotted out */
    bool records_logs;               /* keep lines of the log, too */
    enum log_level log_level;        /* ... of this level and more urgent ones */
    struct resource_facts resource;
    const struct span_limits *limits; /* copied */
};

/* The loop is borrowed and must outlive it; nothing runs before telemetry_start(). */
int telemetry_create(const struct telemetry_config *config, struct loop *loop,
                     struct telemetry **ret, struct parley_error *err);

/* After the loop and every recording thread has ended. Returns NULL. */
struct telemetry *telemetry_destroy(struct telemetry *t);

/* Begin to batch. Thread: the loop's, or before it runs. */
void telemetry_start(struct telemetry *t);

/* Deliver what waits, metrics included, and stop batching. Thread: the loop's. */
void telemetry_flush(struct telemetry *t);

/* Call loop_run() on a thread of its own, and end that again: loop_stop() and join. */
int telemetry_spawn(struct telemetry *t, struct parley_error *err);
void telemetry_join(struct telemetry *t);

/*
 * A recorder for one thread; lives as long as the telemetry. NULL when there are too many, or
 * without memory. Thread: main, before the recording starts.
 */
struct telemetry_recorder *telemetry_recorder_create(struct telemetry *t);

/* Will it keep what people say? False for NULL. */
bool telemetry_captures_content(const struct telemetry_recorder *r);

/* JOIN for NULL. */
enum telemetry_joining telemetry_joining(const struct telemetry_recorder *r);

/* Beyond which time an answer is slow, and its turn is kept for that; 0 for none, and for NULL. */
uint64_t telemetry_slow_us(const struct telemetry_recorder *r);

/* The telemetry thread's own. */
struct telemetry_recorder *telemetry_own_recorder(struct telemetry *t);

/* What became of a batch that the sink was given: `exporter` is the instance's name, `lost` those
 * of its records that were given up, and `error` a word for why. Thread: the loop's. */
enum telemetry_signal { SIGNAL_SPANS, SIGNAL_METRICS, SIGNAL_LOGS };
void telemetry_note_exported(struct telemetry *t, const char *exporter,
                             enum telemetry_signal signal, uint64_t records, uint64_t lost,
                             const char *error);

/* Values of all recorders, summed; to be freed by metrics_snapshot_free(). Thread: any. */
struct metrics_snapshot *telemetry_snapshot(struct telemetry *t);

#endif
