/* SPDX-License-Identifier: Apache-2.0 */
#include "sessions.h"

#include "credentials.h"

#include <stdlib.h>
#include <string.h>

struct one {
    struct one *next;
    char *session_id;
    struct credentials *credentials;
    struct connection *connection;
};

struct sessions {
    struct connection_config config;
    struct parley_tools_host tools; /* as the host's, but that no list of theirs counts */
    struct one *first;
    unsigned count;
};

static void one_free(struct one *one)
{
    connection_destroy(one->connection);
    credentials_destroy(one->credentials);
    free(one->session_id);
    free(one);
}

/* In the midst of its work. */
static void end_one(struct one *one)
{
    client_cancel_all(connection_client(one->connection));
    one_free(one);
}

/* ---- the host, as these connections see it ---- */

static void ignore_change(struct parley_worker *worker, void *worker_instance)
{
    (void)worker;
    (void)worker_instance;
}

void sessions_attach(struct sessions *s, const struct parley_tools_host *tools)
{
    memcpy(&s->tools, tools, tools->size < sizeof(s->tools) ? tools->size : sizeof(s->tools));
    s->tools.size = sizeof(s->tools);
    s->tools.changed = ignore_change;
}

/* ---- finding and making ---- */

static bool has_token(const struct one *one, const char *token)
{
    return strcmp(credentials_settings(one->credentials)->token, token) == 0;
}

static struct one *make(struct sessions *s, const struct parley_tool_call *call,
                        struct parley_error *err)
{
    struct connection_config config = s->config;
    struct one *one = calloc(1, sizeof(*one));

    if (one == NULL) {
        (void)parley_fail(err, PARLEY_E_NO_MEMORY, "The tool %s has no memory.", call->name);
        return NULL;
    }
    one->session_id = strdup(call->session_id);
    one->credentials = credentials_of_session(config.config, call->authorization);
    if (one->session_id == NULL || one->credentials == NULL)
        (void)parley_fail(err, PARLEY_E_DENIED,
                          "The tool %s cannot use the authorization of this conversation.",
                          call->name);
    else {
        config.auth = credentials_settings(one->credentials);
        one->connection = connection_create(&config, err);
    }
    if (one->connection != NULL)
        return one;
    one_free(one);
    return NULL;
}

/* A client that hands in another token wants the new one used: the old one's connection goes. */
static struct one *find(struct sessions *s, const struct parley_tool_call *call)
{
    for (struct one **at = &s->first; *at != NULL; at = &(*at)->next) {
        struct one *one = *at;
        if (strcmp(one->session_id, call->session_id) != 0)
            continue;
        if (has_token(one, call->authorization))
            return one;
        *at = one->next;
        s->count--;
        end_one(one);
        return NULL;
    }
    return NULL;
}

struct client *sessions_client(struct sessions *s, const struct parley_tool_call *call,
                               struct parley_error *err)
{
    struct one *one = find(s, call);

    if (one == NULL && s->count == SESSIONS_MAX) {
        (void)parley_fail(err, PARLEY_E_BUSY, "The tool %s is busy; try again in a moment.",
                          call->name);
        return NULL;
    }
    if (one == NULL) {
        one = make(s, call, err);
        if (one == NULL)
            return NULL;
        one->next = s->first;
        s->first = one;
        s->count++;
        connection_start(one->connection, &s->tools, NULL);
    }
    return connection_client(one->connection);
}

void sessions_cancel(struct sessions *s, parley_op op)
{
    for (struct one *one = s->first; one != NULL; one = one->next)
        client_cancel(connection_client(one->connection), op);
}

/* ---- life ---- */

void sessions_close(struct sessions *s, const char *session_id)
{
    for (struct one **at = &s->first; *at != NULL;) {
        struct one *one = *at;
        if (strcmp(one->session_id, session_id) != 0) {
            at = &one->next;
            continue;
        }
        *at = one->next;
        s->count--;
        end_one(one);
    }
}

struct sessions *sessions_create(const struct connection_config *config)
{
    struct sessions *s = calloc(1, sizeof(*s));

    if (s != NULL)
        s->config = *config;
    return s;
}

void sessions_destroy(struct sessions *s)
{
    struct one *one;

    if (s == NULL)
        return;
    while ((one = s->first) != NULL) {
        s->first = one->next;
        one_free(one);
    }
    free(s);
}
