/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole cascade session: each line is a client event, or, behind '!', what the model, the ears,
 * the voice or the clock does. Whatever comes, the session answers and can be closed.
 */
#include "fuzz.h"

#include "../unit/cascade/fakes.h"
#include "base/clock.h"
#include "base/str.h"
#include "cascade/cascade.h"

#include <stdlib.h>

struct peer {
    void *session;
    const struct parley_model_vtable *vtable;
};

static void ignore_view(void *ctx, struct parley_view created)
{
    (void)ctx;
    (void)created;
}

static void ignore_event(void *ctx, struct parley_view event, uint32_t flags)
{
    (void)ctx;
    (void)event;
    (void)flags;
}

static void ignore(void *ctx)
{
    (void)ctx;
}

static void on_closed(void *ctx, const struct parley_model_closed *closed)
{
    struct peer *p = ctx;

    (void)closed;
    p->session = NULL;
}

static const struct parley_model_host host = {
    .size = sizeof(host),
    .on_open = ignore_view,
    .on_event = ignore_event,
    .on_writable = ignore,
    .on_closed = on_closed,
};

static void run(struct loop *loop)
{
    while (loop_run_due(loop) > 0)
        ;
}

static bool has_room(void)
{
    return fakes.job_count < FAKE_MAX_JOBS - 8 && fakes.chat_count < FAKE_MAX - 4;
}

static void act(struct peer *p, char what)
{
    bool can_talk = fakes.chat_count > 0 && fakes.chats[0]->is_running &&
                    !fakes.chats[0]->is_closed &&
                    !loop_timer_is_running(&fakes.chats[0]->cancelled);

    if (what == 't' && can_talk)
        fake_text(0, "Yes. It is, ");
    else if (what == 'c' && can_talk)
        fake_call(0, "add", "{}");
    else if (what == 'e' && can_talk)
        fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    else if (what == 'f' && can_talk)
        fake_end(0, PARLEY_E_INTERNAL, 0);
    else if (what == 'h' && fake_waiting(false) > 0)
        fake_hear("hello");
    else if (what == 'x' && fake_waiting(false) > 0)
        fake_hear(NULL);
    else if (what == 's' && fake_waiting(true) > 0)
        fake_speak(400);
    else if (what == 'v' && fake_waiting(true) > 0)
        fake_speak(-1);
    else if (what == 'p' || what == 'r')
        p->vtable->pause(p->session, what == 'p');
    else if (what == 'w')
        clock_fake_advance_us(700000);
}

static void play(struct peer *p, struct loop *loop, struct parley_view lines)
{
    struct parley_view line;
    bool more = true;

    for (int i = 0; more && i < 64 && p->session != NULL && has_room(); i++) {
        more = view_split(&lines, '\n', &line);
        if (line.len > 1 && line.data[0] == '!')
            act(p, line.data[1]);
        else
            (void)p->vtable->send(p->session, line, 0, NULL);
        run(loop);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct instance speech_instance;
    static struct worker_instance chat, speech = {.instance = &speech_instance};
    struct parley_worker worker = {0};
    struct peer p = {0};

    clock_fake_start(1000000000, 1700000000000000);
    worker.loop = loop_create();
    fakes_init(worker.loop, PARLEY_SPEECH_EARS | PARLEY_SPEECH_VOICE);
    const struct cascade_config config = {
        .title = "model fuzz", .worker = &worker, .chat = &chat, .speech = &speech};
    struct cascade *c = cascade_create(&config);
    if (worker.loop == NULL || c == NULL)
        abort();
    const struct parley_model_open open = {
        .size = sizeof(open), .session_id = "s", .agent = "a", .host = &host, .ctx = &p};
    p.vtable = cascade_model(c)->vtable;
    if (p.vtable->open(cascade_model(c)->ctx, &open, &p.session, NULL) == PARLEY_OK) {
        run(worker.loop);
        play(&p, worker.loop, (struct parley_view){(const char *)data, size});
    }
    if (p.session != NULL)
        p.vtable->close(p.session);
    run(worker.loop);
    if (p.session != NULL)
        abort();
    cascade_destroy(c);
    fakes_done();
    loop_destroy(worker.loop);
    clock_fake_stop();
    return 0;
}
