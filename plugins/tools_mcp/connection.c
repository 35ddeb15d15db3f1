/* SPDX-License-Identifier: Apache-2.0 */
#include "connection.h"

#include "http.h"
#include "old_http.h"
#include "process.h"

#include <stdlib.h>

struct connection {
    struct connection_config config;
    struct auth *auth; /* over HTTP */
    struct gate *gate;
    struct client *client;
    struct link link;  /* until the client has them */
    struct link other; /* the older transport over HTTP, where it may be that one; or none */
};

/* ---- links ---- */

static struct http_config http_config_of(struct connection *c)
{
    return (struct http_config){
        .around = c->config.around,
        .gate = c->gate,
        .url = c->config.config->url,
        .ca_file = c->config.config->ca_file,
        .events = &client_link_events,
        .ctx = c->client,
    };
}

static struct link make_http(struct connection *c, struct parley_error *err)
{
    const struct http_config config = http_config_of(c);
    struct http *http = http_create(&config);

    if (http != NULL)
        return http_link(http);
    (void)parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a connection");
    return (struct link){0};
}

static struct link make_old_http(struct connection *c, struct parley_error *err)
{
    const struct http_config config = http_config_of(c);
    struct old_http *old = old_http_create(&config);

    if (old != NULL)
        return old_http_link(old);
    (void)parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a connection");
    return (struct link){0};
}

static struct link make_process(struct connection *c, struct parley_error *err)
{
    const struct config *config = c->config.config;
    const struct surroundings *around = &c->config.around;
    const struct process_config of_process = {
        .around = *around,
        .fdwatch = around->host->service(PARLEY_SERVICE_FDWATCH),
        .command = {config->command, &config->args, &config->env},
        .orphans = c->config.orphans,
        .events = &client_link_events,
        .ctx = c->client,
    };

    struct process *process = of_process.fdwatch == NULL ? NULL : process_create(&of_process);
    if (process != NULL)
        return process_link(process);
    (void)parley_fail(err, PARLEY_E_UNAVAILABLE, "no memory, or a host without parley.fdwatch/1");
    return (struct link){0};
}

/* Is the transport of 2024-11-05 to be tried where there is no endpoint of the newer one? */
static bool may_be_older_transport(const struct connection *c)
{
    return !c->config.is_child && c->config.config->transport == TRANSPORT_AUTO &&
           c->config.config->protocol != PROTOCOL_STATELESS;
}

static int make_links(struct connection *c, struct parley_error *err)
{
    if (c->config.is_child)
        c->link = make_process(c, err);
    else if (c->config.config->transport == TRANSPORT_SSE)
        c->link = make_old_http(c, err);
    else
        c->link = make_http(c, err);
    if (c->link.vtable != NULL && may_be_older_transport(c))
        c->other = make_old_http(c, err);
    return c->link.vtable == NULL ? PARLEY_E_UNAVAILABLE : PARLEY_OK;
}

/* ---- the client ---- */

/* The older transport has no stateless servers. */
static enum client_protocol protocol_of(const struct config *c)
{
    if (c->protocol == PROTOCOL_STATELESS)
        return CLIENT_STATELESS;
    return c->protocol == PROTOCOL_AUTO && c->transport != TRANSPORT_SSE ? CLIENT_AUTO
                                                                         : CLIENT_LEGACY;
}

/* The one version that is wanted, or NULL. */
static const char *version_of(const struct config *c)
{
    static const char *const versions[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};

    return c->protocol < PROTOCOL_OLDEST || c->protocol == PROTOCOL_STATELESS
               ? NULL
               : versions[c->protocol - PROTOCOL_OLDEST];
}

/* Somebody who signs in takes longer than a program. */
static int64_t patience(const struct auth_settings *auth, int64_t limit_ms)
{
    bool is_person = auth->mode == AUTH_AUTHORIZATION_CODE && auth->is_attended;

    return is_person && limit_ms < AUTH_PERSON_MS ? AUTH_PERSON_MS : limit_ms;
}

static struct client *make_client(const struct connection *c)
{
    const struct config *from = c->config.config;
    const struct client_config config = {
        .around = c->config.around,
        .metrics = c->config.around.host->service(PARLEY_SERVICE_METRICS),
        .section = c->config.section,
        .prefix = c->config.prefix,
        .allow = &from->allow,
        .protocol = protocol_of(from),
        .version = version_of(from),
        .pins = c->config.pins,
        .refuses_changed = from->on_changed_tool == ON_CHANGED_REFUSE,
        .max_calls = (unsigned)from->max_calls,
        .accepts_defaults = from->elicitation == ELICITATION_ACCEPT_DEFAULTS,
        .timeout_ms = from->timeout_ms,
        .max_timeout_ms = from->max_timeout_ms,
        .start_timeout_ms = patience(c->config.auth, from->start_timeout_ms),
        .ready_timeout_ms = patience(c->config.auth, from->ready_timeout_ms),
        .elder = c->config.elder,
    };

    return client_create(&config);
}

/* ---- life ---- */

static int fill(struct connection *c, struct parley_error *err)
{
    const struct surroundings *around = &c->config.around;

    if (!c->config.is_child) {
        c->auth = auth_create(around, c->config.auth);
        c->gate = c->auth == NULL ? NULL : gate_create(c->config.house, c->auth);
        if (c->gate == NULL)
            return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a connection");
    }
    c->client = make_client(c);
    if (c->client == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a connection");
    return make_links(c, err);
}

struct connection *connection_create(const struct connection_config *config,
                                     struct parley_error *err)
{
    struct connection *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        (void)parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a connection");
        return NULL;
    }
    c->config = *config;
    if (fill(c, err) == PARLEY_OK)
        return c;
    connection_destroy(c);
    return NULL;
}

void connection_start(struct connection *c, const struct parley_tools_host *tools,
                      void *worker_instance)
{
    struct link link = c->link, other = c->other;

    c->link = c->other = (struct link){0};
    client_start(c->client, link, other, tools, worker_instance);
}

struct client *connection_client(const struct connection *c)
{
    return c->client;
}

void connection_destroy(struct connection *c)
{
    if (c == NULL)
        return;
    client_destroy(c->client);
    if (c->link.vtable != NULL)
        c->link.vtable->destroy(c->link.data);
    if (c->other.vtable != NULL)
        c->other.vtable->destroy(c->other.data);
    gate_destroy(c->gate);
    auth_destroy(c->auth);
    free(c);
}
