/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/fetch.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "identity/source_cli.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ANSWER   (64 * 1024)
#define JITTER_PARTS 5 /* of a pause, a fifth is left to chance: many hosts start at once */

/* In the order in which `default` looks. */
static const struct source *const chain[] = {&source_environment, &source_workload, &source_managed,
                                             &source_cli};

struct fetch {
    struct list entry; /* of place->fetches */
    struct fetch_place *place;
    const struct credential *credential;
    char *scope;
    fetch_done on_done;
    void *ctx;
    const struct source *source;
    size_t link; /* in the chain, when the credential is `default` */
    unsigned attempt;
    bool is_probing;
    bool is_busy; /* a request or a program is under way: it is freed when that is over */
    bool is_over;
    struct loop_timer timer;
    struct source_answer answer; /* of the job, or the last one */
};

static void begin(struct fetch *f);
static void try_again(void *ctx);

static void fetch_free(struct fetch *f)
{
    list_remove(&f->entry);
    loop_timer_stop(&f->timer);
    source_answer_done(&f->answer);
    free(f->scope);
    free(f);
}

static void finish(struct fetch *f)
{
    if (f->is_over)
        return;
    f->is_over = true;
    f->on_done(f->ctx, &f->answer, f->source == NULL ? NULL : f->source->name);
    if (!f->is_busy)
        fetch_free(f);
}

static bool is_chain(const struct fetch *f)
{
    return f->credential->config->type == CREDENTIAL_DEFAULT;
}

/* ---- which source ---- */

static const struct source *source_of(enum credential_type type)
{
    switch (type) {
    case CREDENTIAL_MANAGED_IDENTITY:
        return &source_managed;
    case CREDENTIAL_WORKLOAD_IDENTITY:
        return &source_workload;
    case CREDENTIAL_CLIENT_SECRET:
        return &source_secret;
    case CREDENTIAL_CLIENT_CERTIFICATE:
        return &source_certificate;
    case CREDENTIAL_ENVIRONMENT:
        return &source_environment;
    case CREDENTIAL_AZURE_CLI:
        return &source_cli;
    default:
        return NULL;
    }
}

/* One that is configured and fails ends the search with its own words: another identity would only
 * hide the mistake. */
static bool next_in_chain(struct fetch *f)
{
    while (f->link < ARRAY_LEN(chain)) {
        const struct source *s = chain[f->link++];
        if (!s->is_there(f->credential))
            continue;
        f->source = s;
        f->attempt = 0;
        f->is_probing = s->needs_probe != NULL && s->needs_probe();
        return true;
    }
    f->source = NULL;
    source_fail(&f->answer, SOURCE_FAILED, PARLEY_E_NOT_FOUND,
                "no identity was found: the environment names no client, there is no workload or "
                "managed identity, and no Azure CLI; write a [credential NAME] section");
    return false;
}

/* ---- an answer ---- */

static void pause_and_try(struct fetch *f)
{
    int64_t ms = f->answer.again_ms;

    if (ms > 0)
        ms += (int64_t)((uint64_t)random() % ((uint64_t)ms / JITTER_PARTS + 1));
    f->attempt++;
    loop_timer_start(f->place->loop, &f->timer, ms, try_again, f);
}

static void judge(struct fetch *f)
{
    if (f->answer.verdict == SOURCE_AGAIN)
        pause_and_try(f);
    else if (f->answer.verdict == SOURCE_ABSENT && is_chain(f) && next_in_chain(f))
        begin(f);
    else
        finish(f);
}

static void on_answer(void *ctx, const struct http_client_response *response)
{
    struct fetch *f = ctx;

    f->is_busy = false;
    if (f->is_over) {
        fetch_free(f);
        return;
    }
    source_answer_done(&f->answer);
    f->answer = (struct source_answer){0};
    if (response->status == PARLEY_E_CANCELLED) {
        source_fail(&f->answer, SOURCE_FAILED, PARLEY_E_CANCELLED, "the server is stopping");
    } else if (f->is_probing && response->status < 0) {
        source_fail(&f->answer, SOURCE_ABSENT, PARLEY_E_NOT_FOUND, "no managed identity");
    } else if (f->is_probing) {
        f->is_probing = false;
        f->answer.verdict = SOURCE_AGAIN; /* it is there: now in earnest */
        f->attempt--;
    } else {
        f->source->read(f->credential, f->attempt, response, &f->answer);
    }
    judge(f);
}

static const struct http_client_events answers = {.on_end = on_answer};

/* ---- a request, or a program ---- */

static int send(struct fetch *f, const struct source_ask *ask, struct parley_error *err)
{
    const char *header = ask->header.data;
    const struct http_client_request request = {
        .method = ask->method,
        .url = ask->url.data,
        .headers = &header,
        .header_count = ask->header.len > 0,
        .body = buf_view(&ask->body),
        .ca_file = ask->ca_file,
        .timeout_ms = ask->timeout_ms,
        .max_response_bytes = MAX_ANSWER,
    };
    uint64_t id;

    if (f->place->http == NULL)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "no HTTP client here");
    if (ask->url.failed || ask->header.failed || ask->body.failed)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a request");
    int r = http_client_start(f->place->http, &request, &answers, f, &id, err);
    f->is_busy = r >= 0;
    return r;
}

static void work(void *arg)
{
    struct fetch *f = arg;

    source_cli_run(f->scope, &f->answer);
}

static void on_worked(void *arg, int status)
{
    struct fetch *f = arg;

    f->is_busy = false;
    if (f->is_over) {
        fetch_free(f);
        return;
    }
    if (status < 0)
        source_fail(&f->answer, SOURCE_FAILED, status, "the server is stopping");
    finish(f);
}

static int run_command(struct fetch *f, struct parley_error *err)
{
    if (f->place->offload == NULL)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "no threads for programs here");
    int r = f->place->offload(f->place->offload_ctx, work, on_worked, f);
    f->is_busy = r >= 0;
    return r < 0 ? parley_fail(err, r, "no thread is free to run the Azure CLI") : PARLEY_OK;
}

static int ask(struct fetch *f, struct parley_error *err)
{
    struct source_ask a = {0};

    if (f->source->is_command)
        return run_command(f, err);
    int r =
        f->is_probing ? source_managed_probe(&a) : f->source->ask(f->credential, f->scope, &a, err);
    if (r == PARLEY_OK)
        r = send(f, &a, err);
    source_ask_done(&a);
    return r;
}

static void begin(struct fetch *f)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    int r = ask(f, &err);

    if (r >= 0)
        return;
    source_fail(&f->answer, SOURCE_FAILED, r, "%s", err.message);
    finish(f);
}

static void try_again(void *ctx)
{
    begin(ctx);
}

static void first(void *ctx)
{
    struct fetch *f = ctx;

    if (is_chain(f) && !next_in_chain(f))
        finish(f);
    else
        begin(f);
}

/* ---- life ---- */

int fetch_start(struct fetch_place *place, const struct credential *c, const char *scope,
                fetch_done on_done, void *ctx, struct parley_error *err)
{
    struct fetch *f = calloc(1, sizeof(*f));

    if (f != NULL)
        f->scope = strdup(scope);
    if (f == NULL || f->scope == NULL) {
        free(f);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory to fetch a token");
    }
    f->place = place;
    f->credential = c;
    f->on_done = on_done;
    f->ctx = ctx;
    f->source = source_of((enum credential_type)c->config->type);
    list_append(&place->fetches, &f->entry);
    loop_timer_start(place->loop, &f->timer, 0, first, f);
    return PARLEY_OK;
}

void fetch_place_init(struct fetch_place *place, struct loop *loop)
{
    *place = (struct fetch_place){.loop = loop};
    list_init(&place->fetches);
}

/* A request that is under way ends with the client, which goes after this: it finds is_over. */
void fetch_place_done(struct fetch_place *place)
{
    struct list *at, *next;

    list_for_each_safe(at, next, &place->fetches)
    {
        struct fetch *f = list_entry(at, struct fetch, entry);
        loop_timer_stop(&f->timer);
        source_fail(&f->answer, SOURCE_FAILED, PARLEY_E_CANCELLED, "the server is stopping");
        finish(f);
    }
}
