/* SPDX-License-Identifier: Apache-2.0 */
#include "net/client_secrets.h"

#include "base/id.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"

#include <pthread.h>
#include <stdlib.h>

#define RANDOM_CHARS 32 /* about 190 bits */

struct entry {
    struct list by_age;
    char value[CLIENT_SECRET_SIZE];
    int64_t expires_at;
    size_t bytes;
    struct client_secret secret;
};

struct client_secrets {
    pthread_mutex_t lock;
    struct map by_value;
    struct list by_age;
    size_t max_count;
    size_t max_bytes;
    size_t bytes;
};

void client_secret_done(struct client_secret *s)
{
    free(s->agent);
    free(s->session);
    *s = (struct client_secret){0};
}

struct client_secrets *client_secrets_create(size_t max_count, size_t max_bytes)
{
    struct client_secrets *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    pthread_mutex_init(&c->lock, NULL);
    list_init(&c->by_age);
    c->max_count = max_count;
    c->max_bytes = max_bytes;
    return c;
}

static void entry_free(struct entry *e)
{
    if (e == NULL)
        return;
    client_secret_done(&e->secret);
    free(e);
}

static void entry_remove(struct client_secrets *c, struct entry *e)
{
    (void)map_remove(&c->by_value, view_of(e->value));
    list_remove(&e->by_age);
    c->bytes -= e->bytes;
    entry_free(e);
}

struct client_secrets *client_secrets_destroy(struct client_secrets *c)
{
    if (c == NULL)
        return NULL;
    while (!list_empty(&c->by_age))
        entry_remove(c, list_entry(c->by_age.next, struct entry, by_age));
    map_done(&c->by_value);
    pthread_mutex_destroy(&c->lock);
    free(c);
    return NULL;
}

static void drop_expired(struct client_secrets *c, int64_t now_unix_s)
{
    struct list *at;
    struct list *next;

    list_for_each_safe(at, next, &c->by_age)
    {
        struct entry *e = list_entry(at, struct entry, by_age);
        if (e->expires_at <= now_unix_s)
            entry_remove(c, e);
    }
}

static struct entry *entry_create(const char *key_name, struct parley_view agent,
                                  struct parley_view session)
{
    struct entry *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return NULL;
    memcpy(e->value, "ek_", 3);
    id_random(e->value + 3, RANDOM_CHARS);
    view_copy(e->secret.key_name, sizeof(e->secret.key_name), view_of(key_name));
    e->secret.agent = view_dup(agent);
    e->secret.session = view_dup(session);
    e->bytes = sizeof(*e) + agent.len + session.len;
    if (e->secret.agent == NULL || e->secret.session == NULL) {
        entry_free(e);
        return NULL;
    }
    return e;
}

static int insert(struct client_secrets *c, struct entry *e, int64_t now_unix_s,
                  struct parley_error *err)
{
    if (c->by_value.count >= c->max_count || c->bytes + e->bytes > c->max_bytes)
        drop_expired(c, now_unix_s);
    if (c->by_value.count >= c->max_count || c->bytes + e->bytes > c->max_bytes)
        return parley_fail(
            err, PARLEY_E_BUSY,
            "too many client secrets are alive (%zu); wait for some to expire, or ask "
            "for shorter ones",
            c->by_value.count);
    if (!map_set(&c->by_value, view_of(e->value), e))
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a client secret");
    list_append(&c->by_age, &e->by_age);
    c->bytes += e->bytes;
    return PARLEY_OK;
}

int client_secrets_add(struct client_secrets *c, const char *key_name, struct parley_view agent,
                       struct parley_view session, int64_t seconds, int64_t now_unix_s,
                       char ret_value[CLIENT_SECRET_SIZE], struct parley_error *err)
{
    struct entry *e = entry_create(key_name, agent, session);

    if (e == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a client secret");
    e->expires_at = now_unix_s + seconds;
    char value[CLIENT_SECRET_SIZE];
    memcpy(value, e->value, sizeof(value));
    pthread_mutex_lock(&c->lock);
    int r = insert(c, e, now_unix_s, err);
    pthread_mutex_unlock(&c->lock);
    if (r < 0)
        entry_free(e);
    else
        memcpy(ret_value, value, CLIENT_SECRET_SIZE);
    return r;
}

static bool copy_secret(const struct client_secret *from, struct client_secret *to)
{
    *to = *from;
    to->agent = strdup(from->agent);
    to->session = strdup(from->session);
    if (to->agent != NULL && to->session != NULL)
        return true;
    client_secret_done(to);
    return false;
}

bool client_secrets_find(struct client_secrets *c, struct parley_view value, int64_t now_unix_s,
                         struct client_secret *ret)
{
    bool found = false;

    if (!view_starts_with(value, VIEW("ek_")))
        return false;
    pthread_mutex_lock(&c->lock);
    struct entry *e = map_get(&c->by_value, value);
    if (e != NULL && e->expires_at <= now_unix_s) {
        entry_remove(c, e);
        e = NULL;
    }
    if (e != NULL)
        found = copy_secret(&e->secret, ret);
    pthread_mutex_unlock(&c->lock);
    return found;
}
