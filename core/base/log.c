/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/clock.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048 /* below PIPE_BUF, so that lines of threads do not mix */

static _Atomic int current_level = LOG_LEVEL_INFO;
static atomic_uint lost_count;
static log_sink current_sink;
static void *current_ctx;
static _Atomic(log_tap) current_tap;

static const char *const names[] = {"error", "warn", "info", "debug"};

void log_set_level(enum log_level level)
{
    atomic_store(&current_level, (int)level);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

void log_set_sink(log_sink sink, void *ctx)
{
    current_sink = sink;
    current_ctx = ctx;
}

void log_set_tap(log_tap tap)
{
    atomic_store(&current_tap, tap);
}

bool log_level_parse(const char *name, enum log_level *ret)
{
    for (int i = 0; i <= LOG_LEVEL_DEBUG; i++) {
        if (strcmp(name, names[i]) == 0) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static int prefix(char *out, size_t size, enum log_level level)
{
    static const int syslog_level[] = {3, 4, 6, 7};

    if (getenv("JOURNAL_STREAM") != NULL)
        return snprintf(out, size, "<%d>", syslog_level[level]);
    uint64_t us = clock_unix_us();
    time_t seconds = (time_t)(us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t len = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
    return (int)len +
           snprintf(out + len, size - len, ".%03dZ %-5s ", (int)(us / 1000 % 1000), names[level]);
}

/* A line stays one line: what could forge another, or drive a terminal, is shown as '?'. */
static void make_printable(char *line)
{
    for (char *c = line; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = *c == '\n' || *c == '\t' ? ' ' : '?';
    }
}

/* A pipe that is ready takes PIPE_BUF bytes without waiting; a file always is. */
static bool is_ready(void)
{
    struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};

    return poll(&fd, 1, 0) != 0;
}

static void write_bytes(const char *line, size_t len)
{
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written; /* nowhere to report that the log cannot be written */
}

/* A worker must not wait for whoever reads the log: lines are left out, and counted, until it does.
 */
static void write_line(const char *line, size_t len)
{
    char notice[96];

    if (!is_ready()) {
        atomic_fetch_add(&lost_count, 1);
        return;
    }
    unsigned lost = atomic_exchange(&lost_count, 0);
    if (lost > 0) {
        int n = prefix(notice, sizeof(notice), LOG_LEVEL_WARN);
        n += snprintf(notice + n, sizeof(notice) - (size_t)n,
                      "the log was read too slowly lines_lost=%u\n", lost);
        write_bytes(notice, (size_t)n);
    }
    write_bytes(line, len);
}

__attribute__((format(printf, 3, 0))) static void
write_event(enum log_level level, const char *event, const char *format, va_list args)
{
    char line[LINE_MAX_BYTES];

    if (!log_enabled(level))
        return;
    int start = current_sink != NULL ? 0 : prefix(line, sizeof(line), level);
    int len = vsnprintf(line + start, sizeof(line) - (size_t)start - 1, format, args);
    if (len < 0)
        return;
    make_printable(line + start);
    log_tap tap = atomic_load_explicit(&current_tap, memory_order_acquire);
    if (tap != NULL)
        tap(level, event, line + start);
    if (current_sink != NULL) {
        current_sink(current_ctx, level, line);
        return;
    }
    size_t total = strlen(line);
    line[total++] = '\n';
    write_line(line, total);
}

void log_vwrite(enum log_level level, const char *format, va_list args)
{
    write_event(level, "", format, args);
}

void log_write(enum log_level level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_vwrite(level, format, args);
    va_end(args);
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_event(level, event, format, args);
    va_end(args);
}
