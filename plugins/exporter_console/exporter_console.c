/* SPDX-License-Identifier: Apache-2.0 */
/* One line for each turn, and for each log record if wanted, on a terminal or in a file. The
 * smallest useful exporter. */
#include "line.h"
#include "record.h"

#include <parley/exporter.h>
#include <parley/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum format { FORMAT_TEXT, FORMAT_JSON };
enum output { OUTPUT_STDERR, OUTPUT_STDOUT };
enum colours { COLOURS_AUTO, COLOURS_YES, COLOURS_NO };

struct config {
    int32_t format; /* enum format */
    int32_t output; /* enum output */
    const char *file;
    int32_t colours; /* enum colours */
    int32_t content;
    int32_t logs;
};

struct console {
    const struct parley_host *host;
    const struct config *config;
    const void *handle;
    const struct parley_exporter_host *exporter;
    int fd;
    bool owns_fd;
    bool with_colours;
    uint64_t lost; /* lines that could not be written, not told yet */
    struct turns turns;
};

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)err;
    *ret_plugin = (void *)(uintptr_t)host; /* constant, and handed back as such below */
    return PARLEY_OK;
}

/* Can lines be added to it? It is not made here, where --check comes, too. */
static bool is_writable(const char *path)
{
    char folder[PATH_MAX];
    struct stat info;

    if (stat(path, &info) == 0) {
        errno = S_ISDIR(info.st_mode) ? EISDIR : 0;
        return errno == 0 && access(path, W_OK) == 0;
    }
    if (errno != ENOENT || snprintf(folder, sizeof(folder), "%s", path) >= (int)sizeof(folder))
        return false;
    return access(dirname(folder), W_OK | X_OK) == 0;
}

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    const struct config *config = info->config;

    if (config->logs && config->format != FORMAT_JSON)
        return parley_fail(err, PARLEY_E_INVALID,
                           "logs: as text they are on standard error already; write format = json, "
                           "or leave logs out");
    if (config->file[0] != '\0' && !is_writable(config->file))
        return parley_fail(err, PARLEY_E_INVALID,
                           "file: nothing can be written to %s: %s; name a file in a folder that "
                           "parley's user may write to",
                           config->file, strerror(errno));
    struct console *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    c->host = plugin;
    c->config = config;
    c->handle = info->handle;
    c->fd = -1;
    *ret_instance = c;
    return PARLEY_OK;
}

static void instance_destroy(void *instance)
{
    free(instance);
}

static bool wants_colours(const struct console *c)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    if (c->config->format == FORMAT_JSON || c->config->colours == COLOURS_NO)
        return false;
    if (c->config->colours == COLOURS_YES)
        return true;
    return isatty(c->fd) && (no_color == NULL || no_color[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

static int worker_start(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                        struct parley_error *err)
{
    struct console *c = instance;

    (void)worker;
    c->owns_fd = c->config->file[0] != '\0';
    c->fd = c->config->output == OUTPUT_STDOUT ? STDOUT_FILENO : STDERR_FILENO;
    if (c->owns_fd) {
        c->fd = open(c->config->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
        if (c->fd < 0)
            return parley_fail(err, PARLEY_E_UNAVAILABLE, "file %s: %s", c->config->file,
                               strerror(errno));
    }
    c->with_colours = wants_colours(c);
    *ret_worker_instance = c;
    return PARLEY_OK;
}

static void worker_stop(void *worker_instance)
{
    struct console *c = worker_instance;

    if (c->owns_fd && close(c->fd) < 0)
        c->host->log(c->handle, PARLEY_LOG_WARN, "console file not closed cleanly error=\"%s\"",
                     strerror(errno));
    c->fd = -1;
}

static void attach(void *worker_instance, struct parley_worker *worker,
                   const struct parley_exporter_host *host)
{
    struct console *c = worker_instance;

    (void)worker;
    c->exporter = host;
}

/* A reader that does not read must not hold up the other exporters: what would block is lost. A
 * line is shorter than PIPE_BUF, so that a pipe that is ready takes it whole. */
static bool write_line(struct console *c, char line[LINE_SIZE + 1])
{
    struct pollfd ready = {.fd = c->fd, .events = POLLOUT};
    size_t len = strlen(line);

    if (len == 0 || poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0)
        return false;
    line[len] = '\n';
    return write(c->fd, line, len + 1) == (ssize_t)(len + 1);
}

static void show(struct console *c, const struct turn *turn)
{
    char line[LINE_SIZE + 1];

    if (c->config->format == FORMAT_JSON)
        line_json(turn, line);
    else
        line_text(turn, c->with_colours, line);
    if (!write_line(c, line))
        c->lost++;
}

static void show_record(struct console *c, const struct parley_batch *batch, uint32_t i)
{
    char line[LINE_SIZE + 1];

    record_json(batch, i, line);
    if (!write_line(c, line))
        c->lost++;
}

static int deliver(void *worker_instance, const struct parley_batch *batch, parley_op op,
                   struct parley_error *err)
{
    struct console *c = worker_instance;

    (void)err;
    for (uint32_t i = 0; i < batch->span_count; i++) {
        const struct parley_span *span =
            (const void *)((const char *)batch->spans + (size_t)i * batch->span_size);
        const struct turn *turn = turns_add(&c->turns, span, c->config->content != 0);
        if (turn != NULL)
            show(c, turn);
    }
    for (uint32_t i = 0; i < batch->log_count && c->config->logs; i++)
        show_record(c, batch, i);
    bool has_something = batch->span_count > 0 || (batch->log_count > 0 && c->config->logs);
    c->exporter->end(op, has_something ? PARLEY_OK : PARLEY_EXPORT_NOTHING, c->lost, NULL);
    c->lost = 0;
    return PARLEY_OK;
}

#define C struct config
static const struct parley_option options[] = {
    PARLEY_ENUM(C, format, .values = "text|json", .default_value = "text",
                .help = "A line for people, or a JSON object for programs."),
    PARLEY_ENUM(C, output, .values = "stderr|stdout", .default_value = "stderr",
                .help = "Where lines go when there is no file."),
    PARLEY_PATH(C, file, .example = "/var/log/parley/turns.log",
                .help = "File that lines are appended to; a reload opens it anew."),
    PARLEY_ENUM(C, colours, .values = "auto|yes|no", .default_value = "auto",
                .help = "Colours; auto uses them on a terminal."),
    PARLEY_BOOL(C, content, .default_value = "no",
                .help = "Show what was said, where telemetry captures it."),
    PARLEY_BOOL(C, logs, .default_value = "no",
                .help = "Write log records, too; with format = json."),
};

static const struct parley_exporter_vtable exporter_vtable = {
    .size = sizeof(exporter_vtable),
    .attach = attach,
    .deliver = deliver,
};

static const struct parley_role roles[] = {{PARLEY_ROLE_EXPORTER, &exporter_vtable}};

static const struct parley_plugin plugin = {
    .size = sizeof(plugin),
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "exporter_console",
    .version = "0.1.0",
    .summary = "Writes one readable line for each turn, and log records as JSON.",
    .licence = "Apache-2.0",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .option_size = sizeof(options[0]),
    .config_size = sizeof(struct config),
    .roles = roles,
    .role_count = 1,
    .role_size = sizeof(roles[0]),
    .load = load,
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};

const struct parley_plugin *parley_plugin_v1(void)
{
    return &plugin;
}
