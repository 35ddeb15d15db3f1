/* SPDX-License-Identifier: Apache-2.0 */
/* Turns, answers and tool calls as traces of Langfuse, over its OTLP endpoint; judgements as its
 * scores, and the recorded sound of turns as its media. */
#include "observation.h"
#include "score.h"

#include <parley/exporter.h>
#include <parley/plugin.h>

#include <stdlib.h>
#include <string.h>

#include "parts/otlp/sender.h"
#include "sound.h"

#define PATH        "/api/public/otel/v1/traces"
#define SCORES_PATH "/api/public/scores"
#define MEDIA_PATH  "/api/public/media"

struct config {
    const char *public_key;
    const char *secret_key;
    const char *base_url;
    int32_t content;
    int32_t sound;
    struct parley_list tags;
    struct parley_list prompts;
    const char *release;
    int64_t timeout_ms;
    int64_t max_queue_bytes;
    const char *ca_file;
};

struct langfuse {
    const struct parley_host *host;
    const struct config *config;
    const void *handle;
    struct observation_config observation;
    struct headers headers;
    struct headers json_headers;
    char *url;
    char *scores_url;
    char *media_url;
    const char *name;
};

/* The sender's ctx. */
struct langfuse_worker {
    const struct langfuse *langfuse;
    struct sounds *sounds; /* NULL: none are sent */
};

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)err;
    *ret_plugin = (void *)(uintptr_t)host; /* constant, and handed back as such below */
    return PARLEY_OK;
}

static void instance_destroy(void *instance)
{
    struct langfuse *self = instance;

    headers_done(&self->headers);
    headers_done(&self->json_headers);
    free(self->url);
    free(self->scores_url);
    free(self->media_url);
    free(self);
}

static int check_key(const char *option, const char *key, const char *prefix,
                     struct parley_error *err)
{
    if (strncmp(key, prefix, strlen(prefix)) == 0)
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_INVALID,
                       "%s: it does not begin with %s; the keys are in the project's settings",
                       option, prefix);
}

static int check(const struct config *c, struct parley_error *err)
{
    int r = sender_check_base("base_url", c->base_url, err);

    if (r == PARLEY_OK)
        r = check_key("public_key", c->public_key, "pk-lf-", err);
    if (r == PARLEY_OK)
        r = check_key("secret_key", c->secret_key, "sk-lf-", err);
    return r < 0 ? r : observation_check_prompts(&c->prompts, err);
}

/* Version 4 is written at once; without it data of an unknown sender shows up minutes late. */
static bool add_headers(struct langfuse *self)
{
    return sender_add_agent(&self->json_headers, self->host, "application/json") &&
           headers_add_basic(&self->json_headers, self->config->public_key,
                             self->config->secret_key) &&
           sender_add_headers(&self->headers, self->host, true) &&
           headers_add_basic(&self->headers, self->config->public_key, self->config->secret_key) &&
           headers_add(&self->headers, "x-langfuse-ingestion-version", "4") &&
           headers_add(&self->headers, "x-langfuse-sdk-name", "parley") &&
           headers_add(&self->headers, "x-langfuse-sdk-version", self->host->version) &&
           headers_add(&self->headers, "x-langfuse-public-key", self->config->public_key);
}

static int prepare(struct langfuse *self, struct parley_error *err)
{
    const struct config *c = self->config;
    int r = check(c, err);

    if (r < 0)
        return r;
    self->url = sender_url(c->base_url, PATH);
    self->scores_url = sender_url(c->base_url, SCORES_PATH);
    self->media_url = sender_url(c->base_url, MEDIA_PATH);
    self->observation = (struct observation_config){
        .tags = &c->tags,
        .prompts = &c->prompts,
        .release = c->release,
        .version = self->host->version,
    };
    return self->url != NULL && self->scores_url != NULL && self->media_url != NULL &&
                   add_headers(self)
               ? PARLEY_OK
               : parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
}

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    struct langfuse *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    self->host = plugin;
    self->config = info->config;
    self->handle = info->handle;
    self->name = info->name;
    int r = prepare(self, err);
    if (r < 0) {
        instance_destroy(self);
        return r;
    }
    *ret_instance = self;
    return PARLEY_OK;
}

/* ---- deliveries ---- */

/* A turn of a conversation of which content may be sent: then some is on its span. */
static bool may_be_heard(const struct parley_span *span)
{
    for (uint32_t i = 0; i < span->attrs.count; i++) {
        if ((attr_at(&span->attrs, i)->flags & PARLEY_ATTR_CONTENT) != 0)
            return span_role(span) == SPAN_ROLE_TURN;
    }
    return false;
}

/* One span without an id would have the whole batch refused. */
static struct parley_span *dress(void *ctx, const struct parley_batch *batch, struct arena *arena,
                                 uint32_t *ret_count)
{
    const struct langfuse_worker *w = ctx;
    struct parley_span *spans = arena_alloc(arena, batch->span_count * sizeof(*spans));

    *ret_count = 0;
    for (uint32_t i = 0; spans != NULL && i < batch->span_count; i++) {
        const struct parley_span *span = span_at(batch, i);
        if (!span_has_ids(span) ||
            !observation_dress(&w->langfuse->observation, span, arena, &spans[*ret_count]))
            continue;
        ++*ret_count;
        if (w->sounds != NULL && may_be_heard(span))
            sounds_add(w->sounds, span);
    }
    return spans;
}

static void hurry(void *ctx)
{
    const struct langfuse_worker *w = ctx;

    if (w->sounds != NULL)
        sounds_hurry(w->sounds);
}

static void stop(void *ctx)
{
    struct langfuse_worker *w = ctx;

    sounds_close(w->sounds);
    free(w);
}

static int open_sounds(const struct langfuse *self, struct parley_worker *worker,
                       struct sounds **ret, struct parley_error *err)
{
    const struct sound_config config = {
        .host = self->host,
        .handle = self->handle,
        .name = self->name,
        .url = self->media_url,
        .headers = &self->json_headers,
        .timeout_ms = self->config->timeout_ms,
        .ca_file = self->config->ca_file,
    };

    return self->config->sound ? sounds_create(&config, worker, ret, err) : PARLEY_OK;
}

static int open_sender(struct langfuse_worker *w, struct parley_worker *worker, struct sender **ret,
                       struct parley_error *err)
{
    const struct langfuse *self = w->langfuse;
    const struct sender_config config = {
        .host = self->host,
        .handle = self->handle,
        .traces_url = self->url,
        .logs_url = self->scores_url,
        .logs = {.headers = &self->json_headers},
        .headers = &self->headers,
        .is_gzip = true,
        .with_content = self->config->content != 0,
        .timeout_ms = self->config->timeout_ms,
        .max_queue_bytes = self->config->max_queue_bytes,
        .ca_file = self->config->ca_file,
        .dress = dress,
        .write_log = score_write,
        .hurry = hurry,
        .stop = stop,
        .ctx = w,
    };

    return sender_create(&config, worker, ret, err);
}

static int worker_start(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                        struct parley_error *err)
{
    struct langfuse_worker *w = calloc(1, sizeof(*w));
    struct sender *sender = NULL;

    if (w == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    w->langfuse = instance;
    int r = open_sounds(instance, worker, &w->sounds, err);
    if (r < 0) {
        free(w);
        return r;
    }
    r = open_sender(w, worker, &sender, err);
    *ret_worker_instance = sender;
    return r;
}

/* ---- tables ---- */

#define C struct config
static const struct parley_option options[] = {
    PARLEY_STRING(C, public_key, .flags = PARLEY_OPTION_REQUIRED, .example = "pk-lf-...",
                  .variable = "LANGFUSE_PUBLIC_KEY", .help = "Public key of the project."),
    PARLEY_SECRET(C, secret_key, .flags = PARLEY_OPTION_REQUIRED,
                  .example = "file:/run/secrets/langfuse", .variable = "LANGFUSE_SECRET_KEY",
                  .variable_unless = "public_key", .help = "Secret key of the project."),
    PARLEY_STRING(C, base_url, .default_value = "https://cloud.langfuse.com",
                  .example = "https://us.cloud.langfuse.com", .variable = "LANGFUSE_BASE_URL",
                  .variable_unless = "public_key",
                  .help = "Where Langfuse is: the cloud of the EU, that of the US, or your own."),
    PARLEY_BOOL(C, content, .default_value = "no",
                .help = "Send what was said and what tools returned, where telemetry captures it."),
    PARLEY_BOOL(C, sound, .default_value = "no",
                .help = "Upload what was heard in each turn, where the agent says record = yes and "
                        "telemetry captures content."),
    PARLEY_LIST(C, tags, .example = "phone, pilot", .help = "Tags of every trace."),
    PARLEY_LINES(C, prompts, .example = "receptionist=concierge:3",
                 .help = "Prompt of Langfuse that an agent's instructions are, one "
                         "AGENT=NAME:VERSION a line; answers are linked to it."),
    PARLEY_STRING(C, release, .example = "${GIT_COMMIT:-}", .variable = "LANGFUSE_RELEASE",
                  .help = "Release of what is deployed."),
    PARLEY_DURATION_MS(C, timeout_ms, .default_value = "10s", .min = 100, .max = 40000,
                       .help = "Longest delivery of one batch with all its tries."),
    PARLEY_SIZE(C, max_queue_bytes, .default_value = "8m", .min = 65536, .max = 1073741824,
                .help = "Most bytes that wait for Langfuse; beyond it batches are dropped and "
                        "counted."),
    PARLEY_PATH(C, ca_file,
                .help = "PEM file of authorities that are trusted besides the "
                        "system's."),
};

static const struct parley_role roles[] = {{PARLEY_ROLE_EXPORTER, &sender_vtable}};

static const struct parley_plugin plugin = {
    .size = sizeof(plugin),
    .abi_major = PARLEY_ABI_MAJOR,
    .needs_minor = 1, /* spans are copied with what 1.1 added to them */
    .name = "exporter_langfuse",
    .version = PARLEY_VERSION,
    .summary = "Sends turns, answers and tool calls to Langfuse.",
    .licence = "Apache-2.0",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .option_size = sizeof(options[0]),
    .config_size = sizeof(struct config),
    .roles = roles,
    .role_count = 1,
    .role_size = sizeof(roles[0]),
    .load = load,
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .worker_start = worker_start,
    .worker_stop = sender_stop,
};

const struct parley_plugin *parley_plugin_v1(void)
{
    return &plugin;
}
