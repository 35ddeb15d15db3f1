/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/talk_view.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "ctl/term.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_EVENT_COLUMNS 160

void talk_view_init(struct talk_view *v, const char *agent)
{
    v->agent = agent;
    v->start_us = clock_now_us();
    v->turns = json_array();
    v->tools = json_array();
    v->errors = json_array();
}

static const char *style(enum term_style s)
{
    return term_style(stdout, s);
}

static double seconds(const struct talk_view *v)
{
    return (double)(clock_now_us() - v->start_us) / 1e6;
}

/* Begin a line of its own. */
static void fresh_line(struct talk_view *v)
{
    if (v->is_in_answer)
        (void)fputc('\n', stdout);
    v->is_in_answer = false;
}

static bool shows_talk(const struct talk_view *v)
{
    return !v->is_json;
}

void talk_view_prompt(struct talk_view *v)
{
    if (!v->has_prompt || !shows_talk(v))
        return;
    fresh_line(v);
    (void)printf("%syou%s    ", style(TERM_GREEN), style(TERM_PLAIN));
    (void)fflush(stdout);
}

void talk_view_ready(struct talk_view *v, const char *session_id)
{
    view_copy(v->session_id, sizeof(v->session_id), view_of(session_id));
    if (shows_talk(v) && isatty(STDOUT_FILENO) == 1)
        (void)printf("%stalking to %s; Ctrl-D ends%s\n", style(TERM_DIM),
                     v->agent == NULL ? "the agent" : v->agent, style(TERM_PLAIN));
}

/* ---- events ---- */

/* Sound is long and says nothing to a reader. */
static json_t *without_sound(const json_t *event)
{
    static const char *const members[] = {"audio", "delta"};
    bool is_sound = strstr(json_get_str(event, "type", ""), "audio") != NULL;
    json_t *copy = json_copy((json_t *)(uintptr_t)event);

    for (size_t i = 0; i < ARRAY_LEN(members) && copy != NULL && is_sound; i++) {
        struct parley_view text = json_get_view(event, members[i]);
        if (text.len > 64)
            json_object_set_new(copy, members[i],
                                json_sprintf("<%zu characters of sound>", text.len));
    }
    return copy;
}

static void print_event(struct talk_view *v, bool is_ours, const json_t *event)
{
    _cleanup_json_ json_t *shown = without_sound(event);
    _cleanup_free_ char *text = shown == NULL ? NULL : json_dumps(shown, JSON_COMPACT);

    if (text == NULL)
        return;
    fresh_line(v);
    size_t len = strlen(text);
    (void)printf("%s%9.3f %s %-38s ", style(TERM_DIM), seconds(v), is_ours ? "->" : "<-",
                 json_get_str(event, "type", "?"));
    term_safe(stdout,
              (struct parley_view){text, len > MAX_EVENT_COLUMNS ? MAX_EVENT_COLUMNS : len});
    (void)printf("%s%s\n", len > MAX_EVENT_COLUMNS ? "..." : "", style(TERM_PLAIN));
}

void talk_view_event(struct talk_view *v, bool is_ours, const json_t *event)
{
    if (!v->shows_events)
        return;
    if (v->is_json)
        term_json_line(json_pack("{s:f, s:s, s:O}", "time", seconds(v), "from",
                                 is_ours ? "client" : "server", "event", event));
    else
        print_event(v, is_ours, event);
}

/* ---- the conversation ---- */

void talk_view_typed(struct talk_view *v, const char *line)
{
    struct buf *to = v->heard.len > 0 ? &v->typed : &v->heard;

    buf_clear(to);
    buf_append_str(to, line);
    v->is_in_answer = false; /* the line's own end ended it */
}

void talk_view_heard(struct talk_view *v, struct parley_view text)
{
    buf_append_str(&v->heard, v->heard.len > 0 ? " " : "");
    buf_append_view(&v->heard, text);
    if (!shows_talk(v))
        return;
    fresh_line(v);
    (void)printf("%syou%s    ", style(TERM_GREEN), style(TERM_PLAIN));
    term_safe(stdout, view_trim(text));
    (void)fputc('\n', stdout);
    (void)fflush(stdout);
}

void talk_view_words(struct talk_view *v, struct parley_view delta)
{
    buf_append_view(&v->answer, delta);
    if (!shows_talk(v))
        return;
    if (!v->is_in_answer)
        (void)printf("%sagent%s  ", style(TERM_CYAN), style(TERM_PLAIN));
    v->is_in_answer = true;
    term_safe(stdout, delta);
    (void)fflush(stdout);
}

void talk_view_tool(struct talk_view *v, const char *name, struct parley_view arguments)
{
    json_array_append_new(
        v->tools, json_pack("{s:s, s:o}", "name", name, "arguments", json_from_view(arguments)));
    if (!shows_talk(v))
        return;
    fresh_line(v);
    (void)printf("%stool%s   %s ", style(TERM_YELLOW), style(TERM_PLAIN), name);
    term_safe(stdout, arguments);
    (void)fputc('\n', stdout);
}

void talk_view_tool_result(struct talk_view *v, struct parley_view output)
{
    json_t *last = json_array_get(v->tools, json_array_size(v->tools) - 1);

    if (last != NULL)
        json_object_set_new(last, "output", json_from_view(output));
    if (!shows_talk(v))
        return;
    fresh_line(v);
    (void)printf("       %s-> ", style(TERM_DIM));
    term_safe(stdout, (struct parley_view){output.data, output.len > 400 ? 400 : output.len});
    (void)printf("%s\n", style(TERM_PLAIN));
}

void talk_view_approval(struct talk_view *v, const char *name, struct parley_view arguments,
                        const char *answer)
{
    if (!shows_talk(v))
        return;
    fresh_line(v);
    (void)printf("%sallow%s  %s ", style(TERM_YELLOW), style(TERM_PLAIN), name);
    term_safe(stdout, arguments);
    if (answer == NULL)
        (void)printf("? yes or no: ");
    else
        (void)printf("? %s\n", answer);
    (void)fflush(stdout);
}

static void print_time(const char *what, int64_t ms)
{
    if (ms >= 0)
        (void)printf("%s %.2f s", what, (double)ms / 1000);
}

static void print_turn(struct talk_view *v, const struct talk_turn *turn)
{
    fresh_line(v);
    (void)printf("%s       ", style(TERM_DIM));
    if (strcmp(turn->status, "completed") != 0)
        (void)printf("(%s) ", turn->status);
    print_time("first words after", turn->first_words_ms);
    print_time(turn->first_words_ms >= 0 ? ", first sound after" : "first sound after",
               turn->first_audio_ms);
    print_time(turn->first_words_ms >= 0 ? ", all after" : "all after", turn->total_ms);
    (void)printf("%s\n", style(TERM_PLAIN));
    (void)fflush(stdout);
}

static json_t *ms_or_null(int64_t ms)
{
    return ms < 0 ? json_null() : json_integer(ms);
}

void talk_view_turn(struct talk_view *v, const struct talk_turn *turn)
{
    v->turn_count++;
    json_array_append_new(v->turns, json_pack("{s:o, s:o, s:s, s:O, s:o, s:o, s:o}", "heard",
                                              json_from_view(buf_view(&v->heard)), "answer",
                                              json_from_view(buf_view(&v->answer)), "status",
                                              turn->status, "tools", v->tools, "first_words_ms",
                                              ms_or_null(turn->first_words_ms), "first_audio_ms",
                                              ms_or_null(turn->first_audio_ms), "total_ms",
                                              ms_or_null(turn->total_ms)));
    json_decref(v->tools);
    v->tools = json_array();
    buf_clear(&v->heard);
    buf_append_view(&v->heard, buf_view(&v->typed));
    buf_clear(&v->typed);
    buf_clear(&v->answer);
    if (shows_talk(v))
        print_turn(v, turn);
}

void talk_view_error(struct talk_view *v, const char *message)
{
    v->error_count++;
    json_array_append_new(v->errors, json_string(message));
    if (!shows_talk(v))
        return;
    fresh_line(v);
    (void)fflush(stdout);
    (void)fprintf(stderr, "%serror%s  ", term_style(stderr, TERM_RED),
                  term_style(stderr, TERM_PLAIN));
    term_safe(stderr, view_of(message));
    (void)fputc('\n', stderr);
}

void talk_view_end(struct talk_view *v, const char *saved)
{
    if (shows_talk(v))
        fresh_line(v);
    if (shows_talk(v) && saved != NULL)
        (void)printf("The spoken answer is in %s\n", saved);
    if (v->is_json && !v->shows_events)
        term_json(json_pack("{s:s, s:s?, s:O, s:O, s:s?}", "session", v->session_id, "agent",
                            v->agent, "turns", v->turns, "errors", v->errors, "saved", saved));
    json_decref(v->turns);
    json_decref(v->tools);
    json_decref(v->errors);
    buf_done(&v->heard);
    buf_done(&v->typed);
    buf_done(&v->answer);
}
