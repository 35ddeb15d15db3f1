/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the log as log records: severity, and what their key=value fields say as attributes. */
#ifndef TELEMETRY_LOG_LINES_H
#define TELEMETRY_LOG_LINES_H

#include "telemetry/log_ring.h"
#include "telemetry/redact.h"

#include <parley/exporter.h>

#include <stdbool.h>

#define LOG_LINE_MAX_ATTRS 10

struct log_line {
    struct log_entry entry;
    char *text; /* valid UTF-8, owned */
    size_t len;
    uint32_t attr_count;
    struct parley_attr attrs[LOG_LINE_MAX_ATTRS]; /* their strings are parts of the text */
};

/* Take a line's text apart, without what redact (NULL: nothing) blots out. False without memory. */
bool log_line_init(struct log_line *l, const struct log_entry *entry, const char *text,
                   const struct redact *redact);
void log_line_done(struct log_line *l);

/* The record, which borrows of the line. */
struct parley_log_record log_line_record(const struct log_line *l, uint64_t unix_ns);

#endif
