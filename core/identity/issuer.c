/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/issuer.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "transport/http_client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define REFRESH_MS  (60 * 60 * 1000)      /* as Microsoft documents for its keys */
#define UNKNOWN_MS  (5 * 60 * 1000)       /* strangers can name any key */
#define FIRST_MS    (10 * 1000)           /* between attempts while there is none */
#define KEEP_MS     (24 * 60 * 60 * 1000) /* a key that is not listed any more */
#define TIMEOUT_MS  5000
#define MAX_BYTES   (256 * 1024)
#define MAX_KEYS    1000
#define MAX_WAITING 1000

struct issuer {
    atomic_uint refs;
    /* Never changed. */
    char *metadata_url;
    char *wanted_name;
    char *ca_file;
    /* Under the lock. */
    pthread_mutex_t lock;
    char name[JWK_ISSUER_SIZE];
    struct list keys; /* struct jwk */
    size_t key_count;
    int64_t fetched_ms; /* when keys came last, by clock_now_ms(); 0: never */
    int64_t asked_ms;   /* when they were asked for last */
    bool is_fetching;
    char problem[256];   /* of the last fetch, or "" */
    struct list waiting; /* struct issuer_wait */
    size_t waiting_count;
};

struct issuer_wait {
    struct list entry;
    struct issuer *issuer;
    struct loop *loop;
    void (*on_keys)(void *ctx);
    void *ctx;
    bool is_sent;
    bool is_cancelled; /* read on the loop only, once sent */
};

/* ---- making one ---- */

/* Keys decide who comes in, so nobody on the way may change them. A user in front of the host
 * could look like one that is safe. */
static bool is_safe(const char *url)
{
    static const char *const safe[] = {"https://",
                                       "http://127.0.0.1:", "http://localhost:", "http://[::1]:"};

    for (size_t i = 0; i < ARRAY_LEN(safe); i++) {
        if (strncasecmp(url, safe[i], strlen(safe[i])) == 0)
            return url[strlen(safe[i])] != '\0' && strchr(url, '@') == NULL;
    }
    return false;
}

int issuer_create(const struct issuer_config *config, struct issuer **ret, struct parley_error *err)
{
    if (!is_safe(config->metadata_url))
        return parley_fail(err, PARLEY_E_INVALID, "\"%.200s\" is not an https:// address",
                           config->metadata_url);
    struct issuer *i = calloc(1, sizeof(*i));
    if (i == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for an issuer");
    atomic_init(&i->refs, 1);
    pthread_mutex_init(&i->lock, NULL);
    list_init(&i->keys);
    list_init(&i->waiting);
    i->metadata_url = strdup(config->metadata_url);
    i->wanted_name = strdup(config->name);
    i->ca_file = strdup(config->ca_file);
    if (i->metadata_url == NULL || i->wanted_name == NULL || i->ca_file == NULL) {
        (void)issuer_unref(i);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for an issuer");
    }
    *ret = i;
    return PARLEY_OK;
}

struct issuer *issuer_ref(struct issuer *i)
{
    if (i != NULL)
        atomic_fetch_add(&i->refs, 1);
    return i;
}

struct issuer *issuer_unref(struct issuer *i)
{
    if (i == NULL || atomic_fetch_sub(&i->refs, 1) != 1)
        return NULL;
    while (!list_empty(&i->keys))
        (void)jwk_free(list_entry(i->keys.next, struct jwk, entry));
    pthread_mutex_destroy(&i->lock);
    free(i->metadata_url);
    free(i->wanted_name);
    free(i->ca_file);
    free(i);
    return NULL;
}

bool issuer_has_keys(struct issuer *i, char *problem, size_t size)
{
    pthread_mutex_lock(&i->lock);
    bool has_keys = i->key_count > 0;
    view_copy(problem, size, view_of(i->problem));
    pthread_mutex_unlock(&i->lock);
    return has_keys;
}

/* ---- who waits ---- */

static void wait_free(struct issuer_wait *w)
{
    (void)issuer_unref(w->issuer);
    free(w);
}

static void arrives(void *arg)
{
    struct issuer_wait *w = arg;

    if (!w->is_cancelled)
        w->on_keys(w->ctx);
    wait_free(w);
}

static void drop(void *arg)
{
    wait_free(arg);
}

/* Before it is sent: it may arrive, and be gone, before this goes on. */
static bool wake(struct issuer *i, struct issuer_wait *w)
{
    list_remove(&w->entry);
    i->waiting_count--;
    w->is_sent = true;
    if (loop_post(w->loop, arrives, drop, w))
        return true;
    w->is_sent = false;
    list_prepend(&i->waiting, &w->entry);
    i->waiting_count++;
    return false;
}

/* Under the lock, so that the loop is there: who leaves it cancels before. Without memory they wait
 * until the issuer is asked for something else. */
static void wake_all(struct issuer *i)
{
    while (!list_empty(&i->waiting)) {
        if (wake(i, list_entry(i->waiting.next, struct issuer_wait, entry)))
            continue;
        log_error("no memory to go on with a client's token; it is tried again later");
        return;
    }
}

struct issuer_wait *issuer_wait(struct issuer *i, struct fetch_place *place,
                                void (*on_keys)(void *ctx), void *ctx)
{
    struct issuer_wait *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    *w = (struct issuer_wait){
        .issuer = issuer_ref(i), .loop = place->loop, .on_keys = on_keys, .ctx = ctx};
    pthread_mutex_lock(&i->lock);
    bool has_room = i->waiting_count < MAX_WAITING;
    if (has_room) {
        list_append(&i->waiting, &w->entry);
        i->waiting_count++;
        if (!i->is_fetching)
            wake_all(i); /* it has ended meanwhile */
    }
    pthread_mutex_unlock(&i->lock);
    if (has_room)
        return w;
    wait_free(w);
    return NULL;
}

void issuer_wait_cancel(struct issuer_wait *w)
{
    struct issuer *i = w->issuer;

    pthread_mutex_lock(&i->lock);
    bool is_sent = w->is_sent;
    w->is_cancelled = true;
    if (!is_sent) {
        list_remove(&w->entry);
        i->waiting_count--;
    }
    pthread_mutex_unlock(&i->lock);
    if (!is_sent)
        wait_free(w);
}

/* ---- keys ---- */

static struct jwk *find_key(const struct issuer *i, const char *kid, const char *key_issuer)
{
    struct list *at;

    list_for_each(at, &i->keys)
    {
        struct jwk *key = list_entry(at, struct jwk, entry);
        if (strcmp(key->kid, kid) == 0 &&
            (key_issuer == NULL || strcmp(key->issuer, key_issuer) == 0))
            return key;
    }
    return NULL;
}

static void keep_key(struct issuer *i, struct jwk *key, int64_t now_ms)
{
    struct jwk *old = find_key(i, key->kid, key->issuer);

    if (old != NULL) {
        (void)jwk_free(old);
        i->key_count--;
    }
    if (i->key_count == MAX_KEYS) {
        (void)jwk_free(key);
        return;
    }
    key->seen_ms = now_ms;
    list_append(&i->keys, &key->entry);
    i->key_count++;
}

static void drop_old_keys(struct issuer *i, int64_t now_ms)
{
    struct list *at, *next;

    for (at = i->keys.next; at != &i->keys; at = next) {
        struct jwk *key = list_entry(at, struct jwk, entry);
        next = at->next;
        if (key->seen_ms >= now_ms - KEEP_MS)
            continue;
        (void)jwk_free(key);
        i->key_count--;
    }
}

/* What is of no use is left out; a set without a single good key is none. */
static int take_keys(struct issuer *i, const json_t *tree, struct parley_error *err)
{
    const json_t *all = json_object_get(tree, "keys");
    int64_t now_ms = clock_now_ms();
    struct parley_error why = PARLEY_ERROR_INIT;
    size_t good = 0, at;
    const json_t *one;

    json_array_foreach(all, at, one)
    {
        struct jwk *key = NULL;
        if (at >= MAX_KEYS || jwk_read(one, &key, &why) < 0)
            continue;
        keep_key(i, key, now_ms);
        good++;
    }
    if (good == 0)
        return parley_fail(err, PARLEY_E_PROTOCOL,
                           "its jwks_uri: holds no key for RS256, PS256 or ES256%s%s",
                           why.message[0] == '\0' ? "" : "; ", why.message);
    drop_old_keys(i, now_ms);
    return PARLEY_OK;
}

/* ---- fetching: the metadata, then the keys it points to ---- */

struct errand {
    struct issuer *issuer;
    struct fetch_place *place;
    char name[JWK_ISSUER_SIZE]; /* as the metadata has it */
    bool has_metadata;
};

static int ask(struct errand *e, const char *url, struct parley_error *err);

static void finish(struct errand *e, int status, const char *problem)
{
    struct issuer *i = e->issuer;

    pthread_mutex_lock(&i->lock);
    i->is_fetching = false;
    bool is_first = i->fetched_ms == 0;
    view_copy(i->problem, sizeof(i->problem), view_of(problem));
    if (status == PARLEY_OK) {
        i->fetched_ms = clock_now_ms();
        view_copy(i->name, sizeof(i->name), view_of(e->name));
    }
    size_t count = i->key_count;
    wake_all(i);
    pthread_mutex_unlock(&i->lock);
    if (status == PARLEY_OK && is_first)
        log_info("the issuer's keys are there issuer=%s keys=%zu", e->name, count);
    else if (status < 0 && status != PARLEY_E_CANCELLED)
        log_warn("the issuer's keys could not be loaded%s url=%s reason=\"%s\"",
                 count > 0 ? "; the known ones stay in use" : ", so that no token can be accepted",
                 i->metadata_url, problem);
    (void)issuer_unref(i);
    free(e);
}

static int read_metadata(struct errand *e, const json_t *tree, struct parley_error *err)
{
    const char *name = json_get_str(tree, "issuer", "");
    const char *keys = json_get_str(tree, "jwks_uri", "");

    if (name[0] == '\0' || strlen(name) >= sizeof(e->name))
        return parley_fail(err, PARLEY_E_PROTOCOL, "the metadata names no issuer");
    if (e->issuer->wanted_name[0] != '\0' && strcmp(name, e->issuer->wanted_name) != 0)
        return parley_fail(err, PARLEY_E_DENIED,
                           "the metadata is that of the issuer %.100s, not of %.100s", name,
                           e->issuer->wanted_name);
    if (!is_safe(keys))
        return parley_fail(err, PARLEY_E_PROTOCOL,
                           "the metadata's jwks_uri \"%.100s\" is not an https:// address", keys);
    view_copy(e->name, sizeof(e->name), view_of(name));
    e->has_metadata = true;
    return ask(e, keys, err);
}

static int read_keys(struct errand *e, const json_t *tree, struct parley_error *err)
{
    pthread_mutex_lock(&e->issuer->lock);
    int r = take_keys(e->issuer, tree, err);
    pthread_mutex_unlock(&e->issuer->lock);
    return r;
}

/* PARLEY_OK: another answer is to come, or it was the last one. */
static int read_answer(struct errand *e, const struct http_client_response *response,
                       struct parley_error *err)
{
    const char *what = e->has_metadata ? "its jwks_uri" : "its metadata";

    if (response->status < 0)
        return parley_fail(err, response->status, "%s: %s", what, response->message);
    if (response->code != 200)
        return parley_fail(err, PARLEY_E_PROTOCOL, "%s: answered with status %d", what,
                           response->code);
    struct parley_error why = PARLEY_ERROR_INIT;
    _cleanup_json_ json_t *tree = json_parse(response->body, &why);
    if (!json_is_object(tree))
        return parley_fail(err, PARLEY_E_PROTOCOL, "%s: is not a JSON object", what);
    return e->has_metadata ? read_keys(e, tree, err) : read_metadata(e, tree, err);
}

static void on_end(void *ctx, const struct http_client_response *response)
{
    struct errand *e = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;
    bool was_last = e->has_metadata;
    int r = read_answer(e, response, &err);

    if (r < 0 || was_last)
        finish(e, r, err.message);
}

static int ask(struct errand *e, const char *url, struct parley_error *err)
{
    static const struct http_client_events events = {.on_end = on_end};
    static const char *const headers[] = {"Accept: application/json"};
    uint64_t id;
    const struct http_client_request request = {
        .method = "GET",
        .url = url,
        .headers = headers,
        .header_count = 1,
        .ca_file = e->issuer->ca_file,
        .timeout_ms = TIMEOUT_MS,
        .max_response_bytes = MAX_BYTES,
    };

    return http_client_start(e->place->http, &request, &events, e, &id, err);
}

/* Under the lock. */
static bool is_due(const struct issuer *i, bool is_for_unknown)
{
    int64_t now_ms = clock_now_ms();

    if (i->is_fetching)
        return false;
    if (i->fetched_ms == 0)
        return i->asked_ms == 0 || now_ms - i->asked_ms >= FIRST_MS;
    return now_ms - i->asked_ms >= UNKNOWN_MS &&
           (is_for_unknown || now_ms - i->fetched_ms >= REFRESH_MS);
}

/* Under the lock. */
static void fetch_if_due(struct issuer *i, struct fetch_place *place, bool is_for_unknown)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (!i->is_fetching)
        wake_all(i);
    if (place->http == NULL || !is_due(i, is_for_unknown))
        return;
    struct errand *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return;
    *e = (struct errand){.issuer = issuer_ref(i), .place = place};
    i->asked_ms = clock_now_ms();
    if (ask(e, i->metadata_url, &err) == PARLEY_OK) {
        i->is_fetching = true;
        return;
    }
    view_copy(i->problem, sizeof(i->problem), view_of(err.message));
    atomic_fetch_sub(&i->refs, 1); /* never the last: the caller has one */
    free(e);
}

void issuer_refresh(struct issuer *i, struct fetch_place *place)
{
    pthread_mutex_lock(&i->lock);
    fetch_if_due(i, place, false);
    pthread_mutex_unlock(&i->lock);
}

/* ---- finding one ---- */

/* A token that names no key is signed by the only one there is for its algorithm. */
static const struct jwk *only_key(const struct issuer *i, unsigned algorithm)
{
    const struct jwk *found = NULL;
    struct list *at;

    list_for_each(at, &i->keys)
    {
        const struct jwk *key = list_entry(at, struct jwk, entry);
        if ((key->algorithms & algorithm) == 0)
            continue;
        if (found != NULL)
            return NULL;
        found = key;
    }
    return found;
}

static bool fill(const struct issuer *i, const struct jwk *key, struct issuer_key *ret)
{
    if (EVP_PKEY_up_ref(key->pkey) != 1)
        return false;
    ret->pkey = key->pkey;
    view_copy(ret->key_issuer, sizeof(ret->key_issuer), view_of(key->issuer));
    view_copy(ret->name, sizeof(ret->name), view_of(i->name));
    return true;
}

enum issuer_answer issuer_find(struct issuer *i, const struct jwt *jwt, struct fetch_place *place,
                               struct issuer_key *ret)
{
    enum issuer_answer answer = ISSUER_NO_KEY;

    pthread_mutex_lock(&i->lock);
    const struct jwk *key =
        jwt->kid[0] == '\0' ? only_key(i, jwt->algorithm) : find_key(i, jwt->kid, NULL);
    fetch_if_due(i, place, key == NULL);
    if (key != NULL && (key->algorithms & jwt->algorithm) != 0 && fill(i, key, ret))
        answer = ISSUER_KEY;
    else if (key == NULL && i->is_fetching)
        answer = ISSUER_WAIT;
    pthread_mutex_unlock(&i->lock);
    return answer;
}

void issuer_key_done(struct issuer_key *key)
{
    EVP_PKEY_free(key->pkey);
    key->pkey = NULL;
}
