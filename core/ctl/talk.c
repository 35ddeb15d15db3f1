/* SPDX-License-Identifier: Apache-2.0 */
/* parleyctl talk: a conversation with an agent, typed, spoken, or from a file. */
#include "audio/pcm.h"
#include "audio/wav.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/str.h"
#include "ctl/args.h"
#include "ctl/command.h"
#include "ctl/remote.h"
#include "ctl/talk_audio.h"
#include "ctl/talk_input.h"
#include "ctl/talk_view.h"
#include "ctl/term.h"
#include "transport/transport.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINGER_MS       1000  /* idle for so long after a file: the conversation is over */
#define NO_ANSWER_MS    15000 /* after a file, while nothing was understood */
#define MAX_SAVED_BYTES (1u << 30)
#define DEFAULT_LIMIT_S 120
#define LONGEST_LIMIT_S 86400

static const char help[] =
    "usage: parleyctl talk [--url URL] [--agent NAME] [options]\n"
    "\n"
    "Talks to an agent of a running parleyd. Type lines, or pipe them in; the words of the answer\n"
    "are printed as they come. End with Ctrl-D. A line that is typed during an answer stops it.\n"
    "\n"
    "      --url URL      the server (default: $PARLEY_URL, else http://127.0.0.1:8080); a URL\n"
    "                     with a path is taken as it is, so any Realtime server serves\n"
    "      --agent NAME   which agent (default: the server's first)\n"
    "      --key KEY      API key (default: $PARLEY_API_KEY)\n"
    "      --ca FILE      PEM certificate to trust besides the system's\n"
    "      --wav FILE     speak this file in real time, wait for the answer, and end\n"
    "      --save FILE    keep the spoken answers as a WAV file\n"
    "      --mic          microphone and speaker (headphones keep the agent from hearing itself)\n"
    "      --speaker      speaker only\n"
    "      --device NAME  of ALSA (default: default)\n"
    "      --events       every event with its time\n"
    "      --approve      let every tool run that asks for an approval; otherwise you are asked,\n"
    "                     and without a terminal it is refused\n"
    "      --timeout SEC  longest conversation of --wav and of piped lines (default: 120)\n"
    "      --json         one JSON object at the end; with --events one line an event instead\n"
    "\n"
    "  parleyctl talk\n"
    "  echo \"what time is it in Tokyo\" | parleyctl talk --agent assistant --json\n"
    "  parleyctl talk --wav question.wav --save answer.wav\n"
    "  parleyctl talk --mic --events\n"
    "\n"
    "Next: parleyctl sessions list shows live conversations; an agent with client_trace = yes "
    "shows\n"
    "its tool calls here.\n"
    "Exit code: 0 answered, 1 errors or no answer, 2 wrong usage, 3 no server answers,\n"
    "130 interrupted.\n";

struct talk {
    struct talk_target target;
    const char *wav_path;
    const char *save_path;
    const char *device;
    const char *timeout;
    int64_t limit_ms; /* what it comes to */
    bool wants_mic;
    bool wants_speaker;
    bool approves_all;
    char asked[64]; /* the approval that the next line is about; "": none */
    struct loop *loop;
    struct transport *transport;
    struct talk_client *client;
    struct talk_view view;
    struct talk_lines lines;
    struct talk_wav wav;
    struct talk_audio *audio;
    struct buf saved; /* samples */
    int saved_rate_hz;
    bool is_ready;
    bool is_new_answer;
    bool was_interrupted;
    int code;
    struct loop_timer linger;
    struct loop_timer limit;
    struct event *on_sigint;
};

/* ---- ending ---- */

static void end_talk(struct talk *t)
{
    loop_timer_stop(&t->linger);
    loop_timer_stop(&t->wav.timer);
    t->wav.loop = NULL;
    talk_client_close(t->client);
}

static void on_limit(void *ctx)
{
    struct talk *t = ctx;

    talk_view_error(&t->view, "the conversation took longer than --timeout allows");
    end_talk(t);
}

static void on_linger(void *ctx)
{
    struct talk *t = ctx;

    if (!talk_client_is_idle(t->client) || (t->audio != NULL && talk_audio_is_playing(t->audio))) {
        loop_timer_start(t->loop, &t->linger, LINGER_MS, on_linger, t);
        return;
    }
    if (t->view.turn_count == 0 && t->view.error_count == 0)
        talk_view_error(&t->view, t->wav_path != NULL
                                      ? "there was no answer: no speech was heard in the file"
                                      : "there was no answer: there was no line to say");
    end_talk(t);
}

/* A file has been spoken; the answer may still be on its way. */
static void linger(struct talk *t)
{
    if (t->wav.has_ended)
        loop_timer_start(t->loop, &t->linger, t->view.turn_count > 0 ? LINGER_MS : NO_ANSWER_MS,
                         on_linger, t);
}

static void on_interrupt(evutil_socket_t number, short what, void *arg)
{
    struct talk *t = arg;

    (void)number;
    (void)what;
    if (t->was_interrupted)
        _exit(CTL_INTERRUPTED); /* asked twice: at once */
    t->was_interrupted = true;
    end_talk(t);
}

/* ---- lines ---- */

static bool is_word(const char *line, const char *word)
{
    struct parley_view text = view_trim(view_of(line));

    return view_equal_nocase(text, view_of(word)) ||
           view_equal_nocase(text, (struct parley_view){word, 1});
}

/* Does the line say whether a tool may run? Any other line is said, and the question stays. */
static bool answers_approval(struct talk *t, const char *line)
{
    char id[sizeof(t->asked)];

    if (t->asked[0] == '\0' || (!is_word(line, "yes") && !is_word(line, "no")))
        return false;
    view_copy(id, sizeof(id), view_of(t->asked));
    t->asked[0] = '\0';
    talk_client_approve(t->client, id, is_word(line, "yes"));
    return true;
}

/* One line a turn; typed ones may interrupt, piped ones wait. */
static void say_next(struct talk *t)
{
    if (!t->is_ready || t->wav_path != NULL)
        return;
    bool is_idle = talk_client_is_idle(t->client);
    if (!is_idle && !t->view.has_prompt)
        return;
    _cleanup_free_ char *line = talk_lines_next(&t->lines);
    if (line != NULL && !answers_approval(t, line)) {
        if (t->audio != NULL)
            (void)talk_audio_flush_ms(t->audio);
        talk_view_typed(&t->view, line);
        talk_client_say(t->client, line);
    } else if (line == NULL && t->lines.is_ended && is_idle && !t->wants_mic) {
        loop_timer_start(t->loop, &t->linger, 0, on_linger, t);
    }
}

static void on_input(void *ctx)
{
    say_next(ctx);
}

/* ---- sound ---- */

static void hear(void *ctx, const int16_t *samples, size_t count)
{
    struct talk *t = ctx;

    talk_client_hear(t->client, samples, count);
}

static void on_wav_end(void *ctx)
{
    struct talk *t = ctx;

    talk_client_heard_all(t->client);
    linger(t);
}

static int start_audio(struct talk *t, struct parley_error *err)
{
    const struct talk_audio_config config = {
        .loop = t->loop,
        .device = t->device,
        .input_rate_hz = t->wants_mic ? talk_client_input_rate(t->client) : 0,
        .output_rate_hz = t->wants_mic || t->wants_speaker ? talk_client_output_rate(t->client) : 0,
        .on_samples = hear,
        .ctx = t,
    };

    return config.output_rate_hz == 0 ? PARLEY_OK : talk_audio_open(&config, &t->audio, err);
}

static int start_wav(struct talk *t, struct parley_error *err)
{
    if (t->wav_path == NULL)
        return PARLEY_OK;
    t->wav.on_samples = hear;
    t->wav.on_end = on_wav_end;
    t->wav.ctx = t;
    return talk_wav_start(&t->wav, t->loop, talk_client_input_rate(t->client), err);
}

/* ---- what the client tells ---- */

static void on_ready(void *ctx, const char *session_id)
{
    struct talk *t = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;

    t->is_ready = true;
    t->is_new_answer = true;
    t->saved_rate_hz = talk_client_output_rate(t->client);
    talk_view_ready(&t->view, session_id);
    int r = start_audio(t, &err);
    if (r == PARLEY_OK)
        r = start_wav(t, &err);
    if (r < 0) {
        talk_view_error(&t->view, err.message);
        end_talk(t);
        return;
    }
    talk_view_prompt(&t->view);
    say_next(t);
}

static void on_event(void *ctx, bool is_ours, const json_t *event)
{
    struct talk *t = ctx;

    talk_view_event(&t->view, is_ours, event);
}

static void on_heard(void *ctx, struct parley_view text)
{
    struct talk *t = ctx;

    talk_view_heard(&t->view, text);
}

static void on_speech(void *ctx)
{
    struct talk *t = ctx;
    int64_t played_ms = t->audio == NULL ? -1 : talk_audio_flush_ms(t->audio);

    loop_timer_stop(&t->linger);
    if (played_ms >= 0)
        talk_client_truncate(t->client, played_ms);
}

static void on_words(void *ctx, struct parley_view delta)
{
    struct talk *t = ctx;

    talk_view_words(&t->view, delta);
}

static void on_audio(void *ctx, const int16_t *samples, size_t count)
{
    struct talk *t = ctx;

    if (t->save_path != NULL && t->saved.len < MAX_SAVED_BYTES)
        pcm_append(&t->saved, samples, count);
    if (t->audio == NULL)
        return;
    if (t->is_new_answer)
        talk_audio_mark(t->audio);
    t->is_new_answer = false;
    talk_audio_play(t->audio, samples, count);
}

static void on_tool(void *ctx, const char *name, struct parley_view arguments)
{
    struct talk *t = ctx;

    talk_view_tool(&t->view, name, arguments);
}

static void on_tool_result(void *ctx, struct parley_view output)
{
    struct talk *t = ctx;

    talk_view_tool_result(&t->view, output);
}

static void on_approval(void *ctx, const char *id, const char *name, struct parley_view arguments)
{
    struct talk *t = ctx;

    bool may_ask = t->view.has_prompt && t->asked[0] == '\0'; /* one question at a time */
    if (t->approves_all || !may_ask) {
        talk_view_approval(&t->view, name, arguments, t->approves_all ? "yes" : "no");
        talk_client_approve(t->client, id, t->approves_all);
        return;
    }
    talk_view_approval(&t->view, name, arguments, NULL);
    view_copy(t->asked, sizeof(t->asked), view_of(id));
}

static void on_turn(void *ctx, const struct talk_turn *turn)
{
    struct talk *t = ctx;

    talk_view_turn(&t->view, turn);
    t->is_new_answer = true;
    if (talk_client_is_idle(t->client))
        talk_view_prompt(&t->view);
    linger(t);
    say_next(t);
}

static void on_error(void *ctx, const char *message)
{
    struct talk *t = ctx;

    talk_view_error(&t->view, message);
    talk_view_prompt(&t->view);
    linger(t);
    say_next(t);
}

static int closed_code(const struct talk *t, int status)
{
    if (t->was_interrupted)
        return CTL_INTERRUPTED;
    if (!t->is_ready && status != PARLEY_E_DENIED)
        return CTL_UNREACHABLE;
    return status < 0 || t->view.error_count > 0 ? CTL_FAILED : CTL_DONE;
}

static void on_closed(void *ctx, int status, const char *reason)
{
    struct talk *t = ctx;
    char message[640];

    t->code = closed_code(t, status);
    if (status < 0 && !t->was_interrupted && t->view.error_count == 0) {
        (void)snprintf(message, sizeof(message), "%s%s",
                       t->code == CTL_UNREACHABLE ? "no server answers: " : "", reason);
        talk_view_error(&t->view, message);
    } else if (!t->is_ready && t->code == CTL_UNREACHABLE) {
        t->code = CTL_FAILED;
    }
    loop_stop(t->loop);
}

static const struct talk_events talk_events = {
    .on_ready = on_ready,
    .on_event = on_event,
    .on_heard = on_heard,
    .on_speech = on_speech,
    .on_words = on_words,
    .on_audio = on_audio,
    .on_tool = on_tool,
    .on_tool_result = on_tool_result,
    .on_approval = on_approval,
    .on_turn = on_turn,
    .on_error = on_error,
    .on_closed = on_closed,
};

/* ---- the agent ---- */

static bool has_path(const char *url)
{
    const char *scheme_end = strstr(url, "://");
    const char *path = strchr(scheme_end == NULL ? url : scheme_end + 3, '/');

    return path != NULL && path[1] != '\0';
}

/* ws://host -> http://host, for the question which agents there are. */
static void http_url(const char *url, char *out, size_t size)
{
    if (strncmp(url, "ws", 2) == 0)
        (void)snprintf(out, size, "http%s", url + 2);
    else
        (void)snprintf(out, size, "%s", url);
}

static int choose_agent(struct talk *t, char *agent, size_t size, struct parley_error *err)
{
    char url[1024];
    _cleanup_json_ json_t *models = NULL;
    const struct remote remote = {.url = url, .token = t->target.key, .ca_file = t->target.ca_file};

    if (t->target.agent != NULL || has_path(t->target.url))
        return PARLEY_OK;
    http_url(t->target.url, url, sizeof(url));
    int r = remote_ask(&remote, "GET", "/v1/models", &models, err);
    if (r < 0)
        return r;
    view_copy(agent, size, json_get_view(json_array_get(json_object_get(models, "data"), 0), "id"));
    if (agent[0] == '\0')
        return parley_fail(err, PARLEY_E_NOT_FOUND,
                           "%s has no agent; its configuration needs an [agent NAME] section", url);
    t->target.agent = agent;
    return PARLEY_OK;
}

/* ---- the command ---- */

static int start(struct talk *t, struct parley_error *err)
{
    const struct transport_config config = {0};
    bool has_end = t->wav_path != NULL || (!isatty(STDIN_FILENO) && !t->wants_mic);

    t->loop = loop_create();
    if (t->loop == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for an event loop");
    t->transport = transport_create(t->loop, &config, err);
    if (t->transport == NULL)
        return err->status;
    t->on_sigint = evsignal_new(loop_base(t->loop), SIGINT, on_interrupt, t);
    if (t->on_sigint != NULL)
        (void)event_add(t->on_sigint, NULL);
    if (has_end)
        loop_timer_start(t->loop, &t->limit, t->limit_ms, on_limit, t);
    int r = PARLEY_OK;
    if (t->wav_path == NULL)
        r = talk_lines_start(&t->lines, t->loop, on_input, t, err);
    return r < 0 ? r
                 : talk_client_open(t->transport, t->loop, &t->target, &talk_events, t, &t->client,
                                    err);
}

static int save(struct talk *t, struct parley_error *err)
{
    size_t count;
    const int16_t *samples = pcm_view(&t->saved, &count);

    if (t->save_path == NULL)
        return PARLEY_OK;
    return wav_save(t->save_path, t->saved_rate_hz == 0 ? 24000 : t->saved_rate_hz, samples, count,
                    err);
}

static void free_all(struct talk *t)
{
    loop_timer_stop(&t->linger);
    loop_timer_stop(&t->limit);
    talk_wav_done(&t->wav);
    talk_lines_done(&t->lines);
    talk_audio_close(t->audio);
    (void)transport_destroy(t->transport);
    talk_client_free(t->client);
    if (t->on_sigint != NULL)
        event_free(t->on_sigint);
    (void)loop_destroy(t->loop);
    buf_done(&t->saved);
}

static int converse(struct talk *t, struct parley_error *err)
{
    char agent[128] = "";
    int r = t->wav_path == NULL ? PARLEY_OK : talk_wav_load(&t->wav, t->wav_path, err);

    if (r == PARLEY_OK)
        r = choose_agent(t, agent, sizeof(agent), err);
    if (r < 0)
        return r;
    talk_view_init(&t->view, t->target.agent);
    t->view.has_prompt = t->wav_path == NULL && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    r = start(t, err);
    if (r == PARLEY_OK) {
        loop_run(t->loop);
        r = save(t, err);
    }
    talk_view_end(&t->view, r == PARLEY_OK ? t->save_path : NULL);
    return r;
}

static const char *or_environment(const char *given, const char *variable, const char *otherwise)
{
    const char *value = getenv(variable);

    if (given != NULL)
        return given;
    return value != NULL && value[0] != '\0' ? value : otherwise;
}

static int run(int argc, char **argv)
{
    struct talk t = {0};
    const struct arg table[] = {
        {"--url", NULL, &t.target.url, NULL},       {"--agent", NULL, &t.target.agent, NULL},
        {"--key", NULL, &t.target.key, NULL},       {"--ca", NULL, &t.target.ca_file, NULL},
        {"--wav", NULL, &t.wav_path, NULL},         {"--save", NULL, &t.save_path, NULL},
        {"--device", NULL, &t.device, NULL},        {"--timeout", NULL, &t.timeout, NULL},
        {"--mic", NULL, NULL, &t.wants_mic},        {"--speaker", NULL, NULL, &t.wants_speaker},
        {"--approve", NULL, NULL, &t.approves_all}, {"--events", NULL, NULL, &t.view.shows_events},
        {"--json", NULL, NULL, &t.view.is_json},    {0}};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct args args;

    int r = args_parse(argc, argv, table, &args, &err);
    if (r == PARLEY_OK && args.count > 0)
        r = parley_fail(&err, PARLEY_E_INVALID,
                        "talk takes no words, but there is \"%.60s\"; type them when it runs",
                        args.words[0]);
    if (r == PARLEY_OK && t.wav_path != NULL && t.wants_mic)
        r = parley_fail(&err, PARLEY_E_INVALID, "--wav and --mic exclude each other");
    if (r == PARLEY_OK)
        r = args_timeout(t.timeout, DEFAULT_LIMIT_S, LONGEST_LIMIT_S, &t.limit_ms, &err);
    if (r < 0)
        return command_usage_error(&command_talk, &err);
    t.target.url = or_environment(t.target.url, "PARLEY_URL", REMOTE_DEFAULT_URL);
    t.target.key = or_environment(t.target.key, "PARLEY_API_KEY", NULL);
    t.target.wants_trace = true;
    r = converse(&t, &err);
    free_all(&t);
    return r < 0 ? command_failed(&command_talk, &err) : t.code;
}

const struct command command_talk = {
    .name = "talk",
    .summary = "talk to an agent: typed, from a WAV file, or by microphone",
    .help = help,
    .run = run,
};
