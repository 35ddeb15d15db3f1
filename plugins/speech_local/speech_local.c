/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Speech without a network: ears are Moonshine (ONNX Runtime, opened at run time) where its files
 * are, else PocketSphinx; the voice is flite. English only. What an instance runs is decided when
 * it is created, from the files it finds, and told in one log line.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <parley/plugin.h>
#include <parley/service/offload.h>
#include <parley/speech.h>

#include "ears.h"
#include "moonshine.h"
#include "paths.h"
#include "pool.h"
#include "speakable.h"
#include "voice.h"

#define MAX_SECONDS     120 /* of one utterance */
#define MAX_AUTO        4   /* workers = 0: more decodes at once than that only take memory */
#define SILENCE_PEAK    16  /* about -66 dB below full scale: nobody spoke */
#define MIN_HEARD       (EARS_RATE_HZ / 20)
#define VOICE_NONE_NAME "none"

enum asr { ASR_AUTO, ASR_MOONSHINE_BASE, ASR_MOONSHINE_TINY, ASR_POCKETSPHINX, ASR_NONE };

struct config {
    int32_t asr;
    const char *voice;
    const char *model_dir;
    int64_t workers;
};

struct plugin {
    const struct parley_host *host;
    struct moonshine_shelf shelf;
    struct voices *voices; /* NULL in a build without flite */
};

struct warming;

struct instance {
    struct plugin *plugin;
    const void *handle;      /* for the log */
    struct ears *ears;       /* NULL: deaf */
    const char *voice;       /* NULL: mute */
    struct warming *warming; /* NULL until a worker asked for it */
};

/* --- Choosing the ears ---------------------------------------------------------------------------
 */

static size_t worker_count(const struct config *config)
{
    if (config->workers > 0)
        return (size_t)config->workers;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > MAX_AUTO ? MAX_AUTO : (size_t)cores;
}

static int create_one(struct instance *self, const struct config *config, enum asr asr,
                      struct parley_error *err)
{
    const char *name = asr == ASR_MOONSHINE_BASE ? "moonshine-base" : "moonshine-tiny";
    struct paths paths;

    if (asr == ASR_POCKETSPHINX)
        return pocketsphinx_ears_create(worker_count(config), &self->ears, err);
    paths_init(&paths, config->model_dir);
    return moonshine_ears_create(&self->plugin->shelf, &paths, name, worker_count(config),
                                 &self->ears, err);
}

/* The ears that the option names, or an error that says how to get them. */
static int create_named(struct instance *self, const struct config *config,
                        struct parley_error *err)
{
    struct parley_error why = PARLEY_ERROR_INIT;

    int r = create_one(self, config, (enum asr)config->asr, &why);
    if (r >= 0)
        return r;
    if (config->asr == ASR_POCKETSPHINX)
        return parley_fail(err, r, "asr = pocketsphinx: %.380s", why.message);
    const char *name = config->asr == ASR_MOONSHINE_BASE ? "moonshine-base" : "moonshine-tiny";
    return parley_fail(err, r, "asr = %s: %.300s; get it by 'parleyctl models get %s'", name,
                       why.message, name);
}

/* The best ears whose files are there; none is no error. */
static void create_best(struct instance *self, const struct config *config)
{
    static const enum asr order[] = {ASR_MOONSHINE_BASE, ASR_MOONSHINE_TINY, ASR_POCKETSPHINX};
    const struct parley_host *host = self->plugin->host;
    struct parley_error why[3] = {PARLEY_ERROR_INIT, PARLEY_ERROR_INIT, PARLEY_ERROR_INIT};

    for (size_t i = 0; i < 3; i++) {
        if (create_one(self, config, order[i], &why[i]) >= 0)
            break;
    }
    if (self->ears == NULL)
        host->log(self->handle, PARLEY_LOG_WARN,
                  "no ears: text only. %s; %s. Get ears by 'parleyctl models get moonshine-tiny'",
                  why[1].message, why[2].message);
    else if (strcmp(self->ears->name, "pocketsphinx") == 0)
        host->log(self->handle, PARLEY_LOG_WARN,
                  "ears=pocketsphinx, because %s; far better ones come by 'parleyctl models get "
                  "moonshine-tiny'",
                  why[1].message);
}

static int create_ears(struct instance *self, const struct config *config, struct parley_error *err)
{
    if (config->asr == ASR_NONE)
        return PARLEY_OK;
    if (config->asr != ASR_AUTO)
        return create_named(self, config, err);
    create_best(self, config);
    return PARLEY_OK;
}

static int choose_voice(struct instance *self, const char *name, struct parley_error *err)
{
    if (strcmp(name, VOICE_NONE_NAME) == 0)
        return PARLEY_OK;
    if (self->plugin->voices == NULL) {
        self->plugin->host->log(self->handle, PARLEY_LOG_WARN,
                                "no voice: this build has no flite; install flite1-dev and "
                                "libspeexdsp-dev and build again");
        return PARLEY_OK;
    }
    self->voice = voices_find(self->plugin->voices, name);
    if (self->voice == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "voice = %s: there is %s, and none", name,
                           voices_names(self->plugin->voices));
    return PARLEY_OK;
}

/* --- Warming up: the first caller should not wait for a model to load ----------------------------
 */

/* A job of the pool, which may outlive the instance: then it does nothing. */
struct warming {
    pthread_mutex_t lock;
    struct instance *instance; /* NULL once it is gone */
    int refs;                  /* the instance and the pool */
};

static void warming_unref(struct warming *warming)
{
    if (__atomic_sub_fetch(&warming->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    pthread_mutex_destroy(&warming->lock);
    free(warming);
}

/* The lock is held while a model loads, so that the instance stays for so long. */
static void warm(void *arg)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct warming *warming = arg;

    pthread_mutex_lock(&warming->lock);
    struct instance *self = warming->instance;
    if (self != NULL && self->ears->warm(self->ears, &err) < 0)
        self->plugin->host->log(self->handle, PARLEY_LOG_ERROR, "ears=%s cannot be loaded: %s",
                                self->ears->name, err.message);
    pthread_mutex_unlock(&warming->lock);
}

static void warmed(void *arg, int status)
{
    (void)status; /* not run: then the first utterance loads it */
    warming_unref(arg);
}

static void warm_later(struct instance *self, struct parley_worker *worker)
{
    const struct parley_service_offload *offload =
        self->plugin->host->service(PARLEY_SERVICE_OFFLOAD);
    struct warming *warming = offload == NULL ? NULL : calloc(1, sizeof(*warming));
    struct warming *none = NULL;

    if (warming == NULL)
        return;
    warming->instance = self;
    warming->refs = 2;
    pthread_mutex_init(&warming->lock, NULL);
    if (!__atomic_compare_exchange_n(&self->warming, &none, warming, 0, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) { /* another worker was first */
        warming_unref(warming);
        warming_unref(warming);
    } else if (offload->run(worker, NULL, warm, warmed, warming) < 0) {
        warming_unref(warming); /* busy: the first utterance loads it */
    }
}

static void warming_abandon(struct warming *warming)
{
    pthread_mutex_lock(&warming->lock);
    warming->instance = NULL;
    pthread_mutex_unlock(&warming->lock);
    warming_unref(warming);
}

/* --- Life ----------------------------------------------------------------------------------------
 */

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    struct plugin *plugin = calloc(1, sizeof(*plugin));

    if (plugin == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "speech_local: no memory");
    plugin->host = host;
    moonshine_shelf_init(&plugin->shelf);
    (void)voices_create(&plugin->voices, NULL); /* without: choose_voice() tells */
    *ret_plugin = plugin;
    return PARLEY_OK;
}

static void unload(void *plugin)
{
    struct plugin *self = plugin;

    voices_destroy(self->voices);
    moonshine_shelf_done(&self->shelf);
    free(self);
}

static void instance_destroy(void *instance)
{
    struct instance *self = instance;

    if (self->warming != NULL)
        warming_abandon(self->warming);
    if (self->ears != NULL)
        self->ears->destroy(self->ears);
    free(self);
}

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    const struct config *config = info->config;
    struct instance *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "speech_local: no memory");
    self->plugin = plugin;
    self->handle = info->handle;
    int r = create_ears(self, config, err);
    if (r == PARLEY_OK)
        r = choose_voice(self, config->voice, err);
    if (r < 0) {
        instance_destroy(self);
        return r;
    }
    self->plugin->host->log(self->handle, PARLEY_LOG_INFO, "speech ears=%s voice=%s",
                            self->ears == NULL ? "none" : self->ears->name,
                            self->voice == NULL ? "none" : self->voice);
    *ret_instance = self;
    return PARLEY_OK;
}

static int worker_start(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                        struct parley_error *err)
{
    struct instance *self = instance;

    (void)err;
    if (self->ears != NULL && __atomic_load_n(&self->warming, __ATOMIC_RELAXED) == NULL)
        warm_later(self, worker);
    *ret_worker_instance = self;
    return PARLEY_OK;
}

static void worker_stop(void *worker_instance)
{
    (void)worker_instance; /* is the instance itself */
}

/* --- The role ------------------------------------------------------------------------------------
 */

static void caps(void *instance, struct parley_speech_caps *ret)
{
    const struct instance *self = instance;

    *ret = (struct parley_speech_caps){
        .size = ret->size,
        .flags = (self->ears != NULL ? PARLEY_SPEECH_EARS : 0) |
                 (self->voice != NULL ? PARLEY_SPEECH_VOICE : 0),
        .ears_rate_hz = EARS_RATE_HZ,
        .voice_rate_hz = VOICE_RATE_HZ,
        .ears = self->ears == NULL ? "none" : self->ears->name,
        .voice = self->voice == NULL ? "none" : self->voice,
        .voices = self->voice == NULL ? "" : voices_names(self->plugin->voices),
    };
}

static int is_silent(const struct parley_transcribe *request)
{
    for (size_t i = 0; i < request->sample_count; i++) {
        if (request->samples[i] > SILENCE_PEAK || request->samples[i] < -SILENCE_PEAK)
            return request->sample_count < MIN_HEARD;
    }
    return 1;
}

static int is_english(const char *language)
{
    return language == NULL || language[0] == '\0' ||
           (strncasecmp(language, "en", 2) == 0 &&
            (language[2] == '\0' || language[2] == '-' || language[2] == '_'));
}

static int transcribe(void *instance, const struct parley_transcribe *request,
                      parley_speech_text on_text, void *ctx, struct parley_error *err)
{
    struct instance *self = instance;

    if (self->ears == NULL)
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "speech_local has no ears here; get some by 'parleyctl models get "
                           "moonshine-tiny'");
    if (!is_english(request->language))
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "language '%.16s': %s understands English only; set it to en or leave "
                           "it out",
                           request->language, self->ears->name);
    if (request->sample_count > (size_t)MAX_SECONDS * EARS_RATE_HZ)
        return parley_fail(err, PARLEY_E_TOO_LARGE,
                           "an utterance of %zu seconds is longer than the limit of %d",
                           request->sample_count / EARS_RATE_HZ, MAX_SECONDS);
    if (is_silent(request)) {
        on_text(ctx, (struct parley_view){"", 0});
        return PARLEY_OK;
    }
    return self->ears->transcribe(self->ears, request, on_text, ctx, err);
}

static int synthesise(void *instance, const struct parley_synthesise *request,
                      parley_speech_samples on_samples, void *ctx, struct parley_error *err)
{
    struct instance *self = instance;
    const char *name = request->voice;
    char text[SPEAKABLE_MAX];

    if (self->voice == NULL)
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "speech_local has no voice here; set voice = flite:slt");
    if (name == NULL || name[0] == '\0')
        name = self->voice;
    if (voices_find(self->plugin->voices, name) == NULL)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "voice '%.64s': there is %s", name,
                           voices_names(self->plugin->voices));
    int len = speakable(request->text, text, sizeof(text), err);
    if (len <= 0)
        return len;
    return voices_say(self->plugin->voices, name, text, request->speed, on_samples, ctx, err);
}

/* --- What the host sees --------------------------------------------------------------------------
 */

static const struct parley_option options[] = {
    PARLEY_ENUM(struct config, asr, .default_value = "auto",
                .values = "auto|moonshine-base|moonshine-tiny|pocketsphinx|none",
                .help = "Which recogniser listens; auto takes the best one whose files are there, "
                        "in this order."),
    PARLEY_STRING(struct config, voice, .default_value = "flite:slt", .example = "flite:rms",
                  .help = "The voice that speaks when the agent names none: flite:slt, flite:rms, "
                          "flite:awb, flite:kal16, flite:kal or none."),
    PARLEY_PATH(struct config, model_dir, .example = "/var/lib/parley/models",
                .help = "The folder of 'parleyctl models get'. When unset: $PARLEY_MODEL_DIR, else "
                        "the build tree's models, ~/.local/share/parley/models, "
                        "/var/lib/parley/models."),
    PARLEY_INT(struct config, workers, .default_value = "0", .min = 0, .max = POOL_MAX,
               .help = "How many utterances are recognised at once, each taking 60 to 105 MB of "
                       "its own; 0 is one per core, at most 4."),
};

static const struct parley_speech_vtable speech = {
    .size = sizeof(speech),
    .caps = caps,
    .transcribe = transcribe,
    .synthesise = synthesise,
};

static const struct parley_role roles[] = {{PARLEY_ROLE_SPEECH, &speech}};

static const struct parley_plugin descriptor = {
    .size = sizeof(descriptor),
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "speech_local",
    .version = PARLEY_VERSION,
    .summary = "Offline English speech: Moonshine or PocketSphinx listens, flite speaks.",
    .licence = "Apache-2.0",
    .options = options,
    .option_count = sizeof(options) / sizeof(*options),
    .option_size = sizeof(*options),
    .config_size = sizeof(struct config),
    .role_count = 1,
    .roles = roles,
    .role_size = sizeof(*roles),
    .load = load,
    .unload = unload,
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};

const struct parley_plugin *parley_plugin_v1(void)
{
    return &descriptor;
}
