/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exporter over OTLP/HTTP as a plugin's worker instance: batches are encoded and sent, one lane
 * for each signal, and every delivery ends once. What distinguishes one plugin from another is
 * where it sends, with which headers, and how it dresses spans for its destination. Thread: the
 * worker's.
 */
#ifndef PARTS_OTLP_SENDER_H
#define PARTS_OTLP_SENDER_H

#include "arena.h"
#include "encode.h"
#include "headers.h"

#include <parley/exporter.h>
#include <parley/host.h>

#include <stdbool.h>

/* The spans of a batch as a destination wants them, in memory of the arena; *ret_count may be less
 * than there were. NULL without memory. */
typedef struct parley_span *(*sender_dress)(void *ctx, const struct parley_batch *batch,
                                            struct arena *arena, uint32_t *ret_count);

/* A log record as a destination wants it, sent by itself: the bytes are to be freed, and NULL where
 * it has no use for the record. False without memory. */
typedef bool (*sender_write_log)(const struct parley_batch *batch,
                                 const struct parley_log_record *record, struct body *ret);

/* What one signal has of its own; NULL or 0: as all. */
struct sender_own {
    const struct headers *headers; /* with those that sender_add_headers() adds */
    bool is_gzip;                  /* with headers */
    int64_t timeout_ms;
    const char *ca_file;
    const char *client_cert_file;
    const char *client_key_file;
};

/* What it points to must outlive the sender. */
struct sender_config {
    const struct parley_host *host;
    const void *handle;      /* for the log */
    const char *name;        /* of the instance; needed with_delta */
    const char *traces_url;  /* NULL: spans are not sent */
    const char *metrics_url; /* NULL: metrics are not sent */
    const char *logs_url;    /* NULL: log records are not sent */
    const struct headers *headers;
    bool is_gzip; /* the headers must say so */
    bool with_content;
    bool with_exponential; /* as in encode.h */
    bool with_delta;       /* counters and histograms as changes since the last report */
    int64_t timeout_ms;
    int64_t max_queue_bytes;
    const char *ca_file;
    const char *client_cert_file; /* NULL or "": none */
    const char *client_key_file;
    const char *credential; /* whose tokens are shown; NULL or "": none */
    const char *scope;
    struct sender_own traces;
    struct sender_own metrics;
    struct sender_own logs;
    sender_dress dress;         /* NULL: spans go as they are */
    sender_write_log write_log; /* NULL: log records go as they are */
    void (*hurry)(void *ctx);   /* parley is stopping; NULL: nothing to do */
    void (*stop)(void *ctx);    /* the worker stops, or sender_create() fails; likewise */
    void *ctx;
};

struct sender;

/* "http://host:4318/" and "/v1/traces" without a doubled slash, to be freed; NULL without memory.
 */
char *sender_url(const char *endpoint, const char *path);

/* Is it an address that may be logged? INVALID with the option's name otherwise. */
int sender_check_url(const char *option, const char *url, struct parley_error *err);
/* Likewise, and may a path be appended? */
int sender_check_base(const char *option, const char *url, struct parley_error *err);

/* Content-Type, User-Agent and, for gzip, Content-Encoding. False without memory or room. */
bool sender_add_agent(struct headers *headers, const struct parley_host *host, const char *type);
bool sender_add_headers(struct headers *headers, const struct parley_host *host, bool is_gzip);

/* At worker_start. UNSUPPORTED: a host without HTTP or timers. */
int sender_create(const struct sender_config *config, struct parley_worker *worker,
                  struct sender **ret, struct parley_error *err);

/* The role's table for a plugin whose worker instance is its sender, and its worker_stop. */
extern const struct parley_exporter_vtable sender_vtable;
void sender_stop(void *worker_instance);

#endif
