/* SPDX-License-Identifier: Apache-2.0 */
/* Finding out which revision a server speaks, and greeting those that want it. */
#include "client_state.h"

#include "stateless.h"

#include <stdio.h>
#include <string.h>

#define PROBE_MS 3000 /* a child that does not know the question may stay silent */

static void greet(struct client *c)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    c->state = GREETING;
    c->awaited = 0;
    const struct outgoing out = {
        .text = message_notification("notifications/initialized", NULL),
        .purpose = LINK_INITIALIZED,
    };
    if (client_send(c, &out, &err) < 0)
        client_fail(c, err.message);
}

static void take_welcome(struct client *c, json_t *result)
{
    const char *version = json_string_value(json_object_get(result, "protocolVersion"));
    char why[160];

    const char *wanted = c->config.version;

    if (version != NULL && wanted != NULL && strcmp(version, wanted) != 0) {
        (void)snprintf(why, sizeof(why), "it speaks MCP %.40s, and protocol = %s wants that alone",
                       version, wanted);
        client_fail(c, why);
        return;
    }
    if (version != NULL && message_is_known_version(version)) {
        (void)snprintf(c->version, sizeof(c->version), "%s", version);
        c->link.vtable->set_version(c->link.data, version);
        LOG(c, DEBUG, "the MCP server speaks %s", version);
        greet(c);
        return;
    }
    (void)snprintf(why, sizeof(why), "it speaks MCP %.40s, which is not known here",
                   version == NULL ? "without a version" : version);
    client_fail(c, why);
}

static void initialize(struct client *c)
{
    c->state = CONNECTING;
    client_ask(c, "initialize",
               message_initialize_params(c->config.version == NULL ? MESSAGE_NEWEST_VERSION
                                                                   : c->config.version),
               LINK_INITIALIZE);
}

bool handshake_is_probed_child(const struct client *c)
{
    return !c->link.vtable->is_http && c->config.protocol == CLIENT_AUTO;
}

/* Older servers know no such question, and say so at once, as a rule. */
static void probe(struct client *c)
{
    c->state = PROBING;
    if (handshake_is_probed_child(c) && c->config.start_timeout_ms > PROBE_MS)
        c->config.around.timer->start(c->step, PROBE_MS);
    c->link.vtable->set_version(c->link.data, STATELESS_VERSION);
    client_ask(c, "server/discover", json_object(), LINK_ORDINARY);
}

/* Over HTTP, and with a child that has answered, the handshake follows at once. */
void handshake_begin_older(struct client *c, const char *why)
{
    if (c->config.protocol == CLIENT_STATELESS) {
        client_fail(c, why);
        return;
    }
    LOG(c, DEBUG, "the MCP server is asked to initialize: %s", why);
    c->is_older = true;
    c->awaited = 0;
    c->config.around.timer->start(c->step, c->config.start_timeout_ms);
    initialize(c);
}

/* The state of a child that went or stays silent is not known: a fresh one is asked to initialize.
 */
void handshake_begin_anew(struct client *c)
{
    c->is_older = true;
    client_begin(c);
}

static void take_discovery(struct client *c, const struct message *m)
{
    char versions[120], why[300];

    switch (stateless_judge(m)) {
    case STATELESS_YES:
        LOG(c, DEBUG, "the MCP server speaks " STATELESS_VERSION);
        c->is_stateless = true;
        (void)snprintf(c->version, sizeof(c->version), STATELESS_VERSION);
        subscription_begin(c, m->result);
        c->state = LISTING;
        c->config.around.timer->start(c->step, c->config.start_timeout_ms);
        listing_begin(c);
        break;
    case STATELESS_NO:
        handshake_begin_older(c, "it does not speak " STATELESS_VERSION);
        break;
    case STATELESS_NEVER:
        stateless_versions(m, versions, sizeof(versions));
        (void)snprintf(why, sizeof(why),
                       "it speaks %s of MCP, not " STATELESS_VERSION " nor an older one (%.100s)",
                       versions[0] == '\0' ? "another revision" : versions,
                       m->kind == MESSAGE_ERROR ? m->error_message : "");
        client_fail(c, why);
        break;
    }
}

bool handshake_swap(struct client *c, const char *why)
{
    struct link link = c->link;

    if (c->is_swapped || c->other.vtable == NULL)
        return false;
    LOG(c, DEBUG, "the MCP server is asked for the older transport: %s", why);
    link.vtable->close(link.data);
    c->link = c->other;
    c->other = link;
    c->is_swapped = true;
    c->is_older = true;
    client_begin(c);
    return true;
}

/* What the server speaks is known from the elder. Nothing is said before the first call in the
 * stateless revision. */
static void join_elder(struct client *c)
{
    if (!c->config.elder->is_stateless) {
        initialize(c);
        return;
    }
    c->link.vtable->set_version(c->link.data, STATELESS_VERSION);
    c->is_stateless = true;
    client_become_ready(c);
}

void handshake_begin(struct client *c)
{
    if (c->config.elder != NULL)
        join_elder(c);
    else if (c->config.protocol == CLIENT_LEGACY || c->is_older)
        initialize(c);
    else
        probe(c);
}

void handshake_answered(struct client *c, const struct message *m)
{
    char why[300];

    if (c->state == PROBING)
        take_discovery(c, m);
    else if (m->kind == MESSAGE_RESULT)
        take_welcome(c, m->result);
    else {
        (void)snprintf(why, sizeof(why), "it answered initialize with error %lld: %.180s",
                       (long long)m->error_code, m->error_message);
        client_fail(c, why);
    }
}
