/* SPDX-License-Identifier: Apache-2.0 */
#include "ears.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ort.h"
#include "pool.h"
#include "tokens.h"

#define MAX_PART   (30 * EARS_RATE_HZ) /* what the model hears at once */
#define CUT_SEARCH (8 * EARS_RATE_HZ)  /* where in a longer utterance a pause is looked for */
#define CUT_WINDOW (EARS_RATE_HZ / 10)
#define TEXT_BYTES 8192

struct moonshine_ears {
    struct ears base;
    struct moonshine_shelf *shelf;
    struct moonshine *model;
    struct pool pool;
};

/* What one utterance needs for itself. */
struct scratch {
    float samples[MAX_PART];
    char text[TEXT_BYTES];
};

static int scratch_create(void *ctx, void **ret_object, struct parley_error *err)
{
    struct scratch *scratch = malloc(sizeof(*scratch));

    (void)ctx;
    if (scratch == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "moonshine: no memory for an utterance");
    *ret_object = scratch;
    return PARLEY_OK;
}

static struct moonshine_ears *self_of(struct ears *ears)
{
    return (struct moonshine_ears *)(void *)ears;
}

static double energy(const int16_t *samples, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (double)samples[i] * samples[i];
    return sum;
}

/* How many samples the next part takes: all, or up to the quietest place near the limit. */
static size_t next_part(const int16_t *samples, size_t count)
{
    size_t best = MAX_PART;
    double least = INFINITY;

    if (count <= MAX_PART)
        return count;
    for (size_t at = MAX_PART - CUT_SEARCH; at + CUT_WINDOW <= MAX_PART; at += CUT_WINDOW) {
        double here = energy(samples + at, CUT_WINDOW);
        if (here < least) {
            least = here;
            best = at + CUT_WINDOW / 2;
        }
    }
    return best;
}

static int run_parts(struct moonshine_ears *self, struct scratch *scratch,
                     const struct parley_transcribe *request, size_t *ret_len,
                     struct parley_error *err)
{
    size_t len = 0;

    for (size_t at = 0; at < request->sample_count;) {
        const int16_t *part = request->samples + at;
        size_t count = next_part(part, request->sample_count - at);
        for (size_t i = 0; i < count; i++)
            scratch->samples[i] = (float)part[i] / 32768.0f;
        int r = moonshine_run(self->model, scratch->samples, count, request->cancelled,
                              scratch->text, sizeof(scratch->text), &len, err);
        if (r < 0)
            return r;
        at += count;
    }
    *ret_len = tokens_tidy(scratch->text, len);
    return PARLEY_OK;
}

static int moonshine_ears_warm(struct ears *ears, struct parley_error *err)
{
    return moonshine_load(self_of(ears)->model, err);
}

static int moonshine_ears_transcribe(struct ears *ears, const struct parley_transcribe *request,
                                     parley_speech_text on_text, void *ctx,
                                     struct parley_error *err)
{
    struct moonshine_ears *self = self_of(ears);
    void *object = NULL;
    size_t len = 0;

    int r = moonshine_load(self->model, err);
    if (r == PARLEY_OK)
        r = pool_take(&self->pool, request->cancelled, &object, err);
    if (r < 0)
        return r;
    struct scratch *scratch = object;
    r = run_parts(self, scratch, request, &len, err);
    if (r == PARLEY_OK)
        on_text(ctx, (struct parley_view){scratch->text, len});
    pool_give(&self->pool, scratch);
    return r;
}

static void moonshine_ears_destroy(struct ears *ears)
{
    struct moonshine_ears *self = self_of(ears);

    pool_done(&self->pool);
    moonshine_unref(self->shelf, self->model);
    free(self);
}

static int find_file(const struct paths *paths, const char *folder, const char *file,
                     char ret_path[PATH_MAX], struct parley_error *err)
{
    char name[128];

    snprintf(name, sizeof(name), "%s/%s", folder, file);
    if (!paths_find(paths, name, ret_path, PATH_MAX))
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%s is missing", ret_path);
    return PARLEY_OK;
}

static int find_files(const struct paths *paths, const char *name, struct moonshine_files *files,
                      struct parley_error *err)
{
    char runtime[PATH_MAX];

    int r = find_file(paths, name, "encoder_model.onnx", files->encoder, err);
    if (r == PARLEY_OK)
        r = find_file(paths, name, "decoder_model_merged.onnx", files->decoder, err);
    if (r == PARLEY_OK)
        r = find_file(paths, "llama-tokenizer", "tokens.txt", files->tokens, err);
    if (r < 0)
        return r;
    (void)paths_find(paths, "onnxruntime/libonnxruntime.so", runtime, sizeof(runtime));
    if (!ort_available(runtime, files->runtime, sizeof(files->runtime)))
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%.400s is missing", runtime);
    return PARLEY_OK;
}

int moonshine_ears_create(struct moonshine_shelf *shelf, const struct paths *paths,
                          const char *name, size_t workers, struct ears **ret_ears,
                          struct parley_error *err)
{
    struct moonshine_files files;

    int r = find_files(paths, name, &files, err);
    if (r < 0)
        return r;
    struct moonshine_ears *self = calloc(1, sizeof(*self));
    if (self == NULL || (self->model = moonshine_ref(shelf, &files)) == NULL) {
        free(self);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", name);
    }
    self->base = (struct ears){
        .name = name,
        .warm = moonshine_ears_warm,
        .transcribe = moonshine_ears_transcribe,
        .destroy = moonshine_ears_destroy,
    };
    self->shelf = shelf;
    pool_init(&self->pool, workers, scratch_create, free, NULL);
    *ret_ears = &self->base;
    return PARLEY_OK;
}
