/* SPDX-License-Identifier: Apache-2.0 */
#include "session/trace.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/said.h"
#include "session/state.h"
#include "telemetry/names.h"

#include <math.h>

#define US_PER_S 1e6

const char *turn_status_name(int status)
{
    switch (status) {
    case PARLEY_OK:
        return "ok";
    case PARLEY_E_TIMEOUT:
        return "timeout";
    case PARLEY_E_CANCELLED:
        return "cancelled";
    case PARLEY_E_DENIED:
        return "denied";
    case PARLEY_E_NOT_FOUND:
        return "not_found";
    case PARLEY_E_INVALID:
        return "invalid";
    default:
        return "failed";
    }
}

uint64_t turn_answered_us(const struct turn *t)
{
    return t->first_audio_us != 0 ? t->first_audio_us : t->first_output_us;
}

struct usage turn_usage(const struct rt_usage *u)
{
    return (struct usage){
        .input_text = u->input_text,
        .input_audio = u->input_audio,
        .input_image = u->input_image,
        .cached_text = u->cached_text,
        .cached_audio = u->cached_audio,
        .cached_image = u->cached_image,
        .output_text = u->output_text,
        .output_audio = u->output_audio,
    };
}

static struct span *root_of(const struct turn *t)
{
    return t->spans == NULL ? NULL : t->spans->root;
}

/* ---- the end, as spans and metrics ---- */

static const char *end_reason(const struct turn *t)
{
    const char *status = t->status;

    if (strcmp(status, "completed") == 0)
        return t->interrupted_us != 0 ? "interrupted" : "completed";
    if (strcmp(status, "cancelled") == 0 || strcmp(status, "replaced") == 0)
        return "interrupted";
    if (strcmp(status, "session_ended") == 0)
        return t->error_code[0] != '\0' ? "failed" : "closed";
    return status; /* interrupted, failed, incomplete */
}

static void set_latency(struct span *root, const char *key, const struct turn *t, uint64_t at_us)
{
    if (at_us != 0)
        span_set_double(root, key, (double)(at_us - t->asked_us) / US_PER_S);
}

static void set_instants(struct span *root, const struct turn *t)
{
    if (t->speech_us != 0) {
        span_event(root, NAME_EVENT_SPEECH_START, t->speech_us);
        span_event(root, NAME_EVENT_SPEECH_END, t->asked_us);
    }
    if (turn_answered_us(t) != 0)
        span_event(root, NAME_EVENT_FIRST_OUTPUT, turn_answered_us(t));
    if (t->interrupted_us != 0)
        span_event(root, NAME_EVENT_INTERRUPTION, t->interrupted_us);
    if (t->first_output_us != 0)
        span_event(root, NAME_EVENT_LAST_OUTPUT, t->stopped_us != 0 ? t->stopped_us : t->ended_us);
}

static void set_audio(const struct session *s, struct span *root, const struct turn *t)
{
    if (t->first_audio_us == 0)
        return;
    span_set_int(root, NAME_AUDIO_SENT_MS, (int64_t)(t->sent_bytes / session_bytes_per_ms(s)));
    if (t->interrupted_us != 0)
        span_set_int(root, NAME_AUDIO_PLAYED_MS, t->heard_ms);
}

/* For exporters that show what was said: where it can be heard. */
static void set_recording(const struct session *s, struct span *root, const struct turn *t)
{
    uint64_t now = clock_now_us();
    uint64_t end = t->first_audio_us == 0 ? t->ended_us : playback_end_us(&s->playback);
    struct tape_slice slice;

    if (t->interrupted_us != 0)
        end = t->interrupted_us;
    if (!tape_slice(s, t->speech_us != 0 ? t->speech_us : t->asked_us, end < now ? end : now,
                    &slice))
        return;
    span_set_str(root, NAME_RECORDING_FILE, view_of(slice.file));
    span_set_int(root, NAME_RECORDING_FROM_MS, slice.from_ms);
    span_set_int(root, NAME_RECORDING_UNTIL_MS, slice.until_ms);
}

/* Until the answer, or without one until the end. */
static bool is_slow(const struct session *s, const struct turn *t)
{
    uint64_t limit = telemetry_slow_us(s->env->recorder);
    uint64_t answered = turn_answered_us(t);

    return limit > 0 && (answered != 0 ? answered : t->ended_us) - t->asked_us > limit;
}

static void set_tokens(const struct session *s, const struct turn_spans *t)
{
    if (t == NULL)
        return;
    const struct usage usage = turn_usage(&t->usage);
    if (t->has_usage)
        usage_set(t->root, &usage);
    cost_set(s, t->root, &t->cost);
}

static void describe(struct session *s, struct turn *t, const char *reason)
{
    struct span *root = root_of(t);

    span_set_int(root, NAME_TURN_NUMBER, t->number);
    span_set_str(root, NAME_TURN_TRIGGER, view_of(t->trigger));
    span_set_str(root, NAME_TURN_END_REASON, view_of(reason));
    set_latency(root, NAME_RESPONSE_LATENCY, t, turn_answered_us(t));
    set_latency(root, NAME_MODEL_LATENCY, t, t->first_output_us);
    set_instants(root, t);
    set_audio(s, root, t);
    set_recording(s, root, t);
    if (is_slow(s, t))
        spans_turn_keep(t->spans);
    set_tokens(s, t->spans);
    if (strcmp(reason, "failed") == 0)
        span_fail(root, view_of(t->error_code), view_of(t->error_message));
    said_set(root, NAME_INPUT_MESSAGES, "user", &t->user_said);
    said_set(root, NAME_OUTPUT_MESSAGES, "assistant", &t->agent_said);
}

/* Once a session: whoever sends large texts does so again. */
static void check_said(struct session *s, bool fits)
{
    if (fits || s->said_too_much)
        return;
    s->said_too_much = true;
    log_warn("words are left out of a turn's span, which holds up to %d bytes of them; the "
             "conversation keeps them session=%s",
             SAID_MAX_BYTES, s->id);
}

/* What was said in what was no turn belongs to the next. */
static void keep_said(struct session *s, struct turn *t)
{
    check_said(s, said_add(&t->user_said, buf_view(&s->user_said)));
    buf_done(&s->user_said);
    s->user_said = TAKE(t->user_said);
}

/* Nothing can change the ended turn any more: it becomes a span and numbers. */
static void settle(struct session *s)
{
    struct turn *t = &s->turn;

    if (!t->is_playing)
        return;
    t->is_playing = false;
    loop_timer_stop(&t->played);
    /* Speech that went on before anything answered was no turn. */
    if (t->response_us == 0 && strcmp(t->status, "replaced") == 0) {
        spans_turn_drop(TAKE(t->spans));
        keep_said(s, t);
        return;
    }
    const char *reason = end_reason(t);
    describe(s, t, reason);
    measure_turn(s, t, reason, t->ended_us);
    measure_publish(s);
    spans_turn_end(TAKE(t->spans), t->ended_us);
}

static void on_played(void *ctx)
{
    settle(ctx);
}

/* The clock's idea of when the client has played everything. */
static void settle_when_played(struct session *s)
{
    uint64_t now = clock_now_us();
    uint64_t end = s->turn.first_audio_us == 0 ? 0 : playback_end_us(&s->playback);

    if (end <= now || s->turn.interrupted_us != 0)
        settle(s);
    else
        loop_timer_start(s->env->loop, &s->turn.played, (int64_t)((end - now) / 1000) + 1,
                         on_played, s);
}

/* ---- the beginning ---- */

/* When the user stopped speaking: turn detection waits for silence before it says so. */
static uint64_t speech_end_us(const struct session *s, uint64_t now)
{
    uint64_t silence_us = (uint64_t)s->view.silence_duration_ms * 1000;

    if (s->view.turns != RT_TURNS_SERVER_VAD || silence_us >= now)
        return now;
    /* Where a client sends faster than anyone speaks, silence is shorter than it says. */
    return now - silence_us > s->speech_us ? now - silence_us : s->speech_us;
}

static void begin(struct session *s, const char *trigger)
{
    struct turn *t = &s->turn;
    unsigned number = t->number + 1;
    bool is_spoken = strcmp(trigger, "speech") == 0;
    uint64_t now = clock_now_us();
    uint64_t asked_us = is_spoken ? speech_end_us(s, now) : now;

    if (t->is_running)
        turn_ended(s, "replaced");
    settle(s);
    buf_done(&t->user_said);
    buf_done(&t->agent_said);
    *t = (struct turn){.number = number,
                       .is_running = true,
                       .trigger = trigger,
                       .start_us = now,
                       .asked_us = asked_us,
                       .speech_us = is_spoken ? TAKE(s->speech_us) : 0,
                       .sent_bytes = s->counts.output_bytes,
                       .user_said = TAKE(s->user_said)};
    t->spans = spans_turn_begin(s, t->asked_us);
    if (t->spans == NULL)
        return;
    struct trace_context context = span_context(t->spans->root);
    (void)spans_tell(s, &context, t->traceparent);
}

void turn_speech_started(struct session *s)
{
    s->speech_us = clock_now_us();
}

void turn_speech_ended(struct session *s)
{
    begin(s, "speech");
}

void turn_item(struct session *s, const json_t *item)
{
    struct parley_view type = json_get_view(item, "type");

    s->has_tool_output = view_is(type, "function_call_output");
    if (spans_capture_content(s) && view_is(json_get_view(item, "role"), "user"))
        check_said(s, said_add_item(&s->user_said, item));
}

void turn_requested(struct session *s)
{
    if (!s->turn.is_running || s->turn.response_us != 0)
        begin(s, s->has_tool_output ? "tools" : "text");
}

void turn_transcript(struct session *s, struct parley_view text, bool is_late)
{
    bool has_turn = s->turn.is_running || s->turn.is_playing;

    /* Later than its turn, whose span has gone: it is none of the next one's words. */
    if (spans_capture_content(s) && (has_turn || !is_late))
        check_said(s, said_add(has_turn ? &s->turn.user_said : &s->user_said, text));
}

/* ---- responses ---- */

static const char *trigger_of(const struct response *r, bool answers_tools)
{
    if (answers_tools)
        return "tools";
    return r->by == RESPONSE_BY_GREETING ? "greeting"
           : r->by == RESPONSE_BY_CLIENT ? "text"
                                         : "model";
}

static void begin_answer_span(struct session *s, struct response *r)
{
    spans_child_begin(s, &r->trace, r->in_band ? s->turn.spans : NULL, PARLEY_SPAN_CLIENT);
    struct span *span = r->trace.span;
    span_set_name(span, NAME_INFERENCE, view_of(s->model_name));
    span_set_str(span, NAME_OPERATION, VIEW(NAME_INFERENCE));
    span_set_str(span, NAME_PROVIDER, view_of(s->provider));
    span_set_str(span, NAME_REQUEST_MODEL, view_of(s->model_name));
    span_set_str(span, NAME_RESPONSE_MODEL, view_of(s->answering_model));
    span_set_str(span, NAME_REALTIME_SESSION_ID, view_of(s->model_session_id));
    span_set_str(span, NAME_RESPONSE_ID, view_of(r->id));
}

/* Is the response of the turn that runs? */
static bool goes_on(const struct turn *t, bool answers_tools)
{
    return t->is_running && (answers_tools || t->is_asked_again || t->response_us == 0);
}

void turn_response_created(struct session *s, struct response *r, bool answers_tools)
{
    if (r->in_band) {
        if (!goes_on(&s->turn, answers_tools))
            begin(s, trigger_of(r, answers_tools));
        s->turn.is_asked_again = false;
        s->turn.error_code[0] = s->turn.error_message[0] = '\0'; /* made good */
        if (s->turn.response_us == 0)
            s->turn.response_us = clock_now_us();
        s->has_tool_output = false;
        r->turn = s->turn.number;
    }
    begin_answer_span(s, r);
}

void turn_output(struct session *s, struct response *r, bool is_audio)
{
    struct turn *t = &s->turn;

    if (r->first_output_us == 0) {
        r->first_output_us = clock_now_us();
        span_event(r->trace.span, NAME_EVENT_FIRST_EVENT, r->first_output_us);
    }
    if (!r->in_band || r->turn != t->number)
        return;
    if (t->first_output_us == 0)
        t->first_output_us = clock_now_us();
    if (is_audio && t->first_audio_us == 0)
        t->first_audio_us = clock_now_us();
    if (is_audio && t->interrupted_us != 0)
        t->stopped_us = clock_now_us();
}

void turn_interrupted(struct session *s, int64_t heard_ms)
{
    struct turn *t = &s->turn;

    if ((!t->is_running && !t->is_playing) || t->interrupted_us != 0)
        return;
    t->interrupted_us = clock_now_us();
    t->heard_ms = heard_ms;
    if (t->is_playing)
        settle(s);
}

/* ---- trace events for clients that asked ---- */

static bool trace_begin(struct session *s, const char *type)
{
    char id[ID_SIZE];

    if (!s->wants_trace || s->client == NULL)
        return false;
    id_make(id, "event_");
    buf_printf(&s->out, "{\"type\":\"%s\",\"event_id\":\"%s\"", type, id);
    return true;
}

static void say_tool_started(struct session *s, const struct call *c)
{
    if (!trace_begin(s, "parley.tool_call.started"))
        return;
    rt_encode_string(&s->out, "call_id", view_of(c->call_id));
    rt_encode_string(&s->out, "name", view_of(c->name));
    rt_encode_string(&s->out, "arguments", json_view(c->arguments));
    buf_append_str(&s->out, ",\"server\":true");
    rt_encode_end(&s->out);
    say_out(s);
}

void turn_tool_progress(struct session *s, const struct call *c, double done, double total,
                        struct parley_view message)
{
    if (!isfinite(done) || !trace_begin(s, "parley.tool_call.progress"))
        return;
    rt_encode_string(&s->out, "call_id", view_of(c->call_id));
    rt_encode_string(&s->out, "name", view_of(c->name));
    buf_printf(&s->out, ",\"done\":%.17g", done);
    if (isfinite(total) && total > 0)
        buf_printf(&s->out, ",\"total\":%.17g", total);
    rt_encode_string(&s->out, "message", message);
    rt_encode_end(&s->out);
    say_out(s);
}

static void say_tool_ended(struct session *s, const struct call *c,
                           const struct tools_result *result)
{
    if (!trace_begin(s, "parley.tool_call.done"))
        return;
    rt_encode_string(&s->out, "call_id", view_of(c->call_id));
    rt_encode_string(&s->out, "name", view_of(c->name));
    rt_encode_string(&s->out, "status", view_of(turn_status_name(result->status)));
    rt_encode_string(&s->out, "output", result->output);
    rt_encode_int(&s->out, "duration_ms", (int64_t)((clock_now_us() - c->start_us) / 1000));
    rt_encode_end(&s->out);
    say_out(s);
}

static int64_t since_start_ms(const struct turn *t, uint64_t at_us)
{
    return at_us < t->start_us ? 0 : (int64_t)((at_us - t->start_us) / 1000);
}

static void say_turn(struct session *s, const char *status)
{
    const struct turn *t = &s->turn;

    if (!trace_begin(s, "parley.turn.done"))
        return;
    rt_encode_int(&s->out, "turn", t->number);
    rt_encode_string(&s->out, "status", view_of(status));
    if (t->first_output_us != 0)
        rt_encode_int(&s->out, "first_output_ms", since_start_ms(t, t->first_output_us));
    if (t->first_audio_us != 0)
        rt_encode_int(&s->out, "first_audio_ms", since_start_ms(t, t->first_audio_us));
    rt_encode_int(&s->out, "response_ms", since_start_ms(t, clock_now_us()));
    rt_encode_int(&s->out, "tool_calls", t->tool_calls);
    rt_encode_int(&s->out, "tool_errors", t->tool_errors);
    buf_append_str(&s->out, ",\"usage\":");
    rt_usage_write(&s->out, &t->usage);
    rt_encode_end(&s->out);
    say_out(s);
}

/* ---- tools ---- */

static void begin_tool_span(struct session *s, struct call *c)
{
    spans_child_begin(s, &c->trace, s->turn.spans, PARLEY_SPAN_INTERNAL);
    struct span *span = c->trace.span;
    span_set_name(span, NAME_EXECUTE_TOOL, view_of(c->name));
    span_set_str(span, NAME_OPERATION, VIEW(NAME_EXECUTE_TOOL));
    span_set_str(span, NAME_TOOL_NAME, view_of(c->name));
    span_set_str(span, NAME_TOOL_CALL_ID, view_of(c->call_id));
    span_set_str(span, NAME_TOOL_TYPE, VIEW("function"));
    span_set_content(span, NAME_TOOL_ARGUMENTS, json_view(c->arguments));
}

void turn_tool_started(struct session *s, struct call *c)
{
    s->turn.tool_calls++;
    c->turn = s->turn.number;
    c->start_us = clock_now_us(); /* until then a person may have been asked */
    begin_tool_span(s, c);
    say_tool_started(s, c);
}

void turn_tool_ended(struct session *s, struct call *c, const struct tools_result *result)
{
    const char *failure = result->status == PARLEY_OK ? NULL : turn_status_name(result->status);

    if (failure != NULL && c->turn == s->turn.number)
        s->turn.tool_errors++;
    span_set_content(c->trace.span, NAME_TOOL_RESULT, result->output);
    /* What the tool says of it is content. */
    if (failure != NULL)
        span_fail(c->trace.span, view_of(failure), VIEW("The tool call did not succeed."));
    spans_child_end(&c->trace);
    measure_tool(s, c->name, clock_now_us() - c->start_us, failure);
    say_tool_ended(s, c, result);
}

void turn_tool_gone(struct call *c)
{
    span_fail(c->trace.span, VIEW("failed"), VIEW("The tool call was given up."));
    spans_child_end(&c->trace);
}

/* ---- ends ---- */

static const char *failure_of(const struct rt_response *read, char code[64])
{
    if (read->status != RT_RESPONSE_FAILED)
        return NULL;
    view_copy(code, 64, read->error_code.len > 0 ? read->error_code : read->error_type);
    return code[0] == '\0' ? "_OTHER" : code;
}

/* Models that know no tokens say none: that is no usage of zero. */
static bool has_tokens(const struct rt_response *read)
{
    const struct rt_usage *u = &read->usage;

    return read->has_usage &&
           u->input_text + u->input_audio + u->input_image + u->output_text + u->output_audio > 0;
}

struct cost turn_count_tokens(struct session *s, const struct rt_response *read, struct span *span)
{
    const struct usage usage = turn_usage(&read->usage);

    if (!has_tokens(read))
        return (struct cost){0};
    usage_set(span, &usage);
    measure_usage(s, &read->usage);
    return cost_of_answer(s, &usage, span);
}

/* An answer may end after its turn, which has been described then. */
static void add_tokens(const struct session *s, struct turn_spans *t,
                       const struct rt_response *read, const struct cost *cost)
{
    if (t == NULL || !has_tokens(read))
        return;
    rt_usage_add(&t->usage, &read->usage);
    cost_add(&t->cost, cost);
    t->has_usage = true;
    if (t->is_over)
        set_tokens(s, t);
}

static void end_answer(struct session *s, struct response *r, const json_t *object,
                       const struct rt_response *read)
{
    char code[64];
    const char *failure = failure_of(read, code);
    struct span *span = r->trace.span;

    span_set_list(span, NAME_FINISH_REASONS,
                  read->reason.len > 0 ? read->reason
                                       : view_of(rt_response_status_name(read->status)));
    span_set_str(span, NAME_OUTPUT_TYPE, read->text_only ? VIEW("text") : VIEW("speech"));
    const struct cost cost = turn_count_tokens(s, read, span);
    add_tokens(s, r->trace.turn, read, &cost);
    if (span_captures_content(span))
        said_set_response(span, object);
    if (failure != NULL)
        span_fail(span, view_of(failure), read->error_message);
    spans_child_end(&r->trace);
    measure_answer(s, clock_now_us() - r->created_us, failure);
}

static void note_error(struct turn *t, struct parley_view code, struct parley_view message)
{
    view_copy(t->error_code, sizeof(t->error_code), code);
    view_copy(t->error_message, sizeof(t->error_message), message);
}

void turn_response_done(struct session *s, struct response *r, const json_t *object,
                        const struct rt_response *read, bool is_last)
{
    struct turn *t = &s->turn;

    end_answer(s, r, object, read);
    if (!r->in_band || r->turn != t->number || !t->is_running)
        return;
    if (read->has_usage)
        rt_usage_add(&t->usage, &read->usage);
    if (spans_capture_content(s))
        check_said(s, said_add_response(&t->agent_said, object));
    if (read->status == RT_RESPONSE_FAILED)
        note_error(t, read->error_code.len > 0 ? read->error_code : read->error_type,
                   read->error_message);
    if (r->cancelled && t->interrupted_us == 0)
        t->interrupted_us = clock_now_us();
    if (is_last)
        turn_ended(s, rt_response_status_name(read->status));
}

void turn_response_failed(struct session *s, struct response *r, const char *code,
                          const char *message)
{
    if (r->in_band && r->turn == s->turn.number)
        note_error(&s->turn, view_of(code), view_of(message));
    measure_answer(s, clock_now_us() - r->created_us, code);
    span_set_list(r->trace.span, NAME_FINISH_REASONS, VIEW("error"));
    span_fail(r->trace.span, view_of(code), view_of(message));
    spans_child_end(&r->trace);
}

void turn_asked_again(struct session *s, const struct response *r)
{
    if (r->in_band && r->turn == s->turn.number)
        s->turn.is_asked_again = true;
}

void turn_response_gone(struct response *r)
{
    span_set_list(r->trace.span, NAME_FINISH_REASONS, VIEW("session_closed"));
    spans_child_end(&r->trace);
}

static void end_turn(struct session *s, const char *status)
{
    struct turn *t = &s->turn;

    t->is_running = false;
    t->is_playing = true;
    t->status = status;
    t->ended_us = clock_now_us();
    t->sent_bytes = s->counts.output_bytes - t->sent_bytes;
    say_turn(s, status);
    settle_when_played(s);
}

void turn_ended(struct session *s, const char *status)
{
    if (!s->turn.is_running)
        return;
    end_turn(s, status);
}

void turn_failed(struct session *s, const char *code, const char *message)
{
    if (!s->turn.is_running)
        return;
    note_error(&s->turn, view_of(code), view_of(message));
    end_turn(s, "failed");
}

static void end_children(struct session *s)
{
    struct list *at;

    list_for_each(at, &s->sequencer.responses)
    {
        turn_response_gone(list_entry(at, struct response, entry));
    }
    list_for_each(at, &s->calls)
    {
        turn_tool_gone(list_entry(at, struct call, entry));
    }
}

void turn_done(struct session *s)
{
    if (s->turn.is_running)
        end_turn(s, "session_ended");
    settle(s);
    end_children(s);
    spans_done(s);
    buf_done(&s->turn.user_said);
    buf_done(&s->turn.agent_said);
    buf_done(&s->user_said);
}

const char *turn_traceparent(const struct session *s)
{
    return s->turn.is_running && s->turn.traceparent[0] != '\0' ? s->turn.traceparent
                                                                : s->traceparent;
}

const char *turn_tool_traceparent(const struct session *s, const struct call *c,
                                  char room[TRACEPARENT_SIZE])
{
    struct trace_context context = span_context(c->trace.span);

    if (c->trace.span == NULL)
        return turn_traceparent(s);
    return spans_tell(s, &context, room);
}

const char *turn_tracestate(const struct session *s)
{
    /* It belongs to the client's trace; without that the turn is in one of its own. */
    return s->tracestate == NULL || s->traceparent[0] == '\0' ? "" : s->tracestate;
}
