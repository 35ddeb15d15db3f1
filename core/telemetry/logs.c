/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/logs.h"

#include "base/clock.h"
#include "base/str.h"
#include "telemetry/recorder.h"

#include <pthread.h>
#include <string.h>

/* Who takes this thread's lines. */
static _Thread_local struct {
    struct telemetry_recorder *recorder;
    struct logs_finder finder;
    bool is_muted;
} mine;

static _Atomic int most_level = LOG_LEVEL_DEBUG;

/* For threads without a recorder, which may wait for each other. */
static struct {
    pthread_mutex_t lock;
    struct telemetry *telemetry; /* NULL: nobody takes them */
    struct log_ring *ring;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The value of session= in a line, or an empty view. */
static struct parley_view session_of(const char *line)
{
    static const char key[] = " session=";
    const char *at = strstr(line, key);

    if (at == NULL)
        return VIEW("");
    at += sizeof(key) - 1;
    return (struct parley_view){at, strcspn(at, " ")};
}

static void find_context(const char *line, struct trace_context *ret)
{
    struct parley_view session = mine.finder.find == NULL ? VIEW("") : session_of(line);

    if (session.len > 0)
        (void)mine.finder.find(mine.finder.ctx, session, ret); /* none: it stays zeroed */
}

static void push(struct telemetry *t, struct log_ring *ring, const struct log_entry *entry,
                 const char *line)
{
    (void)log_ring_push(ring, entry, line); /* what does not fit is counted there */
    if (log_ring_used(ring) > LOG_RING_BYTES / 2)
        telemetry_wake(t);
}

static void push_shared(const struct log_entry *entry, const char *line)
{
    pthread_mutex_lock(&shared.lock);
    if (shared.telemetry != NULL)
        push(shared.telemetry, shared.ring, entry, line);
    pthread_mutex_unlock(&shared.lock);
}

static void take_line(enum log_level level, const char *event, const char *line)
{
    struct log_entry entry = {
        .now_us = clock_now_us(), .event = event, .level = level, .len = (uint32_t)strlen(line)};

    if (mine.is_muted || (int)level > atomic_load_explicit(&most_level, memory_order_relaxed))
        return;
    if (mine.recorder == NULL) {
        push_shared(&entry, line);
        return;
    }
    find_context(line, &entry.context);
    push(mine.recorder->telemetry, &mine.recorder->lines, &entry, line);
}

void logs_attach(struct telemetry_recorder *r, const struct logs_finder *finder)
{
    if (r == NULL || r->lines.bytes == NULL)
        return;
    mine.recorder = r;
    if (finder != NULL)
        mine.finder = *finder;
}

void logs_detach(void)
{
    mine.recorder = NULL;
    mine.finder = (struct logs_finder){0};
}

void logs_mute(void)
{
    mine.is_muted = true;
}

void logs_begin(struct telemetry *t, struct log_ring *ring, enum log_level most)
{
    atomic_store(&most_level, (int)most);
    pthread_mutex_lock(&shared.lock);
    shared.telemetry = t;
    shared.ring = ring;
    pthread_mutex_unlock(&shared.lock);
    log_set_tap(take_line);
}

void logs_end(const struct telemetry *t)
{
    pthread_mutex_lock(&shared.lock);
    if (shared.telemetry == t) {
        log_set_tap(NULL);
        shared.telemetry = NULL;
        shared.ring = NULL;
    }
    pthread_mutex_unlock(&shared.lock);
}
