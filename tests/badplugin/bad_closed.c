/* SPDX-License-Identifier: Apache-2.0 */
/* A model that tells everything at the wrong time: events before open and after closed, open and
 * closed twice, all of it inside the host's own calls. */
#include "bad.h"

static const struct parley_model_host *model_host;
static void *model_ctx;

static void event(const char *text, size_t len)
{
    const struct parley_view view = {text, len};

    model_host->on_event(model_ctx, view, 0);
}

static void closed(int status)
{
    const struct parley_model_closed c = {.size = sizeof(c), .status = status};

    model_host->on_closed(model_ctx, &c);
}

static void caps(void *instance, struct parley_model_caps *ret)
{
    (void)instance;
    (void)ret;
}

static int open_session(void *worker_instance, const struct parley_model_open *open,
                        void **ret_session, struct parley_error *err)
{
    const struct parley_view created = PARLEY_VIEW("{}");

    (void)worker_instance;
    (void)err;
    model_host = open->host;
    model_ctx = open->ctx;
    *ret_session = NULL;
    event("early", 5);
    model_host->on_open(model_ctx, created);
    model_host->on_open(model_ctx, created);
    event("good", 4);
    return PARLEY_OK;
}

static int send_event(void *session, struct parley_view e, uint32_t flags, struct parley_error *err)
{
    (void)session;
    (void)e;
    (void)flags;
    (void)err;
    closed(PARLEY_E_UNAVAILABLE);
    closed(PARLEY_OK);
    event("late", 4);
    model_host->on_writable(model_ctx);
    return PARLEY_OK;
}

static void pause_session(void *session, int paused)
{
    (void)session;
    (void)paused;
}

/* Never answers. */
static void close_session(void *session)
{
    (void)session;
}

static const struct parley_model_vtable table = {
    .size = sizeof(table),
    .caps = caps,
    .open = open_session,
    .send = send_event,
    .pause = pause_session,
    .close = close_session,
};
static const struct parley_role role = {PARLEY_ROLE_MODEL, &table};
static const struct parley_plugin descriptor = {GOOD("bad_closed", &role)};
ENTRY(descriptor)
