/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/identity.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "conf/nearest.h"
#include "conf/secret.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MARGIN_MS    30000  /* a token that ends sooner is not handed out */
#define EARLY_MS     300000 /* before its end a token is renewed */
#define LONG_LIFE_MS 7200000
#define AGAIN_MS     30000 /* after a renewal that failed, while the old token is still good */
#define REFUSED_MS   2000  /* a failure is told to whoever asks so soon after it */
#define MAX_TOKENS   1024  /* of one configuration: scopes come from options, not from peers */

/* The credential of one name: a section, or a built-in. */
struct entry {
    struct list entry; /* of identity->entries */
    struct options_values *values;
    struct credential credential;
    char *name;
    bool is_builtin;
};

/* The token of one credential for one scope. Under identity->lock. */
struct token {
    struct list entry; /* of identity->tokens */
    const struct entry *of;
    char *scope;
    char *value; /* NULL: none */
    int64_t expires_ms;
    int64_t renew_ms; /* Unix milliseconds, as the above */
    bool is_fetching;
    struct list waiting; /* struct identity_request */
    int64_t failed_ms;   /* when the last fetch did, by clock_now_ms(); 0: it did not */
    int status;
    char message[640];
    const char *source; /* told in the log once */
};

struct identity {
    atomic_uint refs;
    struct list entries; /* immutable after creation */
    pthread_mutex_t lock;
    struct list tokens;
    size_t token_count;
};

/*
 * One who waits. It is in a token's list, or on its way back to its loop; cancelling in the second
 * case only marks it, and the message frees it.
 */
struct identity_request {
    struct list entry; /* of token->waiting, under the lock */
    struct identity *identity;
    struct loop *loop;
    identity_done on_done;
    void *ctx;
    bool is_sent; /* under the lock */
    bool is_cancelled;
    int status;
    bool is_api_key;
    char *value;
    int64_t expires_ms;
    char message[640];
};

/* ---- sections ---- */

static void entry_free(struct entry *e)
{
    list_remove(&e->entry);
    options_destroy(e->values);
    free(e->name);
    free(e);
}

static struct entry *add_entry(struct identity *id, const char *name, struct options_values *take)
{
    struct entry *e = calloc(1, sizeof(*e));

    if (e != NULL)
        e->name = strdup(name);
    if (e == NULL || e->name == NULL) {
        free(e);
        options_destroy(take);
        return NULL;
    }
    e->values = take;
    e->credential = (struct credential){.name = e->name, .config = options_config(take)};
    list_append(&id->entries, &e->entry);
    return e;
}

static void report_mistake(const struct conf_section *s, const char *key, const char *message,
                           struct conf_report *report)
{
    const struct conf_key *k = conf_key(s, key);
    struct conf_place at = {.file = s->file, .line = s->line, .section = s, .key = key};

    if (k != NULL && k->values != NULL) {
        at.file = k->values->file;
        at.line = k->values->line;
    }
    conf_report_error(report, at, "%s", message);
}

static void read_section(struct identity *id, const struct conf *conf, const struct conf_section *s,
                         struct conf_report *report)
{
    struct options_values *values = NULL;
    struct parley_error err = PARLEY_ERROR_INIT;
    const char *key = "type";

    if (options_fill(&credential_options, conf, s, &values, report) < 0)
        return;
    struct entry *e = add_entry(id, s->name, values);
    if (e == NULL)
        report_mistake(s, key, "no memory", report);
    else if (credential_check(&e->credential, &key, &err) < 0)
        report_mistake(s, key, err.message, report);
}

/* A built-in is a section with one key. */
static bool add_builtin(struct identity *id, const char *name)
{
    struct conf_report ignored = {0};
    struct options_values *values = NULL;
    struct conf *conf = conf_create("/", NULL);
    struct entry *e = NULL;
    char text[96];

    if (conf == NULL)
        return false;
    (void)snprintf(text, sizeof(text), "[credential x]\ntype = %s\n", name);
    if (conf_add_layer(conf, view_of(text), "built in", &ignored) &&
        options_fill(&credential_options, conf, conf_find(conf, "credential", "x"), &values,
                     &ignored) == PARLEY_OK)
        e = add_entry(id, name, values);
    if (e != NULL)
        e->is_builtin = true;
    conf_report_done(&ignored);
    conf_destroy(conf);
    return e != NULL;
}

static const struct entry *find_entry(const struct identity *id, const char *name)
{
    struct list *at;

    list_for_each(at, &id->entries)
    {
        const struct entry *e = list_entry(at, struct entry, entry);
        if (strcmp(e->name, name) == 0)
            return e;
    }
    return NULL;
}

/* A section takes the place of the built-in of its name. */
static bool add_builtins(struct identity *id)
{
    for (size_t i = 0; credential_builtin_name(i) != NULL; i++) {
        if (find_entry(id, credential_builtin_name(i)) == NULL &&
            !add_builtin(id, credential_builtin_name(i)))
            return false;
    }
    return true;
}

int identity_create(const struct conf *conf, struct identity **ret, struct conf_report *report)
{
    size_t errors_before = report->errors;
    struct identity *id = calloc(1, sizeof(*id));
    const struct conf_section *s = NULL;

    if (id == NULL) {
        conf_report_error(report, (struct conf_place){0}, "no memory for the credentials");
        return PARLEY_E_NO_MEMORY;
    }
    atomic_init(&id->refs, 1);
    pthread_mutex_init(&id->lock, NULL);
    list_init(&id->entries);
    list_init(&id->tokens);
    while ((s = conf_next(conf, "credential", s)) != NULL)
        read_section(id, conf, s, report);
    if (!add_builtins(id))
        conf_report_error(report, (struct conf_place){0}, "no memory for the credentials");
    if (report->errors > errors_before) {
        (void)identity_unref(id);
        return PARLEY_E_INVALID;
    }
    *ret = id;
    return PARLEY_OK;
}

struct identity *identity_ref(struct identity *id)
{
    atomic_fetch_add(&id->refs, 1);
    return id;
}

static void token_free(struct token *t)
{
    list_remove(&t->entry);
    secret_free(t->value);
    free(t->scope);
    free(t);
}

struct identity *identity_unref(struct identity *id)
{
    if (id == NULL || atomic_fetch_sub(&id->refs, 1) != 1)
        return NULL;
    while (!list_empty(&id->tokens))
        token_free(list_entry(id->tokens.next, struct token, entry));
    while (!list_empty(&id->entries))
        entry_free(list_entry(id->entries.next, struct entry, entry));
    pthread_mutex_destroy(&id->lock);
    free(id);
    return NULL;
}

static const struct entry *section_at(const struct identity *id, size_t i)
{
    struct list *at;

    list_for_each(at, &id->entries)
    {
        const struct entry *e = list_entry(at, struct entry, entry);
        if (!e->is_builtin && i-- == 0)
            return e;
    }
    return NULL;
}

const char *identity_name_at(const struct identity *id, size_t i)
{
    const struct entry *e = section_at(id, i);

    return e == NULL ? NULL : e->name;
}

const struct options_values *identity_values_at(const struct identity *id, size_t i)
{
    const struct entry *e = section_at(id, i);

    return e == NULL ? NULL : e->values;
}

int identity_check(const struct identity *id, const char *name, struct parley_error *err)
{
    char hint[96];
    struct nearest n = nearest_to(name);
    struct list *at;

    if (find_entry(id, name) != NULL)
        return PARLEY_OK;
    list_for_each(at, &id->entries)
    {
        nearest_offer(&n, list_entry(at, struct entry, entry)->name);
    }
    return parley_fail(err, PARLEY_E_NOT_FOUND, "there is no [credential %.64s] section%s", name,
                       nearest_hint(&n, hint, sizeof(hint)));
}

/* ---- back to who asked ---- */

static void request_free(struct identity_request *r)
{
    (void)identity_unref(r->identity);
    secret_free(r->value);
    free(r);
}

static void arrives(void *arg)
{
    struct identity_request *r = arg;
    const struct identity_token told = {
        .status = r->status,
        .is_api_key = r->is_api_key,
        .value = view_of(r->value == NULL ? "" : r->value),
        .expires_ms = r->expires_ms,
        .message = r->message,
    };

    if (!r->is_cancelled)
        r->on_done(r->ctx, &told);
    request_free(r);
}

static void drop(void *arg)
{
    request_free(arg);
}

/* Under the lock, so that the loop is there: who leaves it cancels before. */
static void send_back(struct identity_request *r, const struct token *t)
{
    list_remove(&r->entry);
    r->is_sent = true;
    r->status = t->status;
    r->expires_ms = t->expires_ms;
    (void)snprintf(r->message, sizeof(r->message), "%s", t->message);
    if (t->status == PARLEY_OK && (r->value = strdup(t->value)) == NULL) {
        r->status = PARLEY_E_NO_MEMORY;
        (void)snprintf(r->message, sizeof(r->message), "no memory for a token");
    }
    if (!loop_post(r->loop, arrives, drop, r))
        log_error("no memory to hand over a token");
}

static void send_all_back(struct token *t)
{
    while (!list_empty(&t->waiting))
        send_back(list_entry(t->waiting.next, struct identity_request, entry), t);
}

/* ---- fetching ---- */

/* Which token a fetch is for; it keeps the credentials alive. */
struct errand {
    struct identity *identity;
    struct token *token;
};

static int64_t renewal_of(const struct source_answer *a)
{
    int64_t now_ms = clock_unix_ms(), life_ms = a->life_s * 1000;

    if (a->refresh_s > 0 && a->refresh_s < a->life_s)
        return now_ms + a->refresh_s * 1000;
    if (life_ms > LONG_LIFE_MS)
        return now_ms + life_ms / 2;
    return now_ms + (life_ms > 2 * EARLY_MS ? life_ms - EARLY_MS : life_ms / 2);
}

static void keep(struct token *t, const struct source_answer *a, const char *source)
{
    secret_free(t->value);
    t->value = strdup(a->token);
    t->status = t->value == NULL ? PARLEY_E_NO_MEMORY : PARLEY_OK;
    t->expires_ms = a->expires_s * 1000;
    t->renew_ms = renewal_of(a);
    t->failed_ms = 0;
    t->message[0] = '\0';
    if (t->source == source)
        return;
    t->source = source;
    log_info("tokens come from credential=\"%s\" source=%s scope=%s", t->of->name, source,
             t->scope);
}

static bool is_good(const struct token *t)
{
    return t->value != NULL && t->expires_ms - MARGIN_MS > clock_unix_ms();
}

/* The old token is handed out as long as it is good. */
static void note_failure(struct token *t, const struct source_answer *a)
{
    t->failed_ms = clock_now_ms();
    t->renew_ms = clock_unix_ms() + AGAIN_MS;
    if (a->status != PARLEY_E_CANCELLED)
        log_warn("no token: %s credential=\"%s\" scope=%s", a->message, t->of->name, t->scope);
    if (is_good(t))
        return;
    t->status = a->status;
    (void)snprintf(t->message, sizeof(t->message), "credential %s: %s", t->of->name, a->message);
}

static void on_fetched(void *ctx, const struct source_answer *answer, const char *source)
{
    struct errand *e = ctx;
    struct token *t = e->token;

    pthread_mutex_lock(&e->identity->lock);
    t->is_fetching = false;
    if (answer->verdict == SOURCE_TOKEN)
        keep(t, answer, source);
    else
        note_failure(t, answer);
    send_all_back(t);
    pthread_mutex_unlock(&e->identity->lock);
    (void)identity_unref(e->identity);
    free(e);
}

/* Under the lock. */
static int fetch(struct identity *id, struct token *t, struct fetch_place *place,
                 struct parley_error *err)
{
    struct errand *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory to fetch a token");
    *e = (struct errand){identity_ref(id), t};
    int r = fetch_start(place, &t->of->credential, t->scope, on_fetched, e, err);
    if (r < 0) {
        (void)identity_unref(id);
        free(e);
        return r;
    }
    t->is_fetching = true;
    return PARLEY_OK;
}

/* ---- asking ---- */

static struct token *find_token(struct identity *id, const struct entry *of, const char *scope)
{
    struct list *at;

    list_for_each(at, &id->tokens)
    {
        struct token *t = list_entry(at, struct token, entry);
        if (t->of == of && strcmp(t->scope, scope) == 0)
            return t;
    }
    return NULL;
}

static struct token *add_token(struct identity *id, const struct entry *of, const char *scope)
{
    struct token *t = id->token_count < MAX_TOKENS ? calloc(1, sizeof(*t)) : NULL;

    if (t != NULL)
        t->scope = strdup(scope);
    if (t == NULL || t->scope == NULL) {
        free(t);
        return NULL;
    }
    t->of = of;
    list_init(&t->waiting);
    list_append(&id->tokens, &t->entry);
    id->token_count++;
    return t;
}

/* An API key never ends. */
static void set_key(struct token *t)
{
    if (t->value == NULL)
        t->value = strdup(t->of->credential.config->key);
    t->status = t->value == NULL ? PARLEY_E_NO_MEMORY : PARLEY_OK;
}

/* Whoever has just failed is not asked again by everyone who comes. A failure that was not told,
 * since the old token seemed good, is none to tell when that was refused. */
static bool has_just_failed(const struct token *t)
{
    return t->status < 0 && t->failed_ms > 0 && clock_now_ms() - t->failed_ms < REFUSED_MS;
}

/* Under the lock. */
static int answer(struct identity *id, struct token *t, struct identity_request *r,
                  struct fetch_place *place, struct parley_error *err)
{
    if (r->is_api_key) {
        set_key(t);
        send_back(r, t);
        return PARLEY_OK;
    }
    if (is_good(t)) {
        if (clock_unix_ms() >= t->renew_ms && !t->is_fetching)
            (void)fetch(id, t, place, err); /* the next who asks tries again */
        send_back(r, t);
        return PARLEY_OK;
    }
    list_append(&t->waiting, &r->entry);
    if (t->is_fetching)
        return PARLEY_OK;
    if (has_just_failed(t)) {
        send_back(r, t);
        return PARLEY_OK;
    }
    int status = fetch(id, t, place, err);
    if (status < 0)
        list_remove(&r->entry);
    return status;
}

int identity_get(struct identity *id, const char *name, const char *scope,
                 struct fetch_place *place, identity_done on_done, void *ctx,
                 struct identity_request **ret, struct parley_error *err)
{
    int status = identity_check(id, name, err);

    if (status < 0)
        return status;
    const struct entry *of = find_entry(id, name);
    struct identity_request *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory to ask for a token");
    r->identity = identity_ref(id);
    r->loop = place->loop;
    r->on_done = on_done;
    r->ctx = ctx;
    r->is_api_key = of->credential.config->type == CREDENTIAL_API_KEY;
    pthread_mutex_lock(&id->lock);
    struct token *t = find_token(id, of, scope);
    if (t == NULL)
        t = add_token(id, of, scope);
    status = t == NULL ? parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a token")
                       : answer(id, t, r, place, err);
    pthread_mutex_unlock(&id->lock);
    if (status < 0)
        request_free(r);
    else
        *ret = r;
    return status;
}

void identity_cancel(struct identity_request *request)
{
    struct identity *id = request->identity;

    pthread_mutex_lock(&id->lock);
    bool is_sent = request->is_sent;
    request->is_cancelled = true;
    list_remove(&request->entry);
    pthread_mutex_unlock(&id->lock);
    if (!is_sent)
        request_free(request);
}

void identity_refused(struct identity *id, const char *name, const char *scope,
                      struct parley_view value)
{
    const struct entry *of = find_entry(id, name);

    pthread_mutex_lock(&id->lock);
    struct token *t = of == NULL ? NULL : find_token(id, of, scope);
    if (t != NULL && t->value != NULL && view_equal_secret(view_of(t->value), value) &&
        of->credential.config->type != CREDENTIAL_API_KEY) {
        secret_free(TAKE(t->value));
        t->expires_ms = 0;
    }
    pthread_mutex_unlock(&id->lock);
}
