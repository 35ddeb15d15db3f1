/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/worker_generation.h"

#include "agent/recordings.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "cascade/cascade.h"
#include "convert/converter.h"
#include "host/offload.h"
#include "host/store.h"

#include <stdlib.h>

#define KINDS                                                                                      \
    (1u << INSTANCE_MODEL | 1u << INSTANCE_SPEECH | 1u << INSTANCE_TOOLS | 1u << INSTANCE_STORE)

/* A model as sessions open it: a plugin's own, with a converter when it lacks audio formats, or a
 * cascade of a text model and speech. */
struct ready_model {
    struct list entry;
    const struct worker_instance *wi;
    const char *speech;          /* of a cascade; "" without */
    struct cascade *cascade;     /* NULL: the plugin's own model */
    struct converter *converter; /* NULL: it has all formats */
    struct model own;
    const struct model *model;
    struct model_health health;
};

struct worker_generation {
    struct generation *config;
    struct parley_worker *worker;
    const struct silero_weights *weights;
    struct worker_instances *instances;
    struct list models;
    unsigned users;
    bool is_retired;
    void (*on_stopped)(void *ctx, struct generation *g);
    void *ctx;
};

int worker_generation_start(struct generation *g, struct parley_worker *worker,
                            const struct silero_weights *weights, struct worker_generation **ret,
                            struct parley_error *err)
{
    struct worker_generation *wg = calloc(1, sizeof(*wg));

    if (wg == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory to start the configuration");
    wg->worker = worker;
    wg->weights = weights;
    list_init(&wg->models);
    int r = worker_instances_start(generation_instances(g), KINDS, worker, &wg->instances, err);
    if (r < 0) {
        free(wg);
        return r;
    }
    wg->config = generation_ref(g);
    *ret = wg;
    return PARLEY_OK;
}

static void on_instances_stopped(void *ctx, struct instances *set)
{
    struct worker_generation *wg = ctx;
    struct generation *g = wg->config;

    (void)instances_unref(set); /* never the last: the generation holds one */
    void (*on_stopped)(void *, struct generation *) = wg->on_stopped;
    void *on_stopped_ctx = wg->ctx;
    free(wg);
    on_stopped(on_stopped_ctx, g);
}

static void stop(struct worker_generation *wg)
{
    while (!list_empty(&wg->models)) {
        struct ready_model *m = list_entry(wg->models.next, struct ready_model, entry);
        list_remove(&m->entry);
        (void)converter_destroy(m->converter);
        (void)cascade_destroy(m->cascade);
        free(m);
    }
    worker_instances_stop(wg->instances, on_instances_stopped, wg);
}

void worker_generation_retire(struct worker_generation *wg,
                              void (*on_stopped)(void *ctx, struct generation *g), void *ctx)
{
    wg->is_retired = true;
    wg->on_stopped = on_stopped;
    wg->ctx = ctx;
    if (wg->users == 0)
        stop(wg);
}

struct worker_generation *worker_generation_ref(struct worker_generation *wg)
{
    wg->users++;
    return wg;
}

struct worker_generation *worker_generation_unref(struct worker_generation *wg)
{
    if (--wg->users == 0 && wg->is_retired)
        stop(wg);
    return NULL;
}

struct generation *worker_generation_config(const struct worker_generation *wg)
{
    return wg->config;
}

/* ---- models ---- */

/* A [speech NAME], or a realtime model that hears and speaks for another. */
static struct worker_instance *find_speech(const struct worker_generation *wg, const char *name)
{
    struct worker_instance *speech = worker_instances_find(wg->instances, INSTANCE_SPEECH, name);

    if (name[0] == '\0' || speech != NULL || generation_speech(wg->config, name) == NULL)
        return speech;
    return worker_instances_find(wg->instances, INSTANCE_MODEL, name);
}

static int make_cascade(struct worker_generation *wg, struct ready_model *m,
                        struct worker_instance *chat, struct parley_error *err)
{
    const struct cascade_config config = {
        .title = chat->instance->title,
        .worker = wg->worker,
        .chat = chat,
        .speech = m->speech[0] == '\0' ? NULL : find_speech(wg, m->speech),
        .weights = wg->weights,
    };

    m->cascade = cascade_create(&config);
    if (m->cascade == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a cascade");
    m->model = cascade_model(m->cascade);
    return PARLEY_OK;
}

static int make_own(struct ready_model *m, struct worker_instance *wi, struct parley_error *err)
{
    struct parley_model_caps caps;

    model_of(wi, &m->own);
    m->model = &m->own;
    model_caps(wi->instance, &caps);
    if (!converter_helps(&caps))
        return PARLEY_OK;
    m->converter = converter_create(&m->own);
    if (m->converter == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a converter of audio");
    m->model = converter_model(m->converter);
    return PARLEY_OK;
}

static int make_model(struct worker_generation *wg, struct worker_instance *wi, const char *speech,
                      struct ready_model **ret, struct parley_error *err)
{
    struct ready_model *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a model");
    m->wi = wi;
    m->speech = speech;
    int r = wi->instance->role == ROLE_CHAT ? make_cascade(wg, m, wi, err) : make_own(m, wi, err);
    if (r < 0) {
        free(m);
        return r;
    }
    list_append(&wg->models, &m->entry);
    *ret = m;
    return PARLEY_OK;
}

static int ready(struct worker_generation *wg, const struct agent *a, size_t place,
                 struct ready_model **ret, struct parley_error *err)
{
    const char *speech = generation_speech_name(wg->config, a);
    struct list *at;

    if (place >= a->config->model.count)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "agent %s has no further model", a->name);
    speech = speech == NULL ? "" : speech;
    struct worker_instance *wi =
        worker_instances_find(wg->instances, INSTANCE_MODEL, a->config->model.items[place]);
    if (wi == NULL)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "model %s is not running",
                           a->config->model.items[place]);
    list_for_each(at, &wg->models)
    {
        struct ready_model *m = list_entry(at, struct ready_model, entry);
        if (m->wi == wi && strcmp(m->speech, speech) == 0) {
            *ret = m;
            return PARLEY_OK;
        }
    }
    return make_model(wg, wi, speech, ret, err);
}

int worker_generation_model(struct worker_generation *wg, const struct agent *a, size_t place,
                            const struct model **ret_model, struct parley_error *err)
{
    struct ready_model *m = NULL;
    int r = ready(wg, a, place, &m, err);

    if (r == PARLEY_OK)
        *ret_model = m->model;
    return r;
}

struct model_health *worker_generation_health(struct worker_generation *wg, const struct agent *a,
                                              size_t place)
{
    struct ready_model *m = NULL;

    return ready(wg, a, place, &m, NULL) == PARLEY_OK ? &m->health : NULL;
}

const struct instance *worker_generation_model_section(const struct worker_generation *wg,
                                                       const struct agent *a, size_t place)
{
    const struct worker_instance *wi =
        place >= a->config->model.count
            ? NULL
            : worker_instances_find(wg->instances, INSTANCE_MODEL, a->config->model.items[place]);

    return wi == NULL ? NULL : wi->instance;
}

struct worker_instance *worker_generation_store(const struct worker_generation *wg,
                                                const struct agent *a)
{
    const char *name = generation_store_name(wg->config, a);

    return name == NULL ? NULL : worker_instances_find(wg->instances, INSTANCE_STORE, name);
}

struct worker_instance *worker_generation_tools(const struct worker_generation *wg,
                                                const char *name)
{
    return worker_instances_find(wg->instances, INSTANCE_TOOLS, name);
}

/* ---- what has expired ---- */

static void on_expired(void *ctx, int status, const struct parley_error *err)
{
    (void)ctx;
    if (status < 0)
        log_warn("a store did not remove what has expired; it is asked again reason=\"%s\"",
                 err == NULL ? "" : err->message);
}

/* ---- recordings, on a pool ---- */

struct old_recordings {
    struct buf folder;
    int64_t before_ms;
    size_t count;
};

static void expire_recordings(void *arg)
{
    struct old_recordings *old = arg;

    old->count = recordings_expire(old->folder.data, old->before_ms);
}

static void on_recordings_expired(void *arg, int status)
{
    struct old_recordings *old = arg;

    if (status == PARLEY_OK && old->count > 0)
        log_info("old recordings were deleted folder=\"%s\" count=%zu", old->folder.data,
                 old->count);
    buf_done(&old->folder);
    free(old);
}

/* When the pool takes it not now, it does the next time. */
static void expire_recordings_of(const struct worker_generation *wg, const struct agent *a)
{
    struct old_recordings *old;

    if (a->config->record_keep_ms == 0 || a->config->record_dir[0] == '\0' ||
        wg->worker->disk == NULL || (old = calloc(1, sizeof(*old))) == NULL)
        return;
    old->before_ms = clock_unix_ms() - a->config->record_keep_ms;
    recordings_folder(a, &old->folder);
    if (old->folder.failed || offload_run(wg->worker->disk, wg->worker->loop, NULL,
                                          expire_recordings, on_recordings_expired, old) < 0)
        on_recordings_expired(old, PARLEY_E_BUSY);
}

void worker_generation_expire(struct worker_generation *wg)
{
    static const struct store_events events = {.on_end = on_expired};
    const struct store_caller caller = {.events = &events};
    const struct agent *a;

    for (size_t i = 0; (a = generation_agent_at(wg->config, i)) != NULL; i++)
        expire_recordings_of(wg, a);

    for (struct worker_instance *wi = worker_instances_next(wg->instances, NULL); wi != NULL;
         wi = worker_instances_next(wg->instances, wi)) {
        struct parley_error err = PARLEY_ERROR_INIT;
        if (wi->instance->kind != INSTANCE_STORE)
            continue;
        int r = store_expire(wi, caller, NULL, &err);
        if (r < 0)
            on_expired(NULL, r, &err);
    }
}
