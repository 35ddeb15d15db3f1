/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include "lines.h"
#include "message.h"
#include "quota.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES      65536
#define MAX_QUEUE       ((size_t)16 << 20) /* of what a slow child has not read */
#define MAX_WORDS       4096               /* of one line on standard error */
#define MAX_GARBAGE_RUN 1000

struct process {
    struct process_config config;
    struct reaper *reaper;
    struct child child; /* pid 0: none */
    struct parley_fdwatch *in;
    struct parley_fdwatch *out;
    struct parley_fdwatch *err;
    struct parley_timer *later; /* what must not be told on the client's own stack */
    struct text queue;
    struct lines messages;
    struct lines words;
    struct quota garbage;
    struct quota chatter;
    unsigned garbage_run; /* lines in a row that were no message */
    bool is_initialized_due;
};

#define LOG(p, level, ...)                                                                         \
    (p)->config.around.host->log((p)->config.around.handle, PARLEY_LOG_##level, __VA_ARGS__)

/* ---- the end of the child ---- */

static void shut(struct process *p, struct parley_fdwatch **watch, int *fd)
{
    p->config.fdwatch->unwatch(*watch);
    *watch = NULL;
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* What the last child had not read, or not finished saying. */
static void drop_bytes(struct process *p)
{
    p->is_initialized_due = false;
    p->garbage_run = 0;
    text_done(&p->queue);
    lines_done(&p->messages);
    lines_done(&p->words);
}

/* Its input ends first: a server in good order then goes by itself. */
static void close_child(void *data)
{
    struct process *p = data;

    if (p->child.pid == 0)
        return;
    shut(p, &p->in, &p->child.in);
    shut(p, &p->out, &p->child.out);
    shut(p, &p->err, &p->child.err);
    reaper_take(p->reaper, p->child.pid);
    p->child.pid = 0;
    drop_bytes(p);
}

static void go_down(struct process *p, const char *why)
{
    close_child(p);
    p->config.events->on_down(p->config.ctx, why);
}

/* ---- what it says ---- */

static void on_message_line(void *ctx, struct parley_view line)
{
    struct process *p = ctx;

    if (p->child.pid == 0 || line.len == 0)
        return;
    json_t *tree = json_loadb(line.data, line.len, 0, NULL);
    if (json_is_array(tree) || json_object_get(tree, "jsonrpc") != NULL) {
        p->garbage_run = 0;
        p->config.events->on_message(p->config.ctx, tree);
    } else {
        p->garbage_run++;
        quota_log(&p->garbage, &p->config.around, PARLEY_LOG_INFO,
                  "the MCP server wrote a line that is no message", line);
    }
    json_decref(tree);
}

static void on_message_too_long(void *ctx)
{
    struct process *p = ctx;

    p->garbage_run = MAX_GARBAGE_RUN; /* whose answer it was cannot be told: begin anew */
    LOG(p, WARN, "the MCP server wrote a message of more than 4 MiB");
}

static void on_word_line(void *ctx, struct parley_view line)
{
    struct process *p = ctx;

    if (line.len > 0)
        quota_log(&p->chatter, &p->config.around, PARLEY_LOG_INFO, "the MCP server says", line);
}

static const struct lines_events message_events = {on_message_line, on_message_too_long};
static const struct lines_events word_events = {.on_line = on_word_line};

/* Returns what read() did; -1 with EAGAIN: nothing yet. */
static ssize_t read_into(struct process *p, int fd, struct lines *lines,
                         const struct lines_events *events)
{
    char bytes[READ_BYTES];
    ssize_t len = read(fd, bytes, sizeof(bytes));

    if (len > 0)
        lines_feed(lines, (struct parley_view){bytes, (size_t)len}, events, p);
    else if (len == 0)
        lines_end(lines, events, p);
    return len;
}

static bool is_over(ssize_t len)
{
    return len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR);
}

static void on_output(void *ctx, uint32_t events)
{
    struct process *p = ctx;

    (void)events;
    ssize_t len = read_into(p, p->child.out, &p->messages, &message_events);
    if (p->child.pid == 0)
        return; /* a message made the client end it */
    if (is_over(len))
        go_down(p, "its process has ended, or closed its standard output");
    else if (p->garbage_run >= MAX_GARBAGE_RUN)
        go_down(p, "it writes what is no message to its standard output");
}

/* Always drained, or a talkative server would stand still. Its end means nothing. */
static void on_error_output(void *ctx, uint32_t events)
{
    struct process *p = ctx;

    (void)events;
    if (is_over(read_into(p, p->child.err, &p->words, &word_events)))
        shut(p, &p->err, &p->child.err);
}

/* ---- what it is told ---- */

/* write() without SIGPIPE, whatever the program has set for it. */
static ssize_t write_quietly(int fd, const char *bytes, size_t len)
{
    const struct timespec at_once = {0};
    sigset_t pipe_signal, before;

    (void)sigemptyset(&pipe_signal);
    (void)sigaddset(&pipe_signal, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    ssize_t n = write(fd, bytes, len);
    int error = errno;
    if (n < 0 && error == EPIPE)
        (void)sigtimedwait(&pipe_signal, NULL, &at_once);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return n;
}

/* As much as it takes now. A closed pipe is seen at the other one, too, which says so. */
static void flush(struct process *p)
{
    while (p->queue.len > 0) {
        ssize_t n = write_quietly(p->child.in, p->queue.data, p->queue.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            text_clear(&p->queue);
        if (n < 0)
            break;
        text_consume(&p->queue, (size_t)n);
    }
    p->config.fdwatch->change(p->in, p->queue.len > 0 ? PARLEY_FD_WRITE : 0);
}

static void on_input(void *ctx, uint32_t events)
{
    (void)events;
    flush(ctx);
}

static void on_later(void *ctx)
{
    struct process *p = ctx;
    bool is_due = p->is_initialized_due && p->child.pid != 0;

    p->is_initialized_due = false;
    if (is_due)
        p->config.events->on_initialized(p->config.ctx);
}

static int send_message(void *data, const struct link_message *message, struct parley_error *err)
{
    static const struct parley_view end = PARLEY_VIEW("\n");
    struct process *p = data;
    const struct parley_view text = {message->text, strlen(message->text)};

    if (p->child.pid == 0)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "its process has ended");
    if (text.len + p->queue.len >= MAX_QUEUE || !text_append(&p->queue, text, MAX_QUEUE) ||
        !text_append(&p->queue, end, MAX_QUEUE))
        return parley_fail(err, PARLEY_E_BUSY, "it does not read what it is sent");
    flush(p);
    if (message->purpose == LINK_INITIALIZED) { /* one pipe: nothing can overtake it */
        p->is_initialized_due = true;
        p->config.around.timer->start(p->later, 0);
    }
    return PARLEY_OK;
}

/* ---- the link ---- */

static int watch_child(struct process *p, struct parley_error *err)
{
    const struct parley_service_fdwatch *s = p->config.fdwatch;
    struct parley_worker *worker = p->config.around.worker;
    int r = s->watch(worker, p->child.out, PARLEY_FD_READ, on_output, p, &p->out, err);

    if (r == PARLEY_OK)
        r = s->watch(worker, p->child.err, PARLEY_FD_READ, on_error_output, p, &p->err, err);
    if (r == PARLEY_OK)
        r = s->watch(worker, p->child.in, 0, on_input, p, &p->in, err);
    return r;
}

static int open_child(void *data, struct parley_error *err)
{
    struct process *p = data;

    close_child(p);
    drop_bytes(p);
    int r = child_start(&p->config.command, &p->child, err);
    if (r < 0)
        return r;
    LOG(p, DEBUG, "the MCP server was started pid=%d", (int)p->child.pid);
    r = watch_child(p, err);
    if (r < 0)
        close_child(p);
    return r;
}

static void forget(void *data, uint64_t request)
{
    (void)data; /* a late answer finds nobody */
    (void)request;
}

static void set_version(void *data, const char *version)
{
    (void)data; /* only HTTP says it with every message */
    (void)version;
}

static void destroy(void *data)
{
    struct process *p = data;

    if (p == NULL)
        return;
    close_child(p);
    drop_bytes(p);
    p->config.around.timer->destroy(p->later);
    reaper_destroy(p->reaper);
    free(p);
}

static const struct link_vtable vtable = {
    .open = open_child,
    .send = send_message,
    .forget = forget,
    .set_version = set_version,
    .close = close_child,
    .destroy = destroy,
};

struct link process_link(struct process *p)
{
    return (struct link){&vtable, p};
}

struct process *process_create(const struct process_config *config)
{
    struct process *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->config = *config;
    p->child = (struct child){0, -1, -1, -1};
    p->messages.limit = MESSAGE_MAX_BYTES;
    p->words.limit = MAX_WORDS;
    p->later = config->around.timer->create(config->around.worker, on_later, p);
    p->reaper = reaper_create(&config->around, config->orphans);
    if (p->later != NULL && p->reaper != NULL)
        return p;
    destroy(p);
    return NULL;
}
