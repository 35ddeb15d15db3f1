/* SPDX-License-Identifier: Apache-2.0 */
#include "auth_state.h"

#include "base64url.h"
#include "secret.h"

#include <stdlib.h>
#include <string.h>

#define ASSERTION_S 60 /* how long one is good for */

enum kind { READ, KEEP, SIGN };

/* Copies of all it needs: the pool's thread touches nothing of the worker's. The settings and the
 * key outlive it, and so does the auth: the host waits for jobs before a worker stops. */
struct errand {
    enum kind kind;
    struct auth *auth;
    errand_done done;
    const char *option;
    const char *path;
    char *text;
    char audience[URI_MAX];
    int64_t now_s;
    char id[BASE64URL_SIZE(16)];
    int status;
    struct parley_error err;
};

static void sign(struct errand *e)
{
    const struct auth_settings *s = e->auth->settings;
    const struct jwt_claims claims = {
        .client_id = s->client_id,
        .audience = e->audience,
        .now_s = e->now_s,
        .lifetime_s = ASSERTION_S,
        .id = e->id,
    };

    e->text = jwt_sign(s->key, &claims);
    if (e->text == NULL)
        e->status = parley_fail(&e->err, PARLEY_E_INTERNAL,
                                "an assertion could not be signed with private_key_file");
}

/* [offload] */
static void work(void *arg)
{
    struct errand *e = arg;

    switch (e->kind) {
    case READ:
        e->status = secret_read(e->option, e->path, &e->text, &e->err);
        break;
    case KEEP:
        e->status = keep_save(e->path, e->text, &e->err);
        break;
    case SIGN:
        sign(e);
        break;
    }
}

static void free_errand(struct errand *e)
{
    secret_free(e->text);
    free(e);
}

static void done(void *arg, int pool_status)
{
    struct errand *e = arg;
    struct errand_result result = {
        .status = pool_status < 0 ? pool_status : e->status,
        .why = pool_status < 0 ? "parley is stopping" : e->err.message,
        .text = e->text,
    };

    e->text = NULL;
    if (e->kind != KEEP)
        e->done(e->auth, &result);
    else if (result.status < 0)
        AUTH_LOG(e->auth, WARN, "a sign-in could not be kept: %s", result.why);
    secret_free(result.text);
    free_errand(e);
}

static struct errand *create(struct auth *a, enum kind kind, errand_done on_done)
{
    struct errand *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return NULL;
    e->kind = kind;
    e->auth = a;
    e->done = on_done;
    e->err.size = sizeof(e->err);
    return e;
}

/* Takes e. Files of one section are read and written in order. */
static bool start(struct errand *e, struct parley_error *err)
{
    const struct auth *a = e == NULL ? NULL : e->auth;

    if (e == NULL || a->offload == NULL) {
        free(e);
        (void)parley_fail(err, PARLEY_E_UNAVAILABLE, "no memory, or a host without threads");
        return false;
    }
    int r = a->offload->run(a->around.worker, a, work, done, e);
    if (r == PARLEY_OK)
        return true;
    free_errand(e);
    (void)parley_fail(err, r, "too much waits for a thread; a token cannot be asked for now");
    return false;
}

bool errand_read(struct auth *a, const char *option, const char *path, errand_done on_done,
                 struct parley_error *err)
{
    struct errand *e = create(a, READ, on_done);

    if (e != NULL) {
        e->option = option;
        e->path = path;
    }
    return start(e, err);
}

void errand_keep(struct auth *a, char *take_text)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct errand *e = take_text == NULL ? NULL : create(a, KEEP, NULL);

    if (e == NULL) {
        secret_free(take_text);
        AUTH_LOG(a, WARN, "a sign-in could not be kept: no memory");
        return;
    }
    e->path = a->settings->login_file;
    e->text = take_text;
    if (!start(e, &err))
        AUTH_LOG(a, WARN, "a sign-in could not be kept: %s", err.message);
}

bool errand_sign(struct auth *a, const char *audience, errand_done on_done,
                 struct parley_error *err)
{
    struct errand *e = create(a, SIGN, on_done);
    unsigned char random[16];

    if (e != NULL) {
        a->around.host->random(random, sizeof(random));
        (void)base64url(random, sizeof(random), e->id);
        (void)snprintf(e->audience, sizeof(e->audience), "%s", audience);
        e->now_s = (int64_t)(a->around.host->unix_us() / 1000000);
    }
    return start(e, err);
}
