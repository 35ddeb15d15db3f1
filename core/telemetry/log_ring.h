/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded queue of log lines from one thread to another: bytes, without locks or allocations. */
#ifndef TELEMETRY_LOG_RING_H
#define TELEMETRY_LOG_RING_H

#include "base/log.h"
#include "telemetry/trace_context.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_RING_BYTES     (64u << 10) /* a power of two */
#define LOG_RING_TEXT_SIZE 2048        /* a line with its NUL; longer ones are cut */

/* What is known of a line besides its text. */
struct log_entry {
    uint64_t now_us;
    const char *event; /* a literal, "" for a plain line */
    enum log_level level;
    uint32_t len;                 /* of the text */
    struct trace_context context; /* zeroed: of no trace */
};

struct log_ring {
    char *bytes;
    alignas(64) atomic_size_t pushed; /* bytes; written by the producer */
    atomic_uint_fast64_t refused;     /* lines that found no room */
    alignas(64) atomic_size_t popped; /* written by the consumer */
};

/* False without memory. */
bool log_ring_init(struct log_ring *r);
void log_ring_done(struct log_ring *r);

/* Copy entry->len bytes of text. False, and counted, when there is no room. Thread: the producer.
 */
bool log_ring_push(struct log_ring *r, const struct log_entry *entry, const char *text);

/* The oldest line; text gets its end. False when it is empty. Thread: the consumer. */
bool log_ring_pop(struct log_ring *r, struct log_entry *ret_entry, char text[LOG_RING_TEXT_SIZE]);

/* Bytes that wait, as the caller may see it now. Thread: either. */
size_t log_ring_used(const struct log_ring *r);

/* How many were refused since the last call. Thread: the consumer. */
uint64_t log_ring_take_refused(struct log_ring *r);

#endif
