/* SPDX-License-Identifier: Apache-2.0 */
/* parleyctl telemetry test: does what a configuration exports arrive? */
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "ctl/args.h"
#include "ctl/command.h"
#include "ctl/local.h"
#include "ctl/telemetry_probe.h"
#include "ctl/term.h"
#include "host/exporter.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIGNALS        3
#define DEFAULT_WAIT_S 10
#define LONGEST_WAIT_S 30   /* EXPORTER_TIMEOUT_MS comes later */
#define LAST_TRY_MS    5000 /* after the wait, when all were told to hurry */

static const char help[] =
    "usage: parleyctl telemetry test -c FILE [options]\n"
    "\n"
    "Sends one span, one point of a metric and one log record through every [exporter ...] that "
    "is\n"
    "switched on, and reports what became of each. They carry a mark, the id of their trace, "
    "which\n"
    "is printed: look for it at the destination, as trace id or as the attribute parley.test.\n"
    "\n"
    "  -c, --config FILE         the INI file\n"
    "  -e, --environment ENV     with FILE.ENV's values over it\n"
    "      --exporter NAME       only this [exporter NAME]\n"
    "      --timeout SECONDS     how long a destination has to answer (default 10, at most 30)\n"
    "      --json                {mark, results: [{exporter, signal, outcome, duration_ms,\n"
    "                            message}]}; outcome is taken, not_wanted, kept or failed\n"
    "\n"
    "  parleyctl telemetry test -c etc/parley.ini -e production\n"
    "\n"
    "\"taken\": the destination took it. \"not wanted\": this exporter sends no such signal. "
    "\"kept\":\n"
    "not delivered, and laid down by the exporter for parleyd to send later.\n"
    "Exit code: 0 everything was taken that was wanted; 1 something was not; 2 wrong usage or\n"
    "configuration.\n";

enum outcome { OUTCOME_NONE, OUTCOME_TAKEN, OUTCOME_NOT_WANTED, OUTCOME_KEPT, OUTCOME_FAILED };

struct request;

struct result {
    struct request *request;
    const struct worker_instance *wi;
    enum telemetry_signal signal;
    enum outcome outcome;
    uint64_t began_us;
    uint64_t took_us;
    struct parley_error err;
};

struct request {
    struct local local;
    struct settings_source source;
    const char *only;
    const char *timeout;
    bool is_json;
    int64_t wait_ms;
    struct telemetry_probe probe;
    struct result *results;
    size_t count;
    size_t waiting;
};

/* ---- sending ---- */

static struct worker_instance *next_exporter(const struct request *q, struct worker_instance *after)
{
    struct worker_instance *wi = after;

    while ((wi = worker_instances_next(q->local.instances, wi)) != NULL) {
        if (wi->instance->kind == INSTANCE_EXPORTER &&
            (q->only == NULL || strcmp(q->only, wi->instance->name) == 0))
            return wi;
    }
    return NULL;
}

static enum outcome outcome_of(int status, uint64_t lost)
{
    if (status < 0 || lost > 0)
        return OUTCOME_FAILED;
    if (status == PARLEY_EXPORT_NOTHING)
        return OUTCOME_NOT_WANTED;
    return status == PARLEY_EXPORT_KEPT ? OUTCOME_KEPT : OUTCOME_TAKEN;
}

static void on_end(void *ctx, int status, uint64_t lost, const struct parley_error *err)
{
    struct result *r = ctx;

    r->outcome = outcome_of(status, lost);
    r->took_us = clock_now_us() - r->began_us;
    if (err != NULL)
        r->err = *err;
    else if (r->outcome == OUTCOME_FAILED)
        (void)parley_fail(&r->err, PARLEY_E_PROTOCOL, "the destination refused it");
    if (--r->request->waiting == 0)
        local_done(&r->request->local);
}

static void send_one(struct result *r, struct worker_instance *wi)
{
    const struct parley_batch batch = telemetry_probe_batch(&r->request->probe, r->signal);

    r->began_us = clock_now_us();
    r->request->waiting++;
    if (exporter_deliver(wi, &batch, on_end, r, &r->err) == PARLEY_OK)
        return;
    r->request->waiting--;
    r->outcome = OUTCOME_FAILED;
}

static int send_all(struct request *q, struct parley_error *err)
{
    static const enum telemetry_signal signals[SIGNALS] = {SIGNAL_SPANS, SIGNAL_METRICS,
                                                           SIGNAL_LOGS};
    size_t exporters = 0;

    for (struct worker_instance *wi = NULL; (wi = next_exporter(q, wi)) != NULL;)
        exporters++;
    q->results = calloc(exporters * SIGNALS, sizeof(*q->results));
    if (q->results == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    for (struct worker_instance *wi = NULL; (wi = next_exporter(q, wi)) != NULL;) {
        for (size_t i = 0; i < SIGNALS; i++) {
            struct result *r = &q->results[q->count++];
            *r = (struct result){.request = q, .wi = wi, .signal = signals[i]};
            r->err = (struct parley_error)PARLEY_ERROR_INIT;
            send_one(r, wi);
        }
    }
    return PARLEY_OK;
}

/* Exporters try again for longer than anyone wants to look at a prompt: those that wait are told to
 * try once more, and to say why it does not work. */
static void wait_for_ends(struct request *q)
{
    if (q->waiting == 0 || local_wait(&q->local, q->wait_ms))
        return;
    for (struct worker_instance *wi = NULL; (wi = next_exporter(q, wi)) != NULL;)
        exporter_flush(wi);
    (void)local_wait(&q->local, LAST_TRY_MS);
    for (size_t i = 0; i < q->count; i++) {
        if (q->results[i].outcome == OUTCOME_NONE)
            (void)parley_fail(&q->results[i].err, PARLEY_E_TIMEOUT, "no answer in %" PRId64 " s",
                              (q->wait_ms + LAST_TRY_MS) / 1000);
    }
}

/* ---- showing ---- */

static const char *signal_name(enum telemetry_signal signal)
{
    static const char *const names[] = {"trace", "metric", "log"};

    return names[signal];
}

static bool is_good(const struct result *r)
{
    return r->outcome == OUTCOME_TAKEN || r->outcome == OUTCOME_NOT_WANTED;
}

static json_t *result_json(const struct result *r)
{
    static const char *const words[] = {"failed", "taken", "not_wanted", "kept", "failed"};

    return json_pack("{s:s, s:s, s:s, s:f, s:s}", "exporter", r->wi->instance->name, "signal",
                     signal_name(r->signal), "outcome", words[r->outcome], "duration_ms",
                     (double)r->took_us / 1000, "message", r->err.message);
}

static void show_json(const struct request *q)
{
    json_t *list = json_array();

    for (size_t i = 0; i < q->count; i++)
        json_array_append_new(list, result_json(&q->results[i]));
    term_json(json_pack("{s:s, s:o}", "mark", q->probe.mark, "results", list));
}

static void show_result(const struct result *r)
{
    static const char *const words[] = {"failed", "taken", "not wanted", "kept", "failed"};
    enum term_style style = is_good(r) ? TERM_GREEN : TERM_RED;

    (void)printf("  %-7s %s%s%s", signal_name(r->signal), term_style(stdout, style),
                 words[r->outcome], term_style(stdout, TERM_PLAIN));
    if (r->outcome == OUTCOME_TAKEN)
        (void)printf(" in %.0f ms", (double)r->took_us / 1000);
    if (r->outcome == OUTCOME_KEPT)
        (void)fputs(": not delivered; parleyd sends it later", stdout);
    if (r->err.message[0] != '\0') {
        (void)fputs(": ", stdout);
        term_safe(stdout, view_of(r->err.message));
    }
    (void)fputc('\n', stdout);
}

static void show(const struct request *q)
{
    const struct worker_instance *shown = NULL;

    (void)printf("mark %s\n", q->probe.mark);
    for (size_t i = 0; i < q->count; i++) {
        const struct result *r = &q->results[i];
        if (r->wi != shown)
            (void)printf("%s%s%s (%s)\n", term_style(stdout, TERM_BOLD), r->wi->instance->name,
                         term_style(stdout, TERM_PLAIN), r->wi->instance->plugin->about.name);
        shown = r->wi;
        show_result(r);
    }
}

/* ---- the command ---- */

static int check_words(struct request *q, const struct args *args, struct parley_error *err)
{
    char *end = NULL;
    double seconds = q->timeout == NULL ? DEFAULT_WAIT_S : strtod(q->timeout, &end);

    if (args->count != 1 || strcmp(args->words[0], "test") != 0)
        return parley_fail(err, PARLEY_E_INVALID, "say what to do: test");
    if (q->source.path == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "which configuration? name one with -c FILE");
    if (!(seconds > 0 && seconds <= LONGEST_WAIT_S) || (end != NULL && *end != '\0'))
        return parley_fail(err, PARLEY_E_INVALID,
                           "--timeout is %.40s; it is a number of seconds, up to %d", q->timeout,
                           LONGEST_WAIT_S);
    q->wait_ms = (int64_t)(seconds * 1000);
    return PARLEY_OK;
}

static int check_exporters(const struct request *q, struct parley_error *err)
{
    if (next_exporter(q, NULL) == NULL && q->only != NULL)
        return parley_fail(err, PARLEY_E_NOT_FOUND,
                           "no section [exporter %.60s] is switched on in %s", q->only,
                           q->source.path);
    if (next_exporter(q, NULL) == NULL)
        return parley_fail(
            err, PARLEY_E_NOT_FOUND,
            "no exporter is switched on in %s; docs/exporters.md shows sections, and "
            "-e ENV names an environment that has some",
            q->source.path);
    if (!q->local.settings.telemetry->enabled)
        (void)fputs("parleyctl telemetry: [telemetry] enabled = no, or OTEL_SDK_DISABLED: parleyd "
                    "itself exports nothing\n",
                    stderr);
    return PARLEY_OK;
}

static int perform(struct request *q, struct parley_error *err)
{
    int r = check_exporters(q, err);

    if (r == PARLEY_OK) {
        telemetry_probe_init(&q->probe, q->local.settings.telemetry, q->source.environment);
        r = send_all(q, err);
    }
    if (r < 0)
        return command_failed(&command_telemetry, err);
    wait_for_ends(q);
    if (q->is_json)
        show_json(q);
    else
        show(q);
    for (size_t i = 0; i < q->count; i++) {
        if (!is_good(&q->results[i]))
            return CTL_FAILED;
    }
    return CTL_DONE;
}

static int run(int argc, char **argv)
{
    struct request q = {0};
    const struct arg table[] = {{"--config", "-c", &q.source.path, NULL},
                                {"--environment", "-e", &q.source.environment, NULL},
                                {"--exporter", NULL, &q.only, NULL},
                                {"--timeout", NULL, &q.timeout, NULL},
                                {"--json", NULL, NULL, &q.is_json},
                                {0}};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct args args;

    int r = args_parse(argc, argv, table, &args, &err);
    if (r == PARLEY_OK)
        r = check_words(&q, &args, &err);
    if (r < 0)
        return command_usage_error(&command_telemetry, &err);
    if (getenv("PARLEY_LOG") == NULL)
        log_set_level(LOG_LEVEL_WARN); /* what exporters say of an answer */
    q.source.is_attended = true;
    r = local_open(&q.local, &q.source, 1u << INSTANCE_EXPORTER, &err);
    int code = CTL_USAGE;
    if (r == PARLEY_OK)
        code = perform(&q, &err);
    else
        (void)command_failed(&command_telemetry, &err);
    local_close(&q.local);
    free(q.results);
    return code;
}

const struct command command_telemetry = {
    .name = "telemetry",
    .summary = "test whether what is exported arrives",
    .help = help,
    .run = run,
};
