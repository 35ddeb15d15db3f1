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
#define LISTEN_LIMIT_MS  3600000

/* ---- failures ---- */

int64_t client_with_jitter(struct client *c, int64_t pause_ms)
{
    uint32_t random;

    c->config.around.host->random(&random, sizeof(random));
    return pause_ms + random % (pause_ms / 4);
}

static int64_t next_pause_ms(struct client *c)
{
    int64_t pause = FIRST_PAUSE_MS;

    for (unsigned i = 1; i < c->failures && pause < LONGEST_PAUSE_MS; i++)
        pause *= 2;
    if (pause > LONGEST_PAUSE_MS)
        pause = LONGEST_PAUSE_MS;
    if (c->failures > TIRED_FAILURES)
        pause = TIRED_PAUSE_MS;
    if (pause < c->pause_ms)
        pause = c->pause_ms < TIRED_PAUSE_MS ? c->pause_ms : TIRED_PAUSE_MS;
    c->pause_ms = 0;
    return client_with_jitter(c, pause);
}

static void count_connection(const struct client *c, const char *error)
{
    const struct parley_metric_label labels[] = {{"parley.tools.section", c->config.section},
                                                 {"error.type", error}};

    if (c->config.metrics != NULL)
        (void)c->config.metrics->add(c->config.around.worker, "parley.tools.connections", 1, labels,
                                     error == NULL ? 1 : 2);
}

/* What the transport is, is to be found out again. */
static void swap_back(struct client *c)
{
    struct link link = c->link;

    if (!c->is_swapped)
        return;
    c->link = c->other;
    c->other = link;
    c->is_swapped = false;
}

/* A conversation's own connection comes back when there is a call. */
static void fail_own(struct client *c, const char *why)
{
    bool was_ready = c->state == READY;

    LOG(c, WARN, "a conversation's own connection to the MCP server failed: %s", why);
    c->failures++;
    c->state = DOWN;
    c->awaited = 0;
    c->config.around.timer->stop(c->step);
    if (was_ready && c->calls.first != NULL) {
        c->config.around.timer->start(c->step, next_pause_ms(c));
        return;
    }
    c->link.vtable->close(c->link.data);
    swap_back(c);
    calling_fail(c, true);
}

/* The first failure after a good time is warned of; its tools stay offered until a second one. */
void client_fail(struct client *c, const char *why)
{
    bool was_ready = c->state == READY;

    if (c->config.elder != NULL) {
        fail_own(c, why);
        return;
    }

    if (!was_ready) /* what it speaks is to be found out again */
        c->is_older = false;

    listing_abandon(c);
    subscription_end(c);
    if (was_ready && client_now_ms(c) - c->ready_ms >= HEALTHY_MS)
        c->failures = 0;
    c->failures++;
    c->is_promised = c->is_promised || c->failures == 1; /* the host is to hear of it */
    (void)snprintf(c->trouble, sizeof(c->trouble), "the MCP server is unavailable: %s", why);
    c->state = DOWN;
    count_connection(c, was_ready ? "lost" : "unavailable");
    if (c->failures == 1)
        LOG(c, WARN, "the MCP server is unavailable: %s", why);
    else
        LOG(c, DEBUG, "the MCP server is still unavailable: %s failures=%u", why, c->failures);
    c->config.around.timer->stop(c->relist);
    c->config.around.timer->start(c->step, next_pause_ms(c));
    if (was_ready) {
        listing_settle(c);
        return;
    }
    c->link.vtable->close(c->link.data);
    swap_back(c);
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
        .timeout_ms = request != 0 && request == c->subscription.request ? LISTEN_LIMIT_MS
                      : request == c->awaited ? c->config.start_timeout_ms
                                              : CALL_LIMIT_MS,
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
    bool is_own = c->config.elder != NULL;

    if (!is_own && (c->failures > 0 || c->ready_ms == 0))
        LOG(c, INFO, "the MCP server is ready");
    c->trouble[0] = '\0';
    count_connection(c, NULL);
    c->state = READY;
    c->ready_ms = client_now_ms(c);
    if (is_own)
        c->config.around.timer->stop(c->step); /* it was the limit of the handshake */
    else
        subscription_open(c);
    calling_listed(c);
}

void client_begin(struct client *c)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    listing_abandon(c);
    subscription_end(c);
    c->is_stateless = false;
    c->version[0] = '\0';
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
        listing_failed(c);
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

static int log_level_of(const char *level)
{
    static const char *const loud[] = {"warning", "error", "critical", "alert", "emergency"};

    for (size_t i = 0; i < sizeof(loud) / sizeof(loud[0]); i++) {
        if (strcmp(level, loud[i]) == 0)
            return PARLEY_LOG_WARN;
    }
    return strcmp(level, "debug") == 0 ? PARLEY_LOG_DEBUG : PARLEY_LOG_INFO;
}

/* A stranger's words: for the log and never for the model. */
static void take_log(struct client *c, const json_t *params)
{
    const char *level = json_string_value(json_object_get(params, "level"));
    const json_t *data = json_object_get(params, "data");
    char *text = json_is_string(data) ? strdup(json_string_value(data))
                                      : json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY);

    if (text != NULL)
        quota_log(&c->words, &c->config.around, log_level_of(level == NULL ? "" : level),
                  "the MCP server says", (struct parley_view){text, strlen(text)});
    free(text);
}

static void take_notification(struct client *c, const struct message *m)
{
    if (strcmp(m->method, "notifications/progress") == 0)
        calling_progressed(c, m->params);
    else if (strcmp(m->method, "notifications/tools/list_changed") == 0)
        listing_changed(c);
    else if (strcmp(m->method, "notifications/subscriptions/acknowledged") == 0)
        subscription_acknowledged(c, m->params);
    else if (strcmp(m->method, "notifications/message") == 0)
        take_log(c, m->params);
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
    if (c->is_stateless) /* it must not ask, so it gets no answer */
        LOG(c, DEBUG, "the MCP server asks %.40s, which this revision does not have", m->method);
    else if (strcmp(m->method, "ping") == 0)
        client_send_aside(c, message_answer(m->id, json_object()));
    else if (strcmp(m->method, "elicitation/create") == 0 && message_has_forms(c->version))
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
    else if (is_answer && c->subscription.request != 0 && m.request == c->subscription.request)
        subscription_answered(c, &m);
    else if (is_answer)
        calling_answered(c, &m);
    else if (m.kind == MESSAGE_NOTIFICATION)
        take_notification(c, &m);
    else if (m.kind == MESSAGE_REQUEST)
        take_request(c, &m);
}

/* One revision, 2025-03-26, lets servers send several messages as an array. */
static void take_array(struct client *c, json_t *tree)
{
    json_t *one;
    size_t i;

    if (c->version[0] != '\0' && strcmp(c->version, "2025-03-26") != 0) {
        quota_log(&c->arrays, &c->config.around, PARLEY_LOG_INFO,
                  "the MCP server sent an array of messages, which is not of revision",
                  (struct parley_view){c->version, strlen(c->version)});
        return;
    }
    json_array_foreach(tree, i, one) take_message(c, one);
}

static void on_message(void *ctx, json_t *tree)
{
    if (json_is_array(tree))
        take_array(ctx, tree);
    else
        take_message(ctx, tree);
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

    bool is_refused =
        status == PARLEY_E_PROTOCOL || status == PARLEY_E_GONE || status == PARLEY_E_NOT_FOUND;

    if (c->state == PROBING && request == c->awaited && is_refused) {
        handshake_begin_older(c, why);
        return;
    }
    if (c->state == CONNECTING && request == c->awaited && status == PARLEY_E_NOT_FOUND &&
        handshake_swap(c, why))
        return;
    if (request != 0 && request == c->subscription.request) {
        subscription_lost(c, why);
        return;
    }
    if (request == 0 ? c->state == GREETING : request == c->awaited) {
        if (c->config.elder != NULL)
            calling_end_all(c, status);
        client_fail(c, why);
        return;
    }
    if (call != NULL)
        calling_fault(c, call, status, why);
}

static void on_later(void *ctx, uint64_t request, int64_t wait_ms, const char *why)
{
    struct client *c = ctx;
    struct call *call = calls_find(&c->calls, request);

    if (request == c->awaited) {
        c->pause_ms = wait_ms;
        client_fail(c, why);
    } else if (request == c->subscription.request)
        subscription_lost(c, why);
    else if (call != NULL)
        calling_delayed(c, call, wait_ms, why);
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
    .on_later = on_later,
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
    c->turn = config->around.timer->create(config->around.worker, calling_on_turn, c);
    c->subscription.timer =
        config->around.timer->create(config->around.worker, subscription_on_timer, c);
    if (c->step != NULL && c->relist != NULL && c->turn != NULL && c->subscription.timer != NULL)
        return c;
    client_destroy(c);
    return NULL;
}

void client_start(struct client *c, struct link link, struct link other,
                  const struct parley_tools_host *tools, void *worker_instance)
{
    c->link = link;
    c->other = other;
    c->begun_ms = client_now_ms(c);
    c->tools = tools;
    c->worker_instance = worker_instance;
    if (c->config.elder == NULL) /* else with the first call */
        c->config.around.timer->start(c->step, 0);
}

void client_destroy(struct client *c)
{
    if (c == NULL)
        return;
    c->config.around.timer->destroy(c->step);
    c->config.around.timer->destroy(c->relist);
    c->config.around.timer->destroy(c->turn);
    c->config.around.timer->destroy(c->subscription.timer);
    if (c->link.vtable != NULL)
        c->link.vtable->destroy(c->link.data);
    if (c->other.vtable != NULL)
        c->other.vtable->destroy(c->other.data);
    calls_done(&c->calls);
    listing_done(c);
    free(c);
}
