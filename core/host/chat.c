/* SPDX-License-Identifier: Apache-2.0 */
#include "host/chat.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "host/error_copy.h"

#include <stdlib.h>
#include <string.h>

#define STUCK_MS 10000 /* for the plugin to end an answer that was cancelled, or is in the way */

enum piece_kind { PIECE_TEXT, PIECE_CALL, PIECE_AGENT_CALL };

struct piece {
    struct list entry;
    enum piece_kind kind;
    struct buf name;   /* of a call */
    struct buf data;   /* text, or arguments */
    struct buf output; /* of a call that the model ran itself */
    int status;        /* likewise */
};

struct ending {
    bool is_known;
    int status;
    int finish;
    struct parley_chat_usage usage;
    struct parley_error err;
};

/* A copy of a request that waits for the plugin to end the answer before it. */
struct waiting {
    bool is_there;
    struct buf instructions, items, tools, tool_choice;
    int64_t max_output_tokens;
    uint32_t flags;
};

/*
 * The caller sees: idle -generate-> running -on_end-> idle. The plugin may be behind: `op` is the
 * answer it still owes, which after a cancel is one that nobody wants (`is_wanted` is false).
 */
struct chat_session {
    struct parley_worker *worker;
    struct worker_instance *wi; /* gone when self and op are 0 */
    char title[64];
    const struct chat_events *events;
    void *ctx;
    void *plugin_session;
    parley_op self; /* holds the plugin's session open; 0 when the instance was stopped */
    parley_op op;
    bool is_running;
    bool is_wanted;
    bool must_cancel; /* the plugin is to be asked, but not on its own stack */
    bool is_closed;
    struct list pieces;
    size_t piece_bytes;
    struct ending ending;
    struct waiting waiting;
    struct loop_timer turn;
    struct loop_timer stuck;
};

static void on_turn(void *ctx);
static int start(struct chat_session *s, const struct parley_chat_request *request,
                 struct parley_error *err);

static void schedule(struct chat_session *s)
{
    loop_timer_start(s->worker->loop, &s->turn, 0, on_turn, s);
}

/* ---- pieces ---- */

static void piece_free(struct piece *p)
{
    list_remove(&p->entry);
    buf_done(&p->name);
    buf_done(&p->data);
    buf_done(&p->output);
    free(p);
}

static void drop_pieces(struct chat_session *s)
{
    while (!list_empty(&s->pieces))
        piece_free(list_entry(s->pieces.next, struct piece, entry));
    s->piece_bytes = 0;
}

static void waiting_done(struct waiting *w)
{
    buf_done(&w->instructions);
    buf_done(&w->items);
    buf_done(&w->tools);
    buf_done(&w->tool_choice);
    *w = (struct waiting){0};
}

static struct piece *last_text(struct chat_session *s)
{
    struct piece *p =
        list_empty(&s->pieces) ? NULL : list_entry(s->pieces.prev, struct piece, entry);

    return p != NULL && p->kind == PIECE_TEXT ? p : NULL;
}

static struct piece *add_piece(struct chat_session *s, enum piece_kind kind)
{
    struct piece *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->kind = kind;
    list_append(&s->pieces, &p->entry);
    return p;
}

/* ---- the end of an answer ---- */

static void end_with(struct chat_session *s, int status, const char *message)
{
    s->ending = (struct ending){.is_known = true, .status = status, .err = PARLEY_ERROR_INIT};
    (void)parley_fail(&s->ending.err, status, "%s: %s", s->title, message);
    s->is_wanted = false;
    schedule(s);
}

static void ask_cancel(struct chat_session *s)
{
    s->must_cancel = false;
    if (s->op == 0)
        return;
    struct watch watch = watch_instance(s->wi, "cancel");
    s->wi->instance->plugin->chat.cancel(s->plugin_session, s->op);
    watch_end(&watch);
}

static void fail_answer(struct chat_session *s, int status, const char *message)
{
    end_with(s, status, message);
    s->must_cancel = true;
}

static bool count_bytes(struct chat_session *s, size_t len)
{
    s->piece_bytes += len;
    if (s->piece_bytes <= CHAT_MAX_ANSWER_BYTES)
        return true;
    fail_answer(s, PARLEY_E_TOO_LARGE, "its answer is longer than 4 MiB");
    return false;
}

/* ---- what the plugin tells ---- */

static void sweep_answer(void *owner)
{
    struct chat_session *s = owner;

    op_withdraw(TAKE(s->op));
    if (s->is_wanted)
        end_with(s, PARLEY_E_CANCELLED, "is being stopped");
    schedule(s);
}

static void cancel_answer(void *owner)
{
    struct chat_session *s = owner;

    if (s->is_wanted)
        fail_answer(s, PARLEY_E_CANCELLED, "is being stopped");
}

static const struct op_type answer_type = {
    .name = "chat answer", .sweep = sweep_answer, .cancel = cancel_answer};

static void host_text(parley_op op, struct parley_view delta)
{
    struct chat_session *s = op_owner(op, &answer_type, "chat text");

    if (s == NULL || !s->is_wanted || delta.len == 0 || !count_bytes(s, delta.len))
        return;
    struct piece *p = last_text(s);
    if (p == NULL)
        p = add_piece(s, PIECE_TEXT);
    if (p != NULL)
        buf_append_view(&p->data, delta);
    if (p == NULL || p->data.failed)
        fail_answer(s, PARLEY_E_NO_MEMORY, "no memory for its answer");
    schedule(s);
}

static void host_call(parley_op op, struct parley_view name, struct parley_view arguments)
{
    struct chat_session *s = op_owner(op, &answer_type, "chat call");

    if (s == NULL || !s->is_wanted || !count_bytes(s, name.len + arguments.len))
        return;
    struct piece *p = add_piece(s, PIECE_CALL);
    if (p != NULL) {
        buf_append_view(&p->name, name);
        buf_append_view(&p->data, arguments);
    }
    if (p == NULL || p->name.failed || p->data.failed)
        fail_answer(s, PARLEY_E_NO_MEMORY, "no memory for its answer");
    schedule(s);
}

static void host_agent_call(parley_op op, const struct parley_chat_agent_call *call)
{
    struct chat_session *s = op_owner(op, &answer_type, "chat agent_call");
    size_t len = call->name.len + call->arguments.len + call->output.len;

    if (s == NULL || !s->is_wanted || !count_bytes(s, len))
        return;
    struct piece *p = add_piece(s, PIECE_AGENT_CALL);
    if (p != NULL) {
        p->status = call->status;
        buf_append_view(&p->name, call->name);
        buf_append_view(&p->data, call->arguments);
        buf_append_view(&p->output, call->output);
    }
    if (p == NULL || p->name.failed || p->data.failed || p->output.failed)
        fail_answer(s, PARLEY_E_NO_MEMORY, "no memory for its answer");
    schedule(s);
}

static void read_ending(struct ending *e, int status, int finish,
                        const struct parley_chat_usage *usage, const struct parley_error *err)
{
    *e = (struct ending){.is_known = true, .status = status, .finish = finish};
    if (usage != NULL)
        memcpy(&e->usage, usage, usage->size < sizeof(e->usage) ? usage->size : sizeof(e->usage));
    e->usage.size = sizeof(e->usage);
    e->err = error_copy(err);
}

static void host_end(parley_op op, int status, int finish, const struct parley_chat_usage *usage,
                     const struct parley_error *err)
{
    struct chat_session *s = op_owner(op, &answer_type, "chat end");

    if (s == NULL)
        return;
    op_end(TAKE(s->op));
    loop_timer_stop(&s->stuck);
    if (s->is_wanted) {
        read_ending(&s->ending, status, finish, usage, err);
        s->is_wanted = false;
        if (status < 0 && s->ending.err.message[0] == '\0')
            (void)parley_fail(&s->ending.err, status, "%s: the answer failed with status %d",
                              s->title, status);
    }
    schedule(s);
}

static const struct parley_chat_host chat_host = {
    .size = sizeof(chat_host),
    .text = host_text,
    .call = host_call,
    .end = host_end,
    .agent_call = host_agent_call,
};

/* ---- the loop's next turn ---- */

static void tell_agent_call(struct chat_session *s, const struct piece *p)
{
    const struct parley_chat_agent_call call = {
        .size = sizeof(call),
        .status = p->status,
        .name = buf_view(&p->name),
        .arguments = buf_view(&p->data),
        .output = buf_view(&p->output),
    };

    if (s->events->on_agent_call != NULL)
        s->events->on_agent_call(s->ctx, &call);
}

static void tell_pieces(struct chat_session *s)
{
    while (!list_empty(&s->pieces) && !s->is_closed) {
        struct piece *p = list_entry(s->pieces.next, struct piece, entry);
        list_remove(&p->entry);
        if (p->kind == PIECE_TEXT)
            s->events->on_text(s->ctx, buf_view(&p->data));
        else if (p->kind == PIECE_AGENT_CALL)
            tell_agent_call(s, p);
        else
            s->events->on_call(s->ctx, buf_view(&p->name), buf_view(&p->data));
        piece_free(p);
    }
}

static void tell_ending(struct chat_session *s)
{
    if (s->is_closed || !s->ending.is_known || !s->is_running)
        return;
    const struct ending e = TAKE(s->ending);
    s->is_running = false;
    s->piece_bytes = 0;
    s->events->on_end(s->ctx, e.status, e.finish, e.status < 0 ? NULL : &e.usage,
                      e.status < 0 ? &e.err : NULL);
}

static void start_waiting(struct chat_session *s)
{
    struct waiting w = TAKE(s->waiting);
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct parley_chat_request request = {
        .size = sizeof(request),
        .flags = w.flags,
        .instructions = buf_view(&w.instructions),
        .items = buf_view(&w.items),
        .tools = buf_view(&w.tools),
        .tool_choice = buf_view(&w.tool_choice),
        .max_output_tokens = w.max_output_tokens,
    };
    int r = start(s, &request, &err);

    if (r < 0)
        end_with(s, r, err.message);
    waiting_done(&w);
}

static void session_free(struct chat_session *s)
{
    drop_pieces(s);
    waiting_done(&s->waiting);
    loop_timer_stop(&s->turn);
    loop_timer_stop(&s->stuck);
    free(s);
}

static void close_in_plugin(struct chat_session *s)
{
    struct worker_instance *wi = s->wi;

    if (s->self == 0)
        return;
    struct watch watch = watch_instance(wi, "session_close");
    wi->instance->plugin->chat.session_close(s->plugin_session);
    watch_end(&watch);
    op_end(TAKE(s->self));
}

static void on_turn(void *ctx)
{
    struct chat_session *s = ctx;

    if (s->must_cancel)
        ask_cancel(s);
    tell_pieces(s);
    tell_ending(s);
    if (s->op == 0 && s->self != 0 && (s->is_closed || s->wi->is_stopping))
        close_in_plugin(s);
    if (s->is_closed && s->op == 0) {
        session_free(s);
        return;
    }
    if (s->waiting.is_there && s->op == 0)
        start_waiting(s);
}

static void on_stuck(void *ctx)
{
    struct chat_session *s = ctx;

    host_worker_fault(s->worker, "chat cancel was not answered by end instance=\"%s\"", s->title);
    if (!s->waiting.is_there)
        return;
    waiting_done(&s->waiting);
    end_with(s, PARLEY_E_TIMEOUT, "its answer before this one does not end");
}

/* ---- calls into the plugin ---- */

/* The instance stops: the plugin's session ends now, the caller's stays until it closes it. */
static void sweep_session(void *owner)
{
    struct chat_session *s = owner;

    if (s->op != 0)
        sweep_answer(s);
    close_in_plugin(s);
}

static void cancel_session(void *owner)
{
    struct chat_session *s = owner;

    if (s->op == 0)
        close_in_plugin(s);
}

static const struct op_type session_type = {
    .name = "chat session", .sweep = sweep_session, .cancel = cancel_session};

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static int open_in_plugin(struct chat_session *s, const struct chat_open *about,
                          struct parley_error *err)
{
    struct worker_instance *wi = s->wi;
    const struct parley_chat_open open = {
        .size = sizeof(open),
        .worker = wi->worker,
        .session_id = or_empty(about->session_id),
        .agent = or_empty(about->agent),
        .traceparent = or_empty(about->traceparent),
        .host = &chat_host,
    };
    struct watch watch = watch_instance(wi, "session_open");
    int r = wi->instance->plugin->chat.session_open(wi->ctx, &open, &s->plugin_session, err);

    watch_end(&watch);
    return r;
}

int chat_open(struct worker_instance *wi, const struct chat_open *open,
              const struct chat_events *events, void *ctx, struct chat_session **ret_session,
              struct parley_error *err)
{
    if (wi->is_stopping)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "%s is being stopped", wi->instance->title);
    struct chat_session *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", wi->instance->title);
    s->wi = wi;
    s->worker = wi->worker;
    (void)snprintf(s->title, sizeof(s->title), "%s", wi->instance->title);
    s->events = events;
    s->ctx = ctx;
    list_init(&s->pieces);
    s->self = op_begin(wi, &session_type, s);
    int r = s->self == 0 ? parley_fail(err, PARLEY_E_BUSY, "%s: too many sessions or no memory",
                                       wi->instance->title)
                         : open_in_plugin(s, open, err);
    if (r < 0) {
        op_withdraw(s->self);
        session_free(s);
        return r;
    }
    *ret_session = s;
    return PARLEY_OK;
}

static int start(struct chat_session *s, const struct parley_chat_request *request,
                 struct parley_error *err)
{
    struct worker_instance *wi = s->wi;

    if (s->self == 0 || wi->is_stopping)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "%s is being stopped", s->title);
    s->op = op_begin(wi, &answer_type, s);
    if (s->op == 0)
        return parley_fail(err, PARLEY_E_BUSY, "%s: too many answers at once or no memory",
                           wi->instance->title);
    s->is_wanted = true;
    parley_op op = s->op;
    struct watch watch = watch_instance(wi, "generate");
    int r = wi->instance->plugin->chat.generate(s->plugin_session, request, op, err);
    watch_end(&watch);
    if (r == PARLEY_OK)
        return PARLEY_OK;
    if (s->op == op)
        op_withdraw(TAKE(s->op));
    s->is_wanted = false;
    s->ending = (struct ending){0};
    drop_pieces(s);
    return r;
}

static int wait_for_plugin(struct chat_session *s, const struct parley_chat_request *request,
                           struct parley_error *err)
{
    struct waiting *w = &s->waiting;

    w->is_there = true;
    w->flags = request->flags;
    w->max_output_tokens = request->max_output_tokens;
    buf_append_view(&w->instructions, request->instructions);
    buf_append_view(&w->items, request->items);
    buf_append_view(&w->tools, request->tools);
    buf_append_view(&w->tool_choice, request->tool_choice);
    if (!w->instructions.failed && !w->items.failed && !w->tools.failed && !w->tool_choice.failed) {
        loop_timer_start(s->worker->loop, &s->stuck, STUCK_MS, on_stuck, s);
        return PARLEY_OK;
    }
    waiting_done(w);
    return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory for the request", s->title);
}

int chat_generate(struct chat_session *s, const struct parley_chat_request *request,
                  struct parley_error *err)
{
    struct parley_chat_request own = *request;

    if (s->is_running)
        return parley_fail(err, PARLEY_E_CONFLICT, "%s: an answer is running already", s->title);
    own.size = sizeof(own);
    int r = s->op == 0 ? start(s, &own, err) : wait_for_plugin(s, &own, err);
    if (r == PARLEY_OK)
        s->is_running = true;
    return r;
}

void chat_cancel(struct chat_session *s)
{
    if (!s->is_running)
        return;
    bool must_ask = s->is_wanted;
    drop_pieces(s);
    waiting_done(&s->waiting);
    end_with(s, PARLEY_E_CANCELLED, "the answer was cancelled");
    if (!must_ask)
        return;
    loop_timer_start(s->worker->loop, &s->stuck, STUCK_MS, on_stuck, s);
    ask_cancel(s);
}

struct chat_session *chat_close(struct chat_session *s)
{
    if (s == NULL)
        return NULL;
    s->is_closed = true;
    drop_pieces(s);
    waiting_done(&s->waiting);
    bool must_ask = s->is_wanted;
    s->is_wanted = false;
    schedule(s);
    if (must_ask)
        ask_cancel(s);
    return NULL;
}
