/* SPDX-License-Identifier: Apache-2.0 */
#include "client_state.h"

#include "elicit.h"
#include "stateless.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_PAUSE_MS   500
#define LONGEST_PAUSE_MS 30000
#define TIRED_PAUSE_MS   60000 /* after TIRED_FAILURES in a row */
#define TIRED_FAILURES   10
#define HEALTHY_MS       60000  /* a connection that held so long forgives earlier failures */
#define CALL_LIMIT_MS    900000 /* the host ends calls sooner; no connection waits for ever */

/* ---- failures ---- */

static int64_t pause_ms(struct client *c)
{
    uint32_t random;
    int64_t pause = FIRST_PAUSE_MS;

    for (unsigned i = 1; i < c->failures && pause < LONGEST_PAUSE_MS; i++)
        pause *= 2;
    if (pause > LONGEST_PAUSE_MS)
        pause = LONGEST_PAUSE_MS;
    if (c->failures > TIRED_FAILURES)
        pause = TIRED_PAUSE_MS;
    c->config.around.host->random(&random, sizeof(random));
    return pause + random % (pause / 4);
}

/* The first failure after a good time is warned of; its tools stay offered until a second one. */
void client_fail(struct client *c, const char *why)
{
    bool was_ready = c->state == READY;

    if (!was_ready) /* what it speaks is to be found out again */
        c->is_older = false;

    listing_abandon(c);
    if (was_ready && client_now_ms(c) - c->ready_ms >= HEALTHY_MS)
        c->failures = 0;
    c->failures++;
    c->state = DOWN;
    if (c->failures == 1)
        LOG(c, WARN, "the MCP server is unavailable: %s", why);
    else
        LOG(c, DEBUG, "the MCP server is still unavailable: %s failures=%u", why, c->failures);
    c->config.around.timer->stop(c->relist);
    c->config.around.timer->start(c->step, pause_ms(c));
    if (was_ready)
        return;
    c->link.vtable->close(c->link.data);
    calling_fail(c, true);
    listing_replace(c, NULL);
}

/* ---- sending ---- */

int client_send(struct client *c, const struct outgoing *out, struct parley_error *err)
{
    char *text = out->text;
    uint64_t request = out->request;
    const struct link_message message = {
        .text = text,
        .purpose = out->purpose,
        .request = request,
        .method = c->is_stateless || c->state == PROBING ? out->method : NULL,
        .name = out->name,
        .lines = out->lines,
        .line_count = out->line_count,
        .timeout_ms = request == c->awaited ? c->config.start_timeout_ms : CALL_LIMIT_MS,
    };
    int r = text == NULL ? parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a message")
                         : c->link.vtable->send(c->link.data, &message, err);

    free(text);
    return r;
}

void client_send_aside(struct client *c, char *text)
{
    (void)client_send(c, &(struct outgoing){.text = text}, NULL);
}

void client_ask(struct client *c, const char *method, json_t *params, enum link_purpose purpose)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    c->awaited = ++c->last_request;
    if (c->is_stateless || c->state == PROBING)
        stateless_stamp(params);
    const struct outgoing out = {
        .text = message_request(c->awaited, method, params),
        .purpose = purpose,
        .request = c->awaited,
        .method = method,
    };
    if (client_send(c, &out, &err) < 0)
        client_fail(c, err.message);
}

/* ---- connecting ---- */

void client_become_ready(struct client *c)
{
    if (c->failures > 0 || c->ready_ms == 0)
        LOG(c, INFO, "the MCP server is ready");
    c->state = READY;
    c->ready_ms = client_now_ms(c);
    calling_send_waiting(c);
}

void client_begin(struct client *c)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    listing_abandon(c);
    c->is_stateless = false;
    c->state = CONNECTING;
    c->config.around.timer->start(c->step, c->config.start_timeout_ms);
    if (c->link.vtable->open(c->link.data, &err) < 0)
        client_fail(c, err.message);
    else
        handshake_begin(c);
}

static void on_step(void *ctx)
{
    struct client *c = ctx;

    if (c->state == DOWN)
        client_begin(c);
    else if (c->state == PROBING && handshake_is_probed_child(c))
        handshake_begin_anew(c);
    else if (c->state == READY) {
        LOG(c, WARN, "the tools could not be listed again in time; the old list stays");
        c->link.vtable->forget(c->link.data, c->awaited);
        listing_abandon(c);
    } else
        client_fail(c, "it did not answer in time; see start_timeout_ms");
}

/* ---- what the server says ---- */

static void take_awaited(struct client *c, const struct message *m)
{
    c->awaited = 0;
    if (c->state == PROBING || c->state == CONNECTING)
        handshake_answered(c, m);
    else
        listing_answered(c, m);
}

static void take_notification(struct client *c, const struct message *m)
{
    if (strcmp(m->method, "notifications/progress") == 0)
        calling_progressed(c, m->params);
    else if (strcmp(m->method, "notifications/tools/list_changed") == 0)
        listing_changed(c);
}

static void take_question(struct client *c, const struct message *m)
{
    json_t *answer = elicit_answer(m->params, c->config.accepts_defaults);

    if (answer != NULL)
        client_send_aside(c, message_answer(m->id, answer));
    else
        client_send_aside(
            c, message_refusal(m->id, MESSAGE_INVALID_PARAMS, "This client answers forms only."));
}

static void take_request(struct client *c, const struct message *m)
{
    if (strcmp(m->method, "ping") == 0)
        client_send_aside(c, message_answer(m->id, json_object()));
    else if (strcmp(m->method, "elicitation/create") == 0)
        take_question(c, m);
    else
        client_send_aside(c, message_refusal(m->id, MESSAGE_METHOD_NOT_FOUND,
                                             "This client offers nothing but calls of tools."));
}

static void take_message(struct client *c, json_t *tree)
{
    struct message m;

    message_read(tree, &m);
    bool is_answer = m.kind == MESSAGE_RESULT || m.kind == MESSAGE_ERROR;
    if (is_answer && c->awaited != 0 && m.request == c->awaited)
        take_awaited(c, &m);
    else if (is_answer)
        calling_answered(c, &m);
    else if (m.kind == MESSAGE_NOTIFICATION)
        take_notification(c, &m);
    else if (m.kind == MESSAGE_REQUEST)
        take_request(c, &m);
}

/* One revision, 2025-03-26, lets servers send several messages as an array. */
static void on_message(void *ctx, json_t *tree)
{
    json_t *one;
    size_t i;

    if (!json_is_array(tree)) {
        take_message(ctx, tree);
        return;
    }
    json_array_foreach(tree, i, one) take_message(ctx, one);
}

static void on_down(void *ctx, const char *why)
{
    struct client *c = ctx;

    calling_fail(c, false);
    if (c->state == PROBING && handshake_is_probed_child(c))
        handshake_begin_anew(c); /* some end at the first message that they do not know */
    else if (c->state != DOWN)
        client_fail(c, why);
}

static void on_fault(void *ctx, uint64_t request, int status, const char *why)
{
    struct client *c = ctx;
    struct call *call = calls_find(&c->calls, request);

    bool is_refused = status == PARLEY_E_PROTOCOL || status == PARLEY_E_GONE;

    if (c->state == PROBING && request == c->awaited && is_refused) {
        handshake_begin_older(c, why);
        return;
    }
    if (request == 0 ? c->state == GREETING : request == c->awaited) {
        client_fail(c, why);
        return;
    }
    if (call != NULL)
        calling_fault(c, call, status, why);
}

static void on_initialized(void *ctx)
{
    struct client *c = ctx;

    if (c->state != GREETING)
        return;
    c->state = LISTING;
    listing_begin(c);
}

const struct link_events client_link_events = {
    .on_message = on_message,
    .on_fault = on_fault,
    .on_down = on_down,
    .on_initialized = on_initialized,
};

/* ---- life ---- */

struct client *client_create(const struct client_config *config)
{
    struct client *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->config = *config;
    c->step = config->around.timer->create(config->around.worker, on_step, c);
    c->relist = config->around.timer->create(config->around.worker, listing_on_timer, c);
    if (c->step != NULL && c->relist != NULL)
        return c;
    client_destroy(c);
    return NULL;
}

void client_start(struct client *c, struct link link, const struct parley_tools_host *tools,
                  void *worker_instance)
{
    c->link = link;
    c->tools = tools;
    c->worker_instance = worker_instance;
    c->config.around.timer->start(c->step, 0);
}

void client_destroy(struct client *c)
{
    if (c == NULL)
        return;
    c->config.around.timer->destroy(c->step);
    c->config.around.timer->destroy(c->relist);
    if (c->link.vtable != NULL)
        c->link.vtable->destroy(c->link.data);
    calls_done(&c->calls);
    listing_done(c);
    free(c);
}
