/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of parley.realtime/1. */
#include "kit.h"

#include <parley/model.h>
#include <parley/testkit/fake_net.h>

#include <string.h>

#define LIMIT_MS       120000 /* of the fake clock, for a session to open or to close */
#define TALK_MS        30000  /* to answer what a client said */
#define UNKNOWN_STATUS (-99)

/* One session, as the host sees it. */
struct session {
    struct fake_plugin *plugin;
    const struct parley_model_vtable *model;
    void *handle;
    parley_op life; /* ends with on_closed */
    bool is_accepted;
    bool is_open;
    bool is_closed;
    bool is_paused;
    bool was_closed_by_host;
    unsigned events;
};

static struct session s;

static struct session *must_live(void *ctx, const char *function)
{
    struct session *session = ctx;

    if (session->is_closed)
        kit_fail("closed-is-the-last", "%s() was called after on_closed()", function);
    if (!session->is_accepted && !session->is_open && session->handle == NULL &&
        strcmp(kit_report->callback, "open") != 0)
        kit_fail("refused-or-ended", "%s() was called about a session that was refused", function);
    return session;
}

static void on_open(void *ctx, struct parley_view created)
{
    struct session *session = must_live(ctx, "on_open");

    kit_pause();
    if (session->is_open)
        kit_fail("opens-once", "on_open() was called twice");
    if (!kit_is_json(created, '{'))
        kit_fail("events-are-json", "the session.created of on_open() is no JSON object: %.*s",
                 (int)(created.len > 300 ? 300 : created.len), created.data);
    session->is_open = true;
    kit_resume();
}

static void on_event(void *ctx, struct parley_view event, uint32_t flags)
{
    struct session *session = must_live(ctx, "on_event");

    (void)flags;
    kit_pause();
    if (!session->is_open)
        kit_fail("opens-first", "on_event() was called before on_open()");
    if (session->is_paused)
        kit_fail("pauses", "on_event() was called while the session is paused");
    if (!kit_is_json(event, '{'))
        kit_fail("events-are-json", "an event is no JSON object: %.*s",
                 (int)(event.len > 120 ? 120 : event.len), event.data);
    session->events++;
    kit_resume();
}

static void on_writable(void *ctx)
{
    (void)must_live(ctx, "on_writable");
}

static void check_word(const char *member, const char *word)
{
    if (word == NULL || !kit_is_utf8(kit_view(word)))
        kit_fail("no-null-strings", "%s of on_closed() is %s", member,
                 word == NULL ? "NULL; what is not there is \"\"" : "not UTF-8");
}

static void on_closed(void *ctx, const struct parley_model_closed *closed)
{
    struct session *session = must_live(ctx, "on_closed");

    kit_op_ended(session->life, "on_closed", closed->status);
    kit_pause();
    check_word("code", closed->code);
    check_word("type", closed->type);
    check_word("message", closed->message);
    if (closed->status < 0 && closed->message[0] == '\0')
        kit_fail("refusal-explains-itself", "on_closed() has status %d and no message",
                 closed->status);
    if (session->was_closed_by_host && closed->status != PARLEY_OK)
        kit_fail("close-is-no-fault", "after close() on_closed() has status %d, not PARLEY_OK",
                 closed->status);
    session->is_closed = true;
    kit_resume();
}

static const struct parley_model_host host = {
    .size = sizeof(host),
    .on_open = on_open,
    .on_event = on_event,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

/* ---- a session's life ---- */

static bool begin_on(struct fake_plugin *plugin)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    memset(&s, 0, sizeof(s));
    s.plugin = plugin;
    s.model = fake_plugin_role(plugin, PARLEY_ROLE_MODEL);
    s.life = kit_op_begin("session");
    const struct parley_model_open open = {
        .size = sizeof(open),
        .worker = fake_plugin_on(plugin),
        .session_id = "sess_1",
        .safety_identifier = "user-7",
        .traceparent = "",
        .tracestate = "",
        .agent = "receptionist",
        .session = PARLEY_VIEW("{\"type\":\"realtime\",\"instructions\":\"Be brief.\"}"),
        .host = &host,
        .ctx = &s,
    };
    int r = KIT_CALL("open", KIT_WORKER,
                     s.model->open(fake_plugin_worker(plugin), &open, &s.handle, &err));
    s.is_accepted = r >= 0;
    kit_op_answered(s.life, r, &err);
    return s.is_accepted;
}

static void begin(void)
{
    if (!begin_on(kit_open()))
        kit_skip("it refuses sessions here");
}

static bool is_opening(void)
{
    return !s.is_open && !s.is_closed;
}

/* on_open or on_closed follows, whatever the peer does. */
static void wait_until_open(void)
{
    kit_settle_while(is_opening, LIMIT_MS);
    if (s.is_open || s.is_closed)
        return;
    (void)strcpy(kit_report->callback, "open");
    kit_fail("ends-once", "open() was accepted, and neither on_open nor on_closed ever followed");
}

static void must_open(void)
{
    begin();
    wait_until_open();
    if (!s.is_open)
        kit_skip("no session opens here; give it a peer (see <parley/testkit/conformance.h>)");
}

static void ask_to_close(void)
{
    if (s.is_closed)
        return;
    s.was_closed_by_host = true;
    KIT_DO("close", KIT_WORKER, s.model->close(s.handle));
}

static void wait_until_closed(void)
{
    kit_settle_for(LIMIT_MS);
    if (s.is_closed)
        return;
    (void)strcpy(kit_report->callback, "close");
    kit_fail("ends-once", "on_closed() never followed close()");
}

static void finish(void)
{
    ask_to_close();
    wait_until_closed();
    kit_close(s.plugin);
}

/* ---- what clients say ---- */

static const char *const events[] = {
    "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"instructions\":\"Hi.\"}}",
    "{\"type\":\"input_audio_buffer.append\",\"audio\":\"AAAA\"}",
    "{\"type\":\"input_audio_buffer.commit\"}",
    "{\"type\":\"conversation.item.create\",\"item\":{\"id\":\"item_1\",\"type\":\"message\","
    "\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"Hello\"}]}}",
    "{\"type\":\"response.create\"}",
    "{\"type\":\"response.cancel\"}",
    "{\"type\":\"conversation.item.truncate\",\"item_id\":\"item_9\",\"content_index\":0,"
    "\"audio_end_ms\":100}",
    "{\"type\":\"conversation.item.delete\",\"item_id\":\"item_1\"}",
    "{\"type\":\"something.newer\",\"n\":[1,2,{\"deep\":null}]}",
    "{\"type\":17}",
    "{}",
};

static int send_event(const char *text, uint32_t flags)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    char room[PARLEY_EVENT_ROOM_BYTES + 1024];

    memset(room, 0, sizeof(room));
    (void)strncpy(room + PARLEY_EVENT_ROOM_BYTES, text, 1023);
    int r =
        KIT_CALL("send", KIT_WORKER,
                 s.model->send(s.handle, kit_view(room + PARLEY_EVENT_ROOM_BYTES), flags, &err));
    if (r != PARLEY_E_BUSY)
        kit_check_refusal(r, &err);
    return r;
}

static void send_all(void)
{
    for (size_t i = 0; i < KIT_COUNT(events) && !s.is_closed; i++) {
        (void)send_event(events[i], i % 2 == 0 ? PARLEY_EVENT_ROOM : 0);
        kit_settle();
    }
}

/* ---- rules ---- */

static void caps(void)
{
    struct fake_plugin *plugin = kit_open();
    const struct parley_model_vtable *model = fake_plugin_role(plugin, PARLEY_ROLE_MODEL);
    struct parley_model_caps c = {.size = sizeof(c)};

    KIT_DO("caps", KIT_MAIN, model->caps(fake_plugin_instance(plugin), &c));
    if (c.size > sizeof(c))
        kit_broken("it made the structure larger than it is: %u bytes", c.size);
    if ((c.flags & PARLEY_CAP_AUDIO_INPUT) != 0 && c.input_formats == 0)
        kit_broken("it hears audio, and of no format");
    if ((c.flags & PARLEY_CAP_AUDIO_OUTPUT) != 0 && c.output_formats == 0)
        kit_broken("it speaks audio, and of no format");
    if (c.session_limit_ms < 0 || c.max_event_bytes < 0)
        kit_broken("a limit is below 0, which means none");
    kit_close(plugin);
}

static void open_and_close(void)
{
    begin();
    wait_until_open();
    finish();
}

static void close_at_once(void)
{
    begin();
    ask_to_close();
    ask_to_close(); /* a second one finds it closing */
    wait_until_closed();
    kit_close(s.plugin);
}

static void close_on_the_way(void)
{
    for (unsigned done = 1; done < 4; done++) {
        begin();
        for (unsigned i = 0; i < done; i++)
            (void)(fake_host_run_one() || fake_net_step());
        finish();
    }
}

static void talk(void)
{
    must_open();
    send_all();
    kit_pass(TALK_MS);
    finish();
}

static void pause_(void)
{
    must_open();
    s.is_paused = true;
    KIT_DO("pause", KIT_WORKER, s.model->pause(s.handle, 1));
    send_all();
    fake_host_advance_ms(TALK_MS);
    kit_settle();
    s.is_paused = false;
    if (!s.is_closed)
        KIT_DO("pause", KIT_WORKER, s.model->pause(s.handle, 0));
    kit_settle();
    finish();
}

/* The host closes and waits a second; then it stops, closed or not. */
static void stop_in_flight(void)
{
    begin();
    ask_to_close();
    kit_close(s.plugin);
    kit_settle();
    fake_host_advance_ms(LIMIT_MS);
}

static void two_generations(void)
{
    struct fake_plugin *first = kit_open();

    if (!begin_on(first))
        kit_skip("it refuses sessions here");
    wait_until_open();
    ask_to_close();
    wait_until_closed();
    struct fake_plugin *second = kit_open_beside(first);
    if (begin_on(second))
        wait_until_open();
    kit_close(first);
    finish();
}

static void unknown_status(void)
{
    fake_net_set_fault(UNKNOWN_STATUS);
    fake_host_set_job_status(UNKNOWN_STATUS);
    open_and_close();
}

static bool live_with_failure(struct fake_plugin *plugin, unsigned n)
{
    kit_memory_fail_at(n);
    if (begin_on(plugin)) {
        wait_until_open();
        if (s.is_open)
            send_all();
        ask_to_close();
        wait_until_closed();
    }
    bool was_reached = kit_memory_has_failed();
    kit_memory_fail_at(0);
    return was_reached;
}

static void out_of_memory(void)
{
    struct fake_plugin *plugin = kit_open();

    for (unsigned n = 1; n < KIT_MAX_ALLOCATIONS && live_with_failure(plugin, n);
         n = kit_memory_next(n))
        continue;
    kit_close(plugin);
}

static const struct kit_case cases[] = {
    {"model.caps", "says what it can do, without contradiction", caps},
    {"model.open", "opens or says why not, and closes when asked", open_and_close},
    {"model.close-at-once", "closes when it has only just begun to open", close_at_once},
    {"model.close-on-the-way", "closes at any moment of its opening", close_on_the_way},
    {"model.talk", "takes every event of a client, and gives JSON", talk},
    {"model.pause", "is silent while it is paused", pause_},
    {"model.stop", "is stopped while it closes, and is silent afterwards", stop_in_flight},
    {"model.two-generations", "opens sessions in two generations", two_generations},
    {"model.unknown-status", "ends when a service ends with an unknown status", unknown_status},
    {"model.out-of-memory", "ends a session when any allocation fails", out_of_memory},
};

const struct kit_suite kit_suite_model = {PARLEY_ROLE_MODEL, cases, KIT_COUNT(cases)};
