/* SPDX-License-Identifier: Apache-2.0 */
#include "session/measure.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "session/state.h"
#include "telemetry/names.h"
#include "telemetry/usage.h"

static double seconds(uint64_t us)
{
    return (double)us / 1e6;
}

static struct metric_label label(const char *key, const char *value)
{
    return (struct metric_label){key, view_of(value)};
}

/* ---- life ---- */

static void find_event_points(struct telemetry_recorder *r, const char *direction,
                              struct metric_point *points[MEASURE_KIND_COUNT])
{
    static const char *const kinds[] = {"hot", "known", "unknown"};

    for (int i = 0; i < MEASURE_KIND_COUNT; i++) {
        const struct metric_label labels[] = {label(NAME_DIRECTION, direction),
                                              label(NAME_EVENT_KIND, kinds[i])};
        points[i] = metrics_point(r, METRIC_EVENTS, labels, 2);
    }
}

static void find_points(struct session *s, struct measure *m)
{
    struct telemetry_recorder *r = s->env->recorder;
    const struct metric_label agent[] = {label(NAME_AGENT_NAME, s->agent->name),
                                         label(NAME_REQUEST_MODEL, s->model_name)};
    const struct metric_label answer[] = {label(NAME_OPERATION, NAME_INFERENCE),
                                          label(NAME_PROVIDER, s->provider),
                                          label(NAME_REQUEST_MODEL, s->model_name)};
    const struct metric_label in = label(NAME_DIRECTION, "in");
    const struct metric_label out = label(NAME_DIRECTION, "out");

    m->active = metrics_point(r, METRIC_SESSION_ACTIVE, agent, 1);
    m->response_latency = metrics_point(r, METRIC_TURN_RESPONSE_LATENCY, agent, 2);
    m->model_latency = metrics_point(r, METRIC_TURN_MODEL_LATENCY, agent, 2);
    m->stop_latency = metrics_point(r, METRIC_TURN_STOP_LATENCY, agent, 1);
    m->agent_duration = metrics_point(r, METRIC_AGENT_DURATION, agent, 1);
    m->answer_duration = metrics_point(r, METRIC_OPERATION_DURATION, answer, 3);
    m->audio_in = metrics_point(r, METRIC_AUDIO_DURATION, &in, 1);
    m->audio_out = metrics_point(r, METRIC_AUDIO_DURATION, &out, 1);
    find_event_points(r, "in", m->events_in);
    find_event_points(r, "out", m->events_out);
}

void measure_begin(struct session *s)
{
    if (s->env->recorder == NULL)
        return;
    find_points(s, &s->measure);
    s->measure.is_open = true;
    metric_add(s->measure.active, 1);
}

void measure_end(struct session *s, const char *reason)
{
    const struct metric_label labels[] = {label(NAME_AGENT_NAME, s->agent->name),
                                          label(NAME_END_REASON, reason)};

    if (!s->measure.is_open)
        return;
    measure_publish(s);
    s->measure.is_open = false;
    metric_add(s->measure.active, -1);
    cost_measure(s);
    metric_record(metrics_point(s->env->recorder, METRIC_SESSION_DURATION, labels, 2),
                  seconds(clock_now_us() - s->opened_us));
}

/* ---- counters ---- */

static void publish(struct metric_point *p, uint64_t now, uint64_t *published, double unit)
{
    metric_add(p, (double)(now - *published) * unit);
    *published = now;
}

static void publish_events(struct metric_point *const points[MEASURE_KIND_COUNT],
                           uint64_t published[MEASURE_KIND_COUNT], uint64_t all, uint64_t hot,
                           uint64_t unknown)
{
    publish(points[MEASURE_HOT], hot, &published[MEASURE_HOT], 1);
    publish(points[MEASURE_KNOWN], all - hot - unknown, &published[MEASURE_KNOWN], 1);
    publish(points[MEASURE_UNKNOWN], unknown, &published[MEASURE_UNKNOWN], 1);
}

void measure_publish(struct session *s)
{
    const struct session_counts *c = &s->counts;
    struct measure *m = &s->measure;

    if (!m->is_open)
        return;
    publish(m->audio_in, c->input_bytes, &m->input_bytes,
            0.001 / rt_audio_bytes_per_ms(s->view.input_format));
    publish(m->audio_out, c->output_bytes, &m->output_bytes,
            0.001 / rt_audio_bytes_per_ms(s->view.output_format));
    publish_events(m->events_in, m->in, c->client_events, c->client_hot, c->client_unknown);
    publish_events(m->events_out, m->out, c->model_events, c->model_hot,
                   c->unknown_events - c->client_unknown);
}

void measure_dropped(struct session *s, uint64_t bytes)
{
    const struct metric_label labels[] = {label(NAME_DIRECTION, "out"),
                                          label(NAME_DROP_REASON, "overflow")};
    const struct session_counts *c = &s->counts;
    /* Events were dropped; they hold as much audio as the others do. */
    double pcm = c->output_event_bytes == 0
                     ? 0
                     : (double)bytes * (double)c->output_bytes / (double)c->output_event_bytes;

    metric_add(metrics_point(s->env->recorder, METRIC_AUDIO_DROPPED, labels, 2),
               pcm * 0.001 / rt_audio_bytes_per_ms(s->view.output_format));
}

/* ---- turns, answers, tools ---- */

void measure_turn(struct session *s, const struct turn *t, const char *end_reason, uint64_t end_us)
{
    const struct metric_label labels[] = {label(NAME_AGENT_NAME, s->agent->name),
                                          label(NAME_TURN_END_REASON, end_reason)};
    const struct measure *m = &s->measure;

    metric_add(metrics_point(s->env->recorder, METRIC_TURN_COUNT, labels, 2), 1);
    metric_record(m->agent_duration, seconds(end_us - t->asked_us));
    if (t->first_output_us != 0)
        metric_record(m->model_latency, seconds(t->first_output_us - t->asked_us));
    if (turn_answered_us(t) != 0)
        metric_record(m->response_latency, seconds(turn_answered_us(t) - t->asked_us));
    if (t->interrupted_us != 0 && t->first_audio_us != 0)
        metric_record(m->stop_latency,
                      t->stopped_us == 0 ? 0 : seconds(t->stopped_us - t->interrupted_us));
}

void measure_answer(struct session *s, uint64_t took_us, const char *failure)
{
    const struct metric_label labels[] = {
        label(NAME_OPERATION, NAME_INFERENCE), label(NAME_PROVIDER, s->provider),
        label(NAME_REQUEST_MODEL, s->model_name), label(NAME_ERROR_TYPE, failure)};

    metric_record(failure == NULL ? s->measure.answer_duration
                                  : metrics_point(s->env->recorder, METRIC_OPERATION_DURATION,
                                                  labels, ARRAY_LEN(labels)),
                  seconds(took_us));
}

void measure_usage(struct session *s, const struct rt_usage *usage)
{
    const struct usage u = turn_usage(usage);

    if (s->env->recorder != NULL)
        usage_count(s->env->recorder, view_of(s->provider), view_of(s->model_name), &u);
}

void measure_tool(struct session *s, const char *name, uint64_t took_us, const char *failure)
{
    const struct metric_label labels[] = {label(NAME_AGENT_NAME, s->agent->name),
                                          label(NAME_TOOL_NAME, name),
                                          label(NAME_ERROR_TYPE, failure)};

    metric_record(metrics_point(s->env->recorder, METRIC_TOOL_DURATION, labels, ARRAY_LEN(labels)),
                  seconds(took_us));
}

/* ---- model and store ---- */

void measure_connect_of(struct session *s, const char *provider, uint64_t took_us,
                        const char *failure)
{
    const struct metric_label labels[] = {
        label(NAME_PROVIDER, provider),
        label(NAME_ERROR_TYPE, failure == NULL || failure[0] != '\0' ? failure : "_OTHER")};

    metric_record(metrics_point(s->env->recorder, METRIC_BACKEND_CONNECT_DURATION, labels, 2),
                  seconds(took_us));
}

void measure_connect(struct session *s, uint64_t took_us, const char *failure)
{
    measure_connect_of(s, s->provider, took_us, failure);
}

void measure_moved(struct session *s, const char *reason)
{
    const struct metric_label labels[] = {label(NAME_PROVIDER, s->provider),
                                          label(NAME_RECONNECT_REASON, reason)};

    if (s->env->recorder == NULL)
        return;
    metric_add(metrics_point(s->env->recorder, METRIC_BACKEND_RECONNECTS, labels, 2), 1);
    if (s->measure.is_open)
        find_points(s, &s->measure); /* those that name the model */
}

void measure_model_error(struct session *s, const char *code)
{
    const struct metric_label labels[] = {
        label(NAME_PROVIDER, s->provider),
        label(NAME_ERROR_TYPE, code == NULL || code[0] == '\0' ? "_OTHER" : code)};

    metric_add(metrics_point(s->env->recorder, METRIC_BACKEND_ERRORS, labels, 2), 1);
}

void measure_store_lost(struct session *s, uint64_t records)
{
    const struct metric_label labels[] = {label(NAME_AGENT_NAME, s->agent->name)};

    if (records > 0)
        metric_add(metrics_point(s->env->recorder, METRIC_STORE_LOST, labels, 1), (double)records);
}

void measure_store(struct session *s, const char *operation, uint64_t took_us, int status)
{
    const struct metric_label labels[] = {
        label(NAME_STORE_OPERATION, operation),
        label(NAME_ERROR_TYPE, status < 0 ? turn_status_name(status) : NULL)};

    metric_record(metrics_point(s->env->recorder, METRIC_STORE_DURATION, labels, 2),
                  seconds(took_us));
}
