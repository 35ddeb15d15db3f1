/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the agent's list of models to one that is open. While a session connects, a model that fails
 * for a reason that may be its own makes room for the next; what would fail everywhere (a bad key,
 * a bad request) is told.
 */
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/past.h"
#include "session/state.h"
#include "telemetry/names.h"

#include <stdlib.h>

/* The model's session is open, or will not be for this reason. */
static void connected(struct session *s, const char *failure, const char *message)
{
    measure_connect(s, clock_now_us() - s->connecting_us, failure);
    spans_connect_end(s, failure, message);
}

void connect_take_early(struct session *s)
{
    while (!list_empty(&s->early.events) && s->phase == SESSION_OPEN) {
        struct queued_event *e = list_entry(s->early.events.next, struct queued_event, entry);
        list_remove(&e->entry);
        s->early.bytes -= e->len;
        client_event(s, (struct parley_view){e->bytes + PARLEY_EVENT_ROOM_BYTES, e->len},
                     PARLEY_EVENT_ROOM);
        free(e);
    }
    if (list_empty(&s->held.events))
        pause_client(s, false);
}

void session_begin(struct session *s, struct parley_view session_created)
{
    _cleanup_json_ json_t *created = json_parse(session_created, NULL);
    _cleanup_json_ json_t *for_model = settings_for_model(s);

    s->phase = SESSION_OPEN;
    const struct pending *p = pending_add(&s->pending, PENDING_AGENT_UPDATE, VIEW(""), NULL);
    view_copy(s->answering_model, sizeof(s->answering_model),
              json_get_view(json_object_get(created, "session"), "model"));
    view_copy(s->model_session_id, sizeof(s->model_session_id),
              json_get_view(json_object_get(created, "session"), "id"));
    rt_encode_session_update(&s->out, view_of(p->id), for_model);
    tell_out(s);
    if (s->resume.is_rebuilt) {
        past_settle_calls(s);
        (void)replay_conversation(s);
        resume_say_rebuilt(s);
    } else {
        resume_say_created(s);
    }
    resume_hold_lease(s);
    log_event(LOG_LEVEL_INFO, NAME_EVENT_SESSION_OPEN,
              "session open session=%s agent=%s user=%s model=\"%s\" connect_ms=%llu", s->id,
              s->agent->name, s->user, s->model_title,
              (unsigned long long)((clock_now_us() - s->opened_us) / 1000));
    s->move.taken_over_us = clock_now_us();
    move_watch_limit(s, json_get_int(json_object_get(created, "session"), "expires_at", 0),
                     clock_now_us());
    if (!s->resume.is_rebuilt)
        response_greet(s);
    response_next(s);
    connect_take_early(s);
}

void session_model_ready(struct session *s, struct parley_view session_created)
{
    if (s->phase != SESSION_CONNECTING || s->tool_wait.is_held)
        return;
    connected(s, NULL, NULL);
    failover_succeeded(s, s->model_place);
    if (!tool_wait_holds(s, session_created))
        session_begin(s, session_created);
}

/* The model's own close code when a server may send it, else the one that goes with the error. */
static int close_code_for(const struct parley_model_closed *closed, const struct rt_error *error)
{
    int code = closed->close_code;

    if ((code >= 3000 && code <= 4999) || (code >= 1007 && code <= 1013) || code == 1000 ||
        code == 1001)
        return code;
    int mapped = rt_error_close_code(error);
    /* Clients try again after 1011 to 1013: not where it is useless. */
    return mapped == 1011 && !closed->retryable ? 4000 : mapped;
}

static void note_model_gone(struct session *s, const struct parley_model_closed *closed,
                            const struct rt_error *error)
{
    const char *code = error->code[0] != '\0' ? error->code : turn_status_name(closed->status);

    if (s->phase == SESSION_CONNECTING && !s->tool_wait.is_held)
        connected(s, code, error->message);
    if (closed->status < 0)
        measure_model_error(s, code);
}

int connect_open(struct session *s, const struct model *model, const struct parley_model_caps *caps,
                 struct side *side, const char *traceparent, struct model_session **ret_model,
                 struct parley_error *err)
{
    struct parley_model_caps own = s->caps;
    struct buf text = {0};

    s->caps = *caps;
    _cleanup_json_ json_t *session = settings_for_model(s);
    s->caps = own;
    json_write(&text, session);
    const struct model_open open = {
        .session_id = s->id,
        .safety_identifier = s->user,
        .traceparent = traceparent,
        .tracestate = turn_tracestate(s),
        .agent = s->agent->name,
        .session = buf_view(&text),
    };
    int r = model_open(model, &open, &upstream_events, side, ret_model, err);
    buf_done(&text);
    return r;
}

static int open_model(struct session *s, size_t place, struct parley_error *err)
{
    const struct model *model = NULL;
    char traceparent[TRACEPARENT_SIZE];
    int r = worker_generation_model(s->wg, s->agent, place, &model, err);

    if (r < 0)
        return r;
    s->model_place = place;
    const struct instance *section = worker_generation_model_section(s->wg, s->agent, place);
    s->provider = instance_provider(section);
    s->model_name = instance_model_name(section);
    view_copy(s->model_title, sizeof(s->model_title), view_of(model->title));
    s->caps = (struct parley_model_caps){.size = sizeof(s->caps)};
    model->vtable->caps(model->instance, &s->caps);
    s->connecting_us = clock_now_us();
    spans_connect_begin(s);
    r = connect_open(s, model, &s->caps, &s->sides[s->side],
                     spans_connect_traceparent(s, traceparent), &s->model, err);
    if (r < 0)
        connected(s, turn_status_name(r), err->message);
    return r;
}

/* Models that refuse at once for a reason that may be theirs alone are passed over. */
int connect_begin(struct session *s, struct parley_error *err)
{
    bool is_another = s->tried_models != 0;
    char from[sizeof(s->model_title)];
    size_t place;
    int r = PARLEY_E_UNAVAILABLE;

    view_copy(from, sizeof(from), view_of(s->model_title));
    while (failover_choose(s, &place)) {
        failover_begin(s, place);
        r = open_model(s, place, err);
        if (r == PARLEY_OK && is_another) {
            log_warn("another model takes over session=%s from=\"%s\" to=\"%s\" reason=" MOVE_ERROR,
                     s->id, from, s->model_title);
            measure_moved(s, MOVE_ERROR);
        }
        if (r == PARLEY_OK || !failover_may_help(r)) {
            if (r < 0)
                failover_undecided(s, place);
            return r;
        }
        log_event(LOG_LEVEL_WARN, NAME_EVENT_EXCEPTION,
                  "a model could not be opened session=%s model=\"%s\" reason=\"%s\"", s->id,
                  s->model_title, err->message);
        failover_failed(s, place, err->retry_after_ms);
        is_another = true;
    }
    return r;
}

/* ---- the end of a model ---- */

/* The client is told why, and the session ends. reason: of the close frame; NULL: as the error. */
static void end_with(struct session *s, const struct rt_error *error, int close_code,
                     const char *close_reason)
{
    char reason[124];

    response_fail_all(s, error->code[0] == '\0' ? "model_gone" : error->code, error->message);
    if (close_reason == NULL)
        say_error(s, error, VIEW(""));
    rt_error_close_reason(error, reason);
    session_close_client(s, close_code, close_reason == NULL ? reason : close_reason);
    session_wind_up(s, strcmp(error->code, "session_expired") == 0 ? "limit" : "error");
}

void connect_failed(struct session *s, const struct rt_error *error, int close_code)
{
    end_with(s, error, close_code, NULL);
}

static void on_connect(void *ctx)
{
    struct session *s = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;
    struct rt_error error;

    int r = connect_begin(s, &err);
    if (r == PARLEY_OK)
        return;
    const struct parley_model_closed closed = {.status = r, .retryable = failover_may_help(r)};
    rt_error_copy(&error, NULL, err.code, err.message);
    end_with(s, &error, close_code_for(&closed, &error), NULL);
}

/* While it connects: another model may do. */
static bool try_next(struct session *s, const struct parley_model_closed *closed)
{
    size_t place;

    if (s->phase != SESSION_CONNECTING)
        return false;
    if (closed->status == PARLEY_OK || !closed->retryable) {
        failover_undecided(s, s->model_place);
        return false;
    }
    failover_failed(s, s->model_place, closed->retry_after_ms);
    if (!failover_choose(s, &place))
        return false;
    s->tool_wait.is_held = false;
    buf_clear(&s->tool_wait.created);
    loop_timer_start(s->env->loop, &s->connect, 0, on_connect, s);
    return true;
}

void session_model_gone(struct session *s, const struct parley_model_closed *closed)
{
    struct rt_error error;

    s->model = NULL;
    if (s->phase == SESSION_ENDED) {
        session_released(s);
        return;
    }
    const char *message = closed->message != NULL && closed->message[0] != '\0'
                              ? closed->message
                              : "The model ended the session.";
    log_event(LOG_LEVEL_WARN, NAME_EVENT_EXCEPTION,
              "the model closed session=%s model=\"%s\" status=%d code=%s close_code=%d "
              "retryable=%u message=\"%s\"",
              s->id, s->model_title, closed->status, closed->code == NULL ? "" : closed->code,
              closed->close_code, closed->retryable, message);
    rt_error_copy(&error, closed->type, closed->code, message);
    note_model_gone(s, closed, &error);
    int code = close_code_for(closed, &error);
    if (try_next(s, closed) || move_lost(s, closed, &error, code))
        return;
    bool is_orderly = closed->status == PARLEY_OK && error.code[0] == '\0';
    end_with(s, &error, code, is_orderly ? "model ended" : NULL);
}

void connect_stop(struct session *s)
{
    loop_timer_stop(&s->connect);
    move_stop(s);
    if (s->phase == SESSION_CONNECTING && s->model != NULL)
        failover_undecided(s, s->model_place);
}
