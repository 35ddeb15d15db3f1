/* SPDX-License-Identifier: Apache-2.0 */
#include "moonshine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ort.h"
#include "tokens.h"

#define RATE_HZ        16000
#define MAX_SAMPLES    (30 * RATE_HZ)
#define MIN_SAMPLES    (RATE_HZ / 4) /* the encoder's first filters need some; zeros are added */
#define MAX_LAYERS     16
#define CACHE_KINDS    4 /* decoder key, decoder value, encoder key, encoder value */
#define MAX_CACHE      (MAX_LAYERS * CACHE_KINDS)
#define FIRST_IO       3 /* before the cache: input_ids, encoder_hidden_states, use_cache_branch */
#define NAME_BYTES     48
#define START_TOKEN    1
#define END_TOKEN      2
#define TOKENS_PER_SEC 6.5 /* people do not speak faster; beyond it the model repeats itself */

static const char *const cache_kinds[CACHE_KINDS] = {"decoder.key", "decoder.value", "encoder.key",
                                                     "encoder.value"};

struct moonshine {
    struct moonshine *next; /* on the shelf */
    size_t refs;
    struct moonshine_files files;

    pthread_mutex_t lock; /* guards the loading */
    bool was_loaded;
    int load_status;
    struct parley_error load_error;

    struct ort ort;
    OrtSession *encoder;
    OrtSession *decoder;
    struct tokens *tokens;
    int64_t heads;
    int64_t head_size;
    size_t cache_count; /* layers * CACHE_KINDS */
    char past_names[MAX_CACHE][NAME_BYTES];
    char present_names[MAX_CACHE][NAME_BYTES];
};

/* --- Loading -------------------------------------------------------------------------------------
 */

static int count_layers(struct moonshine *model, struct parley_error *err)
{
    size_t inputs = 0;

    int r = ort_check(&model->ort, model->ort.api->SessionGetInputCount(model->decoder, &inputs),
                      model->files.decoder, err);
    if (r < 0)
        return r;
    if (inputs <= FIRST_IO || (inputs - FIRST_IO) % CACHE_KINDS != 0 ||
        inputs - FIRST_IO > MAX_CACHE)
        return parley_fail(err, PARLEY_E_INVALID, "%s: has %zu inputs; is not a Moonshine decoder",
                           model->files.decoder, inputs);
    model->cache_count = inputs - FIRST_IO;
    for (size_t i = 0; i < model->cache_count; i++) {
        size_t layer = i / CACHE_KINDS;
        const char *kind = cache_kinds[i % CACHE_KINDS];
        snprintf(model->past_names[i], NAME_BYTES, "past_key_values.%zu.%s", layer, kind);
        snprintf(model->present_names[i], NAME_BYTES, "present.%zu.%s", layer, kind);
    }
    return PARLEY_OK;
}

static int input_index(const struct moonshine *model, const char *name, size_t *ret_index)
{
    const OrtApi *api = model->ort.api;
    OrtAllocator *allocator = NULL;
    size_t count = 0;

    OrtStatus *status = api->GetAllocatorWithDefaultOptions(&allocator);
    if (status == NULL)
        status = api->SessionGetInputCount(model->decoder, &count);
    for (size_t i = 0; status == NULL && i < count; i++) {
        char *found = NULL;
        status = api->SessionGetInputName(model->decoder, i, allocator, &found);
        if (status != NULL)
            break;
        bool is_it = strcmp(found, name) == 0;
        status = api->AllocatorFree(allocator, found);
        if (is_it && status == NULL) {
            *ret_index = i;
            return PARLEY_OK;
        }
    }
    return status == NULL ? PARLEY_E_NOT_FOUND : ort_check(&model->ort, status, name, NULL);
}

/* The cache's shape is [batch, heads, length, head size]. */
static int read_shape(struct moonshine *model, struct parley_error *err)
{
    const OrtApi *api = model->ort.api;
    const OrtTensorTypeAndShapeInfo *shape = NULL;
    OrtTypeInfo *info = NULL;
    int64_t dims[4] = {0};
    size_t index = 0, dim_count = 0;

    int r = input_index(model, model->past_names[0], &index);
    if (r < 0)
        return parley_fail(err, PARLEY_E_INVALID, "%s: has no input %s; is not a Moonshine decoder",
                           model->files.decoder, model->past_names[0]);
    OrtStatus *status = api->SessionGetInputTypeInfo(model->decoder, index, &info);
    if (status == NULL)
        status = api->CastTypeInfoToTensorInfo(info, &shape);
    if (status == NULL && shape != NULL)
        status = api->GetDimensionsCount(shape, &dim_count);
    if (status == NULL && dim_count == 4)
        status = api->GetDimensions(shape, dims, 4);
    api->ReleaseTypeInfo(info);
    if (status != NULL)
        return ort_check(&model->ort, status, model->files.decoder, err);
    if (dims[1] < 1 || dims[1] > 64 || dims[3] < 1 || dims[3] > 512)
        return parley_fail(err, PARLEY_E_INVALID, "%s: %s has an unknown shape",
                           model->files.decoder, model->past_names[0]);
    model->heads = dims[1];
    model->head_size = dims[3];
    return PARLEY_OK;
}

static int load_all(struct moonshine *model, struct parley_error *err)
{
    int r = tokens_load(model->files.tokens, &model->tokens, err);
    if (r == PARLEY_OK)
        r = ort_open(model->files.runtime, &model->ort, err);
    if (r == PARLEY_OK)
        r = ort_load(&model->ort, model->files.encoder, &model->encoder, err);
    if (r == PARLEY_OK)
        r = ort_load(&model->ort, model->files.decoder, &model->decoder, err);
    if (r == PARLEY_OK)
        r = count_layers(model, err);
    if (r == PARLEY_OK)
        r = read_shape(model, err);
    return r;
}

int moonshine_load(struct moonshine *model, struct parley_error *err)
{
    pthread_mutex_lock(&model->lock);
    if (!model->was_loaded) {
        model->load_error = (struct parley_error)PARLEY_ERROR_INIT;
        model->load_status = load_all(model, &model->load_error);
        model->was_loaded = true;
    }
    int r = model->load_status;
    if (r < 0)
        (void)parley_fail(err, r, "%.380s; see 'parleyctl models verify'",
                          model->load_error.message);
    pthread_mutex_unlock(&model->lock);
    return r;
}

/* --- The shelf -----------------------------------------------------------------------------------
 */

void moonshine_shelf_init(struct moonshine_shelf *shelf)
{
    shelf->first = NULL;
    pthread_mutex_init(&shelf->lock, NULL);
}

void moonshine_shelf_done(struct moonshine_shelf *shelf)
{
    pthread_mutex_destroy(&shelf->lock);
}

static struct moonshine *moonshine_create(const struct moonshine_files *files)
{
    struct moonshine *model = calloc(1, sizeof(*model));

    if (model == NULL)
        return NULL;
    model->files = *files;
    pthread_mutex_init(&model->lock, NULL);
    return model;
}

static void moonshine_destroy(struct moonshine *model)
{
    if (model->decoder != NULL)
        model->ort.api->ReleaseSession(model->decoder);
    if (model->encoder != NULL)
        model->ort.api->ReleaseSession(model->encoder);
    ort_close(&model->ort);
    tokens_destroy(model->tokens);
    pthread_mutex_destroy(&model->lock);
    free(model);
}

static bool same_files(const struct moonshine_files *a, const struct moonshine_files *b)
{
    return strcmp(a->encoder, b->encoder) == 0 && strcmp(a->decoder, b->decoder) == 0 &&
           strcmp(a->tokens, b->tokens) == 0 && strcmp(a->runtime, b->runtime) == 0;
}

/* A model that could not be loaded is not shared: the files may have been repaired since. */
static bool can_share(struct moonshine *model, const struct moonshine_files *files)
{
    pthread_mutex_lock(&model->lock);
    bool has_failed = model->was_loaded && model->load_status < 0;
    pthread_mutex_unlock(&model->lock);
    return !has_failed && same_files(&model->files, files);
}

struct moonshine *moonshine_ref(struct moonshine_shelf *shelf, const struct moonshine_files *files)
{
    struct moonshine *model;

    pthread_mutex_lock(&shelf->lock);
    for (model = shelf->first; model != NULL; model = model->next) {
        if (can_share(model, files))
            break;
    }
    if (model == NULL && (model = moonshine_create(files)) != NULL) {
        model->next = shelf->first;
        shelf->first = model;
    }
    if (model != NULL)
        model->refs++;
    pthread_mutex_unlock(&shelf->lock);
    return model;
}

void moonshine_unref(struct moonshine_shelf *shelf, struct moonshine *model)
{
    if (model == NULL)
        return;
    pthread_mutex_lock(&shelf->lock);
    bool is_last = --model->refs == 0;
    for (struct moonshine **at = &shelf->first; is_last && *at != NULL; at = &(*at)->next) {
        if (*at == model) {
            *at = model->next;
            break;
        }
    }
    pthread_mutex_unlock(&shelf->lock);
    if (is_last)
        moonshine_destroy(model);
}

/* --- Running -------------------------------------------------------------------------------------
 */

/* What one utterance holds. past[] are the decoder's memory: its own part is new at every step, the
 * encoder's part stays as the first step made it. */
struct run {
    const struct moonshine *model;
    OrtValue *encoded;
    OrtValue *past[MAX_CACHE];
    OrtValue *logits;
};

static void release(const struct run *run, OrtValue **value)
{
    if (*value != NULL)
        run->model->ort.api->ReleaseValue(*value);
    *value = NULL;
}

static void run_done(struct run *run)
{
    release(run, &run->encoded);
    release(run, &run->logits);
    for (size_t i = 0; i < run->model->cache_count; i++)
        release(run, &run->past[i]);
}

static bool is_encoder_part(size_t i)
{
    return i % CACHE_KINDS >= 2;
}

/* A tensor over the caller's memory. */
static int borrow(const struct moonshine *model, const void *data, size_t bytes,
                  const int64_t *shape, size_t dims, ONNXTensorElementDataType type,
                  OrtValue **ret_value, struct parley_error *err)
{
    return ort_check(&model->ort,
                     model->ort.api->CreateTensorWithDataAsOrtValue(model->ort.memory,
                                                                    (void *)(uintptr_t)data, bytes,
                                                                    shape, dims, type, ret_value),
                     "tensor", err);
}

static int encode(struct run *run, const float *samples, size_t count, struct parley_error *err)
{
    static const char *const inputs[] = {"input_values"};
    static const char *const outputs[] = {"last_hidden_state"};
    const struct moonshine *model = run->model;
    const int64_t shape[] = {1, (int64_t)count};
    OrtValue *input = NULL;

    int r = borrow(model, samples, count * sizeof(*samples), shape, 2,
                   ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input, err);
    if (r < 0)
        return r;
    const OrtValue *values[] = {input};
    r = ort_check(
        &model->ort,
        model->ort.api->Run(model->encoder, NULL, inputs, values, 1, outputs, 1, &run->encoded),
        model->files.encoder, err);
    model->ort.api->ReleaseValue(input);
    return r;
}

/* Before the first step there is no past: tensors of no rows. */
static int empty_past(struct run *run, struct parley_error *err)
{
    static const float nothing[1];
    const struct moonshine *model = run->model;
    const int64_t shape[] = {0, model->heads, 1, model->head_size};

    for (size_t i = 0; i < model->cache_count; i++) {
        int r = borrow(model, nothing, 0, shape, 4, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
                       &run->past[i], err);
        if (r < 0)
            return r;
    }
    return PARLEY_OK;
}

/* Take over what a step left. */
static void keep_present(struct run *run, OrtValue **present, bool is_first)
{
    for (size_t i = 0; i < run->model->cache_count; i++) {
        if (is_first || !is_encoder_part(i)) {
            release(run, &run->past[i]);
            run->past[i] = present[i];
        } else {
            release(run, &present[i]);
        }
    }
}

static int run_decoder(struct run *run, OrtValue *token, OrtValue *use_cache, bool is_first,
                       struct parley_error *err)
{
    const struct moonshine *model = run->model;
    const char *inputs[FIRST_IO + MAX_CACHE] = {"input_ids", "encoder_hidden_states",
                                                "use_cache_branch"};
    const char *outputs[1 + MAX_CACHE] = {"logits"};
    const OrtValue *given[FIRST_IO + MAX_CACHE] = {token, run->encoded, use_cache};
    OrtValue *got[1 + MAX_CACHE] = {NULL};

    for (size_t i = 0; i < model->cache_count; i++) {
        inputs[FIRST_IO + i] = model->past_names[i];
        given[FIRST_IO + i] = run->past[i];
        outputs[1 + i] = model->present_names[i];
    }
    int r = ort_check(&model->ort,
                      model->ort.api->Run(model->decoder, NULL, inputs, given,
                                          FIRST_IO + model->cache_count, outputs,
                                          1 + model->cache_count, got),
                      model->files.decoder, err);
    if (r < 0)
        return r;
    release(run, &run->logits);
    run->logits = got[0];
    keep_present(run, got + 1, is_first);
    return PARLEY_OK;
}

/* The likeliest next token. */
static int best_token(const struct run *run, int64_t *ret_token, struct parley_error *err)
{
    const struct moonshine *model = run->model;
    const OrtApi *api = model->ort.api;
    OrtTensorTypeAndShapeInfo *shape = NULL;
    size_t count = 0;
    void *data = NULL;

    OrtStatus *status = api->GetTensorTypeAndShape(run->logits, &shape);
    if (status == NULL)
        status = api->GetTensorShapeElementCount(shape, &count);
    if (status == NULL)
        status = api->GetTensorMutableData(run->logits, &data);
    api->ReleaseTensorTypeAndShapeInfo(shape);
    if (status != NULL)
        return ort_check(&model->ort, status, "logits", err);
    if (count < TOKENS_COUNT)
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s: gives %zu logits; is not a Moonshine decoder", model->files.decoder,
                           count);
    const float *logits = data;
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        if (logits[i] > logits[best])
            best = i;
    }
    *ret_token = (int64_t)best;
    return PARLEY_OK;
}

static int step(struct run *run, int64_t *token, bool is_first, struct parley_error *err)
{
    const struct moonshine *model = run->model;
    static const int64_t token_shape[] = {1, 1}, flag_shape[] = {1};
    const bool flag = !is_first;
    OrtValue *token_value = NULL, *flag_value = NULL;

    int r = borrow(model, token, sizeof(*token), token_shape, 2,
                   ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, &token_value, err);
    if (r == PARLEY_OK)
        r = borrow(model, &flag, sizeof(flag), flag_shape, 1, ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL,
                   &flag_value, err);
    if (r == PARLEY_OK)
        r = run_decoder(run, token_value, flag_value, is_first, err);
    release(run, &token_value);
    release(run, &flag_value);
    return r < 0 ? r : best_token(run, token, err);
}

static bool is_cancelled(const volatile int32_t *cancelled)
{
    return cancelled != NULL && __atomic_load_n(cancelled, __ATOMIC_RELAXED) != 0;
}

static int decode(struct run *run, size_t count, const volatile int32_t *cancelled, char *out,
                  size_t size, size_t *len, struct parley_error *err)
{
    size_t most = (size_t)((double)count / RATE_HZ * TOKENS_PER_SEC) + 1;
    int64_t token = START_TOKEN;

    for (size_t i = 0; i < most; i++) {
        if (is_cancelled(cancelled))
            return parley_fail(err, PARLEY_E_CANCELLED, "cancelled while decoding");
        int r = step(run, &token, i == 0, err);
        if (r < 0)
            return r;
        if (token == END_TOKEN || !tokens_append(run->model->tokens, token, out, size, len))
            break;
    }
    return PARLEY_OK;
}

static int run_all(struct run *run, const float *samples, size_t count,
                   const volatile int32_t *cancelled, char *out, size_t size, size_t *len,
                   struct parley_error *err)
{
    if (is_cancelled(cancelled))
        return parley_fail(err, PARLEY_E_CANCELLED, "cancelled before it began");
    int r = encode(run, samples, count, err);
    if (r == PARLEY_OK)
        r = empty_past(run, err);
    if (r == PARLEY_OK)
        r = decode(run, count, cancelled, out, size, len, err);
    return r;
}

int moonshine_run(const struct moonshine *model, const float *samples, size_t count,
                  const volatile int32_t *cancelled, char *out, size_t size, size_t *len,
                  struct parley_error *err)
{
    struct run run = {.model = model};
    float padded[MIN_SAMPLES];

    if (count > MAX_SAMPLES)
        return parley_fail(err, PARLEY_E_TOO_LARGE, "%zu samples are more than 30 seconds", count);
    if (count < MIN_SAMPLES) {
        memset(padded, 0, sizeof(padded));
        memcpy(padded, samples, count * sizeof(*samples));
        samples = padded;
        count = MIN_SAMPLES;
    }
    int r = run_all(&run, samples, count, cancelled, out, size, len, err);
    run_done(&run);
    return r;
}
