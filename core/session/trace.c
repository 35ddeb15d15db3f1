/* SPDX-License-Identifier: Apache-2.0 */
#include "session/trace.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/state.h"

const char *turn_status_name(int status)
{
    switch (status) {
    case PARLEY_OK:
        return "ok";
    case PARLEY_E_TIMEOUT:
        return "timeout";
    case PARLEY_E_CANCELLED:
        return "cancelled";
    case PARLEY_E_NOT_FOUND:
        return "not_found";
    case PARLEY_E_INVALID:
        return "invalid";
    default:
        return "failed";
    }
}

static void begin(struct session *s, bool is_spoken)
{
    struct turn *t = &s->turn;
    unsigned number = t->number + 1;

    if (t->is_running)
        turn_ended(s, "replaced");
    *t = (struct turn){.number = number,
                       .is_running = true,
                       .is_spoken = is_spoken,
                       .start_us = clock_now_us(),
                       .start_unix_us = clock_unix_us()};
}

void turn_speech_ended(struct session *s)
{
    begin(s, true);
}

void turn_requested(struct session *s)
{
    if (!s->turn.is_running || s->turn.response_us != 0)
        begin(s, false);
}

void turn_response_created(struct session *s, const struct response *r, bool answers_tools)
{
    (void)r;
    if (!s->turn.is_running || (!answers_tools && s->turn.response_us != 0))
        begin(s, false);
    if (s->turn.response_us == 0)
        s->turn.response_us = clock_now_us();
}

void turn_output(struct session *s, bool is_audio)
{
    struct turn *t = &s->turn;

    if (t->first_output_us == 0)
        t->first_output_us = clock_now_us();
    if (is_audio && t->first_audio_us == 0)
        t->first_audio_us = clock_now_us();
}

void turn_interrupted(struct session *s)
{
    s->turn.was_interrupted = true;
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

void turn_tool_started(struct session *s, struct call *c)
{
    s->turn.tool_calls++;
    if (!trace_begin(s, "parley.tool_call.started"))
        return;
    rt_encode_string(&s->out, "call_id", view_of(c->call_id));
    rt_encode_string(&s->out, "name", view_of(c->name));
    rt_encode_string(&s->out, "arguments", json_view(c->arguments));
    buf_append_str(&s->out, ",\"server\":true");
    rt_encode_end(&s->out);
    say_out(s);
}

void turn_tool_ended(struct session *s, struct call *c, const struct tools_result *result)
{
    if (result->status != PARLEY_OK)
        s->turn.tool_errors++;
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

void turn_transcript(struct session *s, struct parley_view text)
{
    (void)s;
    (void)text;
}

void turn_response_done(struct session *s, const struct response *r, const struct rt_response *read,
                        bool is_last)
{
    if (!r->in_band)
        return;
    if (read->has_usage)
        rt_usage_add(&s->turn.usage, &read->usage);
    if (r->cancelled)
        s->turn.was_interrupted = true;
    if (is_last)
        turn_ended(s, rt_response_status_name(read->status));
}

void turn_ended(struct session *s, const char *status)
{
    if (!s->turn.is_running)
        return;
    s->turn.is_running = false;
    say_turn(s, status);
    session_turn_over(s);
}

void turn_done(struct session *s)
{
    (void)s;
}

const char *turn_traceparent(const struct session *s)
{
    return s->turn.traceparent[0] != '\0' ? s->turn.traceparent : s->traceparent;
}
