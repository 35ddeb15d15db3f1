/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscriptions/listen of 2026-07-28: one request that stays open, by which the server tells that
 * its list of tools has changed. A server that does not agree to that is left alone; a stream that
 * breaks off is opened again after a pause that grows.
 */
#include "client_state.h"

#include "stateless.h"

#include <string.h>

#define FIRST_PAUSE_MS   1000
#define LONGEST_PAUSE_MS 60000
#define HEALTHY_MS       60000

static void open_stream(struct client *c)
{
    struct subscription *s = &c->subscription;
    json_t *params = json_pack("{s:{s:b}}", "notifications", "toolsListChanged", 1);

    stateless_stamp(params);
    s->request = ++c->last_request;
    s->opened_ms = client_now_ms(c);
    s->is_acknowledged = false;
    const struct outgoing out = {
        .text = message_request(s->request, "subscriptions/listen", params),
        .request = s->request,
        .method = "subscriptions/listen",
    };
    if (client_send(c, &out, NULL) < 0)
        subscription_lost(c, "it could not be sent");
}

void subscription_on_timer(void *ctx)
{
    struct client *c = ctx;

    if (c->state == READY && c->subscription.request == 0)
        open_stream(c);
}

void subscription_begin(struct client *c, const json_t *discovery)
{
    json_t *tools = json_object_get(json_object_get(discovery, "capabilities"), "tools");

    subscription_end(c);
    c->subscription.is_offered = json_is_true(json_object_get(tools, "listChanged"));
}

void subscription_open(struct client *c)
{
    if (c->is_stateless && c->subscription.is_offered && c->subscription.request == 0)
        open_stream(c);
}

void subscription_end(struct client *c)
{
    c->subscription.request = 0;
    c->subscription.is_offered = false;
    c->config.around.timer->stop(c->subscription.timer);
}

/* What it agreed to; anything may have changed while nobody listened. */
void subscription_acknowledged(struct client *c, const json_t *params)
{
    struct subscription *s = &c->subscription;
    json_t *agreed = json_object_get(params, "notifications");

    if (s->request == 0 || s->is_acknowledged)
        return;
    s->is_acknowledged = true;
    if (json_is_true(json_object_get(agreed, "toolsListChanged"))) {
        if (s->has_been_lost)
            listing_changed(c);
        s->has_been_lost = false;
        return;
    }
    LOG(c, INFO, "the MCP server does not tell when its tools change");
    c->link.vtable->forget(c->link.data, s->request);
    subscription_end(c);
}

void subscription_lost(struct client *c, const char *why)
{
    struct subscription *s = &c->subscription;
    int64_t pause = FIRST_PAUSE_MS;

    if (s->is_acknowledged && client_now_ms(c) - s->opened_ms >= HEALTHY_MS)
        s->losses = 0;
    for (unsigned i = 0; i < s->losses && pause < LONGEST_PAUSE_MS; i++)
        pause *= 2;
    if (pause > LONGEST_PAUSE_MS)
        pause = LONGEST_PAUSE_MS;
    s->losses++;
    s->request = 0;
    s->has_been_lost = true;
    LOG(c, DEBUG, "the stream of changes has ended: %s pause_ms=%lld", why, (long long)pause);
    c->config.around.timer->start(s->timer, client_with_jitter(c, pause));
}

void subscription_answered(struct client *c, const struct message *m)
{
    if (m->kind == MESSAGE_RESULT) {
        subscription_lost(c, "in good order");
        return;
    }
    LOG(c, INFO, "the MCP server does not tell when its tools change code=%lld",
        (long long)m->error_code);
    subscription_end(c);
}
