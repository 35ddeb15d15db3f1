/* SPDX-License-Identifier: Apache-2.0 */
#include "models.h"

#include "base/loop.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <parley/plugin.h>

/* What a [model NAME] section may say. */
struct model_config {
    const char *name;
    struct parley_list lacks; /* tools, images, audio, g711, pcm */
    int64_t limit_ms;
    int64_t max_id_chars;
    int32_t refuses; /* open() does, as unavailable */
};

/* The plugin below is linked in and has no other way to find the test that runs. */
static struct models *current;

void side_add(struct side *s, struct parley_view event)
{
    assert_true(s->count < MAX_EVENTS);
    s->events[s->count++] = view_dup(event);
}

void side_done(struct side *s)
{
    for (int i = 0; i < s->count; i++)
        free(s->events[i]);
    json_decref(s->current);
    *s = (struct side){0};
}

void models_begin(struct models *m, struct loop *loop)
{
    m->loop = loop;
    current = m;
}

void models_done(struct models *m)
{
    for (int i = 0; i < MODELS_MAX; i++)
        side_done(&m->list[i].said);
}

struct upstream *models_up(const struct models *m)
{
    return (struct upstream *)(uintptr_t)&m->list[m->used % MODELS_MAX];
}

/* ---- the model ---- */

static bool lacks(const struct model_config *c, const char *what)
{
    for (size_t i = 0; i < c->lacks.count; i++) {
        if (strcmp(c->lacks.items[i], what) == 0)
            return true;
    }
    return false;
}

static void model_caps_of(void *instance, struct parley_model_caps *caps)
{
    const struct model_config *c = instance;

    caps->flags = 0xFFFF & ~PARLEY_CAP_TOOL_HINTS;
    if (lacks(c, "tools"))
        caps->flags &= ~PARLEY_CAP_TOOLS;
    if (lacks(c, "images"))
        caps->flags &= ~PARLEY_CAP_IMAGES;
    if (lacks(c, "audio"))
        caps->flags &= ~(PARLEY_CAP_AUDIO_OUTPUT | PARLEY_CAP_AUDIO_INPUT);
    caps->input_formats = PARLEY_AUDIO_PCM_24K | PARLEY_AUDIO_PCMU | PARLEY_AUDIO_PCMA;
    if (lacks(c, "g711"))
        caps->input_formats = PARLEY_AUDIO_PCM_24K;
    if (lacks(c, "pcm"))
        caps->input_formats &= ~PARLEY_AUDIO_PCM_24K;
    caps->output_formats = caps->input_formats;
    caps->session_limit_ms = c->limit_ms;
    caps->max_id_chars = (uint32_t)c->max_id_chars;
}

static int model_open_session(void *wi, const struct parley_model_open *open, void **ret,
                              struct parley_error *err)
{
    const struct model_config *c = wi;

    if (c->refuses)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "%s is out of order", c->name);
    current->used = current->count++;
    struct upstream *u = models_up(current);
    assert_null(u->ctx);
    side_done(&u->said);
    *u = (struct upstream){.name = c->name, .host = open->host, .ctx = open->ctx};
    view_copy(current->traceparent, sizeof(current->traceparent), view_of(open->traceparent));
    view_copy(current->tracestate, sizeof(current->tracestate), view_of(open->tracestate));
    *ret = u;
    return PARLEY_OK;
}

static int model_take(void *session, struct parley_view event, uint32_t flags,
                      struct parley_error *err)
{
    struct upstream *u = session;

    (void)flags;
    if (u->is_busy)
        return parley_fail(err, PARLEY_E_BUSY, "busy");
    side_add(&u->said, event);
    return PARLEY_OK;
}

static void model_pause_session(void *session, int paused)
{
    (void)session;
    (void)paused;
}

static void say_closed(void *arg)
{
    const struct parley_model_closed closed = {
        .size = sizeof(closed), .code = "", .type = "", .message = ""};
    struct upstream *u = arg;

    if (u->ctx != NULL)
        u->host->on_closed(u->ctx, &closed);
    u->ctx = NULL;
}

static void model_close_session(void *session)
{
    struct upstream *u = session;

    u->was_asked = true;
    assert_true(loop_post(current->loop, say_closed, NULL, u));
}

static const struct parley_model_vtable model_table = {
    .size = sizeof(model_table),
    .caps = model_caps_of,
    .open = model_open_session,
    .send = model_take,
    .pause = model_pause_session,
    .close = model_close_session,
};

static const struct parley_option model_options[] = {
    PARLEY_LIST(struct model_config, lacks, .help = "What it cannot do."),
    PARLEY_DURATION_MS(struct model_config, limit_ms, .default_value = "0", .max = 86400000,
                       .help = "Its longest session."),
    PARLEY_INT(struct model_config, max_id_chars, .default_value = "32", .max = 1000,
               .help = "The longest id that it takes."),
    PARLEY_BOOL(struct model_config, refuses, .default_value = "no", .help = "Opens nothing."),
};

static int create_model(void *plugin, const struct parley_instance_info *info, void **ret,
                        struct parley_error *err)
{
    struct model_config *c = malloc(sizeof(*c));

    (void)plugin;
    (void)err;
    *c = *(const struct model_config *)info->config;
    c->name = info->name;
    *ret = c;
    return PARLEY_OK;
}

static void destroy_model(void *instance)
{
    free(instance);
}

static const struct parley_role model_role[] = {{PARLEY_ROLE_MODEL, &model_table}};

const struct parley_plugin models_plugin = {
    .size = sizeof(struct parley_plugin),
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "wire_model_plugin",
    .version = "1",
    .summary = "of the wire tests",
    .licence = "Apache-2.0",
    .options = model_options,
    .option_count = sizeof(model_options) / sizeof(model_options[0]),
    .option_size = sizeof(struct parley_option),
    .config_size = sizeof(struct model_config),
    .role_count = 1,
    .roles = model_role,
    .role_size = sizeof(struct parley_role),
    .instance_create = create_model,
    .instance_destroy = destroy_model,
};
