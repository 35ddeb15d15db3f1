/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running session goes over to another session with a model: since its own comes to its time
 * limit, was lost, or an operator asks. One way for all of them:
 *
 *     NONE --begins--> RESTING --opened--> OPENING --session.created--> CHECKING --agrees--> READY
 *                         ^                   |                            |
 *                         \---failed, next----/----------------------------/
 *     READY --quiet, or time is up, or the old model is gone--> NONE, on the new one
 *
 * While the old model lives it goes on to answer, and is left at a quiet moment: nobody speaks,
 * nothing runs, all calls have their results, and what was said has been played. Without one (the
 * gap) the client's events wait within the bounds of those that wait for a first model.
 *
 * Going over: what the lost model left open ends, the new one is told of the conversation
 * (replay.c), what was asked and not answered is asked again, and then the client's events go on.
 * The new model has the agent's settings before it gets there; it is not told to greet.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/state.h"

#include <stdlib.h>

#define CHECK_LIMIT_MS   10000 /* from session.update to session.updated */
#define ASKED_LIMIT_MS   30000 /* for a quiet moment, when an operator asks */
#define FIRST_REST_MS    500   /* after a round in which no model could be opened; doubled */
#define MOST_REST_MS     4000
#define SOON_MS          10000 /* a model lost so early is not well */
#define LOSSES_WINDOW_MS 60000
#define MOST_LOSSES      5 /* one after another within the window */
#define LAST_EXPIRY_S                                                                              \
    INT64_C(4102444800)        /* the year 2100: what a model says beyond it is no limit */
#define LONGEST_LEAD_MS 300000 /* before its limit a session begins to move; else a quarter */

static void on_step(void *ctx);

/* ---- small things ---- */

static uint64_t from_now_us(int64_t ms)
{
    return clock_now_us() + (uint64_t)ms * 1000;
}

static int64_t ms_until(uint64_t us)
{
    uint64_t now = clock_now_us();

    return us <= now ? 0 : (int64_t)((us - now + 999) / 1000);
}

bool move_is_gap(const struct session *s)
{
    return s->phase == SESSION_OPEN && s->model == NULL;
}

static void step_at(struct session *s, uint64_t us)
{
    loop_timer_start(s->env->loop, &s->move.step, ms_until(us), on_step, s);
}

static void told(struct session *s, const char *fault)
{
    void (*done)(void *, const char *) = s->move.done;

    s->move.done = NULL;
    if (done != NULL)
        done(s->move.done_ctx, fault);
}

/* Nothing is being opened any more. */
static void end_move(struct session *s, const char *fault)
{
    s->move.stage = MOVE_NONE;
    loop_timer_stop(&s->move.step);
    s->move.model = model_abandon(s->move.model);
    spans_move_end(s, "abandoned", "It was not needed any more, or time was up.");
    told(s, fault);
}

void move_stop(struct session *s)
{
    if (s->move.model != NULL)
        failover_undecided(s, s->move.place);
    loop_timer_stop(&s->move.rotation);
    end_move(s, "The session has ended.");
}

static void begin(struct session *s, const char *reason, uint64_t deadline_us)
{
    struct move *m = &s->move;

    m->stage = MOVE_RESTING;
    m->reason = reason;
    m->asked_place = SIZE_MAX;
    m->began_us = clock_now_us();
    m->deadline_us = deadline_us;
    m->rounds = 0;
    s->tried_models = 0;
    step_at(s, 0);
}

/* ---- opening ---- */

static bool choose(struct session *s, size_t *ret_place)
{
    const struct move *m = &s->move;
    size_t own = s->model_place;
    const struct model_health *h = worker_generation_health(s->wg, s->agent, own);

    if (m->asked_place != SIZE_MAX) {
        *ret_place = m->asked_place;
        return (s->tried_models >> m->asked_place & 1) == 0;
    }
    /* A model whose connection broke is the first to be asked; at a limit the agent's order is. */
    if (strcmp(m->reason, MOVE_ERROR) == 0 && (s->tried_models >> own & 1) == 0 &&
        (h == NULL || health_admits(h, clock_now_us()))) {
        *ret_place = own;
        return true;
    }
    return failover_choose(s, ret_place);
}

static void note_failure(struct session *s, const char *type, const char *code, const char *message,
                         int close_code)
{
    struct move *m = &s->move;

    rt_error_copy(&m->failure, type, code, message);
    m->failure_code = close_code;
    log_warn("a model could not take over session=%s model=\"%s\" reason=%s code=%s message=\"%s\"",
             s->id, m->title, m->reason, m->failure.code, m->failure.message);
}

static int open_at(struct session *s, size_t place, struct parley_error *err)
{
    struct move *m = &s->move;
    const struct model *model = NULL;
    const struct instance *section = worker_generation_model_section(s->wg, s->agent, place);
    char traceparent[TRACEPARENT_SIZE];
    int r = worker_generation_model(s->wg, s->agent, place, &model, err);

    if (r < 0)
        return r;
    m->place = place;
    m->provider = instance_provider(section);
    m->model_name = instance_model_name(section);
    view_copy(m->title, sizeof(m->title), view_of(model->title));
    m->caps = (struct parley_model_caps){.size = sizeof(m->caps)};
    model->vtable->caps(model->instance, &m->caps);
    m->opened_us = clock_now_us();
    spans_move_begin(s, m->provider, m->model_name, m->reason);
    r = connect_open(s, model, &m->caps, &s->sides[!s->side],
                     spans_move_traceparent(s, traceparent), &m->model, err);
    if (r < 0)
        spans_move_end(s, turn_status_name(r), err->message);
    return r;
}

static void give_up(struct session *s)
{
    const struct rt_error failure = s->move.failure;
    int code = s->move.failure_code;

    end_move(s, failure.message);
    connect_failed(s, &failure, code);
}

/* Every model has failed. */
static void round_over(struct session *s)
{
    struct move *m = &s->move;
    int64_t rest_ms = FIRST_REST_MS << (m->rounds > 3 ? 3 : m->rounds);
    uint64_t next_us = from_now_us(rest_ms > MOST_REST_MS ? MOST_REST_MS : rest_ms);

    if (m->asked_place != SIZE_MAX && !move_is_gap(s)) {
        end_move(s, m->failure.message);
    } else if (next_us < m->deadline_us) {
        m->asked_place = SIZE_MAX;
        m->stage = MOVE_RESTING;
        m->rounds++;
        s->tried_models = 0;
        step_at(s, next_us);
    } else if (move_is_gap(s)) {
        give_up(s);
    } else {
        end_move(s, m->failure.message); /* the model will go by itself, and be looked for then */
    }
}

static void open_next(struct session *s)
{
    struct move *m = &s->move;
    size_t place;

    while (choose(s, &place)) {
        struct parley_error err = PARLEY_ERROR_INIT;
        failover_begin(s, place);
        int r = open_at(s, place, &err);
        if (r == PARLEY_OK) {
            m->stage = MOVE_OPENING;
            step_at(s, m->deadline_us);
            return;
        }
        note_failure(s, NULL, err.code, err.message, failover_may_help(r) ? 1011 : 4000);
        failover_failed(s, place, err.retry_after_ms);
    }
    round_over(s);
}

/* This one will not do. */
static void pass_over(struct session *s, int64_t retry_after_ms)
{
    struct move *m = &s->move;

    m->model = model_abandon(m->model);
    measure_connect_of(s, m->provider, clock_now_us() - m->opened_us, m->failure.code);
    spans_move_end(s, m->failure.code[0] == '\0' ? "model_gone" : m->failure.code,
                   m->failure.message);
    failover_failed(s, m->place, retry_after_ms);
    m->stage = MOVE_RESTING;
    step_at(s, 0);
}

/* ---- what the next model says ---- */

static void tell_settings(struct session *s)
{
    struct move *m = &s->move;
    struct parley_error err = PARLEY_ERROR_INIT;
    struct parley_model_caps own = s->caps;
    struct buf event = {0};

    s->caps = m->caps;
    _cleanup_json_ json_t *settings = settings_for_model(s);
    s->caps = own;
    rt_encode_session_update(&event, view_of(m->update_id), settings);
    m->is_update_told = model_send(m->model, buf_view(&event), 0, &err) == PARLEY_OK;
    buf_done(&event);
}

void move_opened(struct session *s, struct parley_view session_created)
{
    _cleanup_json_ json_t *tree = json_parse(session_created, NULL);
    const json_t *created = json_object_get(tree, "session");
    struct move *m = &s->move;
    uint64_t limit_us = from_now_us(CHECK_LIMIT_MS);

    if (m->stage != MOVE_OPENING)
        return;
    m->stage = MOVE_CHECKING;
    view_copy(m->answering_model, sizeof(m->answering_model), json_get_view(created, "model"));
    view_copy(m->model_session_id, sizeof(m->model_session_id), json_get_view(created, "id"));
    m->expires_unix = json_get_int(created, "expires_at", 0);
    (void)snprintf(m->update_id, sizeof(m->update_id), "%s_m%u", s->pending.prefix,
                   s->model_number + 1);
    tell_settings(s);
    step_at(s, limit_us < m->deadline_us ? limit_us : m->deadline_us);
}

void move_writable(struct session *s)
{
    if (s->move.stage == MOVE_CHECKING && !s->move.is_update_told)
        tell_settings(s);
}

static void agreed(struct session *s)
{
    struct move *m = &s->move;

    measure_connect_of(s, m->provider, clock_now_us() - m->opened_us, NULL);
    spans_move_end(s, NULL, NULL);
    failover_succeeded(s, m->place);
    m->stage = MOVE_READY;
    summary_begin(s);
    step_at(s, 0);
}

static void refused(struct session *s, const json_t *error)
{
    log_error("the model refused the agent's settings session=%s agent=%s model=\"%s\" code=%s "
              "message=\"%s\"",
              s->id, s->agent->name, s->move.title, json_get_str(error, "code", ""),
              json_get_str(error, "message", ""));
    note_failure(s, NULL, "agent_refused_by_model",
                 "The model refused the agent's settings; the server's log says which.", 4000);
    pass_over(s, 0);
}

void move_event(struct session *s, struct parley_view event)
{
    struct rt_peek peek;

    if (s->move.stage != MOVE_CHECKING || rt_peek(event, &peek) < 0)
        return;
    if (peek.event == RT_SESSION_UPDATED) {
        agreed(s);
    } else if (peek.event == RT_ERROR) {
        _cleanup_json_ json_t *tree = json_parse(event, NULL);
        refused(s, json_object_get(tree, "error"));
    }
}

void move_closed(struct session *s, const struct parley_model_closed *closed)
{
    struct move *m = &s->move;
    const char *message = closed->message != NULL && closed->message[0] != '\0'
                              ? closed->message
                              : "The model ended the session.";

    m->model = NULL;
    if (m->stage < MOVE_OPENING)
        return;
    note_failure(s, closed->type, closed->code, message, closed->retryable ? 1011 : 4000);
    pass_over(s, closed->retry_after_ms);
}

/* ---- a quiet moment ---- */

/* Nothing runs; what will end by itself is over then. */
static bool is_idle(const struct session *s, uint64_t *ret_over_us)
{
    const struct sequencer *q = &s->sequencer;
    uint64_t heard_us = hearing_due_us(s);
    uint64_t played_us = playback_end_us(&s->playback);

    *ret_over_us = heard_us > played_us ? heard_us : played_us;
    return !session_is_busy(s) && q->count == 0 && !q->wish.is_waiting && !q->again.is_waiting &&
           q->unshown == NULL && quiet_is(s) && !hearing_is_busy(s) &&
           list_empty(&s->held.events) && !loop_timer_is_running(&s->interruption.wait) &&
           !pending_has(&s->pending, PENDING_CLIENT_UPDATE) && !replay_has_open_call(s);
}

/* ---- going over ---- */

/* Answers that the client waits for and that the old model will not give any more. */
static void settle_pending(struct session *s)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct pending *p = &s->pending.entries[i];
        if (p->kind == PENDING_CLIENT_UPDATE) {
            _cleanup_json_ json_t *view = settings_for_client(s);
            rt_encode_session(&s->out, RT_SESSION_UPDATED, view);
            say_out(s);
        } else if (p->kind == PENDING_CLIENT_ASIDE) {
            say_fault(s, RT_ERROR_SERVER, NULL, view_of(p->client_event_id),
                      "The model was replaced before it began this response (response.create); ask "
                      "again.");
        }
        pending_remove(p);
    }
}

struct kept_audio {
    size_t appends;
    bool has_commit;
};

/* Of what a busy model had not taken yet: audio is as good for the next. */
static void keep_audio(struct session *s, struct event_queue *kept, struct kept_audio *ret)
{
    struct event_queue all = {.bytes = 0};
    struct rt_peek peek;

    list_init(&kept->events);
    list_init(&all.events);
    while (!list_empty(&s->held.events)) {
        struct queued_event *e = list_entry(s->held.events.next, struct queued_event, entry);
        const struct parley_view event = {e->bytes + PARLEY_EVENT_ROOM_BYTES, e->len};
        list_remove(&e->entry);
        bool is_audio = rt_peek(event, &peek) == PARLEY_OK &&
                        (peek.event == RT_INPUT_AUDIO_APPEND ||
                         peek.event == RT_INPUT_AUDIO_COMMIT || peek.event == RT_INPUT_AUDIO_CLEAR);
        ret->appends += is_audio && peek.event == RT_INPUT_AUDIO_APPEND;
        ret->has_commit = ret->has_commit || (is_audio && peek.event == RT_INPUT_AUDIO_COMMIT);
        list_append(is_audio ? &kept->events : &all.events, &e->entry);
    }
    s->held.bytes = 0;
    queue_clear(&all);
}

static void tell_audio(struct session *s, struct event_queue *kept)
{
    struct list *at;

    list_for_each(at, &kept->events)
    {
        struct queued_event *e = list_entry(at, struct queued_event, entry);
        tell_view(s, (struct parley_view){e->bytes + PARLEY_EVENT_ROOM_BYTES, e->len},
                  PARLEY_EVENT_ROOM);
    }
    queue_clear(kept);
}

/* The turn that a lost model had begun to hear. */
static void tell_unheard(struct session *s, bool is_unheard, bool commits, size_t held)
{
    if (!is_unheard) {
        queue_clear(&s->unheard);
        return;
    }
    hearing_tell(s, held);
    s->hearing.uncommitted_bytes = s->unheard.bytes;
    if (!commits)
        return;
    rt_encode_bare(&s->out, RT_INPUT_AUDIO_COMMIT, VIEW(""));
    tell_out(s);
    s->hearing.is_commit_asked = true;
}

/* The model that was opened is the session's from here on. */
static void adopt(struct session *s)
{
    struct move *m = &s->move;

    s->side = !s->side;
    s->model = m->model;
    m->model = NULL;
    s->model_place = m->place;
    s->caps = m->caps;
    s->provider = m->provider;
    s->model_name = m->model_name;
    view_copy(s->model_title, sizeof(s->model_title), view_of(m->title));
    view_copy(s->answering_model, sizeof(s->answering_model), view_of(m->answering_model));
    view_copy(s->model_session_id, sizeof(s->model_session_id), view_of(m->model_session_id));
    s->hearing = (struct hearing){0};
    quiet_speech_stopped(s, false); /* this one has heard nothing yet */
    names_next_model(s);
}

static void go_over(struct session *s)
{
    struct move *m = &s->move;
    char from[sizeof(s->model_title)];
    struct event_queue audio = {.bytes = 0};
    struct kept_audio kept = {0};
    struct model_session *old = s->model;

    view_copy(from, sizeof(from), view_of(s->model_title));
    if (old != NULL)
        response_lost(s, "model_replaced", "The model that answered was replaced.");
    s->model = model_abandon(old);
    keep_audio(s, &audio, &kept);
    bool is_unheard = old == NULL && hearing_is_open(s);
    bool commits = is_unheard && s->hearing.is_commit_asked && !kept.has_commit;
    settle_pending(s);
    adopt(s);
    m->stage = MOVE_NONE;
    loop_timer_stop(&m->step);
    m->taken_over_us = clock_now_us();
    summary_place(s);
    size_t count = replay_conversation(s);
    tell_unheard(s, is_unheard, commits, kept.appends);
    tell_audio(s, &audio);
    measure_moved(s, m->reason);
    log_info("the session goes on with another session of a model session=%s reason=%s from=\"%s\" "
             "to=\"%s\" took_ms=%llu items=%zu",
             s->id, m->reason, from, s->model_title,
             (unsigned long long)((m->taken_over_us - m->began_us) / 1000), count);
    move_watch_limit(s, m->expires_unix, m->opened_us);
    told(s, NULL);
    response_next(s);
    connect_take_early(s);
}

static void go_over_when_quiet(struct session *s)
{
    struct move *m = &s->move;
    uint64_t over_us;

    bool idle = is_idle(s, &over_us) && !summary_is_due(s);
    uint64_t now = clock_now_us();
    if (move_is_gap(s) || now >= m->deadline_us || (idle && over_us <= now))
        go_over(s);
    else
        step_at(s, idle && over_us < m->deadline_us ? over_us : m->deadline_us);
}

void move_check(struct session *s)
{
    if (s->move.stage == MOVE_READY && s->phase == SESSION_OPEN)
        step_at(s, 0);
}

static void on_step(void *ctx)
{
    struct session *s = ctx;
    struct move *m = &s->move;

    switch (m->stage) {
    case MOVE_RESTING:
        open_next(s);
        break;
    case MOVE_OPENING:
    case MOVE_CHECKING:
        note_failure(s, NULL, "model_silent", "The model did not answer in time.", 1011);
        pass_over(s, 0);
        if (clock_now_us() >= m->deadline_us)
            round_over(s);
        break;
    case MOVE_READY:
        go_over_when_quiet(s);
        break;
    default:
        break;
    }
}

/* ---- why ---- */

bool move_lost(struct session *s, const struct parley_model_closed *closed,
               const struct rt_error *error, int close_code)
{
    struct move *m = &s->move;
    uint64_t now = clock_now_us();

    if (s->phase != SESSION_OPEN || s->agent->config->reconnect_ms == 0 ||
        closed->status == PARLEY_OK || !closed->retryable)
        return false;
    if (now - m->taken_over_us > LOSSES_WINDOW_MS * UINT64_C(1000))
        m->losses = 0;
    if (++m->losses > MOST_LOSSES)
        return false;
    if (closed->status == PARLEY_E_BUSY || now - m->taken_over_us < SOON_MS * UINT64_C(1000))
        failover_failed(s, s->model_place, closed->retry_after_ms);
    m->failure = *error;
    m->failure_code = close_code;
    loop_timer_stop(&m->rotation);
    if (s->resume.is_away && m->stage == MOVE_NONE) {
        response_lost(s, "model_lost", error->message); /* another is opened when it is back */
        return true;
    }
    if (m->stage == MOVE_NONE)
        begin(s, MOVE_ERROR, 0);
    m->deadline_us = from_now_us(s->agent->config->reconnect_ms);
    step_at(s, m->stage == MOVE_OPENING || m->stage == MOVE_CHECKING ? m->deadline_us : 0);
    response_lost(s, error->code[0] == '\0' ? "model_lost" : error->code, error->message);
    return true;
}

static void on_rotation(void *ctx)
{
    struct session *s = ctx;

    if (s->move.stage == MOVE_NONE && s->phase == SESSION_OPEN && s->model != NULL)
        begin(s, MOVE_LIMIT, s->move.limit_us);
}

/* Milliseconds that a model's session may last from when it was opened; 0: for ever. */
static int64_t limit_ms(const struct session *s, int64_t expires_unix)
{
    int64_t limit = s->agent->config->session_limit_ms > 0 ? s->agent->config->session_limit_ms
                                                           : s->caps.session_limit_ms;
    bool is_none = expires_unix <= 0 || expires_unix > LAST_EXPIRY_S;
    int64_t said = is_none ? 0 : expires_unix * 1000 - clock_unix_ms();

    return said > 0 && (limit == 0 || said < limit) ? said : limit;
}

void move_watch_limit(struct session *s, int64_t expires_unix, uint64_t opened_us)
{
    struct move *m = &s->move;
    int64_t limit = limit_ms(s, expires_unix);
    int64_t lead = limit / 4 > LONGEST_LEAD_MS ? LONGEST_LEAD_MS : limit / 4;

    loop_timer_stop(&m->rotation);
    if (limit == 0)
        return;
    m->limit_us = opened_us + (uint64_t)(limit - lead / 4) * 1000;
    loop_timer_start(s->env->loop, &m->rotation,
                     ms_until(opened_us + (uint64_t)(limit - lead) * 1000), on_rotation, s);
}

bool move_suspend(struct session *s)
{
    uint64_t over_us;
    bool idle = is_idle(s, &over_us);

    if (s->move.stage != MOVE_NONE || !idle || over_us > clock_now_us())
        return s->model == NULL && s->move.stage == MOVE_NONE;
    loop_timer_stop(&s->move.rotation);
    s->model = model_abandon(s->model);
    return true;
}

void move_back(struct session *s, int64_t within_ms)
{
    if (move_is_gap(s) && s->move.stage == MOVE_NONE)
        begin(s, MOVE_RESUME, from_now_us(within_ms));
}

static size_t place_of(const struct session *s, const char *model)
{
    const struct parley_list *list = &s->agent->config->model;

    for (size_t i = 0; i < list->count && i < 64; i++) {
        if (strcmp(list->items[i], model) == 0)
            return i;
    }
    return SIZE_MAX;
}

/* Why it cannot go there; written to `room` where it needs words of its own. NULL: it can. */
static const char *obstacle(struct session *s, const char *model, char room[256])
{
    size_t place = place_of(s, model);
    const char *lacks = NULL;

    if (s->phase != SESSION_OPEN || s->model == NULL)
        return "The session has no model now; try again when it is open.";
    if (s->move.stage != MOVE_NONE)
        return "The session is going over to another model already.";
    if (place == SIZE_MAX)
        (void)snprintf(room, 256, "Agent %s has no model \"%s\"; its list is the key `model`.",
                       s->agent->name, model);
    else if (!failover_fits(s, place, &lacks))
        (void)snprintf(room, 256, "Model %s lacks what the session uses: %s.", model, lacks);
    else
        return NULL;
    return room;
}

void move_ask(struct session *s, const char *model, void (*done)(void *ctx, const char *fault),
              void *ctx)
{
    char room[256];
    const char *fault = obstacle(s, model, room);

    if (fault != NULL) {
        done(ctx, fault);
        return;
    }
    begin(s, MOVE_PLANNED, from_now_us(ASKED_LIMIT_MS));
    s->move.asked_place = place_of(s, model);
    s->move.done = done;
    s->move.done_ctx = ctx;
}
