/* SPDX-License-Identifier: Apache-2.0 */
#include "host/tools.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "host/guard.h"
#include "host/tools_answer.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PROGRESS_BYTES 1024
#define TRACESTATE         6
#define AUTHORIZATION      7 /* the last string of a call on the pool, wiped after use */

/* How far a call on the pool is. */
enum stage { STAGE_WAITING, STAGE_BEGUN, STAGE_CANCELLED };

/* A struct parley_tool_call with its strings, for a thread of the pool. */
struct blocking {
    struct tools_run *run;
    struct parley_tool_call call;
    parley_op op;
    const struct parley_tools_vtable *vtable;
    void *ctx;
    atomic_int stage; /* enum stage: the pool begins or the worker cancels, whoever is first */
    int status;       /* of the plugin's call() */
    struct parley_error err;
    char *strings[AUTHORIZATION + 1];
    char *arguments;
};

struct progress {
    double done;
    double total;
    struct buf message;
};

/*
 * One call. The caller hears one end; the plugin owes one end. The structure goes when both are
 * over and no thread of the pool uses it. `wi` is there as long as op or job is.
 */
struct tools_run {
    struct worker_instance *wi;
    struct parley_worker *worker;
    const struct tools_events *events;
    void *ctx;
    parley_op op; /* 0 once the plugin has ended it, or when it never began */
    struct blocking *job;
    char name[TOOLS_MAX_NAME + 1];
    bool has_result;
    bool is_told; /* or nobody listens */
    struct tools_answer answer;
    size_t max_output;
    bool wants_content;
    struct json_schema *promise; /* what a structured value has to fit, or NULL */
    int64_t start_ms;
    int64_t timeout_ms;
    int64_t max_timeout_ms;                       /* that progress extends it to; 0: it does not */
    int64_t limit_ms;                             /* in all, as extended so far */
    struct progress progress[TOOLS_MAX_PROGRESS]; /* not told yet */
    size_t progress_count;
    struct loop_timer turn;
    struct loop_timer limit;
};

static void on_turn(void *ctx);

static void schedule(struct tools_run *run)
{
    loop_timer_start(run->worker->loop, &run->turn, 0, on_turn, run);
}

static void run_free(struct tools_run *run)
{
    tools_answer_done(&run->answer);
    (void)json_schema_unref(run->promise);
    for (size_t i = 0; i < TOOLS_MAX_PROGRESS; i++)
        buf_done(&run->progress[i].message);
    loop_timer_stop(&run->turn);
    loop_timer_stop(&run->limit);
    free(run);
}

/* ---- what the caller hears ---- */

/* The first result counts. */
static void finish_run(struct tools_run *run, const struct parley_tool_result *result)
{
    const struct tools_answer_rules rules = {
        .tool = run->name,
        .max_output = run->max_output,
        .keeps_content = run->wants_content,
        .promise = run->promise,
    };

    if (run->has_result)
        return;
    run->has_result = true;
    loop_timer_stop(&run->limit);
    tools_answer_take(&run->answer, &rules, result);
    schedule(run);
}

static void fail_run(struct tools_run *run, int status, const char *message)
{
    const struct parley_tool_result result = {
        .size = sizeof(result), .status = status, .output = view_of(message)};

    finish_run(run, &result);
}

static void tell_progress(struct tools_run *run)
{
    size_t count = run->progress_count;

    run->progress_count = 0;
    for (size_t i = 0; i < count && !run->is_told; i++) {
        const struct progress *p = &run->progress[i];
        if (run->events->on_progress != NULL)
            run->events->on_progress(run->ctx, p->done, p->total, buf_view(&p->message));
    }
}

static void tell_result(struct tools_run *run)
{
    if (!run->has_result || run->is_told)
        return;
    const struct tools_result result = {
        .status = run->answer.status,
        .output = buf_view(&run->answer.output),
        .image = buf_view(&run->answer.image),
        .content = buf_view(&run->answer.content),
        .structured = buf_view(&run->answer.structured),
        .flags = run->answer.flags,
        .is_cut = run->answer.is_cut,
        .took_ms = clock_now_ms() - run->start_ms,
    };
    run->is_told = true;
    run->events->on_end(run->ctx, &result);
}

static void on_turn(void *ctx)
{
    struct tools_run *run = ctx;

    tell_progress(run);
    tell_result(run);
    if (run->is_told && run->op == 0 && run->job == NULL)
        run_free(run);
}

/* ---- asking the plugin to stop ---- */

/* False when the job was not at `from`. */
static bool advance(struct blocking *job, enum stage from, enum stage to)
{
    int expected = from;

    return atomic_compare_exchange_strong(&job->stage, &expected, to);
}

/* A call that waits for the pool is taken back: the plugin never hears of it. */
static bool is_with_plugin(struct tools_run *run)
{
    if (run->op == 0)
        return false;
    if (run->job == NULL)
        return true;
    (void)advance(run->job, STAGE_WAITING, STAGE_CANCELLED); /* else it has begun */
    return atomic_load(&run->job->stage) == STAGE_BEGUN;
}

static void ask_cancel(struct tools_run *run)
{
    if (!is_with_plugin(run))
        return;
    if (run->wi->tools_table->cancel == NULL)
        return;
    struct watch watch = watch_instance(run->wi, "cancel");
    run->wi->tools_table->cancel(run->wi->ctx, run->op);
    watch_end(&watch);
}

static void on_limit(void *ctx)
{
    struct tools_run *run = ctx;
    char message[160];

    (void)snprintf(message, sizeof(message),
                   "The tool %s did not answer within %" PRId64 " milliseconds.", run->name,
                   run->limit_ms);
    fail_run(run, PARLEY_E_TIMEOUT, message);
    ask_cancel(run);
}

static void sweep(void *owner)
{
    struct tools_run *run = owner;

    op_withdraw(TAKE(run->op));
    fail_run(run, PARLEY_E_CANCELLED, "The tool is being stopped.");
    schedule(run);
}

static void cancel(void *owner)
{
    struct tools_run *run = owner;

    fail_run(run, PARLEY_E_CANCELLED, "The tool is being stopped.");
    ask_cancel(run);
}

static const struct op_type run_type = {.name = "tool call", .sweep = sweep, .cancel = cancel};

/* ---- what the plugin tells ---- */

static void end_here(parley_op op, const struct parley_tool_result *result)
{
    struct tools_run *run = op_owner(op, &run_type, "tools end");

    if (run == NULL)
        return;
    const struct parley_tool_result own = tools_answer_read(result);
    op_end(TAKE(run->op));
    finish_run(run, &own);
    schedule(run);
}

/* An end from another thread, on its way to the worker. */
struct far_end {
    parley_op op;
    struct tools_answer answer;
};

static void far_end_free(void *arg)
{
    struct far_end *far = arg;

    tools_answer_done(&far->answer);
    free(far);
}

static void far_end_arrives(void *arg)
{
    struct far_end *far = arg;
    const struct parley_tool_result result = tools_answer_result(&far->answer);

    end_here(far->op, &result);
    far_end_free(far);
}

static void end_far(parley_op op, const struct parley_tool_result *result)
{
    const struct parley_tool_result own = tools_answer_read(result);
    struct far_end *far = calloc(1, sizeof(*far));

    if (far == NULL)
        return; /* the time limit ends the call */
    far->op = op;
    tools_answer_copy(&far->answer, &own);
    op_post(op, far_end_arrives, far_end_free, far);
}

static void host_end(parley_op op, const struct parley_tool_result *result)
{
    if (op_worker(op) != NULL)
        end_here(op, result);
    else
        end_far(op, result);
}

/* The whole time from here again, but never beyond the maximum. */
static void extend_limit(struct tools_run *run)
{
    int64_t ran_ms = clock_now_ms() - run->start_ms;

    if (run->max_timeout_ms <= run->timeout_ms)
        return;
    run->limit_ms = ran_ms + run->timeout_ms;
    if (run->limit_ms > run->max_timeout_ms)
        run->limit_ms = run->max_timeout_ms;
    loop_timer_start(run->worker->loop, &run->limit, run->limit_ms - ran_ms, on_limit, run);
}

/* Of a burst the newest are worth most: the last one is written over. */
static struct progress *next_progress(struct tools_run *run)
{
    if (run->progress_count < TOOLS_MAX_PROGRESS)
        run->progress_count++;
    return &run->progress[run->progress_count - 1];
}

static void host_progress(parley_op op, double done, double total, struct parley_view message)
{
    if (op_worker(op) == NULL)
        return; /* for [worker] only: dropped, since it is only a hint */
    struct tools_run *run = op_owner(op, &run_type, "tools progress");
    if (run == NULL || run->has_result)
        return;
    extend_limit(run);
    struct progress *p = next_progress(run);
    p->done = done;
    p->total = total;
    buf_clear(&p->message);
    (void)tools_answer_append(&p->message, message, MAX_PROGRESS_BYTES);
    schedule(run);
}

const struct parley_tools_host tools_host = {
    .size = sizeof(tools_host),
    .end = host_end,
    .progress = host_progress,
    .changed = tools_list_changed,
};

/* ---- calls on the pool ---- */

static void blocking_free(struct blocking *job)
{
    if (job->strings[AUTHORIZATION] != NULL)
        explicit_bzero(job->strings[AUTHORIZATION], strlen(job->strings[AUTHORIZATION]));
    for (size_t i = 0; i < ARRAY_LEN(job->strings); i++)
        free(job->strings[i]);
    free(job->arguments);
    free(job);
}

static const char *keep(struct blocking *job, size_t place, const char *text)
{
    return job->strings[place] = strdup(text);
}

static struct blocking *blocking_create(struct tools_run *run, const struct parley_tool_call *call)
{
    struct blocking *job = calloc(1, sizeof(*job));

    if (job == NULL)
        return NULL;
    job->run = run;
    job->op = run->op;
    job->vtable = run->wi->tools_table;
    job->ctx = run->wi->ctx;
    job->err.size = sizeof(job->err);
    job->call = *call;
    job->call.session_id = keep(job, 0, call->session_id);
    job->call.agent = keep(job, 1, call->agent);
    job->call.user = keep(job, 2, call->user);
    job->call.call_id = keep(job, 3, call->call_id);
    job->call.name = keep(job, 4, call->name);
    job->call.traceparent = keep(job, 5, call->traceparent);
    job->call.tracestate = keep(job, TRACESTATE, call->tracestate);
    job->call.authorization = keep(job, AUTHORIZATION, call->authorization);
    job->arguments = view_dup(call->arguments);
    job->call.arguments.data = job->arguments;
    bool is_whole = job->arguments != NULL;
    for (size_t i = 0; i < ARRAY_LEN(job->strings); i++)
        is_whole = is_whole && job->strings[i] != NULL;
    if (is_whole)
        return job;
    blocking_free(job);
    return NULL;
}

/* [offload] */
static void blocking_work(void *arg)
{
    struct blocking *job = arg;

    if (!advance(job, STAGE_WAITING, STAGE_BEGUN)) {
        job->status = PARLEY_E_CANCELLED;
        return;
    }
    struct guard guard;
    guard_enter(&guard, job->run->wi->instance->title, "call");
    job->status = job->vtable->call(job->ctx, &job->call, job->op, &job->err);
    guard_leave(&guard);
}

static void blocking_done(void *arg, int pool_status)
{
    struct blocking *job = arg;
    struct tools_run *run = job->run;
    struct worker_instance *wi = run->wi;
    int status = pool_status < 0 ? pool_status : job->status;

    run->job = NULL;
    wi->offloaded--;
    if (status < 0 && run->op != 0) { /* it never began: no end will come */
        op_end(TAKE(run->op));
        fail_run(run, status, job->err.message);
    }
    worker_instance_released(wi);
    blocking_free(job);
    schedule(run);
}

static int start_blocking(struct tools_run *run, const struct parley_tool_call *call,
                          struct parley_error *err)
{
    struct worker_instance *wi = run->wi;

    if (wi->worker->tools == NULL)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "The tool %s has no thread to run on.",
                           run->name);
    run->job = blocking_create(run, call);
    if (run->job == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "The tool %s has no memory.", run->name);
    int r = offload_run(wi->worker->tools, wi->worker->loop, NULL, blocking_work, blocking_done,
                        run->job);
    if (r < 0) {
        blocking_free(TAKE(run->job));
        return parley_fail(err, r, "The tool %s cannot run now: too many tools are waiting.",
                           run->name);
    }
    wi->offloaded++;
    return PARLEY_OK;
}

/* ---- starting a call ---- */

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static int start_on_worker(struct tools_run *run, const struct parley_tool_call *call,
                           struct parley_error *err)
{
    struct worker_instance *wi = run->wi;
    struct watch watch = watch_instance(wi, "call");
    int r = wi->tools_table->call(wi->ctx, call, run->op, err);

    watch_end(&watch);
    return r;
}

/* The model reads it, so that its next try can be right. */
static int check_fit(const struct tools_function *f, const json_t *arguments,
                     struct parley_error *err)
{
    const struct json_schema_words words = {.name = "arguments"};
    struct parley_error misfit = PARLEY_ERROR_INIT;

    if (json_schema_check(f->input_check, arguments, &words, &misfit) != JSON_SCHEMA_MISFIT)
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_INVALID, "The tool %s was not called: %s.", f->name,
                       misfit.message);
}

static bool is_required(const struct tools_function *f, const char *name)
{
    json_t *word;
    size_t i;

    json_array_foreach(json_object_get(f->parameters, "required"), i, word)
    {
        if (view_is(json_view(word), name))
            return true;
    }
    return false;
}

/*
 * Models write null for what they leave out. Where the schema wants something else and does not
 * require the member, it is left out indeed. NULL: nothing of the kind is there.
 */
static json_t *without_nulls(const struct tools_function *f, json_t *arguments)
{
    json_t *rest = json_copy(arguments), *value;
    const char *name;
    void *next;

    json_object_foreach_safe(rest, next, name, value)
    {
        if (json_is_null(value) && !is_required(f, name))
            json_object_del(rest, name);
    }
    if (rest != NULL && json_object_size(rest) < json_object_size(arguments))
        return rest;
    json_decref(rest);
    return NULL;
}

/* *ret_instead: what the tool gets in place of the arguments, or NULL; freed by the caller. */
static int fit(const struct tools_function *f, json_t *arguments, char **ret_instead,
               struct parley_error *err)
{
    struct parley_error other = PARLEY_ERROR_INIT;
    int r = check_fit(f, arguments, err);
    _cleanup_json_ json_t *rest = r < 0 ? without_nulls(f, arguments) : NULL;

    if (rest == NULL || check_fit(f, rest, &other) < 0)
        return r;
    *ret_instead = json_dumps(rest, JSON_COMPACT | json_digits(rest));
    return *ret_instead == NULL ? r : PARLEY_OK;
}

static int check_arguments(const struct tools_function *f, const struct tools_call *call,
                           char **ret_instead, struct parley_error *err)
{
    struct parley_error parse = PARLEY_ERROR_INIT;
    struct parley_view text = call->arguments.len == 0 ? VIEW("{}") : call->arguments;
    _cleanup_json_ json_t *tree = json_parse(text, &parse);

    if (tree == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "The arguments of %s: %s", f->name,
                           parse.message);
    if (!json_is_object(tree))
        return parley_fail(
            err, PARLEY_E_INVALID,
            "The arguments of %s are not a JSON object; give {\"name\": value, ...}.", f->name);
    return call->takes_any_arguments ? PARLEY_OK : fit(f, tree, ret_instead, err);
}

static int start(struct tools_run *run, const struct tools_call *c, const struct tools_function *f,
                 struct parley_error *err)
{
    struct worker_instance *wi = run->wi;
    _cleanup_free_ char *instead = NULL;
    struct parley_tool_call call = {
        .size = sizeof(call),
        .worker = wi->worker,
        .session_id = or_empty(c->session_id),
        .agent = or_empty(c->agent),
        .user = or_empty(c->user),
        .call_id = or_empty(c->call_id),
        .name = run->name,
        .arguments = c->arguments.len == 0 ? VIEW("{}") : c->arguments,
        .traceparent = or_empty(c->traceparent),
        .tracestate = or_empty(c->tracestate),
        .authorization = or_empty(c->authorization),
        .timeout_ms = run->timeout_ms,
    };
    int r = check_arguments(f, c, &instead, err);

    if (r < 0)
        return r;
    if (instead != NULL)
        call.arguments = view_of(instead);
    run->op = op_begin(wi, &run_type, run);
    if (run->op == 0)
        return parley_fail(err, PARLEY_E_BUSY, "The tool %s has too many calls open.", run->name);
    loop_timer_start(wi->worker->loop, &run->limit, run->timeout_ms, on_limit, run);
    parley_op op = run->op;
    r = (f->flags & PARLEY_TOOL_BLOCKING) != 0 ? start_blocking(run, &call, err)
                                               : start_on_worker(run, &call, err);
    if (r < 0 && run->op == op)
        op_withdraw(TAKE(run->op));
    return r;
}

static void prepare(struct tools_run *run, const struct tools_call *call,
                    const struct tools_function *f)
{
    run->start_ms = clock_now_ms();
    run->wants_content = call->wants_content;
    run->timeout_ms = call->timeout_ms > 0 ? call->timeout_ms : TOOLS_DEFAULT_TIMEOUT_MS;
    if (f != NULL && f->timeout_ms > 0)
        run->timeout_ms = f->timeout_ms;
    if (call->policy_timeout_ms > 0)
        run->timeout_ms = call->policy_timeout_ms;
    run->promise = json_schema_ref(f == NULL ? NULL : f->output_check);
    run->max_timeout_ms = f == NULL ? 0 : f->max_timeout_ms;
    run->limit_ms = run->timeout_ms;
    run->max_output =
        call->max_output_bytes > 0 ? (size_t)call->max_output_bytes : TOOLS_DEFAULT_OUTPUT;
    if (run->max_output > TOOLS_MAX_OUTPUT)
        run->max_output = TOOLS_MAX_OUTPUT;
    view_copy(run->name, sizeof(run->name), view_of(call->name));
}

struct tools_run *tools_call(struct worker_instance *wi, const struct tools_call *call,
                             const struct tools_events *events, void *ctx)
{
    struct tools_run *run = calloc(1, sizeof(*run));
    struct parley_error err = PARLEY_ERROR_INIT;
    int r = PARLEY_OK;

    if (run == NULL)
        return NULL;
    run->wi = wi;
    run->worker = wi->worker;
    run->events = events;
    run->ctx = ctx;
    const struct tools_function *f = tools_find(wi, view_of(call->name));
    prepare(run, call, f);
    if (f == NULL)
        r = parley_fail(&err, PARLEY_E_NOT_FOUND, "There is no tool %s.", run->name);
    else if (wi->is_stopping)
        r = parley_fail(&err, PARLEY_E_UNAVAILABLE, "The tool %s is being stopped.", run->name);
    else
        r = start(run, call, f, &err);
    if (r < 0)
        fail_run(run, r, err.message);
    return run;
}

int tools_check_call(struct worker_instance *wi, const struct tools_call *call,
                     struct parley_error *err)
{
    const struct tools_function *f = tools_find(wi, view_of(call->name));
    _cleanup_free_ char *instead = NULL;

    return f == NULL ? PARLEY_OK : check_arguments(f, call, &instead, err);
}

void tools_cancel(struct tools_run *run)
{
    fail_run(run, PARLEY_E_CANCELLED, "The call was cancelled.");
    ask_cancel(run);
}

struct tools_run *tools_abandon(struct tools_run *run, bool is_cancelled)
{
    if (run == NULL)
        return NULL;
    run->is_told = true;
    if (is_cancelled)
        ask_cancel(run);
    schedule(run);
    return NULL;
}

void tools_session_closed(struct worker_instance *wi, const char *session_id)
{
    const struct parley_tools_vtable *vtable = wi->tools_table;

    if (vtable->session_closed == NULL)
        return;
    struct watch watch = watch_instance(wi, "session_closed");
    vtable->session_closed(wi->ctx, session_id);
    watch_end(&watch);
}
