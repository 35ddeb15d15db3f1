/* SPDX-License-Identifier: Apache-2.0 */
/* parleyctl telemetry: does what a configuration exports arrive? And judgements, sent that way. */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "base/utf8.h"
#include "ctl/args.h"
#include "ctl/command.h"
#include "ctl/local.h"
#include "ctl/telemetry_probe.h"
#include "ctl/telemetry_score.h"
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
    "       parleyctl telemetry score -c FILE --session ID NAME VALUE [options]\n"
    "\n"
    "  test               send one span, one point of a metric and one log record through every\n"
    "                     [exporter ...] that is switched on, and report what became of each. "
    "They\n"
    "                     carry a mark, the id of their trace, which is printed: look for it at "
    "the\n"
    "                     destination, as trace id or as the attribute parley.test\n"
    "  score NAME VALUE   send a judgement of a conversation, as the event\n"
    "                     gen_ai.evaluation.result; Langfuse gets it as a score. VALUE is a "
    "number,\n"
    "                     true, false or a word\n"
    "\n"
    "  -c, --config FILE         the INI file\n"
    "  -e, --environment ENV     with FILE.ENV's values over it\n"
    "      --exporter NAME       only this [exporter NAME]\n"
    "      --timeout SECONDS     how long a destination has to answer (default 10, at most 30)\n"
    "      --session ID          with score: the conversation, as `parleyctl sessions` lists it\n"
    "      --trace ID            with score: one turn of it, by its trace's id\n"
    "      --comment TEXT        with score: why\n"
    "      --json                {mark, results: [{exporter, signal, outcome, duration_ms,\n"
    "                            message}]}; outcome is taken, not_wanted, kept or failed\n"
    "\n"
    "  parleyctl telemetry test -c etc/parley.ini -e production\n"
    "  parleyctl telemetry score -c etc/parley.ini --session sess_1 helpful 0.8\n"
    "\n"
    "\"taken\": the destination took it. \"not wanted\": this exporter sends no such signal. "
    "\"kept\":\n"
    "not delivered, and laid down by the exporter for parleyd to send later.\n"
    "Exit code: 0 everything was taken that was wanted; 1 something was not, or nobody takes "
    "scores;\n"
    "2 wrong usage or configuration.\n";

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
    struct telemetry_judgement judgement;
    bool is_json;
    bool is_score;
    int64_t wait_ms;
    struct telemetry_probe probe;
    struct telemetry_score score;
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

static void on_end(void *ctx, int status, uint64_t lost, uint64_t left_out,
                   const struct parley_error *err)
{
    struct result *r = ctx;

    (void)left_out; /* of one record: then the status says so */
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
    const struct request *q = r->request;
    const struct parley_batch batch = q->is_score ? telemetry_score_batch(&q->score)
                                                  : telemetry_probe_batch(&q->probe, r->signal);

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
        for (size_t i = q->is_score ? SIGNALS - 1 : 0; i < SIGNALS; i++) { /* a score is a log */
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

static const char *name_of(const struct result *r)
{
    return r->request->is_score ? "score" : signal_name(r->signal);
}

static bool is_good(const struct result *r)
{
    return r->outcome == OUTCOME_TAKEN || r->outcome == OUTCOME_NOT_WANTED;
}

static json_t *result_json(const struct result *r)
{
    static const char *const words[] = {"failed", "taken", "not_wanted", "kept", "failed"};

    struct buf message = {0};

    utf8_append_mended(&message, view_of(r->err.message)); /* it may quote any answer */
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:f, s:o}", "exporter", r->wi->instance->name, "signal",
                  name_of(r), "outcome", words[r->outcome], "duration_ms",
                  (double)r->took_us / 1000, "message", json_from_view(buf_view(&message)));
    buf_done(&message);
    return json;
}

static void show_json(const struct request *q)
{
    json_t *list = json_array();

    for (size_t i = 0; i < q->count; i++)
        json_array_append_new(list, result_json(&q->results[i]));
    term_json(
        json_pack("{s:s*, s:o}", "mark", q->is_score ? NULL : q->probe.mark, "results", list));
}

static void show_result(const struct result *r)
{
    static const char *const words[] = {"failed", "taken", "not wanted", "kept", "failed"};
    enum term_style style = is_good(r) ? TERM_GREEN : TERM_RED;

    (void)printf("  %-7s %s%s%s", name_of(r), term_style(stdout, style), words[r->outcome],
                 term_style(stdout, TERM_PLAIN));
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

    if (!q->is_score)
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

static int check_score(struct request *q, const struct args *args, struct parley_error *err)
{
    if (args->count != 3)
        return parley_fail(err, PARLEY_E_INVALID, "score needs a name and a value: helpful 0.8");
    q->judgement.name = args->words[1];
    q->judgement.value = args->words[2];
    return telemetry_judgement_check(&q->judgement, err);
}

static int check_words(struct request *q, const struct args *args, struct parley_error *err)
{
    const char *what = args->count > 0 ? args->words[0] : "";
    const struct telemetry_judgement *j = &q->judgement;
    int r = PARLEY_OK;

    q->is_score = strcmp(what, "score") == 0;
    if (!q->is_score && strcmp(what, "test") != 0)
        return parley_fail(err, PARLEY_E_INVALID, "say what to do: test or score");
    if (q->is_score)
        r = check_score(q, args, err);
    else if (args->count != 1 || j->session != NULL || j->trace != NULL || j->comment != NULL)
        r = parley_fail(err, PARLEY_E_INVALID,
                        "test takes no words, and no --session, --trace or --comment");
    if (r < 0)
        return r;
    if (q->source.path == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "which configuration? name one with -c FILE");
    return args_timeout(q->timeout, DEFAULT_WAIT_S, LONGEST_WAIT_S, &q->wait_ms, err);
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

static void prepare(struct request *q)
{
    const struct telemetry_options *options = q->local.settings.telemetry;

    if (q->is_score)
        telemetry_score_init(&q->score, &q->judgement, options, q->source.environment);
    else
        telemetry_probe_init(&q->probe, options, q->source.environment);
}

/* A score that no exporter sends has failed, though each of them is well. */
static int code_of(const struct request *q)
{
    bool is_taken = !q->is_score;

    for (size_t i = 0; i < q->count; i++) {
        if (!is_good(&q->results[i]))
            return CTL_FAILED;
        is_taken = is_taken || q->results[i].outcome == OUTCOME_TAKEN;
    }
    if (!is_taken)
        (void)fprintf(
            stderr,
            "parleyctl telemetry: no exporter of %s takes scores; exporter_langfuse does, "
            "and those that send log records\n",
            q->source.path);
    return is_taken ? CTL_DONE : CTL_FAILED;
}

static int perform(struct request *q, struct parley_error *err)
{
    int r = check_exporters(q, err);

    if (r == PARLEY_OK) {
        prepare(q);
        r = send_all(q, err);
    }
    if (r < 0)
        return command_failed(&command_telemetry, err);
    wait_for_ends(q);
    if (q->is_json)
        show_json(q);
    else
        show(q);
    return code_of(q);
}

static int run(int argc, char **argv)
{
    struct request q = {0};
    const struct arg table[] = {{"--config", "-c", &q.source.path, NULL},
                                {"--environment", "-e", &q.source.environment, NULL},
                                {"--exporter", NULL, &q.only, NULL},
                                {"--timeout", NULL, &q.timeout, NULL},
                                {"--session", NULL, &q.judgement.session, NULL},
                                {"--trace", NULL, &q.judgement.trace, NULL},
                                {"--comment", NULL, &q.judgement.comment, NULL},
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
    .summary = "test whether what is exported arrives; send scores",
    .help = help,
    .run = run,
};
