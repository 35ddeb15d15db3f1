/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per event on standard error: time, level, what happened, then key=value fields. Under
 * systemd the line starts with the level in its notation instead of the time.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

/* The same numbers as PARLEY_LOG_... */
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Takes a finished line without its end; called on the thread that logs. */
typedef void (*log_sink)(void *ctx, enum log_level level, const char *line);

/*
 * Also takes every line, with the name of the event that it tells of ("": of none). Called on the
 * thread that logs, which may be any; must neither block nor log.
 */
typedef void (*log_tap)(enum log_level level, const char *event, const char *line);

void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* Replace standard error (tests, JSON); NULL goes back to it. Not while other threads log. */
void log_set_sink(log_sink sink, void *ctx);

/* Set the tap, or take it away with NULL. Thread: any; a line on its way may still reach the old
 * one. */
void log_set_tap(log_tap tap);

/* "error", "warn", "info" or "debug"; false for anything else. */
bool log_level_parse(const char *name, enum log_level *ret);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_vwrite(enum log_level level, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* A line that is an event with a name, a literal, for whoever counts events rather than reads. */
void log_event(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
    do {                                                                                           \
        if (log_enabled(LOG_LEVEL_DEBUG))                                                          \
            log_write(LOG_LEVEL_DEBUG, __VA_ARGS__);                                               \
    } while (0)

#endif
